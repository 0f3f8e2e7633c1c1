package handshake

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// TestRenegotiationIsBound holds second handshakes to the first (RFC 5746 §3.4, §3.5).
func TestRenegotiationIsBound(t *testing.T) {
	cert := func(raw string) *auth.Peer {
		return &auth.Peer{Certificates: []*x509.Certificate{{Raw: []byte(raw)}}}
	}
	again := &renegotiation{
		client: []byte("client here!"), server: []byte("server here!"),
		last: &Result{Agreed: Agreed{ALPN: "h2", ExtendedMain: true}, Peer: *cert("one")},
	}
	hello := func(info string, extensions ...iana.ExtensionType) *msg.ServerHello {
		m := &msg.ServerHello{RenegotiatedConnInfo: []byte(info)}
		m.Extensions.Add(extensions...)
		return m
	}
	const info = iana.ExtRenegotiationInfo
	for _, tt := range []struct {
		name string
		err  error
		want iana.Alert // 0: none
	}{
		{"first, without", (*renegotiation)(nil).checkInfo(hello("")), 0},
		{"first, empty", (*renegotiation)(nil).checkInfo(hello("", info)), 0},
		{"first, with something in it", (*renegotiation)(nil).checkInfo(hello("x", info)), iana.AlertHandshakeFailure},
		{"as it should be", again.checkInfo(hello("client here!server here!", info)), 0},
		{"missing", again.checkInfo(hello("")), iana.AlertHandshakeFailure},
		{"empty", again.checkInfo(hello("", info)), iana.AlertHandshakeFailure},
		{"the client's half", again.checkInfo(hello("client here!", info)), iana.AlertHandshakeFailure},
		{"in the wrong order", again.checkInfo(hello("server here!client here!", info)), iana.AlertHandshakeFailure},
		{"of another handshake", again.checkInfo(hello("client here!server there", info)), iana.AlertHandshakeFailure},

		{"first, any certificate", (*renegotiation)(nil).checkPeer(cert("two")), 0},
		{"the same certificate", again.checkPeer(cert("one")), 0},
		{"another certificate", again.checkPeer(cert("two")), iana.AlertBadCertificate},

		{"the same protocol", again.checkSame(&Result{Agreed: Agreed{ALPN: "h2", ExtendedMain: true}}), 0},
		{"no protocol", again.checkSame(&Result{Agreed: Agreed{ExtendedMain: true}}), 0},
		{"another protocol", again.checkSame(&Result{Agreed: Agreed{ALPN: "http/1.1", ExtendedMain: true}}), iana.AlertIllegalParameter},
		{"no extended main secret", again.checkSame(&Result{Agreed: Agreed{ALPN: "h2"}}), iana.AlertHandshakeFailure},
	} {
		var fact *alert.Error
		switch {
		case tt.want == 0 && tt.err != nil:
			t.Errorf("%s: got %v, want none", tt.name, tt.err)
		case tt.want != 0 && (!errors.As(tt.err, &fact) || fact.Alert != tt.want || !strings.Contains(fact.Ref, "RFC ")):
			t.Errorf("%s: got %v, want %v", tt.name, tt.err, tt.want)
		}
	}
}

// TestWhoRenegotiates: a client that may, as often as it may, with a server that binds handshakes
// to each other.
func TestWhoRenegotiates(t *testing.T) {
	for _, tt := range []struct {
		how    Renegotiate
		second bool
		bound  bool
		want   bool
	}{
		{RenegotiateNever, false, true, false},
		{RenegotiateOnce, false, true, true},
		{RenegotiateOnce, true, true, false},
		{RenegotiateFreely, true, true, true},
		{RenegotiateFreely, false, false, false},
	} {
		c := &client12{client: &client{cfg: &ClientConfig{Renegotiate: tt.how}, result: &Result{}}, hello: &msg.ServerHello{}}
		if tt.second {
			c.again = &renegotiation{}
		}
		if tt.bound {
			c.hello.Extensions.Add(iana.ExtRenegotiationInfo)
		}
		if got := c.mayRenegotiate(nil, nil) != nil; got != tt.want || c.result.Renegotiable != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

// TestHelloRequestsAreIgnored during a handshake, up to a bound, and only where they can be.
func TestHelloRequestsAreIgnored(t *testing.T) {
	request := []byte{byte(iana.HandshakeHelloRequest), 0, 0, 0}
	r := requests{ignored: true}
	for range maxRequests {
		if passed, err := r.pass(request); !passed || err != nil {
			t.Fatalf("got %v, %v, want it passed over", passed, err)
		}
	}
	var fact *alert.Error
	if _, err := r.pass(request); !errors.As(err, &fact) || fact.Alert != iana.AlertUnexpectedMessage {
		t.Errorf("one more: got %v, want unexpected_message", err)
	}
	for _, raw := range [][]byte{{byte(iana.HandshakeHelloRequest), 0, 0, 1, 0}, {byte(iana.HandshakeServerHello), 0, 0, 0}} {
		if passed, err := new(requests).pass(request); passed || err != nil {
			t.Errorf("in TLS 1.3: got %v, %v", passed, err)
		}
		if passed, err := (&requests{ignored: true}).pass(raw); passed || err != nil {
			t.Errorf("%x: got %v, %v, want it looked at", raw, passed, err)
		}
	}
}
