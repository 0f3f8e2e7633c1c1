// Package keys is the arithmetic between a shared secret and the keys that protect records: the TLS 1.3 key schedule
// (RFC 9846 §7), the TLS 1.2 one (RFC 5246 §5, §6.3, §8.1 with RFC 7627), and what hangs on them: Finished, binders,
// exporters, resumption secrets.
//
// It knows hashes and byte strings only: no suites, no messages, no records. A flow asks a schedule for the secrets of a
// stage and hands them to its transport, the record layer makes keys of them, the observer does the same with secrets
// that it read from a key log. Every name that goes into a derivation stands in one table (labels.go), and every
// derivation runs through one function a version ([KDF] and [PRF] expand), so that a log or an explanation can be
// hung there.
//
// Nothing here allocates but the results, and what passes through is wiped before a function returns.
package keys
