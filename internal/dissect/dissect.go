// Package dissect turns a capture into connections: packets are put together to TCP streams, each
// stream is watched by an observer, a display filter judges each packet, and each connection is
// handed out when it ends.
//
//	capture.Item ─► packet.Decoder ─► tcp.Assembler ─║─► observe.Conn ─► Connection
//	                                                 ║         │
//	                            the fields of packets ╨─► filter.Program
//
// The two sides of the wall run on goroutines of their own: one reads and puts together, the other, or
// several with some of the connections each, decrypt. What is handed out, and in which order, does not
// depend on that.
//
// Memory is bounded, whatever the capture holds: by the limits of tcp.Assembler and observe.Conn,
// and by those of this package.
package dissect

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// Source is where packets come from: a capture.Reader, a live interface.
type Source interface {
	// Next returns the next item, which is the Source's and changes with the next call. io.EOF is the end.
	Next() (capture.Item, error)
}

// Options says what is wanted of a capture. Functions are called by one goroutine, one after the
// other.
type Options struct {
	Keys     *observe.Keys   // of all connections; nil: none but those that the capture holds
	ListKeys observe.KeyView // see observe.Options
	// Omit is what is not wanted of connections that nobody watches. Of the others all but hashes is there in any case.
	Omit observe.Omit
	// Watch returns what is to receive the events of a connection that begins, nil for nothing. It is
	// not called for connections that are not looked at, and not before something comes that
	// observe.Conn is needed for.
	Watch func(stream int) func(observe.Event)
	// Watches says whether Watch may return something for a connection, before it is called; nil: always.
	Watches func(stream int) bool
	// Watched says that events of all connections are kept: fewer connections may then be open at a time.
	Watched bool
	// Done receives each connection when it has ended.
	Done func(*Connection)
	// Filter judges packets; nil: none are asked for.
	Filter *filter.Program
	// Judged is told what the filter says of each packet, those without TCP included. Packets of one
	// direction come in order, as a rule. It may be nil.
	Judged func(frame int, matches bool)
	// Stream is the connection that is looked at, counted from 0; -1: all.
	Stream int
	// Secrets returns those that came since it was called last. With Live, it is called while records wait for some, now
	// and then, and before a connection ends with such. It may be nil.
	Secrets func() []keylog.Line
	// Used receives each secret that opened something, see observe.Options. It may be nil.
	Used func(keylog.Line)
	// Live says that the source waits for packets: nothing is held back to be done at once. Ready is then given
	// what is to be called, by Next, now and then while it waits.
	Live  bool
	Ready func(tick func())
	// Workers is how many goroutines decrypt, at most. With more than one, what Watch returned is called by the
	// goroutine of its connection, and what it is told comes before or after what Done is told of others. Live, Filter
	// and Used want everything in order, and have one.
	Workers int
}

// watches reports whether somebody may want the events of a connection.
func (o *Options) watches(stream int) bool {
	return o.Filter != nil || o.Watch != nil && (o.Watches == nil || o.Watches(stream))
}

// workers is how many goroutines decrypt.
func (o *Options) workers() int {
	if o.Live || o.Filter != nil || o.Used != nil {
		return 1
	}
	return min(max(o.Workers, 1), mostWorkers)
}

// mostWorkers is how many keep up with one that reads.
const mostWorkers = 4

// Connection is a connection that has ended.
type Connection struct {
	*observe.Session
	Begun   time.Time // of the capture, by its first packet
	Packets int
	// Matching are the packets that the filter selects.
	Matching Frames
}

// Totals counts what a capture held.
type Totals struct {
	Packets     int
	Other       int // packets without TCP, or that could not be read
	Connections int
	First, Last time.Time // of the packets
}

// Run reads src to its end, or until ctx is done, which is no error. When it returns, every connection
// was handed out; the error is that of src.
func Run(ctx context.Context, src Source, o Options) (Totals, error) {
	if o.Keys == nil {
		o.Keys = observe.NewKeys()
	}
	c := newCrew(&o)
	r := newReader(&o, c)
	err := r.run(ctx, src)
	c.finish()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return r.totals, err
}
