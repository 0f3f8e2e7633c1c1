package order

import (
	"fmt"
	"slices"
	"strings"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
)

// places is a set of the messages that have extensions.
type places uint8

const (
	ch places = 1 << iota
	sh
	hrr
	ee
	ct
	cr
	nst
)

// columns is the places in the order of their bits, by the names of RFC 9846 §4.3.
var columns = []struct {
	name    string
	message Message
}{
	{"CH", ClientHello},
	{"SH", ServerHello},
	{"HRR", HelloRetryRequest},
	{"EE", EncryptedExtensions},
	{"CT", Certificate},
	{"CR", CertificateRequest},
	{"NST", NewSessionTicket},
}

// placeOf returns the place that m is, or none.
func placeOf(m Message) places {
	for i, c := range columns {
		if c.message == m {
			return 1 << i
		}
	}
	return 0
}

// String lists the places as RFC 9846 §4.3 does: "CH, EE".
func (p places) String() string {
	var names []string
	for i, c := range columns {
		if p&(1<<i) != 0 {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

// placement says where an extension may stand; nowhere in a version that does not have it.
type placement struct {
	code         iana.ExtensionType
	tls13, tls12 places
}

// placements is the table of RFC 9846 §4.3, and what the RFCs of other extensions say.
var placements = []placement{
	{iana.ExtServerName, ch | ee | cr, ch | sh},
	{iana.ExtMaxFragmentLength, ch | ee, ch | sh},
	{iana.ExtClientCertificateURL, 0, ch | sh},
	{iana.ExtTrustedCAKeys, 0, ch | sh},
	{iana.ExtTruncatedHMAC, 0, ch | sh},
	{iana.ExtStatusRequest, ch | cr | ct, ch | sh},
	{iana.ExtUserMapping, 0, ch | sh},
	{iana.ExtClientAuthz, 0, ch | sh},
	{iana.ExtServerAuthz, 0, ch | sh},
	{iana.ExtCertType, 0, ch | sh},
	{iana.ExtSupportedGroups, ch | ee, ch | sh}, // RFC 8422 §4 has it in ClientHello alone, but some servers echo it
	{iana.ExtECPointFormats, 0, ch | sh},
	{iana.ExtSRP, 0, ch},
	{iana.ExtSignatureAlgorithms, ch | cr, ch},
	{iana.ExtUseSRTP, ch | ee, ch | sh},
	{iana.ExtHeartbeat, ch | ee, ch | sh},
	{iana.ExtApplicationLayerProtocolNegotiation, ch | ee, ch | sh},
	{iana.ExtStatusRequestV2, 0, ch | sh},
	{iana.ExtSignedCertificateTimestamp, ch | cr | ct, ch | sh},
	{iana.ExtClientCertificateType, ch | ee, ch | sh},
	{iana.ExtServerCertificateType, ch | ee, ch | sh},
	{iana.ExtPadding, ch, ch},
	{iana.ExtEncryptThenMAC, 0, ch | sh},
	{iana.ExtExtendedMainSecret, 0, ch | sh},
	{iana.ExtTokenBinding, 0, ch | sh},
	{iana.ExtCachedInfo, ch | ee, ch | sh},
	{iana.ExtCompressCertificate, ch | cr, 0},
	{iana.ExtRecordSizeLimit, ch | ee, ch | sh},
	{iana.ExtTLSCertWithExternPSK, ch | sh, 0},
	{iana.ExtDelegatedCredential, ch | cr | ct, 0},
	{iana.ExtSessionTicket, 0, ch | sh},
	{iana.ExtSupportedEKTCiphers, ch | ee, ch | sh},
	{iana.ExtPreSharedKey, ch | sh, 0},
	{iana.ExtEarlyData, ch | ee | nst, 0},
	{iana.ExtSupportedVersions, ch | sh | hrr, 0},
	{iana.ExtCookie, ch | hrr, 0},
	{iana.ExtPSKKeyExchangeModes, ch, 0},
	{iana.ExtCertificateAuthorities, ch | cr, 0},
	{iana.ExtOIDFilters, cr, 0},
	{iana.ExtPostHandshakeAuth, ch, 0},
	{iana.ExtSignatureAlgorithmsCert, ch | cr, ch},
	{iana.ExtKeyShare, ch | sh | hrr, 0},
	{iana.ExtTransparencyInfo, ch | cr | ct, ch | sh},
	{iana.ExtConnectionID, ch | sh, ch | sh},
	{iana.ExtExternalIDHash, ch | ee, ch | sh},
	{iana.ExtExternalSessionID, ch | ee, ch | sh},
	{iana.ExtQUICTransportParameters, ch | ee, 0},
	{iana.ExtTicketRequest, ch | ee, 0},
	{iana.ExtDNSSECChain, ch | ct, ch | sh},
	{iana.ExtNextProtocolNegotiation, 0, ch | sh},
	{iana.ExtApplicationSettings, ch | ee, 0},
	{iana.ExtApplicationSettingsNew, ch | ee, 0},
	{iana.ExtECHOuterExtensions, ch, 0},
	{iana.ExtEncryptedClientHello, ch | hrr | ee, 0},
	{iana.ExtRenegotiationInfo, 0, ch | sh},
}

// Allowed reports whether the extension x may stand in m in version v, which may be 0 while
// it is unknown. A ClientHello is of all versions at once. An extension that the table does
// not have is allowed: receivers pass over what they do not know (RFC 9846 §4.3).
func Allowed(m Message, x iana.ExtensionType, v iana.Version) bool {
	i := slices.IndexFunc(placements, func(p placement) bool { return p.code == x })
	if i < 0 {
		return true
	}
	p := placements[i]
	where := p.tls13 | p.tls12
	switch {
	case v == 0 || m == ClientHello:
	case grammarOf(v) == &tls13:
		where = p.tls13
	default:
		where = p.tls12
	}
	return where&placeOf(m) != 0
}

// NeedsRequest reports whether the extension x in m is a response, which may only be there if
// the other end asked for it: in ClientHello, or in CertificateRequest for a client's
// Certificate (RFC 9846 §4.3; RFC 5246 §7.4.1.4).
func NeedsRequest(m Message, x iana.ExtensionType) bool {
	if m == HelloRetryRequest && x == iana.ExtCookie {
		return false
	}
	return placeOf(m)&(sh|hrr|ee|ct) != 0
}

// CheckExtensions holds the extensions of m to the table: each is in its place
// (illegal_parameter if not), a response was asked for and is no GREASE
// (unsupported_extension), and pre_shared_key ends a ClientHello (illegal_parameter).
// requested says for what m's sender was asked; nil where m is no response. To ask with
// TLS_EMPTY_RENEGOTIATION_INFO_SCSV is to ask for renegotiation_info (RFC 5746 §3.4).
// Errors are *[alert.Error]s.
func CheckExtensions(m Message, v iana.Version, x *msg.Extensions, requested func(iana.ExtensionType) bool) error {
	for i := range x.Order {
		t := x.Order[i].Type
		if fault := checkExtension(m, v, t, i == len(x.Order)-1, requested); fault != nil {
			fault.Where = m.Name() + "." + t.String()
			return fault
		}
	}
	return nil
}

// checkExtension is CheckExtensions for one of them. Its error does not say where.
func checkExtension(m Message, v iana.Version, t iana.ExtensionType, last bool, requested func(iana.ExtensionType) bool) *alert.Error {
	switch {
	case NeedsRequest(m, t) && !requested(t):
		return alert.Illegal("", "RFC 9846 §4.3", "an answer to what was not asked").With(iana.AlertUnsupportedExtension)
	case NeedsRequest(m, t) && iana.IsGREASE(uint16(t)):
		return alert.Illegal("", "RFC 8701 §3.1", "an answer to GREASE").With(iana.AlertUnsupportedExtension)
	case !Allowed(m, t, v):
		return alert.Illegal("", "RFC 9846 §4.3", "this extension may not stand in %v", m)
	case m == ClientHello && t == iana.ExtPreSharedKey && !last:
		return alert.Illegal("", "RFC 9846 §4.3.11", "this extension must be the last")
	}
	return nil
}

// DrawExtensions returns the table of extensions as text.
func DrawExtensions() string {
	var b strings.Builder
	row := func(cells ...string) {
		line := fmt.Sprintf("%-40s %-12s %-8s %s", cells[0], cells[1], cells[2], cells[3])
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	row("extension", "TLS 1.3", "TLS 1.2", "defined in")
	for _, p := range placements {
		row(p.code.String(), p.tls13.String(), p.tls12.String(), msg.ExtensionRef(p.code))
	}
	return b.String()
}
