package dissect_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/packet"
	"github.com/akushu/akushu/internal/capture/rewrite"
	"github.com/akushu/akushu/observe"
)

// A holed capture is a recording of which packets are missing.
type holed struct {
	name string
	all  []capture.Packet // of the recording
	lost []int            // indexes
}

// payload is the address that sends data in a packet; "" if there are none.
func payload(p capture.Packet) string {
	if d := packet.NewDecoder().Decode(&p); len(d.Payload) > 0 {
		return d.Src.String() + d.Dst.String()
	}
	return ""
}

// rest is what is there of it.
func (h *holed) rest() []capture.Packet { return rewrite.Without(h.all, h.lost...) }

// before is what is there of each direction before the first packet that is missing in it, and what carries no data.
func (h *holed) before() []capture.Packet {
	var kept []capture.Packet
	ended := map[string]bool{}
	for i, p := range h.all {
		from := payload(p)
		ended[from] = from != "" && (ended[from] || slices.Contains(h.lost, i))
		if !ended[from] {
			kept = append(kept, p)
		}
	}
	return kept
}

// holedRecordings is each recording without each packet with data, one at a time, then without some, and with small
// packets without some; and the secrets of all.
func holedRecordings(t *testing.T) (list []holed, log []byte) {
	random := rand.New(rand.NewPCG(5, 9846))
	for _, name := range recordings(t) {
		all, inside := packets(t, name)
		if strings.Contains(name, "secrets_inside") || strings.Contains(name, "compressed") || all[0].LinkType != capture.LinkEthernet {
			continue // those are among the others
		}
		log = append(append(log, keysOf(t, name)...), inside...)
		name = strings.TrimSuffix(filepath.Base(name), ".pcap")
		whole := withData(all)
		for _, i := range whole {
			list = append(list, holed{name: fmt.Sprintf("%s without %d", name, i+1), all: all, lost: []int{i}})
		}
		small := rewrite.Split(all, 260)
		pieces := withData(small)
		for range 3 {
			list = append(list, some(random, name, all, whole, 2), some(random, name+", MTU 300,", small, pieces, 1), some(random, name+", MTU 300,", small, pieces, 3))
		}
	}
	return list, log
}

// some is a capture without n of its packets.
func some(random *rand.Rand, name string, all []capture.Packet, from []int, n int) holed {
	h := holed{name: name + " without", all: all}
	for range n {
		h.lost = append(h.lost, from[random.IntN(len(from))])
	}
	slices.Sort(h.lost)
	h.lost = slices.Compact(h.lost)
	for _, i := range h.lost {
		h.name += fmt.Sprintf(" %d", i+1)
	}
	return h
}

// withData is the indexes of packets that carry data.
func withData(all []capture.Packet) (list []int) {
	for i, p := range all {
		if payload(p) != "" {
			list = append(list, i)
		}
	}
	return list
}

// A spot is where something stands in a connection.
type spot struct {
	stream int
	dir    observe.Dir
	offset int64
}

// A piece is what could be read at a spot, and in which packets that stands.
type piece struct {
	text        string
	first, last int
}

func pieces(t *testing.T, all []capture.Packet, log []byte) (map[spot][]piece, []*observe.Session) {
	found := map[spot][]piece{}
	list := sessions(t, all, log, func(stream int) func(observe.Event) {
		return func(e observe.Event) {
			add := func(p observe.Place, text string) {
				at := spot{stream, e.Dir, p.Offset}
				found[at] = append(found[at], piece{text, p.FrameFirst, p.Frame})
			}
			switch b := e.Body.(type) {
			case *observe.Message:
				if b.Opened() {
					add(b.Place, fmt.Sprintf("%s %x", b.Type, b.Raw))
				}
			case *observe.Alert:
				if b.Opened {
					add(b.Place, b.Level+" "+b.Description)
				}
			case *observe.ApplicationData:
				add(b.Place, string(b.Data))
			}
		}
	})
	return found, list
}

// TestLoss: what is read where packets are missing stands there in the whole recording; a hole is told; nothing is called
// changed or wrong that is not; and where the handshakes are whole, all is read but the records that the hole is in.
func TestLoss(t *testing.T) {
	list, log := holedRecordings(t)
	complete := 0
	for i := range list {
		h := &list[i]
		whole, _ := pieces(t, h.all, log)
		got, sessions := pieces(t, h.rest(), log)
		for at, some := range got {
			for _, p := range some {
				if !has(whole[at], p) {
					t.Errorf("%s: got %.60q at %v, where there is no such thing", h.name, p.text, at)
				}
			}
		}
		h.told(t, sessions)
		if h.harmless(t, log) {
			complete++
			h.complete(t, whole, got)
		}
	}
	t.Logf("%d captures, %d of them with whole handshakes", len(list), complete)
	if complete < 100 {
		t.Errorf("got %d captures with whole handshakes, want 100 and more", complete)
	}
}

func has(list []piece, p piece) bool {
	return slices.ContainsFunc(list, func(w piece) bool { return w.text == p.text })
}

// told sees to it that a hole is said where there is one, and nothing else is made of it.
func (h *holed) told(t *testing.T, list []*observe.Session) {
	gaps := 0
	for _, s := range list {
		gaps += s.TCP.Gaps
		for _, c := range s.Checks {
			if c.Result == observe.ResultBad {
				t.Errorf("%s: got %s bad: %s", h.name, c.What, c.Reason)
			}
		}
		for _, f := range s.Findings {
			if f.Code == observe.CodeBadRecord || f.Code == observe.CodeWrongSecret {
				t.Errorf("%s: got %s: %s %s %s", h.name, f.Code, f.From, f.Where, f.Text)
			}
		}
		if a := &s.ApplicationData; s.TCP.Gaps > 0 && a.Client.SHA256+a.Server.SHA256 != "" {
			t.Errorf("%s: got a sum of data that are not all there", h.name)
		}
		switch s.DecryptError {
		case "", observe.DecryptGap, observe.DecryptNoHello, observe.DecryptNoSecret:
		default:
			t.Errorf("%s: got %s as the reason, want the gap", h.name, s.DecryptError)
		}
	}
	if gaps == 0 && h.evident() {
		t.Errorf("%s: got no gap", h.name)
	}
}

// evident reports whether there is something that the missing packets are missed by: what comes after them, or what
// acknowledges them.
func (h *holed) evident() bool {
	rest := h.rest()
	return slices.ContainsFunc(h.lost, func(i int) bool {
		d := packet.NewDecoder()
		is := *d.Decode(&h.all[i])
		return slices.ContainsFunc(rest, func(p capture.Packet) bool {
			k := d.Decode(&p)
			if k.Src == is.Src && k.Dst == is.Dst {
				return int32(k.TCP.Seq-is.TCP.Seq) > 0 && (len(k.Payload) > 0 || k.TCP.Flags&packet.FIN != 0)
			}
			return k.Src == is.Dst && k.Dst == is.Src && k.TCP.Flags&packet.ACK != 0 && int32(k.TCP.Ack-is.TCP.Seq) > 0
		})
	})
}

// harmless reports whether all handshakes are over before something is missing.
func (h *holed) harmless(t *testing.T, log []byte) bool {
	if strings.HasPrefix(h.name, "renegotiation") {
		return false // there is another one, which has keys of its own
	}
	return !slices.ContainsFunc(sessions(t, h.before(), log, nil), func(s *observe.Session) bool { return !s.Complete })
}

// complete sees to it that all is read but what the hole is in.
func (h *holed) complete(t *testing.T, whole, got map[spot][]piece) {
	for at, some := range whole {
		for _, p := range some {
			touched := slices.ContainsFunc(h.lost, func(i int) bool { return p.first <= i+1 && i+1 <= p.last })
			if strings.HasPrefix(h.name, "tls10") { // what opens a record is the end of the one before
				touched = touched || slices.ContainsFunc(h.lost, func(i int) bool { return p.first > i })
			}
			if !touched && !has(got[at], p) {
				t.Errorf("%s: %.60q at %v is missing, of packets %d to %d", h.name, p.text, at, p.first, p.last)
			}
		}
	}
}

// lossDeviations is where tshark 4.0 says something else of what comes before a hole, or of the other direction.
var lossDeviations = []struct {
	recordings string
	deviation
}{
	{"early_data", deviation{"without the server's answer to early data tshark guesses that it is the suite of the session before", func(k said) said {
		k.FromClient = append(slices.Clone(k.FromClient), "EndOfEarlyData", "Finished", "Alert close_notify")
		k.ClientData, k.Opened = "early\nhello\n", true
		return k
	}}},
	{"hello_retry", deviation{"a HelloRetryRequest says the version and the suite too, where no ServerHello follows", func(k said) said {
		k.Version, k.Suite, k.JA3S = "", "", ""
		return k
	}}},
	{"hello_retry", deviation{"tshark takes all that follows a ChangeCipherSpec for encrypted where it has seen no HelloRetryRequest", func(k said) said {
		k.FromClient = slices.Clone(k.FromClient)
		for i := 2; i < len(k.FromClient); i++ {
			k.FromClient[i] = observe.TypeEncryptedHandshake
		}
		return k
	}}},
	{"no_common_suite protocol_version", deviation{"tshark does not know an alert alone for TLS", func(k said) said { k.FromServer = nil; return k }}},
}

// TestTsharkOnLoss: of a direction tshark says nothing more from the first missing packet on, as we do where all of it is
// missing from there; that we go on is what TestLoss shows. Of what is before, and of the other direction, it says what we
// say.
func TestTsharkOnLoss(t *testing.T) {
	list, log := holedRecordings(t)
	var all, cut []capture.Packet
	for i := range list {
		all = append(all, rewrite.Elsewhere(list[i].rest(), i)...)
		cut = append(cut, rewrite.Elsewhere(list[i].before(), i)...)
	}
	want := tsharkSays(t, all, log)
	got, _ := ours(t, cut, log)
	if len(want) != len(got) {
		t.Fatalf("got %d connections, tshark says %d", len(got), len(want))
	}
	used, ran := map[int]bool{}, 0
	for i := range got {
		h := &list[copyOf(got[i].Client)]
		diff, deviates := h.differs(want[i], got[i])
		used[deviates] = true
		if diff == "" {
			ran++
			continue
		}
		t.Errorf("%s: got something else (-tshark +got):\n%.3000s", h.name, diff)
	}
	for i := range lossDeviations {
		if !used[i] {
			t.Errorf("it is not so any more that %s", lossDeviations[i].why)
		}
	}
	fmt.Printf("tshark on loss: ran %d of %d\n", ran, len(got))
}

// differs compares what both say; the second result is the deviation that explains it, -1 if none is needed.
func (h *holed) differs(want, got said) (string, int) {
	for _, k := range []said{got, hidden.says(got)} {
		if cmp.Equal(want, k) {
			return "", -1
		}
		name, _, _ := strings.Cut(h.name, " ")
		for i, d := range lossDeviations {
			if strings.Contains(d.recordings, strings.TrimSuffix(name, ",")) && cmp.Equal(want, d.says(k)) {
				return "", i
			}
		}
	}
	return cmp.Diff(want, got), -1
}

// copyOf is the number that an address stands for, see rewrite.Elsewhere.
func copyOf(client string) int {
	var a, b int
	_, _ = fmt.Sscanf(client, "10.%d.%d.", &a, &b)
	return a<<8 | b
}
