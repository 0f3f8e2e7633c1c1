package bench

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	std "crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/observe"
)

// A recorded capture, and its key log.
type recorded struct {
	packets, keys string
	bytes         int64 // of application data
}

// record has crypto/tls hold conversations of HTTP, some of them at a time, and writes them as a capture.
func record(t testing.TB, dir string, conns, atOnce int, size int64) recorded {
	t.Helper()
	check(t, os.MkdirAll(dir, 0o777))
	r := recorded{filepath.Join(dir, fmt.Sprintf("%d.pcapng", conns)), filepath.Join(dir, fmt.Sprintf("%d.keys", conns)), int64(conns) * size}
	packets, keys := create(t, r.packets), create(t, r.keys)
	log := bufio.NewWriter(keys)
	buffered := bufio.NewWriterSize(packets, 1<<20)
	recording, err := observe.NewRecording(buffered)
	check(t, err)
	tap := observe.NewTap(observe.TapOptions{Recording: recording})
	cert, roots := authority(t)
	server := &std.Config{Certificates: []std.Certificate{cert}}
	client := &std.Config{RootCAs: roots, ServerName: "localhost", KeyLogWriter: log}
	dial := loopback(t)
	var dialing sync.Mutex
	var wg sync.WaitGroup
	failed := make(chan error, atOnce)
	for range atOnce {
		wg.Go(func() {
			for range conns / atOnce {
				dialing.Lock()
				c, s := dial()
				dialing.Unlock()
				if err := converse(std.Client(tap.Conn(c, observe.Client, 0), client), std.Server(s, server), size); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	check(t, <-failed)
	check(t, errors.Join(recording.Close(), buffered.Flush(), packets.Close(), log.Flush(), keys.Close()))
	return r
}

func create(t testing.TB, path string) *os.File {
	f, err := os.Create(path)
	check(t, err)
	return f
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeSize is what the server writes at a time.
const writeSize = 256 << 10

// converse is a request and its response.
func converse(client, server *std.Conn, size int64) error {
	answered := make(chan error, 1)
	go func() {
		answered <- func() error {
			if _, err := server.Read(make([]byte, 1000)); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(server, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", size); err != nil {
				return err
			}
			data := bytes.Repeat([]byte("0123456789abcdef"), writeSize/16)
			for left := size; left > 0; {
				n, err := server.Write(data[:min(left, writeSize)])
				if err != nil {
					return err
				}
				left -= int64(n)
			}
			return server.Close()
		}()
	}()
	_, err := io.WriteString(client, "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if err == nil {
		_, err = io.Copy(io.Discard, client)
	}
	return errors.Join(err, client.Close(), <-answered)
}

// built is the command as people have it: not with the race detector, whatever the tests have.
func built(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "akushu")
	build := exec.Command("go", "build", "-race=false", "-o", path, "../cmd/akushu")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// BenchmarkInspect reads captures with every record decrypted and the requests listed, side by side with tshark.
// The figures are of whole processes: seconds, the processor's seconds, the most memory. Ours is the quickest
// of three, tshark's of one, which takes long and differs by a tenth.
//
//	go test -run xxx -bench Inspect -benchtime 1x -timeout 30m ./bench
func BenchmarkInspect(b *testing.B) {
	tshark := peer.Find(b, "tshark")
	dir := b.TempDir()
	akushu := built(b, dir)
	for _, c := range []struct {
		name          string
		conns, atOnce int
		size          int64
	}{{"bulk", 4, 4, 50 << 20}, {"short", 20_000, 4, 13}} {
		b.Run(c.name, func(b *testing.B) {
			r := record(b, dir, c.conns, c.atOnce, c.size)
			for range b.N {
				ours, out := best(b, akushu, "inspect", r.packets, "--keylog", r.keys)
				if n := strings.Count(out, "GET /file"); n != c.conns {
					b.Fatalf("akushu: got %d requests, want %d", n, c.conns)
				}
				theirs, out := measure(b, tshark, "-r", r.packets, "-o", "tls.keylog_file:"+r.keys, "-d", "tls.port==1-65535,http",
					"-Y", "http.request", "-T", "fields", "-e", "tcp.stream", "-e", "http.request.uri")
				// It takes some clients' ports for those of other protocols, and sees no TLS there.
				if n := strings.Count(out, "/file"); n < c.conns-c.conns/1000 {
					b.Fatalf("tshark: got %d requests, want %d or nearly", n, c.conns)
				}
				report(b, "akushu", ours)
				report(b, "tshark", theirs)
				b.ReportMetric(theirs.Elapsed.Seconds()/ours.Elapsed.Seconds(), "times-faster")
				b.ReportMetric(float64(ours.Memory)/float64(theirs.Memory), "of-its-memory")
				if c.size > 1<<20 {
					bare := bareAEAD(b)
					b.ReportMetric(float64(r.bytes)/1e9/ours.Elapsed.Seconds(), "GB/s")
					b.ReportMetric(bare/1e9, "AEAD-GB/s")
				}
			}
		})
	}
}

// best is the quickest of three.
func best(b *testing.B, program string, args ...string) (cost, string) {
	least, out := measure(b, program, args...)
	for range 2 {
		if again, _ := measure(b, program, args...); again.Elapsed < least.Elapsed {
			least = again
		}
	}
	return least, out
}

func report(b *testing.B, who string, c cost) {
	b.ReportMetric(c.Elapsed.Seconds(), who+"-s")
	b.ReportMetric(c.CPU.Seconds(), who+"-cpu-s")
	b.ReportMetric(float64(c.Memory)/(1<<20), who+"-MiB")
}

// bareAEAD is how many bytes a second AES-128-GCM opens in records, and does nothing else: the quickest of a few runs.
func bareAEAD(b *testing.B) float64 {
	const size, rounds = 16 << 10, 1 << 13
	sizes := slices.Repeat([]int{size + 16}, rounds)
	took := openAll(b, sizes)
	for range 3 {
		took = min(took, openAll(b, sizes))
	}
	return rounds * size / took.Seconds()
}

// openAll is how long AES-128-GCM takes to open records of some sizes, and to do nothing else. They lie where the
// processor has them at hand.
func openAll(b *testing.B, sizes []int) time.Duration {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // it does not fail
	block, err := aes.NewCipher(key)
	check(b, err)
	aead, err := cipher.NewGCM(block)
	check(b, err)
	nonce, header := make([]byte, aead.NonceSize()), make([]byte, 5)
	sealed := make(map[int][]byte)
	for _, n := range sizes {
		if sealed[n] == nil {
			sealed[n] = aead.Seal(nil, nonce, make([]byte, n-aead.Overhead()), header)
		}
	}
	dst := make([]byte, 0, slices.Max(sizes))
	begun := time.Now()
	for _, n := range sizes {
		if dst, err = aead.Open(dst[:0], nonce, sealed[n], header); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begun)
}
