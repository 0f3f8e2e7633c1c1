package bodies_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/view/bodies"
	"github.com/akushu/akushu/observe"
)

const (
	client = observe.ClientToServer
	server = observe.ServerToClient
)

// told is an event of connection 0, exchange 1.
func told(d observe.Dir, b observe.Body) observe.Event {
	switch b := b.(type) {
	case *observe.HTTPHead:
		b.Exchange, b.Encrypted = 1, true
	case *observe.HTTPBody:
		b.Exchange, b.Encrypted = 1, true
	}
	return observe.Event{Dir: d, Body: b}
}

func get(path string) observe.Event {
	return told(client, &observe.HTTPHead{Method: "GET", Path: path})
}

func answer(fields ...string) observe.Event {
	h := &observe.HTTPHead{Status: 200}
	for i := 0; i < len(fields); i += 2 {
		h.Fields = append(h.Fields, observe.HTTPField{Name: fields[i], Value: fields[i+1]})
	}
	return told(server, h)
}

func piece(d observe.Dir, data string) observe.Event {
	return told(d, &observe.HTTPBody{Data: []byte(data)})
}

func end(d observe.Dir) observe.Event { return told(d, &observe.HTTPBody{End: true}) }

// write has a connection written to a new folder, and returns the files with what is in them.
func write(t *testing.T, dir string, wanted bool, events ...observe.Event) map[string]string {
	t.Helper()
	f, err := bodies.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		f.Add(e)
	}
	f.Done(0, wanted)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	list, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}

// TestNames requires what strangers call their files to become harmless names, in the folder.
func TestNames(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, c := range []struct {
		path   string
		fields []string
		want   string
	}{
		{"/", []string{"Content-Type", "text/html; charset=utf-8"}, "0-1-index.html"},
		{"/a/b.css?v=1", nil, "0-1-b.css"},
		{"/../../etc/passwd", nil, "0-1-passwd"},
		{"/..", nil, "0-1-index"},
		{"/%2e%2e%2f%2e%2e%2fshadow", nil, "0-1-shadow"},
		{`/..\..\boot.ini`, nil, "0-1-boot.ini"},
		{"/x\x00y\x1b[31m.txt", nil, "0-1-x_y__31m.txt"},
		{"/日本.png", nil, "0-1-__.png"},
		{"/.bashrc", nil, "0-1-bashrc"},
		{"/CON", nil, "0-1-CON"},
		{"/" + long + ".png", nil, "0-1-" + long[:76] + ".png"},
		{"/a.js", []string{"content-encoding", "br"}, "0-1-a.js.br"},
		{"http://example.com/proxied", []string{"content-type", "application/json"}, "0-1-proxied.json"},
		{"%zz", nil, "0-1-_zz"},
	} {
		got := write(t, filepath.Join(t.TempDir(), "out"), true, get(c.path), answer(c.fields...), piece(server, "x"), end(server))
		if diff := cmp.Diff(map[string]string{c.want: "x"}, got); diff != "" {
			t.Errorf("%q: %s", c.path, diff)
		}
	}
}

func TestBodies(t *testing.T) {
	post := told(client, &observe.HTTPHead{Method: "POST", Path: "/f"})
	for _, c := range []struct {
		name   string
		events []observe.Event
		want   map[string]string
	}{
		{"both", []observe.Event{post, piece(client, "q"), end(client), answer(), piece(server, "a"), piece(server, "b"), end(server)}, map[string]string{"0-1-request-f": "q", "0-1-f": "ab"}},
		{"empty", []observe.Event{get("/"), end(client), answer(), end(server)}, map[string]string{}},
		{"cut", []observe.Event{get("/"), answer(), piece(server, strings.Repeat("x", 100_000)), piece(server, "y")}, map[string]string{"0-1-index.part": strings.Repeat("x", 100_000) + "y"}},
		{"interim", []observe.Event{get("/"), told(server, &observe.HTTPHead{Status: 103}), answer(), piece(server, "x"), end(server)}, map[string]string{"0-1-index": "x"}},
		{"body without a head", []observe.Event{piece(server, "x")}, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, write(t, filepath.Join(t.TempDir(), "out"), true, c.events...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNothingIsOverwritten requires files and links that are there to stay as they are.
func TestNothingIsOverwritten(t *testing.T) {
	top := t.TempDir()
	dir, other := filepath.Join(top, "out"), filepath.Join(top, "other")
	for _, err := range []error{
		os.Mkdir(dir, 0o700), os.Mkdir(other, 0o700), os.WriteFile(filepath.Join(dir, "0-1-a.txt"), []byte("mine"), 0o600),
		os.WriteFile(filepath.Join(other, "target"), []byte("mine"), 0o600), os.Symlink("../other/target", filepath.Join(dir, "0-1-a_2.txt")),
	} {
		if err != nil {
			t.Skip(err) // some systems let nobody make links
		}
	}
	got := write(t, dir, true, get("/a.txt"), answer(), piece(server, "theirs"), end(server))
	want := map[string]string{"0-1-a.txt": "mine", "0-1-a_2.txt": "mine", "../other/target": "mine", "0-1-a_3.txt": "theirs"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUnwanted requires nothing to be left of a connection that a filter does not select.
func TestUnwanted(t *testing.T) {
	got := write(t, filepath.Join(t.TempDir(), "out"), false, get("/a"), answer(), piece(server, "x"), end(server))
	if diff := cmp.Diff(map[string]string{}, got); diff != "" {
		t.Error(diff)
	}
}

// TestManyAtOnce requires bodies that come side by side to come out whole, and memory to be bounded.
func TestManyAtOnce(t *testing.T) {
	f, err := bodies.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const streams, pieces, size = 64, 40, 40 << 10
	data := make([]byte, size)
	for i := range streams {
		f.Add(observe.Event{Stream: i, Dir: server, Body: &observe.HTTPHead{Exchange: 1, Status: 200}})
	}
	for range pieces {
		for i := range streams {
			f.Add(observe.Event{Stream: i, Dir: server, Body: &observe.HTTPBody{Exchange: 1, Data: data}})
		}
	}
	for i := range streams {
		f.Add(observe.Event{Stream: i, Dir: server, Body: &observe.HTTPBody{Exchange: 1, End: true}})
		f.Done(i, true)
	}
	if n, cut := f.Count(); n != streams || cut {
		t.Errorf("got %d files (%v), want %d", n, cut, streams)
	}
	for i := range streams {
		name := fmt.Sprintf("%d-1-index", i)
		if info, err := os.Stat(filepath.Join(f.Name(), name)); err != nil || info.Size() != pieces*size {
			t.Fatalf("%s: got %v, %v", name, info, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
