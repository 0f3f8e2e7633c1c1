package filter

import (
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/peer"
)

// wiresharkTypes is what Wireshark calls the types of fields that are ours.
var wiresharkTypes = map[string]kind{
	"FT_NONE": kindNone, "FT_BOOLEAN": kindBool, "FT_STRING": kindText, "FT_BYTES": kindBytes, "FT_IPv4": kindIPv4, "FT_IPv6": kindIPv6,
	"FT_UINT8": kindNumber, "FT_UINT16": kindNumber, "FT_UINT24": kindNumber, "FT_UINT32": kindNumber, "FT_UINT64": kindNumber,
	"FT_RELATIVE_TIME": kindDuration, "FT_ABSOLUTE_TIME": kindTime,
}

// TestNames requires Wireshark to know each field, with the same type.
func TestNames(t *testing.T) {
	out := peer.Output(t, "tshark", "-G", "fields")
	theirs := map[string]kind{}
	for line := range strings.Lines(string(out)) {
		column := strings.Split(line, "\t")
		switch {
		case column[0] == "P":
			theirs[strings.TrimSpace(column[2])] = kindProtocol
		case len(column) > 3:
			theirs[column[2]] = wiresharkTypes[column[3]]
		}
	}
	for _, r := range table {
		got, known := theirs[r.name]
		switch {
		case !known:
			t.Errorf("%s: Wireshark has no such field", r.name)
		case r.kind == kindNone && (got == kindProtocol || got == kindBytes): // its bytes are not kept
		case r.name == "frame.time_epoch" && got == kindDuration: // a number of seconds, in ours a date too
		case got != r.kind:
			t.Errorf("%s: got type %d, Wireshark has %d", r.name, r.kind, got)
		}
	}
}
