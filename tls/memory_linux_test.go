//go:build !race

package tls_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/tls"
)

// A memory searches this process's memory. What it needs for that lies outside of Go's
// heap, and is not searched.
type memory struct {
	file    *os.File
	buf     []byte // one window; of mmap
	needles []byte // behind it
	user    []byte // behind that, for a test's use
}

const (
	window  = 1 << 20
	longest = 64 // bytes of a secret
)

func openMemory(t *testing.T) *memory {
	t.Helper()
	file, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skip(err)
	}
	buf, err := syscall.Mmap(-1, 0, 3*window, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		file.Close()
		_ = syscall.Munmap(buf)
	})
	return &memory{file, buf[:window], buf[window : 2*window], buf[2*window:]}
}

// find says where the secrets, in hexadecimal, stand.
func (m *memory) find(t *testing.T, secrets ...string) (at []string) {
	t.Helper()
	defer clear(m.needles)
	var needles [][]byte
	end := 0
	for _, s := range secrets {
		n, err := hex.Decode(m.needles[end:], []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		needles = append(needles, m.needles[end:end+n])
		end += n
	}
	for _, r := range m.regions(t) {
		for lo := r.lo; lo < r.hi; lo += window - longest {
			got, err := m.file.ReadAt(m.buf[:min(window, r.hi-lo)], int64(lo))
			if got == 0 && err != nil && err != io.EOF {
				break // not there
			}
			for i, needle := range needles {
				if bytes.Contains(m.buf[:got], needle) {
					at = append(at, fmt.Sprintf("%.8s… in %s", secrets[i], r.name))
				}
			}
		}
	}
	return at
}

type region struct {
	lo, hi uint64
	name   string
}

// regions lists what can be written to, but for what the search itself uses.
func (m *memory) regions(t *testing.T) (all []region) {
	t.Helper()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	for s := bufio.NewScanner(maps); s.Scan(); {
		var r region
		var mode string
		f := strings.Fields(s.Text())
		if _, err := fmt.Sscanf(f[0]+" "+f[1], "%x-%x %s", &r.lo, &r.hi, &mode); err != nil {
			t.Fatal(err)
		}
		if r.name = f[len(f)-1]; !strings.HasPrefix(mode, "rw") || r.holds(m.buf) {
			continue
		}
		all = append(all, r)
	}
	return all
}

func (r region) holds(b []byte) bool {
	at := uint64(uintptr(unsafe.Pointer(&b[0])))
	return r.lo <= at && at < r.hi
}

// planted is what TestMemorySearch looks for. It is no local variable, since stacks move and
// leave copies.
var planted keys.Secret

// TestMemorySearch finds what is there, and not what was there.
func TestMemorySearch(t *testing.T) {
	m := openMemory(t)
	planted = make(keys.Secret, 32)
	for i := range planted {
		planted[i] = byte(i*7 + 13)
	}
	name := hex.EncodeToString(planted)
	if at := m.find(t, name); len(at) == 0 {
		t.Error("a secret that is there was not found")
	}
	planted.Wipe()
	if at := m.find(t, name); len(at) != 0 {
		t.Errorf("a secret that was wiped was found: %v", at)
	}
}

// TestMemoryAfterFailure cuts handshakes short at each read and each write of either end, and
// then looks for every secret of the key logs in all of the process's memory: garbage, stacks
// and pools too.
func TestMemoryAfterFailure(t *testing.T) {
	m := openMemory(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			var book logbook
			cutShort(t, v, &book, func(*testing.T, ...*tls.Conn) {})
			if at := m.find(t, book.secrets()...); len(at) != 0 {
				t.Errorf("of %d secrets these are left: %s", len(book.secrets()), strings.Join(at, ", "))
			}
		})
	}
}

// TestMemoryOfUpdatedKeys looks for the secrets that a KeyUpdate replaced.
func TestMemoryOfUpdatedKeys(t *testing.T) {
	m := openMemory(t)
	var book logbook
	client, server := talking(t, tls.VersionTLS13, &book)
	traffic := slices.DeleteFunc(book.named(), func(s string) bool { return !strings.Contains(s, "_TRAFFIC_SECRET_0 ") })
	secrets := make([]string, len(traffic))
	for i, s := range traffic {
		secrets[i] = s[strings.IndexByte(s, ' ')+1:]
	}
	if at := m.find(t, secrets...); len(at) < 2 {
		t.Fatalf("got only %v of traffic secrets that are in use", at)
	}
	tls.RequestKeyUpdate(client)
	tls.RequestKeyUpdate(server)
	for range 2 { // the answers go out with what is written next
		exchange(t, client, server)
	}
	if at := m.find(t, secrets...); len(at) != 0 {
		t.Errorf("of %d secrets these are left: %s", len(secrets), strings.Join(at, ", "))
	}
}

// TestMemoryOfData sends data from memory that is not searched to memory that is not, and then
// looks for it everywhere else.
func TestMemoryOfData(t *testing.T) {
	m := openMemory(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			client, server := talking(t, v, new(logbook))
			out, in := m.user[:300<<10], m.user[400<<10:][:300<<10]
			for i := range out {
				out[i] = byte(i*i>>3 + i)
			}
			done := make(chan error, 1)
			go func() {
				_, err := io.ReadFull(server, in)
				done <- err
			}()
			if _, err := client.Write(out); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil || !bytes.Equal(in, out) {
				t.Fatalf("got %v, or other data", err)
			}
			for _, at := range []int{0, 1000, 100 << 10, 300<<10 - 32} {
				if found := m.find(t, hex.EncodeToString(out[at:][:32])); len(found) != 0 {
					t.Errorf("what was sent as byte %d on is left: %v", at, found)
				}
			}
			clear(m.user)
		})
	}
}

// TestMemoryOfPSKs looks for the secrets of connections that were resumed, or whose ends share a
// key, after they were closed.
func TestMemoryOfPSKs(t *testing.T) {
	m := openMemory(t)
	legacy := []tls.LegacyPSK{{Identity: []byte("lamp"), Key: []byte("0123456789abcdef")}}
	for _, tt := range []struct {
		name    string
		version uint16
		setup   func(*tls.Config)
		resume  bool
	}{
		{"psk_dhe_ke", tls.VersionTLS13, keysOf(pskA), false},
		{"psk_ke", tls.VersionTLS13, together(keysOf(pskA), modes(tls.PSKModeOnly)), false},
		{"TLS 1.2", tls.VersionTLS12, func(c *tls.Config) { c.LegacyPSKs = legacy }, false},
		{"resumed", tls.VersionTLS13, certified(t), true},
		{"resumed by psk_ke", tls.VersionTLS13, together(certified(t), modes(tls.PSKModeOnly, tls.PSKModeDHE)), true},
		{"resumed in TLS 1.2", tls.VersionTLS12, certified(t), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var book logbook
			config := &tls.Config{ServerName: "localhost", MaxVersion: tt.version, KeyLogWriter: &book}
			cache := tls.NewLRUClientSessionCache(1)
			if tt.resume {
				config.ClientSessionCache = cache
			}
			tt.setup(config)
			var before []keys.Secret
			for i := range 2 {
				rawC, rawS := loopback(t)
				client, server := tls.Client(rawC, config), tls.Server(rawS, config)
				exchange(t, client, server)
				if got, want := client.ConnectionState().DidResume, tt.resume && i == 1; got != want {
					t.Errorf("connection %d: resumed %v, want %v", i, got, want)
				}
				before = append(before, append(secretsOf(client), secretsOf(server)...)...)
				client.Close()
				server.Close()
			}
			cache.Put("localhost", nil) // what it keeps is secret too
			if n := left(before); n != 0 || len(before) == 0 {
				t.Errorf("got %d of %d secrets that are not zero", n, len(before))
			}
			if at := m.find(t, book.secrets()...); len(at) != 0 {
				t.Errorf("of %d secrets these are left: %s", len(book.secrets()), strings.Join(at, ", "))
			}
		})
	}
}
