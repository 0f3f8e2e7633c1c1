package order

import "github.com/akushu/akushu/internal/iana"

// A grammar is the legal conversations of a version.
type grammar struct {
	name  string
	ref   string // of the order as such
	order node
	again string // why all of it may come again and again, or ""
	free  []free
}

// grammarOf returns the grammar of v: that of TLS 1.3 and its drafts, or of all before.
func grammarOf(v iana.Version) *grammar {
	if v.Since13() {
		return &tls13
	}
	return &tls12
}

// A node is a part of a conversation.
type node struct {
	kind  kind
	from  Side    // of a message
	what  Message // of a message
	name  string  // of a sequence that has one
	parts []node
}

type kind uint8

const (
	message  kind = iota
	sequence      // all parts, in order
	optional      // the same, or nothing
	either        // one of the parts
	repeated      // the parts in order, any number of times
	answer        // the parts in order if a CertificateRequest came before, else nothing
	done          // nothing; here the handshake is complete
)

func client(m Message) node    { return node{kind: message, from: Client, what: m} }
func server(m Message) node    { return node{kind: message, from: Server, what: m} }
func seq(parts ...node) node   { return node{kind: sequence, parts: parts} }
func opt(parts ...node) node   { return node{kind: optional, parts: parts} }
func oneOf(parts ...node) node { return node{kind: either, parts: parts} }
func many(parts ...node) node  { return node{kind: repeated, parts: parts} }
func asked(parts ...node) node { return node{kind: answer, parts: parts} }

func named(name string, parts ...node) node {
	return node{kind: sequence, name: name, parts: parts}
}

// free is a message without a place of its own: it may come at any time of a phase.
type free struct {
	what Message
	from [2]bool // by Side
	when phase
	ref  string
}

type phase uint8

const (
	anytime       phase = iota
	untilFinished       // before the sender's own Finished
	sinceFinished       // after it
)

var (
	fromBoth   = [2]bool{true, true}
	fromClient = [2]bool{Client: true}
	fromServer = [2]bool{Server: true}
)

func (s Side) alone() [2]bool { return [...][2]bool{fromClient, fromServer}[s&1] }

// tls13 is the figures of RFC 9846 §2 and the state machines of its Appendix A.
var tls13 = grammar{
	name: "TLS 1.3",
	ref:  "RFC 9846 §4",
	order: seq(
		client(ClientHello),
		opt(server(HelloRetryRequest), client(ClientHello)),
		server(ServerHello),
		server(EncryptedExtensions),
		opt(server(CertificateRequest)),
		opt(oneOf(server(Certificate), server(CompressedCertificate)), server(CertificateVerify)),
		server(Finished),
		opt(client(EndOfEarlyData)),
		asked(oneOf(client(Certificate), client(CompressedCertificate)), opt(client(CertificateVerify))),
		client(Finished),
		node{kind: done},
		many(
			server(CertificateRequest),
			oneOf(client(Certificate), client(CompressedCertificate)),
			opt(client(CertificateVerify)),
			client(Finished),
		),
	),
	free: []free{
		{ChangeCipherSpec, fromBoth, untilFinished, "RFC 9846 §5"},
		{ApplicationData, fromClient, anytime, "RFC 9846 §2.3"}, // early data
		{ApplicationData, fromServer, sinceFinished, "RFC 9846 §2"},
		{NewSessionTicket, fromServer, sinceFinished, "RFC 9846 §4.7.1"},
		{KeyUpdate, fromBoth, sinceFinished, "RFC 9846 §4.7.3"},
	},
}

// tls12 is the figures of RFC 5246 §7.3, with the messages that RFC 4680 §3 (SupplementalData),
// RFC 5077 §3.1 (NewSessionTicket), RFC 6066 §5 and §8 (CertificateURL, CertificateStatus) and
// draft-agl-tls-nextprotoneg §3 (NextProtocol) put among them.
var tls12 = grammar{
	name: "TLS 1.2 and older",
	ref:  "RFC 5246 §7.4",
	order: seq(
		client(ClientHello),
		server(ServerHello),
		oneOf(full12, abbreviated12),
		node{kind: done},
	),
	again: "renegotiation, RFC 5746",
	free: []free{
		{HelloRequest, fromServer, anytime, "RFC 5246 §7.4.1.1"},
		{ApplicationData, fromBoth, sinceFinished, "RFC 5246 §7.3"},
	},
}

var full12 = named("full handshake",
	opt(server(SupplementalData)),
	opt(server(Certificate), opt(server(CertificateStatus))),
	opt(server(ServerKeyExchange)),
	opt(server(CertificateRequest)),
	server(ServerHelloDone),
	opt(client(SupplementalData)),
	asked(oneOf(client(Certificate), client(CertificateURL))),
	client(ClientKeyExchange),
	asked(opt(client(CertificateVerify))),
	client(ChangeCipherSpec),
	opt(client(NextProtocol)),
	client(Finished),
	opt(server(NewSessionTicket)),
	server(ChangeCipherSpec),
	server(Finished),
)

var abbreviated12 = named("abbreviated handshake",
	opt(server(NewSessionTicket)),
	server(ChangeCipherSpec),
	server(Finished),
	client(ChangeCipherSpec),
	opt(client(NextProtocol)),
	client(Finished),
)
