package tls

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"iter"

	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// Keys that sign with RSASSA-PSS and do nothing else, and their certificates (RFC 4055).

// ParseCertificate is [x509.ParseCertificate], and reads the keys of certificates that are for
// RSASSA-PSS alone, of which that leaves PublicKey empty: here it is an *rsa.PublicKey. Only with
// such a parsed form can an authority that has a key of that kind verify anything in
// [Config.RootCAs] or [Config.ClientCAs].
func ParseCertificate(der []byte) (*x509.Certificate, error) { return spki.ParseCertificate(der) }

// pssKeyPair reads a chain whose leaf has a key for RSASSA-PSS alone, and that key.
func pssKeyPair(certPEM, keyPEM []byte) (cert Certificate, ok bool) {
	for block := range blocks(certPEM) {
		if block.Type == "CERTIFICATE" {
			cert.Certificate = append(cert.Certificate, block.Bytes)
		}
	}
	if len(cert.Certificate) == 0 {
		return cert, false
	}
	var err error
	if cert.Leaf, err = spki.ParseCertificate(cert.Certificate[0]); err != nil {
		return cert, false
	}
	public, isPSS := spki.KeyOf(cert.Leaf).(*suite.PSSKey)
	if !isPSS {
		return cert, false
	}
	for block := range blocks(keyPEM) {
		if key, err := spki.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			cert.PrivateKey = key
			break
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			cert.PrivateKey = key
			break
		}
	}
	signer, isRSA := cert.PrivateKey.(*rsa.PrivateKey)
	return cert, isRSA && public.Equal(&signer.PublicKey)
}

// blocks is the blocks of a PEM file.
func blocks(text []byte) iter.Seq[*pem.Block] {
	return func(yield func(*pem.Block) bool) {
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if !yield(block) {
				return
			}
		}
	}
}
