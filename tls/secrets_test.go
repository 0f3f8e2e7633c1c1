package tls_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/tls"
)

// A logbook keeps the lines of key logs. The secrets in it are hexadecimal, so that they are
// not what a search of the memory finds.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

// named lists "LABEL secret", each once.
func (l *logbook) named() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	for _, line := range l.lines {
		if f := strings.Fields(line); !seen[f[2]] {
			seen[f[2]] = true
			all = append(all, f[0]+" "+f[2])
		}
	}
	return all
}

// secrets lists the secrets, each once.
func (l *logbook) secrets() (all []string) {
	for _, s := range l.named() {
		all = append(all, s[strings.IndexByte(s, ' ')+1:])
	}
	return all
}

// talking returns both ends of a connection of ours after the handshake.
func talking(t *testing.T, version uint16, log io.Writer) (client, server *tls.Conn) {
	t.Helper()
	cert, pool := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: version, KeyLogWriter: log}
	rawC, rawS := loopback(t)
	client, server = tls.Client(rawC, config), tls.Server(rawS, config)
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	exchange(t, client, server)
	return client, server
}

// exchange sends a byte each way.
func exchange(t *testing.T, client, server *tls.Conn) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyN(server, server, 1)
		done <- err
	}()
	if _, err := client.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// secretsOf finds every keys.Secret that is reachable from v by reflection: the slices
// themselves, so that one sees what becomes of them. Configurations and what is underneath
// the connection are not its secrets.
func secretsOf(v any) []keys.Secret {
	w := walker{seen: map[visit]bool{}}
	w.walk(reflect.ValueOf(v))
	return w.found
}

type visit struct {
	at  unsafe.Pointer
	typ reflect.Type
}

type walker struct {
	seen  map[visit]bool
	found []keys.Secret
}

var (
	secretType = reflect.TypeFor[keys.Secret]()
	notWalked  = map[reflect.Type]bool{
		reflect.TypeFor[*tls.Config](): true, reflect.TypeFor[net.Conn](): true, reflect.TypeFor[borrow.Source](): true,
	}
)

func (w *walker) walk(v reflect.Value) {
	if !v.IsValid() || notWalked[v.Type()] || v.CanAddr() && w.again(v) {
		return
	}
	if v.Type() == secretType && v.Len() > 0 {
		w.found = append(w.found, v.Bytes())
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			w.walk(v.Elem())
		}
	case reflect.Struct:
		w.walkStruct(v)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			w.walk(v.MapIndex(k))
		}
	}
}

func (w *walker) again(v reflect.Value) bool {
	at := visit{v.Addr().UnsafePointer(), v.Type()}
	before := w.seen[at]
	w.seen[at] = true
	return before
}

func (w *walker) walkStruct(v reflect.Value) {
	if v.CanAddr() {
		if load := v.Addr().MethodByName("Load"); load.IsValid() && strings.HasPrefix(v.Type().Name(), "Pointer[") {
			w.walk(load.Call(nil)[0])
			return
		}
	}
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanInterface() && f.CanAddr() {
			f = reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem()
		}
		w.walk(f)
	}
}

// left counts the secrets that are not zero.
func left(secrets []keys.Secret) (n int) {
	for _, s := range secrets {
		for _, b := range s.Reveal() {
			if b != 0 {
				n++
				break
			}
		}
	}
	return n
}

// wantSecrets is how many secrets a connection at rest has: of each direction, and of the
// exporter.
var wantSecrets = map[uint16]int{
	tls.VersionTLS12: 2*len([]string{"key", "iv"}) + 1,
	tls.VersionTLS13: 2 + 1,
}

// TestSecretsAreWiped uses both ends of a connection from several goroutines, closes both at a
// moment of chance, and looks at every secret that was reachable from them before.
func TestSecretsAreWiped(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			for range 50 {
				client, server := talking(t, v, nil)
				before := append(secretsOf(client), secretsOf(server)...)
				if n := left(before); n != 2*wantSecrets[v] {
					t.Fatalf("got %d secrets, want %d: the search misses some, or there are more", n, 2*wantSecrets[v])
				}
				scramble(client, server, v == tls.VersionTLS13)
				if n := left(append(append(before, secretsOf(client)...), secretsOf(server)...)); n != 0 {
					t.Fatalf("got %d secrets that are not zero after Close", n)
				}
			}
		})
	}
}

// scramble reads, writes, exports and closes, all at once, and returns when all have ended.
func scramble(client, server *tls.Conn, update bool) {
	var wg sync.WaitGroup
	for _, c := range []*tls.Conn{client, server} {
		wg.Go(func() { _, _ = io.Copy(io.Discard, c) })
		wg.Go(func() {
			for data := make([]byte, 20000); ; {
				if _, err := c.Write(data); err != nil {
					return
				}
			}
		})
		wg.Go(func() {
			for {
				if _, err := c.ExportKeyingMaterial("EXPORTER-x", nil, 8); err != nil {
					return
				}
				if update {
					tls.OweKeyUpdate(c)
				}
			}
		})
		for range 2 {
			wg.Go(func() {
				time.Sleep(rand.N(time.Millisecond))
				c.Close()
			})
		}
	}
	wg.Wait()
}

// slowClose is a connection whose Close waits.
type slowClose struct {
	net.Conn
	begun, finish chan struct{}
}

func (c *slowClose) Close() error {
	close(c.begun)
	<-c.finish
	return c.Conn.Close()
}

// TestCloseBesideLastStep closes a connection when its handshake is about to succeed: neither
// knows of the other, and the secrets are wiped all the same.
func TestCloseBesideLastStep(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cert, pool := newCert(t)
		rawC, rawS := loopback(t)
		slow := &slowClose{rawC, make(chan struct{}), make(chan struct{})}
		config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: v}
		server := tls.Server(rawS, config)
		defer server.Close()
		go server.Handshake()
		closed := make(chan error, 1)
		var client *tls.Conn
		config = config.Clone()
		config.VerifyConnection = func(tls.ConnectionState) error {
			go func() { closed <- client.Close() }()
			<-slow.begun
			return nil
		}
		client = tls.Client(slow, config)
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		close(slow.finish)
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if n := left(secretsOf(client)); n != 0 || len(secretsOf(client)) != 0 {
			t.Errorf("%s: got %d secrets that are not zero", tls.VersionName(v), n)
		}
	}
}

// cutConn fails after a number of reads and writes.
type cutConn struct {
	net.Conn
	left atomic.Int64
}

var errCut = errors.New("the cable was cut")

func (c *cutConn) cut() error {
	if c.left.Add(-1) < 0 {
		c.Conn.Close()
		return errCut
	}
	return nil
}

func (c *cutConn) Read(p []byte) (int, error) {
	if err := c.cut(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *cutConn) Write(p []byte) (int, error) {
	if err := c.cut(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// cutShort shakes hands again and again, and cuts either end off at each of its reads and
// writes. failed gets the ends whose handshake failed, before they are closed.
func cutShort(t *testing.T, version uint16, log io.Writer, failed func(*testing.T, ...*tls.Conn)) {
	t.Helper()
	cert, pool := newCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "localhost", MaxVersion: version, KeyLogWriter: log}
	retry := config.Clone()
	retry.CurvePreferences = []tls.CurveID{tls.CurveP384}
	for _, serverConfig := range []*tls.Config{config, retry} {
		for end := range 2 {
			for n := int64(0); ; n++ {
				rawC, rawS := loopback(t)
				raw := [2]*cutConn{{Conn: rawC}, {Conn: rawS}}
				raw[1-end].left.Store(1000)
				raw[end].left.Store(n)
				client, server := tls.Client(raw[0], config), tls.Server(raw[1], serverConfig)
				var errs [2]error
				var wg sync.WaitGroup
				for i, c := range []*tls.Conn{client, server} {
					wg.Go(func() {
						if errs[i] = c.Handshake(); errs[i] != nil {
							raw[i].Conn.Close()
							failed(t, c)
						}
					})
				}
				wg.Wait()
				client.Close()
				server.Close()
				if left(secretsOf(client))+left(secretsOf(server)) != 0 {
					t.Errorf("cut after %d: got secrets that are not zero after Close", n)
				}
				if errs[end] == nil && errs[1-end] == nil {
					if n < 3 {
						t.Errorf("%d reads and writes are enough", n)
					}
					break
				}
			}
		}
	}
}

// TestFailedHandshakesForget looks at what a failed handshake leaves, before Close.
func TestFailedHandshakesForget(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			cutShort(t, v, nil, func(t *testing.T, c ...*tls.Conn) {
				if n := left(secretsOf(c[0])); n != 0 {
					t.Errorf("got %d secrets in a connection that failed", n)
				}
			})
		})
	}
}

// TestFailedConnectionsForget has a connection fail after its handshake, by its own fault
// found or by an alert, and looks at what it leaves before Close (RFC 9846 §6).
func TestFailedConnectionsForget(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := talking(t, v, nil)
		before := append(secretsOf(client), secretsOf(server)...)
		_, _ = client.NetConn().Write([]byte{23, 3, 3, 0, 40, 39: 0, 44: 0})
		_, found := server.Read(make([]byte, 1))
		_, told := client.Read(make([]byte, 1))
		if found == nil || told == nil {
			t.Fatalf("%s: got %v and %v, want both ends to fail", tls.VersionName(v), found, told)
		}
		if n := left(before); n != 0 {
			t.Errorf("%s: got %d of %d secrets that are not zero", tls.VersionName(v), n, len(before))
		}
	}
}

// TestPoolHoldsNoSecrets looks at every buffer that goes back to the pool while connections
// shake hands, talk, fail and are closed: no secret and no data is in it.
func TestPoolHoldsNoSecrets(t *testing.T) {
	var book logbook
	marker := []byte("data that nobody else should see")
	var mu sync.Mutex
	var bad []string
	looked := 0
	defer borrow.Poison(func(buf []byte) {
		mu.Lock()
		defer mu.Unlock()
		looked++
		for _, s := range book.named() {
			label, hexadecimal, _ := strings.Cut(s, " ")
			if strings.Contains(fmt.Sprintf("%x", buf), hexadecimal) {
				bad = append(bad, label)
			}
		}
		if strings.Contains(string(buf), string(marker)) {
			bad = append(bad, "data")
		}
	})()
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := talking(t, v, &book)
		for range 3 {
			if _, err := client.Write(marker); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(server, make([]byte, len(marker))); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = server.Write(marker) // is never read
		scramble(client, server, false)
		cutShort(t, v, nil, func(*testing.T, ...*tls.Conn) {})
	}
	if len(bad) != 0 || looked < 10 {
		t.Errorf("in %d buffers got %v, want none of these", looked, bad)
	}
	if n, bytes := borrow.Outstanding(); n != 0 {
		t.Errorf("got %d buffers of %d bytes that did not come back", n, bytes)
	}
}
