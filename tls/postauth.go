package tls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
)

// ErrNoPostHandshakeAuth is the error of [Conn.RequestClientCertificate] where the client may
// not be asked: it did not offer it, is older than TLS 1.3, or is known by an external PSK (RFC
// 9846 §4.3.6, §4.4.2).
var ErrNoPostHandshakeAuth = errors.New("tls: the client may not be asked for a certificate after the handshake")

var (
	errRequestAtClient = errors.New("tls: RequestClientCertificate called on TLS client connection")
	errTooMuchKept     = fmt.Errorf("tls: more than %d bytes of application data came before the client's answer", maxKept)
)

// RequestClientCertificate asks the client for its certificate after the handshake (RFC 9846
// §4.7.2), after a handshake if there was none yet, and waits for the answer: a server that
// wants to know only some clients need not ask all of them. want says what is accepted, with
// Config.ClientCAs as in the handshake. On success [Conn.ConnectionState] has the certificates,
// as far as the client has any. VerifyPeerCertificate and VerifyConnection are asked as in the
// handshake.
//
// The error is [ErrNoPostHandshakeAuth] where the client may not be asked. Where it is refused
// the connection ends, and the error is what a handshake would have returned. Where ctx
// ends, nothing happens to the connection: the answer may come later, and counts then.
//
// Application data that comes before the answer is kept for Read; where it is more than 64
// KiB an error says so, and the answer counts when Read gets to it.
func (c *Conn) RequestClientCertificate(ctx context.Context, want ClientAuthType) error {
	if c.client {
		return errRequestAtClient
	}
	if want <= NoClientCert || want > RequireAndVerifyClientCert {
		return fmt.Errorf("tls: RequestClientCertificate: there is nothing to ask for with %v", want)
	}
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	if err := c.checkEarly(); err != nil {
		return err
	}
	client, ok := c.in.post.(handshake.Requester)
	if !ok {
		return ErrNoPostHandshakeAuth
	}
	answered := make(chan struct{})
	request, err := client.RequestCertificate(auth.ClientAuth(want), func(r *handshake.Result) {
		c.result.Store(r)
		close(answered)
	})
	if err == nil {
		err = c.out.sendMessages(func(keys.Secret) [][]byte { return [][]byte{request} })
	}
	if err != nil {
		return err
	}
	return c.in.await(ctx, answered)
}

// sendMessages sends handshake messages behind one another, made to go under the traffic
// secret that they are given.
func (h *outHalf) sendMessages(messages func(keys.Secret) [][]byte) error {
	h.mu.Lock()
	defer h.unlock()
	if h.drain(); h.err != nil {
		return h.err
	}
	err := h.freshen()
	if err == nil {
		for _, raw := range messages(h.records.Secret()) {
			if err = h.records.WriteMessage(raw); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = h.records.Flush()
	}
	if err != nil {
		return h.fail(err)
	}
	return nil
}

// Answer implements [handshake.PostTransport].
func (h *inHalf) Answer(prepare func(context.Context) (*handshake.Answer, error)) {
	go h.conn.answer(prepare)
}

// answer answers a request of the server's. It may have to wait, for a callback and for a
// Write that is under way, which no Read is to wait for.
func (c *Conn) answer(prepare func(context.Context) (*handshake.Answer, error)) {
	err := errNoReturn
	defer func() {
		if err != nil {
			c.breakOff(err)
		}
	}()
	var a *handshake.Answer
	if a, err = prepare(c.lifetime()); err == nil {
		_ = c.out.sendMessages(a.Messages) // the next Write tells what became of it
	}
}

// lifetime returns a context that ends with Close.
func (c *Conn) lifetime() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	if !c.life.CompareAndSwap(nil, &life{ctx, cancel}) {
		cancel()
	}
	l := c.life.Load()
	if c.closed.Load() {
		l.cancel()
	}
	return l.ctx
}

// life is how long a connection's callbacks may run after the handshake.
type life struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// breakOff ends the connection with an error that is nobody's who reads or writes: both are
// told it.
func (c *Conn) breakOff(err error) {
	end := urgent{level: iana.AlertLevelFatal, err: publicError(err)}
	var told bool
	if end.code, told = alertFor(err); !told {
		end.code = iana.AlertInternalError
	}
	c.in.doom.CompareAndSwap(nil, &end.err)
	c.out.urge(end)
	c.deadline.interrupt(c.raw)
	if c.in.mu.TryLock() {
		_ = c.in.fail(end.err)
		c.in.unlock()
	}
}

// doomed reports whether the connection was broken off, and ends reading if it was.
func (h *inHalf) doomed() bool {
	doom := h.doom.Load()
	if doom == nil {
		return false
	}
	h.err = *doom
	h.conn.result.Load().Exporter.Wipe()
	h.wipe()
	return true
}

// keep puts the application data that is there aside for Read.
func (h *inHalf) keep() error {
	if len(h.kept)+len(h.data) > maxKept {
		return errTooMuchKept
	}
	h.kept = append(h.kept, h.data...)
	h.data = nil
	h.records.Done()
	return nil
}

// takeKept is what Read returns of what was kept.
func (h *inHalf) takeKept(b []byte) int {
	n := copy(b, h.kept)
	clear(h.kept[:n])
	if h.kept = h.kept[n:]; len(h.kept) == 0 {
		h.kept = nil
	}
	return n
}

// ReadSecret implements [handshake.PostTransport].
func (h *inHalf) ReadSecret() keys.Secret { return h.records.Secret() }

// Amid implements [handshake.PostTransport].
func (h *inHalf) Amid(amid bool) { h.amid = amid }

// ClientTrust implements [handshake.ClientJudge].
func (r *resolved) ClientTrust(want auth.ClientAuth) (*auth.Trust, [][]byte) {
	trust := auth.Trust{Roots: r.clientTrust.Roots, Usage: x509.ExtKeyUsageClientAuth, Skip: !want.Verifies()}
	return &trust, authorities(trust.Roots)
}

// JudgeClient implements [handshake.ClientJudge].
func (r *resolved) JudgeClient(result *handshake.Result) error {
	if r.verifyPeerCertificate != nil {
		if err := r.judgeCertificates(result); err != nil {
			return err
		}
	}
	return r.judge(result)
}
