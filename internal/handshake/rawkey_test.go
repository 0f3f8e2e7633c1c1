package handshake

import (
	"crypto"
	"errors"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// TestCertTypes chooses types of certificate, and refuses what was not offered (RFC 7250 §4.2).
func TestCertTypes(t *testing.T) {
	const raw, x509, openPGP = iana.CertTypeRawPublicKey, iana.CertTypeX509, 1
	anybody := &auth.Trust{VerifyKey: func(crypto.PublicKey) error { return nil }}
	client := func(offered []byte, x iana.ExtensionType, chosen uint8) error {
		c := &client{hello: &msg.ClientHello{ServerCertTypes: offered, ClientCertTypes: offered}}
		m := &msg.EncryptedExtensions{}
		m.Extensions.Add(x)
		return c.recvCertTypes("encrypted_extensions", &m.Extensions, chosen, chosen)
	}
	server := func(cfg *ServerConfig, clients, servers []byte) error {
		s := &server{cfg: cfg, hello: &msg.ClientHello{ClientCertTypes: clients, ServerCertTypes: servers}}
		if clients != nil {
			s.hello.Extensions.Add(iana.ExtClientCertificateType)
		}
		if servers != nil {
			s.hello.Extensions.Add(iana.ExtServerCertificateType)
		}
		return s.chooseCertTypes()
	}
	noneForServer := server(&ServerConfig{}, nil, []byte{byte(raw)})
	noneForClient := server(&ServerConfig{ClientAuth: auth.RequestClientCert, ClientTrust: &auth.Trust{}}, []byte{byte(raw)}, nil)
	notAsked := server(&ServerConfig{}, []byte{byte(raw)}, nil)
	unknown := server(&ServerConfig{RawKey: &auth.Credential{}, ClientTrust: anybody}, nil, []byte{openPGP, 77})
	for _, tt := range []struct {
		name string
		err  error
		want iana.Alert // 0: none
	}{
		{"a client: what it offers", client(rawOrNot, iana.ExtServerCertificateType, uint8(raw)), 0},
		{"a client: the other that it offers", client(rawOrNot, iana.ExtClientCertificateType, uint8(x509)), 0},
		{"a client: OpenPGP for the server", client(rawOrNot, iana.ExtServerCertificateType, openPGP), iana.AlertIllegalParameter},
		{"a client: an unknown type for itself", client(rawOrNot, iana.ExtClientCertificateType, 77), iana.AlertIllegalParameter},
		{"a server without a key, for clients that take nothing else", noneForServer, iana.AlertUnsupportedCertificate},
		{"a server that takes no key, of clients that have nothing else", noneForClient, iana.AlertUnsupportedCertificate},
		{"a server that asks for nothing", notAsked, 0},
		{"a server and types that nobody knows", unknown, iana.AlertUnsupportedCertificate},
	} {
		var fact *alert.Error
		switch {
		case tt.want == 0 && tt.err != nil:
			t.Errorf("%s: got %v, want none", tt.name, tt.err)
		case tt.want != 0 && (!errors.As(tt.err, &fact) || fact.Alert != tt.want || !strings.Contains(fact.Ref, "RFC 7250")):
			t.Errorf("%s: got %v, want %v", tt.name, tt.err, tt.want)
		}
	}
}
