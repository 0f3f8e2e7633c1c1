package observe

import (
	"sync"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/keylog"
)

// Options says what is known of a connection before its first byte.
type Options struct {
	Stream         int    // a number of the caller's, repeated in every event
	Client, Server string // addresses, "192.0.2.1:443"; empty where unknown
	// RolesGuessed tells that Client and Server, and with them the directions, may be the
	// wrong way round. The first handshake message then decides, and the directions of
	// all calls are understood accordingly.
	RolesGuessed bool
	Tap          bool          // see FlowOpened
	Connect      time.Duration // see FlowOpened
	TCP          TCP           // see FlowOpened
	Start        time.Time     // of the connection; zero: the time of the first call
	// Keys finds the secrets. It may serve many connections. nil: this connection has
	// its own, filled by AddSecret.
	Keys *Keys
	// Omit names what is not wanted, and not worked out.
	Omit Omit
	// HTTPFrames has the Sink told of HTTPFrame.
	HTTPFrames bool
	// ListKeys has the Session list the connection's secrets. Without it, what opened records is not kept.
	ListKeys KeyView
	// Sink receives the events, one after the other. It must not call methods of the Conn.
	// nil: events only make up the Session.
	Sink func(Event)
	// Used receives each secret that records were opened with, as a line of a key log that opens them: each once a
	// direction, when it opens the first. It must not call methods of the Conn, and owns the line. nil: nobody is told.
	Used func(keylog.Line)
	// Turn is called before what is known of other connections of Keys is asked, or added to: sessions that are resumed.
	// Who feeds several connections at once waits in it for what comes earlier, so that what is found does not depend on
	// who is quicker. It must not call methods of a Conn. nil: nobody waits.
	Turn func()
}

// Omit is a set of what an observer does not work out, to save time.
type Omit uint8

// What may be omitted.
const (
	// OmitHashes leaves DataInfo.SHA256 empty: most of the time that bulk data takes.
	OmitHashes Omit = 1 << iota
	// OmitDetails leaves empty what one line about a connection does not tell: checks, fingerprints, certificates and the
	// header fields of HTTP, in the Session and as events. That is most of the time that a handshake takes.
	OmitDetails
)

// omits reports whether something is not wanted.
func (c *Conn) omits(what Omit) bool { return c.opts.Omit&what != 0 }

// turnOf waits for the connection's turn where the keys of a handshake may be those of an earlier session.
func (c *Conn) turnOf(hs *handshake) {
	if len(hs.randoms) > 1 || len(hs.offer.identities) > 0 {
		c.turn()
	}
}

// turn waits for the connection's turn.
func (c *Conn) turn() {
	if c.opts.Turn != nil {
		c.opts.Turn()
	}
}

// At says when, and in which packet, bytes were seen.
type At struct {
	Time  time.Time
	Frame int // number of the packet; 0 where there are no packets
}

// Conn observes one connection. Its methods may be called by several goroutines; they
// never fail. What it holds is bounded, whatever it is fed.
type Conn struct {
	mu      sync.Mutex
	opts    Options
	roles   roles
	keys    *Keys
	watched [][32]byte   // the client randoms whose secrets keys announces
	halves  [3]*half     // by Dir; Neither has none
	hs      *handshake   // the latest
	tls     iana.Version // 0 while no server's hello was seen
	two     bool         // it is SSL 2.0
	scratch []byte       // where records are opened
	rules   rules
	course
	checking
	output
	content
}

// course is how far a Conn has come.
type course struct {
	news   int    // counts what held records may be waiting for: keys and hellos
	fed    uint64 // counts calls that fed something
	final  bool   // no key is waited for
	closed bool
	late   []earlySegment
}

// checking bounds what is verified.
type checking struct {
	checks   int  // how many things were
	lastLook bool // nothing more will come that one may wait for
}

// roles is what is known of which end is which.
type roles struct {
	decided bool // who is the client
	flipped bool // the caller has it the wrong way round
	told    bool // FlowOpened is out
	proven  bool // a message said so, or the caller knows
	waiting []earlySegment
}

// content is what is said in the connection.
type content struct {
	outside, inside *web // before TLS, nil while nothing is, and in application data
	early           early
}

// output is where events go.
type output struct {
	seq  uint64
	fold *fold
	once map[Finding]bool // findings that are told once only; nil while there are none
	// Bodies that are told again and again where there is no sink to keep them.
	message    Message
	negotiated Negotiated
}

// New begins to observe a connection.
func New(o Options) *Conn {
	c := &Conn{opts: o, roles: roles{decided: !o.RolesGuessed, proven: !o.RolesGuessed}, keys: o.Keys, hs: &handshake{}, rules: newRules()}
	if c.keys == nil {
		c.keys = NewKeys()
	}
	c.fold, c.inside = newFold(&o), newWeb(c, true)
	both := new([2]half)
	for i, d := range []Dir{ClientToServer, ServerToClient} {
		c.halves[d] = &both[i]
		both[i].begin(c, d)
	}
	return c
}

// Lost tells that n bytes that come next in a direction were not seen; 0 where their
// number is not known.
func (c *Conn) Lost(d Dir, at At, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.enter(d, at); h != nil && !h.ended {
		h.miss(at, n)
		c.run()
	}
}

// EndOfStream tells that a direction carries nothing more. Only the first call for a
// direction counts.
func (c *Conn) EndOfStream(d Dir, at At, how End) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.enter(d, at); h != nil && !h.ended {
		h.ended, h.endedHow, h.endedAt = true, how, at
		c.run()
	}
}

// AddSecret tells a secret. It is as good as adding it to Options.Keys.
func (c *Conn) AddSecret(l keylog.Line) { c.keys.Add(l) }

// Flush ends the wait for keys: what is held comes out as it is, with a finding that
// says why it could not be opened. Keys that come later are used for later records.
func (c *Conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

func (c *Conn) flush() {
	if c.closed {
		return
	}
	c.decide(true)
	c.final = true
	c.run()
	c.final = false
}

// Close ends the observation with FlowClosed: it flushes, and ends the directions that
// have not ended, as how says; EndFIN becomes EndRST where one of them was torn down. tcp
// is what there is to be known of TCP by then. Calls after it do nothing.
func (c *Conn) Close(at At, how End, tcp TCP) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.close(at, how, tcp)
	}
}

// Finish is Close, and returns the Session, which nobody copies: it is the caller's from then on. It is called once, for a
// Conn that is not closed, of which no Session is asked any more.
func (c *Conn) Finish(at At, how End, tcp TCP) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close(at, how, tcp)
	c.fold.settle(c.fold.s)
	return c.fold.s
}

func (c *Conn) close(at At, how End, tcp TCP) {
	c.open(at)
	for _, h := range c.halves[ClientToServer:] {
		if !h.ended {
			h.ended, h.endedHow, h.endedAt = true, how, at
		}
		if h.endedHow == EndRST && how == EndFIN {
			how = EndRST
		}
	}
	c.flush()
	for len(c.late) > 0 {
		c.tellLate(true)
	}
	c.judge(c.hs, true)
	c.closed = true
	c.unwatch()
	if tcp.Cut > 0 {
		c.emit(Neither, at.Time, packetsCut(tcp.Cut))
	}
	c.emit(Neither, at.Time, &FlowClosed{End: how, TCP: tcp})
	c.fold.s.Keys = c.listKeys()
	c.halves[ClientToServer].wipe()
	c.halves[ServerToClient].wipe()
	c.halves, c.scratch = [3]*half{}, nil
}

// Session returns what is known so far, in a copy of the caller's own.
func (c *Conn) Session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.fold.s.Keys = c.listKeys()
	}
	return c.fold.session()
}

// enter is the beginning of every call that is about a direction: it returns the half, or
// nil where there is nothing to do.
func (c *Conn) enter(d Dir, at At) *half {
	if c.closed || (d != ClientToServer && d != ServerToClient) {
		return nil
	}
	c.open(at)
	if c.roles.flipped {
		d = d.Opposite()
	}
	return c.halves[d]
}

// open notes when the connection began, and says so once the roles are known.
func (c *Conn) open(at At) {
	if c.opts.Start.IsZero() {
		c.opts.Start = at.Time
	}
	if c.roles.decided && !c.roles.told {
		c.roles.told = true
		c.emit(Neither, c.opts.Start, &FlowOpened{
			Client: c.opts.Client, Server: c.opts.Server, Tap: c.opts.Tap, Connect: c.opts.Connect, TCP: c.opts.TCP,
		})
		c.tellSegments()
	}
}

// begin tells that the connection is there, before anything went by.
func (c *Conn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open(At{Time: c.opts.Start})
}

// wake looks at held records again, because a key came.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		for _, h := range c.halves[ClientToServer:] {
			h.tellDropped(h.markAt(0).at.Time)
		}
		c.changed()
		c.run()
	}
}

// changed notes that something is known that held records may be waiting for.
func (c *Conn) changed() { c.news++ }

// run takes whatever can be taken from both directions, as far as possible in the order
// in which it came.
func (c *Conn) run() {
	if !c.decide(c.final) {
		return
	}
	client, server := c.halves[ClientToServer], c.halves[ServerToClient]
	for {
		if len(c.late) > 0 {
			c.tellLate(false)
		}
		first, second := client, server
		if server.ready() < client.ready() {
			first, second = server, client
		}
		if !first.step() && !second.step() {
			break
		}
	}
	client.compact()
	server.compact()
	if c.scratch != nil {
		giveBack(c.scratch)
		c.scratch = nil
	}
}

// decide settles which end is the client (CONTRACT: who sent ClientHello, else the other
// end of who sent ServerHello). must ends the wait for a message that tells.
func (c *Conn) decide(must bool) bool {
	if c.roles.decided {
		return true
	}
	client, server := c.halves[ClientToServer], c.halves[ServerToClient]
	must = must || client.ended && server.ended
	for _, h := range []*half{client, server} {
		role, enough := h.role()
		must = must || enough
		if role == Neither {
			continue
		}
		if must = true; role != h.dir {
			c.flip()
		}
		break
	}
	if !must {
		return false
	}
	c.roles.decided = true
	c.open(At{Time: c.opts.Start})
	return true
}

// flip exchanges the ends.
func (c *Conn) flip() {
	a, b := c.halves[ClientToServer], c.halves[ServerToClient]
	a.dir, b.dir = b.dir, a.dir
	c.halves[a.dir], c.halves[b.dir] = a, b
	c.opts.Client, c.opts.Server = c.opts.Server, c.opts.Client
	c.roles.flipped = !c.roles.flipped
}

// prove settles by the first message that only one end sends who that is. By then it may have been decided otherwise: by
// who opened the TCP connection, where another protocol came first.
func (h *half) prove(t iana.HandshakeType, at time.Time) {
	c, sender := h.c, senders[t]
	if c.roles.proven || sender == Neither {
		return
	}
	c.roles.proven = true
	if sender == h.dir {
		return
	}
	c.flip()
	c.hs.said, c.rules = transcript{}, newRules()
	c.rules.resume()
	c.emit(Neither, at, &RolesSwapped{Client: c.opts.Client, Server: c.opts.Server})
}

// emit delivers an event.
func (c *Conn) emit(d Dir, t time.Time, b Body) {
	e := Event{Seq: c.seq, Stream: c.opts.Stream, Time: t, Dir: d, Body: b}
	c.seq++
	c.fold.apply(&e)
	if c.opts.Sink != nil {
		c.opts.Sink(e)
	}
}
