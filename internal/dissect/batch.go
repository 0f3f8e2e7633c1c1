package dissect

import (
	"sync"
	"time"

	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/observe"
)

// A batch is work that the reader has for a worker, in order.
type batch struct {
	ops   []op
	data  []byte          // of the ops that have some, one after the other
	runs  []observe.Piece // likewise
	end   uint64          // the number of the first op that is in no batch of this round
	round *round          // nil where there is one worker
}

// A round is the batches that the workers are given at a time, one each.
type round struct {
	left   sync.WaitGroup // of the batches that are not done
	closed []*ending      // in order
}

// Bounds of what is under way between the two.
const (
	batchesAhead = 4
	batchOps     = 1024
	batchData    = 128 << 10
)

// op is one thing to do.
type op struct {
	kind opKind
	seq  uint64 // counts the ops of all workers
	dir  observe.Dir
	flow *flow
	at   observe.At
	n    int64 // bytes of data, or of a gap
	run  int   // pieces of data
	more any   // what is rare: *observe.Segment, *ending, *judged, []keylog.Line
}

type opKind uint8

const (
	opData      opKind = iota // n bytes of a direction, in a run of pieces
	opGap                     // n bytes are missing
	opSegment                 // *observe.Segment
	opEnd                     // a direction ends, of which nobody wants the segment
	opPacket                  // *judged: a packet begins
	opPacketEnd               // all that a packet brings has come
	opClose                   // *ending
	opSecrets                 // []keylog.Line
)

// ending is how a connection ended.
type ending struct {
	how     observe.End
	tcp     observe.TCP
	packets int
	untold  time.Time   // the latest time of a segment that nobody was told of
	is      *Connection // once it is closed
}

// judged is a packet that the filter is to judge, with what its headers say.
type judged struct {
	frame   int
	fields  *filter.Packet
	settled bool // no more fields come, once its connection waits for nothing
}
