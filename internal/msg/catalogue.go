package msg

import (
	"bytes"
	"iter"

	"github.com/akushu/akushu/internal/iana"
)

// A form is a message that a msg_type may mean.
type form struct {
	in    eras
	guess Context // what an observer may assume who does not know the version
	new   func() Message
}

// eras is the spans of versions in which a message keeps its form.
type eras uint8

const (
	in10 eras = 1 << iota // SSL 3.0 to TLS 1.1
	in12
	in13 // and its drafts

	before13 = in10 | in12
	since12  = in12 | in13
	always   = in10 | in12 | in13
)

func era(v iana.Version) eras {
	switch {
	case v.Since13():
		return in13
	case v == iana.VersionTLS12:
		return in12
	default:
		return in10
	}
}

// What an observer assumes while it does not know the version.
var (
	anything = Context{}
	tls13    = Context{Version: iana.VersionTLS13}
	tls12    = Context{Version: iana.VersionTLS12}
	tls11    = Context{Version: iana.VersionTLS11}
	rawKey   = Context{Version: iana.VersionTLS12, CertType: iana.CertTypeRawPublicKey}
)

// forms lists what each msg_type may mean, in the order in which an observer tries.
var forms = [...][]form{
	iana.HandshakeHelloRequest: {{before13, anything, fresh[HelloRequest]}},
	iana.HandshakeClientHello:  {{always, anything, fresh[ClientHello]}},
	iana.HandshakeServerHello:  {{always, anything, fresh[ServerHello]}},
	iana.HandshakeNewSessionTicket: {
		{in13, tls13, fresh[NewSessionTicket]},
		{before13, tls12, fresh[NewSessionTicket12]},
	},
	iana.HandshakeHelloRetryRequest:   {{in13, anything, fresh[HelloRetryRequestDraft]}},
	iana.HandshakeEndOfEarlyData:      {{in13, anything, fresh[EndOfEarlyData]}},
	iana.HandshakeEncryptedExtensions: {{in13, anything, fresh[EncryptedExtensions]}},
	iana.HandshakeCertificate: {
		{in13, tls13, fresh[Certificate]},
		{before13, tls12, fresh[Certificate12]},
		{0, rawKey, fresh[Certificate12]},
	},
	iana.HandshakeServerKeyExchange: {
		{in12, tls12, fresh[ServerKeyExchange]},
		{in10, tls11, fresh[ServerKeyExchange]},
	},
	iana.HandshakeCertificateRequest: { // 1.3 last: it takes a request of 1.1 without names for one without extensions
		{in12, tls12, fresh[CertificateRequest12]},
		{in10, tls11, fresh[CertificateRequest12]},
		{in13, tls13, fresh[CertificateRequest]},
	},
	iana.HandshakeServerHelloDone: {{before13, anything, fresh[ServerHelloDone]}},
	iana.HandshakeCertificateVerify: {
		{since12, anything, fresh[CertificateVerify]},
		{in10, tls11, fresh[CertificateVerify10]},
	},
	iana.HandshakeClientKeyExchange:     {{before13, anything, fresh[ClientKeyExchange]}},
	iana.HandshakeFinished:              {{always, anything, fresh[Finished]}},
	iana.HandshakeCertificateURL:        {{before13, anything, fresh[CertificateURL]}},
	iana.HandshakeCertificateStatus:     {{before13, anything, fresh[CertificateStatus]}},
	iana.HandshakeSupplementalData:      {{before13, anything, fresh[SupplementalData]}},
	iana.HandshakeKeyUpdate:             {{in13, anything, fresh[KeyUpdate]}},
	iana.HandshakeCompressedCertificate: {{in13, anything, fresh[CompressedCertificate]}},
	iana.HandshakeNextProtocol:          {{before13, anything, fresh[NextProtocol]}},
}

func fresh[T any, P interface {
	*T
	Message
}]() Message {
	return P(new(T))
}

// formsOf lists what raw may be in version v, 0 while unknown. A message that does not
// exist in v is given the form that it has elsewhere.
func formsOf(v iana.Version, raw []byte) []form {
	t, _ := Type(raw)
	if t == iana.HandshakeServerHello && isHelloRetryRequest(raw) {
		return []form{{always, anything, fresh[HelloRetryRequest]}}
	}
	if int(t) >= len(forms) || forms[t] == nil {
		return []form{{always, anything, func() Message { return &Unknown{MsgType: t} }}}
	}
	all := forms[t]
	if v == 0 {
		return all
	}
	for i, f := range all {
		if f.in&era(v) != 0 {
			return all[i : i+1]
		}
	}
	return all[:1]
}

// Candidates lists what raw, a message with its header, may be, the likeliest first: the
// context with what it assumes where ctx leaves that open, and an empty message to decode
// raw into. There is always one.
func Candidates(ctx *Context, raw []byte) iter.Seq2[*Context, Message] {
	return func(yield func(*Context, Message) bool) {
		for _, f := range formsOf(ctx.Version, raw) {
			for _, kx := range exchanges(ctx, raw) {
				if !yield(ctx.guess(&f, kx), f.new()) {
					return
				}
			}
		}
	}
}

// guess fills in what ctx leaves open.
func (ctx *Context) guess(f *form, kx KeyExchange) *Context {
	if (ctx.Version != 0 || f.guess == anything) && kx == ctx.KeyExchange {
		return ctx
	}
	g := *ctx
	g.KeyExchange = kx
	if ctx.Version == 0 && f.guess != anything {
		g.Version = f.guess.Version
		if f.guess.CertType != iana.CertTypeX509 {
			g.CertType = f.guess.CertType
		}
	}
	return &g
}

// observable is the order in which an observer tries key exchanges.
var observable = []KeyExchange{
	KeyExchangeECDHE, KeyExchangeDHE, KeyExchangeRSA, KeyExchangeECDHAnon, KeyExchangeDHAnon,
	KeyExchangePSK, KeyExchangeECDHEPSK, KeyExchangeDHEPSK, KeyExchangeRSAPSK,
}

// exchanges lists the key exchanges that raw may belong to.
func exchanges(ctx *Context, raw []byte) []KeyExchange {
	t, _ := Type(raw)
	depends := t == iana.HandshakeServerKeyExchange || t == iana.HandshakeClientKeyExchange
	if depends && ctx.KeyExchange == KeyExchangeUnknown {
		return observable
	}
	return []KeyExchange{ctx.KeyExchange}
}

// isHelloRetryRequest reports whether raw, a ServerHello with its header, has the random
// that makes it a HelloRetryRequest (RFC 9846 §4.2.3).
func isHelloRetryRequest(raw []byte) bool {
	const random = HeaderLength + 2
	return len(raw) >= random+32 && bytes.Equal(raw[random:random+32], HelloRetryRandom[:])
}
