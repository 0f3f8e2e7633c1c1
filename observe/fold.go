package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

// fold makes the Session of the events: nothing of it comes from elsewhere, but for why
// records were not opened.
type fold struct {
	newHash func() hash.Hash
	s       *Session
	psk     bool // a PSK without (EC)DHE
	group   iana.NamedGroup
	version iana.Version
	done    [3]progress
	data    [3]digest
	trips   trips
	record  *Record // the last one

	exchanges  map[exchangeKey]int // indexes in Session.HTTP; nil while there are none
	fieldBytes int                 // of header fields that are kept
}

// progress is how far one direction is with the handshake.
type progress struct {
	finished bool // its Finished was seen, or what must be it
	after    bool // something came after it
}

// digest is the plaintext of one direction. Early data, which comes first, counts if it was
// accepted; that may become known later, so that both sums go on.
type digest struct {
	bytes, early int64
	with         hash.Hash // early data included; nil if there is none
	without      hash.Hash
	missing      bool
	line         string
}

// trips counts round trips of the handshake: the client's messages that the server's
// answer.
type trips struct {
	n      int
	last   Dir
	latest time.Time // when the latest of them came
	closed bool      // the client may send application data
}

func newFold(o *Options) *fold {
	f := &fold{s: newSession(o.Stream), newHash: sha256.New}
	if o.Omit&OmitHashes != 0 {
		f.newHash = func() hash.Hash { return noHash{} }
	}
	for d := range f.data {
		f.data[d] = digest{without: f.newHash()}
	}
	return f
}

// noHash takes bytes in, and has none to give.
type noHash struct{}

func (noHash) Write(b []byte) (int, error) { return len(b), nil }
func (noHash) Sum(b []byte) []byte         { return b }
func (noHash) Reset()                      {}
func (noHash) Size() int                   { return 0 }
func (noHash) BlockSize() int              { return 1 }

// session returns the Session as it is now.
func (f *fold) session() *Session {
	s := f.s.clone()
	f.settle(s)
	return s
}

// settle fills in what is worked out at the end only.
func (f *fold) settle(s *Session) {
	inTime(s.Messages)
	inSequence(s.Messages, func(m *MessageInfo) moment { return moment{m.From, m.Frame, m.Time} })
	inSequence(s.Alerts, func(a *AlertInfo) moment { return moment{from: a.From, frame: a.Frame} })
	s.ApplicationData = ApplicationBytes{Client: f.dataInfo(ClientToServer), Server: f.dataInfo(ServerToClient)}
}

func (f *fold) dataInfo(d Dir) DataInfo {
	g := &f.data[d]
	info, sum := DataInfo{Bytes: g.bytes, Line: g.line}, g.without
	if f.s.EarlyData == EarlyDataAccepted && g.with != nil {
		info.Bytes, sum = g.bytes+g.early, g.with
	}
	if !g.missing && f.s.TCP.Gaps == 0 {
		info.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return info
}

func (f *fold) apply(e *Event) {
	f.s.Duration = max(f.s.Duration, f.since(e.Time))
	switch b := e.Body.(type) {
	case *FlowOpened:
		f.flowOpened(e, b)
	case *FlowClosed:
		f.flowClosed(b)
	case *Record:
		f.closedRecord(e.Dir, b)
	case *Message:
		f.message(e, b)
	case *ChangeCipherSpec:
		f.list(e, b.Place, MessageInfo{Type: "ChangeCipherSpec", Length: 1, Encrypted: b.Encrypted})
	case *Alert:
		f.alert(e, b)
	case *RolesSwapped:
		f.swap(b)
	case *Negotiated:
		f.negotiated(b)
	case *Peer:
		f.peer(b)
	case *Checked:
		appendTo(f.s, "checks", &f.s.Checks, b.Check)
	case *ApplicationData:
		f.applicationData(e.Dir, b)
	case *Fingerprint:
		f.fingerprint(b)
	case *HTTPHead:
		f.http(e.Dir, b)
	case *Gap:
		f.data[e.Dir].missing = true
	case *Finding:
		appendTo(f.s, "findings", &f.s.Findings, FindingInfo{
			Code: b.Code, Severity: b.Severity, From: e.Dir.From(), Where: b.Where, Ref: b.Ref, Text: b.Text,
		})
	}
}

// fingerprint takes what a hello has, of which a ServerHello, which comes later, counts more than a HelloRetryRequest.
func (f *fold) fingerprint(b *Fingerprint) {
	if b.Again {
		return
	}
	switch b.Name {
	case FingerprintJA3:
		f.s.JA3 = b.Value
	case FingerprintJA3S:
		f.s.JA3S = b.Value
	case FingerprintJA4:
		f.s.JA4 = b.Value
	}
}

func (f *fold) since(t time.Time) Milliseconds {
	if t.IsZero() || f.s.Start.IsZero() {
		return 0
	}
	return Milliseconds(t.Sub(f.s.Start.Time))
}

func (f *fold) flowOpened(e *Event, b *FlowOpened) {
	s := f.s
	s.Client, s.Server, s.Start = b.Client, b.Server, Timestamp{e.Time}
	s.TCP, s.Tap, s.Connect = b.TCP, b.Tap, Milliseconds(b.Connect)
	if b.Tap {
		s.RoundTrips.TCP = 1
	}
}

func (f *fold) flowClosed(b *FlowClosed) {
	f.s.End, f.s.TCP = b.End, b.TCP
	if b.TCP.SYN && b.TCP.SYNACK {
		f.s.RoundTrips.TCP = 1
	}
}

// swap turns what was said so far round.
func (f *fold) swap(b *RolesSwapped) {
	s := f.s
	s.Client, s.Server = b.Client, b.Server
	f.data[ClientToServer], f.data[ServerToClient] = f.data[ServerToClient], f.data[ClientToServer]
	s.Heartbeats.Client, s.Heartbeats.Server = s.Heartbeats.Server, s.Heartbeats.Client
	f.done[ClientToServer], f.done[ServerToClient] = f.done[ServerToClient], f.done[ClientToServer]
	f.trips = trips{}
	for i := range s.Messages {
		swapFrom(&s.Messages[i].From)
	}
	for i := range s.Alerts {
		swapFrom(&s.Alerts[i].From)
	}
	for i := range s.Checks {
		swapFrom(&s.Checks[i].From)
	}
	for i := range s.Certificates {
		swapFrom(&s.Certificates[i].From)
	}
	for i := range s.Findings {
		swapFrom(&s.Findings[i].From)
	}
}

func swapFrom(from *string) {
	switch *from {
	case "client":
		*from = "server"
	case "server":
		*from = "client"
	}
}

// usualMessages is how many messages a connection has, or nearly.
const usualMessages = 14

func (f *fold) list(e *Event, p Place, m MessageInfo) {
	if cap(f.s.Messages) == 0 {
		f.s.Messages = make([]MessageInfo, 0, usualMessages)
	}
	m.From, m.Time, m.FrameFirst, m.Frame = e.Dir.From(), f.since(e.Time), p.FrameFirst, p.Frame
	appendTo(f.s, "messages", &f.s.Messages, m)
}

// closedRecord notes what cannot be read.
func (f *fold) closedRecord(d Dir, r *Record) {
	f.record = r
	if r.TypeCode == uint8(iana.ContentHeartbeat) || r.Inner == iana.ContentHeartbeat.String() {
		f.heartbeat(d)
	}
	if !r.Encrypted {
		return
	}
	if r.Opened {
		f.s.Decrypted = true
		return
	}
	if r.Epoch == EpochApplication || r.TypeCode == uint8(iana.ContentApplicationData) {
		f.data[d].missing = true
	}
}

func (f *fold) heartbeat(d Dir) {
	if d == ServerToClient {
		f.s.Heartbeats.Server++
		return
	}
	f.s.Heartbeats.Client++
}

// closed notes why a record was not opened.
func (f *fold) closed(why DecryptError) {
	if f.s.DecryptError == "" {
		f.s.DecryptError = why
	}
}

func (f *fold) message(e *Event, m *Message) {
	f.list(e, m.Place, MessageInfo{Type: m.Type, Length: m.Length, Encrypted: m.Encrypted, Inferred: m.Inferred})
	finished := m.ID == "finished" || f.mayBeFinished(e.Dir, m)
	f.trips.message(e, m, finished)
	f.s.RoundTrips.TLS = f.trips.n
	f.progress(e.Dir, finished)
}

// mayBeFinished reports whether what was not opened is the sender's Finished: the first
// record after ChangeCipherSpec before TLS 1.3, and the client's first one in TLS 1.3, if it has
// room for it.
func (f *fold) mayBeFinished(d Dir, m *Message) bool {
	if m.Opened() {
		return false
	}
	if m.Epoch == EpochHandshake {
		return d == ClientToServer && f.record.Length >= 4+32+1+16
	}
	return true
}

func (f *fold) progress(d Dir, finished bool) {
	p := &f.done[d]
	f.follows(d)
	p.finished = p.finished || finished
	client, server := f.done[ClientToServer].finished, f.done[ServerToClient].finished
	f.s.Complete = client && (server || f.is13() && !f.s.Decrypted)
}

// follows notes that something comes after both ends finished.
func (f *fold) follows(d Dir) {
	f.done[d].after = f.done[d].after || f.done[ClientToServer].finished && f.done[ServerToClient].finished
}

// message counts a round trip where the server answers. It ends with the server's
// Finished, and in TLS 1.3 where that cannot be read, with the client's. What was held back until it
// was clear that no key comes has had its answer before.
func (t *trips) message(e *Event, m *Message, finished bool) {
	if t.closed {
		return
	}
	if !e.Time.Before(t.latest) {
		if e.Dir == ServerToClient && t.last == ClientToServer {
			t.n++
		}
		t.last, t.latest = e.Dir, e.Time
	}
	t.closed = finished && (e.Dir == ServerToClient || m.Epoch == EpochHandshake)
}

func (f *fold) alert(e *Event, a *Alert) {
	f.list(e, a.Place, MessageInfo{Type: "Alert", Length: 2, Encrypted: a.Encrypted})
	appendTo(f.s, "alerts", &f.s.Alerts, AlertInfo{
		From: e.Dir.From(), Level: a.Level, Description: a.Description, Encrypted: a.Encrypted, Frame: a.Frame,
	})
	if e.Dir == ServerToClient && a.Level == iana.AlertLevelFatal.String() && !f.done[ServerToClient].after {
		f.s.Complete = false // the server refused what the client finished with
	}
}

func (f *fold) peer(p *Peer) {
	for _, c := range p.Certificates {
		c.DER = nil
		appendTo(f.s, "certificates", &f.s.Certificates, c)
	}
}

func (f *fold) applicationData(d Dir, a *ApplicationData) {
	g := &f.data[d]
	if a.Early && g.with == nil {
		g.with = f.newHash()
	}
	if g.with != nil {
		g.with.Write(a.Data)
	}
	if g.line == "" {
		g.line = a.Line
	}
	if a.Early {
		g.early += int64(a.Length)
		return
	}
	g.bytes += int64(a.Length)
	g.without.Write(a.Data)
	f.follows(d)
}

// parameters is where each thing that is negotiated stands in the Session.
var parameters = map[What]func(f *fold, n *Negotiated){
	WhatServerName: func(f *fold, n *Negotiated) { f.s.ServerName = n.Chosen },
	WhatVersion:    func(f *fold, n *Negotiated) { f.s.Version, f.version = n.Chosen, iana.Version(n.Code) },
	WhatCipherSuite: func(f *fold, n *Negotiated) {
		f.s.CipherSuite, f.s.CipherSuiteID = n.Chosen, fmt.Sprintf("0x%04x", n.Code)
		if f.version == iana.VersionSSL20 {
			f.s.CipherSuiteID = n.Chosen
		}
	},
	WhatGroup:           func(f *fold, n *Negotiated) { f.s.Group, f.group = n.Chosen, iana.NamedGroup(n.Code) },
	WhatSignatureScheme: func(f *fold, n *Negotiated) { f.s.SignatureScheme = n.Chosen },
	WhatALPN:            func(f *fold, n *Negotiated) { f.s.ALPN = n.Chosen },
	WhatHelloRetry:      func(f *fold, _ *Negotiated) { f.s.HelloRetry = true },
	WhatResumed:         func(f *fold, n *Negotiated) { f.s.Resumed = n.Chosen == "true" },
	WhatPSKOnly:         func(f *fold, _ *Negotiated) { f.psk = true },
	WhatEarlyData:       func(f *fold, n *Negotiated) { f.earlyData(EarlyData(n.Chosen)) },
	WhatClientAuth:      func(f *fold, _ *Negotiated) { f.s.ClientAuth = true },
}

// negotiated takes what the first handshake of a connection settles; in it a ServerHello,
// which comes later, counts more than a HelloRetryRequest.
func (f *fold) negotiated(n *Negotiated) {
	if n.Again && n.What != WhatClientAuth {
		return
	}
	if set := parameters[n.What]; set != nil {
		set(f, n)
	}
	f.secrecy()
}

func (f *fold) earlyData(fate EarlyData) {
	f.s.EarlyData = fate
	if fate == EarlyDataAccepted { // the client did not wait to send its data
		f.trips = trips{closed: true}
		f.s.RoundTrips.TLS = 0
	}
}
