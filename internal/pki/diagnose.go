package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// A Code says why a chain was not trusted. The values are stable.
type Code string

// Why a chain was not trusted.
const (
	CodeExpired          Code = "certificate_expired"
	CodeNotYetValid      Code = "certificate_not_yet_valid"
	CodeNameMismatch     Code = "certificate_name_mismatch"
	CodeSelfSigned       Code = "certificate_self_signed"     // the leaf is its own issuer, and nobody trusts it
	CodeUntrustedRoot    Code = "certificate_untrusted_root"  // the chain ends in a root that is not trusted
	CodeUnknownAuthority Code = "certificate_issuer_missing"  // the issuer is neither in the chain nor trusted
	CodeBadSignature     Code = "certificate_bad_signature"   // not that of the certificate that should be the issuer
	CodeWeakSignature    Code = "certificate_weak_signature"  // MD5, SHA-1
	CodeNotAuthority     Code = "certificate_not_authority"   // it issued another and may not
	CodePathTooLong      Code = "certificate_path_too_long"   // more authorities below one than it allows
	CodeWrongUsage       Code = "certificate_wrong_usage"     // not for this end of a connection
	CodeNameConstraint   Code = "certificate_name_constraint" // an authority that may not sign for such names
	CodeCritical         Code = "certificate_critical_extension"
	CodeNoRoots          Code = "no_system_roots"
	CodeNoCertificate    Code = "no_certificate"
	CodeOther            Code = "certificate_invalid" // Err is all that is known
)

// A Check says what a chain was checked for.
type Check struct {
	At    time.Time // the time that had to be within the certificates' validity
	Usage Usage     // whose certificate it had to be: Server, the default, or Client
}

// A Diagnosis says which certificate is at fault, and why. Fields that its Code does not speak of are zero.
type Diagnosis struct {
	Code        Code
	Index       int               // of the certificate in the chain as it was sent; -1 where it is not in it
	Certificate *x509.Certificate // nil where none is at fault
	Bound       time.Time         // with CodeExpired its last second, with CodeNotYetValid its first
	Host        string            // with CodeNameMismatch: who was asked for
	Names       []string          // with CodeNameMismatch: who it is for, DNS names before addresses
	Issuer      string            // with CodeUnknownAuthority: who is missing
	IssuerURLs  []string          // with CodeUnknownAuthority: where the certificate says that its issuer's is
	Usages      []string          // with CodeWrongUsage: what it is for, as in RFC 5280 §4.2.1.12
	Err         error             // what the verifier said
}

// Diagnose finds the certificate at fault from the error of x509's Verify or VerifyHostname, which may be wrapped, and
// the chain as the peer sent it, the leaf first. With a nil error the Code is empty.
func Diagnose(err error, chain []*x509.Certificate, check Check) Diagnosis {
	if err == nil {
		return Diagnosis{Index: -1}
	}
	d := &diagnosis{chain: chain, check: check}
	found := d.find(err)
	found.Err = err
	return found
}

// A diagnosis is a Diagnosis in the making.
type diagnosis struct {
	chain []*x509.Certificate
	check Check
}

func (d *diagnosis) find(err error) Diagnosis {
	if len(d.chain) == 0 {
		return Diagnosis{Code: CodeNoCertificate, Index: -1}
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return d.wrongName(e)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return d.invalid(e)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return d.climb()
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return d.critical()
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return Diagnosis{Code: CodeNoRoots, Index: -1}
	}
	return Diagnosis{Code: CodeOther, Index: -1}
}

// at blames a certificate.
func (d *diagnosis) at(code Code, c *x509.Certificate) Diagnosis {
	return Diagnosis{Code: code, Certificate: c, Index: slices.IndexFunc(d.chain, c.Equal)}
}

func (d *diagnosis) wrongName(e x509.HostnameError) Diagnosis {
	found := d.at(CodeNameMismatch, e.Certificate)
	found.Host = e.Host
	found.Names = append(slices.Clone(e.Certificate.DNSNames), addresses(e.Certificate)...)
	return found
}

// reasons are the codes of those reasons of x509 that say nothing more.
var reasons = map[x509.InvalidReason]Code{
	x509.NotAuthorizedToSign:           CodeNotAuthority,
	x509.TooManyIntermediates:          CodePathTooLong,
	x509.CANotAuthorizedForThisName:    CodeNameConstraint,
	x509.UnconstrainedName:             CodeNameConstraint,
	x509.TooManyConstraints:            CodeNameConstraint,
	x509.CANotAuthorizedForExtKeyUsage: CodeWrongUsage,
}

func (d *diagnosis) invalid(e x509.CertificateInvalidError) Diagnosis {
	switch e.Reason {
	case x509.Expired:
		return d.period(e.Cert)
	case x509.IncompatibleUsage:
		return d.wrongUsage()
	}
	code, ok := reasons[e.Reason]
	if !ok {
		code = CodeOther
	}
	return d.at(code, e.Cert)
}

// outside reports whether the time of the check is not within the validity of a certificate.
func (d *diagnosis) outside(c *x509.Certificate) bool {
	return d.check.At.Before(c.NotBefore) || d.check.At.After(c.NotAfter)
}

func (d *diagnosis) period(c *x509.Certificate) Diagnosis {
	if d.check.At.Before(c.NotBefore) {
		found := d.at(CodeNotYetValid, c)
		found.Bound = c.NotBefore
		return found
	}
	found := d.at(CodeExpired, c)
	found.Bound = c.NotAfter
	return found
}

// wrongUsage looks for the first certificate that does not allow the usage. Authorities can restrict it too, one that
// was not sent among them, and the error always names the leaf.
func (d *diagnosis) wrongUsage() Diagnosis {
	i := slices.IndexFunc(d.chain, d.restricts)
	if i < 0 {
		return Diagnosis{Code: CodeWrongUsage, Index: -1}
	}
	c := d.chain[i]
	found := d.at(CodeWrongUsage, c)
	for _, usage := range c.ExtKeyUsage {
		found.Usages = append(found.Usages, usage.String())
	}
	for _, oid := range c.UnknownExtKeyUsage {
		found.Usages = append(found.Usages, oid.String())
	}
	return found
}

// restricts reports whether a certificate lists usages and the wanted one is not among them.
func (d *diagnosis) restricts(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return false
	}
	wanted := d.check.Usage.extended()
	if wanted == nil {
		wanted = Server.extended()
	}
	return !slices.ContainsFunc(wanted, func(u x509.ExtKeyUsage) bool { return slices.Contains(c.ExtKeyUsage, u) })
}

func (d *diagnosis) critical() Diagnosis {
	for _, c := range d.chain {
		if len(c.UnhandledCriticalExtensions) > 0 {
			return d.at(CodeCritical, c)
		}
	}
	return Diagnosis{Code: CodeCritical, Index: -1}
}

// climb goes up the chain that was sent, to where it does not go on or a step is not good. The verifier tries many
// paths, and its error speaks of one of them only.
func (d *diagnosis) climb() Diagnosis {
	c := d.chain[0]
	for range d.chain { // no certificate is passed twice, unless they issued each other
		if bytes.Equal(c.RawSubject, c.RawIssuer) {
			return d.root(c)
		}
		if weak[c.SignatureAlgorithm] {
			return d.at(CodeWeakSignature, c)
		}
		issuer := d.issuer(c)
		if issuer == nil {
			break
		}
		if fault := d.step(c, issuer); fault.Code != "" {
			return fault
		}
		c = issuer
	}
	return d.missing(c)
}

// weak are the signature algorithms that the verifier refuses.
var weak = map[x509.SignatureAlgorithm]bool{
	x509.MD2WithRSA: true, x509.MD5WithRSA: true,
	x509.SHA1WithRSA: true, x509.DSAWithSHA1: true, x509.ECDSAWithSHA1: true,
}

// root blames a certificate that is its own issuer.
func (d *diagnosis) root(c *x509.Certificate) Diagnosis {
	if c == d.chain[0] {
		return d.at(CodeSelfSigned, c)
	}
	return d.at(CodeUntrustedRoot, c)
}

// issuer finds who issued a certificate, by name and, where both have it, by the name of the key.
func (d *diagnosis) issuer(c *x509.Certificate) *x509.Certificate {
	for _, other := range d.chain {
		sameKey := len(c.AuthorityKeyId) == 0 || len(other.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, other.SubjectKeyId)
		if sameKey && bytes.Equal(c.RawIssuer, other.RawSubject) && !c.Equal(other) {
			return other
		}
	}
	return nil
}

func (d *diagnosis) missing(c *x509.Certificate) Diagnosis {
	found := d.at(CodeUnknownAuthority, c)
	found.Issuer = c.Issuer.String()
	found.IssuerURLs = c.IssuingCertificateURL
	return found
}

// step looks for what is wrong between a certificate and its issuer. Without a fault the Code is empty.
func (d *diagnosis) step(c, issuer *x509.Certificate) Diagnosis {
	err := c.CheckSignatureFrom(issuer)
	if _, ok := errors.AsType[x509.ConstraintViolationError](err); ok {
		return d.at(CodeNotAuthority, issuer)
	}
	if err != nil {
		return d.at(CodeBadSignature, c)
	}
	if d.outside(issuer) {
		return d.period(issuer)
	}
	return Diagnosis{}
}

func addresses(c *x509.Certificate) []string {
	var texts []string
	for _, ip := range c.IPAddresses {
		texts = append(texts, ip.String())
	}
	return texts
}
