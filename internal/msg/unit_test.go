package msg_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/rfc8448"
	"github.com/akushu/akushu/internal/wire"
)

// TestForms: a version admits one form of a message; without one, the bytes decide.
func TestForms(t *testing.T) {
	encode := func(ctx msg.Context, m msg.Message) []byte {
		raw, err := msg.Append(nil, &ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var (
		cert13 = encode(tls13, fullCertificate())
		cert12 = encode(tls12, &msg.Certificate12{List: [][]byte{fill(0x30, 300)}})
		spki   = encode(rawKey(iana.VersionTLS12), &msg.Certificate12{PublicKey: fill(0x30, 44)})
		req13  = encode(tls13, fullCertificateRequest())
		req12  = encode(tls12, certificateRequest12)
		req11  = encode(tls11, &msg.CertificateRequest12{CertificateTypes: []byte{1, 64}})
		nst13  = encode(tls13, fullNewSessionTicket())
		nst12  = encode(tls12, &msg.NewSessionTicket12{Ticket: fill(1, 100)})
		cv10   = encode(tls11, &msg.CertificateVerify10{Signature: fill(1, 64)})
		cv12   = encode(tls12, &msg.CertificateVerify{Algorithm: iana.SchemeEd25519, Signature: fill(1, 64)})
		cke    = encode(exchange(iana.VersionTLS12, msg.KeyExchangeDHE), &msg.ClientKeyExchange{Public: fill(4, 256)})
		ske    = encode(exchange(iana.VersionTLS11, msg.KeyExchangeDHE), unnamed(serverDH(true)))
		hrr    = encode(unknown, fullHelloRetryRequest())
		ee     = encode(tls13, &msg.EncryptedExtensions{})
	)
	draft := msg.Context{Version: iana.VersionTLS13Draft23}
	for _, test := range []struct {
		name string
		ctx  msg.Context
		raw  []byte
		want msg.Message // nil: refused
	}{
		{"certificate", unknown, cert13, &msg.Certificate{}},
		{"certificate", unknown, cert12, &msg.Certificate12{}},
		{"raw public key", unknown, spki, &msg.Certificate12{}},
		{"certificate", draft, cert13, &msg.Certificate{}},
		{"certificate of 1.2 in 1.3", tls13, cert12, nil},
		{"certificate of 1.3 in 1.2", tls12, cert13, nil},
		{"raw public key for a certificate", tls12, spki, nil},
		{"request", unknown, req13, &msg.CertificateRequest{}},
		{"request", unknown, req12, &msg.CertificateRequest12{}},
		{"request", unknown, req11, &msg.CertificateRequest12{}},
		{"request of 1.1 in 1.2", tls12, req11, nil},
		{"ticket", unknown, nst13, &msg.NewSessionTicket{}},
		{"ticket", unknown, nst12, &msg.NewSessionTicket12{}},
		{"verify", unknown, cv12, &msg.CertificateVerify{}},
		{"verify", unknown, cv10, &msg.CertificateVerify10{}},
		{"verify of 1.1 in 1.2", tls12, cv10, nil},
		{"verify of 1.2 in 1.1", tls11, cv12, nil},
		{"client key exchange", unknown, cke, &msg.ClientKeyExchange{}},
		{"client key exchange of DHE in ECDHE", exchange(iana.VersionTLS12, msg.KeyExchangeECDHE), cke, nil},
		{"server key exchange", unknown, ske, &msg.ServerKeyExchange{}},
		{"server key exchange of 1.1 in 1.2", exchange(iana.VersionTLS12, msg.KeyExchangeDHE), ske, nil},
		{"server key exchange in RSA, which has none", exchange(iana.VersionTLS12, msg.KeyExchangeRSA), ske, nil},
		{"retry", unknown, hrr, &msg.HelloRetryRequest{}},
		{"a message that 1.2 does not have", tls12, ee, &msg.EncryptedExtensions{}},
		{"a message without a layout", tls12, []byte{254, 0, 0, 0}, &msg.Unknown{}},
	} {
		m, err := msg.Decode(&test.ctx, test.raw)
		if got, want := reflect.TypeOf(m), reflect.TypeOf(test.want); got != want {
			t.Errorf("%s in %v: got %v, %v, want %v", test.name, test.ctx.Version, got, err, want)
		}
	}
}

// TestMarks: an offset that a message knows of itself is the same when it is written and when
// it is read, and is where it says.
func TestMarks(t *testing.T) {
	hello, cert, kx := resumingClientHello(), fullCertificate(), serverECDH(true)
	ecdhe := exchange(iana.VersionTLS12, msg.KeyExchangeECDHE)
	for _, test := range []struct {
		ctx  msg.Context
		m    msg.Message
		mark func(m msg.Message) int
		rest []byte // what follows
	}{
		{
			unknown, hello, func(m msg.Message) int { return m.(*msg.ClientHello).PSK.BindersAt },
			join(0, 82, 32, hello.PSK.Binders[0], 48, hello.PSK.Binders[1]),
		},
		{
			tls13, cert, func(m msg.Message) int { return m.(*msg.Certificate).List[0].Credential.CredentialEnd },
			join(4, 3, 0, 70, cert.List[0].Credential.Signature),
		},
		{
			ecdhe, kx, func(m msg.Message) int { return m.(*msg.ServerKeyExchange).ParamsEnd },
			join(4, 3, 0, 70, kx.Signature),
		},
	} {
		raw, err := msg.Append([]byte("before"), &test.ctx, test.m)
		if err != nil {
			t.Fatal(err)
		}
		raw = raw[len("before"):]
		written := test.mark(test.m)
		m, err := msg.Decode(&test.ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if read := test.mark(m); read != written {
			t.Errorf("%s: got offset %d when reading, want %d as when writing", m.Spec().Name, read, written)
		}
		if !bytes.HasPrefix(raw[written:], test.rest) {
			t.Errorf("%s: at offset %d got %x, want %x", m.Spec().Name, written, raw[written:], test.rest)
		}
	}
}

// TestTraces: every message that RFC 8448 makes is among the samples, and where the binders of
// a resumption begin is where its unfinished ClientHello ends.
func TestTraces(t *testing.T) {
	all := traced()
	for _, section := range rfc8448.Handshakes {
		for _, step := range rfc8448.Section(section) {
			raw, name := made(step)
			if name == "" {
				continue
			}
			i := slices.IndexFunc(all, func(s sample) bool { return bytes.HasPrefix(s.raw, raw) })
			if i < 0 {
				t.Errorf("§%s: %s is not among the samples", section, name)
				continue
			}
			if len(raw) == len(all[i].raw) {
				continue
			}
			var hello msg.ClientHello
			if err := msg.DecodeInto(&hello, &tls13, all[i].raw); err != nil {
				t.Errorf("§%s: %v", section, err)
			}
			if got, want := hello.PSK.BindersAt, len(raw); got != want {
				t.Errorf("§%s: got binders at %d, want %d", section, got, want)
			}
		}
	}
}

// join is its arguments, single bytes and byte strings, one behind the other.
func join(parts ...any) (all []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			all = append(all, byte(p))
		case []byte:
			all = append(all, p...)
		}
	}
	return all
}

// TestErrors: an error says what is wrong, where, at which byte, and which section says so.
func TestErrors(t *testing.T) {
	full, err := msg.Append(nil, &unknown, clientHelloWith(func(m *msg.ClientHello) {
		m.ServerName = []msg.ServerName{{HostName: []byte("example.com")}}
		m.SupportedGroups = groups
		m.SupportedVersions = []iana.Version{iana.VersionTLS13}
		m.KeyShares = []msg.KeyShareEntry{{Group: iana.GroupSecp256r1, KeyExchange: fill(4, 65)}}
		m.Extensions.Add(iana.ExtServerName, iana.ExtSupportedGroups, iana.ExtSupportedVersions, iana.ExtKeyShare)
	}))
	if err != nil {
		t.Fatal(err)
	}
	// 53 bytes are taken away, and every length but the innermost is made to fit
	cut := bytes.Clone(full[:len(full)-53])
	reframe(cut)
	block := bytes.Index(cut, []byte{0, 0, 0, 16, 0, 14}) - 2
	share := len(cut) - 12 - 8
	for _, at := range []int{block, share, share + 2} {
		n := int(cut[at])<<8 | int(cut[at+1])
		cut[at], cut[at+1] = byte((n-53)>>8), byte(n-53)
	}
	for _, test := range []struct {
		m    msg.Message
		raw  []byte
		want string
	}{
		{
			&msg.ClientHello{}, cut,
			fmt.Sprintf("decode_error: tls: client_hello.extensions[3].key_share.client_shares[0].key_exchange: "+
				"65 bytes declared, 12 left, at offset %d (RFC 9846 §4.3.8)", len(cut)-14),
		},
		{
			&msg.ServerHello{}, full,
			"unexpected_message: tls: server_hello.msg_type: client_hello, where server_hello was expected, at offset 1 (RFC 9846 §4)",
		},
		{
			&msg.Finished{},
			[]byte{20, 0, 0, 12, 1, 2},
			"decode_error: tls: finished: 12 bytes declared, 2 left, at offset 1 (RFC 9846 §4.5.3)",
		},
		{
			&msg.KeyUpdate{},
			[]byte{24, 0, 0, 1, 7},
			"illegal_parameter: tls: key_update.request_update: value 7 is neither 0 nor 1, at offset 5 (RFC 9846 §4.7.3)",
		},
	} {
		err := msg.DecodeInto(test.m, &tls13, test.raw)
		if got := fmt.Sprintf("%v: %v", alert.For(err), err); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func clientHelloWith(change func(*msg.ClientHello)) *msg.ClientHello {
	m := clientHello()
	change(m)
	return m
}

// TestAppendErrors: what breaks a bound is not written, and dst stays as it was.
func TestAppendErrors(t *testing.T) {
	for _, test := range []struct {
		m    msg.Message
		want string
	}{
		{
			&msg.NewSessionTicket{},
			"tls: new_session_ticket.ticket: 0 bytes, at least 1 expected, at offset 15 (RFC 9846 §4.7.1)",
		},
		{
			clientHelloWith(func(m *msg.ClientHello) { m.SessionID = fill(1, 33) }),
			"tls: client_hello.legacy_session_id: 33 bytes, at most 32 allowed, at offset 72 (RFC 9846 §4.2.2)",
		},
		{
			clientHelloWith(func(m *msg.ClientHello) { m.Extensions.Add(iana.ExtOIDFilters) }),
			"tls: client_hello.extensions[0].oid_filters: oid_filters has no typed field in this message, at offset 83",
		},
		{
			&msg.KeyUpdate{RequestUpdate: 2},
			"tls: key_update.request_update: value 2 is neither 0 nor 1, at offset 5 (RFC 9846 §4.7.3)",
		},
	} {
		got, err := msg.Append([]byte("before"), &tls13, test.m)
		if fmt.Sprint(err) != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
		if string(got) != "before" {
			t.Errorf("got %q, want what was there before", got)
		}
	}
}

// TestAppendAgain: a message that could not be written is as it was, and can be put right.
func TestAppendAgain(t *testing.T) {
	m := clientHelloWith(func(m *msg.ClientHello) { m.Extensions.Add(iana.ExtServerName) })
	if _, err := msg.Append(nil, &tls13, m); err == nil {
		t.Fatal("an empty list of names: got no error")
	}
	m.ServerName = []msg.ServerName{{HostName: []byte("example.com")}}
	raw, err := msg.Append(nil, &tls13, m)
	if err != nil || !bytes.Contains(raw, m.ServerName[0].HostName) {
		t.Errorf("got %x, %v, want a hello with a name", raw, err)
	}
}

// TestExtensions: the list beside the typed fields.
func TestExtensions(t *testing.T) {
	var x msg.Extensions
	x.Add(iana.ExtCookie, iana.ExtKeyShare)
	x.AddRaw(0x1a1a, []byte{1})
	x.Add(iana.ExtCookie)
	if !x.Present || !x.Has(iana.ExtKeyShare) || x.Has(0x1a1a) || x.Has(iana.ExtPadding) {
		t.Errorf("got %+v, want key_share, not GREASE, which has no typed field", x)
	}
	if got, ok := x.Raw(0x1a1a); !ok || !bytes.Equal(got, []byte{1}) {
		t.Errorf("Raw: got %x, %v, want 01", got, ok)
	}
	if got, ok := x.Raw(iana.ExtPadding); ok {
		t.Errorf("Raw of what is not there: got %x", got)
	}
	x.Remove(iana.ExtCookie)
	if got, want := fmt.Sprint(len(x.Order), x.Order[0].Type, x.Order[1].Type), "2 key_share 0x1a1a"; got != want {
		t.Errorf("after Remove: got %s, want %s", got, want)
	}
}

// TestManyExtensions: a second extension of a type is found among thousands, of any type, in
// about the time that they take to read.
func TestManyExtensions(t *testing.T) {
	m := clientHello()
	for i := range 16000 {
		m.Extensions.AddRaw(iana.ExtensionType(i+0x100), nil)
	}
	raw, err := msg.Append(nil, &unknown, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DecodeInto(&msg.ClientHello{}, &unknown, raw); err != nil {
		t.Fatal(err)
	}
	for _, again := range []int{0x100, 0x100 + 15998} {
		raw[len(raw)-4], raw[len(raw)-3] = byte(again>>8), byte(again)
		err := msg.DecodeInto(&msg.ClientHello{}, &unknown, raw)
		if got := alert.For(err); err == nil || got != iana.AlertIllegalParameter {
			t.Errorf("type %#x again: got %v, want illegal_parameter", again, err)
		}
	}
}

// TestExtensionRef: every registered extension has a reference, to a document that the
// registry names too.
func TestExtensionRef(t *testing.T) {
	for _, x := range iana.All[iana.ExtensionType]() {
		document, _, _ := strings.Cut(msg.ExtensionRef(x), " §")
		if document == "" || !strings.Contains(x.Reference(), document) {
			t.Errorf("%v: got %q, want a section of %q", x, msg.ExtensionRef(x), x.Reference())
		}
	}
	if got := msg.ExtensionRef(0x1a1a); got != "" {
		t.Errorf("GREASE: got %q, want nothing", got)
	}
}

// TestAllocations: encoding into a buffer that is large enough, and decoding into a message
// that has its slices, allocate nothing.
func TestAllocations(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("counting statements moves closures to the heap")
	}
	raw, err := msg.Append(nil, &unknown, fullClientHello())
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	hello := new(msg.ClientHello)
	if err := msg.DecodeInto(hello, &unknown, raw); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"encode", func() { _, _ = msg.Append(buf, &unknown, hello) }},
		{"decode", func() { _ = msg.DecodeInto(hello, &unknown, raw) }},
	} {
		if got := leastAllocations(test.do); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", test.name, got)
		}
	}
}

// leastAllocations is the best of some tries: the race detector has pools forget now and then.
func leastAllocations(do func()) float64 {
	least := testing.AllocsPerRun(100, do)
	for range 9 {
		least = min(least, testing.AllocsPerRun(100, do))
	}
	return least
}

// BenchmarkClientHello reads, writes and annotates the ClientHello that crypto/tls sends.
func BenchmarkClientHello(b *testing.B) {
	client, server := configs(b)
	raw := handshake13(b, "", client, server)[0].raw
	buf := make([]byte, 0, 4096)
	var hello msg.ClientHello
	for _, bench := range []struct {
		name string
		do   func() error
	}{
		{"decode", func() error { return msg.DecodeInto(&hello, &unknown, raw) }},
		{"decode new", func() error { return msg.DecodeInto(new(msg.ClientHello), &unknown, raw) }},
		{"encode", func() error { _, err := msg.Append(buf, &unknown, &hello); return err }},
		{"annotate", func() error { _, _, err := msg.Annotate(&unknown, raw, true); return err }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if err := bench.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An observer reads key_share under the number that it had in drafts; to an endpoint that is an extension that it does not
// know, whatever it holds.
func TestDraftKeyShare(t *testing.T) {
	share := append([]byte{0, 29, 0, 32}, make([]byte, 32)...)
	for _, row := range []struct {
		name, id string
		m        msg.Message
		x        func(m msg.Message) *msg.Extensions
		data     []byte
	}{
		{
			"ClientHello", "client_hello.key_share.client_shares.group", &msg.ClientHello{CipherSuites: []iana.CipherSuite{1}, CompressionMethods: []byte{0}},
			func(m msg.Message) *msg.Extensions { return &m.(*msg.ClientHello).Extensions }, append([]byte{0, 36}, share...),
		},
		{
			"ServerHello", "server_hello.key_share.server_share.group", &msg.ServerHello{},
			func(m msg.Message) *msg.Extensions { return &m.(*msg.ServerHello).Extensions }, share,
		},
		{
			"HelloRetryRequest", "hello_retry_request.key_share.selected_group", &msg.HelloRetryRequest{Random: msg.HelloRetryRandom},
			func(m msg.Message) *msg.Extensions { return &m.(*msg.HelloRetryRequest).Extensions },
			[]byte{0, 29},
		},
	} {
		for _, data := range [][]byte{row.data, []byte("what it is not")} {
			x := row.x(row.m)
			*x = msg.Extensions{}
			x.AddRaw(msg.DraftKeyShare, data)
			raw, err := msg.Append(nil, &msg.Context{}, row.m)
			if err != nil {
				t.Fatal(err)
			}
			strict, err := msg.Decode(&msg.Context{}, raw)
			if err != nil {
				t.Fatalf("%s: %v", row.name, err)
			}
			if got, _ := row.x(strict).Raw(msg.DraftKeyShare); !bytes.Equal(got, data) || row.x(strict).Has(msg.DraftKeyShare) {
				t.Errorf("%s: got %x, parsed %v, want %x as it is", row.name, got, row.x(strict).Has(msg.DraftKeyShare), data)
			}
			_, ann, err := msg.Annotate(&msg.Context{}, raw, true)
			if err != nil {
				t.Fatalf("%s: %v", row.name, err)
			}
			read := slices.ContainsFunc(ann.Spans, func(s wire.Span) bool { return s.ID == row.id && s.Value == iana.GroupX25519 })
			if want := bytes.Equal(data, row.data); read != want {
				t.Errorf("%s with %x: got a field %s of x25519: %v, want %v", row.name, data, row.id, read, want)
			}
		}
	}
}
