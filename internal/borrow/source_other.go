//go:build !unix

package borrow

import "net"

// fromConn is the general way: what these systems offer for waiting is not a read.
func fromConn(c net.Conn) Source { return &reader{r: c} }
