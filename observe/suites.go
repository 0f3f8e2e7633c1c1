package observe

import (
	"bytes"
	"strings"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

// A cipher suite's registered name says what it is made of, of suites too that are not
// implemented: TLS_<key exchange>_<authentication>_WITH_<cipher>_<hash> before TLS 1.3, and
// TLS_<cipher>_<hash> since.

// exchange is what the first half of a name stands for.
type exchange struct {
	form          msg.KeyExchange // of the messages; unknown where they have no layout
	keyExchange   string
	auth          string
	forwardSecret Answer
}

var exchanges = map[string]exchange{
	"RSA":         {msg.KeyExchangeRSA, "RSA", "RSA", No},
	"DHE_RSA":     {msg.KeyExchangeDHE, "DHE", "RSA", Yes},
	"DHE_DSS":     {msg.KeyExchangeDHE, "DHE", "DSS", Yes},
	"DH_anon":     {msg.KeyExchangeDHAnon, "DHE", "anonymous", Yes},
	"DH_RSA":      {0, "DH", "RSA", No},
	"DH_DSS":      {0, "DH", "DSS", No},
	"ECDHE_RSA":   {msg.KeyExchangeECDHE, "ECDHE", "RSA", Yes},
	"ECDHE_ECDSA": {msg.KeyExchangeECDHE, "ECDHE", "ECDSA", Yes},
	"ECDH_anon":   {msg.KeyExchangeECDHAnon, "ECDHE", "anonymous", Yes},
	"ECDH_RSA":    {0, "ECDH", "RSA", No},
	"ECDH_ECDSA":  {0, "ECDH", "ECDSA", No},
	"PSK":         {msg.KeyExchangePSK, "PSK", "PSK", No},
	"PSK_DHE":     {msg.KeyExchangeDHEPSK, "DHE", "PSK", Yes},
	"DHE_PSK":     {msg.KeyExchangeDHEPSK, "DHE", "PSK", Yes},
	"RSA_PSK":     {msg.KeyExchangeRSAPSK, "RSA", "PSK", No},
	"ECDHE_PSK":   {msg.KeyExchangeECDHEPSK, "ECDHE", "PSK", Yes},
	"ECCPWD":      {0, "ECCPWD", "password", Yes},
	"SRP_SHA":     {0, "SRP", "password", Yes},
	"SRP_SHA_RSA": {0, "SRP", "RSA", Yes},
	"SRP_SHA_DSS": {0, "SRP", "DSS", Yes},
	"KRB5":        {0, "Kerberos 5", "Kerberos 5", Unknown},
	"NULL":        {0, "NULL", "NULL", No},
}

var hashes = map[string]string{
	"MD5": "MD5", "SHA": "SHA-1", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512", "SM3": "SM3",
}

// partsOf takes a suite apart. The exchange is empty for suites of TLS 1.3.
func partsOf(name string) (exchange, SuiteParts) {
	first, last, cut := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	if !cut {
		first, last = "", first
	}
	first, _, _ = strings.Cut(first, "_EXPORT")
	x := exchanges[first]
	p := SuiteParts{KeyExchange: x.keyExchange, Authentication: x.auth, Hash: "SHA-256"} // the default of TLS 1.2 (RFC 5246 §5)
	if i := strings.LastIndexByte(last, '_'); i > 0 && hashes[last[i+1:]] != "" {
		last, p.Hash = last[:i], hashes[last[i+1:]]
	}
	p.Cipher = strings.ReplaceAll(last, "_", "-")
	return x, p
}

// cipherNames cuts what stands behind WITH in a suite's name: "DES-CBC" and "SHA".
func cipherNames(id iana.CipherSuite) (cipherName, hashName string) {
	_, last, _ := strings.Cut(id.String(), "_WITH_")
	i := strings.LastIndexByte(last, '_')
	if i < 0 {
		return "", ""
	}
	return strings.ReplaceAll(last[:i], "_", "-"), last[i+1:]
}

// keyExchangeOf is the form of a suite's key exchange messages.
func keyExchangeOf(id iana.CipherSuite) msg.KeyExchange {
	x, _ := partsOf(id.String())
	return x.form
}

// finiteFields are the groups of RFC 7919.
var finiteFields = []iana.NamedGroup{
	iana.GroupFFDHE2048, iana.GroupFFDHE3072, iana.GroupFFDHE4096, iana.GroupFFDHE6144, iana.GroupFFDHE8192,
}

// finiteGroup is the group of RFC 7919 whose numbers a ServerKeyExchange has, or 0.
func finiteGroup(m *msg.ServerKeyExchange) iana.NamedGroup {
	p, g := bytes.TrimLeft(m.P, "\x00"), bytes.TrimLeft(m.G, "\x00")
	for _, id := range finiteFields {
		if f := suite.GroupByID(id).Field(); bytes.Equal(f.P, p) && bytes.Equal(f.G, g) {
			return id
		}
	}
	return 0
}

// groupExchange is the key exchange of a group, in the words of SuiteParts.
func groupExchange(id iana.NamedGroup) string {
	if g := suite.GroupByID(id); g != nil {
		return g.KeyExchange.String()
	}
	switch name := id.String(); {
	case strings.HasPrefix(name, "ffdhe"):
		return "DHE"
	case strings.HasPrefix(name, "MLKEM"):
		return "ML-KEM"
	case strings.Contains(name, "MLKEM"):
		return suite.KeyExchangeHybrid.String()
	}
	return suite.KeyExchangeECDHE.String()
}

// schemeAuth is the authentication of a signature scheme, in the words of SuiteParts.
func schemeAuth(name string) string {
	for _, s := range [...]struct{ prefix, auth string }{
		{"rsa_", "RSA"}, {"ecdsa_", "ECDSA"}, {"ed", "EdDSA"}, {"mldsa", "ML-DSA"}, {"dsa_", "DSS"}, {"sm2", "SM2"},
	} {
		if strings.HasPrefix(name, s.prefix) {
			return s.auth
		}
	}
	return ""
}
