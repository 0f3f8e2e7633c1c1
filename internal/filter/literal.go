package filter

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/internal/iana"
)

// read makes a value of a constant that an operand is compared with.
func (o *operand) read(t token) (v value, ok bool) {
	switch o.kind {
	case kindNumber:
		v.number, ok = o.readNumber(t)
	case kindBool:
		v.number, ok = parseBool(t.text)
	case kindIPv4, kindIPv6:
		v.addr, ok = parseAddress(t.text, o.kind)
	case kindText:
		v.text, ok = t.text, true
	case kindBytes, kindProtocol:
		v.text, ok = t.text, true
		if t.sort == word {
			v.text = readBytes(t.text)
		}
	case kindDuration:
		v.number, ok = parseDuration(t.text)
	case kindTime:
		v.number, ok = parseTime(t.text)
	}
	return v, ok
}

// readNumber takes a number, or a name of one where the field has names.
func (o *operand) readNumber(t token) (uint64, bool) {
	n, ok := parseNumber(t.text)
	if names := table[o.field].names; !ok && names != nil && len(o.steps) == 0 {
		return names(t.text)
	}
	return n, ok && t.sort == word && (len(o.steps) > 0 || n <= o.field.most())
}

// parseNumber reads decimal, 0x…, 0b… and 0….
func parseNumber(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 0, 64)
	return n, err == nil && !strings.Contains(text, "_")
}

func parseBool(text string) (uint64, bool) {
	switch strings.ToLower(text) {
	case "true":
		return 1, true
	case "false":
		return 0, true
	}
	n, ok := parseNumber(text)
	return min(n, 1), ok
}

func parseAddress(text string, k kind) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Is4() == (k == kindIPv4) && a.Zone() == ""
}

// readBytes takes hexadecimal digits, in pairs with a mark between them or without, or one; anything else
// stands for its own bytes.
func readBytes(text string) string {
	if n, err := strconv.ParseUint(text, 16, 8); err == nil && len(text) == 1 {
		return string([]byte{byte(n)})
	}
	digits := strings.NewReplacer(":", "", "-", "", ".", "").Replace(text)
	if b, err := hex.DecodeString(strings.TrimPrefix(digits, "0x")); err == nil && len(b) > 0 {
		return string(b)
	}
	return text
}

// parseDuration takes seconds, or a number with a unit.
func parseDuration(text string) (uint64, bool) {
	if d, err := time.ParseDuration(text + "s"); err == nil {
		return uint64(d), true
	}
	d, err := time.ParseDuration(text)
	return uint64(d), err == nil
}

// layouts are how a time can be written; without a zone it is UTC.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"Jan _2, 2006 15:04:05", "Jan _2, 2006",
}

// parseTime takes a date, or seconds since 1970.
func parseTime(text string) (uint64, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return uint64(t.UnixNano()), true
		}
	}
	return parseDuration(text)
}

// namer finds the number that a field's symbol stands for.
type namer func(text string) (uint64, bool)

// codes finds a code point by its name, spelled with or without capitals, spaces and the like.
func codes[T iana.Code](text string) (uint64, bool) {
	for _, code := range iana.All[T]() {
		if letters(code.String()) == letters(text) {
			return uint64(code), true
		}
	}
	return 0, false
}

var unspelled = strings.NewReplacer(" ", "", "_", "", "-", "")

func letters(text string) string { return strings.ToLower(unspelled.Replace(text)) }
