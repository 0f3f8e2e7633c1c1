package main

import (
	"strings"
	"unicode"
)

// initialisms are the words that Go writes in capitals. Digits that follow one belong to it: sha256 is SHA256.
var initialisms = wordSet(`
	aead aes ca cid dh dhe dhkem dms dnssec dsa dss ec ecdh ecdsa ech ekt ffdhe gcm hkdf hmac hpke
	ibs id iso kdf ke kem lts mac md mldsa mlkem oid ocsp pkcs psk pss pwd quic rrc rsa rsae sha srp srtp
	tls url`)

func wordSet(s string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(s) {
		set[word] = true
	}
	return set
}

// constantName returns the Go name of a code point: the prefix and IANA's name in Go's spelling. Without a prefix
// (cipher suites) IANA's name stays as it is.
func constantName(prefix, name string) string {
	if prefix == "" {
		return name
	}
	var b strings.Builder
	b.WriteString(prefix)
	for _, word := range words(name) {
		b.WriteString(goWord(word))
	}
	return b.String()
}

// words splits a registered name at everything that cannot stand in a Go name. A dot only falls out
// (TLS 1.2 is TLS12), and a power reads as words (2^14 is 2To14).
func words(name string) []string {
	name = strings.NewReplacer(".", "", "^", " to ").Replace(name)
	return strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// goWord spells one word: an initialism in capitals (its plural with a small s), any other with its first letter
// raised.
func goWord(word string) string {
	if isInitialism(word) {
		return strings.ToUpper(word)
	}
	if stem, ok := strings.CutSuffix(word, "s"); ok && isInitialism(stem) {
		return strings.ToUpper(stem) + "s"
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

func isInitialism(word string) bool {
	return initialisms[strings.ToLower(strings.TrimRightFunc(word, unicode.IsDigit))]
}
