package tls

import (
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/suite"
)

// The bounds of what brings nothing.
var (
	MostEmptyRecords      = int(mostOf[floodEmpty].most)
	MostAlerts            = int(mostOf[floodAlert].most)
	MostChangeCipherSpecs = int(mostOf[floodCCS].most)
	MostKeyUpdates        = int(mostOf[floodKeyUpdate].most)
	MostMessages          = int(mostOf[floodMessage].most)
)

// AllowEarlyData has a client believe that its session is good for n bytes of early data.
func AllowEarlyData(s *ClientSessionState, n uint32) { s.state.MaxEarlyData = n }

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

// LimitRecords makes connections of c believe that one key protects n records and no more.
func LimitRecords(c *Config, n uint64) {
	r := c.resolve()
	suites := make([]*suite.Suite, len(r.client.Suites))
	for i, s := range r.client.Suites {
		row, cipher := *s, *s.Cipher
		cipher.RecordLimit = n
		row.Cipher = &cipher
		suites[i] = &row
	}
	r.client.Suites, r.server.Suites = suites, suites
}

// Amid has the connection be amid the messages of an answer to a CertificateRequest.
func (c *Conn) Amid() {
	c.in.mu.Lock()
	defer c.in.unlock()
	c.in.Amid(true)
}
