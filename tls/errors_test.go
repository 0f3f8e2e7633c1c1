package tls

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	std "crypto/tls"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/iana"
)

func TestUntrustedCertificate(t *testing.T) {
	leaf := parsed(t, keyP256(), "a.example").Leaf
	trust := auth.Trust{Roots: x509.NewCertPool(), Name: "a.example", Usage: x509.ExtKeyUsageServerAuth}
	_, err := trust.Judge([][]byte{leaf.Raw}, leaf.NotBefore)
	if err == nil {
		t.Fatal("got none, want an error")
	}
	public := publicError(fmt.Errorf("step: %w", err))

	var verification *CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var fact *alert.Error
	if !errors.As(public, &verification) || !verification.UnverifiedCertificates[0].Equal(leaf) {
		t.Errorf("got %#v, want a CertificateVerificationError with the chain", public)
	}
	if !errors.As(public, &unknown) || !errors.As(public, &fact) || fact.Alert != iana.AlertUnknownCA {
		t.Errorf("got %#v, want x509's error and ours in it", public)
	}
	if _, ok := verification.Err.(x509.UnknownAuthorityError); !ok {
		t.Errorf("Err: got %T, want x509's error itself, as in crypto/tls", verification.Err)
	}
	want := (&std.CertificateVerificationError{Err: unknown}).Error() + " (RFC 9846 §4.5.1.3)"
	if public.Error() != want {
		t.Errorf("got %q, want %q", public, want)
	}
}

// What a callback returned comes back as it was, and so does what the network returned.
func TestErrorsThatPass(t *testing.T) {
	own := errors.New("ours to give")
	var expired x509.CertificateInvalidError
	inner := alert.Malformed("client_hello", "RFC 9846 §4.2.2", "cut short")
	for _, tc := range []struct{ in, want error }{
		{nil, nil},
		{io.EOF, io.EOF},
		{net.ErrClosed, net.ErrClosed},
		{os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{inner, inner},
		{refused(own), own},
		{distrusted(own), own},
		{alert.Internal("client_hello", "no configuration: %w", refused(own)), own},
		{distrusted(expired), expired},
		{refused(inner), inner}, // a callback may have had a connection of its own
	} {
		if got := publicError(tc.in); got != tc.want {
			t.Errorf("%v: got %v, want %v", tc.in, got, tc.want)
		}
	}
}

func TestAlertsOfCallbacks(t *testing.T) {
	if own := errors.New("ours to give"); !errors.Is(refused(own), own) || refused(own).Error() != "tls: ours to give" {
		t.Errorf("got %v, want the callback's error in it", refused(own))
	}
	inner := alert.Malformed("client_hello", "RFC 9846 §4.2.2", "cut short")
	if got := alert.For(refused(inner)); got != iana.AlertInternalError {
		t.Errorf("refused: got %v, want internal_error whatever the callback had", got)
	}
	if got := alert.For(distrusted(inner)); got != iana.AlertBadCertificate {
		t.Errorf("distrusted: got %v, want bad_certificate whatever the callback had", got)
	}
	named := fmt.Errorf("not on the list: %w", AlertError(iana.AlertAccessDenied))
	if got := alert.For(refused(named)); got != iana.AlertAccessDenied {
		t.Errorf("refused: got %v, want the alert that the callback names", got)
	}
	if got := alert.For(distrusted(named)); got != iana.AlertAccessDenied {
		t.Errorf("distrusted: got %v, want the alert that the callback names", got)
	}
	if got := alert.For(refused(remoteAlert(iana.AlertAccessDenied))); got != iana.AlertInternalError {
		t.Errorf("refused: got %v, want internal_error for an alert that the callback received itself", got)
	}
}

func TestReceivedAlert(t *testing.T) {
	for a, want := range map[iana.Alert]string{
		iana.AlertHandshakeFailure: "remote error: tls: handshake failure",
		iana.AlertUnknownCA:        "remote error: tls: unknown certificate authority",
		iana.Alert(250):            "remote error: tls: alert(250)",
	} {
		err := remoteAlert(a)
		var op *net.OpError
		var code AlertError
		if err.Error() != want || !errors.As(err, &op) || op.Op != "remote error" || !errors.As(err, &code) || code != AlertError(a) {
			t.Errorf("got %v, %v, want %s with its AlertError", err, code, want)
		}
	}
}
