package handshake

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Renegotiation, TLS 1.2 and before, at a client that a server asks for it: a handshake under the
// keys of another, bound to that (RFC 5746). Servers of ours neither ask for one nor take part.

// Renegotiate says how often a client renegotiates. Its values are crypto/tls's.
type Renegotiate uint8

// The values.
const (
	RenegotiateNever Renegotiate = iota
	RenegotiateOnce
	RenegotiateFreely
)

// maxRequests is how many HelloRequests a client passes over in one handshake.
const maxRequests = 32

// requests is what a client does with HelloRequests during a handshake: it passes over them (RFC
// 5246 §7.4.1.1), and they are no part of the transcript.
type requests struct {
	ignored bool // as long as it may be a version that has them
	seen    int
}

// pass reports whether raw is a HelloRequest that is passed over.
func (r *requests) pass(raw []byte) (bool, error) {
	if !r.ignored || iana.HandshakeType(raw[0]) != iana.HandshakeHelloRequest || len(raw) != msg.HeaderLength {
		return false, nil
	}
	if r.seen++; r.seen > maxRequests {
		return false, alert.Unexpected("hello_request", "RFC 5246 §7.4.1.1", "more than %d during one handshake", maxRequests)
	}
	return true, nil
}

// renegotiation is what a client remembers of its last handshake for the next one, and holds that
// to. A nil one stands for a first handshake.
type renegotiation struct {
	cfg            *ClientConfig
	client, server []byte // the contents of the last Finisheds (RFC 5746 §3.1)
	last           *Result
}

// mayRenegotiate returns what the next handshake has to agree with, or nil where there must be
// none: one was enough, or the server does not bind it to this one (RFC 5746 §4.2).
func (c *client12) mayRenegotiate(client, server []byte) *renegotiation {
	cfg := c.cfg
	if cfg.Renegotiate == RenegotiateNever || cfg.Renegotiate == RenegotiateOnce && c.again != nil ||
		!c.hello.Extensions.Has(iana.ExtRenegotiationInfo) {
		return nil
	}
	c.result.Renegotiable = true
	return &renegotiation{cfg, slices.Clone(client), slices.Clone(server), c.result}
}

// run renegotiates: the same version, no session that would be resumed.
func (r *renegotiation) run(ctx context.Context, t Transport) (*Result, Post, error) {
	cfg := *r.cfg
	cfg.MinVersion, cfg.MaxVersion = r.last.Version, r.last.Version
	cfg.Resumption, cfg.Fallback, cfg.GREASE = nil, false, false
	result, post, err := runClient(ctx, t, &cfg, r)
	if p, ok := post.(post12); ok && p.again != nil {
		p.again.cfg = r.cfg
	}
	if result != nil {
		result.Renegotiable = true // its exporter is not that of the first handshake
		if result.ALPN == "" {
			result.ALPN = r.last.ALPN
		}
	}
	return result, post, err
}

// ofClient is what a client's renegotiation_info has (RFC 5746 §3.5).
func (r *renegotiation) ofClient() []byte {
	if r == nil {
		return nil
	}
	return r.client
}

// checkInfo holds a server's renegotiation_info to what it must be: empty in a first handshake,
// and then both Finisheds of the one before (RFC 5746 §3.4, §3.5).
func (r *renegotiation) checkInfo(m *msg.ServerHello) error {
	const where = "server_hello.renegotiation_info"
	switch {
	case r == nil && len(m.RenegotiatedConnInfo) != 0:
		return alert.Illegal(where, "RFC 5746 §3.4", "it is not empty in a first handshake").With(iana.AlertHandshakeFailure)
	case r == nil:
		return nil
	case !m.Extensions.Has(iana.ExtRenegotiationInfo):
		return alert.Illegal("server_hello", "RFC 5746 §3.5", "renegotiation_info is missing").With(iana.AlertHandshakeFailure)
	case !hmac.Equal(m.RenegotiatedConnInfo, slices.Concat(r.client, r.server)):
		return alert.Illegal(where, "RFC 5746 §3.5", "it is not of the handshake before").With(iana.AlertHandshakeFailure)
	}
	return nil
}

// checkSame holds what an application relies on to what it was before.
func (r *renegotiation) checkSame(now *Result) error {
	switch {
	case r == nil:
		return nil
	case r.last.ExtendedMain && !now.ExtendedMain:
		return alert.Illegal("server_hello.extended_main_secret", "RFC 7627 §5.2", "it was used before and is not in the renegotiation").
			With(iana.AlertHandshakeFailure)
	case now.ALPN != "" && now.ALPN != r.last.ALPN:
		return alert.Illegal("server_hello.application_layer_protocol_negotiation", "RFC 7301 §3.1", "%q, which was %q before the renegotiation", now.ALPN, r.last.ALPN)
	}
	return nil
}

// checkPeer refuses a server that is another now than it was before: whoever looked at it looked
// once.
func (r *renegotiation) checkPeer(peer *auth.Peer) error {
	if r == nil || sameIdentity(&r.last.Peer, peer) {
		return nil
	}
	return alert.Auth("certificate_1_2.certificate_list", "RFC 5746 §5", "the server's certificate changed in a renegotiation")
}

// sameIdentity reports whether two show the same certificate, or the same key without one.
func sameIdentity(a, b *auth.Peer) bool {
	if a.Raw || b.Raw {
		key, ok := a.Key.(interface{ Equal(crypto.PublicKey) bool })
		return a.Raw && b.Raw && ok && key.Equal(b.Key)
	}
	return len(a.Certificates) > 0 && len(b.Certificates) > 0 && bytes.Equal(a.Certificates[0].Raw, b.Certificates[0].Raw)
}
