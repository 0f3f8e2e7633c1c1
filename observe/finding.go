package observe

import (
	"errors"
	"fmt"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// The codes of findings that are not errors of the protocol; those have their kind as
// code: "malformed", "unexpected", "illegal", ….
const (
	CodeNoCloseNotify   = "no_close_notify"    // the stream ended without the alert that says so
	CodeTruncatedRecord = "truncated_record"   // the stream ended within a record
	CodePartialMessage  = "partial_message"    // the rest of a handshake message did not come
	CodePacketsCut      = "packets_cut"        // the capture has the beginning of packets only
	CodeNotARecord      = "not_a_record"       // something else where a record should begin
	CodeCannotDecrypt   = "cannot_decrypt"     // records under these keys were not opened; see Where for why
	CodeWrongSecret     = "wrong_secret"       // the secret that the key log has does not fit
	CodeBadRecord       = "bad_record"         // a record does not open, while others under the same keys do
	CodeOverread        = "heartbeat_overread" // a heartbeat asks for more than it holds: Heartbleed
	CodeUnsupported     = "unsupported_suite"  // the cipher suite is not implemented here
)

// foundError is the finding that an error of the protocol amounts to.
func foundError(err error) *Finding {
	f := &Finding{Code: alert.KindInternal.String(), Severity: SeverityError, Text: err.Error()}
	var e *alert.Error
	if errors.As(err, &e) {
		f.Code, f.Where, f.Ref, f.Text, f.Alert = e.Kind.String(), e.Where, e.Ref, e.Err.Error(), e.Alert.String()
	}
	return f
}

// fault notes an error of the protocol.
func (h *half) fault(t time.Time, err error) { h.found(t, foundError(err)) }

// onceLimit bounds how many different findings are remembered as told.
const onceLimit = 64

// foundOnce tells a finding, unless it was told before.
func (h *half) foundOnce(t time.Time, f *Finding) {
	if h.c.once[*f] || len(h.c.once) >= onceLimit {
		return
	}
	if h.c.once == nil {
		h.c.once = make(map[Finding]bool)
	}
	h.c.once[*f] = true
	h.found(t, f)
}

func noCloseNotify() *Finding {
	return &Finding{
		Code: CodeNoCloseNotify, Severity: SeverityWarning, Ref: "RFC 9846 §6.1",
		Text: "the stream ended without close_notify, and may have been cut",
	}
}

func truncatedRecord(n int) *Finding {
	return &Finding{
		Code: CodeTruncatedRecord, Severity: SeverityError, Where: "record", Ref: "RFC 9846 §5.1",
		Text: fmt.Sprintf("the stream ended %d bytes into a record", n),
	}
}

func partialMessage(where string) *Finding {
	return &Finding{
		Code: CodePartialMessage, Severity: SeverityWarning, Where: where, Ref: "RFC 9846 §5.1",
		Text: "the rest of a handshake message did not come",
	}
}

func packetsCut(n int) *Finding {
	return &Finding{
		Code: CodePacketsCut, Severity: SeverityWarning,
		Text: fmt.Sprintf("the capture kept only the beginning of packets (snap length), %d on this connection", n),
	}
}

func noRecord(b []byte) *Finding {
	return &Finding{
		Code: CodeNotARecord, Severity: SeverityError, Where: "record", Ref: "RFC 9846 §5.1",
		Text: fmt.Sprintf("the bytes %x do not begin a record", b[:1]),
	}
}

func overread() *Finding {
	return &Finding{
		Code: CodeOverread, Severity: SeverityError, Where: "heartbeat", Ref: "RFC 6520 §4",
		Text: "a heartbeat claims more payload than it has",
	}
}

// whyClosed has the words for why records are not opened.
var whyClosed = map[DecryptError]Finding{
	DecryptNoHello:     {Code: CodeCannotDecrypt, Severity: SeverityInfo, Text: "the hellos that the keys hang on were not seen"},
	DecryptNoSecret:    {Code: CodeCannotDecrypt, Severity: SeverityInfo, Text: "there is no secret of this connection"},
	DecryptPartial:     {Code: CodeCannotDecrypt, Severity: SeverityInfo, Text: "this secret of the connection is missing"},
	DecryptGap:         {Code: CodeCannotDecrypt, Severity: SeverityWarning, Text: "bytes before these records are missing"},
	DecryptUnsupported: {Code: CodeUnsupported, Severity: SeverityInfo, Text: "records of this cipher suite cannot be opened"},
	DecryptBadRecord:   {Code: CodeBadRecord, Severity: SeverityError, Ref: "RFC 9846 §5.2", Text: "a record was changed on its way", Alert: iana.AlertBadRecordMAC.String()},
	DecryptWrongSecret: {Code: CodeWrongSecret, Severity: SeverityWarning, Text: "records do not open with the secret that there is"},
}

// whySecret has the words for those of them that are about secrets.
var whySecret = map[DecryptError]string{
	DecryptOnly12:       "the key log has a secret of TLS 1.2 only, and this is TLS 1.3",
	DecryptOnly13:       "the key log has secrets of TLS 1.3 only, and this is an older version",
	DecryptLength:       "the secret in the key log has the wrong length",
	DecryptEncrypted:    "the premaster secret is encrypted to the server's RSA key",
	DecryptForward:      "the RSA key cannot open an ephemeral key exchange",
	DecryptOtherKey:     "the RSA key belongs to another certificate",
	DecryptRSA:          "the RSA key does not open the premaster secret",
	DecryptResumed:      "the session that is resumed was not seen",
	DecryptPSK:          "the keys come from a pre-shared key",
	DecryptPSKNotEnough: "an ephemeral key exchange is mixed into the pre-shared key",
	DecryptExtended:     "messages that the main secret depends on were not seen",
	DecryptDraft:        "records of this draft of TLS 1.3 cannot be opened",
}

// cannotOpen says why records of an epoch are not opened.
func cannotOpen(e Epoch, why DecryptError, secret string) *Finding {
	f := whyClosed[why]
	if text, known := whySecret[why]; known {
		f = Finding{Code: CodeCannotDecrypt, Severity: SeverityInfo, Text: text}
	}
	f.Where, f.Why = string(e)+" records, "+secret, why
	return &f
}
