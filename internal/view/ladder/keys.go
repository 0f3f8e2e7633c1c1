package ladder

import (
	"strings"

	"github.com/akushu/akushu/observe"
)

// keyNames are those of keys whose name says nothing of whose they are.
var keyNames = map[string]string{
	observe.KeyWriteMAC: "_write_MAC_key", observe.KeyWrite: "_write_key", observe.KeyWriteIV: "_write_IV",
}

// keyParts are what is made of the secret before them.
var keyParts = map[string]string{observe.KeyWrite: "key", observe.KeyWriteIV: "iv"}

// keys draws the list of the connection's secrets.
func (s summary) keys() []Line {
	if len(s.Keys) == 0 {
		return nil
	}
	lines := []Line{nil, s.rule(s.words.Text("summary.keys"))}
	width := 0
	for i := range s.Keys {
		width = max(width, s.StringWidth(s.keyName(&s.Keys[i])))
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		lines = append(lines, s.row(s.keyName(k), width, []Line{s.keyValue(k)})...)
	}
	return lines
}

// keyName is a key's name, in TLS 1.3 by the key log's label, with what is made of it indented.
func (s summary) keyName(k *observe.Key) string {
	switch part := keyParts[k.What]; {
	case k.What == observe.KeyTraffic:
		return k.Label
	case part != "" && is13(s.Version):
		return "  " + part
	}
	if suffix := keyNames[k.What]; suffix != "" {
		return k.From + suffix
	}
	return k.What
}

func (s summary) keyValue(k *observe.Key) Line {
	switch {
	case k.Why != "":
		why := s.closed(observe.DecryptError(k.Why), k.Why)
		if id := "keys.why." + k.Why; s.words.Has(id) {
			why = s.words.Text(id)
		}
		return Line{{Label, why}}
	case k.Value == "":
		return Line{{Secret, s.words.Text("keys.masked", k.Length)}}
	case k.Secret:
		return Line{{Secret, k.Value}}
	}
	return Line{{Normal, k.Value}}
}

// rule is a heading, drawn to the width of the screen.
func (s summary) rule(heading string) Line {
	line := Line{{Dim, strings.Repeat(s.marks.rule, 2) + " "}, {Heading, heading}, {Dim, " "}}
	if n := s.width - s.line(line); n > 0 {
		line = append(line, Segment{Dim, strings.Repeat(s.marks.rule, n)})
	}
	return line
}
