package rewrite

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
)

// Unended leaves out what ends connections.
func Unended(all []capture.Packet) []capture.Packet {
	return slices.DeleteFunc(slices.Clone(all), func(p capture.Packet) bool {
		return header(p).TCP.Flags&(packet.FIN|packet.RST) != 0
	})
}

// A Track is the packets of a connection between hosts of 127.0.0.0/8, over Ethernet, and how often it is played among
// others.
type Track struct {
	Packets []capture.Packet
	Weight  int
}

// A Mixture plays tracks over and over, many at a time, each time between hosts of its own: a capture as long as one likes.
// It is the same each time.
type Mixture struct {
	Started int // tracks

	tracks  []Track
	random  *rand.Rand
	playing []player
	frame   []byte
	time    time.Time
}

// player is what is left of a track, and which hosts play it.
type player struct {
	left   []capture.Packet
	number int
}

// NewMixture returns a Mixture of some tracks.
func NewMixture(tracks []Track) *Mixture {
	return &Mixture{tracks: tracks, random: rand.New(rand.NewPCG(1, 2)), time: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
}

// atOnce is how many tracks are played at a time.
const atOnce = 64

// Play writes packets. Tracks begin as long as more says so, and all that have begun are played to their end.
func (m *Mixture) Play(w capture.PacketWriter, more func() bool) error {
	for {
		for len(m.playing) < atOnce && more() {
			m.Started++
			m.playing = append(m.playing, player{m.choose(), m.Started})
		}
		if len(m.playing) == 0 {
			return nil
		}
		i := m.random.IntN(len(m.playing))
		if err := w.WritePacket(m.next(&m.playing[i])); err != nil {
			return err
		}
		if len(m.playing[i].left) == 0 {
			m.playing = slices.Delete(m.playing, i, i+1)
		}
	}
}

func (m *Mixture) choose() []capture.Packet {
	sum := 0
	for _, t := range m.tracks {
		sum += t.Weight
	}
	at, i := m.random.IntN(sum), 0
	for ; at >= m.tracks[i].Weight; i++ {
		at -= m.tracks[i].Weight
	}
	return m.tracks[i].Packets
}

// next is the next packet of a player, good until the next call.
func (m *Mixture) next(p *player) capture.Packet {
	const source, destination = 14 + 12, 14 + 16
	k := p.left[0]
	p.left = p.left[1:]
	m.frame = append(m.frame[:0], k.Data...)
	for _, address := range [][]byte{m.frame[source:], m.frame[destination:]} {
		copy(address[1:4], []byte{byte(p.number >> 16), byte(p.number >> 8), byte(p.number)})
	}
	m.time = m.time.Add(20 * time.Microsecond)
	k.Data, k.Time = m.frame, m.time
	return k
}

// Load keeps the packets of a source, up to its end.
func Load(next func() (capture.Item, error)) []capture.Packet {
	var all []capture.Packet
	for {
		item, err := next()
		if err != nil {
			return all
		}
		if p, ok := item.(*capture.Packet); ok {
			own := *p
			own.Data = bytes.Clone(p.Data)
			all = append(all, own)
		}
	}
}
