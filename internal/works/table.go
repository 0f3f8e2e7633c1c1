package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
)

// rowsText has a row a line: what works in English and in Japanese, the versions, and for each peer the tests that show it.
//
//go:embed works.txt
var rowsText string

// peers is with whom a thing is tried, in the order of the table's columns.
var peers = []string{"akushu", "OpenSSL", "GnuTLS", "crypto/tls"}

// row is a line of the table.
type row struct {
	en, ja, versions string
	tests            map[string][]string // by peer: "package.Test"
}

func parseRows(text string) ([]row, error) {
	var rows []row
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) < 4 {
			return nil, fmt.Errorf("works.txt: %q: want en | ja | versions | peer: tests …", line)
		}
		r := row{cells[0], cells[1], cells[2], map[string][]string{}}
		for _, cell := range cells[3:] {
			peer, tests, ok := strings.Cut(cell, ":")
			if !ok || !slices.Contains(peers, peer) {
				return nil, fmt.Errorf("works.txt: %q: want one of %v, a colon and tests", cell, peers)
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

// headings are the first columns' names.
var headings = map[string][2]string{"en": {"what works", "TLS"}, "ja": {"できること", "TLS"}}

// table is the table in Markdown.
func table(rows []row, res *results, lang string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %s |\n", headings[lang][0], headings[lang][1], strings.Join(peers, " | "))
	b.WriteString("|---|---|" + strings.Repeat(":-:|", len(peers)) + "\n")
	for _, r := range rows {
		name := r.en
		if lang == "ja" {
			name = r.ja
		}
		fmt.Fprintf(&b, "| %s | %s |", name, r.versions)
		for _, peer := range peers {
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

// The table stands between these lines.
const begin, end = "<!-- works: written by internal/works -->\n", "<!-- /works -->\n"

// update compares the table of a file with the one that it should be, or puts that in its place.
func update(file, want string, write bool) error {
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
		return fmt.Errorf("%s: the table of what works should be\n%s(works -w writes it)", file, want)
	}
	return os.WriteFile(file, slices.Concat(head, []byte(begin+want+end), tail), 0o644)
}
