package pki_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/pki"
)

func block(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// files are the pieces of PEM files that the tables put together.
type files struct {
	chain, key, otherKey []byte // ECDSA; the chain has a leaf and an authority
	rsaKey               []byte
	id                   *pki.Identity
}

func newFiles(t *testing.T) files {
	t.Helper()
	root, err := pki.NewAuthority(env(), pki.Request{Key: key(t, "ed25519"), CommonName: "root"})
	must(t, err)
	sub, err := root.Subordinate(pki.Request{Key: key(t, "ecdsa-p384"), CommonName: "below it"})
	must(t, err)
	id, err := sub.Issue(pki.Request{Key: key(t, "ecdsa-p256")})
	must(t, err)
	f := files{id: id, chain: pki.EncodeChain(id.Chain...)}
	f.key = encodeKey(t, "ecdsa-p256")
	f.otherKey = encodeKey(t, "ecdsa-p384")
	f.rsaKey = encodeKey(t, "rsa-2048")
	return f
}

func encodeKey(t *testing.T, kind string) []byte {
	t.Helper()
	text, err := pki.EncodeKey(key(t, kind))
	must(t, err)
	return text
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestLoadChain(t *testing.T) {
	f := newFiles(t)
	der := f.id.Leaf().Raw
	crlf := bytes.ReplaceAll(f.chain, []byte("\n"), []byte("\r\n"))
	cut := f.chain[:len(f.chain)-40]
	rows := []struct {
		name    string
		text    []byte
		want    int // certificates
		problem pki.Problem
		block   int
		says    string
	}{
		{name: "a chain", text: f.chain, want: 2},
		{name: "with CRLF and words around it", text: join([]byte("Subject: x\r\n"), crlf, []byte("\r\nthe end")), want: 2},
		{name: "with the key before it", text: join(f.key, f.chain), want: 2},
		{name: "with parameters", text: join(block("EC PARAMETERS", []byte{6, 1, 0}), f.chain), want: 2},
		{name: "with an encrypted key after it", text: join(f.chain, block("ENCRYPTED PRIVATE KEY", der)), want: 2},
		{name: "an old label", text: block("X509 CERTIFICATE", der), want: 1},
		{name: "empty", text: []byte(" \n"), problem: pki.ProblemEmpty, says: "the file is empty"},
		{name: "DER", text: der, problem: pki.ProblemNotPEM, says: "it looks like DER"},
		{name: "words", text: []byte("hello"), problem: pki.ProblemNotPEM, says: "no line begins with -----BEGIN"},
		{name: "a key", text: f.key, problem: pki.ProblemMissing, says: "the file holds a private key but no certificate"},
		{name: "keys", text: join(f.key, f.key, f.key), problem: pki.ProblemMissing, says: "a private key (and 2 more) but no certificate"},
		{name: "a request", text: block("CERTIFICATE REQUEST", der), problem: pki.ProblemOtherKind, block: 1, says: "block 1 is a certificate request, not a certificate"},
		{name: "a request after a certificate", text: join(f.chain, block("NEW CERTIFICATE REQUEST", der)), problem: pki.ProblemOtherKind, block: 3, says: "block 3 is a certificate request"},
		{name: "a revocation list", text: block("X509 CRL", der), problem: pki.ProblemOtherKind, block: 1, says: "a revocation list"},
		{name: "OpenSSL's own form", text: block("TRUSTED CERTIFICATE", der), problem: pki.ProblemOtherKind, block: 1, says: "OpenSSL's trusted form"},
		{name: "a label that nobody knows", text: block("LETTER", der), problem: pki.ProblemOtherKind, block: 1, says: `block 1 is a block labelled "LETTER"`},
		{name: "a certificate that is none", text: join(f.chain, block("CERTIFICATE", der[:40])), problem: pki.ProblemUnread, block: 3, says: "block 3 is a certificate that cannot be read: x509"},
		{name: "cut in its second block", text: cut, problem: pki.ProblemDamaged, block: 2, says: "block 2 is damaged"},
		{name: "cut, and then another", text: join(cut, []byte("\n"), f.chain), problem: pki.ProblemDamaged, block: 2, says: "block 2 is damaged"},
		{name: "no base64", text: []byte("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), problem: pki.ProblemDamaged, block: 1, says: "block 1 is damaged"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			chain, err := pki.LoadChain(row.text)
			checkFileError(t, err, row.problem, row.block, row.says)
			if len(chain) != row.want {
				t.Errorf("got %d certificates, want %d", len(chain), row.want)
			}
		})
	}
}

func checkFileError(t *testing.T, err error, problem pki.Problem, block int, says string) {
	t.Helper()
	if problem == "" {
		must(t, err)
		return
	}
	got, ok := errors.AsType[*pki.FileError](err)
	if !ok || got.Problem != problem || got.Block != block || !strings.Contains(got.Error(), says) {
		t.Errorf("got %v, want problem %q in block %d and %q", err, problem, block, says)
	}
}

func TestLoadKey(t *testing.T) {
	f := newFiles(t)
	ec, err := x509.MarshalECPrivateKey(key(t, "ecdsa-p256").(*ecdsa.PrivateKey))
	must(t, err)
	pkcs1 := x509.MarshalPKCS1PrivateKey(key(t, "rsa-2048").(*rsa.PrivateKey))
	x25519, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	must(t, err)
	agreement, err := x509.MarshalPKCS8PrivateKey(x25519)
	must(t, err)
	locked := pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: pkcs1,
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
	})
	rows := []struct {
		name    string
		text    []byte
		want    string
		problem pki.Problem
		block   int
		says    string
	}{
		{name: "PKCS #8, ECDSA", text: f.key, want: "ECDSA P-256"},
		{name: "PKCS #8, Ed25519", text: encodeKey(t, "ed25519"), want: "Ed25519"},
		{name: "PKCS #1", text: block("RSA PRIVATE KEY", pkcs1), want: "RSA 2048"},
		{name: "SEC 1, with parameters", text: join(block("EC PARAMETERS", []byte{6, 1, 0}), block("EC PRIVATE KEY", ec)), want: "ECDSA P-256"},
		{name: "a label that is not true", text: block("PRIVATE KEY", pkcs1), want: "RSA 2048"},
		{name: "after a chain", text: join(f.chain, f.key), want: "ECDSA P-256"},
		{name: "the first of two", text: join(f.key, f.rsaKey), want: "ECDSA P-256"},
		{name: "empty", problem: pki.ProblemEmpty, says: "empty"},
		{name: "encrypted", text: block("ENCRYPTED PRIVATE KEY", pkcs1), problem: pki.ProblemEncrypted, block: 1, says: "block 1 is a private key that is encrypted"},
		{name: "encrypted, in OpenSSL's old way", text: join(f.chain, locked), problem: pki.ProblemEncrypted, block: 3, says: "block 3 is a private key that is encrypted"},
		{name: "certificates", text: f.chain, problem: pki.ProblemMissing, says: "the file holds a certificate (and 1 more) but no private key"},
		{name: "a request", text: block("CERTIFICATE REQUEST", ec), problem: pki.ProblemMissing, says: "the file holds a certificate request but no private key"},
		{name: "a public key", text: block("PUBLIC KEY", ec), problem: pki.ProblemMissing, says: "a public key but no private key"},
		{name: "an OpenSSH key", text: block("OPENSSH PRIVATE KEY", ec), problem: pki.ProblemMissing, says: "a private key in OpenSSH's form but no private key"},
		{name: "a key that is none", text: block("PRIVATE KEY", ec[:20]), problem: pki.ProblemUnread, block: 1, says: "block 1 is a private key that cannot be read"},
		{name: "a key that cannot sign", text: block("PRIVATE KEY", agreement), problem: pki.ProblemNoSigner, block: 1, says: "block 1 is a private key (X25519) that cannot sign"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			k, err := pki.LoadKey(row.text)
			checkFileError(t, err, row.problem, row.block, row.says)
			if err == nil && pki.KeyName(k.Public()) != row.want {
				t.Errorf("got %s, want %s", pki.KeyName(k.Public()), row.want)
			}
		})
	}
}

func TestLoadIdentity(t *testing.T) {
	f := newFiles(t)
	backwards := pki.EncodeChain(f.id.Chain[1], f.id.Chain[0])
	rows := []struct {
		name       string
		chain, key []byte
		problem    pki.Problem
		says       string
	}{
		{name: "two files", chain: f.chain, key: f.key},
		{name: "one file", chain: join(f.key, f.chain), key: join(f.key, f.chain)},
		{name: "a key of another kind", chain: f.chain, key: f.rsaKey, problem: pki.ProblemMismatch, says: "the key (RSA 2048) is not that of the certificate (CN=localhost, ECDSA P-256)"},
		{name: "the key of the authority", chain: f.chain, key: f.otherKey, problem: pki.ProblemMismatch, says: "the key is that of certificate 2 (CN=below it): the leaf must come first"},
		{name: "a chain that is upside down", chain: backwards, key: f.key, problem: pki.ProblemMismatch, says: "the key is that of certificate 2 (CN=localhost)"},
		{name: "no chain", chain: f.key, key: f.key, problem: pki.ProblemMissing, says: "no certificate"},
		{name: "no key", chain: f.chain, key: f.chain, problem: pki.ProblemMissing, says: "no private key"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			id, err := pki.LoadIdentity(row.chain, row.key)
			checkFileError(t, err, row.problem, 0, row.says)
			if err == nil && (len(id.Chain) != 2 || !id.Leaf().Equal(f.id.Leaf()) || id.Key == nil) {
				t.Errorf("got %+v, want the chain of 2 and the key", id)
			}
		})
	}
}

func TestEncodeKeyRefuses(t *testing.T) {
	if text, err := pki.EncodeKey(noKey{}); err == nil {
		t.Errorf("got %q, want an error", text)
	}
}

// No file makes the readers panic, and what they take is written and read again as it was.
func FuzzLoad(f *testing.F) {
	k, err := pki.GenerateKey("ed25519")
	if err != nil {
		f.Fatal(err)
	}
	id, err := pki.SelfSigned(env(), pki.Request{Key: k})
	if err != nil {
		f.Fatal(err)
	}
	keyText, err := pki.EncodeKey(k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(join(pki.EncodeChain(id.Chain...), keyText))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		chain, err := pki.LoadChain(text)
		if err == nil {
			again, err := pki.LoadChain(pki.EncodeChain(chain...))
			if err != nil || len(again) != len(chain) {
				t.Errorf("got %d certificates, %v, want %d again", len(again), err, len(chain))
			}
			for _, c := range chain {
				pki.CertificateKeyName(c)
			}
		} else if _, ok := errors.AsType[*pki.FileError](err); !ok {
			t.Errorf("got %T, want a *FileError", err)
		}
		if _, err := pki.LoadKey(text); err != nil {
			if _, ok := errors.AsType[*pki.FileError](err); !ok {
				t.Errorf("got %T, want a *FileError", err)
			}
		}
	})
}
