package observe_test

import (
	"bytes"
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	tlsrecord "github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// rewriter changes messages of a recorded conversation, sealed ones too: it opens each record with the keys of the key
// log, and seals it again.
type rewriter struct {
	t       testing.TB
	version iana.Version
	suite   *suite.Suite
	log     map[string]keys.Secret
	client  []byte // randoms
	server  []byte
	change  func(d observe.Dir, message []byte)
	openers [3]tlsrecord.Opener
	sealers [3]tlsrecord.Sealer
	sealed  [3]bool
	rest    [3][]byte // of a record whose end did not come yet
}

// rewrite returns the conversation with messages changed in place. Each record must hold whole messages.
func rewrite(t testing.TB, c *conversation, change func(d observe.Dir, message []byte)) *conversation {
	t.Helper()
	r := &rewriter{t: t, log: make(map[string]keys.Secret), change: change}
	log := keylog.NewReader(bytes.NewReader(c.keys))
	for {
		l, err := log.Next()
		if err != nil {
			break
		}
		r.log[l.Label] = l.Secret
	}
	out := &conversation{keys: c.keys, state: c.state}
	for _, k := range c.chunks {
		if !k.end {
			k.data = r.records(k.dir, k.data)
		}
		out.chunks = append(out.chunks, k)
	}
	return out
}

func (r *rewriter) records(d observe.Dir, data []byte) []byte {
	r.t.Helper()
	r.rest[d] = append(r.rest[d], data...)
	var out []byte
	for len(r.rest[d]) >= tlsrecord.HeaderLen {
		h := tlsrecord.ParseHeader(r.rest[d])
		n := tlsrecord.HeaderLen + h.Length
		if len(r.rest[d]) < n {
			break
		}
		out = append(out, r.record(d, h, r.rest[d][:n:n])...)
		r.rest[d] = r.rest[d][n:]
	}
	return out
}

func (r *rewriter) record(d observe.Dir, h tlsrecord.Header, raw []byte) []byte {
	r.t.Helper()
	fragment := bytes.Clone(raw[tlsrecord.HeaderLen:])
	tls13 := r.version == iana.VersionTLS13
	if !r.sealed[d] || tls13 && h.Type != iana.ContentApplicationData {
		if h.Type == iana.ContentHandshake {
			r.messages(d, fragment)
		}
		if h.Type == iana.ContentChangeCipherSpec && !tls13 {
			r.keys12(d)
		}
		return append(bytes.Clone(raw[:tlsrecord.HeaderLen]), fragment...)
	}
	typ, content, err := r.openers[d].Open(h, fragment)
	if err != nil {
		r.t.Fatal(err)
	}
	finished := false
	if typ == iana.ContentHandshake {
		finished = content[0] == byte(iana.HandshakeFinished) || bytes.Contains(content, []byte{byte(iana.HandshakeFinished), 0, 0, byte(r.suite.Hash.Size())})
		r.messages(d, content)
	}
	out, err := r.sealers[d].Seal(nil, typ, content, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	if finished && tls13 {
		r.keys13(d, map[observe.Dir]string{observe.ClientToServer: keylog.LabelClientTrafficSecret0, observe.ServerToClient: keylog.LabelServerTrafficSecret0}[d])
	}
	return out
}

// messages changes those of one record, and follows what they settle.
func (r *rewriter) messages(d observe.Dir, content []byte) {
	for len(content) >= 4 {
		n := 4 + int(content[1])<<16 + int(content[2])<<8 + int(content[3])
		m := content[:n]
		content = content[n:]
		switch iana.HandshakeType(m[0]) {
		case iana.HandshakeClientHello:
			r.client = bytes.Clone(m[6:38])
		case iana.HandshakeServerHello:
			r.server = bytes.Clone(m[6:38])
			at := 39 + int(m[38])
			r.suite = suite.ByID(iana.CipherSuite(m[at])<<8 | iana.CipherSuite(m[at+1]))
			if r.version = iana.VersionTLS12; r.suite.Supports(iana.VersionTLS13) {
				r.version = iana.VersionTLS13
				r.keys13(observe.ServerToClient, keylog.LabelServerHandshakeTrafficSecret)
				r.keys13(observe.ClientToServer, keylog.LabelClientHandshakeTrafficSecret)
			}
		}
		r.change(d, m)
	}
}

func (r *rewriter) set(d observe.Dir, k suite.TrafficKeys) {
	k.Version, k.Suite = r.version, r.suite
	again := k
	again.Secret, again.MAC, again.Key, again.IV = k.Secret.Clone(), k.MAC.Clone(), k.Key.Clone(), k.IV.Clone()
	r.openers[d].SetKeys(&k)
	r.sealers[d].SetVersion(r.version)
	r.sealers[d].SetKeys(&again)
	r.sealed[d] = true
}

func (r *rewriter) keys13(d observe.Dir, label string) {
	r.set(d, suite.TrafficKeys{Secret: r.log[label].Clone()})
}

func (r *rewriter) keys12(d observe.Dir) {
	block := keys.TLS12(r.suite.Hash, nil).KeyBlock(r.log[keylog.LabelClientRandom], r.client, r.server, r.suite.Lengths())
	k := block.Client
	if d == observe.ServerToClient {
		k = block.Server
	}
	r.set(d, suite.TrafficKeys{MAC: k.MAC, Key: k.Key, IV: k.IV})
}
