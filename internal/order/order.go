// Package order knows which handshake message may come when, and which extension may stand in
// which message: as data, for the flows, for an observer and for the documentation.
//
// The order of messages is a small grammar for each version, one conversation with both ends
// in it, where a part may be optional, one of several, repeated, or the answer to a
// CertificateRequest. [Draw] shows a grammar as the figures of the RFCs do; a [Tracker]
// follows a conversation through it and says what was expected where something else came.
//
// The placement of extensions is a table. [Allowed], [NeedsRequest] and [CheckExtensions]
// read it.
package order

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Message is something with a place in the order: a handshake message, by its msg_type, or
// one of the few things that are not a msg_type of their own.
type Message uint16

// What is not a msg_type.
const (
	HelloRetryRequest Message = 0x100 + iota // a ServerHello on the wire
	ChangeCipherSpec                         // a content type
	ApplicationData                          // a content type
)

// The handshake messages that have a place.
const (
	HelloRequest          = Message(iana.HandshakeHelloRequest)
	ClientHello           = Message(iana.HandshakeClientHello)
	ServerHello           = Message(iana.HandshakeServerHello)
	NewSessionTicket      = Message(iana.HandshakeNewSessionTicket)
	EndOfEarlyData        = Message(iana.HandshakeEndOfEarlyData)
	EncryptedExtensions   = Message(iana.HandshakeEncryptedExtensions)
	Certificate           = Message(iana.HandshakeCertificate)
	ServerKeyExchange     = Message(iana.HandshakeServerKeyExchange)
	CertificateRequest    = Message(iana.HandshakeCertificateRequest)
	ServerHelloDone       = Message(iana.HandshakeServerHelloDone)
	CertificateVerify     = Message(iana.HandshakeCertificateVerify)
	ClientKeyExchange     = Message(iana.HandshakeClientKeyExchange)
	Finished              = Message(iana.HandshakeFinished)
	CertificateURL        = Message(iana.HandshakeCertificateURL)
	CertificateStatus     = Message(iana.HandshakeCertificateStatus)
	SupplementalData      = Message(iana.HandshakeSupplementalData)
	KeyUpdate             = Message(iana.HandshakeKeyUpdate)
	CompressedCertificate = Message(iana.HandshakeCompressedCertificate)
	NextProtocol          = Message(iana.HandshakeNextProtocol)
)

// Of returns m's place in the order.
func Of(m msg.Message) Message {
	switch m.(type) {
	case *msg.HelloRetryRequest, *msg.HelloRetryRequestDraft:
		return HelloRetryRequest
	}
	return Message(m.Type())
}

// String returns the RFCs' name of the structure, such as "ServerHello".
func (m Message) String() string {
	switch m {
	case HelloRetryRequest:
		return "HelloRetryRequest"
	case ChangeCipherSpec:
		return "ChangeCipherSpec"
	case ApplicationData:
		return "application data"
	}
	return iana.HandshakeType(m).StructName()
}

// Name returns the name that begins the paths of m's fields, such as "server_hello".
func (m Message) Name() string {
	switch m {
	case HelloRetryRequest:
		return "hello_retry_request"
	case ChangeCipherSpec:
		return "change_cipher_spec"
	case ApplicationData:
		return "application_data"
	}
	return iana.HandshakeType(m).String()
}

// Side is an end of the connection.
type Side uint8

// The two ends.
const (
	Client Side = iota
	Server
)

// String returns "client" or "server".
func (s Side) String() string { return [...]string{"client", "server"}[s&1] }

// Peer returns the other end.
func (s Side) Peer() Side { return 1 - s }
