package ladder

import (
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/observe"
)

// chain shows certificates: the sender's own in full, those behind it by name.
func (v *view) chain(certificates []observe.Certificate) []detail {
	if len(certificates) == 0 {
		return []detail{{text: Line{{Warning, v.words.Text("ladder.no_certificate")}}}}
	}
	all := v.leaf(&certificates[0])
	for i := range certificates[1:] {
		c := &certificates[i+1]
		all = append(all, detail{label: "chain", text: Line{{Normal, c.Subject}, {Dim, v.marks.separator + v.until(c)}}})
	}
	return all
}

func (v *view) leaf(c *observe.Certificate) []detail {
	issuer := c.Issuer
	if issuer == c.Subject {
		issuer = v.words.Text("ladder.self_signed")
	}
	all := []detail{}
	for _, d := range []struct{ label, text string }{
		{"subject", c.Subject},
		{"names", v.list(c.DNSNames, 6)},
		{"issuer", issuer},
		{"valid", v.validity(c)},
		{"key", c.Key},
		{"signed_with", c.SignatureAlgorithm},
	} {
		if d.text != "" {
			all = append(all, detail{label: d.label, text: Line{{Normal, d.text}}})
		}
	}
	return all
}

func (v *view) validity(c *observe.Certificate) string {
	if c.NotAfter.IsZero() {
		return ""
	}
	from, to := day(c.NotBefore.Time), day(c.NotAfter.Time)
	if from == to {
		const minutes = "2006-01-02 15:04"
		from, to = c.NotBefore.UTC().Format(minutes), c.NotAfter.UTC().Format(minutes)
	}
	return v.words.Text("ladder.from_to", from, to)
}

func (v *view) until(c *observe.Certificate) string {
	return v.words.Text("ladder.until", day(c.NotAfter.Time))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// elapsed shows a duration in milliseconds, or in seconds from one second on.
func elapsed(d time.Duration) string {
	digits, unit, value := 2, "ms", float64(d)/float64(time.Millisecond)
	switch {
	case d >= time.Second:
		unit, value = "s", d.Seconds()
	case d >= 100*time.Millisecond:
		digits = 1
	}
	return glued(strconv.FormatFloat(value, 'f', digits, 64), unit)
}

// size shows a number of bytes: exactly up to ten million, from there on in decimal units.
func size(n int64) string {
	const exact = 10_000_000
	if n < exact {
		return glued(count(n), "B")
	}
	value, unit := float64(n)/1e6, "MB"
	if value >= 10_000 {
		value, unit = value/1e3, "GB"
	}
	return glued(strconv.FormatFloat(value, 'f', 1, 64), unit)
}

// count writes a number with a comma before each three digits.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
