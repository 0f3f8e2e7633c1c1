package keys

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLabelsAreComplete(t *testing.T) {
	for l := ExternalBinderKey; int(l) < len(derivations); l++ {
		if l.String() == "" || l.From() == 0 {
			t.Errorf("label %d: got name %q, source %d, want both", l, l.String(), l.From())
		}
		if len(l.Wire()) > 12 && l < MainSecret {
			t.Errorf("%v: label %q is longer than the 12 bytes that fit (RFC 9846 §7.1)", l, l.Wire())
		}
	}
}

// The TLS 1.3 labels of RFC 9850 §2.1, in its order.
func TestKeyLogLabels(t *testing.T) {
	want := []string{
		"CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
		"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
	}
	var got []string
	for l := range derivations[:MainSecret] {
		name := Label(l).KeyLog()
		if name == "" {
			continue
		}
		got = append(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("key log labels (-want +got):\n%s", diff)
	}
}

func TestLabelSides(t *testing.T) {
	for l, want := range map[Label]string{
		ClientHandshakeTraffic: "client", ServerHandshakeTraffic: "server", ExporterSecret: "both", ClientFinished: "client", ServerFinished: "server",
	} {
		if got := l.Side().String(); got != want {
			t.Errorf("%v: got side %s, want %s", l, got, want)
		}
	}
}
