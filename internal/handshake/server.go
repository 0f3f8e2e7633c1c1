package handshake

import (
	"context"
	"io"
	"slices"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
)

// server is what both server flows share.
type server struct {
	flow
	ctx    context.Context
	cfg    *ServerConfig
	hello  *msg.ClientHello
	raw    []byte // hello as it came
	facts  *auth.ClientHelloFacts
	types  certTypes
	random [32]byte // ServerHello.random
	result *Result
}

// Server runs the server's side of a handshake, RFC 9846 Appendix A.2 or RFC 5246 §7.3,
// in the newest version that both ends allow.
//
//	START ──ClientHello──► RECVD_CH ─► TLS 1.3: server13.go
//	                                └► TLS 1.2: server12.go
func Server(ctx context.Context, t Transport, cfg *ServerConfig) (result *Result, post Post, err error) {
	s := &server{flow: newFlow(t), ctx: ctx, cfg: cfg, result: &Result{}}
	defer func() {
		if post == nil { // it failed, or a callback did not return
			s.result.wipe()
		}
	}()
	return s.run()
}

func (s *server) run() (*Result, Post, error) {
	if err := s.recvClientHello(); err != nil {
		return nil, nil, err
	}
	if err := s.checkFallback(); err != nil {
		return nil, nil, err
	}
	v, err := chooseVersion(&s.cfg.Policy, s.hello)
	if err != nil {
		return nil, nil, err
	}
	s.result.Version, s.layout.Version = v, v
	s.t.SetVersion(v)
	if _, err := io.ReadFull(s.cfg.Rand, s.random[:]); err != nil {
		return nil, nil, alert.Internal("server_hello.random", "no randomness: %w", err)
	}
	if v == iana.VersionTLS13 {
		return (&server13{server: s}).run()
	}
	return (&server12{server: s}).run()
}

// recvClientHello takes the first message, and the configuration that goes with it.
func (s *server) recvClientHello() error {
	s.hello = &msg.ClientHello{}
	var err error
	if s.raw, err = s.receive(s.hello); err != nil {
		return err
	}
	if err := s.checkExtensions(); err != nil {
		return err
	}
	name, err := serverName(s.hello)
	if err != nil {
		return err
	}
	s.result.ServerName, s.result.ClientRandom = name, s.hello.Random
	s.facts = facts(s.hello, name)
	if s.cfg.ForClient == nil {
		return nil
	}
	cfg, err := s.cfg.ForClient(s.ctx, s.facts)
	if err != nil {
		return alert.Internal("client_hello", "no configuration for this client: %w", err).With(alert.For(err))
	}
	if cfg != nil {
		s.cfg = cfg
	}
	return nil
}

// checkExtensions holds the extensions of ClientHello to their places (RFC 9846 §4.3).
func (s *server) checkExtensions() error {
	if err := checkCompression(s.hello.CompressCertificate); err != nil {
		return err
	}
	return order.CheckExtensions(order.ClientHello, 0, &s.hello.Extensions, nil)
}

// checkFallback refuses a client that came back with an older version than it can speak,
// where this server speaks a newer one, whether it speaks the older one or not (RFC 7507
// §3).
func (s *server) checkFallback() error {
	if !slices.Contains(s.hello.CipherSuites, iana.TLS_FALLBACK_SCSV) {
		return nil
	}
	var newest iana.Version
	for _, v := range offeredVersions(s.hello) {
		if !iana.IsGREASE(uint16(v)) {
			newest = max(newest, v)
		}
	}
	if newest < s.cfg.MaxVersion {
		return alert.NoCommonGround("client_hello.cipher_suites", "RFC 7507 §3",
			"the client fell back to %v, but this server speaks %v", newest, s.cfg.MaxVersion).
			With(iana.AlertInappropriateFallback)
	}
	return nil
}

// credential asks for our certificate.
func (s *server) credential() (*auth.Credential, error) {
	if s.types.server == iana.CertTypeRawPublicKey {
		return s.cfg.RawKey, nil
	}
	if s.cfg.Identity == nil {
		return nil, alert.NoCommonGround("certificate", "RFC 5246 §7.4.2", "there is no certificate, and no key that the client shares")
	}
	cred, err := s.cfg.Identity.ServerCredential(s.ctx, s.facts)
	if err != nil {
		return nil, err
	}
	if cred == nil || len(cred.Chain) == 0 || cred.Key == nil {
		return nil, alert.Internal("certificate", "there is no certificate for %q", s.result.ServerName).
			With(iana.AlertUnrecognizedName)
	}
	return cred, nil
}
