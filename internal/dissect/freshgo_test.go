package dissect_test

import (
	"bufio"
	stdtls "crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// A stack is TLS in this process, with the suites that it is given, or its own.
type stack struct {
	name           string
	client, server func(c net.Conn, cfg *stdtls.Config, suites []uint16) net.Conn
}

func own(cfg *stdtls.Config, suites []uint16) *tls.Config {
	c, err := tls.FromStd(cfg)
	if err != nil {
		panic(err)
	}
	if suites != nil {
		c.CipherSuites = suites
	}
	return c
}

func withSuites(cfg *stdtls.Config, suites []uint16) *stdtls.Config {
	c := cfg.Clone()
	c.CipherSuites = suites
	return c
}

var stacks = []stack{
	{
		"akushu",
		func(c net.Conn, cfg *stdtls.Config, s []uint16) net.Conn { return tls.Client(c, own(cfg, s)) },
		func(c net.Conn, cfg *stdtls.Config, s []uint16) net.Conn { return tls.Server(c, own(cfg, s)) },
	},
	{
		"crypto/tls",
		func(c net.Conn, cfg *stdtls.Config, s []uint16) net.Conn { return stdtls.Client(c, withSuites(cfg, s)) },
		func(c net.Conn, cfg *stdtls.Config, s []uint16) net.Conn { return stdtls.Server(c, withSuites(cfg, s)) },
	},
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
				_ = s.SetDeadline(time.Now().Add(time.Minute))
				_, _ = io.Copy(s, s)
			}()
		}
	}()
	return ln.Addr().String()
}

// speak is a client in this process.
func speak(client func(net.Conn) net.Conn, times int) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		for range times {
			c, err := net.Dial("tcp", address)
			if err != nil {
				f.t.Error(err)
				return
			}
			s := client(c)
			_ = s.SetDeadline(time.Now().Add(time.Minute))
			if _, err := fmt.Fprintln(s, question); err == nil {
				_, _ = bufio.NewReader(s).ReadString('\n')
			}
			s.Close()
		}
	}
}

// goCells is each version and suite of crypto/tls and of ours, each with itself, and what else a handshake may be between
// them and with OpenSSL.
func goCells(f *fresh) (cells []cell) {
	base := func(v iana.Version) *stdtls.Config {
		return &stdtls.Config{
			Certificates: []stdtls.Certificate{f.certs["ecdsa"], f.certs["rsa"]}, RootCAs: f.pool.Pool(), ServerName: "localhost",
			MinVersion: uint16(v), MaxVersion: uint16(v), KeyLogWriter: f, NextProtos: []string{"echo"},
		}
	}
	add := func(client, server stack, suites []uint16, k talk, cfg *stdtls.Config, ours, its *stdtls.Config, times int) {
		if ours == nil {
			ours, its = cfg.Clone(), cfg.Clone()
		}
		its.KeyLogWriter = nil
		address := f.accept(func(c net.Conn) net.Conn { return server.server(c, its, suites) })
		talks := []talk{k}
		for i := 1; i < times; i++ {
			k.name += ", again"
			talks = append(talks, k)
		}
		cells = append(cells, cell{talks, address, speak(func(c net.Conn) net.Conn { return client.client(c, ours, suites) }, times)})
	}
	for _, v := range []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12, iana.VersionTLS13} {
		for _, s := range suite.Usable() {
			if s.Supports(v) {
				add(stacks[0], stacks[0], []uint16{uint16(s.ID)}, of(v, s.ID, "akushu, %v %v", v, s.ID), base(v), nil, nil, 1)
			}
		}
		for _, s := range append(stdtls.CipherSuites(), stdtls.InsecureCipherSuites()...) {
			if v < iana.VersionTLS13 && len(s.SupportedVersions) > 0 && s.SupportedVersions[0] <= uint16(v) && s.SupportedVersions[0] < stdtls.VersionTLS13 {
				add(stacks[1], stacks[1], []uint16{s.ID}, of(v, iana.CipherSuite(s.ID), "crypto/tls, %v %s", v, s.Name), base(v), nil, nil, 1)
			}
		}
		for i, client := range stacks {
			server := stacks[1-i]
			name := client.name + " to " + server.name + ", " + v.String()
			add(client, server, nil, talk{name: name, version: v.String()}, base(v), nil, nil, 1)
			one, two := base(v), base(v)
			two.ClientAuth, two.ClientCAs = stdtls.RequireAndVerifyClientCert, f.pool.Pool()
			one.Certificates = []stdtls.Certificate{f.certs["client"]}
			add(client, server, nil, talk{name: name + ", client certificate", version: v.String()}, nil, one.Clone(), two, 1)
			one = base(v)
			one.RootCAs = nil
			add(client, server, nil, talk{name: name + ", unknown CA", version: v.String(), fails: true}, nil, one, base(v), 1)
		}
	}
	for _, client := range stacks {
		one, two := base(iana.VersionTLS13), base(iana.VersionTLS13)
		one.CurvePreferences = []stdtls.CurveID{stdtls.X25519, stdtls.CurveP384}
		two.CurvePreferences = []stdtls.CurveID{stdtls.CurveP384}
		add(client, stacks[0], nil, talk{name: client.name + ", HelloRetryRequest", version: "TLS 1.3", retry: true}, nil, one, two, 1)
		add(client, stacks[1], nil, talk{name: client.name + ", HelloRetryRequest of crypto/tls", version: "TLS 1.3", retry: true}, nil, one.Clone(), two.Clone(), 1)
	}
	return cells
}
