package tlshttp

import (
	"testing"

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
