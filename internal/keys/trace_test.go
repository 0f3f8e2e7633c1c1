package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/rfc8448"
)

// trace replays one handshake of RFC 8448: from the private keys and the messages alone it computes what the RFC gives.
type trace struct {
	*testing.T
	kdf        KDF
	transcript []byte
	psk        Secret
	private    map[string]*ecdh.PrivateKey // by side, the last made
	early      Early
	handshake  Handshake
	main       Main
	secrets    map[Label]Secret
	logged     map[Label]Secret
	checked    map[string]int
}

// all four numbers are counted in the RFC: secrets derived, traffic keys, Finished and binders, tickets.
func TestRFC8448(t *testing.T) {
	type counts = map[string]int
	want := map[string]counts{
		rfc8448.SimpleOneRTT:      {"extract": 3, "derive": 6, "keys": 4, "finished": 2, "ticket": 1},
		rfc8448.ResumedZeroRTT:    {"extract": 3, "derive": 8, "keys": 5, "finished": 2, "binder": 1},
		rfc8448.HelloRetryRequest: {"extract": 3, "derive": 6, "keys": 4, "finished": 2},
		rfc8448.ClientAuth:        {"extract": 3, "derive": 6, "keys": 4, "finished": 2},
		rfc8448.CompatibilityMode: {"extract": 3, "derive": 6, "keys": 4, "finished": 2},
	}
	var psk Secret
	for _, section := range rfc8448.Handshakes {
		t.Run(section, func(t *testing.T) {
			tr := &trace{T: t, private: map[string]*ecdh.PrivateKey{}, secrets: map[Label]Secret{}, logged: map[Label]Secret{}, checked: map[string]int{}}
			if section == rfc8448.ResumedZeroRTT {
				tr.psk = psk // of the ticket that the section before ended with
			}
			tr.kdf = TLS13(crypto.SHA256, func(l Label, s Secret) { tr.logged[l] = s.Clone() })
			for _, step := range rfc8448.Section(section) {
				tr.run(step)
			}
			for what, n := range want[section] {
				if tr.checked[what] != n {
					t.Errorf("%s: got %d checked, want %d", what, tr.checked[what], n)
				}
			}
			tr.checkLog()
			if section == rfc8448.SimpleOneRTT {
				psk = tr.psk
			}
		})
	}
}

func (tr *trace) run(step rfc8448.Step) {
	v, action := step.Values, step.Action
	switch {
	case strings.HasPrefix(action, "create an ephemeral"):
		tr.createKey(step)
	case strings.HasPrefix(action, "construct a"):
		tr.addMessage(v)
	case strings.HasPrefix(action, "extract secret"):
		tr.extract(action, v)
	case strings.HasSuffix(action, `"tls13 derived"`):
		// Its output is the salt of the next extract, which is checked.
	case strings.HasPrefix(action, "derive secret"):
		tr.derive(action, v)
	case strings.Contains(action, "traffic keys"):
		tr.trafficKeys(v)
	case action == "calculate PSK binder":
		tr.binder(v)
	case strings.HasPrefix(action, "calculate finished"):
		got := tr.kdf.AppendFinished(nil, tr.base(v["PRK"]), tr.hash())
		tr.equal("finished", got, v["finished"])
	case strings.HasPrefix(action, "generate resumption secret"):
		tr.psk = tr.kdf.TicketPSK(tr.secrets[ResumptionSecret], v["hash"])
		tr.equal("ticket", tr.psk, v["expanded"])
	case strings.HasPrefix(action, "send "):
	default:
		tr.Errorf("step %q is not understood", action)
	}
}

func (tr *trace) equal(what string, got, want []byte) {
	tr.Helper()
	tr.checked[what]++
	if !bytes.Equal(got, want) || len(want) == 0 {
		tr.Errorf("%s: got %x, want %x", what, got, want)
	}
}

func (tr *trace) hash() []byte {
	h := sha256.Sum256(tr.transcript)
	return h[:]
}

func (tr *trace) createKey(step rfc8448.Step) {
	curve := ecdh.X25519()
	if strings.Contains(step.Action, "P-256") {
		curve = ecdh.P256()
	}
	key, err := curve.NewPrivateKey(step.Values["private key"])
	if err != nil {
		tr.Fatal(err)
	}
	tr.private[step.Side] = key
	tr.equal("public key", key.PublicKey().Bytes(), step.Values["public key"])
}

// addMessage appends to the transcript. A HelloRetryRequest, which the RFC calls ServerHello, turns the first ClientHello
// into a message_hash (RFC 9846 §4.1).
func (tr *trace) addMessage(values map[string][]byte) {
	for _, message := range values {
		retry := sha256.Sum256([]byte("HelloRetryRequest"))
		if message[0] == 2 && bytes.Equal(message[6:38], retry[:]) {
			tr.transcript = append([]byte{254, 0, 0, 32}, tr.hash()...)
		}
		tr.transcript = append(tr.transcript, message...)
	}
}

func (tr *trace) extract(action string, v map[string][]byte) {
	switch {
	case strings.Contains(action, `"early"`):
		tr.early = tr.kdf.Early(tr.psk)
		tr.equal("extract", tr.early.secret[:32], v["secret"])
	case strings.Contains(action, `"handshake"`):
		shared, err := tr.private["client"].ECDH(tr.private["server"].PublicKey())
		if err != nil {
			tr.Fatal(err)
		}
		tr.handshake = tr.early.Handshake(shared)
		tr.equal("extract", tr.handshake.secret[:32], v["secret"])
	default:
		tr.main = tr.handshake.Main()
		tr.equal("extract", tr.main.secret[:32], v["secret"])
	}
}

// derive checks one secret. Secrets of one transcript come together from the schedule and are kept for the steps that
// name the others.
func (tr *trace) derive(action string, v map[string][]byte) {
	_, wire, _ := strings.Cut(strings.Trim(action, `"`), "tls13 ")
	for l := ClientEarlyTraffic; l <= ResumptionSecret; l++ {
		if l.Wire() != wire {
			continue
		}
		tr.equal("transcript", tr.hash(), v["hash"])
		tr.ask(l)
		tr.equal("derive", tr.secrets[l], v["expanded"])
		return
	}
	tr.Errorf("no label %q", wire)
}

func (tr *trace) ask(l Label) {
	s, h := tr.secrets, tr.hash()
	if s[l] != nil {
		return
	}
	switch l {
	case ClientEarlyTraffic:
		s[l] = tr.early.ClientTraffic(h)
	case EarlyExporter:
		s[l] = tr.early.Exporter(h)
	case ClientHandshakeTraffic:
		s[l], s[ServerHandshakeTraffic] = tr.handshake.Traffic(h)
		// The trace asks for the handshake secrets before it leaves the rung, as the schedule does.
	case ClientApplicationTraffic:
		s[l], s[ServerApplicationTraffic], s[ExporterSecret] = tr.main.Application(h)
	case ResumptionSecret:
		s[l] = tr.main.Resumption(h)
	}
}

// base returns our secret that equals the one that a step starts from.
func (tr *trace) base(prk []byte) Secret {
	for _, s := range tr.secrets {
		if bytes.Equal(s, prk) {
			return s
		}
	}
	tr.Errorf("no secret derived so far is %x", prk)
	return nil
}

func (tr *trace) trafficKeys(v map[string][]byte) {
	key, iv := make([]byte, len(v["key expanded"])), make([]byte, len(v["iv expanded"]))
	tr.kdf.TrafficKeys(tr.base(v["PRK"]), key, iv)
	tr.equal("keys", append(key, iv...), append(v["key expanded"], v["iv expanded"]...))
}

// binder completes the ClientHello, which so far ends before the binders.
func (tr *trace) binder(v map[string][]byte) {
	tr.equal("transcript", tr.hash(), v["binder hash"])
	binder := tr.early.AppendBinder(nil, ResumptionBinderKey, tr.hash())
	tr.equal("binder", binder, v["finished"])
	tr.transcript = append(tr.transcript, 0, 33, 32)
	tr.transcript = append(tr.transcript, binder...)
}

// checkLog compares what the log was told with what was derived.
func (tr *trace) checkLog() {
	for l, s := range tr.secrets {
		if want := l.KeyLog() != ""; want != (tr.logged[l] != nil) || want && !bytes.Equal(s, tr.logged[l]) {
			tr.Errorf("%v: got %x logged, want %x", l, tr.logged[l].Reveal(), s.Reveal())
		}
	}
}

// Every HKDF-Expand-Label that the RFC spells out, the ones whose result a schedule never shows included.
func TestRFC8448Expansions(t *testing.T) {
	checked := 0
	check := func(name string, prk, info, want []byte) {
		t.Helper()
		label, context := parseInfo(info)
		k := TLS13(crypto.SHA256, nil)
		m := k.keyed(prk)
		defer m.release()
		got := make([]byte, len(want))
		k.expand(m, got, Derived, strings.TrimPrefix(label, "tls13 "), context)
		if !bytes.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: got %x, want %x", name, got, want)
		}
		checked++
	}
	for _, section := range rfc8448.Handshakes {
		for _, step := range rfc8448.Section(section) {
			v := step.Values
			for _, prefix := range []string{"", "key ", "iv "} {
				if info := v[prefix+"info"]; info != nil {
					check(section+": "+step.Action, v["PRK"], info, v[prefix+"expanded"])
				}
			}
		}
	}
	if want := 59 + 2*21; checked != want {
		t.Errorf("got %d expansions checked, want %d", checked, want)
	}
}

// parseInfo takes an HkdfLabel apart.
func parseInfo(info []byte) (label string, context []byte) {
	n := int(info[2])
	return string(info[3 : 3+n]), info[4+n:]
}
