package auth

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/spki"
	"github.com/akushu/akushu/internal/suite"
)

// Delegation is a DelegatedCredential: what the owner of a certificate signed about a key that
// may stand in for the certificate's own for some days (RFC 9345 §4).
type Delegation struct {
	ValidTime uint32               // in seconds after the certificate's notBefore
	Scheme    iana.SignatureScheme // what the key signs CertificateVerify with
	Info      []byte               // the key's SubjectPublicKeyInfo, DER
	Algorithm iana.SignatureScheme // of Signature
	Signature []byte               // of the certificate's owner
	Key       crypto.PublicKey     // Info, parsed; nil until [ParseDelegation] or Judge did
}

// MaxDelegation is how long a delegation may still be good for (RFC 9345 §4.1.3).
const MaxDelegation = 7 * 24 * time.Hour

// delegationContext is what the owner of a server's certificate signs first (RFC 9345 §4).
const delegationContext = "TLS, server delegated credentials"

// OIDDelegationUsage is the extension of certificates whose owners may delegate (RFC 9345 §4.2).
var OIDDelegationUsage = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 44363, 44}

var (
	errDelegation      = errors.New("malformed delegated credential")
	errNoDelegation    = errors.New("the certificate has no DelegationUsage extension")
	errNoSigning       = errors.New("the certificate's key usage does not name digitalSignature")
	errDelegationEnded = errors.New("it has expired")
	errDelegationLong  = errors.New("it is good for more than seven days from now")
	errOutlives        = errors.New("it outlives its certificate")
)

// Delegable is those of all schemes that a delegated key may sign with: in TLS 1.3, and not with
// a key for any use of RSA (RFC 9345 §4).
func Delegable(all []*suite.Scheme) []*suite.Scheme {
	var list []*suite.Scheme
	for _, s := range all {
		if s.Handshake(iana.VersionTLS13) && s.Kind != suite.RSAPSSRSAE {
			list = append(list, s)
		}
	}
	return list
}

// ParseDelegation reads a DelegatedCredential. The result aliases raw.
func ParseDelegation(raw []byte) (*Delegation, error) {
	var scheme, algorithm uint16
	var info, sig cryptobyte.String
	d := &Delegation{}
	in := cryptobyte.String(raw)
	if !in.ReadUint32(&d.ValidTime) || !in.ReadUint16(&scheme) || !in.ReadUint24LengthPrefixed(&info) ||
		!in.ReadUint16(&algorithm) || !in.ReadUint16LengthPrefixed(&sig) || !in.Empty() || info.Empty() || sig.Empty() {
		return nil, errDelegation
	}
	d.Scheme, d.Info, d.Algorithm, d.Signature = iana.SignatureScheme(scheme), info, iana.SignatureScheme(algorithm), sig
	var err error
	d.Key, err = spki.ParsePublicKey(d.Info)
	return d, err
}

// Marshal is the inverse of [ParseDelegation].
func (d *Delegation) Marshal() ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	d.appendSigned(b)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(d.Signature) })
	return b.Bytes()
}

// appendSigned adds what stands before the signature.
func (d *Delegation) appendSigned(b *cryptobyte.Builder) {
	b.AddUint32(d.ValidTime)
	b.AddUint16(uint16(d.Scheme))
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(d.Info) })
	b.AddUint16(uint16(d.Algorithm))
}

// signed is what the owner of leaf signs (RFC 9345 §4).
func (d *Delegation) signed(leaf *x509.Certificate) ([]byte, error) {
	b := cryptobyte.NewBuilder(signedContent(delegationContext, leaf.Raw))
	d.appendSigned(b)
	return b.Bytes()
}

// Expiry is when d ends, as the delegation of leaf's owner.
func (d *Delegation) Expiry(leaf *x509.Certificate) time.Time {
	return leaf.NotBefore.Add(time.Duration(d.ValidTime) * time.Second)
}

// Timely says why d is no good at the time now, or nil (RFC 9345 §4.1.3).
func (d *Delegation) Timely(leaf *x509.Certificate, now time.Time) error {
	switch end := d.Expiry(leaf); {
	case now.After(end):
		return errDelegationEnded
	case end.After(now.Add(MaxDelegation)):
		return errDelegationLong
	}
	return nil
}

// within says why d does not end before its certificate does, or with it; nil: it does.
func (d *Delegation) within(leaf *x509.Certificate) error {
	if d.Expiry(leaf).After(leaf.NotAfter) {
		return errOutlives
	}
	return nil
}

// MayDelegate says why the owner of a certificate may not delegate, or nil (RFC 9345 §4.2).
func MayDelegate(leaf *x509.Certificate) error {
	if leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errNoSigning
	}
	for _, e := range leaf.Extensions {
		if e.Id.Equal(OIDDelegationUsage) {
			return nil
		}
	}
	return errNoDelegation
}

// Verify checks that the owner of leaf signed d, with one of the schemes.
func (d *Delegation) Verify(leaf *x509.Certificate, schemes []*suite.Scheme) error {
	i := slices.IndexFunc(schemes, func(s *suite.Scheme) bool { return s.ID == d.Algorithm })
	if i < 0 || !schemes[i].Handshake(iana.VersionTLS13) {
		return fmt.Errorf("it is signed with %v, which was not offered", d.Algorithm)
	}
	key := spki.KeyOf(leaf)
	if !schemes[i].Fits(key, iana.VersionTLS13) {
		return fmt.Errorf("it is signed with %v, which does not go with the certificate's %s key", d.Algorithm, keyName(key))
	}
	content, err := d.signed(leaf)
	if err == nil {
		err = schemes[i].Verify(key, content, d.Signature)
	}
	if err != nil {
		return fmt.Errorf("its signature does not verify under the certificate's key: %w", err)
	}
	return nil
}

// CheckKey parses the delegated key and checks that it goes with the scheme of d, which must be
// one of those that it may be.
func (d *Delegation) CheckKey(schemes []*suite.Scheme) error {
	i := slices.IndexFunc(schemes, func(s *suite.Scheme) bool { return s.ID == d.Scheme })
	if i < 0 {
		return fmt.Errorf("its key is for %v, which was not offered", d.Scheme)
	}
	key, err := spki.ParsePublicKey(d.Info)
	if err != nil {
		return fmt.Errorf("its key does not parse: %w", err)
	}
	if bits := rsaBits(key); bits > maxRSABits {
		return fmt.Errorf("its key has %d bits, at most %d are accepted", bits, maxRSABits)
	}
	if !schemes[i].Fits(key, iana.VersionTLS13) {
		return fmt.Errorf("its key is for %v, which does not go with a %s key", d.Scheme, keyName(key))
	}
	d.Key = key
	return nil
}

// Judge decides whether d makes its key that of a server whose certificate is leaf, at the time
// now (RFC 9345 §4.1.3). offered is the schemes that were offered for certificates' keys.
func (d *Delegation) Judge(leaf *x509.Certificate, offered []*suite.Scheme, now time.Time) error {
	for _, check := range []struct {
		field, ref string
		run        func() error
	}{
		{".valid_time", "RFC 9345 §4.1.3", func() error { return d.Timely(leaf, now) }},
		{".valid_time", "RFC 9345 §4.1.3", func() error { return d.within(leaf) }},
		{".dc_cert_verify_algorithm", "RFC 9345 §4.1.1", func() error { return d.CheckKey(Delegable(offered)) }},
		{"", "RFC 9345 §4.2", func() error { return MayDelegate(leaf) }},
		{".signature", "RFC 9345 §4.1.3", func() error { return d.Verify(leaf, offered) }},
	} {
		if err := check.run(); err != nil {
			return alert.Illegal("certificate.certificate_list.delegated_credential"+check.field, check.ref,
				"the delegated credential is not valid: %w", err)
		}
	}
	return nil
}

// Delegate has the owner of a certificate sign that key, for scheme alone, may stand in for it
// until end. What judges it asks for more: that end is not more than [MaxDelegation] away.
func Delegate(ctx context.Context, rand io.Reader, owner *Credential, key crypto.PublicKey, scheme iana.SignatureScheme, end time.Time) (*Delegation, error) {
	if err := MayDelegate(owner.Leaf); err != nil {
		return nil, err
	}
	info, err := spki.MarshalPublicKey(key)
	if err != nil {
		return nil, err
	}
	valid := int64(end.Sub(owner.Leaf.NotBefore) / time.Second)
	if valid < 0 || valid != int64(uint32(valid)) {
		return nil, errors.New("it would end before the certificate begins, or in a century")
	}
	with, err := ChooseScheme(owner, iana.VersionTLS13, ids(suite.SchemesFor(owner.Public(), iana.VersionTLS13)))
	if err != nil {
		return nil, err
	}
	d := &Delegation{ValidTime: uint32(valid), Scheme: scheme, Info: info, Algorithm: with.ID}
	if err := d.CheckKey(Delegable(suite.Schemes())); err != nil {
		return nil, err
	}
	if err := d.within(owner.Leaf); err != nil {
		return nil, err
	}
	content, err := d.signed(owner.Leaf)
	if err != nil {
		return nil, err
	}
	if d.Signature, err = Sign(ctx, rand, owner, with, content); err != nil {
		return nil, err
	}
	return d, d.Verify(owner.Leaf, suite.Schemes())
}

func ids(schemes []*suite.Scheme) []iana.SignatureScheme {
	all := make([]iana.SignatureScheme, len(schemes))
	for i, s := range schemes {
		all[i] = s.ID
	}
	return all
}
