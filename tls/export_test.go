package tls

import "github.com/akushu/akushu/internal/handshake"

// RequestKeyUpdate has c update its write keys before it writes next, and ask the peer for the
// same.
func RequestKeyUpdate(c *Conn) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if err := c.out.records.WriteMessage(handshake.KeyUpdate(true)); err != nil {
		panic(err)
	}
	if err := c.out.records.Update(); err != nil {
		panic(err)
	}
}

// OweKeyUpdate has c answer as if the peer had asked for a KeyUpdate.
func OweKeyUpdate(c *Conn) { c.in.AnswerKeyUpdate() }
