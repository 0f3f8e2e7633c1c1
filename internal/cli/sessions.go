package cli

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/tls"
)

// Sessions is a client's cache whose pre-shared keys are told to who watches: only with them can it be checked that a
// client which resumes a session has bound its key to the handshake. No key log has them.
func (w *Watcher) Sessions(cache tls.ClientSessionCache) tls.ClientSessionCache {
	return watchedSessions{cache, w}
}

type watchedSessions struct {
	tls.ClientSessionCache
	watcher *Watcher
}

// Get implements [tls.ClientSessionCache].
func (s watchedSessions) Get(server string) (*tls.ClientSessionState, bool) {
	cs, ok := s.ClientSessionCache.Get(server)
	if ticket, psk := presharedKey(cs); psk != nil {
		s.watcher.Tap.AddTicket(ticket, psk)
	}
	return cs, ok
}

// presharedKey is that of a session of TLS 1.3, with its ticket; nil for others.
func presharedKey(cs *tls.ClientSessionState) (ticket, psk []byte) {
	ticket, state, err := cs.ResumptionState()
	if err != nil || state == nil {
		return nil, nil
	}
	encoded, err := state.Bytes()
	if err != nil {
		return nil, nil
	}
	decoded, err := session.Decode(encoded)
	clear(encoded)
	if err != nil || decoded.Version < iana.VersionTLS13 {
		return nil, nil
	}
	return ticket, decoded.Secret.Clone().Reveal()
}
