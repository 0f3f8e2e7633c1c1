package dissect

import (
	"time"

	"github.com/akushu/akushu/internal/capture/tcp"
	"github.com/akushu/akushu/observe"
)

// flow is a connection, as the worker has it. The observer is made when it is needed: most of a million
// SYNs need none.
type flow struct {
	begun    time.Time // of the capture
	opts     observe.Options
	conn     *observe.Conn
	segments []waiting // that came before there was conn
	window   []*judged // packets that the filter has not judged
	matching Frames
	tls13    bool
	latest   [3]int               // by Dir: the packet of the latest message
	untold   time.Time            // see ending; the reader's own
	heads    [3]*observe.HTTPHead // by Dir: of the message of HTTP/1 whose body is under way
}

// waiting is a segment with its place.
type waiting struct {
	dir  observe.Dir
	at   observe.At
	body *observe.Segment // nil: the direction ends
}

// Bounds of a flow.
const (
	flowSegments = 16
	flowWindow   = 1024
)

func newFlow(c *tcp.Conn, begun time.Time) *flow {
	return &flow{begun: begun, opts: observe.Options{
		Stream: c.ID, Client: c.Client.String(), Server: c.Server.String(), RolesGuessed: true, Start: c.First.Time,
		TCP: observe.TCP{SYN: !c.Guessed},
	}}
}

// pending finds a packet that was not judged.
func (f *flow) pending(frame int) *judged {
	for i := len(f.window) - 1; i >= 0; i-- {
		if f.window[i].frame == frame {
			return f.window[i]
		}
	}
	return nil
}
