package handshake

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// answers is the extensions by which a server of any version answers the client's: they stand in ServerHello before TLS
// 1.3, and in EncryptedExtensions there.
type answers struct {
	x                      *msg.Extensions
	alpn                   *[]msg.ProtocolName
	clientType, serverType *uint8
	recordLimit            *uint16
}

// answer says what was chosen. resumed is that a session or a key stands in for certificates, so that nothing is said of
// them, nor of the server's name (RFC 6066 §3).
func (s *server) answer(a answers, resumed bool) (err error) {
	if s.result.ServerName != "" && !resumed {
		a.x.Add(iana.ExtServerName)
	}
	if s.result.ALPN != "" {
		*a.alpn = []msg.ProtocolName{msg.ProtocolName(s.result.ALPN)}
		a.x.Add(iana.ExtApplicationLayerProtocolNegotiation)
	}
	if !resumed {
		s.answerCertTypes(a.x, a.clientType, a.serverType)
	}
	if *a.recordLimit, err = s.answerRecordLimit(); *a.recordLimit > 0 {
		a.x.Add(iana.ExtRecordSizeLimit)
	}
	return err
}

// recvAnswers takes what the server chose in a message.
func (c *client) recvAnswers(message string, a answers) error {
	if err := c.recvCertTypes(message, a.x, *a.clientType, *a.serverType); err != nil {
		return err
	}
	if err := c.recvRecordLimit(message, a.x, *a.recordLimit); err != nil {
		return err
	}
	return c.recvALPN(message, a.x, *a.alpn)
}
