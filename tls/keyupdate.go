package tls

import (
	"errors"

	"github.com/akushu/akushu/internal/iana"
)

var errNoKeyUpdate = errors.New("tls: only TLS 1.3 can update keys (RFC 9846 §4.7.3)")

// UpdateKeys goes on to the next keys for writing, and tells the peer, after a handshake if
// there was none yet. Where request is set the peer is asked to do the same; it does so with
// what it sends next. What was sent before cannot be decrypted with later keys.
//
// Nobody needs to call it: keys are updated before they have protected as many records as
// they may. It is an error before TLS 1.3, where a new handshake would be needed, and a
// connection that goes on without application data may end with too many of them.
func (c *Conn) UpdateKeys(request bool) error {
	if err := c.Handshake(); err != nil {
		return err
	}
	if c.result.Load().Version != iana.VersionTLS13 {
		return errNoKeyUpdate
	}
	return c.out.sendKeyUpdate(request)
}

// sendKeyUpdate sends a KeyUpdate by itself.
func (h *outHalf) sendKeyUpdate(request bool) error {
	h.mu.Lock()
	defer h.unlock()
	if h.err != nil {
		return h.err
	}
	err := h.updateKeys(request)
	if err == nil {
		err = h.records.Flush()
	}
	if err != nil {
		return h.fail(err)
	}
	return nil
}
