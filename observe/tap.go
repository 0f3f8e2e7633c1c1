package observe

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/keylog"
)

// TapOptions says where what taps see goes. Every field may be left out.
type TapOptions struct {
	Sink      func(Event)    // see Options.Sink; one call at a time for each connection
	Done      func(*Session) // called when a connection was closed, after its last event
	Recording *Recording     // gets the bytes and the secrets
	Now       func() time.Time
	ListKeys  KeyView // see Options.ListKeys
}

// Tap watches connections of this process: of any TLS stack, crypto/tls included. It wraps
// the net.Conn below TLS, and is given the secrets by the stack's key log:
//
//	tap := observe.NewTap(observe.TapOptions{Sink: show})
//	cfg.KeyLogWriter = tap.KeyLog()
//	conn := tls.Client(tap.Conn(tcp, observe.Client, 0), cfg)
//
// A tap sees bytes, not packets. It starts no goroutine.
type Tap struct {
	opts TapOptions
	keys *Keys

	mu      sync.Mutex
	streams int
}

// NewTap returns a Tap for any number of connections.
func NewTap(o TapOptions) *Tap {
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Tap{opts: o, keys: NewKeys()}
	if o.Recording != nil {
		t.keys.also = o.Recording.secret
	}
	return t
}

// KeyLog returns what is to be the KeyLogWriter of the connections' configurations. One
// serves for all of them. It does not fail.
func (t *Tap) KeyLog() io.Writer { return t.keys }

// AddSecret tells a secret that did not come through KeyLog.
func (t *Tap) AddSecret(l keylog.Line) { t.keys.Add(l) }

// AddPSK tells a pre-shared key, see [Keys.AddPSK].
func (t *Tap) AddPSK(psk []byte) { t.keys.AddPSK(psk) }

// AddTicket tells the pre-shared key of a ticket, see [Keys.AddTicket].
func (t *Tap) AddTicket(ticket, psk []byte) { t.keys.AddTicket(ticket, psk) }

// Role is which end of a connection this process is.
type Role uint8

// The roles.
const (
	Client Role = iota
	Server
)

// Conn returns c, watched. connect is how long it took to connect, 0 where that is not
// known. The connection counts from now, or from connect before now.
func (t *Tap) Conn(c net.Conn, r Role, connect time.Duration) *TappedConn {
	t.mu.Lock()
	stream := t.streams
	t.streams++
	t.mu.Unlock()
	w := &TappedConn{Conn: c, tap: t, source: borrow.From(c), out: ClientToServer, in: ServerToClient}
	client, server := c.LocalAddr(), c.RemoteAddr()
	if r == Server {
		client, server = server, client
		w.out, w.in = w.in, w.out
	}
	start := t.opts.Now().Add(-connect)
	w.seen = New(Options{
		Stream: stream, Client: address(client), Server: address(server), Tap: true, Connect: connect, Start: start,
		Keys: t.keys, Sink: t.opts.Sink, ListKeys: t.opts.ListKeys,
	})
	if t.opts.Recording != nil {
		w.recorded = t.opts.Recording.conversation(client, server, start, connect)
	}
	w.seen.begin()
	return w
}

// address is how an address is shown, "" where there is none.
func address(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// Listener returns ln, whose connections are watched, as a server's.
func (t *Tap) Listener(ln net.Listener) net.Listener { return &tappedListener{ln, t} }

type tappedListener struct {
	net.Listener
	tap *Tap
}

func (l *tappedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.tap.Conn(c, Server, 0), nil
}

// TappedConn is a net.Conn that is watched. It behaves as the one that it wraps, errors
// included, and is as safe for several goroutines. What is watched ends with Close.
type TappedConn struct {
	net.Conn
	tap      *Tap
	seen     *Conn
	recorded *recorded
	in, out  Dir

	reading sync.Mutex // held while something is read, so that it is told in its order
	source  borrow.Source
	writing sync.Mutex
	ending  sync.Once

	telling sync.Mutex // guards what follows, and is held while something is told
	written []byte     // by the Write that is going on, as long as it is not told
	cut     bool       // a Write failed: what comes after it makes no sense
}

// Observer returns what watches the connection.
func (c *TappedConn) Observer() *Conn { return c.seen }

// Session returns what is known of the connection so far.
func (c *TappedConn) Session() *Session { return c.seen.Session() }

// Read implements net.Conn.
func (c *TappedConn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	n, err := c.Conn.Read(b)
	c.received(b[:n], err)
	return n, err
}

// ReadBorrowed reads into a buffer that is borrowed only while there is something to read,
// see package borrow: watched and unwatched connections of our own are read alike.
func (c *TappedConn) ReadBorrowed(buf []byte, size int) ([]byte, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	had := len(buf)
	buf, err := c.source.ReadBorrowed(buf, size)
	c.received(buf[min(had, len(buf)):], err)
	return buf, err
}

// received tells what was read. It may be the answer to what a Write that has not returned
// sent, which is told before.
func (c *TappedConn) received(b []byte, err error) {
	c.telling.Lock()
	defer c.telling.Unlock()
	if len(b) > 0 {
		c.tellWritten(len(c.written))
		c.tell(c.in, b)
	}
	switch {
	case err == io.EOF:
		c.tellEnd(c.in, EndFIN)
	case errors.Is(err, syscall.ECONNRESET):
		c.tellEnd(c.in, EndRST)
	}
}

// Write implements net.Conn.
func (c *TappedConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.telling.Lock()
	c.written = b
	c.telling.Unlock()

	n, err := c.Conn.Write(b)

	c.telling.Lock()
	defer c.telling.Unlock()
	c.tellWritten(n)
	if n < len(b) {
		c.cut = true
	}
	return n, err
}

// tellWritten tells the first n bytes of what is being written, unless it was told.
func (c *TappedConn) tellWritten(n int) {
	if n > 0 && len(c.written) > 0 && !c.cut {
		c.tell(c.out, c.written[:n])
	}
	c.written = nil
}

func (c *TappedConn) tell(d Dir, b []byte) {
	at := At{Time: c.tap.opts.Now()}
	c.seen.Feed(d, at, b)
	c.recorded.data(d, at.Time, b)
}

func (c *TappedConn) tellEnd(d Dir, how End) {
	at := At{Time: c.tap.opts.Now()}
	c.seen.EndOfStream(d, at, how)
	c.recorded.end(d, at.Time, how)
}

// CloseWrite ends the direction that is written to. It fails with errors.ErrUnsupported where
// the connection cannot be closed by halves.
func (c *TappedConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	err := half.CloseWrite()
	if err == nil {
		c.telling.Lock()
		defer c.telling.Unlock()
		c.tellEnd(c.out, EndFIN)
	}
	return err
}

// Close implements net.Conn, and ends the observation: what is held for want of keys comes
// out as it is.
func (c *TappedConn) Close() error {
	err := c.Conn.Close()
	c.ending.Do(c.end)
	return err
}

func (c *TappedConn) end() {
	c.writing.Lock() // a Write that was going on is unblocked, and tells how far it came
	defer c.writing.Unlock()
	c.telling.Lock()
	defer c.telling.Unlock()
	at := At{Time: c.tap.opts.Now()}
	how := EndFIN
	if c.cut {
		how = EndInput
	}
	c.tellEnd(c.out, how)
	c.seen.EndOfStream(c.in, at, EndInput)
	c.recorded.end(c.in, at.Time, EndFIN) // whatever it still sends, nobody reads it
	c.seen.Close(at, EndFIN, TCP{})
	if c.tap.opts.Done != nil {
		c.tap.opts.Done(c.seen.Session())
	}
}
