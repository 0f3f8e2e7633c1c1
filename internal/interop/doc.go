// Package interop holds the tests that have this module's client and server shake hands
// with other people's: OpenSSL, GnuTLS, curl, and crypto/tls. It has no code of its own.
//
// The cells of each test are generated from the tables of internal/suite, so that a new
// row is tested by being there. A peer that is not installed skips its tests, under
// CI=true its absence fails them.
package interop
