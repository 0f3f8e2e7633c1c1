package handshake

import (
	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/order"
)

// checkResponses checks the extensions of a message that answers: each must have been
// requested (else unsupported_extension) and may stand there (else illegal_parameter),
// RFC 9846 §4.3.
func checkResponses(message string, v iana.Version, x *msg.Extensions, requested func(iana.ExtensionType) bool) error {
	const ref = "RFC 9846 §4.3"
	for _, e := range x.Order {
		where := message + "." + e.Type.String()
		if order.NeedsRequest(message, e.Type) && !requested(e.Type) {
			return alert.Illegal(where, ref, "it was not asked for").With(iana.AlertUnsupportedExtension)
		}
		if !order.Allowed(message, e.Type, v) {
			return alert.Illegal(where, ref, "it may not stand in this message")
		}
	}
	return nil
}
