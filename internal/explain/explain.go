// Package explain is the words that akushu shows to people, in English and Japanese. Each
// text has a stable id; the texts are data (catalogue/en.txt and ja.txt), and whoever
// shows something holds ids and no prose of its own.
//
//	words := explain.For(explain.Japanese)
//	words.Text("summary.forward_secret.yes")
//	words.Text("alert." + description)
//
// What is not prose is not here: names of messages, suites, groups and alerts are the
// RFCs' in every language, and what machines read has no language.
package explain

import (
	"embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed catalogue/*.txt
var catalogues embed.FS

// Lang is a language, as its ISO 639-1 code.
type Lang string

// The languages.
const (
	English  Lang = "en"
	Japanese Lang = "ja"
)

// Languages lists the languages that there are, the default first.
func Languages() []Lang { return []Lang{English, Japanese} }

// ParseLang returns the language with this code. The second result is false where there
// is none.
func ParseLang(code string) (Lang, bool) {
	for _, l := range Languages() {
		if string(l) == code {
			return l, true
		}
	}
	return English, false
}

// LangOf is the language that an environment asks for: of LC_ALL, LC_MESSAGES and LANG
// the first that is set counts (POSIX.1-2024, Base Definitions §8.2). It is English where
// that names a language that is not here.
func LangOf(getenv func(string) string) Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := getenv(name); locale != "" {
			code, _, _ := strings.Cut(locale, "_")
			code, _, _ = strings.Cut(code, ".")
			lang, _ := ParseLang(strings.ToLower(code))
			return lang
		}
	}
	return English
}

// Words is the texts of one language. It may be used by several goroutines at once.
type Words struct {
	lang  Lang
	texts map[string]text
}

var loaded = map[Lang]func() *Words{
	English:  sync.OnceValue(func() *Words { return load(English) }),
	Japanese: sync.OnceValue(func() *Words { return load(Japanese) }),
}

// For returns the words of a language, English for one that is not here.
func For(lang Lang) *Words {
	if words, ok := loaded[lang]; ok {
		return words()
	}
	return loaded[English]()
}

// load reads an embedded catalogue. A fault in one is a fault of this build, which the
// tests find.
func load(lang Lang) *Words {
	data, err := catalogues.ReadFile("catalogue/" + string(lang) + ".txt")
	if err == nil {
		var texts map[string]text
		if texts, err = parse(string(data)); err == nil {
			return &Words{lang, texts}
		}
	}
	panic(fmt.Sprintf("explain: catalogue %s: %v", lang, err))
}

// Has reports whether there is a text with this id.
func (w *Words) Has(id string) bool {
	_, ok := w.texts[id]
	return ok
}

// Text returns the text with this id, its placeholders filled with args. Where there is
// none it returns the id, so that something can be seen and looked for.
func (w *Words) Text(id string, args ...any) string {
	t, ok := w.texts[id]
	if !ok {
		return id
	}
	return t.fill(args)
}

// Or is Text where the id has a text, and otherwise the alternative: for ids made of codes
// that may be newer than the catalogue.
func (w *Words) Or(alternative, id string, args ...any) string {
	if w.Has(id) {
		return w.Text(id, args...)
	}
	return alternative
}
