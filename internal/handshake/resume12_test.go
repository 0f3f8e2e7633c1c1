package handshake_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// A clock that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// keeps has both ends keep sessions; where it is by ID, the server gives no tickets.
func keeps(byID bool) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		env := session.Env{Rand: rand.Reader, Now: s.Now}
		keys := session.NewTicketKeys(env)
		c.Resumption = &handshake.ClientResumption{Cache: session.NewClientCache(session.DefaultLimits, c.Now)}
		s.Resumption = &handshake.ServerResumption{Tickets: keys, Lifetime: session.MaxLifetime}
		if byID {
			s.Resumption.Tickets = nil
			s.Resumption.IDs = &session.IDs{Cache: session.NewServerCache(session.DefaultLimits, s.Now), Tickets: keys}
		}
	}
}

// warm has both ends keep sessions and makes one.
func warm(byID bool) func(*handshake.ClientConfig, *handshake.ServerConfig) {
	return func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
		keeps(byID)(c, s)
		if c, s := new(pair).run(c, s); c.err != nil || s.err != nil {
			panic(fmt.Sprint("the first handshake: ", c.err, s.err))
		}
	}
}

var full12WithTicket = []string{
	"client ClientHello",
	"server ServerHello",
	"server Certificate",
	"server ServerKeyExchange",
	"server ServerHelloDone",
	"client ClientKeyExchange",
	"client ChangeCipherSpec",
	"client Finished",
	"server NewSessionTicket",
	"server ChangeCipherSpec",
	"server Finished",
}

var abbreviated12 = []string{
	"client ClientHello",
	"server ServerHello",
	"server ChangeCipherSpec",
	"server Finished",
	"client ChangeCipherSpec",
	"client Finished",
}

var abbreviated12WithTicket = []string{
	"client ClientHello",
	"server ServerHello",
	"server NewSessionTicket",
	"server ChangeCipherSpec",
	"server Finished",
	"client ChangeCipherSpec",
	"client Finished",
}

// kinds are the ways to resume a session of TLS 1.2, and what the first handshake then is.
var kinds = []struct {
	name  string
	byID  bool
	first []string
}{
	{"ticket", false, full12WithTicket},
	{"session ID", true, full12},
}

// TestResume12 resumes a session of TLS 1.2 again and again, from a client that would speak
// TLS 1.3 too and from one that would not.
func TestResume12(t *testing.T) {
	for _, kind := range kinds {
		for _, newest := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/client up to %v", kind.name, newest), func(t *testing.T) {
				client, server := ends(t)
				client.MaxVersion, server.MaxVersion = newest, iana.VersionTLS12
				keeps(kind.byID)(client, server)
				for i := range 4 {
					p := new(pair)
					c, s := p.run(client, server)
					if c.err != nil || s.err != nil {
						t.Fatalf("client: %v, server: %v", c.err, s.err)
					}
					want := abbreviated12
					if i == 0 {
						want = kind.first
					}
					if diff := cmp.Diff(want, p.log); diff != "" {
						t.Errorf("handshake %d (-want +got):\n%s", i, diff)
					}
					agree(t, c.result, s.result)
					if c.result.Resumed != (i > 0) || s.result.Resumed != (i > 0) {
						t.Errorf("handshake %d: resumed %v and %v", i, c.result.Resumed, s.result.Resumed)
					}
					if got := len(c.result.Peer.Chains); got != 1 {
						t.Errorf("handshake %d: got %d chains of the server, want 1", i, got)
					}
				}
			})
		}
	}
}

// A certificate whose key encrypts and may not sign is as good for a session as it was for the handshake.
func TestResumeWithKeyThatEncrypts(t *testing.T) {
	client, server := ends(t)
	id, trust := identityOf(t, rsaKey(), x509.KeyUsageKeyEncipherment)
	client.Trust, server.Identity = trust, id
	client.MaxVersion, server.MaxVersion = iana.VersionTLS12, iana.VersionTLS12
	client.Suites = slices.DeleteFunc(slices.Clone(client.Suites), func(s *suite.Suite) bool { return s.KeyExchange != suite.KeyExchangeRSA })
	warm(false)(client, server)
	c, s := new(pair).run(client, server)
	if c.err != nil || s.err != nil || !c.result.Resumed || !s.result.Resumed {
		t.Errorf("got errors %v and %v, want the session resumed", c.err, s.err)
	}
}

// TestTicket12IsRenewed gives a new ticket for one whose key is old, in an abbreviated
// handshake; the session does not live longer by it than since somebody proved who they are.
func TestTicket12IsRenewed(t *testing.T) {
	client, server := ends(t)
	now := &clock{now}
	client.Now, server.Now, server.MaxVersion = now.now, now.now, iana.VersionTLS12
	client.Trust.Skip = true // the certificate does not last as long
	keeps(false)(client, server)
	for i, want := range [][]string{
		full12WithTicket, abbreviated12WithTicket, abbreviated12WithTicket, abbreviated12WithTicket,
		abbreviated12WithTicket, abbreviated12WithTicket, abbreviated12WithTicket, full12WithTicket,
	} {
		p := new(pair)
		c, s := p.run(client, server)
		if diff := cmp.Diff(want, p.log); diff != "" || c.err != nil || s.err != nil {
			t.Errorf("day %d: %v, %v (-want +got):\n%s", i, c.err, s.err, diff)
		}
		now.at = now.at.Add(24 * time.Hour)
	}
}

// deaf is a cache and a maker of tickets that fails.
type deaf struct{}

func (deaf) Put(context.Context, []byte, []byte, time.Time) error       { return errBroken }
func (deaf) Get(context.Context, []byte) ([]byte, error)                { return nil, errBroken }
func (deaf) Remove(context.Context, []byte) error                       { return errBroken }
func (deaf) Seal(context.Context, *session.State) ([]byte, error)       { return nil, errBroken }
func (deaf) Open(context.Context, []byte) (*session.State, bool, error) { return nil, false, errBroken }

// changedTickets is tickets whose sessions are changed when they are opened.
type changedTickets struct {
	session.Tickets
	edit func(*session.State)
}

func (c changedTickets) Open(ctx context.Context, ticket []byte) (*session.State, bool, error) {
	s, renew, err := c.Tickets.Open(ctx, ticket)
	if err == nil {
		c.edit(s)
	}
	return s, renew, err
}

// TestSessionsAreOnlyAnOffer has a server that may not resume the client's session, or a client
// that may not offer it: that costs a full handshake, and nothing else.
func TestSessionsAreOnlyAnOffer(t *testing.T) {
	edited := func(edit func(*session.State)) func(*handshake.ClientConfig, *handshake.ServerConfig) {
		return func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			r := s.Resumption
			if r.IDs != nil {
				r.IDs.Tickets = changedTickets{r.IDs.Tickets, edit}
			} else {
				r.Tickets = changedTickets{r.Tickets, edit}
			}
		}
	}
	for _, row := range []struct {
		name    string
		change  func(*handshake.ClientConfig, *handshake.ServerConfig)
		resumes bool
	}{
		{"nothing changed", func(*handshake.ClientConfig, *handshake.ServerConfig) {}, true},
		{"another application protocol", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.ALPN = []string{"http/1.1"} }, false},
		{"another policy for clients", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.Resumption.Auth[0]++ }, false},
		{"another suite, the client's", func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.Suites = without12(c.Suites) }, false},
		{"another suite, the server's", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.Suites = without12(s.Suites) }, false},
		{"it is old", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.Now = func() time.Time { return now.Add(30 * 24 * time.Hour) }
			s.Now, c.Trust.Skip = c.Now, true
		}, false},
		{"for another name", edited(func(s *session.State) { s.ServerName = "other.example" }), false},
		{"it has no extended main secret", edited(func(s *session.State) { s.ExtendedMain = false }), false},
		{"it is of another version", edited(func(s *session.State) { s.Version = iana.VersionTLS11 }), false},
		{"the server has forgotten it", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) {
			if s.Resumption.IDs != nil {
				s.Resumption.IDs = &session.IDs{Cache: deaf{}, Tickets: deaf{}}
			} else {
				s.Resumption.Tickets = deaf{}
			}
		}, false},
		{"the server keeps none any more", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.Resumption = nil }, false},
		{"the client keeps none any more", func(c *handshake.ClientConfig, _ *handshake.ServerConfig) { c.Resumption = nil }, false},
		{"the client wants TLS 1.3", func(c *handshake.ClientConfig, s *handshake.ServerConfig) {
			c.MinVersion, s.MaxVersion = iana.VersionTLS13, iana.VersionTLS13
		}, false},
		{"the server has learned TLS 1.3", func(_ *handshake.ClientConfig, s *handshake.ServerConfig) { s.MaxVersion = iana.VersionTLS13 }, false},
	} {
		for _, kind := range kinds {
			t.Run(row.name+"/"+kind.name, func(t *testing.T) {
				client, server := ends(t)
				server.MaxVersion = iana.VersionTLS12
				warm(kind.byID)(client, server)
				row.change(client, server)
				p := new(pair)
				c, s := p.run(client, server)
				if c.err != nil || s.err != nil {
					t.Fatalf("client: %v, server: %v, %v", c.err, s.err, p.log)
				}
				if c.result.Resumed != row.resumes || s.result.Resumed != row.resumes {
					t.Errorf("resumed %v and %v, want %v", c.result.Resumed, s.result.Resumed, row.resumes)
				}
			})
		}
	}
}

// without12 leaves out the suite of TLS 1.2 that is chosen first.
func without12(all []*suite.Suite) (rest []*suite.Suite) {
	left := false
	for _, s := range all {
		if !left && s.Supports(iana.VersionTLS12) && s.Auth == suite.AuthECDSA {
			left = true
			continue
		}
		rest = append(rest, s)
	}
	return rest
}

// A session of TLS 1.2 whose handshake failed is not offered again (RFC 5077 §3.2), and one
// that was made under trust that is gone is not offered at all.
func TestSession12IsDropped(t *testing.T) {
	for _, kind := range kinds {
		client, server := ends(t)
		server.MaxVersion = iana.VersionTLS12
		warm(kind.byID)(client, server)
		p := &pair{tamper: nth("server Finished", func(raw []byte) [][]byte { return flip(nil, raw) })}
		if c, _ := p.run(client, server); c.err == nil {
			t.Fatalf("%s: a Finished that is wrong was accepted", kind.name)
		}
		c, s := new(pair).run(client, server)
		if c.err != nil || s.err != nil || c.result.Resumed {
			t.Errorf("%s: after a failure: %v, %v, want a full handshake", kind.name, c.err, s.err)
		}
		_, client.Trust = newIdentity(t)
		p = new(pair)
		c, _ = p.run(client, server)
		var e *alert.Error
		if !errors.As(c.err, &e) || len(p.log) < 5 {
			t.Errorf("%s: trust is gone: got %v after %v, want a full handshake that fails", kind.name, c.err, p.log)
		}
	}
}

// A client that shows a certificate is known by it when it resumes, as long as it is good.
func TestResume12WithClientCertificate(t *testing.T) {
	for _, kind := range kinds {
		client, server := ends(t)
		id, trust := newIdentity(t)
		server.MaxVersion = iana.VersionTLS12
		server.ClientAuth, server.ClientTrust = auth.RequireAndVerifyClientCert, trust
		trust.Name = ""
		client.Identity = shows(id)
		warm(kind.byID)(client, server)
		c, s := new(pair).run(client, server)
		if c.err != nil || s.err != nil || !s.result.Resumed || len(s.result.Peer.Certificates) != 1 {
			t.Errorf("%s: %v, %v, resumed %v, want the client's certificate in a session", kind.name, c.err, s.err, s.result != nil && s.result.Resumed)
		}
		server.ClientTrust = &auth.Trust{Roots: client.Trust.Roots, Usage: trust.Usage}
		c, s = new(pair).run(client, server)
		var e *alert.Error
		if !errors.As(s.err, &e) || e.Alert == iana.AlertInternalError {
			t.Errorf("%s: the client is not trusted any more: got %v, %v", kind.name, c.err, s.err)
		}
	}
}

// shows is a client with a certificate.
type shows struct{ cred *auth.Credential }

func (s shows) ClientCredential(context.Context, *auth.CertificateRequestFacts) (*auth.Credential, error) {
	return s.cred, nil
}

// A server that resumes what it may not, or otherwise.
func TestClientRejectsResumption12(t *testing.T) {
	const sh, nst = "server ServerHello", "server NewSessionTicket"
	for _, kind := range kinds {
		setup := warm(kind.byID)
		rejects(t, flowOf{"client", iana.VersionTLS12}, []rejection{
			{
				name: kind.name + "/another suite than the session has", message: sh, setup: setup,
				change: edit(func(m *msg.ServerHello) { m.CipherSuite = iana.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 }),
				where:  "server_hello.cipher_suite", alert: illegal, ref: "RFC 5246 §7.4.1.3",
			},
			{
				name: kind.name + "/the session's extended main secret is gone", message: sh, setup: setup,
				change: edit(func(m *msg.ServerHello) { m.Extensions.Remove(iana.ExtExtendedMainSecret) }),
				where:  "server_hello.extended_main_secret", alert: failure, ref: "RFC 7627 §5.3",
			},
			{
				name: kind.name + "/another session ID, and no full handshake", message: sh, setup: setup,
				change: func(ctx *msg.Context, raw []byte) [][]byte {
					hello := edit(func(m *msg.ServerHello) { m.SessionID = []byte{1} })(ctx, raw)
					return append(hello, encode(ctx, &msg.Finished{VerifyData: make([]byte, 12)}))
				},
				where: "certificate_1_2", alert: unexpected, ref: "RFC 5246 §7.4.2",
			},
			{
				name: kind.name + "/its Finished is wrong", message: "server Finished", setup: setup, change: flip,
				where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9",
			},
		})
	}
	rejects(t, flowOf{"client", iana.VersionTLS12}, []rejection{
		{
			name: "a ticket is promised, nothing was asked", message: sh,
			change: edit(func(m *msg.ServerHello) { m.Extensions.Add(iana.ExtSessionTicket) }),
			where:  "server_hello.session_ticket", alert: unsupported, ref: "RFC 9846 §4.3",
		},
		{
			name: "another message in place of the ticket", message: nst, setup: keeps(false), change: instead(&msg.ServerHelloDone{}),
			where: "new_session_ticket_1_2", alert: unexpected, ref: "RFC 5077 §3.3",
		},
	})
}

// A client that resumes what it may not.
func TestServerRejectsResumption12(t *testing.T) {
	for _, kind := range kinds {
		rejects(t, flowOf{"server", iana.VersionTLS12}, []rejection{
			{
				name: kind.name + "/the session has an extended main secret, the client none", message: ch, setup: warm(kind.byID),
				change: without(iana.ExtExtendedMainSecret),
				where:  "client_hello.extended_main_secret", alert: failure, ref: "RFC 7627 §5.3",
			},
			{
				name: kind.name + "/its Finished is wrong", message: "client Finished", setup: warm(kind.byID), change: flip,
				where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9",
			},
		})
	}
}

// A ticket that cannot be made after all is an empty one (RFC 5077 §3.3): the session is not
// kept, and the handshake goes on.
func TestEmptyTicket12(t *testing.T) {
	client, server := ends(t)
	server.MaxVersion = iana.VersionTLS12
	keeps(false)(client, server)
	server.Resumption.Tickets = deaf{}
	for range 2 {
		p := new(pair)
		c, s := p.run(client, server)
		if diff := cmp.Diff(full12WithTicket, p.log); diff != "" || c.err != nil || s.err != nil {
			t.Errorf("%v, %v (-want +got):\n%s", c.err, s.err, diff)
		}
	}
}

// Every version and suite before TLS 1.3 resumes: with CBC, whether the MAC comes after
// encryption is settled anew.
func TestResumeEverySuite(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12} {
		for _, s := range suite.Usable() {
			if !s.Supports(v) || s.Auth != suite.AuthECDSA {
				continue // the certificate here is ECDSA
			}
			for _, kind := range kinds {
				client, server := ends(t)
				client.MinVersion, client.MaxVersion, client.Suites = v, v, []*suite.Suite{s}
				server.MinVersion = v
				warm(kind.byID)(client, server)
				p := new(pair)
				c, d := p.run(client, server)
				if c.err != nil || d.err != nil {
					t.Fatalf("%v, %v, %s: client: %v, server: %v", v, s.ID, kind.name, c.err, d.err)
				}
				if !c.result.Resumed || c.result.Suite != s || c.result.EncryptThenMAC != s.Cipher.CBC() {
					t.Errorf("%v, %v, %s: resumed %v with %v, encrypt-then-MAC %v", v, s.ID, kind.name, c.result.Resumed, c.result.Suite.ID, c.result.EncryptThenMAC)
				}
				agree(t, c.result, d.result)
			}
		}
	}
}
