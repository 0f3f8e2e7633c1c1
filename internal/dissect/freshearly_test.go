package dissect_test

import (
	"bufio"
	gocmp "cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// word is what is said before the server has answered.
const word = "an early word\n"

// An earlyServer is one that sessions are begun with, and then resumed with early data.
type earlyServer struct {
	name        string
	first, then string // addresses, equal if it is not said otherwise
	fate        observe.EarlyData
	retry       bool
	says        string // what it understands; empty: whatever there is
	answer      string // in what it says; empty: it says nothing
	silent      bool   // the first one says nothing
}

func earlyServers(f *fresh, openssl, gnutls map[string]string, w *web) []earlyServer {
	own, off, other := f.acceptEarly(1000), f.quietly(akushu, f.setting(iana.VersionTLS13)), f.acceptEarly(1000)
	accepted, rejected := observe.EarlyDataAccepted, observe.EarlyDataRejected
	return []earlyServer{
		{name: "openssl", first: openssl["early data"], fate: accepted},
		{name: "openssl with HelloRetryRequest", first: openssl["early, retry"], fate: rejected, retry: true},
		{name: "openssl that does not know the ticket", first: openssl["early data"], then: openssl["web"], fate: rejected, says: get.says, answer: "HTTP/1.0 200 ok", silent: true},
		{name: "gnutls", first: gnutls["early data"], fate: accepted, answer: strings.TrimSpace(question)},
		{name: "gnutls that does not know the ticket", first: gnutls["early data"], then: gnutls["early again"], fate: rejected, answer: strings.TrimSpace(question)},
		{name: "nginx", first: w.nginx["early data"], fate: accepted, says: get.says, answer: hello},
		{name: "nginx without early data", first: w.nginx["early data"], then: w.nginx["no early data"], fate: rejected, says: get.says, answer: hello},
		{name: "akushu serve", first: w.ours["early data"], fate: accepted, says: get.says, answer: hello},
		{name: "akushu serve that does not know the ticket", first: w.ours["early data"], then: w.ours["ecdsa"], fate: rejected, says: get.says, answer: hello},
		{name: "akushu", first: own, fate: accepted, answer: strings.TrimSpace(question)},
		{name: "akushu that does not know the ticket", first: own, then: other, fate: rejected, answer: strings.TrimSpace(question)},
		{name: "akushu without early data", first: own, then: off, fate: rejected, answer: strings.TrimSpace(question)},
	}
}

// talks is the two connections to a server.
func (x *earlyServer) talks(client string) []talk {
	first := talk{name: client + " to " + x.name + ", first", version: "TLS 1.3", open: true, retry: x.retry}
	again := first
	again.name, again.server, again.early = client+" to "+x.name+", with early data", x.then, x.fate
	again.answered, again.mood = x.answer, x.name == "gnutls"
	if again.sent = word; x.says != "" {
		again.sent = x.says
	}
	if x.fate == observe.EarlyDataRejected {
		if x.says == "" {
			again.sent = question
		}
		again.tshark = rejectedData(gocmp.Or(x.says, word))
	}
	return []talk{first, again}
}

// early is what is said early, in a file.
func (x *earlyServer) early() string {
	if x.says != "" {
		return "request"
	}
	return "word"
}

// earlyCells is 0-RTT, accepted and rejected.
func earlyCells(f *fresh, openssl, gnutls map[string]string, w *web) (list []cell) {
	check(f.t, os.WriteFile(f.file("word"), []byte(word), 0o600))
	check(f.t, os.WriteFile(f.file("request"), []byte(get.says), 0o600))
	for _, x := range earlyServers(f, openssl, gnutls, w) {
		list = append(list, cell{x.talks("openssl"), x.first, x.openssl()}, cell{x.talks("akushu"), x.first, x.akushu(f)})
		if !x.retry { // GnuTLS 3.7 waits for ever then
			list = append(list, cell{x.talks("gnutls"), x.first, x.gnutls()})
		}
	}
	x := earlyServer{name: "openssl that has seen it", first: openssl["early once"], fate: observe.EarlyDataRejected}
	talks := x.talks("openssl")
	before := talks[1]
	before.name, before.early, before.sent, before.tshark = "openssl to openssl that has not seen it", observe.EarlyDataAccepted, word, nil
	return append(list, cell{[]talk{talks[0], before, talks[1]}, x.first, func(f *fresh, address string) {
		x.openssl()(f, address)
		openssl13(x.second(), "-sess_in session"+address+" -early_data word")(f, address)
	}})
}

func openssl13(d dialog, flags string) func(f *fresh, address string) {
	return openssl(d, "-tls1_3 -groups X25519:P-384 "+flags)
}

// opening and second are what is said in the two connections of OpenSSL, after what was said early.
func (x *earlyServer) opening(session string) dialog {
	if x.says != "" && !x.silent {
		return get
	}
	return dialog{says: question, file: session}
}

func (x *earlyServer) second() dialog {
	switch {
	case x.says != "" && x.fate == observe.EarlyDataAccepted:
		return dialog{}
	case x.says != "":
		return get
	case x.answer != "":
		return asked
	}
	return dialog{says: question, until: regexp.MustCompile("Early data was (accepted|rejected)")}
}

func (x *earlyServer) openssl() func(f *fresh, address string) {
	return func(f *fresh, address string) {
		session := "session" + address
		openssl13(x.opening(session), "-sess_out "+session)(f, address)
		openssl13(x.second(), "-sess_in "+session+" -early_data "+x.early())(f, address)
	}
}

func (x *earlyServer) gnutls() func(f *fresh, address string) {
	return func(f *fresh, address string) {
		d := x.second()
		if d.says == question && x.answer == "" {
			d.until = regexp.MustCompile("This is a resumed session|Server has requested a certificate|Simple Client Mode")
		}
		gnutls(d, "--insecure --resume --waitresumption --earlydata="+x.early()+gnutlsOnly(iana.VersionTLS13))(f, address)
	}
}

// awaiting is a cache of sessions that tells when there is one.
type awaiting struct {
	tls.ClientSessionCache
	come chan struct{}
}

func (a *awaiting) Put(key string, s *tls.ClientSessionState) {
	a.ClientSessionCache.Put(key, s)
	select {
	case a.come <- struct{}{}:
	default:
	}
}

func (x *earlyServer) akushu(f *fresh) func(f *fresh, address string) {
	cfg := f.setting(iana.VersionTLS13).edit(retries).own()
	cache := &awaiting{tls.NewLRUClientSessionCache(4), make(chan struct{}, 1)}
	cfg.ClientSessionCache = cache
	return func(f *fresh, address string) {
		f.connect(address, cfg, func(c *tls.Conn) error {
			_, err := io.WriteString(c, question)
			go func() { _, _ = io.Copy(io.Discard, c) }() // which takes the ticket
			select {
			case <-cache.come:
			case <-time.After(time.Minute):
				f.t.Errorf("%s: no ticket came", x.name)
			}
			return err
		})
		f.connect(address, cfg, x.again)
	}
}

// connect makes a connection of ours.
func (f *fresh) connect(address string, cfg *tls.Config, talk func(*tls.Conn) error) {
	raw, err := net.Dial("tcp", address)
	if err != nil {
		f.t.Error(err)
		return
	}
	c := tls.Client(raw, cfg)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	if err := talk(c); err != nil {
		f.t.Error(err)
	}
}

// again says something early, and something else later.
func (x *earlyServer) again(c *tls.Conn) error {
	early, later := word, question
	if x.says != "" {
		early, later = x.says, ""
	}
	if err := c.HandshakeEarly(context.Background()); err != nil {
		return err
	}
	if _, err := io.WriteString(c, early); err != nil {
		return err
	}
	if err := c.Handshake(); err != nil {
		return err
	}
	if c.AcknowledgeRejection() > 0 && later == "" {
		later = x.says
	}
	if _, err := io.WriteString(c, later); err != nil || x.answer == "" {
		return err
	}
	for lines := bufio.NewReader(c); ; {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, x.answer) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: no answer: %w", x.name, err)
		}
	}
}

// acceptEarly is a server of ours that takes early data, and sends back all that it is sent.
func (f *fresh) acceptEarly(most uint32) string {
	s := f.setting(iana.VersionTLS13)
	s.KeyLogWriter = nil
	cfg := s.own()
	cfg.MaxEarlyData = most
	cfg.EarlyDataWindow = 10 * time.Minute // clients may be slow
	return f.accept(func(raw net.Conn) net.Conn {
		c := tls.Server(raw, cfg)
		_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
		if early, err := c.EarlyData(context.Background()); err == nil && early != nil {
			if b, err := io.ReadAll(early); err == nil {
				_, _ = early.Write(b)
			}
		}
		return c
	})
}
