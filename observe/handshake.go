package observe

import (
	"slices"
	"time"

	"github.com/akushu/akushu/internal/bygone"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
)

// maxMessage is the longest handshake message that is put together, in bytes.
const maxMessage = heldLimit

// assembly puts the handshake messages of one direction together.
type assembly struct {
	messages record.Messages
	begins   Place // of the message that is not complete
	records  int   // that it is spread over so far
	spoke    bool  // application data was seen
}

func newMessages() (m record.Messages) {
	m.SetMax(maxMessage)
	return m
}

// handshakeBytes takes the content of a handshake record.
func (h *half) handshakeBytes(s *source, b []byte) {
	if !h.messages.Partial() {
		h.begins, h.records = s.place, 0
	}
	h.begins.spread(s.place.FrameFirst)
	h.begins.spread(s.place.Frame)
	h.records++
	if err := h.messages.Push(b); err != nil {
		h.fault(s.time(), err)
		return
	}
	for {
		raw, err := h.messages.Next()
		if err != nil {
			h.fault(s.time(), err)
			h.messages = newMessages()
		}
		if raw == nil {
			return
		}
		h.message(s, raw)
		h.begins, h.records = s.place, 1
	}
}

// tellMessage tells a message, or that there is one.
func (h *half) tellMessage(s *source, m Message) {
	told := &h.c.message
	if h.c.opts.Sink != nil {
		told = new(Message)
	}
	*told = m
	h.emit(s.time(), told)
}

// abandon gives up a message whose rest does not come.
func (h *half) abandon(t time.Time) {
	if h.messages.Partial() {
		h.messages = newMessages()
		h.found(t, partialMessage("record"))
	}
}

// message takes a handshake message, header included.
func (h *half) message(s *source, raw []byte) {
	ctx := h.context()
	m, ann := msg.Survey(&ctx, raw)
	h.prove(m.Type(), s.time())
	spec := m.Spec()
	h.tellMessage(s, Message{
		Place: h.begins, Type: structName(m), ID: spec.Name, Ref: spec.Ref, Length: len(raw) - msg.HeaderLength,
		Records: h.records, Encrypted: s.encrypted(), Epoch: s.epoch, Raw: raw, ctx: ctx,
	})
	for _, f := range ann.Findings {
		h.fault(s.time(), msg.Finding(m, f))
	}
	h.inOrder(s, order.Of(m))
	h.learn(s, m)
	late := h.c.hs.said.done[h.dir]
	h.c.hs.said.add(h.dir, raw, m)
	h.verify(s, m, late)
	h.inPlace(s, m)
}

// context is what is known that decides how a message is laid out.
func (h *half) context() msg.Context {
	hs := h.c.hs
	return msg.Context{Version: hs.version, KeyExchange: hs.keyExchange, CertType: hs.certTypes[h.dir]}
}

// handshake is what is known of a handshake. A connection before TLS 1.3 may have several.
type handshake struct {
	hellos
	clientRandom, serverRandom [32]byte
	randoms                    [][32]byte // the client randoms under which its secrets are logged
	said                       transcript
	exchanged
	chosen
	offer offer
	early EarlyData // "" where it was not offered
	again bool      // it is not the connection's first
	abbreviation
	binding
	checks checks
	used   used // where keys are to be listed
}

// chosen is what the server chose, and what follows from it.
type chosen struct {
	version     iana.Version // 0 while unknown
	early13     bool         // it is that of a draft before 16, which called itself TLS 1.3
	cipherSuite iana.CipherSuite
	suite       *suite.Suite   // nil where it is not implemented
	old         *bygone.Cipher // what protects records where no AEAD does
	keyExchange msg.KeyExchange
	certTypes   [3]iana.CertificateType // by Dir
}

// hellos counts them.
type hellos struct {
	client, server int  // a HelloRetryRequest is a server's hello too
	retried        bool // there was one
	hello2         bool // the client's came in the form of SSL 2.0
	master2        bool // SSL 2.0: the client sent its secret, all that follows is encrypted
}

// abbreviation is what tells, before TLS 1.3, whether a session is resumed.
type abbreviation struct {
	sessionID []byte // of ServerHello
	full      bool   // a message was seen that a handshake which resumes has not
	settled   bool   // the answer was told
}

// offer is what the first ClientHello offers.
type offer struct {
	sessionID, ticket  []byte
	identities         [][]byte // of pre-shared keys
	versions           []iana.Version
	suites             []iana.CipherSuite
	groups             []iana.NamedGroup
	schemes            []iana.SignatureScheme
	alpn               []msg.ProtocolName
	extendedMainSecret bool
	draft              iana.Version // by an extension of its own, 0 without
}

// begun reports whether a hello was seen.
func (hs *handshake) begun() bool { return hs.client+hs.server > 0 }

// suiteName is the suite's name, "" where it is not known.
func (hs *handshake) suiteName() string {
	if hs.server == 0 {
		return ""
	}
	return hs.cipherSuite.String()
}

// lacks says what is missing to make keys, with any of suites.
func (hs *handshake) lacks(suites []*suite.Suite) DecryptError {
	switch {
	case hs.client == 0 || hs.server == 0:
		return DecryptNoHello
	case is13(hs.version) && (hs.early13 || !supportedDraft(hs.version)):
		return DecryptDraft
	case !slices.ContainsFunc(suites, func(s *suite.Suite) bool { return s != nil }):
		return DecryptUnsupported
	}
	return ""
}

// suites13 lists the suites that records of an epoch may have: early data has the suite of the
// session that is resumed, which is the negotiated one if the data is accepted
// (RFC 9846 §4.3.10).
func (hs *handshake) suites13(e Epoch) []*suite.Suite {
	var list []*suite.Suite
	if hs.suite != nil {
		list = append(list, hs.suite)
	}
	if e != EpochEarlyData {
		return list
	}
	for _, id := range hs.offer.suites {
		s := suite.ByID(id)
		if s != nil && s.Supports(iana.VersionTLS13) && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// names is how code points are shown, nil where nobody wants to know.
func names[T interface{ String() string }](c *Conn, codes []T) []string {
	if c.opts.Sink == nil {
		return nil
	}
	list := make([]string, len(codes))
	for i, code := range codes {
		list[i] = code.String()
	}
	return list
}

func protocolNames(c *Conn, list []msg.ProtocolName) []string {
	if c.opts.Sink == nil {
		return nil
	}
	var all []string
	for _, n := range list {
		all = append(all, string(n))
	}
	return all
}
