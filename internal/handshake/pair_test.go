package handshake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// A pair joins a client flow and a server flow in memory, without goroutines, records or
// a network: each runs until it waits for a message, then the other one goes on. What
// one end protects with keys, the other can only read with the same keys.
type pair struct {
	toServer, toClient wire
	log                []string                                     // "client ClientHello", in the order of sending
	tamper             func(from string, raw []byte) (out [][]byte) // nil: nothing is changed
	fail               func(who, op string) error                   // may fail a method of a transport; nil: none
	early              string                                       // what the client says early, and the server wants; "": nothing
}

// wire is what travels in one direction.
type wire []packet

type packet struct {
	raw  []byte // nil for a ChangeCipherSpec
	keys string // the keys that it travels under
	data bool   // it is application data
}

var errStalled = errors.New("both ends wait for a message")

// end is one end's transport.
type end struct {
	*pair
	name    string
	in, out *wire
	read    string
	write   string
	version iana.Version
	warned  []iana.Alert
	wait    func() bool
	flushed int
	limits  [2]int // of records: what is read, what is written
	forget  func() // of OnFatal
	skipped []int  // the bounds of SkipEarlyData
	takes   int64  // of TakeEarlyData
	took    string
	soon    *handshake.Result
}

// broken asks whether the method op is to fail.
func (e *end) broken(op string) error {
	if e.fail == nil {
		return nil
	}
	return e.fail(e.name, op)
}

func (e *end) next() (packet, error) {
	for len(*e.in) == 0 {
		if !e.wait() {
			return packet{}, errStalled
		}
	}
	p := (*e.in)[0]
	*e.in = (*e.in)[1:]
	return p, nil
}

func (e *end) ReadMessage() ([]byte, error) {
	if err := e.broken("ReadMessage"); err != nil {
		return nil, err
	}
	for {
		p, err := e.next()
		if err != nil {
			return nil, err
		}
		if p.raw == nil && e.version == iana.VersionTLS13 {
			continue
		}
		if p.data && p.keys != e.read && e.skipped != nil {
			continue
		}
		if p.data && p.keys == e.read && e.takes > 0 {
			e.took += string(p.raw)
			continue
		}
		if p.raw == nil {
			return nil, errors.New("a ChangeCipherSpec came instead of a message")
		}
		if p.keys != e.read {
			return nil, fmt.Errorf("%s reads with %q what was written with %q", e.name, e.read, p.keys)
		}
		return p.raw, nil
	}
}

func (e *end) ReadChangeCipherSpec() error {
	if err := e.broken("ReadChangeCipherSpec"); err != nil {
		return err
	}
	p, err := e.next()
	if err == nil && p.raw != nil {
		err = errors.New("a message came instead of a ChangeCipherSpec")
	}
	return err
}

func (e *end) WriteMessage(raw []byte) error {
	if err := e.broken("WriteMessage"); err != nil {
		return err
	}
	all := [][]byte{bytes.Clone(raw)}
	if e.tamper != nil {
		all = e.tamper(e.name, all[0])
	}
	for _, raw := range all {
		*e.out = append(*e.out, packet{raw: raw, keys: e.write})
	}
	e.log = append(e.log, fmt.Sprintf("%s %s", e.name, iana.HandshakeType(raw[0]).StructName()))
	return nil
}

func (e *end) WriteChangeCipherSpec() error {
	if err := e.broken("WriteChangeCipherSpec"); err != nil {
		return err
	}
	*e.out = append(*e.out, packet{})
	e.log = append(e.log, e.name+" ChangeCipherSpec")
	return nil
}

func (e *end) Flush() error {
	e.flushed++
	return e.broken("Flush")
}

func (e *end) WantsEarlyData() bool { return e.early != "" }

func (e *end) ShareWriting(soon *handshake.Result, most int64) {
	e.soon = soon
	if e.name == "client" && int64(len(e.early)) <= most {
		*e.out = append(*e.out, packet{raw: []byte(e.early), keys: e.write, data: true})
		e.log = append(e.log, "client early data")
	}
}

func (e *end) TakeEarlyData(most int64) { e.takes = most }

func keysOf(epoch handshake.Epoch, k *suite.TrafficKeys) string {
	return fmt.Sprintf("%d %v %v %v %x%x%x%x", epoch, k.Version, k.Suite.ID, k.EncryptThenMAC,
		k.Secret.Reveal(), k.Key.Reveal(), k.IV.Reveal(), k.MAC.Reveal())
}

func (e *end) SetReadKeys(epoch handshake.Epoch, k *suite.TrafficKeys) error {
	e.read = keysOf(epoch, k)
	return e.broken("SetReadKeys")
}

func (e *end) SetWriteKeys(epoch handshake.Epoch, k *suite.TrafficKeys) error {
	e.write = ""
	if k != nil {
		e.write = keysOf(epoch, k)
	}
	return e.broken("SetWriteKeys")
}

func (e *end) SkipEarlyData(most int) { e.skipped = append(e.skipped, most) }

func (e *end) SetVersion(v iana.Version) { e.version = v }

func (e *end) SetRecordLimits(read, write int) { e.limits = [2]int{read, write} }

func (e *end) OnFatal(forget func()) { e.forget = forget }

func (e *end) Warn(a iana.Alert) error { e.warned = append(e.warned, a); return nil }

// outcome is what one end came to.
type outcome struct {
	result *handshake.Result
	post   handshake.Post
	err    error
	end    *end
}

// run shakes hands and returns what the client and the server came to.
func (p *pair) run(client *handshake.ClientConfig, server *handshake.ServerConfig) (c, s outcome) {
	ctx := context.Background()
	c.end = &end{pair: p, name: "client", in: &p.toClient, out: &p.toServer}
	s.end = &end{pair: p, name: "server", in: &p.toServer, out: &p.toClient}
	stepC, stopC := coroutine(c.end, func() { c.result, c.post, c.err = handshake.Client(ctx, c.end, client) })
	stepS, stopS := coroutine(s.end, func() { s.result, s.post, s.err = handshake.Server(ctx, s.end, server) })
	defer stopC()
	defer stopS()
	for {
		before := len(p.log)
		liveC := stepC()
		liveS := stepS()
		if !liveC && !liveS || len(p.log) == before && len(p.toClient)+len(p.toServer) == 0 {
			return c, s
		}
		if len(p.log) == before && (!liveC || !liveS) {
			return c, s
		}
	}
}

// coroutine turns a flow inside out: each step lets it run until it waits.
func coroutine(e *end, flow func()) (step func() bool, stop func()) {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		e.wait = func() bool { return yield(struct{}{}) }
		flow()
	})
	return func() bool { _, live := next(); return live }, stop
}

// counter is a source of randomness that is none.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

var _ io.Reader = (*counter)(nil)
