package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/keylog"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// recording is a capture of n packets, the seconds of whose times count them.
func recording(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := capture.NewWriter(&b, capture.Section{})
	must(t, err)
	_, err = w.AddInterface(capture.Interface{LinkType: capture.LinkEthernet})
	must(t, err)
	for i := range n {
		must(t, w.WritePacket(packet(i)))
	}
	return b.Bytes()
}

func packet(i int) capture.Packet {
	return capture.Packet{Time: noon.Add(time.Duration(i) * time.Second), Data: bytes.Repeat([]byte{byte(i)}, 100)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count reads a file to its end and counts the packets.
func count(f *file.File) (int, error) {
	n := 0
	for {
		item, err := f.Next()
		if err != nil {
			return n, err
		}
		if _, ok := item.(*capture.Packet); ok {
			n++
		}
	}
}

// forms are how a capture may be stored.
var forms = map[string]func([]byte) []byte{
	"plain": func(b []byte) []byte { return b },
	"gzip": func(b []byte) []byte {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(b) // to memory
		_ = w.Close()
		return z.Bytes()
	},
	"gzip that goes on": func(b []byte) []byte {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(b) // to memory
		_ = w.Flush()
		return z.Bytes()
	},
	"zstd": func(b []byte) []byte {
		w, _ := zstd.NewWriter(nil) // fails for options only
		return w.EncodeAll(b, nil)
	},
}

func store(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "capture")
	must(t, os.WriteFile(name, b, 0o600))
	return name
}

func TestOpen(t *testing.T) {
	for form, pack := range forms {
		b := pack(recording(t, 1000))
		name := store(t, b)
		for place, stdin := range map[string]io.Reader{name: nil, file.Stdin: bytes.NewReader(b)} {
			f, err := file.Open(t.Context(), place, stdin, file.Options{})
			must(t, err)
			want := io.EOF
			if form == "gzip that goes on" {
				want = io.ErrUnexpectedEOF
			}
			if n, err := count(f); n != 1000 || !errors.Is(err, want) {
				t.Errorf("%s: got %d packets and %v, want 1000", form, n, err)
			}
			if f.Position() != int64(len(b)) {
				t.Errorf("%s: got to position %d, want %d", form, f.Position(), len(b))
			}
			if want := map[string]int64{name: int64(len(b))}[place]; f.Size() != want {
				t.Errorf("%s: got size %d, want %d", form, f.Size(), want)
			}
			must(t, f.Close())
		}
	}
}

// Of a file that is damaged or cut, all that comes before is read, and the error tells where.
func TestDamage(t *testing.T) {
	for form, pack := range forms {
		whole := pack(recording(t, 5000))
		flipped := slices.Clone(whole)
		at := len(flipped) * 3 / 4
		for i := range 40 {
			flipped[at+i] ^= 0x55
		}
		for what, b := range map[string][]byte{"cut": whole[:at], "flipped": flipped} {
			n := 0
			f, err := file.Open(t.Context(), store(t, b), nil, file.Options{})
			if err == nil {
				n, err = count(f)
				must(t, f.Close())
			}
			place, ok := errors.AsType[*capture.FormatError](err)
			if !ok && form == "plain" && what == "flipped" && n == 5000 {
				continue // it was the bytes of a packet
			}
			if !ok || place.Offset == 0 && n > 0 || n == 5000 {
				t.Errorf("%s, %s: got %d packets and %v, want an offset", form, what, n, err)
			}
			if form == "plain" && n < 3700 {
				t.Errorf("%s, %s: got %d packets, want those before the damage", form, what, n)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	rows := map[string]error{
		filepath.Join(t.TempDir(), "nowhere"): fs.ErrNotExist,
		store(t, []byte("not a capture")):     capture.ErrNotCapture,
		store(t, nil):                         io.ErrUnexpectedEOF,
		store(t, []byte("\x1f\x8b")):          io.ErrUnexpectedEOF,
		store(t, forms["gzip"]([]byte("x"))):  io.ErrUnexpectedEOF,
	}
	for name, want := range rows {
		if _, err := file.Open(t.Context(), name, nil, file.Options{}); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if _, err := file.Open(t.Context(), t.TempDir(), nil, file.Options{}); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("got %v, want that it is a directory", err)
	}
}

// A file that is followed gives what is written to it, however it is cut, until the context is done.
func TestFollow(t *testing.T) {
	for _, form := range []string{"plain", "gzip that goes on"} {
		whole := forms[form](recording(t, 300))
		name := store(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		written := 0
		idle := func() { // once all was read, a little more is written
			if written == len(whole) {
				return
			}
			n := min(len(whole)-written, len(whole)/3+1)
			extend(t, name, whole[written:written+n])
			written += n
		}
		f, err := file.Open(ctx, name, nil, file.Options{Follow: true, Idle: idle})
		must(t, err)
		for n := 0; n < 300; {
			item, err := f.Next()
			must(t, err)
			if _, ok := item.(*capture.Packet); ok {
				n++
			}
		}
		if form == "plain" {
			extend(t, name, []byte{6, 0, 0, 0, 200}) // a block that is not there yet
		}
		cancel()
		if item, err := f.Next(); err != io.EOF {
			t.Errorf("%s: got %v, %v, want the end", form, item, err)
		}
		must(t, f.Close())
	}
}

func extend(t *testing.T, name string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(b)
	must(t, errors.Join(err, f.Close()))
}

func TestFollowSeesACut(t *testing.T) {
	name := store(t, recording(t, 1))
	f, err := file.Open(t.Context(), name, nil, file.Options{Follow: true, Idle: func() { must(t, os.Truncate(name, 10)) }})
	must(t, err)
	if n, err := count(f); n != 1 || err == nil || !strings.Contains(err.Error(), "was cut to 10 bytes") {
		t.Errorf("got %d packets and %v, want one and that the file was cut", n, err)
	}
	must(t, f.Close())
}

// Each file of a rotation can be read by itself, and no packet is in none.
func TestRotating(t *testing.T) {
	line := keylog.Line{Label: keylog.LabelExporterSecret, ClientRandom: [32]byte{1}, Secret: make([]byte, 32)}
	rows := []struct {
		name     string
		rotation file.Rotation
		want     map[string]string // what is in each file: secrets, and seconds
	}{
		{"none", file.Rotation{}, map[string]string{"F.pcapng": "0 1 2 3 s 4 5"}},
		{"by size", file.Rotation{Bytes: 500}, map[string]string{"F_00001.pcapng": "0 1 2", "F_00002.pcapng": "3 s", "F_00003.pcapng": "s 4", "F_00004.pcapng": "s 5"}},
		{"by age", file.Rotation{Age: 2 * time.Second}, map[string]string{"F_00001.pcapng": "0 1 2", "F_00002.pcapng": "3 s 4 5"}},
		{"of two files", file.Rotation{Age: time.Second, Files: 2}, map[string]string{"F_00002.pcapng": "2 3 s", "F_00003.pcapng": "s 4 5"}},
		{"too small for one", file.Rotation{Bytes: 1, Files: 1}, map[string]string{"F_00006.pcapng": "s 5"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := file.NewRotating(filepath.Join(dir, "F.pcapng"), capture.Section{}, []capture.Interface{{LinkType: 1}}, row.rotation)
			must(t, err)
			for i := range 6 {
				if i == 4 {
					must(t, w.WriteSecrets(line))
				}
				must(t, w.WritePacket(packet(i)))
			}
			must(t, w.Flush())
			must(t, w.Close())
			got := map[string]string{}
			names, err := filepath.Glob(filepath.Join(dir, "*"))
			must(t, err)
			for _, name := range names {
				got[filepath.Base(name)] = contents(t, name)
				if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
					t.Errorf("got mode %v, %v, want that only the owner reads it", info.Mode(), err)
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("got other files (-want +got):\n%s", diff)
			}
		})
	}
}

func contents(t *testing.T, name string) string {
	t.Helper()
	f, err := file.Open(t.Context(), name, nil, file.Options{})
	must(t, err)
	defer f.Close()
	var all []string
	for item, err := f.Next(); err != io.EOF; item, err = f.Next() {
		must(t, err)
		switch item := item.(type) {
		case *capture.Packet:
			all = append(all, fmt.Sprint(int(item.Time.Sub(noon).Seconds())))
		case *capture.Secrets:
			all = append(all, "s")
		}
	}
	return strings.Join(all, " ")
}

func TestRotatingRefuses(t *testing.T) {
	_, err := file.NewRotating(filepath.Join(t.TempDir(), "no", "F"), capture.Section{}, nil, file.Rotation{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}
