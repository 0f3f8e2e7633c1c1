package msg

import (
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/wire"
)

// SSL2 is a message of SSL 2.0 that is not encrypted, with the record that it is alone in. Clients of later versions
// greeted servers in its form (RFC 5246 §E.2).
type SSL2 interface {
	wire.Struct
	// Spec is as in [Message].
	Spec() Spec
}

// The types of messages of SSL 2.0 (draft-hickman-netscape-ssl §5).
const (
	TypeClientHello2     = 1
	TypeClientMasterKey2 = 2
	TypeServerHello2     = 4
)

// CipherKind2 is a cipher kind of SSL 2.0, three bytes. Those whose first byte is 0 are cipher suites (RFC 5246 §E.2).
type CipherKind2 [3]byte

func layoutKinds2(c *wire.Codec, v *[]CipherKind2, n int) {
	for i := range n / 3 {
		if c.Decoding() {
			*v = append(*v, CipherKind2{})
		}
		if i < len(*v) {
			wire.Fixed(c, "cipher_spec", (*v)[i][:])
		}
	}
}

func layoutHeader2(c *wire.Codec, length *uint16, t *uint8) {
	wire.Uint16(c, "msg_length", length)
	wire.Uint8(c, "msg_type", t)
}

// ClientHello2 is the hello of a client that speaks SSL 2.0, or of one that lets servers choose between it and what came
// after (RFC 5246 §E.2).
type ClientHello2 struct {
	Length    uint16 // of the record, the top bit set
	MsgType   uint8
	Version   iana.Version
	Ciphers   []CipherKind2
	SessionID []byte
	Challenge []byte

	lengths [3]uint16
}

// Spec implements [SSL2].
func (*ClientHello2) Spec() Spec { return Spec{"client_hello_ssl2", "RFC 5246 §E.2"} }

// Layout implements RFC 5246 §E.2.
func (m *ClientHello2) Layout(c *wire.Codec) {
	layoutHeader2(c, &m.Length, &m.MsgType)
	wire.Uint16(c, "version", &m.Version)
	wire.Uint16(c, "cipher_spec_length", &m.lengths[0])
	wire.Uint16(c, "session_id_length", &m.lengths[1])
	wire.Uint16(c, "challenge_length", &m.lengths[2])
	layoutKinds2(c, &m.Ciphers, int(m.lengths[0]))
	wire.Bytes(c, "session_id", &m.SessionID, int(m.lengths[1]))
	wire.Bytes(c, "challenge", &m.Challenge, int(m.lengths[2]))
}

// ServerHello2 is the hello of a server that speaks SSL 2.0 (draft-hickman-netscape-ssl §5.2.1).
type ServerHello2 struct {
	Length          uint16
	MsgType         uint8
	SessionIDHit    uint8
	CertificateType uint8
	Version         iana.Version
	Certificate     []byte
	Ciphers         []CipherKind2
	ConnectionID    []byte

	lengths [3]uint16
}

// Spec implements [SSL2].
func (*ServerHello2) Spec() Spec {
	return Spec{"server_hello_ssl2", "draft-hickman-netscape-ssl §5.2.1"}
}

// Layout implements draft-hickman-netscape-ssl §5.2.1.
func (m *ServerHello2) Layout(c *wire.Codec) {
	layoutHeader2(c, &m.Length, &m.MsgType)
	wire.Uint8(c, "session_id_hit", &m.SessionIDHit)
	wire.Uint8(c, "certificate_type", &m.CertificateType)
	wire.Uint16(c, "server_version", &m.Version)
	wire.Uint16(c, "certificate_length", &m.lengths[0])
	wire.Uint16(c, "cipher_specs_length", &m.lengths[1])
	wire.Uint16(c, "connection_id_length", &m.lengths[2])
	wire.Bytes(c, "certificate", &m.Certificate, int(m.lengths[0]))
	layoutKinds2(c, &m.Ciphers, int(m.lengths[1]))
	wire.Bytes(c, "connection_id", &m.ConnectionID, int(m.lengths[2]))
}

// ClientMasterKey2 is the secret of a client that speaks SSL 2.0, for the server's key, and the cipher kind that it chose
// (draft-hickman-netscape-ssl §5.1.2).
type ClientMasterKey2 struct {
	Length                           uint16
	MsgType                          uint8
	Cipher                           CipherKind2
	ClearKey, EncryptedKey, Argument []byte

	lengths [3]uint16
}

// Spec implements [SSL2].
func (*ClientMasterKey2) Spec() Spec {
	return Spec{"client_master_key_ssl2", "draft-hickman-netscape-ssl §5.1.2"}
}

// Layout implements draft-hickman-netscape-ssl §5.1.2.
func (m *ClientMasterKey2) Layout(c *wire.Codec) {
	layoutHeader2(c, &m.Length, &m.MsgType)
	wire.Fixed(c, "cipher_kind", m.Cipher[:])
	wire.Uint16(c, "clear_key_length", &m.lengths[0])
	wire.Uint16(c, "encrypted_key_length", &m.lengths[1])
	wire.Uint16(c, "key_arg_length", &m.lengths[2])
	wire.Bytes(c, "clear_key_data", &m.ClearKey, int(m.lengths[0]))
	wire.Bytes(c, "encrypted_key_data", &m.EncryptedKey, int(m.lengths[1]))
	wire.Bytes(c, "key_arg_data", &m.Argument, int(m.lengths[2]))
}

// Decode2 reads a record of SSL 2.0 with a two-byte header that holds one of the messages here. Others are nil, and so is
// what does not fit its lengths to the byte.
func Decode2(raw []byte) (SSL2, wire.Annotation) {
	if len(raw) < 3 {
		return nil, wire.Annotation{}
	}
	var m SSL2
	switch raw[2] {
	case TypeClientHello2:
		m = new(ClientHello2)
	case TypeClientMasterKey2:
		m = new(ClientMasterKey2)
	case TypeServerHello2:
		m = new(ServerHello2)
	default:
		return nil, wire.Annotation{}
	}
	var c wire.Codec
	ann, err := c.Annotate(raw, m.Spec().Name, m, false)
	if err != nil {
		return nil, wire.Annotation{}
	}
	return m, ann
}
