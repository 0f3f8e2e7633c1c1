// Package observe watches TLS connections. It is given what passed in the two
// directions of a connection, and secrets out of a key log, and says what happened:
// a stream of events, and a Session that sums them up.
//
// It does not matter where the bytes come from: a capture file, a live interface or a
// net.Conn of this process, and which TLS stack sent them. Nor does the order of bytes
// and secrets matter: what cannot be opened yet is held until its key appears.
//
//	bytes, secrets ──► Conn ──► Event, Event, …  ──► ladder, NDJSON, web page
//	                     └────► Session
//
// A connection of this process is watched by wrapping its net.Conn with a Tap and
// setting the tap's key log as KeyLogWriter of the TLS configuration, ours or
// crypto/tls's.
//
// The observer never gives up: a broken message is a finding and its raw bytes; it
// starts in the middle of a connection, survives missing bytes (a Gap), wrong keys and
// bytes that are not TLS. It never fails, and holds a bounded amount of memory.
//
// Everything exported here is a plain type, so that a view needs this package only. No
// text in it is prose: codes, RFC names and values, which internal/explain puts
// into words.
package observe
