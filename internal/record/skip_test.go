package record

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/iana"
)

// TestSkipEarlyData reads what follows a ClientHello with early data that nobody wants.
func TestSkipEarlyData(t *testing.T) {
	s := suiteOf(iana.VersionTLS13)
	unknown := &Sealer{}
	unknown.SetKeys(testKeys(s, 9))
	early := func(n int) []byte { return mustSeal(t, unknown, iana.ContentApplicationData, make([]byte, n), 0) }
	hello := mustSeal(t, &Sealer{}, iana.ContentHandshake, []byte("hello"), 0)
	finished := mustSeal(t, sealerFor(s), iana.ContentHandshake, []byte("finished"), 0)
	ccs := mustSeal(t, &Sealer{}, iana.ContentChangeCipherSpec, []byte{1}, 0)
	warning := mustSeal(t, &Sealer{}, iana.ContentAlert, []byte{1, 90}, 0)
	const overhead = 17 // the type and the tag

	for _, row := range []struct {
		name  string
		keys  bool // else a HelloRetryRequest was sent
		bytes [][]byte
		most  int
		want  string
	}{
		{"by size", false, [][]byte{early(5), early(100), hello}, 200, "handshake hello"},
		{"by size, none", false, [][]byte{hello}, 0, "handshake hello"},
		{"by size, exactly", false, [][]byte{early(100), hello}, 100 + overhead, "handshake hello"},
		{"by size, one more", false, [][]byte{early(101), hello}, 100 + overhead, "unexpected_message"},
		{"by size, the longest record", false, [][]byte{early(MaxPlaintext), hello}, 1 << 20, "handshake hello"},
		{"by size, over", false, [][]byte{early(5), hello, early(5)}, 100, "handshake hello, application_data"},
		{"by size, too long a handshake record", false, [][]byte{{22, 3, 3, 0x40, 1}}, 1 << 20, "record_overflow"},
		{"by size, around ChangeCipherSpec", false, [][]byte{ccs, early(5), ccs, early(5), hello}, 100, "change_cipher_spec, change_cipher_spec, handshake hello"},
		{"by size, an alert", false, [][]byte{early(5), warning, early(5), hello}, 100, "alert, handshake hello"},
		{"by failure", true, [][]byte{early(5), early(100), finished}, 200, "handshake finished"},
		{"by failure, exactly", true, [][]byte{early(100), finished}, 100 + overhead, "handshake finished"},
		{"by failure, one more", true, [][]byte{early(101), finished}, 100 + overhead, "unexpected_message"},
		{"by failure, over", true, [][]byte{early(5), finished, early(5)}, 100, "handshake finished, bad_record_mac"},
		{"by failure, around ChangeCipherSpec", true, [][]byte{ccs, early(5), ccs, early(5), finished}, 100, "change_cipher_spec, change_cipher_spec, handshake finished"},
		{"by failure, in the clear", true, [][]byte{early(5), hello}, 100, "unexpected_message"},
		{"by failure, too short for a tag", true, [][]byte{{23, 3, 3, 0, 1, 7}, finished}, 100, "handshake finished"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := NewReader(borrow.From(bytes.NewReader(bytes.Join(row.bytes, nil))))
			r.begun = true
			if row.keys {
				r.SetKeys(testKeys(s, 1))
			}
			r.SkipEarlyData(row.most)
			if got := contents(r); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			r.Wipe()
		})
	}
}

// contents reads r to its end, or to the first fault, and says what came.
func contents(r *Reader) string {
	all := ""
	for {
		typ, content, err := r.Next()
		var fact *alert.Error
		switch {
		case errors.As(err, &fact):
			return join(all, fact.Alert.String())
		case err != nil:
			return all
		case typ == iana.ContentHandshake:
			all = join(all, fmt.Sprintf("%v %s", typ, content))
		default:
			all = join(all, typ.String())
		}
	}
}

func join(list, next string) string {
	if list == "" {
		return next
	}
	return list + ", " + next
}
