package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Each of these has a row a line: what works in English and in Japanese, what it is about, and for each peer the tests that
// show it.
var (
	//go:embed works.txt
	worksText string
	//go:embed glass.txt
	glassText string
)

// sheet is a table of READMEs.
type sheet struct {
	name     string // it stands between lines with it
	text     string
	headings map[string][2]string // of the first columns, by language
	peers    []string             // with whom or beside whom a thing is tried, in the order of the columns
}

var sheets = []*sheet{
	{
		name: "works", text: worksText,
		headings: map[string][2]string{"en": {"what works", "TLS"}, "ja": {"できること", "TLS"}},
		peers:    []string{"akushu", "OpenSSL", "GnuTLS", "crypto/tls"},
	},
	{
		name: "glass", text: glassText,
		headings: map[string][2]string{"en": {"what the glass shows", "verb"}, "ja": {"見えるもの", "サブコマンド"}},
		peers:    []string{"akushu", "tshark", "tcpdump"},
	},
}

// row is a line of the table.
type row struct {
	en, ja, about string
	tests         map[string][]string // by peer: "package.Test"
}

func (s *sheet) rows() ([]row, error) {
	var rows []row
	for line := range strings.Lines(s.text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) < 4 {
			return nil, fmt.Errorf("%s.txt: %q: want en | ja | about | peer: tests …", s.name, line)
		}
		r := row{cells[0], cells[1], cells[2], map[string][]string{}}
		for _, cell := range cells[3:] {
			peer, tests, ok := strings.Cut(cell, ":")
			if !ok || !slices.Contains(s.peers, peer) {
				return nil, fmt.Errorf("%s.txt: %q: want one of %v, a colon and tests", s.name, cell, s.peers)
			}
			r.tests[peer] = strings.Fields(tests)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// language is the one that a file is written in, by its name.
func language(file string) string {
	if strings.HasSuffix(file, ".ja.md") {
		return "ja"
	}
	return "en"
}

// table is the table in Markdown.
func (s *sheet) table(rows []row, res *results, lang string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %s |\n", s.headings[lang][0], s.headings[lang][1], strings.Join(s.peers, " | "))
	b.WriteString("|---|---|" + strings.Repeat(":-:|", len(s.peers)) + "\n")
	for _, r := range rows {
		name := r.en
		if lang == "ja" {
			name = r.ja
		}
		fmt.Fprintf(&b, "| %s | %s |", name, r.about)
		for _, peer := range s.peers {
			mark := ""
			if res.passed(r.tests[peer]) {
				mark = "✓"
			}
			b.WriteString(" " + mark + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// bounds are the lines that a table stands between.
func (s *sheet) bounds() (begin, end string) {
	return "<!-- " + s.name + ": written by internal/works -->\n", "<!-- /" + s.name + " -->\n"
}

// update compares the table of a file with the one that it should be, or puts that in its place.
func (s *sheet) update(file, want string, write bool) error {
	begin, end := s.bounds()
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok1 := bytes.Cut(text, []byte(begin))
	got, tail, ok2 := bytes.Cut(rest, []byte(end))
	switch {
	case !ok1 || !ok2:
		return fmt.Errorf("%s: there is no table between %q and %q", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	case string(got) == want:
		return nil
	case !write:
		return fmt.Errorf("%s: the table %s should be\n%s(works -w writes it)", file, s.name, want)
	}
	return os.WriteFile(file, slices.Concat(head, []byte(begin+want+end), tail), 0o644)
}
