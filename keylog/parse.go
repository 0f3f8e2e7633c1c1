package keylog

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// MaxLine is the longest line that Parse and Reader take, in bytes without its terminator. An ECHConfig of 65,535
// bytes, the longest value that a label of RFC 9850 can have, fits.
const MaxLine = 128<<10 + 256

// A Fault says what is wrong with a line. The values are stable.
type Fault string

// What can be wrong with a line.
const (
	FaultValues       Fault = "values"        // not three values with one space between them (RFC 9850 §2)
	FaultLabel        Fault = "label"         // the label has bytes that no label can have
	FaultClientRandom Fault = "client_random" // not 64 hexadecimal digits (16 with LabelRSA)
	FaultSecret       Fault = "secret"        // not hexadecimal, or empty
	FaultLength       Fault = "secret_length" // no secret with this label has this length; only writers find it
	FaultTooLong      Fault = "too_long"      // longer than MaxLine
)

// BadLine is the error for a line that is not in the format. It never holds any of the line but its label, and that
// only where it is one that Lookup knows: what a damaged line holds may be a secret.
type BadLine struct {
	Number int    // of the line, counted from 1; 0 where Parse made the error
	Fault  Fault  // what is wrong
	Detail string // the same in words
}

func (b *BadLine) Error() string {
	if b.Number == 0 {
		return "keylog: " + b.Detail
	}
	return fmt.Sprintf("keylog: line %d: %s", b.Number, b.Detail)
}

func bad(fault Fault, format string, args ...any) *BadLine {
	return &BadLine{Fault: fault, Detail: fmt.Sprintf(format, args...)}
}

// Parse reads one line, which comes without its terminator and is neither empty nor a comment. The result does not
// alias it. Labels that this package does not know are taken, so that logs of other programs and of later RFCs can be
// read. The error is a *BadLine (RFC 9850 §2).
func Parse(line []byte) (Line, error) {
	l, fault := parse(line)
	if fault != nil {
		return Line{}, fault
	}
	return l, nil
}

func parse(line []byte) (Line, *BadLine) {
	if len(line) > MaxLine {
		return Line{}, tooLong()
	}
	label, rest, _ := bytes.Cut(line, space)
	id, secret, two := bytes.Cut(rest, space)
	if !two || bytes.Contains(secret, space) {
		return Line{}, bad(FaultValues, "%d values, not 3 with one space between them", bytes.Count(line, space)+1)
	}
	l := Line{Label: labelName(label)}
	if fault := decodeID(l.id(), id); fault != nil {
		return Line{}, fault
	}
	l.Secret = make([]byte, hex.DecodedLen(len(secret)))
	if _, err := hex.Decode(l.Secret, secret); err != nil {
		return Line{}, bad(FaultSecret, "the secret is not hexadecimal")
	}
	if fault := l.checkForm(); fault != nil {
		return Line{}, fault
	}
	return l, nil
}

var space = []byte{' '}

func tooLong() *BadLine { return bad(FaultTooLong, "the line is longer than %d bytes", MaxLine) }

// labelName costs no allocation where the label is a known one.
func labelName(text []byte) string {
	if label, ok := byName[string(text)]; ok {
		return label.Name
	}
	return string(text)
}

// decodeID reads what names the connection.
func decodeID(id, text []byte) *BadLine {
	if digits := hex.EncodedLen(len(id)); len(text) != digits {
		return bad(FaultClientRandom, "the second value has %d characters, not the %d digits that name a connection", len(text), digits)
	}
	if _, err := hex.Decode(id, text); err != nil {
		return bad(FaultClientRandom, "the second value is not hexadecimal")
	}
	return nil
}

// check finds what a writer must not write.
func (l *Line) check() *BadLine {
	if fault := l.checkForm(); fault != nil {
		return fault
	}
	if known, ok := byName[l.Label]; ok && !l.Fits() {
		return bad(FaultLength, "%s has %d bytes; possible are %v", l.Label, len(l.Secret), known.Lengths)
	}
	return nil
}

// Fits reports whether the secret has a length that one with this label can have. A line that has not is read all the
// same: who misses its secret can be told why.
func (l *Line) Fits() bool {
	known, ok := byName[l.Label]
	return !ok || known.Lengths == nil || slices.Contains(known.Lengths, len(l.Secret))
}

// checkForm finds what the type of a Line allows and the format does not.
func (l *Line) checkForm() *BadLine {
	if l.Label == "" || l.Label[0] == '#' || strings.ContainsFunc(l.Label, notLabel) {
		return bad(FaultLabel, "the label is empty or has characters that no label has")
	}
	if len(l.Secret) == 0 {
		return bad(FaultSecret, "the secret is empty")
	}
	if l.textLength() > MaxLine {
		return tooLong()
	}
	return nil
}

// notLabel reports what a label cannot hold. Those of RFC 9850 are of upper case, digits and underscores; others may
// have any visible ASCII.
func notLabel(r rune) bool { return r <= ' ' || r > '~' }

// textLength is how much AppendTo appends.
func (l *Line) textLength() int {
	return len(l.Label) + 1 + hex.EncodedLen(len(l.id())) + 1 + hex.EncodedLen(len(l.Secret))
}
