package tls

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/akushu/akushu/internal/handshake"
)

// A Conn is a secured connection. It implements [net.Conn], and its methods may be called
// concurrently.
//
// Between calls it keeps what it needs next and nothing else: two halves with their keys,
// and what the handshake came to.
type Conn struct {
	raw    net.Conn
	client bool
	config *Config
	name   string // of the server, as it was dialled; empty where the configuration says it

	shake    shake
	in       inHalf
	out      outHalf
	result   atomic.Pointer[handshake.Result] // nil until the handshake is complete
	closed   atomic.Bool                      // Close was called
	gone     atomic.Bool                      // close_notify is out and TCP closed: the halves can be wiped
	deadline deadlines
	life     atomic.Pointer[life]  // of callbacks after the handshake; nil: there were none
	early    atomic.Pointer[early] // nil: the application has no use for early data
}

var (
	errShutdown        = errors.New("tls: protocol is shutdown")
	errEarlyCloseWrite = errors.New("tls: CloseWrite called before handshake complete")
	errNotComplete     = errors.New("tls: handshake has not yet been performed")
)

// Client returns the client's end of a TLS connection over conn. The handshake runs at the
// first Read, Write or [Conn.Handshake]. config must have a ServerName, or
// InsecureSkipVerify.
func Client(conn net.Conn, config *Config) *Conn { return newConn(conn, config, true) }

// Server returns the server's end of a TLS connection over conn. config must have a
// certificate, or a way to get one.
func Server(conn net.Conn, config *Config) *Conn { return newConn(conn, config, false) }

func newConn(raw net.Conn, config *Config, client bool) *Conn {
	c := &Conn{raw: raw, config: config, client: client}
	c.in.init(c)
	c.out.init(c)
	return c
}

// LocalAddr returns the local network address.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr returns the remote network address.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// NetConn returns the connection underneath. Reading from it or writing to it corrupts
// this connection.
func (c *Conn) NetConn() net.Conn { return c.raw }

// SetDeadline sets the read and the write deadline. After a Write timed out, the write
// half is broken for good: part of a record may have left.
func (c *Conn) SetDeadline(t time.Time) error { return c.deadline.set(c.raw, t, true) }

// SetReadDeadline sets the deadline of Read. A Read that timed out may be repeated.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.deadline.setRead(c.raw, t) }

// SetWriteDeadline sets the deadline of Write. After a Write timed out, the write half is
// broken for good, and every later Write returns the same error.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.deadline.set(c.raw, t, false) }

// Read reads application data, after a handshake if there was none yet. It returns io.EOF
// after the peer's close_notify, and also where the peer closed TCP without one between
// two records.
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if err := c.checkEarly(); err != nil || len(b) == 0 {
		return 0, err
	}
	return c.in.read(b)
}

// Write sends application data, after a handshake if there was none yet.
func (c *Conn) Write(b []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	if c.client {
		if n, done, err := c.writeEarly(b); done {
			return n, err
		}
	}
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if err := c.checkEarly(); err == ErrEarlyDataRejected {
		return 0, err
	}
	return c.out.write(b)
}

// Close sends close_notify, for at most five seconds, and closes the connection. A Write
// that is under way is interrupted, and so is a handshake. The secrets of each half are
// wiped as soon as nobody uses it.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	if l := c.life.Load(); l != nil {
		l.cancel()
	}
	result := c.result.Load()
	var goodbye error
	if result != nil {
		goodbye = c.out.goodbye()
	}
	err := c.raw.Close()
	c.shake.abandon()
	c.gone.Store(true)
	c.in.retire()
	c.out.retire()
	if result != nil {
		result.Exporter.Wipe()
	}
	if err != nil {
		return err
	}
	return goodbye
}

// CloseWrite sends close_notify: nothing more will be written. Reading goes on. It is an
// error before the handshake is complete.
func (c *Conn) CloseWrite() error {
	if c.result.Load() == nil {
		return errEarlyCloseWrite
	}
	return c.out.closeNotify()
}

// ConnectionState returns what is known about the connection. Before the handshake is
// complete that is nothing, but where early data can be written, or is read: then it is what
// the handshake will come to, if early data is accepted.
func (c *Conn) ConnectionState() ConnectionState {
	if r := c.result.Load(); r != nil {
		return connectionState(r, true)
	}
	if soon := c.foreseen(); soon != nil {
		return connectionState(soon, false)
	}
	return ConnectionState{}
}

// Info returns what ConnectionState has no field for, false before the handshake is
// complete.
func (c *Conn) Info() (Info, bool) {
	r := c.result.Load()
	if r == nil {
		return Info{}, false
	}
	return newInfo(r), true
}

// ExportKeyingMaterial derives length bytes for the application from the connection's
// secrets (RFC 9846 §7.5; RFC 5705). In TLS 1.2 it needs an extended main secret, without
// which a value would not be bound to this connection (RFC 7627 §5.4).
func (c *Conn) ExportKeyingMaterial(label string, context []byte, length int) ([]byte, error) {
	r := c.result.Load()
	if r == nil {
		return nil, errNotComplete
	}
	return exporterOf(r)(label, context, length)
}

// OCSPResponse returns the stapled OCSP response from the TLS server, if any. It is for
// clients only.
func (c *Conn) OCSPResponse() []byte {
	r := c.result.Load()
	if r == nil || !c.client {
		return nil
	}
	return r.Peer.OCSP
}

// VerifyHostname checks that the peer's certificate chain is valid for host. It is for
// clients whose handshake verified a chain.
func (c *Conn) VerifyHostname(host string) error {
	r := c.result.Load()
	switch {
	case !c.client:
		return errors.New("tls: VerifyHostname called on TLS server connection")
	case r == nil:
		return errNotComplete
	case len(r.Peer.Chains) == 0:
		return errors.New("tls: handshake did not verify certificate chain")
	}
	return r.Peer.Certificates[0].VerifyHostname(host)
}

// timedOut reports whether err is that of a deadline.
func timedOut(err error) bool {
	var net net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &net) && net.Timeout()
}

var _ interface {
	net.Conn
	HandshakeContext(context.Context) error
} = (*Conn)(nil)
