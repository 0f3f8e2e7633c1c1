package observe

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// Fingerprint is a short form of what a hello offers or takes, which tells software apart. GREASE counts in none.
type Fingerprint struct {
	Name  FingerprintName
	Value string
	Text  string // what Value is made of
	// Again tells that the hello is not the first of its end, whose fingerprint is the connection's.
	Again bool
}

// FingerprintName names a kind of fingerprint.
type FingerprintName string

// The kinds: JA3 and JA4 of a ClientHello, JA3S of a ServerHello.
const (
	FingerprintJA3  FingerprintName = "ja3"
	FingerprintJA3S FingerprintName = "ja3s"
	FingerprintJA4  FingerprintName = "ja4"
)

// KindFingerprint is the kind of Fingerprint.
const KindFingerprint Kind = "fingerprint"

// Kind implements Body.
func (*Fingerprint) Kind() Kind { return KindFingerprint }

// code is any code point of two bytes.
type code interface{ ~uint16 }

// codesOf makes plain numbers of code points, without GREASE.
func codesOf[T code](list []T) []uint16 {
	numbers := make([]uint16, 0, len(list))
	for _, c := range list {
		if !iana.IsGREASE(uint16(c)) {
			numbers = append(numbers, uint16(c))
		}
	}
	return numbers
}

// extensionCodes lists the extensions of a hello, in their order, without GREASE.
func extensionCodes(x *msg.Extensions) []uint16 { return codesOf(asked(x)) }

// ja3 is the version, the suites, the extensions, the groups and the point formats, in decimal, and the MD5 of that text.
func ja3(m *msg.ClientHello) *Fingerprint {
	formats := make([]uint16, len(m.PointFormats))
	for i, f := range m.PointFormats {
		formats[i] = uint16(f)
	}
	return newJA3(FingerprintJA3, uint16(m.LegacyVersion),
		codesOf(m.CipherSuites), extensionCodes(&m.Extensions), codesOf(m.SupportedGroups), formats)
}

// ja3s is the same of what a server took.
func ja3s(version iana.Version, s iana.CipherSuite, x *msg.Extensions) *Fingerprint {
	return newJA3(FingerprintJA3S, uint16(version), []uint16{uint16(s)}, extensionCodes(x))
}

func newJA3(name FingerprintName, version uint16, lists ...[]uint16) *Fingerprint {
	text := strconv.Itoa(int(version))
	for _, list := range lists {
		text += "," + joinCodes(list, decimal, "-")
	}
	sum := md5.Sum([]byte(text))
	return &Fingerprint{Name: name, Value: hex.EncodeToString(sum[:]), Text: text}
}

// decimal and hexadecimal append a number; the latter has four digits.
func decimal(b []byte, c uint16) []byte { return strconv.AppendUint(b, uint64(c), 10) }

func hexadecimal(b []byte, c uint16) []byte {
	return hex.AppendEncode(b, []byte{byte(c >> 8), byte(c)})
}

func joinCodes(list []uint16, number func(b []byte, c uint16) []byte, between string) string {
	text := make([]byte, 0, 6*len(list))
	for i, c := range list {
		if i > 0 {
			text = append(text, between...)
		}
		text = number(text, c)
	}
	return string(text)
}

// ja4 is the fingerprint of that name, as its public specification of TLS clients has it: how, and two hashes, of the
// suites and of the extensions in the order of their numbers.
func ja4(m *msg.ClientHello) *Fingerprint {
	suites, extensions := codesOf(m.CipherSuites), extensionCodes(&m.Extensions)
	how := fmt.Sprintf("t%s%s%02d%02d%s", ja4Version(m), ja4Name(extensions), min(len(suites), 99), min(len(extensions), 99), ja4ALPN(m.ALPN))
	extensions = slices.DeleteFunc(extensions, func(t uint16) bool {
		return t == uint16(iana.ExtServerName) || t == uint16(iana.ExtApplicationLayerProtocolNegotiation)
	})
	slices.Sort(suites)
	slices.Sort(extensions)
	first, second := joinCodes(suites, hexadecimal, ","), joinCodes(extensions, hexadecimal, ",")
	if schemes := codesOf(m.SignatureAlgorithms); len(schemes) > 0 {
		second += "_" + joinCodes(schemes, hexadecimal, ",")
	}
	return &Fingerprint{Name: FingerprintJA4, Value: how + "_" + ja4Hash(first) + "_" + ja4Hash(second), Text: how + "_" + first + "_" + second}
}

// ja4Hash is the beginning of a hash, and zeros for nothing.
func ja4Hash(text string) string {
	if text == "" {
		return strings.Repeat("0", 12)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

var ja4Versions = map[iana.Version]string{
	iana.VersionTLS13: "13", iana.VersionTLS12: "12", iana.VersionTLS11: "11", iana.VersionTLS10: "10",
	iana.VersionSSL30: "s3", iana.VersionSSL20: "s2",
}

// ja4Version is the highest version that is offered.
func ja4Version(m *msg.ClientHello) string {
	v := m.LegacyVersion
	if m.Extensions.Has(iana.ExtSupportedVersions) {
		v = iana.Version(slices.Max(append(codesOf(m.SupportedVersions), 0)))
	}
	if s, known := ja4Versions[v]; known {
		return s
	}
	return "00"
}

func ja4Name(extensions []uint16) string {
	if slices.Contains(extensions, uint16(iana.ExtServerName)) {
		return "d"
	}
	return "i"
}

// ja4ALPN is the first and the last character of the first protocol, of its hexadecimal form where one of them is neither
// a letter nor a digit.
func ja4ALPN(list []msg.ProtocolName) string {
	if len(list) == 0 || len(list[0]) == 0 {
		return "00"
	}
	name := string(list[0])
	if !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		name = hex.EncodeToString([]byte(name))
	}
	return name[:1] + name[len(name)-1:]
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
