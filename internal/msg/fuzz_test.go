package msg_test

import (
	"testing"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// A target for each message. Its seeds are the samples of that type; what is fuzzed is the
// bytes, once as they are and once with a header that fits, and the context.

func FuzzHelloRequest(f *testing.F)          { fuzz(f, iana.HandshakeHelloRequest) }
func FuzzClientHello(f *testing.F)           { fuzz(f, iana.HandshakeClientHello) }
func FuzzServerHello(f *testing.F)           { fuzz(f, iana.HandshakeServerHello) } // HelloRetryRequest too
func FuzzNewSessionTicket(f *testing.F)      { fuzz(f, iana.HandshakeNewSessionTicket) }
func FuzzEndOfEarlyData(f *testing.F)        { fuzz(f, iana.HandshakeEndOfEarlyData) }
func FuzzEncryptedExtensions(f *testing.F)   { fuzz(f, iana.HandshakeEncryptedExtensions) }
func FuzzCertificate(f *testing.F)           { fuzz(f, iana.HandshakeCertificate) }
func FuzzServerKeyExchange(f *testing.F)     { fuzz(f, iana.HandshakeServerKeyExchange) }
func FuzzCertificateRequest(f *testing.F)    { fuzz(f, iana.HandshakeCertificateRequest) }
func FuzzServerHelloDone(f *testing.F)       { fuzz(f, iana.HandshakeServerHelloDone) }
func FuzzCertificateVerify(f *testing.F)     { fuzz(f, iana.HandshakeCertificateVerify) }
func FuzzClientKeyExchange(f *testing.F)     { fuzz(f, iana.HandshakeClientKeyExchange) }
func FuzzFinished(f *testing.F)              { fuzz(f, iana.HandshakeFinished) }
func FuzzCertificateURL(f *testing.F)        { fuzz(f, iana.HandshakeCertificateURL) }
func FuzzCertificateStatus(f *testing.F)     { fuzz(f, iana.HandshakeCertificateStatus) }
func FuzzSupplementalData(f *testing.F)      { fuzz(f, iana.HandshakeSupplementalData) }
func FuzzKeyUpdate(f *testing.F)             { fuzz(f, iana.HandshakeKeyUpdate) }
func FuzzCompressedCertificate(f *testing.F) { fuzz(f, iana.HandshakeCompressedCertificate) }
func FuzzNextProtocol(f *testing.F)          { fuzz(f, iana.HandshakeNextProtocol) }
func FuzzUnknown(f *testing.F)               { fuzz(f, iana.HandshakeMessageHash) }

func fuzz(f *testing.F, typ iana.HandshakeType) {
	seeds := 0
	for _, s := range samples(f) {
		if got, _ := msg.Type(s.raw); got == typ && len(s.raw) > 0 {
			f.Add(s.raw, uint16(s.ctx.Version), uint8(s.ctx.KeyExchange), uint8(s.ctx.CertType), uint8(s.ctx.Protocol))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatalf("there is no sample of %v", typ)
	}
	f.Fuzz(func(t *testing.T, raw []byte, version uint16, kx, certType, protocol uint8) {
		ctx := &msg.Context{
			Version:     iana.Version(version),
			KeyExchange: msg.KeyExchange(kx) % (msg.KeyExchangeDHAnon + 1),
			CertType:    iana.CertificateType(certType),
			Protocol:    msg.Protocol(protocol),
		}
		promises(t, ctx, raw)
		if len(raw) >= msg.HeaderLength {
			raw[0] = byte(typ)
			reframe(raw)
			promises(t, ctx, raw)
		}
	})
}
