package dissect_test

import (
	"bufio"
	gocmp "cmp"
	stdtls "crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// setting is what an end in this process is set up with.
type setting struct {
	*stdtls.Config
	suites  []uint16 // nil: its own
	resumes bool     // the client keeps sessions, and so does the server, under session IDs
}

// A stack is TLS in this process.
type stack struct {
	name           string
	client, server func(*setting) func(net.Conn) net.Conn
	suites         func(iana.Version) []iana.CipherSuite
}

// own is the Config of our stack.
func (s *setting) own() *tls.Config {
	c, err := tls.FromStd(s.Config)
	if err != nil {
		panic(err)
	}
	if s.suites != nil {
		c.CipherSuites = s.suites
	}
	if s.resumes {
		c.ClientSessionCache, c.ServerSessionCache = tls.NewLRUClientSessionCache(8), tls.NewLRUServerSessionCache(8)
	}
	return c
}

// std is the Config of crypto/tls.
func (s *setting) std() *stdtls.Config {
	c := s.Clone()
	c.CipherSuites = s.suites
	if s.resumes {
		c.ClientSessionCache = stdtls.NewLRUClientSessionCache(8)
	}
	return c
}

var (
	akushu = stack{
		"akushu",
		func(s *setting) func(net.Conn) net.Conn {
			cfg := s.own()
			return func(c net.Conn) net.Conn { return tls.Client(c, cfg) }
		},
		func(s *setting) func(net.Conn) net.Conn {
			cfg := s.own()
			return func(c net.Conn) net.Conn { return tls.Server(c, cfg) }
		},
		func(v iana.Version) (list []iana.CipherSuite) {
			for _, s := range suite.Usable() {
				if s.Supports(v) {
					list = append(list, s.ID)
				}
			}
			return list
		},
	}
	cryptoTLS = stack{
		"crypto/tls",
		func(s *setting) func(net.Conn) net.Conn {
			cfg := s.std()
			return func(c net.Conn) net.Conn { return stdtls.Client(c, cfg) }
		},
		func(s *setting) func(net.Conn) net.Conn {
			cfg := s.std()
			return func(c net.Conn) net.Conn { return stdtls.Server(c, cfg) }
		},
		func(v iana.Version) (list []iana.CipherSuite) {
			for _, s := range append(stdtls.CipherSuites(), stdtls.InsecureCipherSuites()...) {
				if slices.Contains(s.SupportedVersions, uint16(v)) {
					list = append(list, iana.CipherSuite(s.ID))
				}
			}
			return list
		},
	}
	stacks = []stack{akushu, cryptoTLS}
)

var allVersions = append(slices.Clone(oldVersions), iana.VersionTLS13)

// setting is what both ends have by default.
func (f *fresh) setting(versions ...iana.Version) *setting {
	return &setting{Config: &stdtls.Config{
		Certificates: []stdtls.Certificate{f.certs["ecdsa"], f.certs["rsa"]}, RootCAs: f.pool.Pool(), ServerName: "localhost",
		MinVersion: uint16(versions[0]), MaxVersion: uint16(versions[len(versions)-1]), KeyLogWriter: f,
	}}
}

// asks is a setting of a server that asks for a certificate.
func (f *fresh) asks(v iana.Version) *setting {
	s := f.setting(v)
	s.ClientAuth, s.ClientCAs = stdtls.RequireAndVerifyClientCert, f.pool.Pool()
	return s
}

// with is a setting with another certificate; "": none.
func (f *fresh) with(certificate string, v iana.Version) *setting {
	s := f.setting(v)
	s.Certificates = nil
	if certificate != "" {
		s.Certificates = []stdtls.Certificate{f.certs[certificate]}
	}
	return s
}

func (s *setting) edit(f func(*setting)) *setting { f(s); return s }

func trustsNobody(s *setting) { s.RootCAs = nil }
func resumes(s *setting)      { s.resumes = true }
func retries(s *setting)      { s.CurvePreferences = []stdtls.CurveID{stdtls.X25519, stdtls.CurveP384} }
func onlyP384(s *setting)     { s.CurvePreferences = []stdtls.CurveID{stdtls.CurveP384} }
func onlyX25519(s *setting)   { s.CurvePreferences = []stdtls.CurveID{stdtls.X25519} }

func (s *setting) only(ids ...iana.CipherSuite) *setting {
	for _, id := range ids {
		s.suites = append(s.suites, uint16(id))
	}
	return s
}

// accept answers on a port of its own, until the test ends.
func (f *fresh) accept(server func(net.Conn) net.Conn) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(f.t, err)
	f.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				s := server(c)
				defer s.Close()
				_ = s.SetDeadline(time.Now().Add(2 * time.Minute))
				_, _ = io.Copy(s, s)
			}()
		}
	}()
	return ln.Addr().String()
}

// quietly accepts with a setting of a server whose client writes the key log.
func (f *fresh) quietly(server stack, s *setting) string {
	s.KeyLogWriter = nil
	return f.accept(server.server(s))
}

// speak is a client in this process, which hangs up after the first line of an answer.
func speak(client func(net.Conn) net.Conn, talks ...talk) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		for _, k := range talks {
			c, err := net.Dial("tcp", address)
			if err != nil {
				f.t.Error(err)
				return
			}
			s := client(c)
			_ = s.SetDeadline(time.Now().Add(2 * time.Minute))
			if _, err := io.WriteString(s, gocmp.Or(k.sent, question)); err == nil {
				_, _ = bufio.NewReader(s).ReadString('\n')
			}
			s.Close()
		}
	}
}

// goCells is each version and suite of crypto/tls and of ours, each with itself, and what else a handshake may be between
// them.
func goCells(f *fresh) (list []cell) {
	add := func(client, server stack, one, two *setting, k talk) {
		list = append(list, cell{[]talk{k}, f.quietly(server, two), speak(client.client(one), k)})
	}
	for _, v := range allVersions {
		for _, s := range stacks {
			for _, id := range s.suites(v) {
				if s.name == cryptoTLS.name && v == iana.VersionTLS13 {
					continue // it does not let one choose
				}
				add(s, s, f.setting(v).only(id), f.setting(v).only(id), of(v, id, "%s, %v %v", s.name, v, id))
			}
		}
		for i, client := range stacks {
			server := stacks[1-i]
			name := client.name + " to " + server.name + ", " + v.String()
			add(client, server, f.setting(v), f.setting(v), talk{name: name, version: v.String()})
			add(client, server, f.with("client", v), f.asks(v), talk{name: name + ", client certificate", version: v.String()})
			add(client, server, f.setting(v).edit(trustsNobody), f.setting(v), talk{name: name + ", unknown CA", version: v.String(), fails: true})
		}
	}
	for _, client := range stacks {
		for _, server := range stacks {
			k := talk{name: client.name + " to " + server.name + ", HelloRetryRequest", version: "TLS 1.3", retry: true}
			add(client, server, f.setting(iana.VersionTLS13).edit(retries), f.setting(iana.VersionTLS13).edit(onlyP384), k)
		}
	}
	return list
}

// programs is a client and servers that are no part of this one.
type programs struct {
	name                string
	suites              map[iana.CipherSuite]string // what it calls those that it has
	servers             map[string]string           // by what they can do
	says, answers       string                      // with its servers that ask for certificates
	old                 string                      // the alert of a server for clients that are too old, if it is one and the same
	client              func(v iana.Version, id iana.CipherSuite, flags string) func(f *fresh, address string)
	twice               func(v iana.Version, id iana.CipherSuite) func(f *fresh, address string)
	with, verify, retry string // flags: for a certificate, for not taking any, for two groups of which the first is not P-384
}

func named(list []listed) map[iana.CipherSuite]string {
	all := map[iana.CipherSuite]string{}
	for _, s := range list {
		all[s.id] = s.name
	}
	return all
}

func opensslPeer(suites []listed, servers map[string]string) *programs {
	p := &programs{
		name: "openssl", suites: named(suites), servers: servers, says: get.says, answers: "HTTP/1.0 200 ok", old: "protocol_version",
		with: "-cert %[1]s.pem -key %[1]s.key", verify: "-verify_return_error", retry: "-groups P-256:P-384",
	}
	p.client = func(v iana.Version, id iana.CipherSuite, flags string) func(f *fresh, address string) {
		return openssl(asked, opensslOnly(v, p.suites[id])+" "+flags)
	}
	p.twice = func(v iana.Version, id iana.CipherSuite) func(f *fresh, address string) {
		return func(f *fresh, address string) {
			file := "session" + address
			p.client(v, id, "-sess_out "+file)(f, address)
			p.client(v, id, "-sess_in "+file)(f, address)
		}
	}
	return p
}

func gnutlsPeer(suites []listed, servers map[string]string) *programs {
	p := &programs{
		name: "gnutls", suites: named(suites), servers: servers,
		with: " --insecure --x509certfile %[1]s.pem --x509keyfile %[1]s.key", verify: " ", retry: ":-GROUP-ALL:+GROUP-SECP256R1:+GROUP-SECP384R1 --insecure",
	}
	p.client = func(v iana.Version, id iana.CipherSuite, flags string) func(f *fresh, address string) {
		return gnutls(asked, "--priority "+gnutlsPriority(p.suites[id], v)+gocmp.Or(flags, " --insecure"))
	}
	p.twice = func(v iana.Version, id iana.CipherSuite) func(f *fresh, address string) {
		return p.client(v, id, " --insecure --resume --waitresumption")
	}
	return p
}

// server is the address of the one that has a version.
func (p *programs) server(v iana.Version) string {
	if s, ok := p.servers[v.String()]; ok {
		return s
	}
	return p.servers[""]
}

// outward is each version and suite of crypto/tls and of ours in connections to programs, and what else there may be.
func outward(f *fresh, peers ...*programs) (list []cell) {
	for _, client := range stacks {
		for _, p := range peers {
			add := func(server string, s *setting, talks ...talk) {
				list = append(list, cell{talks, server, speak(client.client(s), talks...)})
			}
			for _, v := range allVersions {
				for _, id := range client.suites(v) {
					if _, ok := p.suites[id]; !ok {
						continue
					}
					k := of(v, id, "%s to %s, %v %v", client.name, p.name, v, id)
					if client.name == cryptoTLS.name && v == iana.VersionTLS13 {
						k.suite = ""
					}
					add(p.server(v), f.setting(v).only(id), k)
				}
			}
			for _, v := range allVersions[2:] {
				k := func(what string) talk {
					return talk{name: fmt.Sprintf("%s to %s, %v, %s", client.name, p.name, v, what), version: v.String()}
				}
				failing := func(what string) talk { k := k(what); k.fails, k.open = true, v == iana.VersionTLS13; return k }
				add(p.servers["certificates"], f.with("client", v), p.web(k("client certificate")))
				add(p.servers["certificates"], f.with("", v), failing("no client certificate"))
				add(p.servers["certificates"], f.with("stranger", v), failing("unknown client certificate"))
				add(p.server(v), f.setting(v).edit(trustsNobody), failing("unknown CA"))
				again := k("ticket, resumed")
				again.resumed = true
				add(p.server(v), f.setting(v).edit(resumes), k("ticket"), again)
			}
			if client.name == akushu.name { // crypto/tls resumes by ticket alone
				k := talk{name: client.name + " to " + p.name + ", session ID", version: "TLS 1.2"}
				again := k
				again.name, again.resumed = k.name+", resumed", true
				add(p.servers["session IDs"], f.setting(iana.VersionTLS12).edit(resumes), k, again)
			}
			name := client.name + " to " + p.name
			add(p.servers["retry"], f.with("client", iana.VersionTLS13).edit(retries), p.web(talk{name: name + ", HelloRetryRequest", version: "TLS 1.3", retry: true}))
			add(p.servers["retry"], f.with("client", iana.VersionTLS13).edit(onlyX25519), talk{name: name + ", no common group", fails: true, alert: "handshake_failure"})
			add(p.servers["TLS 1.3"], f.setting(iana.VersionTLS12), talk{name: name + ", no common version", fails: true, alert: p.old})
			add(p.servers["few suites"], f.setting(iana.VersionTLS12).only(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
				talk{name: name + ", no common suite", fails: true, alert: "handshake_failure"})
		}
	}
	return list
}

// web is a talk with a server that asks for certificates.
func (p *programs) web(k talk) talk { k.sent, k.answered = p.says, p.answers; return k }

// inward is each version and suite of crypto/tls and of ours in connections that programs make to them, and what else
// there may be.
func inward(f *fresh, peers ...*programs) (list []cell) {
	for _, server := range stacks {
		all := f.setting(allVersions...)
		for _, v := range allVersions {
			all.only(server.suites(v)...)
		}
		everything := f.quietly(server, all)
		for _, p := range peers {
			list = append(list, inwardOf(f, server, p, everything)...)
		}
	}
	return list
}

func inwardOf(f *fresh, server stack, p *programs, everything string) (list []cell) {
	add := func(address string, client func(f *fresh, address string), talks ...talk) {
		list = append(list, cell{talks, address, client})
	}
	for _, v := range allVersions {
		for _, id := range server.suites(v) {
			if _, ok := p.suites[id]; ok {
				add(everything, p.client(v, id, ""), of(v, id, "%s to %s, %v %v", p.name, server.name, v, id))
			}
		}
	}
	for _, v := range allVersions[2:] {
		id := map[iana.Version]iana.CipherSuite{
			iana.VersionTLS12: iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, iana.VersionTLS13: iana.TLS_AES_128_GCM_SHA256,
		}[v]
		k := func(what string) talk { return of(v, id, "%s to %s, %v, %s", p.name, server.name, v, what) }
		failing := func(what string) talk { k := k(what); k.fails, k.open = true, true; return k }
		asks := f.quietly(server, f.asks(v))
		add(asks, p.client(v, id, fmt.Sprintf(p.with, "client")), k("client certificate"))
		add(asks, p.client(v, id, ""), failing("no client certificate"))
		add(asks, p.client(v, id, fmt.Sprintf(p.with, "stranger")), failing("unknown client certificate"))
		add(everything, p.client(v, id, p.verify), failing("unknown CA"))
		first, again := k("ticket"), k("ticket, resumed")
		first.open, again.resumed = true, true
		if server.name == cryptoTLS.name && p.name == "gnutls" && v == iana.VersionTLS12 {
			again.tshark = renewedTicket // OpenSSL logs the secret again
		}
		add(f.quietly(server, f.setting(v)), p.twice(v, id), first, again)
	}
	id := iana.TLS_AES_128_GCM_SHA256
	retry := of(iana.VersionTLS13, id, "%s to %s, HelloRetryRequest", p.name, server.name)
	retry.retry = true
	add(f.quietly(server, f.setting(iana.VersionTLS13).edit(onlyP384)), p.client(iana.VersionTLS13, id, p.retry), retry)
	old := talk{name: fmt.Sprintf("%s to %s, no common version", p.name, server.name), fails: true, alert: "protocol_version"}
	add(f.quietly(server, f.setting(iana.VersionTLS13)), p.client(iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, ""), old)
	old.name, old.alert = fmt.Sprintf("%s to %s, no common suite", p.name, server.name), "handshake_failure"
	add(f.quietly(server, f.setting(iana.VersionTLS12).only(iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)),
		p.client(iana.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, ""), old)
	return list
}
