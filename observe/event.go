package observe

import (
	"bytes"
	"time"
)

// An Event is one thing that happened on a connection, seen from outside.
type Event struct {
	// Seq counts the events of one connection from 0, without holes, in the order in
	// which they are delivered. Those of one direction stand in the order of its bytes;
	// one direction may run ahead of the other while the other waits for keys.
	Seq uint64
	// Stream is the number that the connection was given with Options.
	Stream int
	// Time is when the bytes that complete what happened were seen.
	Time time.Time
	// Dir is where those bytes went, Neither for what concerns the whole connection.
	Dir Dir
	// Body says what happened: one of the pointer types of this file, and *Message.
	Body Body
}

// Clone returns the event with a body of its own. The bodies that come with every record, *Record, *ApplicationData and
// *HTTPBody, are used again once the sink has returned: a sink that keeps them keeps clones.
func (e Event) Clone() Event {
	switch b := e.Body.(type) {
	case *Record:
		own := *b
		own.Raw = bytes.Clone(b.Raw)
		e.Body = &own
	case *ApplicationData:
		own := *b
		own.Data = bytes.Clone(b.Data)
		e.Body = &own
	case *HTTPBody:
		own := *b
		own.Data = bytes.Clone(b.Data)
		e.Body = &own
	}
	return e
}

// Kind is the kind of the event's body.
func (e Event) Kind() Kind { return e.Body.Kind() }

// A Body is what an event is about. The types are *FlowOpened, *RolesSwapped, *FlowClosed,
// *StreamEnded, *Record, *Message, *ChangeCipherSpec, *Alert, *KeysInstalled,
// *Negotiated, *Fingerprint, *Peer, *Checked, *ApplicationData, *HTTPHead, *HTTPBody, *HTTPFrame, *NotTLS, *Gap, *Segment and *Finding. More may come:
// a reader skips what it does not know.
type Body interface{ Kind() Kind }

// Frame is the number of the packet that an event stands in: that of its last byte, which is where Wireshark shows it.
// It is 0 for what belongs to none, and where there are no packets.
func (e *Event) Frame() int {
	switch b := e.Body.(type) {
	case *Record:
		return b.Frame
	case *Message:
		return b.Frame
	case *ChangeCipherSpec:
		return b.Frame
	case *Alert:
		return b.Frame
	case *ApplicationData:
		return b.Frame
	case *NotTLS:
		return b.Frame
	case *HTTPHead:
		return b.Frame
	case *HTTPBody:
		return b.Frame
	case *HTTPFrame:
		return b.Frame
	case *Segment:
		return b.Frame
	}
	return 0
}

// Kind names a kind of event, in snake_case, as it stands in NDJSON.
type Kind string

// The kinds of event.
const (
	KindFlowOpened       Kind = "flow_opened"
	KindFlowClosed       Kind = "flow_closed"
	KindStreamEnded      Kind = "stream_ended"
	KindRecord           Kind = "record"
	KindMessage          Kind = "message"
	KindChangeCipherSpec Kind = "change_cipher_spec"
	KindAlert            Kind = "alert"
	KindKeysInstalled    Kind = "keys_installed"
	KindNegotiated       Kind = "negotiated"
	KindPeer             Kind = "peer"
	KindApplicationData  Kind = "application_data"
	KindNotTLS           Kind = "not_tls"
	KindGap              Kind = "gap"
	KindFinding          Kind = "finding"
)

// Dir is a direction of a connection.
type Dir uint8

// The directions.
const (
	Neither Dir = iota
	ClientToServer
	ServerToClient
)

// From is the end that sends in this direction: "client", "server", or "" for Neither.
func (d Dir) From() string { return [...]string{"", "client", "server"}[d%3] }

// String returns "client_to_server", "server_to_client" or "".
func (d Dir) String() string {
	return [...]string{"", "client_to_server", "server_to_client"}[d%3]
}

// Opposite is the other direction.
func (d Dir) Opposite() Dir { return [...]Dir{Neither, ServerToClient, ClientToServer}[d%3] }

// Place says where in its direction something stands.
type Place struct {
	// Offset is the position in the stream of the first byte of the record in which it
	// begins. It counts from the first byte that was fed.
	Offset int64
	// FrameFirst and Frame are the first and the last packet that brought some of it,
	// 0 where there are no packets.
	FrameFirst, Frame int
}

// FlowOpened is the first event of a connection.
type FlowOpened struct {
	Client, Server string // "192.0.2.1:443", "[2001:db8::1]:443"; empty where unknown
	Tap            bool   // watched inside a process, where no packets are seen
	// Connect is how long it took to establish the TCP connection, as far as known: as
	// measured by who opened it, or from SYN to ACK. 0 where it is not known.
	Connect time.Duration
	TCP     TCP // what was seen of TCP's own handshake so far
}

// RolesSwapped tells that client and server are the other way round than FlowOpened said, and with them the directions of
// all events before. It comes before the message that says so, once at most, where something else came before TLS.
type RolesSwapped struct {
	Client, Server string // the addresses, as they are
}

// KindRolesSwapped is the kind of a RolesSwapped.
const KindRolesSwapped Kind = "roles_swapped"

// Kind implements Body.
func (*RolesSwapped) Kind() Kind { return KindRolesSwapped }

// FlowClosed is the last event of a connection.
type FlowClosed struct {
	End End
	TCP TCP
}

// TCP is what packets tell of a TCP connection. All of it is zero for a tap.
type TCP struct {
	SYN             bool    `json:"syn"`
	SYNACK          bool    `json:"synack"`
	ACK             bool    `json:"ack"`
	FIN             bool    `json:"fin"`
	RST             bool    `json:"rst"`
	RTT             float64 `json:"rtt_ms"` // milliseconds from SYN to SYN-ACK to ACK, halves added
	Retransmissions int     `json:"retransmissions"`
	Gaps            int     `json:"gaps"`
	Cut             int     `json:"-"` // packets of whose data the capture has the beginning only; there is a finding
}

// End says how a stream or a connection came to its end.
type End string

// The ends.
const (
	EndFIN     End = "fin"     // the sender closed its half in order
	EndRST     End = "rst"     // the connection was torn down
	EndEvicted End = "evicted" // forgotten, to keep memory bounded
	EndInput   End = "input"   // nothing more is known: the capture or the watching ended
)

// StreamEnded is the end of one direction.
type StreamEnded struct {
	How   End
	Bytes int64 // how many bytes went in this direction
	// CloseNotify tells that the direction was closed by the alert of that name before
	// (RFC 9846 §6.1).
	CloseNotify bool
}

// Record is one record of the record layer (RFC 9846 §5; RFC 5246 §6.2). It precedes the
// events of what is in it. It is the sink's only until the sink returns: see Event.Clone.
type Record struct {
	Place
	Type      string // of the header: "handshake", "application_data", …
	TypeCode  uint8
	Version   uint16 // legacy_record_version
	Length    int    // of the fragment, header excluded
	Encrypted bool   // it travelled under keys
	Opened    bool   // the keys were there and fit
	Epoch     Epoch  // the keys it belongs to
	Number    uint64 // its sequence number under these keys
	// Inner is the type of what was inside an opened record, equal to Type where the
	// version does not hide it (RFC 9846 §5.2).
	Inner     string
	Plaintext int // length of the content, padding excluded; 0 where it was not opened
	// Raw is the record as it was sent, its header included, where it was not opened. It is the sink's only until the sink
	// returns.
	Raw []byte `json:"-"`
}

// Epoch names the keys that protect records.
type Epoch string

// The epochs, in their order. TLS 1.2 goes from initial to application.
const (
	EpochInitial     Epoch = "initial"
	EpochEarlyData   Epoch = "early_data"
	EpochHandshake   Epoch = "handshake"
	EpochApplication Epoch = "application"
)

// ChangeCipherSpec is the message of the protocol of that name. In TLS 1.3 it means
// nothing (RFC 9846 §5, Appendix E.4).
type ChangeCipherSpec struct {
	Place
	Encrypted bool
}

// Alert is an alert (RFC 9846 §6).
type Alert struct {
	Place
	Level       string // "warning" or "fatal", a number where it is neither; empty if not opened
	Description string // "close_notify", …; empty if not opened
	Code        uint8
	Encrypted   bool // it travelled under keys
	Opened      bool // it can be read
}

// KeysInstalled tells that what follows in this direction is protected under new keys.
type KeysInstalled struct {
	Epoch Epoch
	// Secret is the key log's label of the secret that the keys come from
	// (RFC 9850), such as "SERVER_HANDSHAKE_TRAFFIC_SECRET". In TLS 1.2 it is
	// "CLIENT_RANDOM": the main secret of both directions.
	Secret string
	// Generation counts KeyUpdates (RFC 9846 §4.7.3), and in TLS 1.2 renegotiations.
	Generation  int
	CipherSuite string
}

// Negotiated is one thing that the two ends agreed upon, or that one laid down.
type Negotiated struct {
	What   What
	Chosen string // an IANA name or a word; "true" and "false" for what is or is not
	Code   uint16 // the code point of Chosen, where there is one
	// Offered is what the other end had offered, in its order, GREASE included;
	// empty where nothing of it was seen.
	Offered []string
	// Inferred tells that it does not stand in a message as such.
	Inferred bool
	// Again tells that it belongs to a renegotiation.
	Again bool
}

// What names something that is negotiated.
type What string

// What can be negotiated.
const (
	WhatServerName         What = "server_name" // the client's wish
	WhatVersion            What = "version"
	WhatCipherSuite        What = "cipher_suite"
	WhatGroup              What = "group"
	WhatSignatureScheme    What = "signature_scheme" // of the server's handshake signature
	WhatALPN               What = "alpn"
	WhatHelloRetry         What = "hello_retry"
	WhatResumed            What = "resumed"
	WhatPSKOnly            What = "psk_only" // a PSK without (EC)DHE
	WhatEarlyData          What = "early_data"
	WhatClientAuth         What = "client_auth"
	WhatExtendedMainSecret What = "extended_main_secret" // TLS 1.2 (RFC 7627)
)

// Peer is the certificates that one end sent, its own first.
type Peer struct {
	Certificates []Certificate
}

// Certificate is what a certificate says of itself. Nothing of it was verified.
type Certificate struct {
	From               string    `json:"from"` // "client" or "server"
	Subject            string    `json:"subject"`
	Issuer             string    `json:"issuer"`
	NotBefore          Timestamp `json:"not_before"`
	NotAfter           Timestamp `json:"not_after"`
	DNSNames           []string  `json:"dns_names"`
	Key                string    `json:"key"`                 // "ECDSA P-256", "RSA 2048", "Ed25519"
	SignatureAlgorithm string    `json:"signature_algorithm"` // "sha256WithRSAEncryption", or an OID
	SHA256             string    `json:"sha256"`              // of the DER, also where that does not parse
	DER                []byte    `json:"-"`                   // aliases the message's Raw; absent in a Session
}

// ApplicationData is the content of one record of application data, or of several that
// could not be told apart. It is there for opened records only; what was not opened is
// counted by its Records. It is the sink's only until the sink returns: see Event.Clone.
type ApplicationData struct {
	Place
	Length int
	Early  bool // 0-RTT
	// Data is the content. It is the sink's only until the sink returns: the buffer is
	// used again.
	Data []byte
	// Line is the first line of the direction's data where it is text, cut after 120
	// bytes, and where this record begins the direction's data; else empty.
	Line string
}

// NotTLS is bytes that form no TLS record: another protocol's, as before STARTTLS or
// after a CONNECT, or TLS from the middle of a record on.
type NotTLS struct {
	Place
	Length int
	Line   string // the first line, where it is text, cut after 120 bytes
}

// Gap is bytes of a stream that are not shown. What follows may make no sense.
type Gap struct {
	Offset int64 // of the first missing byte
	Length int64 // 0 where unknown
	Reason GapReason
}

// GapReason says why bytes are missing.
type GapReason string

// The reasons for a gap.
const (
	GapLost GapReason = "lost"       // never seen: packets are missing
	GapHeld GapReason = "held_limit" // seen and dropped: too much to be held for want of keys
	GapSkip GapReason = "skipped"    // seen and passed over, to find the next record
)

// Finding is something worth saying: a fault in the bytes, a rule that was broken, or
// something that could not be done. The connection may have gone on all the same.
type Finding struct {
	Code     string   // stable: "malformed", "no_close_notify", …
	Severity Severity // how bad
	Where    string   // field path, message or record type; may be empty
	Ref      string   // "RFC 9846 §4.3.8"; may be empty
	Text     string   // the technical fact in English, without the place
	Alert    string   // the alert that an endpoint would answer with; may be empty

	Why DecryptError // the reason, of records that are not opened
}

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	SeverityInfo    Severity = "info"    // nothing wrong, but good to know
	SeverityWarning Severity = "warning" // not as it should be
	SeverityError   Severity = "error"   // against the protocol, or fatal to the connection
)

func (*FlowOpened) Kind() Kind       { return KindFlowOpened }       // Kind implements Body.
func (*FlowClosed) Kind() Kind       { return KindFlowClosed }       // Kind implements Body.
func (*StreamEnded) Kind() Kind      { return KindStreamEnded }      // Kind implements Body.
func (*Record) Kind() Kind           { return KindRecord }           // Kind implements Body.
func (*Message) Kind() Kind          { return KindMessage }          // Kind implements Body.
func (*ChangeCipherSpec) Kind() Kind { return KindChangeCipherSpec } // Kind implements Body.
func (*Alert) Kind() Kind            { return KindAlert }            // Kind implements Body.
func (*KeysInstalled) Kind() Kind    { return KindKeysInstalled }    // Kind implements Body.
func (*Negotiated) Kind() Kind       { return KindNegotiated }       // Kind implements Body.
func (*Peer) Kind() Kind             { return KindPeer }             // Kind implements Body.
func (*ApplicationData) Kind() Kind  { return KindApplicationData }  // Kind implements Body.
func (*NotTLS) Kind() Kind           { return KindNotTLS }           // Kind implements Body.
func (*Gap) Kind() Kind              { return KindGap }              // Kind implements Body.
func (*Finding) Kind() Kind          { return KindFinding }          // Kind implements Body.
