package msg

import "github.com/akushu/akushu/internal/iana"

// Rows lists which extensions have a layout in which message.
func Rows() map[string][]iana.ExtensionType {
	return map[string][]iana.ExtensionType{
		"client_hello":         clientHelloExtensions.codes(),
		"server_hello":         serverHelloExtensions.codes(),
		"hello_retry_request":  helloRetryExtensions.codes(),
		"encrypted_extensions": encryptedExtensions.codes(),
		"certificate_request":  certificateRequestExtensions.codes(),
		"certificate":          certificateExtensions.codes(),
		"new_session_ticket":   newSessionTicketExtensions.codes(),
	}
}

func (r *registry[M]) codes() (codes []iana.ExtensionType) {
	for _, k := range append(r.low[:], r.high...) {
		if k.layout != nil {
			codes = append(codes, k.code)
		}
	}
	return codes
}

// Types lists the message types that have a layout.
func Types() (types []iana.HandshakeType) {
	for t, f := range forms {
		if f != nil {
			types = append(types, iana.HandshakeType(t))
		}
	}
	return types
}
