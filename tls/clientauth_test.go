package tls_test

import (
	"net"
	"testing"

	"github.com/akushu/akushu/tls"
)

// TestClientSignatureScheme has a client show a certificate: both ends know with which scheme
// it signed.
func TestClientSignatureScheme(t *testing.T) {
	cert, pool := newCert(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range []struct {
			own  []tls.Certificate
			want string
		}{{[]tls.Certificate{cert}, "ecdsa_secp256r1_sha256"}, {nil, ""}} {
			server := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, MaxVersion: v}
			client := &tls.Config{Certificates: tt.own, RootCAs: pool, ServerName: "localhost"}
			ours := stack{
				"akushu",
				func(c net.Conn) conn { return tls.Client(c, client) },
				func(c net.Conn) conn { return tls.Server(c, server) },
			}
			c, s := shaken(t, links[0], ours, ours)
			for who, end := range map[string]conn{"client": c, "server": s} {
				if info, _ := end.(*tls.Conn).Info(); info.ClientSignatureScheme != tt.want {
					t.Errorf("%s, %s, %d certificates: got %q, want %q", tls.VersionName(v), who, len(tt.own), info.ClientSignatureScheme, tt.want)
				}
			}
			if got := len(s.ConnectionState().PeerCertificates); got != len(tt.own) {
				t.Errorf("%s: the server saw %d certificates, want %d", tls.VersionName(v), got, len(tt.own))
			}
		}
	}
}
