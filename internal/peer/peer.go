// Package peer finds and runs the programs that tests hold this module against: OpenSSL, GnuTLS, tshark, tcpdump. Only
// tests import it.
//
// There is one rule for what a machine lacks: the test is skipped, but under CI=true it fails, because there everything
// has to be tried.
package peer

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/capture"
)

// Required reports whether a test must not be skipped for want of a program or a privilege.
func Required() bool { return os.Getenv("CI") == "true" }

// Lacks ends a test that cannot be made here. why says what is missing.
func Lacks(t testing.TB, why string) {
	t.Helper()
	if Required() {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Find returns the path of a program, without which there is no test.
func Find(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Lacks(t, program+" is not installed")
	}
	return path
}

// Has reports whether a program is installed, for a test of which a part needs it. Where it has to be, its absence fails
// the test.
func Has(t testing.TB, program string) bool {
	t.Helper()
	_, err := exec.LookPath(program)
	if err != nil && Required() {
		t.Errorf("%s is not installed", program)
	}
	return err == nil
}

// Output is what a program prints to standard output. It must succeed, and finds nobody's settings: its home is empty.
func Output(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), Find(t, program), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "SSLKEYLOGFILE=")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, &stderr)
	}
	return out
}

// Fields has tshark read a capture, and returns the values of fields, a row for each packet that its other arguments
// let through. Where a field occurs more than once, commas stand between the values.
func Fields(t testing.TB, file string, names []string, args ...string) [][]string {
	t.Helper()
	args = append([]string{"-r", file, "-T", "fields"}, args...)
	for _, name := range names {
		args = append(args, "-e", name)
	}
	var rows [][]string
	for line := range strings.Lines(string(Output(t, "tshark", args...))) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

// Store writes packets to a file, with an interface for each link type, and returns its path.
func Store(t testing.TB, packets []capture.Packet) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "packets.pcapng")
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	w, err := capture.NewWriter(file, capture.Section{})
	must(t, err)
	interfaces := map[capture.LinkType]int{}
	for _, p := range packets {
		id, known := interfaces[p.LinkType]
		if !known {
			id, err = w.AddInterface(capture.Interface{LinkType: p.LinkType})
			must(t, err)
			interfaces[p.LinkType] = id
		}
		p.Interface = id
		must(t, w.WritePacket(p))
	}
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
