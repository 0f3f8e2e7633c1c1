package dissect_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/dissect"
)

// TestWorkers dissects all recordings as one capture, some of which resume sessions of others, with one worker and with
// several: neither what is handed out differs, nor the order in which it is.
func TestWorkers(t *testing.T) {
	all, log := album(t, 0)
	for _, how := range []struct {
		name     string
		keys     []byte // told at once
		embedded []byte // in the middle of the capture
	}{{"secrets known", log, nil}, {"secrets in the capture", nil, log}, {"no secrets", nil, nil}} {
		t.Run(how.name, func(t *testing.T) {
			want := handedOut(t, all, how.keys, how.embedded, 1)
			if len(want) < 20 {
				t.Errorf("got %d connections, want 20 and more", len(want))
			}
			for workers := 2; workers <= 4; workers++ {
				if diff := cmp.Diff(want, handedOut(t, all, how.keys, how.embedded, workers)); diff != "" {
					t.Errorf("%d workers (-one +several):\n%s", workers, diff)
				}
			}
		})
	}
}

// handedOut is connections in the order in which they are handed out, as JSON.
func handedOut(t *testing.T, all []capture.Packet, log, embedded []byte, workers int) []string {
	t.Helper()
	src := &interrupted{sheets: numbered(all), after: len(all) / 2, secrets: embedded}
	var list []string
	_, err := dissect.Run(context.Background(), src, dissect.Options{
		Stream: -1, Keys: secrets(t, log), Workers: workers,
		Done: func(c *dissect.Connection) {
			b, err := json.Marshal(c.Session)
			check(t, err)
			list = append(list, string(b))
		},
	})
	check(t, err)
	return list
}

// interrupted is packets with secrets after some of them.
type interrupted struct {
	sheets
	after   int
	secrets []byte
}

func (s *interrupted) Next() (capture.Item, error) {
	if s.after--; s.after == -1 && s.secrets != nil {
		return &capture.Secrets{Type: capture.SecretsTLSKeyLog, Data: s.secrets}, nil
	}
	return s.sheets.Next()
}
