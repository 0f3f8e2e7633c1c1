package msg

import (
	"bytes"

	"github.com/akushu/akushu/internal/iana"
)

// candidate is one thing that a message may be.
type candidate struct {
	ctx Context
	new func() Message
}

// forms lists what each msg_type may be; versions and key exchanges choose among them.
var forms = map[iana.HandshakeType][]form{
	iana.HandshakeHelloRequest:          {{always, make_[HelloRequest]}},
	iana.HandshakeClientHello:           {{always, make_[ClientHello]}},
	iana.HandshakeServerHello:           {{always, make_[ServerHello]}},
	iana.HandshakeNewSessionTicket:      {{in13, make_[NewSessionTicket]}, {before13, make_[NewSessionTicket12]}},
	iana.HandshakeEndOfEarlyData:        {{always, make_[EndOfEarlyData]}},
	iana.HandshakeEncryptedExtensions:   {{always, make_[EncryptedExtensions]}},
	iana.HandshakeCertificate:           {{in13, make_[Certificate]}, {before13, make_[Certificate12]}},
	iana.HandshakeServerKeyExchange:     {{before13, make_[ServerKeyExchange]}},
	iana.HandshakeCertificateRequest:    {{in13, make_[CertificateRequest]}, {before13, make_[CertificateRequest12]}},
	iana.HandshakeServerHelloDone:       {{always, make_[ServerHelloDone]}},
	iana.HandshakeCertificateVerify:     {{always, make_[CertificateVerify]}, {before12, make_[CertificateVerify10]}},
	iana.HandshakeClientKeyExchange:     {{before13, make_[ClientKeyExchange]}},
	iana.HandshakeFinished:              {{always, make_[Finished]}},
	iana.HandshakeCertificateStatus:     {{always, make_[CertificateStatus]}},
	iana.HandshakeKeyUpdate:             {{always, make_[KeyUpdate]}},
	iana.HandshakeCompressedCertificate: {{always, make_[CompressedCertificate]}},
}

// form is a message and the versions in which a msg_type means it.
type form struct {
	versions []iana.Version // what an observer who does not know the version may assume
	new      func() Message
}

func make_[T any, P interface {
	*T
	Message
}]() Message {
	return P(new(T))
}

var (
	always   = []iana.Version{0}
	in13     = []iana.Version{iana.VersionTLS13}
	before13 = []iana.Version{iana.VersionTLS12, iana.VersionTLS11}
	before12 = []iana.Version{iana.VersionTLS11}
)

// fits reports whether f may be what version v means; v is 0 while unknown.
func (f *form) fits(v iana.Version) bool {
	if v == 0 || f.versions[0] == 0 {
		return true
	}
	return tls13(v) == tls13(f.versions[0])
}

// candidates lists what raw may be, the likeliest first, with the contexts that say so.
func candidates(ctx *Context, raw []byte) []candidate {
	t, _ := Type(raw)
	if t == iana.HandshakeServerHello && isHelloRetryRequest(raw) {
		return []candidate{{*ctx, make_[HelloRetryRequest]}}
	}
	var all []candidate
	for _, f := range forms[t] {
		if !f.fits(ctx.Version) {
			continue
		}
		for _, v := range f.versions {
			if ctx.Version != 0 {
				v = ctx.Version
			}
			all = append(all, keyExchanges(t, *ctx, v, f.new)...)
			if ctx.Version != 0 {
				break
			}
		}
	}
	if len(all) == 0 {
		all = append(all, candidate{*ctx, func() Message { return &Unknown{MsgType: t} }})
	}
	return all
}

// observable is the order in which an observer tries key exchanges.
var observable = []KeyExchange{
	KeyExchangeECDHE, KeyExchangeDHE, KeyExchangeRSA, KeyExchangeECDHAnon, KeyExchangeDHAnon,
	KeyExchangePSK, KeyExchangeECDHEPSK, KeyExchangeDHEPSK, KeyExchangeRSAPSK,
}

// keyExchanges multiplies a candidate by the key exchanges that it may have.
func keyExchanges(t iana.HandshakeType, ctx Context, v iana.Version, new func() Message) []candidate {
	ctx.Version = v
	depends := t == iana.HandshakeServerKeyExchange || t == iana.HandshakeClientKeyExchange
	if !depends || ctx.KeyExchange != KeyExchangeUnknown {
		return []candidate{{ctx, new}}
	}
	var all []candidate
	for _, kx := range observable {
		ctx.KeyExchange = kx
		all = append(all, candidate{ctx, new})
	}
	return all
}

// isHelloRetryRequest reports whether raw, a ServerHello with its header, has the random
// that makes it a HelloRetryRequest (RFC 9846 §4.2.3).
func isHelloRetryRequest(raw []byte) bool {
	const random = HeaderLength + 2
	return len(raw) >= random+32 && bytes.Equal(raw[random:random+32], HelloRetryRandom[:])
}
