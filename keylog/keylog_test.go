package keylog_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/akushu/akushu/keylog"
	"github.com/google/go-cmp/cmp"
)

// The example of a TLS 1.2 connection in RFC 9850, Appendix A.
const (
	exampleRandom = "ad52329fcadd34ee3aa07092680287f09954823e26d7b5ae25c0d47714152a6a"
	exampleSecret = "97af4c8618cfdc0b2326e590114c2ec04b43b08b7e2c3f8124cc61a3b068ba966" + "9517e744e3117c3ce6c538a2d88dfdf"
	exampleLine   = "CLIENT_RANDOM " + exampleRandom + " " + exampleSecret
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func random(first byte) [32]byte { return [32]byte{first} }

func secret(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

func example() keylog.Line {
	return keylog.Line{Label: keylog.LabelClientRandom, ClientRandom: [32]byte(unhex(exampleRandom)), Secret: unhex(exampleSecret)}
}

// cut shortens the secret of a line.
func cut(l keylog.Line, n int) keylog.Line {
	l.Secret = l.Secret[:n]
	return l
}

func TestParse(t *testing.T) {
	random64 := strings.Repeat("0a", 32)
	hash32 := strings.Repeat("bc", 32)
	rows := []struct {
		name  string
		line  string
		want  keylog.Line
		fault keylog.Fault
	}{
		{name: "TLS 1.2", line: exampleLine, want: example()},
		{name: "upper case hex", line: "CLIENT_RANDOM " + strings.ToUpper(exampleRandom+" "+exampleSecret), want: example()},
		{
			name: "TLS 1.3, SHA-256",
			line: "EXPORTER_SECRET " + random64 + " " + hash32,
			want: keylog.Line{Label: "EXPORTER_SECRET", ClientRandom: [32]byte(unhex(random64)), Secret: unhex(hash32)},
		},
		{
			name: "the start of an encrypted premaster secret",
			line: "RSA 0102030405060708 " + exampleSecret,
			want: keylog.Line{Label: "RSA", EncryptedPremaster: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Secret: unhex(exampleSecret)},
		},
		{
			name: "a premaster secret of DHE has any length",
			line: "PMS_CLIENT_RANDOM " + random64 + " aabb",
			want: keylog.Line{Label: "PMS_CLIENT_RANDOM", ClientRandom: [32]byte(unhex(random64)), Secret: []byte{0xaa, 0xbb}},
		},
		{
			name: "ECHConfig has any length",
			line: "ECH_CONFIG " + random64 + " fe0d00",
			want: keylog.Line{Label: "ECH_CONFIG", ClientRandom: [32]byte(unhex(random64)), Secret: []byte{0xfe, 0x0d, 0}},
		},
		{
			name: "a label of somebody else",
			line: "QUIC_SERVER-1 " + random64 + " 01",
			want: keylog.Line{Label: "QUIC_SERVER-1", ClientRandom: [32]byte(unhex(random64)), Secret: []byte{1}},
		},
		{name: "empty", line: "", fault: keylog.FaultValues},
		{name: "two values", line: "CLIENT_RANDOM " + random64, fault: keylog.FaultValues},
		{name: "four values", line: exampleLine + " 00", fault: keylog.FaultValues},
		{name: "two spaces", line: "CLIENT_RANDOM  " + random64 + " " + exampleSecret, fault: keylog.FaultValues},
		{name: "a space at the end", line: exampleLine + " ", fault: keylog.FaultValues},
		{name: "tabs", line: strings.ReplaceAll(exampleLine, " ", "\t"), fault: keylog.FaultValues},
		{name: "no label", line: " " + random64 + " 01", fault: keylog.FaultLabel},
		{name: "a label that looks like a comment", line: "#X " + random64 + " 01", fault: keylog.FaultLabel},
		{name: "a label with a control character", line: "A\x1b " + random64 + " 01", fault: keylog.FaultLabel},
		{name: "a label that is not ASCII", line: "握手 " + random64 + " 01", fault: keylog.FaultLabel},
		{name: "a random that is short", line: "CLIENT_RANDOM " + random64[1:] + " " + exampleSecret, fault: keylog.FaultClientRandom},
		{name: "a random that is long", line: "CLIENT_RANDOM " + random64 + "00 " + exampleSecret, fault: keylog.FaultClientRandom},
		{name: "a random that is not hexadecimal", line: "CLIENT_RANDOM x" + random64[1:] + " " + exampleSecret, fault: keylog.FaultClientRandom},
		{name: "RSA with a client random", line: "RSA " + random64 + " " + exampleSecret, fault: keylog.FaultClientRandom},
		{name: "no secret", line: "OTHER " + random64 + " ", fault: keylog.FaultSecret},
		{name: "half a byte", line: "OTHER " + random64 + " 0", fault: keylog.FaultSecret},
		{name: "a secret that is not hexadecimal", line: "OTHER " + random64 + " 0g", fault: keylog.FaultSecret},
		{name: "a main secret cut short", line: exampleLine[:len(exampleLine)-2], want: cut(example(), 47)},
		{name: "a traffic secret no suite has", line: "CLIENT_TRAFFIC_SECRET_0 " + random64 + " " + strings.Repeat("00", 20), want: keylog.Line{
			Label: "CLIENT_TRAFFIC_SECRET_0", ClientRandom: [32]byte(unhex(random64)), Secret: secret(20, 0),
		}},
		{name: "too long", line: "OTHER " + random64 + " " + strings.Repeat("00", keylog.MaxLine), fault: keylog.FaultTooLong},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := keylog.Parse([]byte(row.line))
			if fault := faultOf(err); fault != row.fault {
				t.Fatalf("got fault %q (%v), want %q", fault, err, row.fault)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("got a line that differs (-want +got):\n%s", diff)
			}
		})
	}
}

func faultOf(err error) keylog.Fault {
	if bad, ok := errors.AsType[*keylog.BadLine](err); ok {
		return bad.Fault
	}
	return ""
}

// RFC 9850, Appendix A, has 18 lines, wrapped; testdata has them unwrapped.
func TestRFC9850Example(t *testing.T) {
	text, err := os.ReadFile("testdata/rfc9850-appendix-a.keys")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	r := keylog.NewReader(bytes.NewReader(text))
	for l, err := r.Next(); err == nil; l, err = r.Next() {
		got[l.Label]++
	}
	want := map[string]int{
		"CLIENT_RANDOM": 1, "ECH_SECRET": 1, "ECH_CONFIG": 1,
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET": 3, "SERVER_HANDSHAKE_TRAFFIC_SECRET": 3,
		"CLIENT_TRAFFIC_SECRET_0": 3, "SERVER_TRAFFIC_SECRET_0": 3, "EXPORTER_SECRET": 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other labels (-want +got):\n%s", diff)
	}
	if r.Skipped() != 0 {
		t.Errorf("got %d lines skipped, want 0", r.Skipped())
	}
}

func TestLabels(t *testing.T) {
	var got []string
	for _, l := range keylog.Labels() {
		got = append(got, fmt.Sprintf("%s %s outer=%t legacy=%t extended=%t", l.Name, l.Protocol, l.OuterRandom, l.Legacy, l.Extended))
		if found, ok := keylog.Lookup(l.Name); !ok || found.Secret != l.Secret {
			t.Errorf("got %v, %t for %s, want its row", found, ok, l.Name)
		}
	}
	want := []string{
		"CLIENT_RANDOM TLS 1.2 outer=false legacy=false extended=false",
		"CLIENT_EARLY_TRAFFIC_SECRET TLS 1.3 outer=false legacy=false extended=false",
		"EARLY_EXPORTER_SECRET TLS 1.3 outer=false legacy=false extended=false",
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET TLS 1.3 outer=false legacy=false extended=false",
		"SERVER_HANDSHAKE_TRAFFIC_SECRET TLS 1.3 outer=false legacy=false extended=false",
		"CLIENT_TRAFFIC_SECRET_0 TLS 1.3 outer=false legacy=false extended=false",
		"SERVER_TRAFFIC_SECRET_0 TLS 1.3 outer=false legacy=false extended=false",
		"EXPORTER_SECRET TLS 1.3 outer=false legacy=false extended=false",
		"ECH_SECRET ECH outer=true legacy=false extended=false",
		"ECH_CONFIG ECH outer=true legacy=false extended=false",
		"RSA TLS 1.2 outer=false legacy=true extended=false",
		"PMS_CLIENT_RANDOM TLS 1.2 outer=false legacy=true extended=false",
		"SHARED_SECRET TLS 1.3 outer=false legacy=false extended=true",
		"CLIENT_WRITE_KEYS TLS 1.2 outer=false legacy=false extended=true",
		"SERVER_WRITE_KEYS TLS 1.2 outer=false legacy=false extended=true",
		"CLIENT_HANDSHAKE_WRITE_KEYS TLS 1.3 outer=false legacy=false extended=true",
		"SERVER_HANDSHAKE_WRITE_KEYS TLS 1.3 outer=false legacy=false extended=true",
		"CLIENT_EARLY_WRITE_KEYS TLS 1.3 outer=false legacy=false extended=true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other labels (-want +got):\n%s", diff)
	}
	if _, ok := keylog.Lookup("client_random"); ok {
		t.Error("got a label in lower case, want none")
	}
}

// Whatever prints a line must not print its secret.
func TestLineIsRedacted(t *testing.T) {
	l := example()
	var text, jsonText bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "line", l)
	slog.New(slog.NewJSONHandler(&jsonText, nil)).Info("m", "line", &l)
	asJSON, err := json.Marshal(struct{ Line keylog.Line }{l})
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{"json": string(asJSON), "slog text": text.String(), "slog json": jsonText.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed[verb] = fmt.Sprintf(verb, l)
		printed[verb+" of a pointer"] = fmt.Sprintf(verb, &l)
		printed[verb+" of a slice"] = fmt.Sprintf(verb, []keylog.Line{l})
		printed[verb+" of a struct"] = fmt.Sprintf(verb, struct{ L keylog.Line }{l})
	}
	for how, got := range printed {
		if !strings.Contains(got, exampleRandom) || !strings.Contains(got, "[48 bytes redacted]") {
			t.Errorf("%s: got %s, want the random and a redaction", how, got)
		}
		if start := exampleSecret[:6]; strings.Contains(strings.ToLower(got), start) || strings.Contains(got, "151 175") {
			t.Errorf("%s: got %s, want no secret", how, got)
		}
	}
}

func TestMarshalText(t *testing.T) {
	got, err := example().MarshalText()
	if err != nil || string(got) != exampleLine {
		t.Errorf("got %s, %v, want %s", got, err, exampleLine)
	}
	rsa := keylog.Line{Label: keylog.LabelRSA, EncryptedPremaster: [8]byte{0xab}, Secret: secret(48, 0)}
	if got, _ := rsa.MarshalText(); !strings.HasPrefix(string(got), "RSA ab00000000000000 0000") {
		t.Errorf("got %s, want the start of the encrypted premaster secret as second value", got)
	}
	if got, err := (keylog.Line{Label: "A B", Secret: secret(1, 0)}).MarshalText(); faultOf(err) != keylog.FaultLabel {
		t.Errorf("got %s, %v, want fault %q", got, err, keylog.FaultLabel)
	}
}

func TestReader(t *testing.T) {
	long := strings.Repeat("f", 2*keylog.MaxLine)
	text := "\ufeff# a comment\n" + // a byte order mark must not be there, and hides no line
		exampleLine + "\r\n" +
		"\r\n" +
		"not a line\r" +
		"\r" +
		exampleLine + "\r" +
		"#" + long + "\n" +
		long + "\n" +
		exampleLine[:len(exampleLine)-1] + "\n" +
		"\n\n" +
		exampleLine // no terminator
	wantBad := []keylog.BadLine{
		{Number: 4, Fault: keylog.FaultClientRandom}, // three values, and "a" is no random
		{Number: 8, Fault: keylog.FaultTooLong},
		{Number: 9, Fault: keylog.FaultSecret},
	}
	sources := map[string]io.Reader{
		"whole":        strings.NewReader(text),
		"byte by byte": iotest.OneByteReader(strings.NewReader(text)),
		"with the EOF": iotest.DataErrReader(strings.NewReader(text)),
	}
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			var gotBad []keylog.BadLine
			r := keylog.NewReader(src)
			r.Bad = func(b *keylog.BadLine) { gotBad = append(gotBad, keylog.BadLine{Number: b.Number, Fault: b.Fault}) }
			for i := range 3 {
				if got, err := r.Next(); err != nil || !cmp.Equal(got, example()) {
					t.Fatalf("line %d: got %v, %v, want %v", i, got, err, example())
				}
			}
			for range 2 {
				if _, err := r.Next(); err != io.EOF {
					t.Fatalf("got %v, want EOF", err)
				}
			}
			if diff := cmp.Diff(wantBad, gotBad); diff != "" {
				t.Errorf("got other bad lines (-want +got):\n%s", diff)
			}
			if r.Skipped() != len(wantBad) {
				t.Errorf("got %d skipped, want %d", r.Skipped(), len(wantBad))
			}
		})
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	r := keylog.NewReader(io.MultiReader(strings.NewReader(exampleLine+"\n"+exampleLine), iotest.ErrReader(broken)))
	if _, err := r.Next(); err != nil {
		t.Fatalf("got %v, want the line before the error", err)
	}
	for range 2 { // the second line may not be complete
		if l, err := r.Next(); err != broken {
			t.Errorf("got %v, %v, want %v", l, err, broken)
		}
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestReaderOfNothing(t *testing.T) {
	if _, err := keylog.NewReader(silent{}).Next(); err != io.ErrNoProgress {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

func TestBadLineSaysWhere(t *testing.T) {
	_, err := keylog.Parse([]byte("CLIENT_RANDOM ab cd"))
	if want := "keylog: the second value has 2 characters, not the 64 digits that name a connection"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	r := keylog.NewReader(strings.NewReader("# x\nx\n"))
	r.Bad = func(b *keylog.BadLine) {
		if want := "keylog: line 2: 1 values, not 3 with one space between them"; b.Error() != want {
			t.Errorf("got %q, want %q", b, want)
		}
	}
	r.Next()
	if r.Skipped() != 1 {
		t.Errorf("got %d skipped, want 1", r.Skipped())
	}
}

// What Parse takes comes back from AppendTo, and however a log is cut into pieces, it gives the same lines.
func FuzzReader(f *testing.F) {
	f.Add([]byte(exampleLine+"\r\n"+exampleLine), uint8(1))
	f.Add([]byte("# x\rRSA 0102030405060708 "+exampleSecret+"\n\r\n"), uint8(3))
	f.Add([]byte("\ufeffx y z\n"), uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		whole := readAll(t, bytes.NewReader(text))
		pieces := readAll(t, &pieceReader{text, int(piece%16) + 1})
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Fatalf("got other lines in pieces (-whole +pieces):\n%s", diff)
		}
		for _, l := range whole {
			again, err := keylog.Parse(l.AppendTo(nil))
			if err != nil || !cmp.Equal(l, again) {
				t.Fatalf("got %v, %v from its own text, want %v", again, err, l)
			}
		}
	})
}

type pieceReader struct {
	rest []byte
	size int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(r.size, len(p))], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func readAll(t *testing.T, src io.Reader) []keylog.Line {
	t.Helper()
	var lines []keylog.Line
	r := keylog.NewReader(src)
	for {
		l, err := r.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
}
