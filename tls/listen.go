package tls

import "net"

// listener is a listener whose connections speak TLS.
type listener struct {
	net.Listener
	config *Config
}

// Accept waits for the next connection. The result is a *[Conn], which has not shaken
// hands yet.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Server(c, l.config), nil
}

// NewListener returns a listener that accepts connections from inner and makes each the
// server's end of a TLS connection. config must have a certificate, or a way to get one.
func NewListener(inner net.Listener, config *Config) net.Listener {
	return &listener{inner, config}
}

// Listen listens on laddr on the named network for TLS connections. A configuration that
// no connection could use is an error here.
func Listen(network, laddr string, config *Config) (net.Listener, error) {
	if _, err := config.server(nil); err != nil {
		return nil, err
	}
	inner, err := net.Listen(network, laddr)
	if err != nil {
		return nil, err
	}
	return NewListener(inner, config), nil
}
