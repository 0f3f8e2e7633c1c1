// Package alert holds the one error type of the protocol. An error is a fact: what
// happened, in which field or step, and which section of which RFC says so. The alert
// that the peer is told follows from it, and is sent in one place only, by whoever
// drives the connection.
package alert

import (
	"errors"
	"fmt"

	"github.com/akushu/akushu/internal/iana"
)

// Kind sorts errors by whose fault they are and of what sort.
type Kind uint8

// The kinds of error, with the alert that each implies unless the RFC names another.
const (
	KindMalformed    Kind = iota // the bytes do not form what they should: decode_error
	KindUnexpected               // a message or record out of its order: unexpected_message
	KindIllegal                  // well-formed, but against the rules: illegal_parameter
	KindNoCommon                 // the two ends have nothing in common: handshake_failure
	KindAuth                     // a certificate that is missing, bad or not trusted: bad_certificate
	KindBadSignature             // a signature, Finished or binder that does not verify: decrypt_error
	KindBadRecord                // a record that does not decrypt: bad_record_mac
	KindTooLarge                 // a limit was passed: record_overflow, or as the limit says
	KindInternal                 // a fault on this side: internal_error
)

var kinds = [...]struct {
	name  string
	alert iana.Alert
}{
	KindMalformed:    {"malformed", iana.AlertDecodeError},
	KindUnexpected:   {"unexpected", iana.AlertUnexpectedMessage},
	KindIllegal:      {"illegal", iana.AlertIllegalParameter},
	KindNoCommon:     {"no_common_ground", iana.AlertHandshakeFailure},
	KindAuth:         {"authentication", iana.AlertBadCertificate},
	KindBadSignature: {"bad_signature", iana.AlertDecryptError},
	KindBadRecord:    {"bad_record", iana.AlertBadRecordMAC},
	KindTooLarge:     {"too_large", iana.AlertRecordOverflow},
	KindInternal:     {"internal", iana.AlertInternalError},
}

// String returns a stable code for the kind, such as "no_common_ground".
func (k Kind) String() string { return kinds[k].name }

// Error is a failure of the protocol.
type Error struct {
	Alert iana.Alert // what the peer is told
	Kind  Kind
	Where string // field path, message or step: "client_hello.key_share.client_shares"
	Ref   string // "RFC 9846 §4.3.8"
	Err   error  // what is wrong, without the place
}

// Error says the place, the fault and the section, in crypto/tls's tone.
func (e *Error) Error() string {
	s := "tls: "
	if e.Where != "" {
		s += e.Where + ": "
	}
	s += e.Err.Error()
	if e.Ref != "" {
		s += " (" + e.Ref + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// With returns e with another alert than its kind implies.
func (e *Error) With(a iana.Alert) *Error {
	e.Alert = a
	return e
}

// New makes an error of kind k, with the alert that the kind implies.
func New(k Kind, where, ref, format string, args ...any) *Error {
	return &Error{Alert: kinds[k].alert, Kind: k, Where: where, Ref: ref, Err: fmt.Errorf(format, args...)}
}

// Malformed reports bytes that do not form what they should.
func Malformed(where, ref, format string, args ...any) *Error {
	return New(KindMalformed, where, ref, format, args...)
}

// Unexpected reports a message or record that may not come now.
func Unexpected(where, ref, format string, args ...any) *Error {
	return New(KindUnexpected, where, ref, format, args...)
}

// Illegal reports a value that is against the rules.
func Illegal(where, ref, format string, args ...any) *Error {
	return New(KindIllegal, where, ref, format, args...)
}

// NoCommonGround reports that the two ends share no version, suite, group or the like.
func NoCommonGround(where, ref, format string, args ...any) *Error {
	return New(KindNoCommon, where, ref, format, args...)
}

// Auth reports a certificate that is missing, bad or not trusted.
func Auth(where, ref, format string, args ...any) *Error {
	return New(KindAuth, where, ref, format, args...)
}

// BadSignature reports a signature, Finished or binder that does not verify.
func BadSignature(where, ref, format string, args ...any) *Error {
	return New(KindBadSignature, where, ref, format, args...)
}

// BadRecord reports a record that does not decrypt.
func BadRecord(where, ref, format string, args ...any) *Error {
	return New(KindBadRecord, where, ref, format, args...)
}

// TooLarge reports a limit that was passed.
func TooLarge(where, ref, format string, args ...any) *Error {
	return New(KindTooLarge, where, ref, format, args...)
}

// Internal reports a fault on this side.
func Internal(where, format string, args ...any) *Error {
	return New(KindInternal, where, "", format, args...)
}

// For returns the alert that err implies: its own where an [Error] is in its chain,
// internal_error otherwise.
func For(err error) iana.Alert {
	var e *Error
	if errors.As(err, &e) {
		return e.Alert
	}
	return iana.AlertInternalError
}
