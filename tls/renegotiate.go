package tls

import (
	"context"
	"fmt"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
)

// checkRenegotiation refuses what Renegotiation cannot be.
func (c *Config) checkRenegotiation() error {
	if c.Renegotiation < RenegotiateNever || c.Renegotiation > RenegotiateFreelyAsClient {
		return configError("Renegotiation", "there is no kind %d", int(c.Renegotiation))
	}
	return nil
}

// Renegotiate implements [handshake.PostTransport]. It runs on the goroutine that reads, and a
// Write waits for its end.
func (h *inHalf) Renegotiate(shake func(context.Context, handshake.Transport) (*handshake.Result, handshake.Post, error)) error {
	c := h.conn
	c.out.mu.Lock()
	defer c.out.unlock()
	c.out.drain()
	if c.out.err != nil {
		return nil
	}
	if err := h.skipRequests(); err != nil {
		return err
	}
	h.records.Done()
	t := &transport{in: h, out: &c.out, run: new(run), again: true}
	result, post, err := shake(context.Background(), t)
	if err == nil {
		err = t.endFlight(result.Version)
	}
	if err != nil {
		return brokenOff(err)
	}
	result.Exporter = guard(result.Exporter)
	h.post = post
	h.records.Rest()
	c.out.records.Rest()
	c.out.begin()
	c.result.Swap(result).Exporter.Wipe()
	return nil
}

// keepData keeps application data that the server sent before it took note of the renegotiation.
func (h *inHalf) keepData(content []byte) error {
	if len(content) == 0 {
		return h.floods.add(floodEmpty)
	}
	h.data = content
	if err := h.keep(); err != nil {
		return alert.Unexpected("record", "RFC 5246 §7.4.1.1", "more than %d bytes of application data during a renegotiation", maxKept)
	}
	return nil
}

// endFlight is checkTurn at the end of a handshake: before TLS 1.3 the record of a server's
// Finished may have a HelloRequest too.
func (t *transport) endFlight(v iana.Version) error {
	if !t.in.conn.client || v >= iana.VersionTLS13 {
		return t.checkTurn()
	}
	raw, err := t.in.messages.Next()
	switch {
	case err != nil:
		return err
	case raw == nil:
	case iana.HandshakeType(raw[0]) == iana.HandshakeHelloRequest:
		t.in.request = raw
	default:
		return alert.Unexpected(iana.HandshakeType(raw[0]).String(), "RFC 5246 §7.4", "it may not come after the handshake")
	}
	return t.checkTurn()
}

// skipRequests drops further HelloRequests of the same record: they ask for no more.
func (h *inHalf) skipRequests() error {
	for {
		raw, err := h.messages.Next()
		if err != nil || raw == nil {
			return err
		}
		if iana.HandshakeType(raw[0]) != iana.HandshakeHelloRequest {
			return h.post.HandlePost(h, raw)
		}
		if err := h.floods.add(floodMessage); err != nil {
			return err
		}
	}
}

// brokenOff is why a renegotiation failed. A deadline that passed in the midst of it does not let
// the connection go on.
func brokenOff(err error) error {
	if timedOut(err) {
		return fmt.Errorf("tls: renegotiation: %v", err) // %v: not a timeout any more
	}
	return err
}
