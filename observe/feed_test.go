package observe_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akushu/akushu/observe"
)

// pieces is a conversation cut anew: the packets that a direction has one after the other.
type pieces struct {
	dir  observe.Dir
	data []byte
	each []observe.Piece
	end  bool
}

// cut cuts a conversation into packets of random sizes, in runs of a direction.
func cut(c *conversation, most int, seed uint64) []pieces {
	random := rand.New(rand.NewPCG(seed, 0))
	var runs []pieces
	frame := 0
	for _, k := range c.chunks {
		if k.end || len(runs) == 0 || runs[len(runs)-1].dir != k.dir || runs[len(runs)-1].end {
			runs = append(runs, pieces{dir: k.dir, end: k.end})
		}
		run := &runs[len(runs)-1]
		for b := k.data; len(b) > 0; {
			n := min(1+random.IntN(most), len(b))
			frame++
			run.data = append(run.data, b[:n]...)
			run.each = append(run.each, observe.Piece{At: observe.At{Time: tick(frame), Frame: frame}, N: n})
			b = b[n:]
		}
	}
	return runs
}

// fed is what is seen of runs that feed feeds. Keys come before the run keysAt, unless that is negative.
func fed(runs []pieces, keys []byte, keysAt int, feed func(*observe.Conn, *pieces)) *watched {
	w, o := new(watched), options()
	o.Sink = func(e observe.Event) { w.events = append(w.events, summed(e)) }
	conn := observe.New(o)
	for i := range runs {
		if i == keysAt {
			addKeys(conn, keys)
		}
		if r := &runs[i]; r.end {
			conn.EndOfStream(r.dir, observe.At{}, observe.EndFIN)
		} else {
			feed(conn, r)
		}
	}
	conn.Close(observe.At{Time: tick(1 << 20)}, observe.EndFIN, observe.TCP{})
	w.session = conn.Session()
	return w
}

// summed is an event that can be kept, with a sum in the place of data, which is sooner compared.
func summed(e observe.Event) observe.Event {
	e = e.Clone()
	switch b := e.Body.(type) {
	case *observe.ApplicationData:
		sum := sha256.Sum256(b.Data)
		b.Data = sum[:]
	case *observe.HTTPBody:
		sum := sha256.Sum256(b.Data)
		b.Data = sum[:]
	}
	return e
}

func oneByOne(c *observe.Conn, r *pieces) {
	b := r.data
	for _, p := range r.each {
		c.Feed(r.dir, p.At, bytes.Clone(b[:p.N]))
		b = b[p.N:]
	}
}

func inRuns(c *observe.Conn, r *pieces) {
	b := bytes.Clone(r.data)
	c.FeedPieces(r.dir, b, r.each)
	clear(b) // it is the caller's again
}

// Whether packets come one by one or in runs, the same is seen: with keys from the beginning, late and never, and with a byte
// changed on its way.
func TestFeedPieces(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := bulk(t, version, 200_000)
		damaged := &conversation{chunks: bytesChanged(c.chunks), keys: c.keys}
		for _, row := range []struct {
			name   string
			c      *conversation
			keysAt int
		}{{"keys", c, 0}, {"late keys", c, 4}, {"no keys", c, -1}, {"damage", damaged, 0}} {
			for seed, most := range []int{100, 1460, 40_000} {
				t.Run(fmt.Sprintf("%04x/%s/%d", version, row.name, most), func(t *testing.T) {
					runs := cut(row.c, most, uint64(seed))
					one, run := fed(runs, c.keys, row.keysAt, oneByOne), fed(runs, c.keys, row.keysAt, inRuns)
					if diff := cmp.Diff(one.events, run.events, cmpopts.IgnoreUnexported(observe.Message{})); diff != "" {
						t.Errorf("one by one, and in runs (-one +runs):\n%s", diff)
					}
					if diff := cmp.Diff(one.session, run.session); diff != "" {
						t.Errorf("one by one, and in runs (-one +runs):\n%s", diff)
					}
				})
			}
		}
	}
}

// bytesChanged changes a byte in the middle of the server's data.
func bytesChanged(chunks []chunk) []chunk {
	changed := append([]chunk(nil), chunks...)
	k := &changed[len(changed)*2/3]
	if len(k.data) > 0 {
		k.data = bytes.Clone(k.data)
		k.data[len(k.data)/2] ^= 1
	}
	return changed
}
