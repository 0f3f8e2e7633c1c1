//go:build unix

package borrow

import (
	"io"
	"net"
	"os"
	"syscall"
)

// conn reads a connection of the operating system. It asks the poller to wait only after a read that found nothing: the
// poller reports changes, and data that lay there before it began to wait would be waited for for ever.
type conn struct {
	net     net.Conn // for its addresses
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // the method of that name, bound once

	// Of the call that runs.
	buf  []byte
	size int
	err  error
}

// socket is what net's connections are beyond a net.Conn.
type socket interface {
	net.Conn
	syscall.Conn
}

func fromConn(s socket) Source {
	raw, err := s.SyscallConn()
	if err != nil {
		return &reader{r: s}
	}
	c := &conn{net: s, raw: raw}
	c.attempt = c.try
	return c
}

func (c *conn) ReadBorrowed(buf []byte, size int) ([]byte, error) {
	c.buf, c.size, c.err = buf, size, nil
	err := c.raw.Read(c.attempt)
	if err == nil {
		err = c.err
	}
	buf, c.buf, c.err = c.buf, nil, nil
	return buf, asRead(err)
}

// try reads once, and reports whether that settled the call.
func (c *conn) try(fd uintptr) bool {
	had := len(c.buf)
	c.buf = Grow(c.buf, max(c.size, had+1))
	n, err := read(int(fd), c.buf[had:cap(c.buf)])
	if n > 0 {
		c.buf = c.buf[:had+n]
		return true
	}
	c.buf = Fit(c.buf)
	switch err {
	case syscall.EAGAIN:
		return false
	case nil:
		c.err = io.EOF
	default:
		c.err = c.opError(os.NewSyscallError("read", err))
	}
	return true
}

func read(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

func (c *conn) opError(err error) error {
	local, remote := c.net.LocalAddr(), c.net.RemoteAddr()
	return &net.OpError{Op: "read", Net: local.Network(), Source: local, Addr: remote, Err: err}
}

// asRead gives an error of RawConn.Read the name that net.Conn's Read gives it.
func asRead(err error) error {
	op, ok := err.(*net.OpError)
	if !ok {
		return err
	}
	as := *op
	as.Op = "read"
	return &as
}
