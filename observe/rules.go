package observe

import (
	"slices"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
)

// rules holds what goes by to the order of messages and the places of extensions.
type rules struct {
	tracker *order.Tracker
	adrift  bool                    // the tracker was told that messages are missing, and saw none since
	asked   [3][]iana.ExtensionType // by which extensions an end asked for the other's, by Dir
	broken  int                     // rules that were
}

// violationsMax is how many broken rules are told of one connection: by then it is no TLS, and
// to find out what should have come instead takes its time.
const violationsMax = 64

func newRules() rules { return rules{tracker: order.NewTracker()} }

// resume notes that messages are missing.
func (r *rules) resume() {
	if !r.adrift {
		r.adrift = true
		r.tracker.Resume()
	}
}

func (h *half) side() order.Side {
	if h.dir == ServerToClient {
		return order.Server
	}
	return order.Client
}

// violated notes a rule that was broken.
func (h *half) violated(s *source, err error) {
	h.c.rules.broken++
	h.fault(s.time(), err)
}

// inOrder holds a message to the order.
func (h *half) inOrder(s *source, m order.Message) {
	r := &h.c.rules
	if r.broken >= violationsMax {
		return
	}
	if !h.c.hs.begun() && m != order.ClientHello && m != order.ServerHello && m != order.HelloRetryRequest && m != order.HelloRequest {
		r.resume() // the beginning was not seen
	}
	r.adrift = false
	if err := r.tracker.Next(h.side(), m); err != nil {
		h.violated(s, err)
	}
}

// alertInOrder holds an alert to the order.
func (h *half) alertInOrder(s *source, level iana.AlertLevel, a iana.Alert) {
	r := &h.c.rules
	if r.broken >= violationsMax {
		return
	}
	if err := r.tracker.Alert(h.side(), level, a); err != nil {
		h.violated(s, err)
	}
}

// inPlace holds the extensions of a message to their places.
func (h *half) inPlace(s *source, m msg.Message) {
	r := &h.c.rules
	switch m := m.(type) {
	case *msg.ClientHello:
		h.checkExtensions(s, m, &m.Extensions)
		r.asked[h.dir] = asked(&m.Extensions)
		if slices.Contains(m.CipherSuites, iana.TLS_EMPTY_RENEGOTIATION_INFO_SCSV) { // RFC 5746 §3.4
			r.asked[h.dir] = append(r.asked[h.dir], iana.ExtRenegotiationInfo)
		}
	case *msg.CertificateRequest:
		h.checkExtensions(s, m, &m.Extensions)
		r.asked[h.dir] = asked(&m.Extensions)
	case *msg.ServerHello:
		h.checkExtensions(s, m, &m.Extensions)
	case *msg.HelloRetryRequest:
		h.checkExtensions(s, m, &m.Extensions)
	case *msg.EncryptedExtensions:
		h.checkExtensions(s, m, &m.Extensions)
	case *msg.NewSessionTicket:
		h.checkExtensions(s, m, &m.Extensions)
	case *msg.Certificate:
		for i := range m.List {
			h.checkExtensions(s, m, &m.List[i].Extensions)
		}
	}
}

func asked(x *msg.Extensions) []iana.ExtensionType {
	types := make([]iana.ExtensionType, len(x.Order))
	for i := range x.Order {
		types[i] = x.Order[i].Type
	}
	return types
}

// checkExtensions checks one block of extensions. Where it was not seen what the other end
// asked for, it asked for everything.
func (h *half) checkExtensions(s *source, m msg.Message, x *msg.Extensions) {
	list := h.c.rules.asked[h.dir.Opposite()]
	requested := func(t iana.ExtensionType) bool { return list == nil || slices.Contains(list, t) }
	if err := order.CheckExtensions(order.Of(m), h.c.hs.version, x, requested); err != nil {
		h.violated(s, err)
	}
}
