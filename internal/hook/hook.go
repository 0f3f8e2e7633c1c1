// Package hook is what package tls lets its own tests do and its users not: name what a
// flow is given beyond the fields of Config, and send what Conn has no method for. Nobody
// outside of this module can import it. Package tls fills the functions in; a Config and
// a Conn are passed as any, because this package stands below it.
package hook

import (
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
)

var (
	// Client has edit change what a *tls.Config gives to client flows. It is to be called
	// before the Config is first used.
	Client func(config any, edit func(*handshake.ClientConfig))

	// Server is Client for server flows.
	Server func(config any, edit func(*handshake.ServerConfig))

	// MaxEarlyData tells how many bytes of early data a *tls.ClientSessionState is good for.
	MaxEarlyData func(session any) uint32

	// SetMaxEarlyData has a *tls.ClientSessionState allow so many bytes, whatever its server said.
	SetMaxEarlyData func(session any, most uint32)

	// Alert sends a fatal alert over a *tls.Conn whose handshake is complete.
	Alert func(conn any, a iana.Alert) error
)
