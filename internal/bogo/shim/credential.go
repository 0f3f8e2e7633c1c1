package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/akushu/akushu/tls"
)

// credential is a certificate with its key, as the flags name it.
type credential struct {
	certFile, keyFile string
	schemes           []uint16 // with which the key may sign
	ocsp, scts        []byte
	matchIssuer       bool // it is only for peers that name its issuer
	psk               tls.PreSharedKey
	delegated         []byte // what the certificate's owner signed about the key; nil: it is the certificate's own
	raw               bool   // the key comes without a certificate
}

// newPSK begins a key that is shared, where certificates have theirs.
func newPSK(p *plan, _ string) error {
	p.own = append(p.own, &credential{psk: tls.PreSharedKey{Import: true}})
	return nil
}

func hashOfPSK(h crypto.Hash) func(*plan, string) error {
	return func(p *plan, _ string) error {
		p.last().psk.Hash = h
		return nil
	}
}

// psks are the keys that are shared.
func (p *plan) psks() (all []tls.PreSharedKey) {
	for _, c := range p.own {
		if c.psk.Import {
			all = append(all, c.psk)
		}
	}
	return all
}

// usedPSK notes which of them was used.
func (s *session) usedPSK() {
	info, _ := s.Info()
	for i, c := range s.plan.own {
		if c.psk.Import && string(c.psk.Identity) == info.PSKIdentity {
			s.used = i - 1
		}
	}
}

// load reads the credential; index is what the runner calls it.
func (c *credential) load(s *session, index int) (tls.Certificate, error) {
	cert := tls.Certificate{OCSPStaple: c.ocsp}
	schemes := c.schemes
	if schemes == nil {
		schemes = s.plan.offer.sign
	}
	for _, id := range schemes {
		cert.SupportedSignatureAlgorithms = append(cert.SupportedSignatureAlgorithms, tls.SignatureScheme(id))
	}
	var err error
	if cert.SignedCertificateTimestamps, err = splitSCTs(c.scts); err != nil {
		return cert, err
	}
	if cert.Certificate, err = readChain(c.certFile); err != nil {
		return cert, err
	}
	key, err := readKey(c.keyFile)
	if err != nil {
		return cert, err
	}
	cert.PrivateKey = &signer{key, s, index}
	return cert, nil
}

// setDelegated gives c the keys that are delegated to.
func (s *session) setDelegated(c *tls.Config) error {
	for i, own := range s.plan.own {
		if own.delegated == nil {
			continue
		}
		cert, err := own.load(s, i-1)
		if err != nil {
			return err
		}
		c.DelegatedCredentials = append(c.DelegatedCredentials, tls.DelegatedCredential{Certificate: cert, Raw: own.delegated, PrivateKey: cert.PrivateKey.(*signer)})
	}
	return nil
}

// readChain reads the certificates of a PEM file.
func readChain(file string) (chain [][]byte, err error) {
	blocks, err := os.ReadFile(file)
	for err == nil {
		var block *pem.Block
		if block, blocks = pem.Decode(blocks); block == nil {
			return chain, nil
		}
		chain = append(chain, block.Bytes)
	}
	return nil, err
}

// readKey reads a private key in PKCS #8. Kinds of key that the standard library does not
// know are not offered.
func readKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM in it", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, notOffered(featureMLDSA)
	}
	return key.(crypto.Signer), nil
}

// splitSCTs takes a SignedCertificateTimestampList apart (RFC 6962 §3.3).
func splitSCTs(list []byte) (scts [][]byte, err error) {
	if list == nil {
		return nil, nil
	}
	rest, err := cut(&list)
	if err != nil || len(list) > 0 || len(rest) == 0 {
		return nil, errSCTs
	}
	for len(rest) > 0 {
		sct, err := cut(&rest)
		if err != nil || len(sct) == 0 {
			return nil, errSCTs
		}
		scts = append(scts, sct)
	}
	return scts, nil
}

var errSCTs = errors.New("a malformed list of timestamps")

// cut takes a vector with two bytes of length off from.
func cut(from *[]byte) ([]byte, error) {
	b := *from
	if len(b) < 2 || len(b)-2 < int(b[0])<<8|int(b[1]) {
		return nil, io.ErrUnexpectedEOF
	}
	n := 2 + (int(b[0])<<8 | int(b[1]))
	*from = b[n:]
	return b[2:n], nil
}

// signer is a private key that says that it was used, and where the test is asynchronous
// lives elsewhere.
type signer struct {
	crypto.Signer
	session *session
	index   int
}

// Decrypt implements crypto.Decrypter, for RSA keys.
func (k *signer) Decrypt(rand io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) (plain []byte, err error) {
	k.session.used = k.index
	k.session.elsewhere(func() { plain, err = k.Signer.(crypto.Decrypter).Decrypt(rand, ciphertext, opts) })
	return plain, err
}

// Sign implements crypto.Signer.
func (k *signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	k.session.used = k.index
	k.session.elsewhere(func() { sig, err = k.Signer.Sign(rand, digest, opts) })
	return sig, err
}
