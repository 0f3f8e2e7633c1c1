package dissect_test

import (
	gocmp "cmp"
	"fmt"
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
// resumption, early data, client certificates, HelloRetryRequest and failures; of all of them tshark says what we say.
func TestTsharkOnFresh(t *testing.T) {
	f := newFresh(t)
	ofOpenSSL, ofGnuTLS := opensslSuites(t), gnutlsSuites(t)
	openssl, gnutls, web := opensslPeer(ofOpenSSL, startOpenSSL(f)), gnutlsPeer(ofGnuTLS, startGnuTLS(f)), startWeb(f)
	all := []cells{
		{"openssl", append(opensslCells(ofOpenSSL, openssl.servers), opensslExtras(openssl.servers)...)},
		{"gnutls", append(gnutlsCells(ofGnuTLS, gnutls.servers), gnutlsExtras(gnutls.servers)...)},
		{"curl, nginx and akushu serve", webCells(ofOpenSSL, web, openssl.servers)},
		{"early data", earlyCells(f, openssl.servers, gnutls.servers, web)},
		{"cut off and changed on the way", brokenCells(openssl.servers, gnutls.servers)},
		{"HTTP without TLS", plainCells(f, web, openssl.servers, gnutls.servers)},
		{"crypto/tls and akushu", goCells(f)},
		{"crypto/tls and akushu to openssl and gnutls", outward(f, openssl, gnutls)},
		{"openssl and gnutls to crypto/tls and akushu", inward(f, openssl, gnutls)},
	}
	f.record(all)
	f.compare(all)
}

// record makes the connections, some side by side.
func (f *fresh) record(all []cells) {
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
	for _, kind := range all {
		for _, c := range kind.list {
			if f.t.Failed() {
				break // others would wait as long, one after the other
			}
			queue <- c
		}
	}
	close(queue)
	workers.Wait()
}

// compare compares what tshark and we say of all of them, and says how many were made and are as they should be.
func (f *fresh) compare(all []cells) {
	log := f.log.Bytes()
	want := tsharkSays(f.t, f.packets, log)
	got, list := ours(f.t, f.packets, log)
	if len(want) != len(f.talks) || len(got) != len(f.talks) {
		f.t.Fatalf("got %d connections, tshark says %d, want %d", len(got), len(want), len(f.talks))
	}
	fine := map[string]bool{}
	for i := range got {
		k := f.talks[got[i].Client]
		if k.mood && list[i].EarlyData == observe.EarlyDataRejected {
			k.early, k.sent, k.tshark = observe.EarlyDataRejected, question, rejectedData(word)
		}
		faults := append(k.faults(&got[i], list[i]), k.differences(want[i], got[i])...)
		if fine[k.name] = len(faults) == 0; !fine[k.name] {
			f.t.Errorf("%s: %.4000s", k.name, strings.Join(faults, "\n"))
		}
	}
	for _, kind := range all {
		ran, planned := 0, 0
		for _, c := range kind.list {
			for _, k := range c.talks {
				planned++
				if fine[k.name] {
					ran++
				}
			}
		}
		fmt.Printf("tshark on %s: ran %d of %d\n", kind.kind, ran, planned)
		if ran != planned {
			f.t.Errorf("%s: got %d connections, want %d", kind.kind, ran, planned)
		}
	}
}

// unopened is what is said of a connection that is not decrypted.
func unopened(k said) said {
	k.ClientData, k.ServerData, k.Opened = "", "", false
	k.FromClient, k.FromServer = slices.Clone(k.FromClient), slices.Clone(k.FromServer)
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

// differences is what tshark says otherwise, beyond where it is known to.
func (k *talk) differences(want, got said) []string {
	switch {
	case k.tshark != nil && cmp.Equal(want, got):
		return []string{"tshark agrees, although " + k.tshark.why}
	case k.tshark != nil:
		got = k.tshark.says(got)
	case k.foreign:
		want = unopened(want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return []string{"got something else (-tshark +got):\n" + diff}
	}
	return nil
}

// faults is in what a connection did not become what it was to be.
func (k *talk) faults(got *said, s *observe.Session) (all []string) {
	want := func(ok bool, format string, args ...any) {
		if !ok {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	want(k.version == "" || got.Version == k.version, "got %s, want %s", got.Version, k.version)
	want(k.suite == "" || suiteName(got.Suite) == k.suite, "got %s, want %s", suiteName(got.Suite), k.suite)
	want(k.open || k.plain || got.Opened != k.fails, "got decrypted: %v, want %v", got.Opened, !k.fails)
	if expected := got.Opened && !k.fails && !k.open; expected || k.sent != "" {
		want(strings.Contains(got.ClientData, gocmp.Or(k.sent, question)), "got %q said, want %q", got.ClientData, gocmp.Or(k.sent, question))
	}
	if expected := got.Opened && !k.fails && !k.open; expected || k.answered != "" {
		want(k.answered != "" && strings.Contains(got.ServerData, k.answered) || k.answered == "" && answers.MatchString(got.ServerData),
			"got %q answered, want %q", got.ServerData, k.answered)
	}
	want(!k.plain || got.Version == "" && len(s.HTTP) > 0, "got no plain HTTP: %v %v", got.Version, s.HTTP)
	want(!k.resumed || s.Resumed && len(got.Certificates) == 0, "got %d certificates, resumed %v, want the session resumed", len(got.Certificates), s.Resumed)
	want(s.HelloRetry == k.retry && slices.Contains(got.FromServer, "HelloRetryRequest") == k.retry, "got HelloRetryRequest: %v, want %v", s.HelloRetry, k.retry)
	want(k.early == "" || s.EarlyData == k.early, "got early data %s, want %s", s.EarlyData, k.early)
	want(k.alert == "" || slices.Contains(slices.Concat(got.FromClient, got.FromServer), "Alert "+k.alert), "got %v %v, want the alert %s", got.FromClient, got.FromServer, k.alert)
	if k.http != "" {
		want(len(s.HTTP) > 0 && fmt.Sprintf("%s %d", s.HTTP[0].Protocol, s.HTTP[0].Status) == k.http, "got %v, want %s", s.HTTP, k.http)
	}
	for _, c := range s.Checks {
		want((c.Result == observe.ResultBad) == (c.What == k.bad), "got %s %s: %s", c.What, c.Result, c.Reason)
	}
	return all
}

func suiteName(id string) string {
	n, _ := strconv.ParseUint(id, 0, 16)
	return iana.CipherSuite(n).String()
}
