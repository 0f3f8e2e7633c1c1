package tls

import (
	"context"
	"net"
)

// Dial connects to addr on the named network, shakes hands, and returns the connection.
// The host in addr is the name that the server must have, unless config has a ServerName.
// A nil config is the default one.
func Dial(network, addr string, config *Config) (*Conn, error) {
	return DialWithDialer(new(net.Dialer), network, addr, config)
}

// DialWithDialer is Dial with a dialer, whose Timeout and Deadline cover connecting and
// shaking hands together.
func DialWithDialer(dialer *net.Dialer, network, addr string, config *Config) (*Conn, error) {
	return dial(context.Background(), dialer, network, addr, config, (*Conn).HandshakeContext)
}

// DialEarly is Dial, but returns as soon as early data can be written, where there is a
// session that allows it: see [Conn.HandshakeEarly].
func DialEarly(network, addr string, config *Config) (*Conn, error) {
	return (&Dialer{Config: config}).DialEarly(context.Background(), network, addr)
}

// A Dialer dials TLS connections. The zero value is ready.
type Dialer struct {
	// NetDialer makes the connections underneath; nil is the zero net.Dialer. Its
	// Timeout and Deadline cover connecting and shaking hands together.
	NetDialer *net.Dialer
	// Config is the configuration; nil is the default one. The host in the address is
	// the name that the server must have, unless Config has a ServerName.
	Config *Config
}

// Dial connects to addr on the named network and shakes hands. The result is a *[Conn].
func (d *Dialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

// DialContext is Dial under a context. Once connected, the context means nothing. The
// result is a *[Conn].
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := dial(ctx, d.netDialer(), network, addr, d.Config, (*Conn).HandshakeContext)
	if err != nil {
		return nil, err // not a net.Conn that holds a nil *Conn
	}
	return c, nil
}

// DialEarly is DialContext, but returns as soon as early data can be written, where there is
// a session that allows it: see [Conn.HandshakeEarly].
func (d *Dialer) DialEarly(ctx context.Context, network, addr string) (*Conn, error) {
	return dial(ctx, d.netDialer(), network, addr, d.Config, (*Conn).HandshakeEarly)
}

func (d *Dialer) netDialer() *net.Dialer {
	if d.NetDialer == nil {
		return new(net.Dialer)
	}
	return d.NetDialer
}

// dial connects and shakes hands.
func dial(ctx context.Context, dialer *net.Dialer, network, addr string, config *Config, shake func(*Conn, context.Context) error) (*Conn, error) {
	if dialer.Timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dialer.Timeout)
		defer cancel()
	}
	if !dialer.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, dialer.Deadline)
		defer cancel()
	}
	name, err := config.serverName(addr)
	if err != nil {
		return nil, err
	}
	raw, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := newConn(raw, config, true)
	c.name = name
	if err := shake(c, ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// serverName is the host of addr, checked together with the configuration before anything
// is sent.
func (c *Config) serverName(addr string) (string, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr // no port, as for a Unix socket
	}
	_, err = c.client(host)
	return host, err
}
