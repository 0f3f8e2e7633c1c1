package tls

import (
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/internal/iana"
)

// What this module's own tests may do beyond the public API.
func init() {
	hook.Client = func(c any, edit func(*handshake.ClientConfig)) { edit(&c.(*Config).resolve().client) }
	hook.Server = func(c any, edit func(*handshake.ServerConfig)) { edit(&c.(*Config).resolve().server.ServerConfig) }
	hook.SetMaxEarlyData = func(s any, most uint32) { s.(*ClientSessionState).state.MaxEarlyData = most }
	hook.MaxEarlyData = func(s any) uint32 { return s.(*ClientSessionState).state.MaxEarlyData }
	hook.Alert = func(c any, a iana.Alert) error { return c.(*Conn).out.sendAlert(a) }
}

// sendAlert sends a fatal alert, after which nothing can be written.
func (h *outHalf) sendAlert(a iana.Alert) error {
	h.mu.Lock()
	defer h.unlock()
	if h.err != nil {
		return h.err
	}
	h.err = errShutdown
	return h.alert(iana.AlertLevelFatal, a)
}
