package handshake

import (
	"bytes"
	"context"
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

// Post-handshake authentication (RFC 9846 §4.7.2): a server asks a client that has offered it
// for a certificate, at any time.
//
//	Client                                    Server
//	                              CertificateRequest
//	Certificate
//	[CertificateVerify]
//	Finished
//
// The transcript of each exchange is the handshake's and its own messages, none of other
// exchanges (RFC 9846 §4.5).

const (
	postRef = "RFC 9846 §4.7.2"

	// mostRequests is how many certificates a server may ask for in one connection. Each one's
	// context is kept, so that it does not come twice.
	mostRequests = 64

	// contextSize is the length in bytes of the contexts that are made here.
	contextSize = 16
)

// An Answer is a client's answer to a CertificateRequest.
type Answer struct {
	messages [][]byte
	finish   func(secret keys.Secret) []byte
}

// Messages returns the messages, headers included. They are to be sent behind one another, and
// under secret, the client's application traffic secret at that time.
func (a *Answer) Messages(secret keys.Secret) [][]byte {
	return append(a.messages, a.finish(secret))
}

// clientPost is what a client keeps that has offered post-handshake authentication.
type clientPost struct {
	cfg        *ClientConfig
	transcript hash.Hash // of the handshake
	kdf        keys.KDF
	contexts   [][]byte // of all requests
}

// offerPostAuth says that we may be asked for a certificate later (RFC 9846 §4.3.6).
func (c *client) offerPostAuth() {
	if c.cfg.PostHandshakeAuth {
		c.hello.Extensions.Add(iana.ExtPostHandshakeAuth)
	}
}

// postAuth is what is needed if we are.
func (c *client13) postAuth() *clientPost {
	if !c.cfg.PostHandshakeAuth {
		return nil
	}
	return &clientPost{cfg: c.cfg, transcript: c.transcript.fork(), kdf: c.kdf}
}

// recvRequest takes a CertificateRequest. What it takes to answer it may be slow, and is done
// elsewhere.
func (p *clientPost) recvRequest(t PostTransport, raw []byte) error {
	if p == nil {
		return alert.Unexpected("certificate_request", postRef, "post_handshake_auth was not offered")
	}
	f := postFlow(p.transcript)
	f.peeked = bytes.Clone(raw)
	m, err := f.recvCertificateRequest()
	if err != nil {
		return err
	}
	if err := p.remember(m.RequestContext); err != nil {
		return err
	}
	t.Confirm()
	t.Answer(func(ctx context.Context) (*Answer, error) { return p.answer(ctx, f, m) })
	return nil
}

// postFlow returns a flow that goes on from the handshake whose transcript is base. What it
// writes is collected.
func postFlow(base hash.Hash) *flow {
	f := &flow{t: new(memory), layout: msg.Context{Version: iana.VersionTLS13}}
	f.transcript.hash = (&transcript{hash: base}).fork()
	return f
}

// remember refuses a context that came before (RFC 9846 §4.4.2).
func (p *clientPost) remember(context []byte) error {
	const where = "certificate_request.certificate_request_context"
	if slices.ContainsFunc(p.contexts, func(c []byte) bool { return bytes.Equal(c, context) }) {
		return alert.Illegal(where, "RFC 9846 §4.4.2", "it came before in this connection")
	}
	if len(p.contexts) == mostRequests {
		return alert.Unexpected("certificate_request", postRef, "more than %d in one connection", mostRequests)
	}
	p.contexts = append(p.contexts, bytes.Clone(context))
	return nil
}

// answer makes the messages that answer m: our certificate, or that we have none.
func (p *clientPost) answer(ctx context.Context, f *flow, m *msg.CertificateRequest) (*Answer, error) {
	c := &client{flow: *f, ctx: ctx, cfg: p.cfg, result: &Result{}}
	if err := (&client13{client: c, request: m}).sendCertificate(); err != nil {
		return nil, err
	}
	return &Answer{messages: f.t.(*memory).messages, finish: func(secret keys.Secret) []byte {
		return finished(p.kdf.AppendFinished(nil, secret, c.transcript.sum()))
	}}, nil
}

// finished is a Finished message, header included.
func finished(data []byte) []byte {
	return append([]byte{byte(iana.HandshakeFinished), 0, 0, byte(len(data))}, data...)
}

// memory is a transport whose messages were there before, and are collected.
type memory struct {
	Transport
	messages [][]byte
}

// ReadMessage implements [Transport].
func (m *memory) ReadMessage() ([]byte, error) {
	if len(m.messages) == 0 {
		return nil, io.ErrUnexpectedEOF // it is not asked for more than it was given
	}
	raw := m.messages[0]
	m.messages = m.messages[1:]
	return raw, nil
}

// WriteMessage implements [Transport].
func (m *memory) WriteMessage(raw []byte) error {
	m.messages = append(m.messages, bytes.Clone(raw))
	return nil
}

// A ClientJudge decides about clients that are asked for a certificate after the handshake.
type ClientJudge interface {
	// ClientTrust says how a certificate is judged, and whose are accepted (DER of names).
	ClientTrust(auth.ClientAuth) (*auth.Trust, [][]byte)
	// JudgeClient has the last word: an error ends the connection.
	JudgeClient(*Result) error
}

// A Requester is a [Post] of a server whose client may be asked for its certificate.
type Requester interface {
	Post
	// RequestCertificate returns a CertificateRequest, header included, and expects its answer
	// from now on: done is given what is known of the connection then, while the answer is
	// handled. It may be called beside HandlePost.
	RequestCertificate(want auth.ClientAuth, done func(*Result)) ([]byte, error)
}

// serverPost is what a server keeps whose client has offered post-handshake authentication.
type serverPost struct {
	cfg        *ServerConfig
	transcript hash.Hash // of the handshake
	kdf        keys.KDF
	result     *Result  // the newest
	answer     [][]byte // the messages of one answer that are there

	mu      sync.Mutex
	asked   int
	pending []*request
}

// request is a CertificateRequest that was not answered yet.
type request struct {
	m    *msg.CertificateRequest
	raw  []byte
	want auth.ClientAuth
	done func(*Result)
}

// requester13 is a post13 whose client may be asked.
type requester13 struct{ post13 }

// RequestCertificate implements [Requester].
func (p requester13) RequestCertificate(want auth.ClientAuth, done func(*Result)) ([]byte, error) {
	return p.server.request(want, done)
}

// post is what handles messages after the handshake. A client that was authenticated by an
// external PSK may not be asked (RFC 9846 §4.4.2).
func (s *server13) post() Post {
	if !s.hello.Extensions.Has(iana.ExtPostHandshakeAuth) || s.psk != nil && s.psk.External() {
		return post13{}
	}
	return requester13{post13{server: &serverPost{
		cfg: s.cfg, transcript: s.transcript.fork(), kdf: s.kdf, result: s.result,
	}}}
}

// request makes a CertificateRequest (RFC 9846 §4.4.2).
func (p *serverPost) request(want auth.ClientAuth, done func(*Result)) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == mostRequests {
		return nil, alert.Internal("certificate_request", "more than %d in one connection", mostRequests)
	}
	s := &server{flow: flow{layout: msg.Context{Version: iana.VersionTLS13}}, cfg: p.asking(want)}
	m := s.certificateRequest()
	m.RequestContext = make([]byte, contextSize)
	if _, err := io.ReadFull(p.cfg.Rand, m.RequestContext); err != nil {
		return nil, alert.Internal("certificate_request.certificate_request_context", "no randomness: %w", err)
	}
	raw, err := msg.Append(nil, &s.layout, m)
	if err != nil {
		return nil, err
	}
	p.asked++
	p.pending = append(p.pending, &request{m: m, raw: bytes.Clone(raw), want: want, done: done})
	return raw, nil
}

// take returns the request that has a context, and does not expect its answer any more.
func (p *serverPost) take(context []byte) *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.pending, func(r *request) bool { return bytes.Equal(r.m.RequestContext, context) })
	if i < 0 {
		return nil
	}
	r := p.pending[i]
	p.pending = slices.Delete(p.pending, i, i+1)
	return r
}

// expects reports whether there is a request that was not answered.
func (p *serverPost) expects() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending) > 0
}

// recv takes one message of an answer. All of them must come behind one another: they are
// looked at when the last is there.
func (p *serverPost) recv(t PostTransport, raw []byte) error {
	typ := iana.HandshakeType(raw[0])
	if !p.fits(typ) {
		return alert.Unexpected(typ.String(), postRef, "it is not what comes next in an answer to a CertificateRequest")
	}
	p.answer = append(p.answer, bytes.Clone(raw))
	t.Amid(typ != iana.HandshakeFinished)
	if typ != iana.HandshakeFinished {
		return nil
	}
	messages := p.answer
	p.answer = nil
	return p.recvAnswer(messages, t.ReadSecret())
}

// amid reports whether part of an answer is there.
func (p *serverPost) amid() bool { return p != nil && len(p.answer) > 0 }

// fits reports whether a message of a type may come next.
func (p *serverPost) fits(typ iana.HandshakeType) bool {
	switch n := len(p.answer); typ {
	case iana.HandshakeCertificate, iana.HandshakeCompressedCertificate:
		return n == 0 && p.expects()
	case iana.HandshakeCertificateVerify:
		return n == 1
	case iana.HandshakeFinished:
		return n > 0
	}
	return false
}

// recvAnswer goes through an answer (RFC 9846 §4.5): Certificate, CertificateVerify, Finished.
// secret is what it came under.
func (p *serverPost) recvAnswer(messages [][]byte, secret keys.Secret) error {
	context, err := p.contextOf(messages[:1])
	if err != nil {
		return err
	}
	r := p.take(context)
	if r == nil {
		return alert.Illegal("certificate.certificate_request_context", "RFC 9846 §4.5.1",
			"it is of no CertificateRequest that waits for an answer")
	}
	s := p.begin(messages)
	s.cfg, s.request = p.asking(r.want), r.m
	s.transcript.add(r.raw)
	if err := s.recvCertificate(); err != nil {
		return err
	}
	if err := s.recvFinished13(p.kdf, secret); err != nil {
		return err
	}
	if s.result.ClientScheme != 0 {
		if err := p.cfg.Clients.JudgeClient(s.result); err != nil {
			return err
		}
		p.result = s.result
	}
	r.done(p.result)
	return nil
}

// begin returns a flow that goes on from the handshake with messages that are there.
func (p *serverPost) begin(messages [][]byte) *server13 {
	result := *p.result
	result.ClientScheme = 0
	f := postFlow(p.transcript)
	f.t.(*memory).messages = messages
	return &server13{server: &server{flow: *f, ctx: context.Background(), cfg: p.cfg, result: &result}}
}

// contextOf is the context of an answer, which may be compressed.
func (p *serverPost) contextOf(certificate [][]byte) ([]byte, error) {
	m, err := p.begin(certificate).recvChain(p.cfg.Compression)
	if err != nil {
		return nil, err
	}
	return m.RequestContext, nil
}

// asking is what a server is told that asks for a certificate in its handshake.
func (p *serverPost) asking(want auth.ClientAuth) *ServerConfig {
	cfg := *p.cfg
	cfg.ClientAuth = want
	cfg.ClientTrust, cfg.ClientAuthorities = p.cfg.Clients.ClientTrust(want)
	return &cfg
}
