package keys

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// vectors reads a file of "name: value" blocks between empty lines; blocks without a value (comments) are left out.
func vectors(t *testing.T, path string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for block := range strings.SplitSeq(string(text), "\n\n") {
		values := map[string]string{}
		for line := range strings.Lines(block) {
			if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok && line[0] != '#' {
				values[name] = value
			}
		}
		if len(values) > 0 {
			all = append(all, values)
		}
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func prfOf(t *testing.T, name string, log Log) PRF {
	t.Helper()
	if name == "MD5+SHA1" {
		return TLS10(log)
	}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if h.String() == name {
			return TLS12(h, log)
		}
	}
	t.Fatalf("no hash %q", name)
	return PRF{}
}

func TestPRF(t *testing.T) {
	cases := vectors(t, "testdata/prf.txt")
	if len(cases) != 4 {
		t.Fatalf("got %d vectors, want 4", len(cases))
	}
	for _, v := range cases {
		want, seed := unhex(t, v["output"]), unhex(t, v["seed"])
		// Every length and every cut of the seed gives a prefix of the same output.
		for n := range len(want) + 1 {
			got := bytes.Repeat([]byte{0x55}, n)
			cut := n % (len(seed) + 1)
			prfOf(t, v["hash"], nil).expand(got, unhex(t, v["secret"]), ExporterValue12, v["label"], seed[:cut], seed[cut:])
			if !bytes.Equal(got, want[:n]) {
				t.Errorf("%s, %d bytes: got %x, want %x", v["hash"], n, got, want[:n])
			}
		}
	}
}

// The halves of the TLS 1.0 secret share the byte in the middle where its length is odd (RFC 2246 §5).
func TestPRF10OddSecret(t *testing.T) {
	secret, seed := []byte{1, 2, 3, 4, 5}, []byte("seed")
	got := make([]byte, 40)
	TLS10(nil).expand(got, secret, ExporterValue12, "label", seed)
	want := make([]byte, 40)
	md5Part, sha1Part := referencePHash(md5.New, secret[:3], []byte("labelseed"), 40), referencePHash(sha1.New, secret[2:], []byte("labelseed"), 40)
	for i := range want {
		want[i] = md5Part[i] ^ sha1Part[i]
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestMainSecretAndKeyBlock(t *testing.T) {
	cases := vectors(t, "testdata/acvp.txt")
	if len(cases) != 4 {
		t.Fatalf("got %d vectors, want 4", len(cases))
	}
	for _, v := range cases {
		t.Run(v["name"], func(t *testing.T) {
			var logged Secret
			var label Label
			prf := prfOf(t, v["hash"], func(l Label, s Secret) { label, logged = l, s.Clone() })
			premaster, want := Secret(unhex(t, v["premaster"])), unhex(t, v["main secret"])
			var main Secret
			if sessionHash := v["session hash"]; sessionHash != "" {
				main = prf.ExtendedMainSecret(premaster, unhex(t, sessionHash))
			} else {
				main = prf.MainSecret(premaster, unhex(t, v["client hello random"]), unhex(t, v["server hello random"]))
			}
			if !bytes.Equal(main, want) {
				t.Errorf("main secret: got %x, want %x", main.Reveal(), want)
			}
			if label.KeyLog() != "CLIENT_RANDOM" || !bytes.Equal(logged, want) {
				t.Errorf("logged: got %s %x, want CLIENT_RANDOM %x", label.KeyLog(), logged.Reveal(), want)
			}
			block := unhex(t, v["key block"])
			checkKeyBlock(t, prf, main, unhex(t, v["client random"]), unhex(t, v["server random"]), block)
		})
	}
}

// checkKeyBlock cuts the block in two ways and compares the parts with the order of RFC 5246 §6.3.
func checkKeyBlock(t *testing.T, prf PRF, main Secret, clientRandom, serverRandom, want []byte) {
	t.Helper()
	for _, n := range []Lengths{{MAC: 20, Key: 16, IV: 16}, {Key: 32, IV: 4}, {MAC: 32, Key: 16}, {}} {
		b := prf.KeyBlock(main, clientRandom, serverRandom, n)
		parts := []Secret{b.Client.MAC, b.Server.MAC, b.Client.Key, b.Server.Key, b.Client.IV, b.Server.IV}
		for i, length := range []int{n.MAC, n.MAC, n.Key, n.Key, n.IV, n.IV} {
			if len(parts[i]) != length || cap(parts[i]) != length {
				t.Errorf("%+v part %d: got %d bytes, room for %d, want %d", n, i, len(parts[i]), cap(parts[i]), length)
			}
		}
		if got := bytes.Join([][]byte{parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]}, nil); !bytes.Equal(got, want[:len(got)]) {
			t.Errorf("%+v: got %x, want %x", n, got, want[:len(got)])
		}
	}
}

func TestExport12Refuses(t *testing.T) {
	prf, main := TLS12(crypto.SHA256, nil), make(Secret, 48)
	for name, call := range map[string]func() ([]byte, error){
		"master secret":          func() ([]byte, error) { return prf.Export(main, "master secret", nil, nil, nil, 8) },
		"extended master secret": func() ([]byte, error) { return prf.Export(main, "extended master secret", nil, nil, nil, 8) },
		"key expansion":          func() ([]byte, error) { return prf.Export(main, "key expansion", nil, nil, nil, 8) },
		"client finished":        func() ([]byte, error) { return prf.Export(main, "client finished", nil, nil, nil, 8) },
		"server finished":        func() ([]byte, error) { return prf.Export(main, "server finished", nil, nil, nil, 8) },
		"long context":           func() ([]byte, error) { return prf.Export(main, "x", nil, nil, make([]byte, 1<<16), 8) },
		"negative length":        func() ([]byte, error) { return prf.Export(main, "x", nil, nil, nil, -1) },
	} {
		if got, err := call(); err == nil || got != nil {
			t.Errorf("%s: got %x, error %v, want an error alone", name, got, err)
		}
	}
	if _, err := prf.Export(main, "x", nil, nil, make([]byte, 1<<16-1), 8); err != nil {
		t.Errorf("context of 65535 bytes: %v", err)
	}
}
