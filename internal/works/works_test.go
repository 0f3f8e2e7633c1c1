package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	passes = `{"Action":"output","Package":"github.com/akushu/akushu/tls","Test":"TestA","Output":"    a_test.go:9: OpenSSL: ran 3 of 3\n"}
{"Action":"pass","Package":"github.com/akushu/akushu/tls","Test":"TestA"}
{"Action":"output","Package":"github.com/akushu/akushu/tls","Output":"ok  \tgithub.com/akushu/akushu/tls\t0.1s\n"}
{"Action":"pass","Package":"github.com/akushu/akushu/tls"}
`
	fails = `{"Action":"output","Package":"github.com/akushu/akushu/tls","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"github.com/akushu/akushu/tls","Test":"TestA","Output":"    a_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"github.com/akushu/akushu/tls","Test":"TestA"}
{"Action":"fail","Package":"github.com/akushu/akushu/tls"}
`
	skips = `{"Action":"skip","Package":"github.com/akushu/akushu/tls","Test":"TestA"}
{"Action":"pass","Package":"github.com/akushu/akushu/tls"}
`
)

// TestResults reads runs, and checks what a row that names TestA and what a reader of the run get to see.
func TestResults(t *testing.T) {
	s := sheetOf("# words\nshaking | 握手 | 1.3 | akushu: tls.TestA | OpenSSL: tls.TestA")
	rows, err := s.rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, events, said, mark, fault string }{
		{"pass", passes, "OpenSSL: ran 3 of 3\nok  \tgithub.com/akushu/akushu/tls\t0.1s\n", "✓", ""},
		{"fail", fails, "    a_test.go:9: got 1, want 2\n", "", "shaking with akushu: tls.TestA: fail"},
		{"fail, then pass", fails + passes, "    a_test.go:9: got 1, want 2\nOpenSSL: ran 3 of 3\nok  \tgithub.com/akushu/akushu/tls\t0.1s\n", "✓", ""},
		{"skip", skips, "", "", "shaking with akushu: tls.TestA: skip"},
		{"missing", "go: downloading\n", "go: downloading\n", "", "shaking with akushu: there is no test tls.TestA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said strings.Builder
			res := newResults()
			if err := res.read(strings.NewReader(c.events), &said); err != nil {
				t.Fatal(err)
			}
			if said.String() != c.said {
				t.Errorf("said %q, want %q", said.String(), c.said)
			}
			if got, want := s.table(rows, res, "ja"), "| 握手 | 1.3 | "+c.mark+" | "+c.mark+" |  |  |\n"; !strings.HasSuffix(got, want) {
				t.Errorf("got %s, want at its end %s", got, want)
			}
			faults := res.check(s, rows)
			if fault := append(faults, nil)[0]; (fault == nil) != (c.fault == "") || fault != nil && fault.Error() != c.fault {
				t.Errorf("got %v, want %s", fault, c.fault)
			}
			if got, want := len(res.failed()) > 0, strings.HasPrefix(c.fault, "shaking with akushu: tls.TestA: fail"); got != want {
				t.Errorf("failed: got %t, want %t", got, want)
			}
		})
	}
}

// sheetOf is a sheet like that of what works.
func sheetOf(text string) *sheet {
	s := *sheets[0]
	s.text = text
	return &s
}

func TestUpdate(t *testing.T) {
	s := sheets[0]
	begin, end := s.bounds()
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.update(file, "new\n", false); err == nil {
		t.Error("another table passes for the one that should be there")
	}
	for range 2 {
		if err := s.update(file, "new\n", true); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(file)
	if want := "before\n" + begin + "new\n" + end + "after\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := s.update(file, "new\n", false); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("before\n"+end), 0o644); err != nil || s.update(file, "", true) == nil {
		t.Errorf("%v, or a file without a place for the table got one", err)
	}
}

// TestRows checks the rows that are there, and that faults in them are seen.
func TestRows(t *testing.T) {
	for _, s := range sheets {
		if rows, err := s.rows(); err != nil || len(rows) == 0 {
			t.Errorf("%s: got %d rows, %v", s.name, len(rows), err)
		}
	}
	for _, text := range []string{"a | b | c", "a | b | c | Netscape: tls.TestA", "a | b | c | OpenSSL"} {
		if _, err := sheetOf(text).rows(); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

// TestWritesWhatItKnows writes tables after tests of one of them: the other one stays.
func TestWritesWhatItKnows(t *testing.T) {
	var text strings.Builder
	for _, s := range sheets {
		begin, end := s.bounds()
		text.WriteString(begin + s.name + "\n" + end)
	}
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	rows, err := sheets[0].rows()
	if err != nil {
		t.Fatal(err)
	}
	res := newResults()
	for _, tests := range rows[0].tests {
		res.of[tests[0]] = "pass"
	}
	res.packages["a package"] = "pass"
	if err := judge(res, io.Discard, true, []string{file}); err == nil {
		t.Error("tests are missing, and nothing is wrong")
	}
	got, _ := os.ReadFile(file)
	if first, second := "\nworks\n", "\nglass\n"; strings.Contains(string(got), first) || !strings.Contains(string(got), second) {
		t.Errorf("got %s", got)
	}
}
