package tlshttp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/akushu/akushu/tls"
)

func TestTooWeak(t *testing.T) {
	for _, x := range []struct {
		version, suite uint16
		want           bool
	}{
		{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, false},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, false},
		{tls.VersionTLS12, 0x009f, false}, // TLS_DHE_RSA_WITH_AES_256_GCM_SHA384
		{tls.VersionTLS12, 0xc0ac, false}, // TLS_ECDHE_ECDSA_WITH_AES_128_CCM
		{tls.VersionTLS12, 0xc0ae, false}, // TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, true},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, true},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, true},
		{tls.VersionTLS12, 0x00a6, true}, // TLS_DH_anon_WITH_AES_128_GCM_SHA256
		{tls.VersionTLS12, 0x00a8, true}, // TLS_PSK_WITH_AES_128_GCM_SHA256
		{tls.VersionTLS12, 0xfafa, true}, // nobody's
		{tls.VersionTLS11, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
	} {
		if got := tooWeak(x.version, x.suite); got != x.want {
			t.Errorf("%s, %s: got %v, want %v", tls.VersionName(x.version), tls.CipherSuiteName(x.suite), got, x.want)
		}
	}
}

// isClosed reports whether the other end of a pipe was closed.
func isClosed(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return !ok || !timeout.Timeout()
}

func TestParking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p parking
		one, two := place{"a:443", false}, place{"a:443", true}
		if p.take(one) != nil || p.has(one) {
			t.Error("a connection is parked in an empty place")
		}
		var near, far [4]net.Conn
		for i := range near {
			near[i], far[i] = net.Pipe()
			defer near[i].Close()
		}
		p.put(two, near[0])
		time.Sleep(parkingTime / 2)
		p.put(two, near[1])
		p.put(two, near[2])
		p.put(one, near[3])
		if got := p.take(two); got != near[2] {
			t.Errorf("got %v, want the last one", got)
		}
		time.Sleep(parkingTime/2 + time.Second)
		for i, want := range []bool{true, false, false, false} {
			if got := isClosed(far[i]); got != want {
				t.Errorf("after %v: connection %d is closed: %v, want %v", parkingTime, i, got, want)
			}
		}
		if !p.has(two) || !p.has(one) {
			t.Error("nothing is parked any more")
		}
		p.clear()
		for i, want := range []bool{true, true, false, true} {
			if got := isClosed(far[i]); got != want {
				t.Errorf("after clear: connection %d is closed: %v, want %v", i, got, want)
			}
		}
		if p.has(two) || p.take(one) != nil {
			t.Error("something is parked after clear")
		}
		time.Sleep(2 * parkingTime) // the timers have ended, or find nothing
	})
}

func TestHosts(t *testing.T) {
	var h hosts
	h.note("one", false)
	h.note("two", true)
	if h.speakHTTP2("one") || !h.speakHTTP2("two") || h.speakHTTP2("unknown") {
		t.Errorf("remembered: %v", h.http2)
	}
	h.note("two", false)
	if h.speakHTTP2("two") {
		t.Error("two speaks HTTP/2 still")
	}
	for i := range 3 * maxHosts {
		h.note(fmt.Sprint(i), true)
	}
	if len(h.http2) > maxHosts || !h.speakHTTP2(fmt.Sprint(3*maxHosts-1)) {
		t.Errorf("%d hosts are remembered, want at most %d, and the last", len(h.http2), maxHosts)
	}
}

func TestRewind(t *testing.T) {
	failed := errors.New("failed")
	for name, x := range map[string]struct {
		sent bool
		get  func() (io.ReadCloser, error)
		want error
		body string
	}{
		"not sent": {false, nil, nil, "first"},
		"again":    {true, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("second")), nil }, nil, "second"},
		"error":    {true, func() (io.ReadCloser, error) { return nil, failed }, failed, "first"},
		"once":     {true, nil, errBodyUsed, "first"},
	} {
		p := newPending(&http.Request{Body: io.NopCloser(strings.NewReader("first")), GetBody: x.get})
		p.body.sent.Store(x.sent)
		if err := p.rewind(); err != x.want {
			t.Errorf("%s: got %v, want %v", name, err, x.want)
		}
		if got, _ := io.ReadAll(p.body); string(got) != x.body {
			t.Errorf("%s: the body is %q, want %q", name, got, x.body)
		}
	}
	if err := newPending(&http.Request{Body: http.NoBody}).rewind(); err != nil {
		t.Errorf("without a body: %v", err)
	}
}
