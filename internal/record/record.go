// Package record is the record layer (RFC 9846 §5, RFC 5246 §6): how a byte stream is cut into records, how these are
// protected, and how handshake messages lie in them.
//
// The two directions of a connection are two halves that know nothing of each other. [Opener] and [Sealer] do one half's
// protection and no more: the observer opens with an [Opener] what it is pushed. [Reader] and [Writer] put them on a
// connection, with buffers that are borrowed while there is something in them. [Messages] makes handshake messages of
// records, wherever these come from.
//
// Nothing here knows the order of messages or sends an alert: what is out of order, or may be passed over, is for the
// caller to say.
package record

import (
	"encoding/binary"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// HeaderLen is the length in bytes of what stands before each fragment.
const HeaderLen = 5

// The most bytes that a record may carry.
const (
	MaxPlaintext    = 1 << 14             // of content (RFC 9846 §5.1, RFC 5246 §6.2.1)
	MaxCiphertext13 = MaxPlaintext + 256  // of a protected fragment (RFC 9846 §5.2)
	MaxCiphertext12 = MaxPlaintext + 2048 // of one before TLS 1.3 (RFC 5246 §6.2.3)
)

// Header is what stands before each fragment.
type Header struct {
	Type    iana.ContentType // what is inside, as far as it shows from outside
	Version iana.Version     // legacy_record_version (RFC 9846 §5.1), version before (RFC 5246 §6.2.1)
	Length  int              // of the fragment, 0 to 65535 bytes
}

// ParseHeader reads the first HeaderLen bytes of b. Any five bytes are a header; whether it makes sense is not its matter.
func ParseHeader(b []byte) Header {
	return Header{
		Type:    iana.ContentType(b[0]),
		Version: iana.Version(binary.BigEndian.Uint16(b[1:])),
		Length:  int(binary.BigEndian.Uint16(b[3:])),
	}
}

// Append appends the header's bytes to dst.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, byte(h.Type))
	dst = binary.BigEndian.AppendUint16(dst, uint16(h.Version))
	return binary.BigEndian.AppendUint16(dst, uint16(h.Length))
}

// NotTLSError reports a connection whose first bytes begin no record of TLS: the other end does not speak it, or not here. It is an unexpected_message, but no alert helps a peer that cannot read it.
type NotTLSError struct {
	Header [HeaderLen]byte // what came instead
	fact   *alert.Error
}

func notTLS(first []byte) *NotTLSError {
	e := &NotTLSError{fact: alert.Unexpected("record", "RFC 9846 §5.1", "the first bytes, %q, do not begin a record of TLS", first)}
	copy(e.Header[:], first)
	return e
}

// Error says what came.
func (e *NotTLSError) Error() string { return e.fact.Error() }

// Unwrap returns the [alert.Error].
func (e *NotTLSError) Unwrap() error { return e.fact }

// known reports whether TLS has records of this type (RFC 9846 §5.1). What length another one has is not worth waiting for.
func (h Header) known() bool {
	return h.Type >= iana.ContentChangeCipherSpec && h.Type <= iana.ContentApplicationData
}

// begins reports whether the first record of a connection is one of TLS, of any version that has this form of record. RFC
// 9846 §5.1 has us ignore the minor version, which says 0x0301 or 0x0303 today. One that may not come first is for the
// caller to refuse: who sent it understands the alert.
func (h Header) begins() bool { return h.known() && h.Version>>8 == iana.VersionSSL30>>8 }
