package observe

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// SessionVersion is the version of the connection object, its "v".
const SessionVersion = 1

// ListLimit is how many entries a list of a Session holds. What comes after is counted
// and hashed as before, but not listed, and the list is named in Truncated.
const ListLimit = 10_000

// Session sums a connection up: the connection object of NDJSON. Encoded as JSON by
// encoding/json it is that object, with its names, in its order, and with every list
// present. It grows while the connection goes on; Conn.Session returns a copy.
type Session struct {
	V int `json:"v"`
	Flow
	Parameters
	Fingerprints
	Outcome
	Lists
}

// Flow is the connection as TCP sees it.
type Flow struct {
	Stream   int          `json:"stream"`
	Client   string       `json:"client"` // "192.0.2.1:51000", "[2001:db8::1]:443"
	Server   string       `json:"server"`
	Start    Timestamp    `json:"start"`
	Duration Milliseconds `json:"duration_ms"`
	End      End          `json:"end"` // empty while the connection lasts
	TCP      TCP          `json:"tcp"`
	Tap      bool         `json:"-"` // see FlowOpened
	Connect  Milliseconds `json:"-"` // see FlowOpened
}

// Parameters is what was negotiated. Names are IANA's, numbers in hexadecimal for code
// points without one.
type Parameters struct {
	Version         string    `json:"version"`         // "TLS 1.3"; empty without a ServerHello
	CipherSuite     string    `json:"cipher_suite"`    //
	CipherSuiteID   string    `json:"cipher_suite_id"` // "0x1301"
	Group           string    `json:"group"`
	SignatureScheme string    `json:"signature_scheme"`
	ServerName      string    `json:"server_name"`
	ALPN            string    `json:"alpn"`
	Resumed         bool      `json:"resumed"`
	EarlyData       EarlyData `json:"early_data"`
	HelloRetry      bool      `json:"hello_retry"`
	ClientAuth      bool      `json:"client_auth"` // the server asked for a certificate
	ForwardSecret   Answer    `json:"forward_secret"`
	// ForwardSecretWhy is one of the constants whose names begin with Why.
	ForwardSecretWhy string     `json:"forward_secret_why"`
	Suite            SuiteParts `json:"suite"`
}

// SuiteParts is the cryptography of the connection, part by part. In TLS 1.3 the key
// exchange and the authentication come from group and signature scheme. A part that is
// not known is empty.
type SuiteParts struct {
	KeyExchange    string `json:"key_exchange"`   // "ECDHE", "ECDHE + ML-KEM", "DHE", "RSA", "PSK"
	Authentication string `json:"authentication"` // "RSA", "ECDSA", "EdDSA", "PSK", "anonymous"
	Cipher         string `json:"cipher"`         // "AES-128-GCM"
	Hash           string `json:"hash"`           // "SHA-256"
}

// EarlyData is what became of 0-RTT.
type EarlyData string

// The fates of 0-RTT.
const (
	EarlyDataNone     EarlyData = "none"
	EarlyDataOffered  EarlyData = "offered" // the answer is not known
	EarlyDataAccepted EarlyData = "accepted"
	EarlyDataRejected EarlyData = "rejected"
)

// Answer is yes, no or unknown.
type Answer string

// The answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Fingerprints tell client and server software apart: of the first hellos, empty without.
type Fingerprints struct {
	JA3  string `json:"ja3"`
	JA3S string `json:"ja3s"`
	JA4  string `json:"ja4"`
}

// Outcome is how far the connection came, and how far it could be read.
type Outcome struct {
	Complete  bool `json:"complete"`  // the handshake went through to its end
	Decrypted bool `json:"decrypted"` // protected records were seen and opened
	// DecryptError is a code that says why protected records were not opened, empty where
	// all were: see the constants.
	DecryptError DecryptError `json:"decrypt_error"`
	RoundTrips   RoundTrips   `json:"round_trips"`
}

// DecryptError says why protected records could not be opened.
type DecryptError string

// The reasons, the first that applied counts.
const (
	DecryptNoHello     DecryptError = "no_hello"          // the hellos were not seen: the watching began later
	DecryptNoSecret    DecryptError = "no_secret"         // no secret for this connection
	DecryptPartial     DecryptError = "secret_missing"    // secrets for it, but not for these records
	DecryptWrongSecret DecryptError = "wrong_secret"      // a secret for them, and it does not fit
	DecryptBadRecord   DecryptError = "bad_record"        // records before opened, this one was changed on its way
	DecryptUnsupported DecryptError = "unsupported_suite" // the cipher suite is not implemented
	DecryptGap         DecryptError = "gap"               // bytes are missing before them
	DecryptHeld        DecryptError = "held_limit"        // dropped before a key came
)

// RoundTrips counts the round trips before the client could send application data.
type RoundTrips struct {
	TCP int `json:"tcp"`
	TLS int `json:"tls"`
}

// Lists is what came, in order. None of them is nil.
type Lists struct {
	Messages        []MessageInfo    `json:"messages"`
	Alerts          []AlertInfo      `json:"alerts"`
	Checks          []Check          `json:"checks"`
	ApplicationData ApplicationBytes `json:"application_data"`
	Heartbeats      Counts           `json:"heartbeats"` // records of them (RFC 6520)
	HTTP            []HTTP           `json:"http"`
	Certificates    []Certificate    `json:"certificates"`
	Findings        []FindingInfo    `json:"findings"`
	Truncated       []string         `json:"truncated"`
	// Keys is there where Options.ListKeys asks for it.
	Keys []Key `json:"keys,omitempty"`
}

// MessageInfo is a handshake message, ChangeCipherSpec or alert.
type MessageInfo struct {
	From       string       `json:"from"`
	Type       string       `json:"type"`   // the RFC's struct name, or TypeEncryptedHandshake
	Length     int          `json:"length"` // of the body, the 4-byte header excluded
	Encrypted  bool         `json:"encrypted"`
	Time       Milliseconds `json:"time_ms"` // since Start
	FrameFirst int          `json:"frame_first"`
	Frame      int          `json:"frame"`
	Inferred   bool         `json:"inferred,omitempty"`
}

// AlertInfo is an alert.
type AlertInfo struct {
	From        string `json:"from"`
	Level       string `json:"level"`
	Description string `json:"description"`
	Encrypted   bool   `json:"encrypted"`
	Frame       int    `json:"frame"`
}

// Check is the result of verifying something. The values are those of the constants that begin with Check and Reason.
type Check struct {
	What   string `json:"what"`
	From   string `json:"from"`
	Result string `json:"result"`
	Reason string `json:"reason"`
	Where  string `json:"where"` // in the message: "certificate_list[0]", "binders[1]"
	// HashSigned is the hash that an RSA signature holds, and HashComputed that of what is signed, in hexadecimal.
	// They are empty for other kinds.
	HashSigned   string `json:"hash_signed,omitempty"`
	HashComputed string `json:"hash_computed,omitempty"`
}

// ApplicationBytes is the plaintext of both directions.
type ApplicationBytes struct {
	Client DataInfo `json:"client"` // sent by the client
	Server DataInfo `json:"server"`
}

// Counts is a number for each end.
type Counts struct {
	Client int `json:"client"`
	Server int `json:"server"`
}

// DataInfo is the plaintext of one direction.
type DataInfo struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // empty where some of it is missing
	Line   string `json:"-"`      // its first line where that is text, see ApplicationData
}

// HTTP is one exchange of HTTP.
type HTTP struct {
	Protocol string `json:"protocol"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Status   int    `json:"status"` // of the last response; 0 where none was seen
	Host     string `json:"host"`
	// Request and Response are header fields, as far as there is room (see Truncated).
	Request  []HTTPField `json:"request_headers,omitempty"`
	Response []HTTPField `json:"response_headers,omitempty"`
}

// FindingInfo is a Finding.
type FindingInfo struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	From     string   `json:"from"` // whose it is: "client", "server", or "" for neither's
	Where    string   `json:"where"`
	Ref      string   `json:"ref"`
	Text     string   `json:"text"`
}

// Timestamp is a time.Time that is encoded as RFC 3339 in UTC.
type Timestamp struct{ time.Time }

// MarshalJSON gives the time in UTC, an empty string for one that is not known, or that RFC 3339 cannot write.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte(`""`), nil
	}
	if b, err := t.UTC().MarshalJSON(); err == nil {
		return b, nil
	}
	return []byte(`""`), nil
}

// Milliseconds is a duration that is encoded as a number of milliseconds.
type Milliseconds time.Duration

// MarshalJSON gives the milliseconds, with a resolution of 100 ns.
func (d Milliseconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(math.Round(float64(d)/100) / 1e4)
}

// newSession is the Session of a connection of which nothing is known.
func newSession(stream int) *Session {
	s := &Session{V: SessionVersion}
	s.Stream = stream
	s.EarlyData, s.ForwardSecret, s.ForwardSecretWhy = EarlyDataNone, Unknown, WhyNotKnown
	s.Lists = s.Lists.clone()
	return s
}

// clone copies the lists; none is nil in the copy.
func (l Lists) clone() Lists {
	l.Messages = copied(l.Messages)
	l.Alerts = copied(l.Alerts)
	l.Checks = copied(l.Checks)
	l.HTTP = copied(l.HTTP)
	l.Certificates = copied(l.Certificates)
	l.Findings = copied(l.Findings)
	l.Truncated = copied(l.Truncated)
	l.Keys = slices.Clone(l.Keys)
	return l
}

func copied[T any](list []T) []T { return append(make([]T, 0, len(list)), list...) }

// TLS reports whether the connection has TLS, as far as was seen: also one that was watched from its middle on, of which
// nothing could be read, and one of whose messages there are only parts.
func (s *Session) TLS() bool {
	return s.Version != "" || len(s.Messages) > 0 || s.DecryptError != "" || s.Partial()
}

// Partial reports whether a handshake message was seen of which not all is there. It is among the findings only.
func (s *Session) Partial() bool {
	return slices.ContainsFunc(s.Findings, func(f FindingInfo) bool { return f.Code == CodePartialMessage })
}

func (s *Session) clone() *Session {
	c := *s
	c.Lists = s.Lists.clone()
	return &c
}

// when is a place in the order of what went by: the packet, or the time where there are no packets.
func (m *MessageInfo) when() int64 {
	if m.Frame != 0 {
		return int64(m.Frame)
	}
	return int64(m.Time)
}

// inTime puts messages in the order in which they went by, where one direction ran ahead of the other for want of keys.
// Within a direction they stay as they are.
func inTime(list []MessageInfo) {
	if slices.IsSortedFunc(list, func(a, b MessageInfo) int { return cmp.Compare(a.when(), b.when()) }) {
		return
	}
	type timed struct {
		at int64
		m  MessageInfo
	}
	all := make([]timed, len(list))
	next := make(map[string]int64) // the earliest of what comes later, by sender
	for i, m := range slices.Backward(list) {
		at := m.when()
		if later, known := next[m.From]; known {
			at = min(at, later)
		}
		all[i], next[m.From] = timed{at, m}, at
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	for i := range all {
		list[i] = all[i].m
	}
}

// appendTo adds v to a list, or names the list in Truncated once it is full.
func appendTo[T any](s *Session, name string, list *[]T, v T) {
	if len(*list) < ListLimit {
		*list = append(*list, v)
		return
	}
	truncated(s, name)
}

// truncated names a list that is cut.
func truncated(s *Session, name string) {
	if !slices.Contains(s.Truncated, name) {
		s.Truncated = append(s.Truncated, name)
	}
}
