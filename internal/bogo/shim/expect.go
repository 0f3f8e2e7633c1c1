package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// An expectation is what must have come of a handshake: nil if it did.
type expectation func(*session) error

// always is expected of every handshake.
var always = []expectation{
	func(s *session) error {
		shown := len(s.state.PeerCertificates) > 0 || s.info.PeerPublicKey != nil
		switch {
		case s.plan.wanted.noCertificate && shown:
			return errors.New("the peer sent a certificate")
		case s.plan.offer.psk != "" || s.plan.psks() != nil:
			return nil // a key that is shared stands for a certificate
		case !s.plan.wanted.noCertificate && !shown && (!s.plan.server || s.plan.callback.requirePeer):
			return errors.New("the peer sent no certificate")
		}
		return nil
	},
	func(s *session) error {
		return same("whether a session was resumed", s.state.DidResume, s.resumes && (!s.plan.wanted.miss || !s.state.HandshakeComplete))
	},
	func(s *session) error {
		want := s.plan.wanted.protocol
		if s.plan.server {
			want = s.plan.offer.protocol
		}
		return same("the protocol of ALPN", s.state.NegotiatedProtocol, want)
	},
}

// check compares what came of the handshake with what was to.
func (s *session) check() error {
	s.state = s.ConnectionState()
	s.info, _ = s.Info()
	s.usedPSK()
	for _, e := range slices.Concat(always, s.plan.expect) {
		if err := e(s); err != nil {
			return err
		}
	}
	return nil
}

// same compares.
func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// code is an expectation of a code point.
func code(what string, of func(*session) uint16) func(string) expectation {
	return func(want string) expectation {
		return func(s *session) error { return same(what, strconv.Itoa(int(of(s))), want) }
	}
}

// word is an expectation of a text.
func word(what string, of func(*session) string) func(string) expectation {
	return func(want string) expectation {
		return func(s *session) error { return same(what, of(s), want) }
	}
}

// data is an expectation of bytes.
func data(what string, of func(*session) []byte) func(string) expectation {
	return func(want string) expectation {
		return func(s *session) error {
			return same(what, base64.StdEncoding.EncodeToString(of(s)), want)
		}
	}
}

// is is an expectation that something holds.
func is(what string, holds func(*session) bool) expectation {
	return func(s *session) error { return same(what, holds(s), true) }
}

// signatureScheme is the one with which the peer signed. In a resumption nobody does.
func signatureScheme(want string) expectation {
	return func(s *session) error {
		n, err := strconv.ParseUint(want, 10, 16)
		if err != nil {
			return err
		}
		got := s.info.SignatureScheme
		if s.plan.server {
			got = s.info.ClientSignatureScheme
		}
		if s.state.DidResume || n == 0 {
			return same("the signature scheme", got, "")
		}
		return same("the signature scheme", got, iana.SignatureScheme(n).String())
	}
}

// sctList is the list of timestamps as it is sent.
func sctList(s *session) []byte {
	var list []byte
	for _, sct := range s.state.SignedCertificateTimestamps {
		list = append(list, byte(len(sct)>>8), byte(len(sct)))
		list = append(list, sct...)
	}
	return append([]byte{byte(len(list) >> 8), byte(len(list))}, list...)
}

// offeredProtocols is the client's offer of ALPN as it was sent.
func offeredProtocols(s *session) string {
	var list []byte
	for _, p := range s.hello.SupportedProtos {
		list = append(list, byte(len(p)))
		list = append(list, p...)
	}
	return string(list)
}

// peerChain expects the certificates of a PEM file of the peer.
func peerChain(file string) expectation {
	return func(s *session) error {
		want, err := readChain(file)
		if err != nil {
			return err
		}
		got := s.state.PeerCertificates
		if len(got) != len(want) {
			return same("the length of the peer's chain", len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i].Raw, want[i]) {
				return fmt.Errorf("certificate %d of the peer is another one", i)
			}
		}
		return nil
	}
}

// secureRenegotiation reports whether there is none, or it would be bound to the handshake.
func secureRenegotiation(s *session) bool {
	return s.info.SecureRenegotiation || s.state.Version >= tls.VersionTLS13
}

func suiteOf(s *session) uint16 { return s.state.CipherSuite }

// selected expects that a certain credential was used; that becomes known only when it
// has signed.
func selected(p *plan, v string) error {
	n, err := strconv.Atoi(v)
	p.expect = append(p.expect, func(s *session) error { return same("the credential in use", s.used, n) })
	return err
}

// offeredScheme adds to a list of signature schemes that the peer is to offer, which the
// flags name one after the other.
func offeredScheme(p *plan, v string) error {
	n, err := strconv.ParseUint(v, 10, 16)
	p.wanted.schemes = append(p.wanted.schemes, tls.SignatureScheme(n))
	if len(p.wanted.schemes) == 1 {
		p.expect = append(p.expect, func(s *session) error {
			var got []tls.SignatureScheme
			switch {
			case s.hello != nil:
				got = s.hello.SignatureSchemes
			case s.asked != nil:
				got = s.asked.SignatureSchemes
			}
			if !slices.Equal(got, p.wanted.schemes) {
				return fmt.Errorf("the peer takes the signature schemes %v, want %v", got, p.wanted.schemes)
			}
			return nil
		})
	}
	return err
}

// names takes a list of distinguished names in hexadecimal apart.
func names(list string) (all [][]byte, err error) {
	if list == "" || strings.HasPrefix(list, "<") { // <EMPTY>, <NULL>
		return nil, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		der, err := hex.DecodeString(name)
		if err != nil {
			return nil, err
		}
		all = append(all, der)
	}
	return all, nil
}

// askedFor expects a server to name issuers.
func askedFor(p *plan, v string) error {
	want, err := names(v)
	p.expect = append(p.expect, func(s *session) error {
		if s.asked == nil || !slices.EqualFunc(s.asked.AcceptableCAs, want, bytes.Equal) {
			return errors.New("the server asks for certificates of other issuers")
		}
		return nil
	})
	return err
}

// ask has a server name issuers.
func ask(p *plan, v string) (err error) {
	p.offer.authorities, err = names(v)
	return err
}
