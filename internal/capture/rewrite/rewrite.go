// Package rewrite changes captures as networks change what they carry: segments become smaller, change places, come
// twice or not at all. Tests have captures read that were rewritten.
package rewrite

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
)

// header decodes a packet.
func header(p capture.Packet) packet.Packet { return *packet.NewDecoder().Decode(&p) }

// Split cuts segments of TCP over IP over Ethernet into those of size bytes, as a path with a small MTU does.
func Split(all []capture.Packet, size int) []capture.Packet {
	var cut []capture.Packet
	for _, p := range all {
		k := header(p)
		n := len(k.Payload)
		for at := 0; at == 0 || at < n; at += size {
			cut = append(cut, slice(p, k, at, min(at+size, n)))
		}
	}
	return cut
}

// slice is a packet with a part of its payload.
func slice(p capture.Packet, k packet.Packet, from, to int) capture.Packet {
	heads := len(p.Data) - len(k.Payload)
	data := append(bytes.Clone(p.Data[:heads]), k.Payload[from:to]...)
	tcpAt := heads - 20 - len(k.TCP.Options)
	binary.BigEndian.PutUint32(data[tcpAt+4:], k.TCP.Seq+uint32(from))
	if to < len(k.Payload) {
		data[tcpAt+13] &^= byte(packet.FIN)
	}
	if k.Src.Addr().Is4() {
		binary.BigEndian.PutUint16(data[16:], uint16(len(data)-14))
	} else {
		binary.BigEndian.PutUint16(data[18:], uint16(len(data)-54))
	}
	p.Data, p.Length = data, len(data)
	return p
}

func hasData(p capture.Packet) bool { k := header(p); return len(k.Payload) > 0 }

// Swap exchanges every nth segment with data and the one behind it, of the same direction.
func Swap(all []capture.Packet, n int) []capture.Packet {
	all = slices.Clone(all)
	for i, met := 0, 0; i+1 < len(all); i++ {
		if !hasData(all[i]) || !hasData(all[i+1]) || header(all[i]).Src != header(all[i+1]).Src {
			continue
		}
		if met++; met%n == 0 {
			all[i], all[i+1] = all[i+1], all[i]
			all[i].Time, all[i+1].Time = all[i+1].Time, all[i].Time
			i++
		}
	}
	return all
}

// Twice repeats every nth segment with data behind the one that follows it, or later.
func Twice(all []capture.Packet, n int, later time.Duration) []capture.Packet {
	var more []capture.Packet
	for i, met := 0, 0; i < len(all); i++ {
		more = append(more, all[i])
		if !hasData(all[i]) {
			continue
		}
		if met++; met%n == 0 {
			p := all[i]
			p.Time = p.Time.Add(later)
			more = append(more, p)
		}
	}
	slices.SortStableFunc(more, func(a, b capture.Packet) int { return a.Time.Compare(b.Time) })
	return more
}

// Lose loses every nth segment with data.
func Lose(all []capture.Packet, n int) []capture.Packet {
	met := 0
	return slices.DeleteFunc(slices.Clone(all), func(p capture.Packet) bool {
		if !hasData(p) {
			return false
		}
		met++
		return met%n == 0
	})
}

// Elsewhere gives both ends of connections over IP over Ethernet addresses that depend on n, so that a capture may hold
// a connection several times.
func Elsewhere(all []capture.Packet, n int) []capture.Packet {
	moved := slices.Clone(all)
	for i, p := range moved {
		data := bytes.Clone(p.Data)
		if k := header(p); k.Src.Addr().Is4() {
			for _, at := range []int{26, 30} { // source and destination; the last byte stays
				data[at] = 10
				binary.BigEndian.PutUint16(data[at+1:], uint16(n))
			}
		} else {
			for _, at := range []int{22, 38} {
				data[at] = 0xfd
				binary.BigEndian.PutUint16(data[at+4:], uint16(n))
			}
		}
		moved[i].Data = data
	}
	return moved
}

// Without is a capture without its packets at some places.
func Without(all []capture.Packet, lost ...int) []capture.Packet {
	var kept []capture.Packet
	for i, p := range all {
		if !slices.Contains(lost, i) {
			kept = append(kept, p)
		}
	}
	return kept
}
