package tls

import (
	"crypto/fips140"
	"errors"
	"net"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
)

// callbackError is what a function in a Config returned. On its way through the flow it
// stands inside an alert.Error, which says what the peer is told; the caller gets it back
// as it was.
type callbackError struct{ err error }

func (e *callbackError) Error() string { return e.err.Error() }
func (e *callbackError) Unwrap() error { return e.err }

// refused is the error of a callback that had nothing to give: the peer is told
// internal_error, unless the callback says otherwise.
func refused(err error) error {
	return alert.Internal("", "%w", &callbackError{err}).With(callbackAlert(err, iana.AlertInternalError))
}

// distrusted is the error of a callback that does not accept the peer: it is told
// bad_certificate, unless the callback says otherwise.
func distrusted(err error) error {
	return alert.Auth("", "", "%w", &callbackError{err}).With(callbackAlert(err, iana.AlertBadCertificate))
}

// callbackAlert is the alert that a callback's error names, as an AlertError does that the
// callback made: one from a connection of its own is not meant for this peer.
func callbackAlert(err error, otherwise iana.Alert) iana.Alert {
	var named AlertError
	var received *net.OpError
	if errors.As(err, &named) && !errors.As(err, &received) {
		return iana.Alert(named)
	}
	return otherwise
}

// certificateError is a chain that was not accepted, for callers that look for
// crypto/tls's error and for those that look for ours.
type certificateError struct {
	CertificateVerificationError
	cause *alert.Error
}

// Error has crypto/tls's text, and says where it is written.
func (e *certificateError) Error() string {
	return e.CertificateVerificationError.Error() + " (" + e.cause.Ref + ")"
}

func (e *certificateError) Unwrap() []error {
	return []error{&e.CertificateVerificationError, e.cause}
}

// publicError is a flow's error as a caller gets it: what a callback returned comes back
// unchanged, a chain that is not trusted is a *CertificateVerificationError too. The alert
// is to be derived from err itself, before.
func publicError(err error) error {
	var callback *callbackError
	if errors.As(err, &callback) {
		return callback.err
	}
	var untrusted *auth.VerificationError
	var cause *alert.Error
	if errors.As(err, &untrusted) && errors.As(err, &cause) {
		return &certificateError{
			CertificateVerificationError{UnverifiedCertificates: untrusted.Certificates, Err: untrusted.Err},
			cause,
		}
	}
	return err
}

// remoteAlert is the error that an alert from the peer amounts to, as crypto/tls words it.
func remoteAlert(a iana.Alert) error {
	return &net.OpError{Op: "remote error", Err: AlertError(a)}
}

var errEnforced = errors.New("tls: under GODEBUG=fips140=only no record can be protected here; " +
	"use fips140=on, or crypto/tls")

// checkEnvironment says whether this process can use the package at all.
func checkEnvironment() error {
	if fips140.Enforced() {
		return errEnforced
	}
	return nil
}
