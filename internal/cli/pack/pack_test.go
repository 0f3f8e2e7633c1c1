package pack_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/pack"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/keylog"
	"github.com/akushu/akushu/observe"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// talk has crypto/tls hold a conversation of HTTP, which is recorded without its secrets.
func talk(t *testing.T, r *observe.Recording, version uint16, log io.Writer, words string) {
	t.Helper()
	key, err := pki.GenerateKey("ecdsa-p256")
	must(t, err)
	id, err := pki.SelfSigned(pki.Env{Rand: rand.Reader, Now: time.Now}, pki.Request{Key: key})
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	failed := make(chan error, 1)
	go func() {
		failed <- func() error {
			c, err := ln.Accept()
			if err != nil {
				return err
			}
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: id.DER(), PrivateKey: id.Key}}})
			_, err = s.Read(make([]byte, 1000))
			_, wrong := fmt.Fprintf(s, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(words), words)
			return errors.Join(err, wrong, s.Close())
		}()
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	must(t, err)
	tap := observe.NewTap(observe.TapOptions{Recording: r})
	client := tls.Client(tap.Conn(c, observe.Client, 0), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, KeyLogWriter: log})
	_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	must(t, err)
	_, err = io.ReadAll(client)
	must(t, err)
	must(t, client.Close())
	must(t, <-failed)
}

// record makes a capture without secrets of a connection of each version, and the key log of those.
func record(t *testing.T, words string) (file, log []byte) {
	var packets, lines bytes.Buffer
	r, err := observe.NewRecording(&packets)
	must(t, err)
	talk(t, r, tls.VersionTLS12, &lines, words)
	talk(t, r, tls.VersionTLS13, &lines, words)
	must(t, r.Close())
	return packets.Bytes(), lines.Bytes()
}

// run runs the verb, and returns what it says.
func run(t *testing.T, stdin []byte, args ...string) (string, error) {
	t.Helper()
	var told bytes.Buffer
	env := &cli.Env{In: bytes.NewReader(stdin), Out: io.Discard, Err: &told, Getenv: func(string) string { return "" }, Words: explain.For(explain.English)}
	cmd := pack.New(env)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return told.String(), err
}

// secretsOf reads the secrets of a capture: which labels there are for which client random.
func secretsOf(t *testing.T, path string) map[[32]byte][]string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	r, err := capture.NewReader(f)
	must(t, err)
	all := map[[32]byte][]string{}
	packets := false
	for {
		item, err := r.Next()
		if err == io.EOF {
			return all
		}
		must(t, err)
		switch item := item.(type) {
		case *capture.Packet:
			packets = true
		case *capture.Secrets:
			if packets {
				t.Error("secrets stand behind packets")
			}
			for log := item.Reader(); ; {
				l, err := log.Next()
				if err == io.EOF {
					break
				}
				must(t, err)
				all[l.ClientRandom] = append(all[l.ClientRandom], l.Label)
			}
		}
	}
}

// randoms are the client randoms of a key log.
func randoms(t *testing.T, log []byte) [][32]byte {
	t.Helper()
	store := keylog.NewStore(0)
	_, err := store.ReadFrom(keylog.NewReader(bytes.NewReader(log)))
	must(t, err)
	return store.ClientRandoms()
}

// TestOnlyWhatIsNeeded requires the secrets of the connections of a capture, of these only those that open records, and
// none of another connection, from files in all forms.
func TestOnlyWhatIsNeeded(t *testing.T) {
	file, log := record(t, "Hello World!")
	_, others := record(t, "not for you")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write(file)
	must(t, err)
	must(t, w.Close())
	dir := t.TempDir()
	in, keys, out := filepath.Join(dir, "in"), filepath.Join(dir, "keys"), filepath.Join(dir, "out.pcapng")
	must(t, os.WriteFile(keys, slices.Concat(others, log, log), 0o600))
	var full bytes.Buffer // with the secrets of all of them inside
	store := keylog.NewStore(0)
	_, err = store.ReadFrom(keylog.NewReader(bytes.NewReader(slices.Concat(log, others))))
	must(t, err)
	var lines []keylog.Line
	for _, random := range store.ClientRandoms() {
		lines = append(lines, store.Lines(random)...)
	}
	must(t, capture.Pack(&full, bytes.NewReader(file), lines))

	for _, c := range []struct {
		name  string
		in    []byte
		stdin bool
		args  []string
	}{
		{"pcapng", file, false, []string{"--keylog", keys}},
		{"gzip", zipped.Bytes(), false, []string{"--keylog", keys}},
		{"from a pipe", zipped.Bytes(), true, []string{"--keylog", keys}},
		{"secrets inside", full.Bytes(), false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, os.WriteFile(in, c.in, 0o600))
			args := append([]string{in, "-o", out}, c.args...)
			if c.stdin {
				args[0] = "-"
			}
			told, err := run(t, c.in, args...)
			must(t, err)
			if want := "2 connections with TLS, 2 decrypted, with 5 secrets"; !strings.Contains(told, want) {
				t.Errorf("got %q, want %q", told, want)
			}
			got := secretsOf(t, out)
			if len(got) != 2 {
				t.Errorf("got secrets of %d connections, want 2", len(got))
			}
			for _, random := range randoms(t, log) {
				labels := slices.Sorted(slices.Values(got[random]))
				want := []string{keylog.LabelClientHandshakeTrafficSecret, keylog.LabelClientTrafficSecret0, keylog.LabelServerHandshakeTrafficSecret, keylog.LabelServerTrafficSecret0}
				if len(labels) == 1 {
					want = []string{keylog.LabelClientRandom}
				}
				if diff := cmp.Diff(want, labels); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff([]string{"Hello_World!", "Hello_World!"}, decrypted(t, out)); diff != "" {
				t.Errorf("tshark: %s", diff)
			}
			info, err := os.Stat(out)
			must(t, err)
			if mode := info.Mode().Perm(); mode != 0o600 && mode != 0o666 { // the latter is Windows'
				t.Errorf("got mode %o, want 600", mode)
			}
		})
	}
	if left := slices.Sorted(maps.Keys(names(t, dir))); len(left) != 3 {
		t.Errorf("got %v, want nothing but what was made", left)
	}
}

func names(t *testing.T, dir string) map[string]bool {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	all := map[string]bool{}
	for _, entry := range list {
		all[entry.Name()] = true
	}
	return all
}

// decrypted is what tshark reads in the responses, without a key log.
func decrypted(t *testing.T, path string) []string {
	t.Helper()
	rows := peer.Fields(t, path, []string{"http.file_data"}, "-o", "tcp.try_heuristic_first:TRUE", "-d", "tls.port==1-65535,http", "-Y", "http.response")
	var all []string
	for _, row := range rows {
		all = append(all, strings.ReplaceAll(row[0], " ", "_"))
	}
	return all
}

// TestDamaged requires what came before the damage, and the error.
func TestDamaged(t *testing.T) {
	file, log := record(t, "Hello World!")
	dir := t.TempDir()
	in, keys, out := filepath.Join(dir, "in"), filepath.Join(dir, "keys"), filepath.Join(dir, "out.pcapng")
	must(t, os.WriteFile(in, file[:len(file)-3], 0o600))
	must(t, os.WriteFile(keys, log, 0o600))
	_, err := run(t, nil, in, "--keylog", keys, "-o", out)
	told, ok := errors.AsType[*cli.Error](err)
	if !ok || told.Code != cli.ExitFailure || !strings.Contains(told.Text, "damaged or cut short") {
		t.Errorf("got %v, want that it is damaged", err)
	}
	if got := secretsOf(t, out); len(got) != 2 {
		t.Errorf("got secrets of %d connections, want 2", len(got))
	}
}
