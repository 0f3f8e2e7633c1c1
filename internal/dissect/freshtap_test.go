package dissect_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
)

// tapped is a connection that is written down.
type tapped struct {
	*fresh
	is     talk
	talk   *capture.Conversation
	over   bool
	passed int // of the end whose bytes are changed
	hello  early
}

// begin begins a connection in the capture.
func (f *fresh) begin(k talk) *tapped {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.talks)
	client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 50000)
	f.talks[client.String()] = k
	c, err := capture.NewConversation(f, client, netip.MustParseAddrPort("198.51.100.7:4433"), time.Now(), 0)
	check(f.t, err)
	return &tapped{fresh: f, is: k, talk: c, hello: early{come: make(chan struct{})}}
}

// early sees when a client has sent its first flight with early data, which it may write after the server has answered.
type early struct {
	come  chan struct{}
	bytes []byte
	done  bool
}

func (e *early) write(b []byte) {
	if e.done {
		return
	}
	e.bytes = append(e.bytes, b...)
	for rest := e.bytes; len(rest) >= record.HeaderLen; {
		h := record.ParseHeader(rest)
		size := record.HeaderLen + h.Length
		if len(rest) < size {
			return
		}
		if h.Type == iana.ContentApplicationData {
			e.done = true
			close(e.come)
			return
		}
		rest = rest[size:]
	}
}

// await waits until the client of a talk with early data has sent some.
func (p *tapped) await() {
	if p.is.early == "" {
		return
	}
	select {
	case <-p.hello.come:
	case <-time.After(time.Minute):
		p.t.Errorf("%s: no early data came", p.is.name)
	}
}

// tap passes connections on to a server and writes them down. It returns its address, and what waits until they end.
func (f *fresh) tap(server string, talks ...talk) (address string, wait func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Error(err)
		return "", func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer ln.Close()
		for _, k := range talks {
			c, err := ln.Accept()
			if err != nil {
				f.t.Errorf("%s: nobody connected", k.name)
				return
			}
			if k.server == "" {
				k.server = server
			}
			s, err := dial(k.server)
			if err != nil {
				f.t.Error(err)
				c.Close()
				return
			}
			f.begin(k).join(c, s)
		}
	}()
	return ln.Addr().String(), func() { ln.Close(); <-done }
}

// dial connects to an address, which is a path for a socket of the file system.
func dial(address string) (net.Conn, error) {
	if strings.Contains(address, "/") {
		return net.Dial("unix", address)
	}
	return net.Dial("tcp", address)
}

// join has both ends talk until they are done.
func (p *tapped) join(client, server net.Conn) {
	up := make(chan struct{})
	go func() { defer close(up); p.pass(true, server, client) }()
	p.pass(false, client, server)
	<-up
	client.Close()
	server.Close()
}

// pass passes on what an end says, after it was written down.
func (p *tapped) pass(fromClient bool, dst, src net.Conn) {
	buf := make([]byte, 1<<16)
	for {
		n, err := src.Read(buf)
		if fromClient {
			p.hello.write(buf[:n])
		} else {
			p.await()
		}
		b, cut := p.changed(fromClient, buf[:n])
		p.note(fromClient, b, err)
		if n > 0 {
			_, _ = dst.Write(b)
		}
		switch {
		case cut:
			p.cut()
			hangUp(dst, !p.is.change.reset)
			hangUp(src, !p.is.change.reset)
			return
		case err == io.EOF:
			_ = dst.(interface{ CloseWrite() error }).CloseWrite()
			return
		case err != nil:
			hangUp(dst, false)
			return
		}
	}
}

// hangUp closes a connection, with RST if not in order.
func hangUp(c net.Conn, inOrder bool) {
	if c, ok := c.(*net.TCPConn); ok && !inOrder {
		_ = c.SetLinger(0)
	}
	_ = c.Close()
}

// changed does to what an end sends what the network does, and reports whether nothing more comes.
func (p *tapped) changed(fromClient bool, b []byte) ([]byte, bool) {
	is := &p.is.change
	if is.fromClient != fromClient {
		return b, false
	}
	if is.from != "" {
		b = bytes.ReplaceAll(b, []byte(is.from), []byte(is.to))
	}
	p.passed += len(b)
	if is.cutAt == 0 || p.passed < is.cutAt {
		return b, false
	}
	return b[:len(b)-(p.passed-is.cutAt)], true
}

// cut notes that the connection was cut.
func (p *tapped) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	if now := time.Now(); p.is.change.reset {
		check(p.t, p.talk.Reset(p.is.change.fromClient, now))
	} else {
		check(p.t, p.talk.Close(true, now))
		check(p.t, p.talk.Close(false, now))
	}
}

func (p *tapped) note(fromClient bool, b []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.over {
		return
	}
	if len(b) > 0 {
		check(p.t, p.talk.Data(fromClient, now, b))
	}
	switch {
	case err == io.EOF:
		check(p.t, p.talk.Close(fromClient, now))
	case err != nil:
		p.over = true
		check(p.t, p.talk.Reset(fromClient, now))
	}
}
