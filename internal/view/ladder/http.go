package ladder

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/akushu/akushu/observe"
)

// Bounds of what is shown of a body.
const (
	bodyShown  = 512 // bytes
	bodyLines  = 4
	lineShown  = 120
	allShown   = 8 << 10 // bytes, where everything is asked for
	fieldShown = 2000
)

// httpHead adds a request or a response to the step that brought it.
func (f *fold) httpHead(e observe.Event, b *observe.HTTPHead) {
	s := f.carrier(e, b.Encrypted, b.Early)
	if s == nil {
		return
	}
	line := b.Method + " " + b.Path + " " + b.Protocol
	if b.Method == "" {
		line = b.Protocol + " " + strconv.Itoa(b.Status)
	}
	if strings.HasPrefix(s.first, line) { // it has the reason phrase, too
		line, s.first = s.first, ""
	}
	s.add(detail{text: Line{{Data, line}}})
	if f.view.verbose {
		for _, h := range b.Fields {
			s.add(detail{text: Line{{Label, h.Name + ": "}, {Normal, cutText(h.Value, fieldShown)}}})
		}
	}
}

// carrier is the step that brought HTTP: the first line that it shows says less than what is known now.
func (f *fold) carrier(e observe.Event, encrypted, early bool) *step {
	s := f.current(e, early)
	if sort := s.run.sort; s.dir != e.Dir || sort != data && sort != notTLS {
		seal := sealNone
		if encrypted {
			seal = sealOpened
		}
		sort := notTLS // its bytes are told later
		if encrypted {
			sort = data
		}
		s = f.push(e, step{dir: e.Dir, seal: seal, run: run{sort: sort}})
		s.title = f.runTitle(s.run)
	}
	if s.run.sort == rest {
		return nil
	}
	if !s.http {
		s.http, f.http = true, f.http || encrypted
		s.run.shown = 0
		s.more = slices.DeleteFunc(s.more, func(d detail) bool { return d.label == "" && len(d.lead) == 0 })
	}
	return s
}

// current is the step that HTTP came in: the last one, but early data is told of when its fate
// is known, which is later.
func (f *fold) current(e observe.Event, early bool) *step {
	if early {
		for _, s := range slices.Backward(f.list) {
			if s.joins(data, e.Dir, true) {
				return s
			}
		}
	}
	return f.last()
}

// httpBody shows how a body begins, where it is text.
func (f *fold) httpBody(e observe.Event, b *observe.HTTPBody) {
	if s := f.current(e, b.Early); s.dir == e.Dir {
		f.text(s, b.Data)
	}
}

// text shows how data of a step begins, where it is text.
func (f *fold) text(s *step, b []byte) {
	most, lines := bodyShown, bodyLines
	if f.view.verbose {
		most, lines = allShown, allShown
	}
	if len(b) == 0 || s.run.sort == rest || s.run.shown >= most {
		return
	}
	text := b[:min(len(b), most-s.run.shown)]
	s.run.shown += len(text)
	if !isText(text) {
		return
	}
	for i, line := range strings.Split(strings.TrimRight(string(text), "\r\n"), "\n") {
		if i == lines {
			s.add(detail{text: Line{{Dim, f.view.marks.ellipsis}}})
			return
		}
		s.add(detail{text: Line{{Data, cutText(strings.TrimRight(line, "\r"), lineShown)}}})
	}
}

func (s *step) add(d detail) {
	d.text, d.lead = clean(d.text), clean(d.lead)
	s.more = append(s.more, d)
}

func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// isText reports whether bytes can be shown as text. The last character may be cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 && len(b) >= utf8.UTFMax || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		b = b[n:]
	}
	return true
}

// complete puts the first line as it was sent in the place of what is known of it.
func (s *step) complete(line string) {
	if len(s.more) > 0 && strings.HasPrefix(line, s.more[0].text.String()) {
		s.more[0] = detail{text: clean(Line{{Data, line}})}
	}
}
