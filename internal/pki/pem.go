package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/akushu/akushu/internal/spki"
)

// A Problem says what is wrong with a PEM file. The values are stable.
type Problem string

// What can be wrong with a PEM file.
const (
	ProblemEmpty     Problem = "empty"        // nothing in it
	ProblemNotPEM    Problem = "not_pem"      // no block in it
	ProblemDamaged   Problem = "damaged"      // a block that begins and does not end, or is no base64
	ProblemMissing   Problem = "missing"      // no block of the kind that is wanted
	ProblemOtherKind Problem = "other_kind"   // a block of a kind that does not belong there
	ProblemEncrypted Problem = "encrypted"    // a private key under a password
	ProblemUnread    Problem = "unread"       // a block whose content cannot be read
	ProblemNoSigner  Problem = "cannot_sign"  // a private key that cannot sign
	ProblemMismatch  Problem = "key_mismatch" // the key is not that of the certificate
)

// A FileError says what is wrong with a PEM file, and where.
type FileError struct {
	Problem Problem
	Block   int    // which block, counted from 1; 0 where it is the file as a whole
	Text    string // the same in words, with what was found instead
	Err     error  // of the decoder; may be nil
}

func (e *FileError) Error() string {
	text := e.Text
	if e.Block > 0 {
		text = fmt.Sprintf("block %d %s", e.Block, text)
	}
	if e.Err != nil {
		text = fmt.Sprintf("%s: %v", text, e.Err)
	}
	return text
}

// Unwrap returns what the decoder said.
func (e *FileError) Unwrap() error { return e.Err }

// A role is what a PEM block is to us.
type role uint8

const (
	roleOther role = iota // does not belong into our files
	roleCertificate
	roleKey
	roleLocked // a private key under a password
	roleIgnored
)

// blockKinds are the labels of PEM blocks (RFC 7468, and OpenSSL's own).
var blockKinds = map[string]struct {
	role role
	name string
}{
	"CERTIFICATE":             {roleCertificate, "a certificate"},
	"X509 CERTIFICATE":        {roleCertificate, "a certificate"},
	"PRIVATE KEY":             {roleKey, "a private key"},
	"RSA PRIVATE KEY":         {roleKey, "a private key"},
	"EC PRIVATE KEY":          {roleKey, "a private key"},
	"ENCRYPTED PRIVATE KEY":   {roleLocked, "an encrypted private key"},
	"EC PARAMETERS":           {roleIgnored, "parameters of a curve"},
	"DH PARAMETERS":           {roleIgnored, "parameters of Diffie-Hellman"},
	"TRUSTED CERTIFICATE":     {roleOther, "a certificate in OpenSSL's trusted form"},
	"CERTIFICATE REQUEST":     {roleOther, "a certificate request"},
	"NEW CERTIFICATE REQUEST": {roleOther, "a certificate request"},
	"X509 CRL":                {roleOther, "a revocation list"},
	"PKCS7":                   {roleOther, "a PKCS #7 bundle"},
	"CMS":                     {roleOther, "a CMS bundle"},
	"PUBLIC KEY":              {roleOther, "a public key"},
	"RSA PUBLIC KEY":          {roleOther, "a public key"},
	"DSA PRIVATE KEY":         {roleOther, "a DSA private key"},
	"OPENSSH PRIVATE KEY":     {roleOther, "a private key in OpenSSH's form"},
}

// A block is a PEM block, and what it is.
type block struct {
	number int // in the file, from 1
	role   role
	name   string
	label  string
	der    []byte
}

func newBlock(number int, b *pem.Block) block {
	kind, known := blockKinds[b.Type]
	if !known {
		kind.name = fmt.Sprintf("a block labelled %q", b.Type)
	}
	if kind.role == roleKey && strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") { // RFC 1421 §4.6.1.1
		kind = blockKinds["ENCRYPTED PRIVATE KEY"]
	}
	return block{number: number, role: kind.role, name: kind.name, label: b.Type, der: b.Bytes}
}

func (b *block) fail(problem Problem, err error, format string, args ...any) error {
	return &FileError{Problem: problem, Block: b.number, Text: fmt.Sprintf(format, args...), Err: err}
}

// readBlocks finds the blocks of a file. The standard library passes over a damaged one; we do not.
func readBlocks(text []byte) ([]block, error) {
	var blocks []block
	for {
		b, rest := pem.Decode(text)
		begun := begins(text[:len(text)-len(rest)])
		if b == nil {
			begun = begins(rest) + 1
		}
		if begun > 1 {
			return nil, &FileError{Problem: ProblemDamaged, Block: len(blocks) + 1, Text: "is damaged: it does not end, or is not base64"}
		}
		if b == nil {
			break
		}
		blocks, text = append(blocks, newBlock(len(blocks)+1, b)), rest
	}
	if len(blocks) == 0 {
		return nil, notPEM(text)
	}
	return blocks, nil
}

// begins counts the lines that begin a block.
func begins(text []byte) int {
	n := bytes.Count(text, []byte("\n-----BEGIN "))
	if bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		n++
	}
	return n
}

func notPEM(text []byte) error {
	switch text = bytes.TrimSpace(text); {
	case len(text) == 0:
		return &FileError{Problem: ProblemEmpty, Text: "the file is empty"}
	case text[0] == 0x30: // SEQUENCE
		return &FileError{Problem: ProblemNotPEM, Text: "the file is not PEM; it looks like DER or PKCS #12"}
	}
	return &FileError{Problem: ProblemNotPEM, Text: "the file is not PEM: no line begins with -----BEGIN"}
}

// LoadChain reads the certificates of a PEM file, in the order of the file. Private keys and parameters may stand in
// it too; anything else is an error, as is a file without a certificate. The error is a *FileError.
func LoadChain(text []byte) ([]*x509.Certificate, error) {
	blocks, err := readBlocks(text)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, b := range blocks {
		switch b.role {
		case roleOther:
			return nil, b.fail(ProblemOtherKind, nil, "is %s, not a certificate", b.name)
		case roleCertificate:
			c, err := spki.ParseCertificate(b.der)
			if err != nil {
				return nil, b.fail(ProblemUnread, err, "is a certificate that cannot be read")
			}
			chain = append(chain, c)
		}
	}
	if chain == nil {
		return nil, missing(blocks, "certificate")
	}
	return chain, nil
}

// LoadKey reads the first private key of a PEM file: PKCS #8, PKCS #1 or SEC 1. Whatever else stands there is passed
// over. The error is a *FileError; it holds nothing of the key.
func LoadKey(text []byte) (crypto.Signer, error) {
	blocks, err := readBlocks(text)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		switch b.role {
		case roleLocked:
			return nil, b.fail(ProblemEncrypted, nil, "is a private key that is encrypted: decrypt it first")
		case roleKey:
			return b.key()
		}
	}
	return nil, missing(blocks, "private key")
}

// missing says what a file holds instead.
func missing(blocks []block, wanted string) error {
	first := blocks[0]
	text := fmt.Sprintf("the file holds %s", first.name)
	if len(blocks) > 1 {
		text = fmt.Sprintf("%s (and %d more)", text, len(blocks)-1)
	}
	return &FileError{Problem: ProblemMissing, Text: fmt.Sprintf("%s but no %s", text, wanted)}
}

// keyParsers are tried in turn: labels are not always true.
var keyParsers = []func([]byte) (any, error){
	func(der []byte) (any, error) { return spki.ParsePKCS8PrivateKey(der) },
	func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
	func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
}

func (b *block) key() (crypto.Signer, error) {
	var first error
	for _, parse := range keyParsers {
		key, err := parse(b.der)
		if err == nil {
			return b.signer(key)
		}
		if first == nil {
			first = err
		}
	}
	return nil, b.fail(ProblemUnread, first, "is a private key that cannot be read")
}

func (b *block) signer(key any) (crypto.Signer, error) {
	if signer, ok := key.(crypto.Signer); ok {
		return signer, nil
	}
	name := fmt.Sprintf("%T", key)
	if k, ok := key.(*ecdh.PrivateKey); ok {
		name = KeyName(k.PublicKey())
	}
	return nil, b.fail(ProblemNoSigner, nil, "is a private key (%s) that cannot sign", name)
}

// LoadIdentity reads a chain and the key of its first certificate, which may be in one file. The error is a
// *FileError.
func LoadIdentity(chainText, keyText []byte) (*Identity, error) {
	chain, err := LoadChain(chainText)
	if err != nil {
		return nil, err
	}
	key, err := LoadKey(keyText)
	if err != nil {
		return nil, err
	}
	if err := checkMatch(chain, key); err != nil {
		return nil, err
	}
	return &Identity{Chain: chain, Key: key}, nil
}

// checkMatch checks that the key is that of the leaf, and says whose it is if it is not.
func checkMatch(chain []*x509.Certificate, key crypto.Signer) error {
	for i, c := range chain {
		if !samePublicKey(c.PublicKey, key.Public()) {
			continue
		}
		if i == 0 {
			return nil
		}
		return &FileError{
			Problem: ProblemMismatch,
			Text:    fmt.Sprintf("the key is that of certificate %d (%s): the leaf must come first", i+1, c.Subject),
		}
	}
	return &FileError{
		Problem: ProblemMismatch,
		Text:    fmt.Sprintf("the key (%s) is not that of the certificate (%s, %s)", KeyName(key.Public()), chain[0].Subject, CertificateKeyName(chain[0])),
	}
}

func samePublicKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// EncodeChain gives certificates as a PEM file, in order.
func EncodeChain(chain ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

// EncodeKey gives a private key as a PEM file, in the form of PKCS #8. The file is for its owner only: 0600.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
