package dissect_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/observe"
)

// TestTsharkOnFresh makes captures with real programs, of every version, key exchange and cipher that they have, and of
// resumption, client certificates, HelloRetryRequest and failures; of all of them tshark says what we say.
func TestTsharkOnFresh(t *testing.T) {
	f := newFresh(t)
	openssl := startOpenSSL(f)
	gnutls := startGnuTLS(f)
	cells := append(opensslCells(t, openssl), goCells(f)...)
	cells = append(cells, opensslExtras(openssl)...)
	cells = append(cells, gnutlsCells(t, gnutls)...)
	cells = append(cells, gnutlsExtras(gnutls)...)
	f.record(cells)
	f.compare()
}

// record makes the connections, some side by side.
func (f *fresh) record(cells []cell) {
	queue := make(chan cell)
	var workers sync.WaitGroup
	for range 6 {
		workers.Go(func() {
			for c := range queue {
				address, wait := f.tap(c.server, c.talks...)
				c.client(f, address)
				wait()
			}
		})
	}
	for _, c := range cells {
		queue <- c
	}
	close(queue)
	workers.Wait()
}

// compare compares what tshark and we say of all of them.
func (f *fresh) compare() {
	log := f.log.Bytes()
	want := tsharkSays(f.t, f.packets, log)
	got := ours(sessions(f.t, f.packets, log))
	if len(want) != len(f.talks) || len(got) != len(f.talks) {
		f.t.Fatalf("got %d connections, tshark says %d, want %d", len(got), len(want), len(f.talks))
	}
	f.t.Logf("%d connections", len(got))
	for i := range got {
		k := f.talks[got[i].Client]
		if k.foreign {
			want[i] = unopened(want[i])
		}
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			f.t.Errorf("%s: got something else (-tshark +got):\n%.3000s", k.name, diff)
		}
		k.check(f.t, &got[i])
	}
}

// unopened is what is said of a connection that is not decrypted.
func unopened(k said) said {
	k.ClientData, k.ServerData, k.Opened = "", "", false
	for _, list := range [][]string{k.FromClient, k.FromServer} {
		for i, what := range list {
			switch {
			case what == "Finished":
				list[i] = observe.TypeEncryptedHandshake
			case strings.HasPrefix(what, "Alert "):
				list[i] = "Alert "
			}
		}
	}
	return k
}

// check sees to it that a connection became what it was to be.
func (k *talk) check(t *testing.T, got *said) {
	if k.version != "" && got.Version != k.version || !k.open && got.Opened == k.fails || k.suite != "" && suiteName(got.Suite) != k.suite {
		t.Errorf("%s: got %s %s, decrypted %v, want %s %s %v", k.name, got.Version, suiteName(got.Suite), got.Opened, k.version, k.suite, !k.fails)
	}
	if k.resumed && len(got.Certificates) > 0 {
		t.Errorf("%s: got a certificate, want the session resumed", k.name)
	}
	if k.retry && !slices.Contains(got.FromServer, "HelloRetryRequest") {
		t.Errorf("%s: got %v, want a HelloRetryRequest", k.name, got.FromServer)
	}
}

func suiteName(id string) string {
	n, _ := strconv.ParseUint(id, 0, 16)
	return iana.CipherSuite(n).String()
}
