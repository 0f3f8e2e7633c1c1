// Package packet finds the TCP segment in a captured packet: it walks the headers from the link layer through VLANs,
// tunnels and IP fragments down to the innermost TCP.
//
// Every header has a row in one table (steps), with its least length and the function that reads it. A function looks
// at the bytes in place and says how long the header is and what follows; nothing is copied and nothing allocated, but
// for fragments.
//
// The headers are read by hand, though gopacket's parser is as fast for Ethernet, IP and TCP. It has one struct for each
// kind of layer, so that in a tunnel the inner header replaces the outer one; beyond those three its layers allocate;
// and it knows no CAPWAP, no loopback of either byte order, and no fragments that wait in bounds. A row here takes
// fewer lines than what would wrap its layer. The tests use it, and tshark, as oracles.
package packet

import (
	"net/netip"
	"time"

	"github.com/akushu/akushu/internal/capture"
)

// A Packet is what the headers of a captured packet say. It and all that it points to are the Decoder's, and the
// captured bytes are the Reader's: good until the next call of either.
type Packet struct {
	Frame  int       // number of the packet in the file, from 1
	Time   time.Time // of the capture
	Length int       // on the wire, in bytes
	// Layers are the headers that were found, outermost first. Tunnels have several of a kind.
	Layers []Layer
	// Broken is the layer whose header is cut short or makes no sense; None where all is well.
	Broken Kind
	// Src and Dst are the innermost addresses, with ports where there is TCP or UDP.
	Src, Dst netip.AddrPort
	// IsTCP tells that the innermost layer is TCP, whose header TCP is.
	IsTCP bool
	TCP   TCP
	// Payload is what follows the innermost header.
	Payload []byte
	// Missing is how many bytes of the payload were on the wire, but not captured.
	Missing int
}

// A Layer is one header.
type Layer struct {
	Kind   Kind
	Header []byte // from its first byte to where the next layer begins
}

// maxLayers bounds how deep headers may nest.
const maxLayers = 64

// A Decoder decodes packets one after the other. It remembers fragments of IP datagrams; their bytes are bounded.
type Decoder struct {
	out       Packet
	data      []byte // what is left, from the header on that is read
	missing   int    // how many bytes on the wire follow data
	fragment  fragment
	fragments fragments
	src, dst  netip.Addr
	padded    bool // the header of 802.11 is, to four bytes
}

// NewDecoder returns a Decoder.
func NewDecoder() *Decoder { return &Decoder{fragments: newFragments()} }

// Decode walks the headers of a packet. It never fails: what cannot be read is Broken, what is not known ends the
// walk.
func (d *Decoder) Decode(p *capture.Packet) *Packet {
	d.out = Packet{Frame: p.Number, Time: p.Time, Length: p.Length, Layers: d.out.Layers[:0]}
	cut := max(p.Length-len(p.Data), 0)
	d.data, d.missing = p.Data, cut
	d.src, d.dst, d.padded = netip.Addr{}, netip.Addr{}, false
	d.walk(links[p.LinkType])
	d.out.Payload, d.out.Missing = d.data, min(d.missing, cut) // what only an inner header promises was never sent
	return &d.out
}

// walk reads header after header.
func (d *Decoder) walk(k Kind) {
	for k != None {
		s := &steps[k]
		if len(d.data) < s.min || len(d.out.Layers) == maxLayers {
			d.out.Broken = k
			return
		}
		n, next := s.read(d)
		if n < 0 || n > len(d.data) {
			d.out.Broken = k
			return
		}
		if k != reassembly {
			d.out.Layers = append(d.out.Layers, Layer{Kind: k, Header: d.data[:n:n]})
		}
		d.data = d.data[n:]
		k = next
	}
}

// broken is what a step returns of a header that makes no sense.
const broken = -1

// trim ends the data after n bytes, as a header says that counts what follows it. What a header promises and nobody
// captured is missing.
func (d *Decoder) trim(n int) {
	if n <= len(d.data) {
		d.data, d.missing = d.data[:n], 0
		return
	}
	d.missing = n - len(d.data)
}

// Held is how many bytes of fragments wait for the rest of their datagrams, with what they cost besides.
func (d *Decoder) Held() int { return d.fragments.held }
