package msg

import "github.com/akushu/akushu/internal/iana"

// ExtensionRef is the section that defines the extension t, or the document where no
// section is known here, or "".
func ExtensionRef(t iana.ExtensionType) string {
	if int(t) < len(sections) && sections[t] != "" {
		return sections[t]
	}
	switch t {
	case iana.ExtNextProtocolNegotiation:
		return "draft-agl-tls-nextprotoneg §3"
	case iana.ExtApplicationSettings, iana.ExtApplicationSettingsNew:
		return "draft-vvv-tls-alps §4"
	case iana.ExtECHOuterExtensions:
		return "RFC 9849 §5.1"
	case iana.ExtEncryptedClientHello:
		return "RFC 9849 §5"
	case iana.ExtRenegotiationInfo:
		return "RFC 5746 §3.2"
	}
	return t.Reference()
}

var sections = [...]string{
	iana.ExtServerName:                          "RFC 6066 §3",
	iana.ExtMaxFragmentLength:                   "RFC 6066 §4",
	iana.ExtClientCertificateURL:                "RFC 6066 §5",
	iana.ExtTrustedCAKeys:                       "RFC 6066 §6",
	iana.ExtTruncatedHMAC:                       "RFC 6066 §7",
	iana.ExtStatusRequest:                       "RFC 6066 §8",
	iana.ExtSupportedGroups:                     "RFC 9846 §4.3.7",
	iana.ExtECPointFormats:                      "RFC 8422 §5.1.2",
	iana.ExtSignatureAlgorithms:                 "RFC 9846 §4.3.3",
	iana.ExtUseSRTP:                             "RFC 5764 §4.1.1",
	iana.ExtHeartbeat:                           "RFC 6520 §2",
	iana.ExtApplicationLayerProtocolNegotiation: "RFC 7301 §3.1",
	iana.ExtStatusRequestV2:                     "RFC 6961 §2.2",
	iana.ExtSignedCertificateTimestamp:          "RFC 6962 §3.3.1",
	iana.ExtClientCertificateType:               "RFC 7250 §3",
	iana.ExtServerCertificateType:               "RFC 7250 §3",
	iana.ExtPadding:                             "RFC 7685 §3",
	iana.ExtEncryptThenMAC:                      "RFC 7366 §2",
	iana.ExtExtendedMainSecret:                  "RFC 7627 §5.1",
	iana.ExtCompressCertificate:                 "RFC 8879 §3",
	iana.ExtRecordSizeLimit:                     "RFC 8449 §4",
	iana.ExtDelegatedCredential:                 "RFC 9345 §4",
	iana.ExtSessionTicket:                       "RFC 5077 §3.2",
	iana.ExtPreSharedKey:                        "RFC 9846 §4.3.11",
	iana.ExtEarlyData:                           "RFC 9846 §4.3.10",
	iana.ExtSupportedVersions:                   "RFC 9846 §4.3.1",
	iana.ExtCookie:                              "RFC 9846 §4.3.2",
	iana.ExtPSKKeyExchangeModes:                 "RFC 9846 §4.3.9",
	iana.ExtCertificateAuthorities:              "RFC 9846 §4.3.4",
	iana.ExtOIDFilters:                          "RFC 9846 §4.3.5",
	iana.ExtPostHandshakeAuth:                   "RFC 9846 §4.3.6",
	iana.ExtSignatureAlgorithmsCert:             "RFC 9846 §4.3.3",
	iana.ExtKeyShare:                            "RFC 9846 §4.3.8",
	iana.ExtQUICTransportParameters:             "RFC 9001 §8.2",
	iana.ExtTicketRequest:                       "RFC 9149 §3",
}
