package sidechannel_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A switch turns a countermeasure off, in a copy of the file that has it.
type switched struct {
	file       string // from here
	begin, end string // of what is replaced, both included
	by         string
}

// What somebody in a hurry would have written.
var switchedOff = []switched{
	{
		file:  "../auth/premaster.go",
		begin: "\tsecret, err := randomSecret(rand) // first", end: "\treturn secret, nil\n",
		by: `	opened, err := key.Decrypt(rand, encrypted, nil)
	if errors.Is(err, rsa.ErrDecryption) || len(opened) != PremasterSize || opened[0] != byte(clientVersion>>8) || opened[1] != byte(clientVersion) {
		return randomSecret(rand)
	}
	return opened, err
`,
	},
	{
		file:  "../record/cbc.go",
		begin: "\tleast := max(0, most-maxPadding+1)", end: "c.macAt(plain[least:len(plain)-1], length-least))\n",
		by: `	if good == 0 {
		return 0, 0
	}
	header := appendPseudoHeader(c.header[:0], seq, h, length)
	return length, subtle.ConstantTimeCompare(c.mac.Sum(header, plain[:length]), plain[length:length+c.macIn()])
`,
	},
}

// TestSwitchedOffIsSeen builds the tests of this package with the countermeasures switched off: they work as before, and the
// tests that count are red.
func TestSwitchedOffIsSeen(t *testing.T) {
	dir := t.TempDir()
	overlay := map[string]string{}
	for _, s := range switchedOff {
		from, err := filepath.Abs(s.file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		before, behind, ok := strings.Cut(string(text), s.begin)
		_, behind, ok2 := strings.Cut(behind, s.end)
		if !ok || !ok2 {
			t.Fatalf("%s: it has changed, and what is to be switched off is not found", s.file)
		}
		to := filepath.Join(dir, filepath.Base(s.file))
		if err := os.WriteFile(to, []byte(before+s.by+behind), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[from] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "test", "-vet=off", "-count=1", "-overlay", file, "-run", "^TestWired", ".")
	c.Env = append(os.Environ(), "GOFLAGS=")
	out, err := c.CombinedOutput()
	for _, want := range []string{"--- FAIL: TestWiredPremaster", "--- FAIL: TestWiredCBC", "different work: "} {
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("got %v, want %q in\n%s", err, want, out)
		}
	}
	if strings.Contains(string(out), "bad_record_mac where it is bad") {
		t.Errorf("it does not only work otherwise, it does not work:\n%s", out)
	}
}
