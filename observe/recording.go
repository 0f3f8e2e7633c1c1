package observe

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/keylog"
)

// Recording writes what taps see as a pcapng file with the secrets embedded, which other
// tools open decrypted. The bytes in it are real, the packets around them are made up, and
// a comment in the file says so. Several goroutines may use it.
type Recording struct {
	mu   sync.Mutex
	file *capture.Builder
	made int // connections without an address of the internet
	err  error
}

// recordingHeld is how much of a Recording is held in memory, so that secrets stand before the
// packets that they open, in bytes. What comes after is written with the secrets that are
// there.
const recordingHeld = 64 << 20

// NewRecording begins a file.
func NewRecording(w io.Writer) (*Recording, error) {
	b, err := capture.NewBuilder(w, capture.Section{Comment: capture.Synthesised, Application: "akushu"})
	if err != nil {
		return nil, err
	}
	_, err = b.AddInterface(capture.Interface{LinkType: capture.LinkEthernet, Name: "tap"})
	return &Recording{file: b}, err
}

// Close writes the file to its end, and returns the first error that there was. It does not
// close the destination. What taps see from then on is not recorded.
func (r *Recording) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return r.err
	}
	r.note(r.file.Close())
	r.file = nil
	return r.err
}

// note keeps the first error; after it nothing is recorded.
func (r *Recording) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// do runs f on the file.
func (r *Recording) do(f func(*capture.Builder) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil || r.err != nil {
		return
	}
	r.note(f(r.file))
	if r.file.Held() > recordingHeld {
		r.note(r.file.Flush())
	}
}

func (r *Recording) secret(l keylog.Line) {
	r.do(func(b *capture.Builder) error { return b.WriteSecrets(l) })
}

// recorded is one connection in a Recording. A nil one records nothing.
type recorded struct {
	file  *Recording
	talk  *capture.Conversation // nil where it could not begin
	ended [3]bool               // by Dir: nothing more can be recorded
}

// conversation begins a connection whose client took connect to establish it, from t on.
func (r *Recording) conversation(client, server net.Addr, t time.Time, connect time.Duration) *recorded {
	c := &recorded{file: r}
	r.do(func(b *capture.Builder) error {
		from, to := r.addresses(client, server)
		var err error
		c.talk, err = capture.NewConversation(b, from, to, t, connect)
		return err
	})
	return c
}

// addresses are those of a connection, or made up where it has none of the internet: from
// the block for documentation (RFC 5737 §3).
func (r *Recording) addresses(client, server net.Addr) (from, to netip.AddrPort) {
	a, b := addrPort(client), addrPort(server)
	if a.IsValid() && b.IsValid() && a.Addr().Is4() == b.Addr().Is4() {
		return a, b
	}
	r.made++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(49152+r.made%16384)),
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 2}), 443)
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
}

func (c *recorded) data(d Dir, t time.Time, b []byte) {
	c.do(func(talk *capture.Conversation) error {
		if c.ended[d] {
			return nil
		}
		return talk.Data(d == ClientToServer, t, b)
	})
}

func (c *recorded) end(d Dir, t time.Time, how End) {
	c.do(func(talk *capture.Conversation) error {
		c.ended[d] = true
		if how == EndRST {
			c.ended = [3]bool{true, true, true}
			return talk.Reset(d == ClientToServer, t)
		}
		return talk.Close(d == ClientToServer, t)
	})
}

func (c *recorded) do(f func(*capture.Conversation) error) {
	if c == nil {
		return
	}
	c.file.do(func(*capture.Builder) error {
		if c.talk == nil {
			return nil
		}
		return f(c.talk)
	})
}
