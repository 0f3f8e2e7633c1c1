package tls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net"
	"testing"

	"github.com/akushu/akushu/tls"
)

// clientOf and serverOf are ends of ours as talk takes them.
func clientOf(c *tls.Config) stack {
	return stack{"akushu", func(n net.Conn) conn { return tls.Client(n, c) }, nil}
}

func serverOf(c *tls.Config) stack {
	return stack{"akushu", nil, func(n net.Conn) conn { return tls.Server(n, c) }}
}

// TestTicketThatDoesNotFit has somebody show the ticket of a client that had a certificate where it
// stands for nothing: it must not say who the client is, for only a binder shows that the ticket is
// the client's own.
func TestTicketThatDoesNotFit(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cert, pool := newCert(t)
		cache := tls.NewLRUClientSessionCache(1)
		client := &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: []tls.Certificate{cert}, ClientSessionCache: cache, NextProtos: []string{"second"}}
		server := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version, ClientAuth: tls.RequestClientCert, NextProtos: []string{"first", "second"}}
		server.SetSessionTicketKeys([][32]byte{{1}})
		notAsking := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version, NextProtos: server.NextProtos}
		notAsking.SetSessionTicketKeys([][32]byte{{1}})
		thief := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: cache, NextProtos: []string{"first", "second"}}
		for _, tt := range []struct {
			name           string
			client, server *tls.Config
		}{
			{"another protocol", thief, server},
			{"a server that does not ask", client, notAsking},
		} {
			t.Run(tls.VersionName(version)+"/"+tt.name, func(t *testing.T) {
				if _, s := talk(t, clientOf(client), serverOf(server)); len(s.PeerCertificates) != 1 {
					t.Fatalf("got %d certificates of the client, want 1", len(s.PeerCertificates))
				}
				_, s := talk(t, clientOf(tt.client), serverOf(tt.server))
				if s.DidResume || len(s.PeerCertificates) != 0 {
					t.Errorf("resumed: %v, the client has %d certificates, want false and none", s.DidResume, len(s.PeerCertificates))
				}
			})
		}
	}
}

// TestResumeRawPublicKeys resumes connections whose ends showed keys alone, and only while those
// keys are accepted.
func TestResumeRawPublicKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, pool := newCert(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		knowing := func(keys ...crypto.PublicKey) *tls.Config {
			c := &tls.Config{
				Certificates: []tls.Certificate{cert}, RawPublicKey: key, PeerPublicKeys: keys, RootCAs: pool, ClientCAs: pool, ServerName: "localhost",
				MinVersion: version, MaxVersion: version, ClientAuth: tls.RequireAnyClientCert,
			}
			c.SetSessionTicketKeys([][32]byte{{1}})
			return c
		}
		for _, tt := range []struct {
			name           string
			client, server *tls.Config // of the second connection
			want           bool        // it is resumed
		}{
			{"as before", knowing(key.Public()), knowing(key.Public()), true},
			{"one key more", knowing(other.Public(), key.Public()), knowing(other.Public(), key.Public()), true},
			{"the client takes no keys any more", knowing(), knowing(key.Public()), false},
			{"the server takes no keys any more", knowing(key.Public()), knowing(), false},
		} {
			t.Run(tls.VersionName(version)+"/"+tt.name, func(t *testing.T) {
				cache := tls.NewLRUClientSessionCache(1)
				first := knowing(key.Public())
				first.ClientSessionCache, tt.client.ClientSessionCache = cache, cache
				talk(t, clientOf(first), serverOf(knowing(key.Public())))
				if c, s := talk(t, clientOf(tt.client), serverOf(tt.server)); c.DidResume != tt.want || s.DidResume != tt.want {
					t.Errorf("the client resumed: %v, the server: %v, want %v", c.DidResume, s.DidResume, tt.want)
				}
			})
		}
	}
}
