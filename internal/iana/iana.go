// Package iana knows every registered code point of TLS: its type, its constant, its name and the document that
// defines it. It is the one place where a number of the protocol has a name; it knows nothing of what the numbers
// do, and imports nothing but the standard library.
//
// # Names
//
// Every value of a type prints as its registered name ([CipherSuite.String] gives TLS_AES_128_GCM_SHA256); a value
// without one prints as its number, 0x1234, or 0x12 where the registry is one byte wide. IANA and RFC 9846 append
// _RESERVED to what TLS 1.3 no longer uses; here such a code point keeps the name that its own RFC gave it, because
// TLS 1.2 and captures of older versions still use it.
//
// A constant is the prefix of its type and the registered name in Go's spelling: words begin at "_", "-" and
// spaces, dots fall out, each word begins with a capital, and initialisms with the digits that follow them are
// capitals throughout (a plural keeps its small s). Cipher suites have no prefix and keep the registered spelling:
//
//	type                    prefix             example
//	CipherSuite                                TLS_AES_128_GCM_SHA256
//	Version                 Version            VersionTLS12, VersionSSL30, VersionTLS13Draft23
//	NamedGroup              Group              GroupX25519, GroupSecp256r1, GroupX25519MLKEM768, GroupFFDHE2048
//	SignatureScheme         Scheme             SchemeRSAPSSRSAESHA256, SchemeECDSASecp256r1SHA256, SchemeEd25519
//	ExtensionType           Ext                ExtKeyShare, ExtPSKKeyExchangeModes
//	ContentType             Content            ContentAlert
//	HandshakeType           Handshake          HandshakeServerHello
//	Alert                   Alert              AlertDecodeError, AlertUnknownCA
//	AlertLevel              AlertLevel         AlertLevelFatal
//	CompressionMethod       Compression        CompressionNull
//	PSKKeyExchangeMode      Mode               ModePSKDHEKE
//	KeyUpdateRequest        Key                KeyUpdateRequested
//	CertificateType         CertType           CertTypeX509, CertTypeRawPublicKey
//	CertificateStatusType   CertStatus         CertStatusOCSP
//	CertificateCompression  CertCompression    CertCompressionZlib
//	ClientCertificateType   ClientCert         ClientCertECDSASign
//	HashAlgorithm           Hash               HashSHA256
//	SignatureAlgorithm      Signature          SignatureECDSA
//	ECCurveType             CurveType          CurveTypeNamedCurve
//	ECPointFormat           PointFormat        PointFormatUncompressed
//	NameType                NameType           NameTypeHostName
//	MaxFragmentLength       MaxFragment        MaxFragment2To12
//	HeartbeatMessageType    HeartbeatMessage   HeartbeatMessageHeartbeatRequest
//	HeartbeatMode           HeartbeatMode      HeartbeatModePeerAllowedToSend
//	CachedInformationType   CachedInformation  CachedInformationCertReq
//	HPKEKEM, HPKEKDF,       HPKE               HPKEDHKEMX25519HKDFSHA256, HPKEHKDFSHA256,
//	HPKEAEAD                                   HPKEAES128GCM
//
// The tables are in registry/*.csv, which says where they come from; zz_generated.go is made of them.
package iana

//go:generate go run ./gen

// entry is one row of a registry. Tables of entries are sorted by value and laid out by the linker: nothing is
// built when the program starts.
type entry struct {
	value       uint16
	recommended Recommendation
	name        string
	reference   string
	structName  string // handshake types only
}

// unregistered stands for every code point that has no row.
var unregistered entry

// find returns the row of v, or &unregistered.
func find(table []entry, v uint16) *entry {
	low, high := 0, len(table)
	for low < high {
		middle := int(uint(low+high) / 2)
		if table[middle].value < v {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(table) && table[low].value == v {
		return &table[low]
	}
	return &unregistered
}

// name returns the registered name of v, or v in hexadecimal with the digits that its width needs.
func name(table []entry, v uint16, bits int) string {
	if e := find(table, v); e != &unregistered {
		return e.name
	}
	return hexadecimal(v, bits)
}

func hexadecimal(v uint16, bits int) string {
	const digits = "0123456789abcdef"
	b := []byte("0x")
	for shift := bits - 4; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>shift&15])
	}
	return string(b)
}

// Recommendation is what a registry says of the use of a code point (RFC 9847 §3).
type Recommendation uint8

// The values of Recommendation.
const (
	NoAdvice       Recommendation = iota // unregistered, or the registry has no such column
	Recommended                          // Y: the IETF recommends it for general use
	NotRecommended                       // N: not evaluated, of limited use, or for special cases
	Discouraged                          // D: not to be used
)

// String returns the letter in the registry's column: "Y", "N", "D", or "" for NoAdvice.
func (r Recommendation) String() string {
	return [...]string{"", "Y", "N", "D"}[r&3]
}

// Code is any type of this package that stands for a registry.
type Code interface {
	~uint8 | ~uint16
	String() string
	Reference() string
	Registered() bool
	Recommended() Recommendation
	table() []entry
}

// All returns the registered code points of one registry in ascending order, in a slice of the caller's own.
func All[T Code]() []T {
	var zero T
	rows := zero.table()
	all := make([]T, len(rows))
	for i, row := range rows {
		all[i] = T(row.value)
	}
	return all
}

// StructName returns the name that the RFC gives the structure of the message, such as "ClientHello" or
// "NewSessionTicket", or the number in hexadecimal.
func (v HandshakeType) StructName() string {
	if e := find(handshakeTypesTable[:], uint16(v)); e != &unregistered {
		return e.structName
	}
	return hexadecimal(uint16(v), 8)
}

// Since13 reports whether v is TLS 1.3 or what is like it: a draft, an experiment of the time of the drafts (0x7e01,
// 0xfb17), or a version to come. Those of DTLS are not.
func (v Version) Since13() bool { return v >= VersionTLS13 && v>>8 != 0xfe }
