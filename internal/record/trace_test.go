package record

import (
	"bytes"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/rfc8448"
	"github.com/akushu/akushu/internal/suite"
)

// sendSteps are the steps of RFC 8448 in which a record leaves, and its type.
var sendSteps = map[string]iana.ContentType{
	"send handshake record":          iana.ContentHandshake,
	"send application_data record":   iana.ContentApplicationData,
	"send alert record":              iana.ContentAlert,
	"send change_cipher_spec record": iana.ContentChangeCipherSpec,
}

// traceEnd is what one end of a trace sends with, and the other receives with.
type traceEnd struct {
	out    Writer
	wire   bytes.Buffer // what out wrote
	opener Opener
}

// The records of RFC 8448 are what we make of their payloads, and their payloads what we make of them, both directions of
// all five handshakes.
func TestRecordsOfRFC8448(t *testing.T) {
	for _, title := range rfc8448.Handshakes {
		t.Run(title, func(t *testing.T) {
			poisoned(t)
			ends := map[string]*traceEnd{"client": {}, "server": {}}
			for _, e := range ends {
				e.out.w = &e.wire
			}
			ends["server"].out.SetVersion(iana.VersionTLS13)
			records := 0
			for _, step := range rfc8448.Section(title) {
				if typ, ok := sendSteps[step.Action]; ok {
					records++
					ends[step.Side].checkRecord(t, typ, step.Values["payload"], step.Values["complete record"])
				}
				if end := traceKeys(step); end != "" {
					ends[end].setKeys(t, step.Values["PRK"])
				}
			}
			if records < 6 {
				t.Errorf("got %d records in this trace, want them all", records)
			}
		})
	}
}

// traceKeys returns the end that sends with the keys of this step, if it is one that derives keys: the RFC gives each
// pair of keys once, at the end where it comes first.
func traceKeys(step rfc8448.Step) string {
	other := map[string]string{"client": "server", "server": "client"}
	switch {
	case strings.HasPrefix(step.Action, "derive write traffic keys"):
		return step.Side
	case strings.HasPrefix(step.Action, "derive read traffic keys"):
		return other[step.Side]
	}
	return ""
}

func (e *traceEnd) setKeys(t *testing.T, secret []byte) {
	t.Helper()
	if err := e.out.SetKeys(traceSecret(secret)); err != nil {
		t.Fatal(err)
	}
	e.opener.SetKeys(traceSecret(secret))
}

func (e *traceEnd) checkRecord(t *testing.T, typ iana.ContentType, payload, record []byte) {
	t.Helper()
	if err := e.send(typ, payload); err != nil {
		t.Fatal(err)
	}
	if got := e.wire.Next(e.wire.Len()); !bytes.Equal(got, record) {
		t.Errorf("%v: got record\n%x, want\n%x", typ, got, record)
	}
	gotType, got, err := open(&e.opener, record)
	if err != nil || gotType != typ || !bytes.Equal(got, payload) {
		t.Errorf("%v: got %v, %x, %v, want %x", typ, gotType, got, err, payload)
	}
	e.out.SetVersion(iana.VersionTLS13) // the first ClientHello went out before
}

func (e *traceEnd) send(typ iana.ContentType, payload []byte) error {
	switch typ {
	case iana.ContentHandshake:
		var split Messages // the payload is several messages, and one record
		if err := split.Push(payload); err != nil {
			return err
		}
		for raw, err := split.Next(); raw != nil || err != nil; raw, err = split.Next() {
			if err != nil {
				return err
			}
			if err := e.out.WriteMessage(raw); err != nil {
				return err
			}
		}
		return e.out.Flush()
	case iana.ContentApplicationData:
		_, err := e.out.Write(payload)
		return err
	default:
		if err := e.out.WriteRecord(typ, payload); err != nil {
			return err
		}
		return e.out.Flush()
	}
}

// The trace of section 3, read as a connection is: the server's stream in one piece, keys changed where they change.
func TestReadTraceFromOneRead(t *testing.T) {
	poisoned(t)
	var stream []byte
	var want []string
	secrets := map[string][]byte{}
	for _, step := range rfc8448.Section(rfc8448.SimpleOneRTT) {
		if typ, ok := sendSteps[step.Action]; ok && step.Side == "server" {
			stream = append(stream, step.Values["complete record"]...)
			want = append(want, typ.String()+string(step.Values["payload"]))
		}
		if traceKeys(step) == "server" {
			secrets[step.Action] = step.Values["PRK"]
		}
	}
	r := NewReader(borrow.From(bytes.NewReader(stream)))
	for i, w := range want {
		switch i {
		case 1:
			r.SetKeys(traceSecret(secrets["derive write traffic keys for handshake data"]))
		case 2:
			r.SetKeys(traceSecret(secrets["derive write traffic keys for application data"]))
		}
		typ, content, err := r.Next()
		if err != nil || typ.String()+string(content) != w {
			t.Fatalf("record %d: got %v, %x, %v, want %x", i, typ, content, err, w)
		}
	}
	r.Wipe()
}

func traceSecret(secret []byte) *suite.TrafficKeys {
	return &suite.TrafficKeys{
		Version: iana.VersionTLS13,
		Suite:   suite.ByID(iana.TLS_AES_128_GCM_SHA256),
		Secret:  keys.Secret(secret).Clone(),
	}
}
