package iana_test

import (
	"crypto/tls"
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// TestCipherSuitesOfTheStandardLibrary compares our names with those of crypto/tls.
func TestCipherSuitesOfTheStandardLibrary(t *testing.T) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if got := iana.CipherSuite(suite.ID).String(); got != suite.Name {
			t.Errorf("%#04x: got %s, want %s", suite.ID, got, suite.Name)
		}
	}
}

// TestNumbersOfTheStandardLibrary compares our numbers with those of crypto/tls.
func TestNumbersOfTheStandardLibrary(t *testing.T) {
	tests := []struct{ ours, theirs uint16 }{
		{uint16(iana.GroupSecp256r1), uint16(tls.CurveP256)},
		{uint16(iana.GroupSecp384r1), uint16(tls.CurveP384)},
		{uint16(iana.GroupSecp521r1), uint16(tls.CurveP521)},
		{uint16(iana.GroupX25519), uint16(tls.X25519)},
		{uint16(iana.GroupX25519MLKEM768), uint16(tls.X25519MLKEM768)},
		{uint16(iana.GroupSecP256r1MLKEM768), uint16(tls.SecP256r1MLKEM768)},
		{uint16(iana.GroupSecP384r1MLKEM1024), uint16(tls.SecP384r1MLKEM1024)},
		{uint16(iana.SchemeRSAPKCS1SHA1), uint16(tls.PKCS1WithSHA1)},
		{uint16(iana.SchemeRSAPKCS1SHA256), uint16(tls.PKCS1WithSHA256)},
		{uint16(iana.SchemeRSAPKCS1SHA384), uint16(tls.PKCS1WithSHA384)},
		{uint16(iana.SchemeRSAPKCS1SHA512), uint16(tls.PKCS1WithSHA512)},
		{uint16(iana.SchemeRSAPSSRSAESHA256), uint16(tls.PSSWithSHA256)},
		{uint16(iana.SchemeRSAPSSRSAESHA384), uint16(tls.PSSWithSHA384)},
		{uint16(iana.SchemeRSAPSSRSAESHA512), uint16(tls.PSSWithSHA512)},
		{uint16(iana.SchemeECDSASecp256r1SHA256), uint16(tls.ECDSAWithP256AndSHA256)},
		{uint16(iana.SchemeECDSASecp384r1SHA384), uint16(tls.ECDSAWithP384AndSHA384)},
		{uint16(iana.SchemeECDSASecp521r1SHA512), uint16(tls.ECDSAWithP521AndSHA512)},
		{uint16(iana.SchemeEd25519), uint16(tls.Ed25519)},
		{uint16(iana.SchemeECDSASHA1), uint16(tls.ECDSAWithSHA1)},
		{uint16(iana.VersionTLS10), tls.VersionTLS10},
		{uint16(iana.VersionTLS11), tls.VersionTLS11},
		{uint16(iana.VersionTLS12), tls.VersionTLS12},
		{uint16(iana.VersionTLS13), tls.VersionTLS13},
		{uint16(iana.TLS_FALLBACK_SCSV), tls.TLS_FALLBACK_SCSV},
	}
	for i, test := range tests {
		if test.ours != test.theirs {
			t.Errorf("row %d: got %#04x, want %#04x", i, test.ours, test.theirs)
		}
	}
}
