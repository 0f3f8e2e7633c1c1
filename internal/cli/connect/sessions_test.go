package connect

import (
	"bytes"
	"testing"
)

// FuzzDecodeSessions: whatever the bytes are, they are sessions that can be written again and
// mean the same, or an error.
func FuzzDecodeSessions(f *testing.F) {
	for _, seed := range []string{
		"", fileHeader, fileHeader + "\n", fileHeader + "\n\n", "akushu sessions 2\n", "akushu", "\x00",
		fileHeader + "\n\"localhost\" - AQED\n", fileHeader + "\n\"localhost\" AAAA AQED\n", fileHeader + "\n\"a b\" -\n",
		fileHeader + "\nlocalhost - AQED\n", fileHeader + "\n\"localhost - AQED\n", fileHeader + "\n\"localhost\" ? ?\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := decode(data)
		if err != nil {
			if all != nil {
				t.Errorf("got %d sessions beside %v", len(all), err)
			}
			return
		}
		var entries []entry
		for server, sessions := range all {
			for _, s := range sessions {
				entries = append(entries, entry{server, s})
			}
		}
		once, err := encode(entries)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(once)
		if err != nil || len(again) != len(all) || !bytes.HasPrefix(once, []byte(fileHeader)) {
			t.Errorf("written again: %d servers, %v, want %d", len(again), err, len(all))
		}
	})
}
