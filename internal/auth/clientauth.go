package auth

// ClientAuth is what a server asks of its clients. Its values are those of crypto/tls's
// ClientAuthType.
type ClientAuth uint8

// The values.
const (
	NoClientCert               ClientAuth = iota // no certificate is asked for
	RequestClientCert                            // asked for; none, and any, is accepted
	RequireAnyClientCert                         // one is required, and any is accepted
	VerifyClientCertIfGiven                      // none is accepted, one is verified
	RequireAndVerifyClientCert                   // one is required, and verified
)

// Requests reports whether a certificate is asked for.
func (c ClientAuth) Requests() bool { return c != NoClientCert }

// Requires reports whether a client without a certificate is refused.
func (c ClientAuth) Requires() bool {
	return c == RequireAnyClientCert || c == RequireAndVerifyClientCert
}

// Verifies reports whether a certificate that comes is verified.
func (c ClientAuth) Verifies() bool { return c >= VerifyClientCertIfGiven }
