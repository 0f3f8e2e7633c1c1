package main

import (
	"crypto"

	"github.com/akushu/akushu/tls"
)

// What is not offered, as docs/CONFORMANCE.md counts it.
const (
	protocolDTLS = "DTLS"
	protocolQUIC = "QUIC"

	boringHints      = "BoringSSL-only API: handshake hints"
	boringTrace      = "BoringSSL-only API: message callback"
	boringALPN       = "BoringSSL-only API: an ALPN callback that may break the rules"
	boringDigest     = "BoringSSL-only API: keeping only the digest of client certificates"
	boringStep       = "BoringSSL-only API: stepping through the handshake"
	boringTicket     = "BoringSSL-only API: the format of its tickets"
	boringHint       = "BoringSSL-only API: a hint of the server's groups"
	boringGroupFlags = "BoringSSL-only API: flags of groups"
	boringJDK11      = "BoringSSL-only API: workaround for JDK 11"
	boringExplicit   = "BoringSSL-only API: renegotiating when the application says so"
	boringForbid     = "BoringSSL-only API: forbidding renegotiation from some point on"
	boringNoAck      = "BoringSSL-only API: not acknowledging server_name"
	boringProperties = "BoringSSL-only API: certificate properties"

	featureMLDSA        = "feature: ML-DSA"
	featureResumption   = "feature: resumption"
	featureECH          = "feature: Encrypted Client Hello"
	featureNPN          = "feature: NPN"
	featureFalseStart   = "feature: False Start"
	featureChannelID    = "feature: Channel ID"
	featureALPS         = "feature: ALPS"
	featurePAKE         = "feature: PAKE"
	featureTypes        = "feature: choosing the types of certificate and their order: a raw public key comes first, X.509 is always the other"
	featureKeys         = "feature: several raw public keys"
	featureKeySchemes   = "feature: signature schemes of a raw public key"
	featureAnchors      = "feature: trust anchor identifiers"
	featurePadding      = "feature: padding asked of the server"
	featureExportAgain  = "feature: exporting keying material where there may be a renegotiation"
	featurePermute      = "feature: permuted extensions"
	featureChainSize    = "feature: limit of the chain's size"
	featureCertTypes    = "feature: the certificate types of a CertificateRequest"
	featureLegacyRenego = "feature: refusing servers without secure renegotiation"
)

// flags says what each flag does.
var flags = map[string]flag{
	// Where the runner is, and which end this is.
	"-port":               number(func(p *plan) *uint16 { return &p.runner.port }),
	"-shim-id":            number(func(p *plan) *uint64 { return &p.runner.id }),
	"-ipv6":               yes(func(p *plan) *bool { return &p.runner.ipv6 }),
	"-server":             yes(func(p *plan) *bool { return &p.server }),
	"-async":              yes(func(p *plan) *bool { return &p.async }),
	"-implicit-handshake": yes(func(p *plan) *bool { return &p.implicit }),
	"-dtls":               missing(protocolDTLS),
	"-quic":               missing(protocolQUIC),

	// What is offered.
	"-min-version":                   number(func(p *plan) *uint16 { return &p.offer.min }),
	"-max-version":                   number(func(p *plan) *uint16 { return &p.offer.max }),
	"-no-tls1":                       without(tls.VersionTLS10),
	"-no-tls11":                      without(tls.VersionTLS11),
	"-no-tls12":                      without(tls.VersionTLS12),
	"-no-tls13":                      without(tls.VersionTLS13),
	"-curves":                        numbers(func(p *plan) *[]uint16 { return &p.offer.groups }),
	"-verify-prefs":                  numbers(func(p *plan) *[]uint16 { return &p.offer.schemes }),
	"-cipher":                        text(func(p *plan) *string { return &p.offer.ciphers }),
	"-host-name":                     text(func(p *plan) *string { return &p.offer.serverName }),
	"-advertise-alpn":                text(func(p *plan) *string { return &p.offer.protocols }),
	"-select-alpn":                   text(func(p *plan) *string { return &p.offer.protocol }),
	"-decline-alpn":                  nothing(), // a server without protocols declines
	"-enable-ocsp-stapling":          nothing(), // a client always asks
	"-enable-signed-cert-timestamps": nothing(),
	"-server-preference":             nothing(), // as always
	"-reject-alpn":                   {set: func(p *plan, _ string) error { p.offer.protocol = nobodys; return nil }},
	"-select-empty-alpn":             missing(boringALPN),
	"-allow-unknown-alpn-protos":     missing(boringALPN),
	"-curves-flags":                  missingValue(boringGroupFlags),
	"-server-supported-groups-hint":  missingValue(boringHint),
	"-key-shares":                    numbers(func(p *plan) *[]uint16 { return &p.offer.shares }),
	"-no-key-shares":                 {set: func(p *plan, _ string) error { p.offer.shares = []uint16{}; return nil }},
	"-fallback-scsv":                 yes(func(p *plan) *bool { return &p.offer.fallback }),
	"-enable-grease":                 yes(func(p *plan) *bool { return &p.offer.grease }),
	"-permute-extensions":            missing(featurePermute),
	"-no-legacy-server-connect":      missing(featureLegacyRenego),
	"-no-server-name-ack":            missing(boringNoAck),
	"-jdk11-workaround":              missing(boringJDK11),
	"-max-cert-list":                 missingValue(featureChainSize),
	"-max-send-fragment":             number(func(p *plan) *int { return &p.offer.largest }),

	// Policies with a name.
	"-fips-202205":  named(&fips202205),
	"-wpa-202304":   named(&wpa202304),
	"-cnsa-202407":  named(&cnsa202407),
	"-cnsa1-202603": named(&cnsa1202603),
	"-cnsa2-202603": named(&cnsa2202603),

	// Our credentials. The flags are about the one that was named last.
	"-new-x509-credential":          {set: func(p *plan, _ string) error { p.own = append(p.own, &credential{}); return nil }},
	"-cert-file":                    text(func(p *plan) *string { return &p.last().certFile }),
	"-key-file":                     text(func(p *plan) *string { return &p.last().keyFile }),
	"-signing-prefs":                numbers(func(p *plan) *[]uint16 { return &p.last().schemes }),
	"-ocsp-response":                bytes64(func(p *plan) *[]byte { return &p.last().ocsp }),
	"-signed-cert-timestamps":       bytes64(func(p *plan) *[]byte { return &p.last().scts }),
	"-must-match-issuer":            yes(func(p *plan) *bool { return &p.last().matchIssuer }),
	"-cert-properties":              missingValue(boringProperties),
	"-new-delegated-credential":     {set: func(p *plan, _ string) error { p.own = append(p.own, &credential{}); return nil }},
	"-delegated-credential":         bytes64(func(p *plan) *[]byte { return &p.last().delegated }),
	"-new-spake2plusv1-credential":  missing(featurePAKE),
	"-pake-context":                 missingValue(featurePAKE),
	"-pake-client-id":               missingValue(featurePAKE),
	"-pake-server-id":               missingValue(featurePAKE),
	"-pake-password":                missingValue(featurePAKE),
	"-wrong-pake-role":              missing(featurePAKE),
	"-new-psk-credential":           {set: newPSK},
	"-psk-importer-key":             bytes64(func(p *plan) *[]byte { return &p.last().psk.Key }),
	"-psk-importer-identity":        bytes64(func(p *plan) *[]byte { return &p.last().psk.Identity }),
	"-psk-importer-context":         bytes64(func(p *plan) *[]byte { return &p.last().psk.Context }),
	"-psk-importer-sha256":          {set: hashOfPSK(crypto.SHA256)},
	"-psk-importer-sha384":          {set: hashOfPSK(crypto.SHA384)},
	"-psk":                          text(func(p *plan) *string { return &p.offer.psk }),
	"-psk-identity":                 text(func(p *plan) *string { return &p.offer.pskIdentity }),
	"-new-rpk-credential":           {set: func(p *plan, _ string) error { p.own = append(p.own, &credential{raw: true}); return nil }},
	"-accepted-peer-cert-types":     numbers(func(p *plan) *[]uint16 { return &p.offer.peerTypes }),
	"-available-client-cert-types":  numbers(func(p *plan) *[]uint16 { return &p.offer.ownTypes }),
	"-expect-peer-certificate-type": expectingValue(word("the type of the peer's certificate", peerType)),
	"-expect-peer-rpk-sha256":       expectingValue(data("the peer's key", peerKey)),

	// The peer's certificate.
	"-trust-cert":                     nothingOf(), // whether the chain is trusted is not what is tested
	"-verify-peer":                    yes(func(p *plan) *bool { return &p.callback.verifyPeer }),
	"-verify-fail":                    yes(func(p *plan) *bool { return &p.callback.failPeer }),
	"-use-custom-verify-callback":     yes(func(p *plan) *bool { return &p.callback.custom }),
	"-expect-verify-result":           nothing(), // judge has the result from the plan itself
	"-reverify-on-resume":             yes(func(p *plan) *bool { return &p.callback.again }),
	"-require-any-client-certificate": yes(func(p *plan) *bool { return &p.callback.requirePeer }),
	"-use-client-ca-list":             {value: true, set: ask},
	"-retain-only-sha256-client-cert": missing(boringDigest),
	"-expect-sha256-client-cert":      missing(boringDigest),
	"-expect-certificate-types":       missingValue(featureCertTypes),

	// Callbacks.
	"-use-early-callback":           yes(func(p *plan) *bool { return &p.callback.early }),
	"-fail-early-callback":          yes(func(p *plan) *bool { return &p.callback.failEarly }),
	"-fail-cert-callback":           yes(func(p *plan) *bool { return &p.callback.failCert }),
	"-install-ddos-callback":        yes(func(p *plan) *bool { return &p.callback.dos }),
	"-fail-ddos-callback":           yes(func(p *plan) *bool { return &p.callback.failDoS }),
	"-use-ocsp-callback":            yes(func(p *plan) *bool { return &p.callback.ocsp }),
	"-fail-ocsp-callback":           yes(func(p *plan) *bool { return &p.callback.failOCSP }),
	"-decline-ocsp-callback":        yes(func(p *plan) *bool { return &p.callback.noOCSP }),
	"-set-ocsp-in-callback":         nothing(), // the callback is where the response comes from
	"-use-old-client-cert-callback": nothing(), // there is one callback
	"-handshake-hints":              missing(boringHints),
	"-allow-hint-mismatch":          missing(boringHints),
	"-handshaker-path":              missingValue(boringHints),

	// What is said after the handshake.
	"-export-keying-material":     number(func(p *plan) *int { return &p.talk.export.length }),
	"-export-label":               text(func(p *plan) *string { return &p.talk.export.label }),
	"-export-context":             text(func(p *plan) *string { return &p.talk.export.context }),
	"-use-export-context":         yes(func(p *plan) *bool { return &p.talk.export.hasContext }),
	"-export-traffic-secrets":     yes(func(p *plan) *bool { return &p.talk.secrets }),
	"-tls-unique":                 yes(func(p *plan) *bool { return &p.talk.unique }),
	"-send-alert":                 yes(func(p *plan) *bool { return &p.talk.alert }),
	"-shim-writes-first":          yes(func(p *plan) *bool { return &p.talk.writesFirst }),
	"-shim-initial-write":         text(func(p *plan) *string { return &p.talk.words }),
	"-repeat-shim-initial-write":  number(func(p *plan) *int { return &p.talk.repeat }),
	"-read-with-unfinished-write": yes(func(p *plan) *bool { return &p.talk.unfinished }),
	"-shim-shuts-down":            yes(func(p *plan) *bool { return &p.talk.silent }),
	"-check-close-notify":         yes(func(p *plan) *bool { return &p.talk.goodbye }),
	"-key-update":                 yes(func(p *plan) *bool { return &p.talk.updateAfter }),
	"-key-update-before-read":     yes(func(p *plan) *bool { return &p.talk.updateBefore }),
	"-read-size":                  number(func(p *plan) *int { return &p.talk.readSize }),
	"-write-different-record-sizes": yes(func(p *plan) *bool {
		return &p.talk.sizes
	}),
	"-no-op-extra-handshake":      yes(func(p *plan) *bool { return &p.talk.again }),
	"-handshake-twice":            yes(func(p *plan) *bool { return &p.talk.again }),
	"-peek-then-read":             yes(func(p *plan) *bool { return &p.talk.peeks }),
	"-partial-write":              nothing(), // a Write writes all
	"-cbc-record-splitting":       nothing(), // as always, in TLS 1.0
	"-use-exporter-between-reads": missing(featureExportAgain),

	// What must come of the handshake.
	"-handshake-never-done":            yes(func(p *plan) *bool { return &p.wanted.never }),
	"-expect-no-peer-cert":             yes(func(p *plan) *bool { return &p.wanted.noCertificate }),
	"-expect-alpn":                     text(func(p *plan) *string { return &p.wanted.protocol }),
	"-expect-advertised-alpn":          expectingValue(word("the protocols on offer", offeredProtocols)),
	"-expect-version":                  expectingValue(code("the version", func(s *session) uint16 { return s.state.Version })),
	"-expect-cipher":                   expectingValue(code("the cipher suite", suiteOf)),
	"-expect-cipher-aes":               expectingValue(code("the cipher suite, where AES is fast", suiteOf)),
	"-expect-cipher-no-aes":            nothingOf(), // it is taken to be fast everywhere
	"-expect-curve-id":                 expectingValue(code("the group", func(s *session) uint16 { return uint16(s.state.CurveID) })),
	"-expect-peer-signature-algorithm": expectingValue(signatureScheme),
	"-expect-peer-verify-pref":         {value: true, set: offeredScheme},
	"-expect-server-name":              expectingValue(word("the server's name", func(s *session) string { return s.state.ServerName })),
	"-expect-no-server-name":           expecting(is("that there is no name of the server", func(s *session) bool { return s.state.ServerName == "" })),
	"-expect-ocsp-response":            expectingValue(data("the OCSP response", func(s *session) []byte { return s.state.OCSPResponse })),
	"-expect-signed-cert-timestamps":   expectingValue(data("the timestamps", sctList)),
	"-expect-peer-cert-file":           expectingValue(peerChain),
	"-expect-hrr":                      expecting(is("that there was a HelloRetryRequest", func(s *session) bool { return s.state.HelloRetryRequest })),
	"-expect-no-hrr":                   expecting(is("that there was no HelloRetryRequest", func(s *session) bool { return !s.state.HelloRetryRequest })),
	"-expect-extended-master-secret":   expecting(is("an extended main secret", func(s *session) bool { return s.info.ExtendedMainSecret || s.state.Version >= tls.VersionTLS13 })),
	"-expect-selected-credential":      {value: true, set: selected},
	"-expect-secure-renegotiation":     expecting(is("that renegotiation would be secure", secureRenegotiation)),
	"-expect-no-secure-renegotiation":  expecting(is("that renegotiation would not be secure", func(s *session) bool { return !secureRenegotiation(s) })),
	"-expect-client-ca-list":           {value: true, set: askedFor},
	"-expect-msg-callback":             missingValue(boringTrace),

	// Resumption.
	"-resume-count":                      number(func(p *plan) *int { return &p.runner.resumptions }),
	"-expect-session-miss":               yes(func(p *plan) *bool { return &p.wanted.miss }),
	"-expect-no-session":                 yes(func(p *plan) *bool { return &p.wanted.noSession }),
	"-expect-session-id":                 expecting(is("that the server keeps the session", func(s *session) bool { return s.plan.kept > 0 })),
	"-expect-no-session-id":              expecting(is("that the server keeps no session", func(s *session) bool { return s.plan.kept == 0 })),
	"-expect-ticket-renewal":             nothing(),
	"-expect-ticket-age-skew":            text(func(p *plan) *string { return &p.wanted.skew }),
	"-no-ticket":                         yes(func(p *plan) *bool { return &p.offer.noTickets }),
	"-renew-ticket":                      yes(func(p *plan) *bool { return &p.callback.renewTicket }),
	"-skip-ticket":                       yes(func(p *plan) *bool { return &p.callback.noTicket }),
	"-ticket-key":                        missingValue(boringTicket),
	"-use-ticket-callback":               yes(func(p *plan) *bool { return &p.callback.ticket }),
	"-use-ticket-aead-callback":          yes(func(p *plan) *bool { return &p.callback.ticket }),
	"-resumption-delay":                  number(func(p *plan) *int { return &p.delay }),
	"-resumption-across-names-enabled":   missing(featureResumption),
	"-expect-resumable-across-names":     missing(featureResumption),
	"-expect-not-resumable-across-names": missing(featureResumption),
	"-enable-early-data":                 yes(func(p *plan) *bool { return &p.early.on }),
	"-expect-ticket-supports-early-data": yes(func(p *plan) *bool { return &p.early.capable }),
	"-expect-accept-early-data":          yes(func(p *plan) *bool { return &p.early.accepted }),
	"-expect-reject-early-data":          yes(func(p *plan) *bool { return &p.early.rejected }),
	"-expect-no-offer-early-data":        yes(func(p *plan) *bool { return &p.early.notOffered }),
	"-expect-early-data-reason":          {value: true, set: reason},
	"-early-write-after-message":         missingValue(boringStep),

	// Renegotiation.
	"-renegotiate-once":                     renegotiating(tls.RenegotiateOnceAsClient),
	"-renegotiate-freely":                   renegotiating(tls.RenegotiateFreelyAsClient),
	"-renegotiate-ignore":                   renegotiating(tls.RenegotiateNever),
	"-renegotiate-explicit":                 missing(boringExplicit),
	"-forbid-renegotiation-after-handshake": missing(boringForbid),
	"-expect-total-renegotiations":          number(func(p *plan) *int { return &p.wanted.renegotiations }),

	// Extensions that are not offered.
	"-install-cert-compression-algs":        yes(func(p *plan) *bool { return &p.offer.compress }),
	"-install-one-cert-compression-alg":     number(func(p *plan) *uint16 { return &p.offer.compression }),
	"-request-server-padding":               missingValue(featurePadding),
	"-server-supports-padding":              missing(featurePadding),
	"-expect-server-sent-requested-padding": missing(featurePadding),
	"-advertise-npn":                        missingValue(featureNPN),
	"-advertise-empty-npn":                  missing(featureNPN),
	"-expect-next-proto":                    missingValue(featureNPN),
	"-expect-no-next-proto":                 missing(featureNPN),
	"-select-next-proto":                    missingValue(featureNPN),
	"-select-empty-next-proto":              missing(featureNPN),
	"-false-start":                          missing(featureFalseStart),
	"-allow-false-start-without-alpn":       missing(featureFalseStart),
	"-enable-channel-id":                    missing(featureChannelID),
	"-expect-channel-id":                    missingValue(featureChannelID),
	"-send-channel-id":                      missingValue(featureChannelID),
	"-application-settings":                 missingValue(featureALPS),
	"-expect-peer-application-settings":     missingValue(featureALPS),
	"-alps-use-new-codepoint":               missingValue(featureALPS),
	"-defer-alps":                           missing(featureALPS),
	"-enable-ech-grease":                    missing(featureECH),
	"-reject-unusable-ech-config":           missing(featureECH),
	"-ech-server-config":                    missingValue(featureECH),
	"-ech-server-key":                       missingValue(featureECH),
	"-ech-is-retry-config":                  missingValue(featureECH),
	"-ech-config-list":                      missingValue(featureECH),
	"-expect-ech-accept":                    missing(featureECH),
	"-expect-ech-name-override":             missingValue(featureECH),
	"-expect-no-ech-name-override":          missing(featureECH),
	"-expect-ech-retry-configs":             missingValue(featureECH),
	"-expect-no-ech-retry-configs":          missing(featureECH),
	"-fail-early-callback-ech-rewind":       missing(featureECH),
	"-requested-trust-anchors":              missingValue(featureAnchors),
	"-available-trust-anchors":              missingValue(featureAnchors),
	"-expect-peer-available-trust-anchors":  missingValue(featureAnchors),
	"-expect-peer-match-trust-anchor":       missing(featureAnchors),
	"-expect-no-peer-match-trust-anchor":    missing(featureAnchors),

	// DTLS and QUIC.
	"-mtu":                          missingValue(protocolDTLS),
	"-initial-timeout-duration-ms":  missingValue(protocolDTLS),
	"-srtp-profiles":                nothingOf(), // they are for DTLS, and over TLS there is no use_srtp
	"-private-key-delay-ms":         missingValue(protocolDTLS),
	"-quic-transport-params":        missingValue(protocolQUIC),
	"-expect-quic-transport-params": missingValue(protocolQUIC),
	"-quic-use-legacy-codepoint":    missingValue(protocolQUIC),
	"-quic-early-data-context":      missingValue(protocolQUIC),
}
