package session

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/rfc8448"
)

// external is an external PSK that early data may be sent under.
func external() *PSK {
	p := NewExternal([]byte("sensor 7"), fill(32, 0x10))
	p.Params = server13().Params
	return p
}

// trace is what RFC 8448 §4 says of its resumed handshake.
type trace struct {
	hello, hash, binder []byte
	psk                 *PSK
}

func readTrace(t testing.TB) trace {
	t.Helper()
	var tr trace
	s := client13()
	s.Suite = iana.TLS_AES_128_GCM_SHA256
	for _, step := range rfc8448.Section(rfc8448.ResumedZeroRTT) {
		switch {
		case step.Action == `extract secret "early"` && step.Side == "client":
			s.Secret = step.Values["IKM"]
		case step.Action == "calculate PSK binder":
			tr.hash, tr.binder = step.Values["binder hash"], step.Values["finished"]
		case step.Action == "send handshake record" && step.Side == "client" && tr.hello == nil:
			tr.hello = step.Values["payload"]
		}
	}
	if tr.psk = s.PSK(nil); len(tr.hello) == 0 || len(tr.binder) != 32 || len(tr.psk.Key) != 32 {
		t.Fatalf("the trace lacks something: %+v", tr)
	}
	return tr
}

// decodeHello returns the ClientHello in raw.
func decodeHello(t testing.TB, raw []byte) *msg.ClientHello {
	t.Helper()
	m := &msg.ClientHello{}
	if err := msg.DecodeInto(m, &msg.Context{}, raw); err != nil {
		t.Fatal(err)
	}
	return m
}

// The binder of RFC 8448 §4, from the bytes of its ClientHello, at either end.
func TestBinderTrace(t *testing.T) {
	tr := readTrace(t)
	m := decodeHello(t, tr.hello)
	hash, err := BinderHash(crypto.SHA256, nil, tr.hello, m.PSK.BindersAt)
	if err != nil || !bytes.Equal(hash, tr.hash) {
		t.Errorf("binder hash: got %x, %v, want %x", hash, err, tr.hash)
	}
	if err := tr.psk.VerifyBinder(tr.psk.Schedule(nil), hash, m.PSK.Binders[0]); err != nil {
		t.Errorf("the RFC's binder: got %v", err)
	}
	blank := bytes.Clone(tr.hello)
	clear(blank[m.PSK.BindersAt+3:])
	if err := FillBinders(blank, m.PSK.BindersAt, nil, []*PSK{tr.psk}); err != nil || !bytes.Equal(blank, tr.hello) {
		t.Errorf("filled in: got %x, %v, want %x", blank, err, tr.hello)
	}
}

// A binder with any bit changed, cut, of another transcript, of another key or of the other kind of key is refused, with
// decrypt_error.
func TestVerifyBinderRefuses(t *testing.T) {
	tr := readTrace(t)
	outside := *tr.psk
	outside.Session = nil
	wrong := *tr.psk
	wrong.Key = fill(32, 1)
	check := func(what string, p *PSK, hash, binder []byte) {
		t.Helper()
		if err := p.VerifyBinder(p.Schedule(nil), hash, binder); err == nil || alert.For(err) != iana.AlertDecryptError {
			t.Errorf("%s: got %v, want %v", what, err, iana.AlertDecryptError)
		}
	}
	for bit := range 8 * len(tr.binder) {
		bad := bytes.Clone(tr.binder)
		bad[bit/8] ^= 1 << (bit % 8)
		check(fmt.Sprint("bit ", bit), tr.psk, tr.hash, bad)
	}
	check("cut", tr.psk, tr.hash, tr.binder[:31])
	check("longer", tr.psk, tr.hash, append(bytes.Clone(tr.binder), 0))
	check("none", tr.psk, tr.hash, nil)
	check("another transcript", tr.psk, fill(32, 0), tr.binder)
	check("another key", &wrong, tr.hash, tr.binder)
	check("an external PSK with the same key", &outside, tr.hash, tr.binder)
}

// hello is a ClientHello that offers psks, encoded, with its binders filled in.
func hello(t testing.TB, env Env, psks []*PSK, before *transcript) []byte {
	t.Helper()
	m := &msg.ClientHello{
		LegacyVersion: iana.VersionTLS12, CipherSuites: suites(iana.TLS_AES_128_GCM_SHA256), CompressionMethods: []byte{0},
		PSKModes: []byte{byte(iana.ModePSKDHEKE)}, PSK: Offered(env, psks),
	}
	m.Extensions.Add(iana.ExtPSKKeyExchangeModes, iana.ExtPreSharedKey)
	raw, err := msg.Append(nil, &msg.Context{}, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := FillBinders(raw, m.PSK.BindersAt, before.running(), psks); err != nil {
		t.Fatal(err)
	}
	return raw
}

// transcript is what came before a second ClientHello.
type transcript struct{ messages []byte }

func (tr *transcript) running() hash.Hash {
	if tr == nil {
		return nil
	}
	h := crypto.SHA256.New()
	h.Write(tr.messages)
	return h
}

// A client offers PSKs of both kinds and of different hashes, a server verifies each, first and after a
// HelloRetryRequest; the transcript of the flow stays as it was.
func TestBindersBothEnds(t *testing.T) {
	c := newClock()
	s256, s384 := client13(), client13()
	s256.Suite, s256.Secret = iana.TLS_AES_128_GCM_SHA256, fill(32, 5)
	all := []*PSK{s256.PSK([]byte("ticket")), external(), s384.PSK([]byte("another"))}
	verify := func(what string, raw []byte, psks []*PSK, before *transcript) {
		t.Helper()
		m := decodeHello(t, raw)
		running := before.running()
		for i, p := range psks {
			hash, err := BinderHash(p.Hash, running, raw, m.PSK.BindersAt)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.VerifyBinder(p.Schedule(nil), hash, m.PSK.Binders[i]); err != nil {
				t.Errorf("%s, PSK %d: %v", what, i, err)
			}
		}
		if running != nil && !bytes.Equal(running.Sum(nil), before.running().Sum(nil)) {
			t.Errorf("%s: the transcript was changed", what)
		}
	}
	verify("first", hello(t, c.env(), all, nil), all, nil)
	before := &transcript{[]byte("message_hash and HelloRetryRequest")}
	second := hello(t, c.env(), all[:2], before)
	verify("second", second, all[:2], before)
	hash, err := BinderHash(crypto.SHA256, nil, second, decodeHello(t, second).PSK.BindersAt)
	if err != nil {
		t.Fatal(err)
	}
	if err := all[0].VerifyBinder(all[0].Schedule(nil), hash, decodeHello(t, second).PSK.Binders[0]); err == nil {
		t.Error("the binder of a second ClientHello verifies without the first")
	}
}

// opaque is a hash that cannot be copied.
type opaque struct{ crypto.Hash }

func (opaque) Write(p []byte) (int, error) { return len(p), nil }
func (opaque) Sum(b []byte) []byte         { return b }
func (opaque) Reset()                      {}
func (opaque) BlockSize() int              { return 64 }

// What does not fit together is a fault of ours, not a panic.
func TestBinderFaults(t *testing.T) {
	tr := readTrace(t)
	at := decodeHello(t, tr.hello).PSK.BindersAt
	for _, at := range []int{-1, 0, len(tr.hello) + 1} {
		if _, err := BinderHash(crypto.SHA256, nil, tr.hello, at); alert.For(err) != iana.AlertInternalError || err == nil {
			t.Errorf("binders at %d: got %v, want an internal error", at, err)
		}
	}
	if _, err := BinderHash(crypto.SHA256, opaque{crypto.SHA256}, tr.hello, at); err == nil {
		t.Error("a transcript that cannot be copied was")
	}
	for name, bad := range map[string]struct {
		at   int
		psks []*PSK
	}{
		"a PSK too many": {at, []*PSK{tr.psk, tr.psk}},
		"a PSK too few":  {at, nil},
		"elsewhere":      {0, []*PSK{tr.psk}},
	} {
		raw := bytes.Clone(tr.hello)
		if err := FillBinders(raw, bad.at, nil, bad.psks); err == nil || alert.For(err) != iana.AlertInternalError {
			t.Errorf("%s: got %v, want an internal error", name, err)
		}
	}
}

// The age is in milliseconds from the ticket's receipt, plus what the server added, modulo 2^32; that of an external PSK
// is 0.
func TestOffered(t *testing.T) {
	c := newClock()
	s := client13()
	c.add(90 * time.Second)
	o := Offered(c.env(), []*PSK{s.PSK(s.Ticket), external()})
	if got, want := o.Identities[0].ObfuscatedTicketAge, uint32(0xfedcba98+90_000); got != want {
		t.Errorf("age: got %#x, want %#x", got, want)
	}
	s.AgeAdd = 0xffffffff
	if got, want := s.ObfuscatedAge(c.now()), uint32(89_999); got != want {
		t.Errorf("age that wraps: got %d, want %d", got, want)
	}
	if got := o.Identities[1]; got.ObfuscatedTicketAge != 0 || string(got.Identity) != "sensor 7" {
		t.Errorf("external: got %+v, want sensor 7 with age 0", got)
	}
	if !bytes.Equal(o.Identities[0].Identity, s.Ticket) || len(o.Binders[0]) != 48 || len(o.Binders[1]) != 32 {
		t.Errorf("got %+v", o)
	}
}

// identities are what a client offers, as a server reads it.
func identities(all ...[]byte) (offered []msg.PSKIdentity) {
	for _, b := range all {
		offered = append(offered, msg.PSKIdentity{Identity: b})
	}
	return offered
}

// known returns a Lookup of external PSKs.
func known(psks ...*PSK) Lookup {
	return func(_ context.Context, identity []byte) (*PSK, error) {
		i := slices.IndexFunc(psks, func(p *PSK) bool { return bytes.Equal(p.Identity, identity) })
		if i < 0 {
			return nil, PSKUnknown
		}
		return psks[i], nil
	}
}

func TestSelect(t *testing.T) {
	c := newClock()
	k := fixedKeys(t, c, 1)
	good, elsewhere, hashed := server13(), server13(), server13()
	elsewhere.ServerName = "other.example"
	hashed.Suite, hashed.Secret = iana.TLS_AES_256_GCM_SHA384, fill(48, 3)
	ticket, foreign := mustSeal(t, k, good), mustSeal(t, fixedKeys(t, c, 2), good)
	other, sha384, old := mustSeal(t, k, elsewhere), mustSeal(t, k, hashed), mustSeal(t, k, server12())
	long := external()
	long.Identity, long.Hash = []byte("sensor 8"), crypto.SHA384
	find := known(external(), long).Else(FromTickets(k))
	down := Lookup(func(context.Context, []byte) (*PSK, error) { return nil, errDown })
	for _, row := range []struct {
		name    string
		find    Lookup
		offered []msg.PSKIdentity
		index   int // -1: none
		passed  []error
	}{
		{"a ticket", find, identities(ticket), 0, nil},
		{"an external PSK", find, identities([]byte("sensor 7")), 0, nil},
		{"the first of two", find, identities([]byte("sensor 7"), ticket), 0, nil},
		{"a foreign ticket, then ours", find, identities(foreign, ticket), 1, []error{TicketForeign}},
		{"another hash, another name, then ours", find, identities(sha384, other, ticket), 2, []error{SessionSuite, SessionServerName}},
		{"an external PSK of another hash", find, identities([]byte("sensor 8")), -1, []error{PSKHash}},
		{"a ticket of TLS 1.2", find, identities(old), -1, []error{SessionVersion}},
		{"an identity that nobody knows", known(external()), identities([]byte("sensor 9")), -1, []error{PSKUnknown}},
		{"a lookup that fails", down, identities(ticket), -1, []error{errDown}},
		{"a lookup that fails before another", down.Else(find), identities(ticket), 0, nil},
		{"nothing", find, nil, -1, nil},
		{
			"eight that are nothing, then ours", find, identities(foreign, foreign, foreign, foreign, foreign, foreign, foreign, foreign, ticket, ticket),
			-1,
			[]error{
				TicketForeign, TicketForeign, TicketForeign, TicketForeign, TicketForeign, TicketForeign, TicketForeign, TicketForeign,
				PSKTooMany,
			},
		},
	} {
		sel := Select(bg, row.find, row.offered, facts(good))
		index := sel.Index
		if sel.PSK == nil {
			index = -1
		}
		if index != row.index || fmt.Sprint(sel.Passed) != fmt.Sprint(row.passed) {
			t.Errorf("%s: got %d, %q, want %d, %q", row.name, index, sel.Passed, row.index, row.passed)
		}
		if sel.PSK != nil && sel.PSK.Key[0] == 0 {
			t.Errorf("%s: the key was wiped", row.name)
		}
	}
}

var errDown = errors.New("down")

// An external PSK says nothing of the name or the protocol, and is for TLS 1.3 alone.
func TestExternalMatches(t *testing.T) {
	p := external()
	f := facts(server13())
	f.ServerName, f.ALPN, f.Auth = "other.example", "", Fingerprint{}
	if ok, why := p.Matches(f); !ok {
		t.Errorf("got %s, want a match", string(why))
	}
	f.Version = iana.VersionTLS12
	if ok, why := p.Matches(f); ok || why != PSKVersion {
		t.Errorf("TLS 1.2: got %t, %s, want %s", ok, string(why), string(PSKVersion))
	}
	f = facts(server13())
	f.Suites = suites(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	if ok, why := p.Matches(f); ok || why != PSKHash {
		t.Errorf("a suite of TLS 1.2: got %t, %s, want %s", ok, string(why), string(PSKHash))
	}
}

// A session that is passed over is wiped.
func TestSelectWipes(t *testing.T) {
	s := server13()
	find := Lookup(func(context.Context, []byte) (*PSK, error) { return s.PSK(nil), nil })
	f := facts(s)
	f.ALPN = "h3"
	if sel := Select(bg, find, identities([]byte("x")), f); sel.PSK != nil || !bytes.Equal(s.Secret, make([]byte, 32)) {
		t.Errorf("got %v, and the secret %x, want none and zeros", sel.PSK, s.Secret.Reveal())
	}
}

func TestChooseMode(t *testing.T) {
	ke, dhe := byte(iana.ModePSKKE), byte(iana.ModePSKDHEKE)
	usual := []iana.PSKKeyExchangeMode{iana.ModePSKDHEKE}
	both := append(usual, iana.ModePSKKE)
	for _, c := range []struct {
		offered []byte
		ours    []iana.PSKKeyExchangeMode
		want    iana.PSKKeyExchangeMode
		ok      bool
	}{
		{[]byte{dhe}, usual, iana.ModePSKDHEKE, true},
		{[]byte{ke, dhe}, both, iana.ModePSKDHEKE, true},
		{[]byte{ke}, both, iana.ModePSKKE, true},
		{[]byte{ke}, usual, 0, false},
		{[]byte{0x0b}, both, 0, false},
		{nil, both, 0, false},
	} {
		if got, ok := ChooseMode(c.offered, c.ours); got != c.want || ok != c.ok {
			t.Errorf("%v, ours %v: got %v, %t, want %v, %t", c.offered, c.ours, got, ok, c.want, c.ok)
		}
	}
}

func TestCheckOffer(t *testing.T) {
	o := &msg.OfferedPSKs{Identities: identities([]byte("a"), []byte("b")), Binders: [][]byte{nil, nil}}
	if err := CheckOffer(o); err != nil {
		t.Errorf("two and two: got %v", err)
	}
	for _, binders := range []int{0, 1, 3} {
		o.Binders = make([][]byte, binders)
		if err := CheckOffer(o); err == nil || alert.For(err) != iana.AlertIllegalParameter {
			t.Errorf("%d binders for two: got %v, want %v", binders, err, iana.AlertIllegalParameter)
		}
	}
}

func TestCheckSelected(t *testing.T) {
	s := client13()
	offered := []*PSK{external(), s.PSK(s.Ticket)}
	for _, c := range []struct {
		name  string
		index uint16
		suite iana.CipherSuite
		early bool
		ok    bool
	}{
		{"the first", 0, iana.TLS_CHACHA20_POLY1305_SHA256, false, true},
		{"the first with early data", 0, iana.TLS_AES_128_GCM_SHA256, true, true},
		{"the second", 1, iana.TLS_AES_256_GCM_SHA384, false, true},
		{"one that was not offered", 2, iana.TLS_AES_128_GCM_SHA256, false, false},
		{"a suite of another hash", 1, iana.TLS_AES_128_GCM_SHA256, false, false},
		{"a suite that nobody knows", 0, 0x1399, false, false},
		{"the second with early data", 1, iana.TLS_AES_256_GCM_SHA384, true, false},
	} {
		p, err := CheckSelected(offered, c.index, c.suite, c.early)
		if c.ok && (err != nil || p != offered[c.index]) {
			t.Errorf("%s: got %v, %v, want PSK %d", c.name, p, err, c.index)
		}
		if !c.ok && (err == nil || alert.For(err) != iana.AlertIllegalParameter) {
			t.Errorf("%s: got %v, want %v", c.name, err, iana.AlertIllegalParameter)
		}
	}
}

func TestPSKShowsNoSecret(t *testing.T) {
	p := external()
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v", p, *p, p), fmt.Sprint(Selection{PSK: p})} {
		if strings.Contains(shown, "101112") || strings.Contains(shown, "16 17 18") || strings.Contains(shown, "0x10, 0x11") {
			t.Errorf("the key is in %s", shown)
		}
	}
}
