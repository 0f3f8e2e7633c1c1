package dissect_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/dissect"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

// recordings is the captures of testdata, by their names.
func recordings(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.pcap*")
	check(t, err)
	if len(names) < 20 {
		t.Fatalf("got %d captures, want 20 and more", len(names))
	}
	return names
}

// keysOf is the key log of a capture; nil where there is none.
func keysOf(t testing.TB, name string) []byte {
	t.Helper()
	stem, _, _ := strings.Cut(name, ".")
	b, err := os.ReadFile(stem + ".keys")
	if !errors.Is(err, os.ErrNotExist) {
		check(t, err)
	}
	return b
}

// secrets takes a key log.
func secrets(t testing.TB, log []byte) *observe.Keys {
	t.Helper()
	keys, r := observe.NewKeys(), keylog.NewReader(bytes.NewReader(log))
	for {
		l, err := r.Next()
		if err == io.EOF {
			return keys
		}
		check(t, err)
		keys.Add(l)
	}
}

// packets is all packets of a capture, and the key log in it.
func packets(t testing.TB, name string) (all []capture.Packet, log []byte) {
	t.Helper()
	src, err := file.Open(context.Background(), name, nil, file.Options{})
	check(t, err)
	defer src.Close()
	for {
		item, err := src.Next()
		if err == io.EOF {
			return all, log
		}
		check(t, err)
		switch item := item.(type) {
		case *capture.Packet:
			p := *item
			p.Data = bytes.Clone(p.Data)
			all = append(all, p)
		case *capture.Secrets:
			log = append(log, item.Data...)
		}
	}
}

// album is all recordings in one capture, in the order of time, and all their secrets. Those of one link type only, if it
// is not 0.
func album(t testing.TB, link capture.LinkType) (all []capture.Packet, log []byte) {
	t.Helper()
	for _, name := range recordings(t) {
		some, inside := packets(t, name)
		if strings.Contains(name, "secrets_inside") || strings.Contains(name, "compressed") {
			continue // what another one holds too
		}
		for _, p := range some {
			if link == 0 || p.LinkType == link {
				all = append(all, p)
			}
		}
		log = append(append(log, keysOf(t, name)...), inside...)
	}
	slices.SortStableFunc(all, func(x, y capture.Packet) int { return x.Time.Compare(y.Time) })
	return all, log
}

// sheets is a source of packets.
type sheets []capture.Packet

func (s *sheets) Next() (capture.Item, error) {
	if len(*s) == 0 {
		return nil, io.EOF
	}
	p := (*s)[0]
	*s = (*s)[1:]
	return &p, nil
}

// numbered numbers packets from 1.
func numbered(all []capture.Packet) []capture.Packet {
	all = slices.Clone(all)
	for i := range all {
		all[i].Number = i + 1
	}
	return all
}

// sessions is the connections of a capture, in the order in which they began; who watches one is told of its events.
func sessions(t testing.TB, all []capture.Packet, log []byte, watch func(stream int) func(observe.Event)) []*observe.Session {
	t.Helper()
	src := sheets(numbered(all))
	var list []*observe.Session
	_, err := dissect.Run(context.Background(), &src, dissect.Options{Stream: -1, Keys: secrets(t, log), Watch: watch, Done: func(c *dissect.Connection) {
		list = append(list, c.Session)
	}})
	check(t, err)
	slices.SortFunc(list, func(x, y *observe.Session) int { return cmp.Compare(x.Stream, y.Stream) })
	return list
}

// read reads a capture that may be damaged in any way, to where it ends or makes no more sense.
func read(t *testing.T, b []byte, keys *observe.Keys) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		src, err := file.Open(context.Background(), file.Stdin, bytes.NewReader(b), file.Options{})
		if err == nil {
			_, err = dissect.Run(context.Background(), src, dissect.Options{Stream: -1, Keys: keys, Done: func(*dissect.Connection) {}})
		}
		if err != nil && err.Error() == "" {
			t.Error("got an error that says nothing")
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}

// TestShut requires that nothing is told of a connection without its keys that is not so: what can be seen from outside is
// the same with them.
func TestShut(t *testing.T) {
	all, log := album(t, 0)
	open, shut := sessions(t, all, log, nil), sessions(t, all, nil, nil)
	for i, with := range open {
		without := shut[i]
		if with.Version != without.Version || with.Complete != without.Complete && with.Version != "TLS 1.3" {
			t.Errorf("%d: got %q, complete %t without keys, want %q, %t", i, without.Version, without.Complete, with.Version, with.Complete)
		}
		if with.RoundTrips != without.RoundTrips && with.EarlyData != observe.EarlyDataAccepted {
			t.Errorf("%d, %s: got round trips %+v without keys, want %+v", i, with.Version, without.RoundTrips, with.RoundTrips)
		}
	}
}

// damage has a test of each recording, side by side.
func damage(t *testing.T, test func(t *testing.T, whole []byte, keys *observe.Keys)) {
	for _, name := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			whole, err := os.ReadFile(name)
			check(t, err)
			test(t, whole, secrets(t, keysOf(t, name)))
		})
	}
}

// Every prefix of every recording gives a result or an error: of the beginning, which has the headers, and in the rest
// at places that lie close together.
func TestPrefixes(t *testing.T) {
	damage(t, func(t *testing.T, whole []byte, keys *observe.Keys) {
		step := 1 + len(whole)/200
		for n := 0; n < len(whole); n++ {
			if n < 200 || n%step == 0 {
				read(t, whole[:n], keys)
			}
		}
	})
}

// A thousand mutations of every recording do too.
func TestMutations(t *testing.T) {
	damage(t, func(t *testing.T, whole []byte, keys *observe.Keys) {
		random := rand.New(rand.NewPCG(uint64(len(whole)), 7))
		for range 1000 {
			read(t, mutated(random, whole), keys)
		}
	})
}

// mutated is b with some bytes changed, taken out or put in.
func mutated(random *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + random.IntN(8) {
		at := random.IntN(len(b))
		n := min(1+random.IntN(16), len(b)-at)
		switch random.IntN(4) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[random.IntN(5)]
		case 2:
			b = slices.Delete(b, at, min(at+n, len(b)-1))
		case 3:
			b = slices.Insert(b, at, b[at:at+n]...)
		}
		if len(b) == 0 {
			return b
		}
	}
	return b
}
