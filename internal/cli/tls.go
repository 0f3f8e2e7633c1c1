package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// Apply sets what the flags say in cfg.
func (f *TLSFlags) Apply(cfg *tls.Config) {
	cfg.MinVersion, cfg.MaxVersion = uint16(f.Min), uint16(f.Max)
	if f.Min == 0 && f.Max != 0 { // to ask for nothing newer is to ask for old versions
		cfg.MinVersion = min(cfg.MaxVersion, tls.VersionTLS12)
	}
	cfg.NextProtos = f.ALPN
	cfg.CertificateCompression = compressions()
	for _, id := range f.Suites {
		cfg.CipherSuites = append(cfg.CipherSuites, uint16(id))
	}
	for _, id := range f.Groups {
		cfg.CurvePreferences = append(cfg.CurvePreferences, tls.CurveID(id))
	}
	// A list without suites of TLS 1.3 means to do without TLS 1.3; crypto/tls's
	// configuration, which ours is like, has it mean the default ones.
	if newest := f.newest(); newest != 0 && (f.Max == 0 || f.Max > newest) {
		cfg.MaxVersion = uint16(newest)
	}
}

// newest is the newest version that the suites are for, 0 where they are the default ones.
func (f *TLSFlags) newest() iana.Version {
	var newest iana.Version
	for _, id := range f.Suites {
		newest = max(newest, suite.ByID(id).MaxVersion)
	}
	return newest
}

// LoadRoots reads the certificates that are trusted.
func (e *Env) LoadRoots(ctx context.Context, path string) (*x509.CertPool, error) {
	data, err := e.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	chain, err := pki.LoadChain(data)
	if err != nil {
		return nil, e.FileError(path, err)
	}
	pool := x509.NewCertPool()
	for _, cert := range chain {
		pool.AddCert(cert)
	}
	return pool, nil
}

// LoadIdentity reads our certificate chain and its key.
func (e *Env) LoadIdentity(ctx context.Context, certPath, keyPath string) (tls.Certificate, error) {
	certPEM, err := e.ReadFile(ctx, certPath)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM := certPEM
	if keyPath != certPath { // both may stand in one file, or come on standard input together
		if keyPEM, err = e.ReadFile(ctx, keyPath); err != nil {
			return tls.Certificate{}, err
		}
	}
	id, err := pki.LoadIdentity(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, e.FileError(certPath, err)
	}
	return Certificate(id), nil
}

// ReadFile reads a file, or standard input where its name is "-". It waits for what a pipe brings until ctx is done.
func (e *Env) ReadFile(ctx context.Context, path string) ([]byte, error) {
	data, err := e.readFile(ctx, path)
	if err != nil {
		return nil, e.FileError(path, err)
	}
	return data, nil
}

func (e *Env) readFile(ctx context.Context, path string) ([]byte, error) {
	var data bytes.Buffer
	_, err := e.CopyFile(ctx, &data, path)
	return data.Bytes(), err
}

// CopyFile copies a file, or standard input where its name is "-", to dst. It waits for what a pipe brings until ctx is
// done. The error is that of the system.
func (e *Env) CopyFile(ctx context.Context, dst io.Writer, path string) (int64, error) {
	if path == file.Stdin {
		return io.Copy(dst, file.ReadPatiently(ctx, e.In))
	}
	f, err := file.OpenPatiently(ctx, path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(dst, file.Patiently(ctx, f))
}

// FileError is the error of a file, or folder, that cannot be used.
func (e *Env) FileError(path string, err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return &Error{Code: ExitFailure, Text: e.Words.Text("cli.file", path, e.Reason(err)), Err: err}
}

// Certificate is an identity as package tls wants it.
func Certificate(id *pki.Identity) tls.Certificate {
	return tls.Certificate{Certificate: id.DER(), PrivateKey: id.Key, Leaf: id.Leaf()}
}

// Connecting is the error of a connection that could not be made: DNS or TCP.
func (e *Env) Connecting(to string, err error) error {
	told := &Error{Code: ExitNetwork, Text: e.Words.Text("cli.connect", to, e.Reason(bare(err))), Err: err}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		told.Text = e.Words.Text("cli.no_such_host", dns.Name)
	}
	return told
}

// Listening is the error of an address that cannot be listened on.
func (e *Env) Listening(at string, err error) error {
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return Usage(e.Words.Text("cli.listen", at, e.Reason(bare(err))), e.Words.Text("hint.listen"))
	}
	return &Error{Code: ExitNetwork, Text: e.Words.Text("cli.listen", at, e.Reason(bare(err))), Err: err}
}

// Handshake is the error of a handshake that failed, with the code that says how. asked says whether we were asked for
// a certificate.
func (e *Env) Handshake(err error, check pki.Check, asked bool) error {
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e.Untrusted(err, untrusted.UnverifiedCertificates, check)
	}
	told := &Error{Code: ExitNegotiate, Text: e.Words.Text("cli.handshake", e.Reason(err)), Err: err}
	var remote tls.AlertError
	var fact *alert.Error
	switch {
	case errors.As(err, &remote):
		a := iana.Alert(remote)
		told.Text = e.Words.Text("cli.remote_alert", a)
		missed := asked && a == iana.AlertHandshakeFailure // a server of TLS 1.2 (RFC 5246 §7.4.6)
		if refusals[a] || missed {
			told.Code, told.Text = ExitRefused, e.Words.Text("cli.refused", a)
		}
		if id := "alert." + a.String(); e.Words.Has(id) && !missed {
			told.Hints = []string{e.Words.Text(id)}
		}
	case errors.As(err, &fact):
		told.Text = e.Words.Text("cli.our_alert", err, fact.Alert)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		told.Text = e.Words.Text("cli.handshake_eof")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		told.Text = e.Words.Text("cli.handshake_timeout")
	default:
		if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			told.Hints = []string{e.Words.Text("hint.not_tls")}
		}
	}
	return told
}

// refusals are the alerts that speak of a certificate. From a server they speak of the
// client's, or of its having none (RFC 9846 §6.2).
var refusals = map[iana.Alert]bool{
	iana.AlertBadCertificate:         true,
	iana.AlertUnsupportedCertificate: true,
	iana.AlertCertificateRevoked:     true,
	iana.AlertCertificateExpired:     true,
	iana.AlertCertificateUnknown:     true,
	iana.AlertUnknownCA:              true,
	iana.AlertAccessDenied:           true,
	iana.AlertCertificateRequired:    true,
}

// Refused reports whether err is that the peer did not accept our certificate.
func Refused(err error) bool {
	var remote tls.AlertError
	return errors.As(err, &remote) && refusals[iana.Alert(remote)]
}

// Untrusted is the error of a chain that is not trusted: which certificate is at fault, and
// why.
func (e *Env) Untrusted(err error, chain []*x509.Certificate, check pki.Check) *Error {
	text, hints := e.Diagnosis(err, chain, check)
	return &Error{Code: ExitUntrusted, Text: text, Hints: hints, Err: err}
}

// Diagnosis puts into words why a chain is not trusted.
func (e *Env) Diagnosis(err error, chain []*x509.Certificate, check pki.Check) (text string, hints []string) {
	d := pki.Diagnose(err, chain, check)
	id := "diagnosis." + string(d.Code)
	args := map[pki.Code][]any{
		pki.CodeExpired:          {d.Bound.UTC().Format("2006-01-02 15:04:05 UTC")},
		pki.CodeNotYetValid:      {d.Bound.UTC().Format("2006-01-02 15:04:05 UTC")},
		pki.CodeNameMismatch:     {d.Host, join(d.Names)},
		pki.CodeUnknownAuthority: {d.Issuer},
		pki.CodeWrongUsage:       {join(d.Usages)},
	}[d.Code]
	text = e.Words.Or(err.Error(), id, args...)
	if d.Certificate != nil {
		text = e.Words.Text("cli.certificate", d.Index, subject(d.Certificate)) + " " + text
	}
	if hint := "hint.diagnosis." + string(d.Code); e.Words.Has(hint) {
		hints = append(hints, e.Words.Text(hint))
	}
	return text, hints
}

func subject(cert *x509.Certificate) string {
	if name := cert.Subject.String(); name != "" {
		return name
	}
	return cmp.Or(join(cert.DNSNames), fmt.Sprintf("%x", cert.SerialNumber))
}

func join(list []string) string {
	text := ""
	for i, s := range list {
		if i > 0 {
			text += ", "
		}
		text += s
	}
	return text
}
