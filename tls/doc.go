// Package tls speaks TLS 1.2 (RFC 5246) and TLS 1.3 (RFC 9846) over any net.Conn, and TLS 1.0
// and 1.1 where Config.MinVersion asks for them. It is close to a drop-in for crypto/tls: the
// same names mean the same, most of its types are crypto/tls's own, and what has no counterpart
// there has a name of its own. [FromStd] takes over a configuration that was written for
// crypto/tls.
//
// What differs is said at each name; the most of it is in [Config]: its CipherSuites and
// CurvePreferences are honoured in the order in which they are given, for TLS 1.3 too, and
// something in it that cannot be carried out is an error when it is first used, never
// passed over. crypto/tls's GODEBUG switches are not read. Programs that run
// under GODEBUG=fips140=only are turned away; under fips140=on the defaults are the
// approved suites, groups and signature schemes.
package tls
