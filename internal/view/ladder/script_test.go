package ladder

import (
	"testing"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/observe"
)

// script makes up the events of a connection, as observe would tell them.
type script struct {
	t      testing.TB
	ctx    msg.Context
	now    time.Time
	events []observe.Event
}

var start = time.Date(2026, 11, 20, 10, 0, 0, 123000, time.UTC)

func newScript(t testing.TB, version iana.Version) *script {
	return &script{t: t, now: start, ctx: msg.Context{Version: version, KeyExchange: msg.KeyExchangeECDHE}}
}

// after lets time pass, in microseconds.
func (s *script) after(us int) *script {
	s.now = s.now.Add(time.Duration(us) * time.Microsecond)
	return s
}

func (s *script) add(d observe.Dir, b observe.Body) *script {
	s.events = append(s.events, observe.Event{Seq: uint64(len(s.events)), Time: s.now, Dir: d, Body: b})
	return s
}

const (
	c2s = observe.ClientToServer
	s2c = observe.ServerToClient
)

// send is a message in the clear, sealed one under keys.
func (s *script) send(d observe.Dir, m msg.Message) *script   { return s.message(d, m, false) }
func (s *script) sealed(d observe.Dir, m msg.Message) *script { return s.message(d, m, true) }

func (s *script) message(d observe.Dir, m msg.Message, encrypted bool) *script {
	s.t.Helper()
	raw, err := msg.Append(nil, &s.ctx, m)
	if err != nil {
		s.t.Fatalf("encoding %s: %v", m.Spec().Name, err)
	}
	name := m.Type().StructName()
	if m.Spec().Name == "hello_retry_request" {
		name = "HelloRetryRequest"
	}
	return s.add(d, &observe.Message{
		Type: name, ID: m.Spec().Name, Length: len(raw) - msg.HeaderLength, Records: 1, Encrypted: encrypted, Raw: raw,
	})
}

func (s *script) ccs(d observe.Dir) *script { return s.add(d, &observe.ChangeCipherSpec{}) }

func (s *script) keys(d observe.Dir, epoch observe.Epoch, secret, suite string) *script {
	return s.add(d, &observe.KeysInstalled{Epoch: epoch, Secret: secret, CipherSuite: suite})
}

func (s *script) chose(what observe.What, chosen string) *script {
	return s.add(s2c, &observe.Negotiated{What: what, Chosen: chosen})
}

func (s *script) data(d observe.Dir, length int, line string) *script {
	s.add(d, &observe.Record{Type: "application_data", Encrypted: true, Opened: true, Length: length + 17})
	return s.add(d, &observe.ApplicationData{Length: length, Line: line})
}

// shut is a record that could not be opened.
func (s *script) shut(d observe.Dir, length int) *script {
	return s.add(d, &observe.Record{Type: "application_data", Encrypted: true, Length: length})
}

func (s *script) closeNotify(d observe.Dir) *script {
	return s.add(d, &observe.Alert{Level: "warning", Description: "close_notify", Encrypted: true, Opened: true})
}

func (s *script) fin(d observe.Dir) *script {
	return s.add(d, &observe.StreamEnded{How: observe.EndFIN})
}

func (s *script) tap(client, server string, connect time.Duration) *script {
	return s.add(observe.Neither, &observe.FlowOpened{Client: client, Server: server, Tap: true, Connect: connect})
}

func (s *script) captured(client, server string, tcp observe.TCP) *script {
	s.add(observe.Neither, &observe.FlowOpened{Client: client, Server: server, TCP: tcp})
	if !tcp.SYN {
		return s
	}
	options := []string{"MSS=1460", "SACK", "WS=7"}
	s.add(c2s, &observe.Segment{What: observe.SegmentSYN, Flags: []string{"SYN"}, Options: options})
	s.add(s2c, &observe.Segment{What: observe.SegmentSYNACK, Flags: []string{"SYN", "ACK"}, Ack: 1, Options: options})
	return s.add(c2s, &observe.Segment{
		What: observe.SegmentACK, Flags: []string{"ACK"}, Seq: 1, Ack: 1, RTT: time.Duration(tcp.RTT * float64(time.Millisecond)),
	})
}

func (s *script) segment(d observe.Dir, what observe.SegmentKind, seq, ack int64, length int) *script {
	flags := map[observe.SegmentKind][]string{observe.SegmentFIN: {"FIN", "ACK"}, observe.SegmentRST: {"RST", "ACK"}}[what]
	if flags == nil {
		flags = []string{"PSH", "ACK"}
	}
	return s.add(d, &observe.Segment{What: what, Flags: flags, Seq: seq, Ack: ack, Length: length})
}

// extensions lists what a message has fields for.
func extensions(types ...iana.ExtensionType) msg.Extensions {
	x := msg.Extensions{Present: true}
	for _, t := range types {
		x.Order = append(x.Order, msg.Extension{Type: t, Parsed: true})
	}
	return x
}

// clientHello is what a client of our own offers.
func clientHello(shares ...iana.NamedGroup) *msg.ClientHello {
	m := &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12,
		SessionID:     make([]byte, 32),
		CipherSuites: []iana.CipherSuite{
			iana.TLS_AES_128_GCM_SHA256, iana.TLS_AES_256_GCM_SHA384, iana.TLS_CHACHA20_POLY1305_SHA256,
			iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			iana.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		CompressionMethods: []byte{0},
		Extensions: extensions(iana.ExtServerName, iana.ExtApplicationLayerProtocolNegotiation,
			iana.ExtSupportedVersions, iana.ExtSupportedGroups, iana.ExtSignatureAlgorithms, iana.ExtKeyShare),
		ServerName:        []msg.ServerName{{HostName: []byte("localhost")}},
		ALPN:              []msg.ProtocolName{msg.ProtocolName("h2"), msg.ProtocolName("http/1.1")},
		SupportedVersions: []iana.Version{iana.VersionTLS13, iana.VersionTLS12},
		SupportedGroups: []iana.NamedGroup{
			iana.GroupX25519MLKEM768, iana.GroupX25519, iana.GroupSecp256r1, iana.GroupSecp384r1, iana.GroupSecp521r1,
		},
		SignatureAlgorithms: []iana.SignatureScheme{
			iana.SchemeECDSASecp256r1SHA256, iana.SchemeEd25519, iana.SchemeRSAPSSRSAESHA256,
			iana.SchemeRSAPSSRSAESHA384, iana.SchemeRSAPSSRSAESHA512,
		},
	}
	for _, g := range shares {
		m.KeyShares = append(m.KeyShares, msg.KeyShareEntry{Group: g, KeyExchange: make([]byte, shareLength(g))})
	}
	return m
}

func shareLength(g iana.NamedGroup) int {
	return map[iana.NamedGroup]int{iana.GroupX25519MLKEM768: 1216, iana.GroupX25519: 32, iana.GroupSecp256r1: 65}[g]
}

func serverHello13(group iana.NamedGroup, length int) *msg.ServerHello {
	return &msg.ServerHello{
		LegacyVersion: iana.VersionTLS12, SessionID: make([]byte, 32), CipherSuite: iana.TLS_AES_128_GCM_SHA256,
		Extensions:      extensions(iana.ExtSupportedVersions, iana.ExtKeyShare),
		SelectedVersion: iana.VersionTLS13,
		KeyShare:        msg.KeyShareEntry{Group: group, KeyExchange: make([]byte, length)},
	}
}

// localhost is the certificate that demo makes for itself.
func localhost(from, key string) observe.Certificate {
	return observe.Certificate{
		From: from, Subject: "CN=localhost", Issuer: "CN=akushu demo authority", Key: key,
		NotBefore:          observe.Timestamp{Time: start.Add(-time.Hour)},
		NotAfter:           observe.Timestamp{Time: start.Add(90 * 24 * time.Hour)},
		DNSNames:           []string{"localhost", "127.0.0.1", "::1"},
		SignatureAlgorithm: "ecdsa-with-SHA256",
	}
}

func authority(from string) observe.Certificate {
	return observe.Certificate{
		From: from, Subject: "CN=akushu demo authority", Issuer: "CN=akushu demo root", Key: "ECDSA P-256",
		NotBefore: observe.Timestamp{Time: start.Add(-time.Hour)},
		NotAfter:  observe.Timestamp{Time: start.Add(365 * 24 * time.Hour)},
	}
}

func chainOf(n int) *msg.Certificate {
	m := &msg.Certificate{}
	for range n {
		m.List = append(m.List, msg.CertificateEntry{Data: make([]byte, 400)})
	}
	return m
}

// session sums the events up as far as the summary needs it. What observe finds out by
// itself is for the caller to add.
func (s *script) session(fill func(*observe.Session)) *observe.Session {
	r := &observe.Session{V: observe.SessionVersion}
	r.Start = observe.Timestamp{Time: start}
	r.Duration = observe.Milliseconds(s.now.Sub(start))
	r.EarlyData = observe.EarlyDataNone
	r.ForwardSecret, r.ForwardSecretWhy = observe.Unknown, "not_known"
	for _, e := range s.events {
		s.sum(r, e)
	}
	fill(r)
	return r
}

func (s *script) sum(r *observe.Session, e observe.Event) {
	since := observe.Milliseconds(e.Time.Sub(start))
	switch b := e.Body.(type) {
	case *observe.FlowOpened:
		r.Client, r.Server, r.TCP, r.Connect = b.Client, b.Server, b.TCP, observe.Milliseconds(b.Connect)
	case *observe.Message:
		r.Messages = append(r.Messages, observe.MessageInfo{From: e.Dir.From(), Type: b.Type, Encrypted: b.Encrypted, Time: since})
	case *observe.ChangeCipherSpec:
		r.Messages = append(r.Messages, observe.MessageInfo{From: e.Dir.From(), Type: "ChangeCipherSpec", Time: since})
	case *observe.Alert:
		r.Messages = append(r.Messages, observe.MessageInfo{From: e.Dir.From(), Type: "Alert", Encrypted: b.Encrypted, Time: since})
		r.Alerts = append(r.Alerts, observe.AlertInfo{From: e.Dir.From(), Level: b.Level, Description: b.Description})
	case *observe.Peer:
		r.Certificates = append(r.Certificates, b.Certificates...)
	case *observe.ApplicationData:
		if e.Dir == c2s {
			r.ApplicationData.Client.Bytes += int64(b.Length)
		} else {
			r.ApplicationData.Server.Bytes += int64(b.Length)
		}
	case *observe.Finding:
		r.Findings = append(r.Findings, observe.FindingInfo{Code: b.Code, Severity: b.Severity, Text: b.Text})
	}
}

// rare adds messages that no conversation here has.
func (s *script) rare() {
	s.ctx = msg.Context{Version: iana.VersionTLS13}
	hello := clientHello()
	hello.Extensions = extensions(iana.ExtPreSharedKey, iana.ExtEarlyData, iana.ExtSessionTicket)
	hello.PSK = msg.OfferedPSKs{
		Identities: []msg.PSKIdentity{{Identity: make([]byte, 6)}}, Binders: [][]byte{make([]byte, 32)},
	}
	s.send(c2s, hello)
	answer := serverHello13(iana.GroupX25519, 32)
	answer.Extensions = extensions(iana.ExtPreSharedKey, iana.ExtApplicationLayerProtocolNegotiation, iana.ExtExtendedMainSecret)
	answer.ALPN = []msg.ProtocolName{msg.ProtocolName("h2")}
	s.send(s2c, answer)
	retry := &msg.HelloRetryRequest{Random: msg.HelloRetryRandom}
	s.send(s2c, retry)
	s.send(s2c, &msg.EncryptedExtensions{Extensions: extensions(iana.ExtEarlyData, iana.ExtRecordSizeLimit), RecordSizeLimit: 4096})
	stapled := chainOf(1)
	stapled.List[0].Extensions = extensions(iana.ExtStatusRequest)
	stapled.List[0].Status = msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: make([]byte, 9)}
	s.send(s2c, stapled)
	s.send(s2c, &msg.CompressedCertificate{Algorithm: iana.CertCompressionZlib, Uncompressed: 3000, Compressed: make([]byte, 99)})
	s.send(s2c, &msg.NewSessionTicket{Ticket: make([]byte, 9), Extensions: extensions(iana.ExtEarlyData), MaxEarlyData: 16384})
	s.ctx = msg.Context{Version: iana.VersionTLS12}
	s.send(s2c, &msg.CertificateStatus{Status: msg.OCSPStatus{StatusType: iana.CertStatusOCSP, Response: make([]byte, 9)}})
	s.send(s2c, &msg.CertificateRequest12{
		CertificateTypes: []byte{1, 64}, SignatureAlgorithms: []iana.SignatureScheme{iana.SchemeEd25519},
		Authorities: []msg.DistinguishedName{make([]byte, 9)},
	})
	for _, kx := range []msg.KeyExchange{msg.KeyExchangeDHE, msg.KeyExchangeRSA, msg.KeyExchangeDHEPSK} {
		s.ctx.KeyExchange = kx
		s.exchange(kx)
	}
}

// exchange adds the messages of a key exchange, such that they can be told without knowing
// which it is.
func (s *script) exchange(kx msg.KeyExchange) {
	if kx == msg.KeyExchangeRSA {
		s.send(c2s, &msg.ClientKeyExchange{})
		return
	}
	s.send(s2c, &msg.ServerKeyExchange{
		P: make([]byte, 256), G: []byte{2}, Public: make([]byte, 256), IdentityHint: []byte("hint"),
		Algorithm: iana.SchemeRSAPSSRSAESHA256, Signature: make([]byte, 256),
	})
	s.send(c2s, &msg.ClientKeyExchange{Public: make([]byte, 256), Identity: []byte("me")})
}
