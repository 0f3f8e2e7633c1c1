package iana

import (
	"fmt"
	"strconv"
	"strings"
)

// UnknownNameError reports a word that names no code point of a registry.
type UnknownNameError struct {
	Kind    string // what was to be named: "cipher suite", "group", …
	Name    string // the word
	Nearest string // the name that looks most like it, or "" where none does
}

// Error names the unknown word and, where there is one, the nearest name.
func (e *UnknownNameError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("unknown %s %q", e.Kind, e.Name)
	}
	return fmt.Sprintf("unknown %s %q, did you mean %q?", e.Kind, e.Name, e.Nearest)
}

// ParseCipherSuite returns the cipher suite with the registered name, such as TLS_AES_128_GCM_SHA256. Case does not
// matter; a number such as 0x1301 is accepted too. The error is an [*UnknownNameError].
func ParseCipherSuite(name string) (CipherSuite, error) {
	return parse[CipherSuite](&cipherSuiteNames, name)
}

// ParseNamedGroup returns the group with the registered name, such as x25519, secp256r1 or X25519MLKEM768, or with
// one of NIST's names P-256, P-384 and P-521. Case does not matter; a number such as 0x001d is accepted too. The
// error is an [*UnknownNameError].
func ParseNamedGroup(name string) (NamedGroup, error) {
	return parse[NamedGroup](&groupNames, name)
}

// ParseSignatureScheme returns the scheme with the registered name, such as ecdsa_secp256r1_sha256. Case does not
// matter; a number such as 0x0403 is accepted too. The error is an [*UnknownNameError].
func ParseSignatureScheme(name string) (SignatureScheme, error) {
	return parse[SignatureScheme](&schemeNames, name)
}

// ParseExtensionType returns the extension with the registered name, such as server_name, or with the name under
// which it was registered before (extended_master_secret, elliptic_curves). Case does not matter; a number such as
// 0x002b is accepted too. The error is an [*UnknownNameError].
func ParseExtensionType(name string) (ExtensionType, error) {
	return parse[ExtensionType](&extensionNames, name)
}

// ParseVersion returns the version that name means: "1.3", "TLS 1.3", "TLS1.3" and "TLSv1.3" are the same; "SSL 3.0",
// "DTLS 1.2" and "TLS 1.3 (draft 23)" are names too. Case and spaces do not matter; a number such as 0x0304 is
// accepted too. The error is an [*UnknownNameError].
func ParseVersion(name string) (Version, error) {
	return parse[Version](&versionNames, name)
}

// ParseAlert returns the alert with the registered name, such as handshake_failure, with or without _RESERVED. Case
// does not matter; a number such as 0x28 is accepted too. The error is an [*UnknownNameError].
func ParseAlert(name string) (Alert, error) {
	return parse[Alert](&alertNames, name)
}

// vocabulary is how the names of one registry may be written.
type vocabulary struct {
	kind      string
	aliases   []alias
	canonical func(string) string // two spellings are the same name if this makes them equal
}

// alias is a name of a code point beside the registered one.
type alias struct {
	name  string
	value uint16
}

var (
	cipherSuiteNames = vocabulary{kind: "cipher suite", canonical: strings.ToLower}
	groupNames       = vocabulary{kind: "group", canonical: strings.ToLower, aliases: []alias{
		{"P-256", uint16(GroupSecp256r1)},
		{"P-384", uint16(GroupSecp384r1)},
		{"P-521", uint16(GroupSecp521r1)},
	}}
	schemeNames    = vocabulary{kind: "signature scheme", canonical: strings.ToLower}
	extensionNames = vocabulary{kind: "extension", canonical: strings.ToLower, aliases: []alias{
		{"extended_master_secret", uint16(ExtExtendedMainSecret)},
		{"elliptic_curves", uint16(ExtSupportedGroups)},
	}}
	versionNames = vocabulary{kind: "version", canonical: canonicalVersion, aliases: []alias{
		{"SSLv2", uint16(VersionSSL20)},
		{"SSLv3", uint16(VersionSSL30)},
	}}
	alertNames = vocabulary{kind: "alert", canonical: canonicalAlert}
)

// canonicalVersion makes "1.2", "TLSv1.2" and "TLS 1.2" the same word.
func canonicalVersion(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), " ", "")
	name = strings.Replace(name, "tlsv", "tls", 1)
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		return "tls" + name
	}
	return name
}

func canonicalAlert(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), "_reserved")
}

// parse returns the code point that word names in the vocabulary of T's registry.
func parse[T Code](words *vocabulary, word string) (T, error) {
	if v, ok := parseNumber[T](word); ok {
		return v, nil
	}
	var zero T
	table := zero.table()
	wanted := words.canonical(word)
	for i := range table {
		if words.canonical(table[i].name) == wanted {
			return T(table[i].value), nil
		}
	}
	for _, a := range words.aliases {
		if words.canonical(a.name) == wanted {
			return T(a.value), nil
		}
	}
	return 0, &UnknownNameError{Kind: words.kind, Name: word, Nearest: words.nearest(table, wanted)}
}

// parseNumber reads what String prints for an unregistered value: 0x and as many digits as the registry is wide.
func parseNumber[T Code](word string) (T, bool) {
	bits := 8
	if ^T(0) > 0xff {
		bits = 16
	}
	digits, ok := strings.CutPrefix(word, "0x")
	if !ok || len(digits) != bits/4 {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 16, bits)
	return T(v), err == nil
}
