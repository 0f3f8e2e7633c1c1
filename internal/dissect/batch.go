package dissect

import (
	"github.com/akushu/akushu/internal/filter"
	"github.com/akushu/akushu/observe"
)

// A batch is work that the reader has for the worker, in order.
type batch struct {
	ops  []op
	data []byte // of the ops that have some, one after the other
}

// Bounds of what is under way between the two.
const (
	batchesAhead = 8
	batchOps     = 4096
	batchData    = 256 << 10
)

// op is one thing to do.
type op struct {
	kind opKind
	dir  observe.Dir
	flow *flow
	at   observe.At
	n    int64 // bytes of data, or of a gap
	more any   // what is rare: *observe.Segment, *ending, *judged, []keylog.Line
}

type opKind uint8

const (
	opData      opKind = iota // n bytes of a direction
	opGap                     // n bytes are missing
	opSegment                 // *observe.Segment
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
}

// judged is a packet that the filter is to judge, with what its headers say.
type judged struct {
	frame   int
	dir     observe.Dir
	fields  *filter.Packet
	settled bool // no more fields come, once its connection waits for nothing
}
