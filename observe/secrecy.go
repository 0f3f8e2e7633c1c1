package observe

import "github.com/akushu/akushu/internal/iana"

// The values of Parameters.ForwardSecretWhy.
const (
	WhyEphemeral = "ephemeral_key_exchange" // keys were made for this connection alone
	WhyStatic    = "static_key_exchange"    // who gets the long-term key can read a recording
	WhyPSKOnly   = "psk_only"               // who gets the PSK can read a recording
	WhyResumed   = "resumed_session"        // who gets the old session's secret, or the key of its ticket, can
	WhyNotKnown  = "not_known"              // how keys were exchanged was not seen, or is not known here
)

// secrecy works out from what is settled so far the parts of the suite, and whether the
// connection is forward secret.
func (f *fold) secrecy() {
	s := f.s
	if s.CipherSuite == "" {
		return
	}
	x, parts := partsOf(s.CipherSuite)
	if f.version == iana.VersionSSL20 {
		x, parts = exchanges["RSA"], SuiteParts{KeyExchange: "RSA", Authentication: "RSA", Hash: "MD5"}
	}
	if x == (exchange{}) {
		x = f.exchange13()
		parts.KeyExchange, parts.Authentication = x.keyExchange, x.auth
	}
	s.Suite = parts
	s.ForwardSecret, s.ForwardSecretWhy = x.forwardSecret, whyOf(x)
	if s.Resumed && x.forwardSecret != No && !f.is13() {
		s.ForwardSecret, s.ForwardSecretWhy = No, WhyResumed
	}
}

func (f *fold) is13() bool { return is13(f.version) }

// exchange13 is the exchange of TLS 1.3, where the suite says nothing of it.
func (f *fold) exchange13() exchange {
	x := exchange{forwardSecret: Unknown, auth: schemeAuth(f.s.SignatureScheme)}
	if f.s.Resumed {
		x.auth = "PSK"
	}
	switch {
	case f.psk:
		x.keyExchange, x.forwardSecret = "PSK", No
	case f.s.Group != "":
		x.keyExchange, x.forwardSecret = groupExchange(f.group), Yes
	}
	return x
}

func whyOf(x exchange) string {
	switch {
	case x.forwardSecret == Yes:
		return WhyEphemeral
	case x.forwardSecret != No:
		return WhyNotKnown
	case x.keyExchange == "PSK":
		return WhyPSKOnly
	}
	return WhyStatic
}
