package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/capture/packet"
)

// A track is the packets of recorded connections, over IPv4 and Ethernet.
type track []capture.Packet

// load reads a capture.
func load(t testing.TB, name string) track {
	t.Helper()
	src, err := file.Open(context.Background(), name, nil, file.Options{})
	check(t, err)
	defer src.Close()
	var all track
	for {
		item, err := src.Next()
		if err == io.EOF {
			return all
		}
		check(t, err)
		if p, ok := item.(*capture.Packet); ok {
			own := *p
			own.Data = bytes.Clone(p.Data)
			all = append(all, own)
		}
	}
}

// unended is a track whose connections do not end.
func (k track) unended() track {
	var left track
	for i := range k {
		if packet.NewDecoder().Decode(&k[i]).TCP.Flags&(packet.FIN|packet.RST) == 0 {
			left = append(left, k[i])
		}
	}
	return left
}

// A share is a track, and how often it is played among others.
type share struct {
	track
	weight int
}

// A mixture plays tracks over and over, many at a time, each time between hosts of its own.
type mixture struct {
	tracks  []share
	random  *rand.Rand
	playing []*player
	started int // tracks
	time    time.Time
}

// A player plays a track between the hosts of a number.
type player struct {
	track
	number int
}

func newMixture(tracks []share) *mixture {
	return &mixture{tracks: tracks, random: rand.New(rand.NewPCG(1, 2)), time: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
}

// atOnce is how many tracks are played at a time.
const atOnce = 64

// writeTo writes packets until there are so many bytes, and no new tracks from then on.
func (m *mixture) writeTo(dst io.Writer, size int64) error {
	w, err := capture.NewWriter(dst, capture.Section{})
	if err != nil {
		return err
	}
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet}); err != nil {
		return err
	}
	for size > 0 || len(m.playing) > 0 {
		for size > 0 && len(m.playing) < atOnce {
			m.started++
			m.playing = append(m.playing, &player{m.next(), m.started})
		}
		i := m.random.IntN(len(m.playing))
		p := m.playing[i].next()
		size -= int64(len(p.Data))
		m.time = m.time.Add(20 * time.Microsecond)
		p.Time = m.time
		if err := w.WritePacket(p); err != nil {
			return err
		}
		if len(m.playing[i].track) == 0 {
			m.playing[i] = m.playing[len(m.playing)-1]
			m.playing = m.playing[:len(m.playing)-1]
		}
	}
	return nil
}

// next chooses a track.
func (m *mixture) next() track {
	sum := 0
	for _, s := range m.tracks {
		sum += s.weight
	}
	at := m.random.IntN(sum)
	for _, s := range m.tracks {
		if at -= s.weight; at < 0 {
			return s.track
		}
	}
	panic("unreachable")
}

// next is the next packet, whose addresses are the player's.
func (p *player) next() capture.Packet {
	const source, destination = 14 + 12, 14 + 16
	k := p.track[0]
	p.track = p.track[1:]
	for _, address := range [][]byte{k.Data[source:], k.Data[destination:]} { // 127.0.0.0/8
		address[1], address[2], address[3] = byte(p.number>>16), byte(p.number>>8), byte(p.number)
	}
	return k
}

// mixed is what people capture, all at once: the recordings of internal/dissect, some of which do not end, or begin late;
// clients that get no answer; and bulk data, some of which nobody has keys for, and some of which does not end. keys is the
// file of their key logs.
func mixed(t testing.TB, dir string) (tracks []share, keys string) {
	t.Helper()
	names, err := filepath.Glob("../internal/dissect/testdata/*.pcap")
	check(t, err)
	keys = filepath.Join(dir, "all.keys")
	log := create(t, keys)
	add := func(name string) {
		b, err := os.ReadFile(name)
		if !errors.Is(err, os.ErrNotExist) {
			check(t, err)
		}
		_, err = log.Write(b)
		check(t, err)
	}
	for _, name := range names {
		k := load(t, name)
		tracks = append(tracks, share{k, 60}, share{k.unended(), 20}, share{k[8:], 5}, share{k[:1], 15})
		add(name[:len(name)-len("pcap")] + "keys")
	}
	for i, opens := range []bool{true, true, false} {
		r := record(t, filepath.Join(dir, string(rune('a'+i))), 1, 1, 1<<20)
		k := load(t, r.packets)
		tracks = append(tracks, share{k, 5}, share{k.unended(), 5})
		if opens {
			add(r.keys)
		}
	}
	check(t, log.Close())
	return tracks, keys
}

// A capture of any size is read in bounded memory: a mixture of all that there is through a pipe, as a table and as NDJSON.
//
//	AKUSHU_LARGE=1 go test -run InspectIsBounded -v ./bench
//
// has it be more than a gigabyte.
func TestInspectIsBounded(t *testing.T) {
	const most = 200 << 20
	size := int64(64 << 20)
	if os.Getenv("AKUSHU_LARGE") != "" {
		size = 1100 << 20
	}
	dir := t.TempDir()
	tracks, keys := mixed(t, dir)
	akushu := built(t, dir)
	for _, args := range [][]string{nil, {"--json"}} {
		cmd := exec.Command(akushu, append([]string{"inspect", "-", "--keylog", keys}, args...)...)
		m := newMixture(tracks)
		lines := pour(t, cmd, func(w io.Writer) error { return m.writeTo(w, size) })
		if lines < m.started {
			t.Errorf("%q: got %d lines, want one for each of %d connections", args, lines, m.started)
		}
		used := peak(cmd.ProcessState)
		t.Logf("%q: %d MB, %d connections, %d MB of memory, %v", args, size>>20, m.started, used>>20, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if used > most {
			t.Errorf("%q: got %d MB in use, want at most %d", args, used>>20, most>>20)
		}
	}
}

// pour runs a command with what write writes as its input. It returns how many lines it prints.
func pour(t testing.TB, cmd *exec.Cmd, write func(io.Writer) error) (lines int) {
	t.Helper()
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	check(t, cmd.Start())
	written := make(chan error, 1)
	go func() {
		buffered := bufio.NewWriterSize(in, 1<<16)
		written <- errors.Join(write(buffered), buffered.Flush(), in.Close())
	}()
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		lines++
	}
	check(t, errors.Join(<-written, scanner.Err()))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	return lines
}
