package observe

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/akushu/akushu/internal/rfc8448"
	"github.com/akushu/akushu/keylog"
)

// What the shared secret of each handshake in RFC 8448 makes, from the ladder's first rung to the keys, is what is
// written there; its records open, its checks are in order, and the binder of the second handshake comes of the ticket of
// the first.
func TestListKeysOfRFC8448(t *testing.T) {
	all := NewKeys()
	for _, title := range rfc8448.Handshakes {
		c := New(Options{Keys: all, ListKeys: ShownKeys})
		steps := rfc8448.Section(title)
		for _, step := range steps {
			d := ClientToServer
			if step.Side == "server" {
				d = ServerToClient
			}
			if random, hello := step.Values["ClientHello"]; hello {
				for _, other := range steps {
					if other.Action == `extract secret "handshake"` {
						all.Add(keylog.Line{Label: keylog.LabelSharedSecret, ClientRandom: [32]byte(random[6:]), Secret: bytes.Clone(other.Values["IKM"])})
					}
				}
			}
			c.Feed(d, At{}, step.Values["complete record"])
		}
		c.Close(At{}, EndFIN, TCP{})
		s := c.Session()
		for _, k := range s.Checks {
			if k.Result != ResultOK && k.Reason != ReasonNoIssuer {
				t.Errorf("%s: got %+v", title, k)
			}
		}
		if !s.Complete || !s.Decrypted || s.DecryptError != "" {
			t.Errorf("%s: got %+v", title, s.Outcome)
		}
		found := 0
		for _, want := range writtenKeys(steps) {
			value, there := listedKey(s, want)
			if there {
				found++
			}
			if there && value != want.Value {
				t.Errorf("%s: %s %s of the %s: got %s, want %s", title, want.What, want.Label, want.From, value, want.Value)
			}
		}
		if found < 12 && title != rfc8448.CompatibilityMode {
			t.Errorf("%s: got %d of the values that are written there, want 12 and more", title, found)
		}
	}
}

// writtenKeys is what a trace gives of a key list.
func writtenKeys(steps []rfc8448.Step) (all []Key) {
	add := func(what, label string, d Dir, value []byte) {
		all = append(all, Key{What: what, Label: label, From: d.From(), Value: hex.EncodeToString(value)})
	}
	traffic := map[string]struct {
		label string
		dir   Dir
	}{
		"c e traffic":  {keylog.LabelClientEarlyTrafficSecret, ClientToServer},
		"c hs traffic": {keylog.LabelClientHandshakeTrafficSecret, ClientToServer},
		"s hs traffic": {keylog.LabelServerHandshakeTrafficSecret, ServerToClient},
		"c ap traffic": {keylog.LabelClientTrafficSecret0, ClientToServer},
		"s ap traffic": {keylog.LabelServerTrafficSecret0, ServerToClient},
	}
	made := map[string]string{} // names of traffic secrets by their values
	for _, step := range steps {
		for what, name := range map[string]string{KeyEarlySecret: "early", KeyHandshakeSecret: "handshake", KeyMain: "master"} {
			if step.Action == `extract secret "`+name+`"` {
				add(what, "", Neither, step.Values["secret"])
			}
		}
		for name, k := range traffic {
			if step.Action == `derive secret "tls13 `+name+`"` {
				made[string(step.Values["expanded"])] = name
				add(KeyTraffic, k.label, k.dir, step.Values["expanded"])
			}
		}
		if k, ok := traffic[made[string(step.Values["PRK"])]]; ok && step.Values["key expanded"] != nil {
			add(KeyWrite, k.label, k.dir, step.Values["key expanded"])
			add(KeyWriteIV, k.label, k.dir, step.Values["iv expanded"])
		}
	}
	return all
}

// listedKey is the value that is listed of a key.
func listedKey(s *Session, k Key) (string, bool) {
	for _, l := range s.Keys {
		if l.What == k.What && l.Label == k.Label && l.From == k.From {
			return l.Value, true
		}
	}
	return "", false
}
