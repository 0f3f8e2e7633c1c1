package handshake_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
)

const (
	ch       = "client ClientHello"
	secondCH = "client ClientHello 2"
)

func hello(f func(*msg.ClientHello)) change { return edit(f) }

// without takes extensions out of ClientHello.
func without(types ...iana.ExtensionType) change {
	return hello(func(m *msg.ClientHello) {
		for _, t := range types {
			m.Extensions.Remove(t)
		}
	})
}

// What is wrong with a ClientHello in whatever version.
func TestServerRejects(t *testing.T) {
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		rejects(t, flowOf{"server", v}, []rejection{
			{
				name: "no ClientHello", message: ch, change: instead(&msg.Finished{}),
				where: "client_hello", alert: unexpected, ref: "RFC 9846 §4.2.2",
			},
			{
				name: "no cipher suites", message: ch, change: hello(func(m *msg.ClientHello) { m.CipherSuites = m.CipherSuites[:1]; m.CipherSuites[0] = 0xdada }),
				where: "client_hello.cipher_suites", alert: failure, ref: "RFC 9846 §4.2.1",
			},
			{
				name: "a thousand cipher suites that nobody has", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.CipherSuites = nil
					for i := range 1000 {
						m.CipherSuites = append(m.CipherSuites, iana.CipherSuite(0xd000+i))
					}
				}),
				where: "client_hello.cipher_suites", alert: failure, ref: "RFC 9846 §4.2.1",
			},
			{
				name: "an extension twice", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.Extensions.Order = append([]msg.Extension{{Type: iana.ExtSignedCertificateTimestamp}}, m.Extensions.Order...)
				}),
				where: "client_hello.extensions[5].signed_certificate_timestamp", alert: illegal, ref: "RFC 9846 §4.3",
			},
			{
				name: "GREASE twice", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.Extensions.Order = append([]msg.Extension{{Type: 0x4a4a}, {Type: 0x4a4a}}, m.Extensions.Order...)
				}),
				where: "client_hello.extensions[1].extension_data", alert: illegal, ref: "RFC 9846 §4.3",
			},
			{
				name: "an extension of another message", message: ch,
				change: hello(func(m *msg.ClientHello) { m.Extensions.AddRaw(iana.ExtOIDFilters, []byte{0, 0}) }),
				where:  "client_hello.oid_filters", alert: illegal, ref: "RFC 9846 §4.3",
			},
			{
				name: "a compression twice", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.CompressCertificate = []iana.CertificateCompression{1, 2, 1}
					m.Extensions.Remove(iana.ExtCompressCertificate)
					m.Extensions.Add(iana.ExtCompressCertificate)
				}),
				where: "client_hello.compress_certificate.algorithms", alert: illegal, ref: "RFC 8879 §3",
			},
			{
				name: "two host names", message: ch,
				change: hello(func(m *msg.ClientHello) { m.ServerName = append(m.ServerName, m.ServerName[0]) }),
				where:  "client_hello.server_name", alert: illegal, ref: "RFC 6066 §3",
			},
			{
				name: "a host name with a zero", message: ch,
				change: hello(func(m *msg.ClientHello) { m.ServerName[0].HostName = []byte("example.com\x00.org") }),
				where:  "client_hello.server_name", alert: illegal, ref: "RFC 6066 §3",
			},
			{
				name: "a host name that is too long", message: ch,
				change: hello(func(m *msg.ClientHello) { m.ServerName[0].HostName = []byte(strings.Repeat("a", 256)) }),
				where:  "client_hello.server_name", alert: illegal, ref: "RFC 6066 §3",
			},
			{
				name: "legacy_version 1.1 beside supported_versions", message: ch,
				change: hello(func(m *msg.ClientHello) { m.LegacyVersion = iana.VersionTLS11 }),
				where:  "client_hello.legacy_version", alert: version, ref: "RFC 9846 §4.2.2",
			},
			{
				name: "legacy_version 1.3 beside supported_versions", message: ch,
				change: hello(func(m *msg.ClientHello) { m.LegacyVersion = iana.VersionTLS13 }),
				where:  "client_hello.legacy_version", alert: version, ref: "RFC 9846 §4.2.2",
			},
			{
				name: "TLS 1.1 without supported_versions", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.LegacyVersion = iana.VersionTLS11
					m.Extensions.Remove(iana.ExtSupportedVersions)
				}),
				where: "client_hello.supported_versions", alert: version, ref: "RFC 9846 §4.3.1",
			},
			{
				name: "TLS 1.1 in supported_versions", message: ch,
				change: hello(func(m *msg.ClientHello) { m.SupportedVersions = []iana.Version{iana.VersionTLS11, 0x7a7a} }),
				where:  "client_hello.supported_versions", alert: version, ref: "RFC 9846 §4.3.1",
			},
			{
				name: "no version", message: ch,
				change: hello(func(m *msg.ClientHello) { m.SupportedVersions = []iana.Version{0x0305} }),
				where:  "client_hello.supported_versions", alert: version, ref: "RFC 9846 §4.3.1",
			},
			{
				name: "no protocol in common", message: ch,
				change: hello(func(m *msg.ClientHello) { m.ALPN = m.ALPN[:1]; m.ALPN[0] = msg.ProtocolName("imap") }),
				where:  "client_hello.application_layer_protocol_negotiation", alert: iana.AlertNoApplicationProtocol, ref: "RFC 7301 §3.2",
			},
			{
				name: "an empty protocol", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.Extensions.Remove(iana.ExtApplicationLayerProtocolNegotiation)
					m.Extensions.AddRaw(iana.ExtApplicationLayerProtocolNegotiation, []byte{0, 1, 0})
				}),
				where: "client_hello.extensions[12].application_layer_protocol_negotiation.protocol_name_list", alert: malformed, ref: "RFC 7301 §3.1",
			},
			{
				name: "no group in common", message: ch,
				change: hello(func(m *msg.ClientHello) {
					m.SupportedGroups, m.KeyShares = []iana.NamedGroup{0x2a2a, 0x0015}, nil
				}),
				where: "client_hello.supported_groups", alert: failure, ref: map[iana.Version]string{iana.VersionTLS12: "RFC 8422 §4", iana.VersionTLS13: "RFC 9846 §4.2.1"}[v],
			},
			{
				name: "no signature scheme in common", message: ch,
				change: hello(func(m *msg.ClientHello) { m.SignatureAlgorithms = []iana.SignatureScheme{iana.SchemeECDSASHA1} }),
				where:  "signature_algorithms", alert: failure, ref: "RFC 9846 §4.3.3",
			},
			{
				name: "nothing after the cipher suites", message: ch,
				change: body(func(b []byte) []byte { return append(b[:2+32], 0, 0, 2, 0x13, 1) }),
				where:  "client_hello.legacy_compression_methods.length", alert: malformed, ref: "RFC 9846 §4.2.2",
			},
		})
	}
}

func TestServer13Rejects(t *testing.T) {
	tooMany := func(m *msg.ClientHello) { m.KeyShares = append(m.KeyShares, m.KeyShares[0]) }
	share := func(f func(*msg.KeyShareEntry)) change {
		return hello(func(m *msg.ClientHello) { f(&m.KeyShares[0]) })
	}
	rejects(t, flowOf{"server", iana.VersionTLS13}, []rejection{
		{
			name: "a fallback", message: ch,
			change: hello(func(m *msg.ClientHello) {
				m.CipherSuites = append(m.CipherSuites, iana.TLS_FALLBACK_SCSV)
				m.SupportedVersions = []iana.Version{iana.VersionTLS12}
			}),
			where: "client_hello.cipher_suites", alert: iana.AlertInappropriateFallback, ref: "RFC 7507 §3",
		},
		{
			name: "a fallback to a version that is not spoken", message: ch,
			change: hello(func(m *msg.ClientHello) {
				m.CipherSuites = append(m.CipherSuites, iana.TLS_FALLBACK_SCSV)
				m.SupportedVersions = []iana.Version{0x7a7a, iana.VersionTLS11} // GREASE is none
			}),
			where: "client_hello.cipher_suites", alert: iana.AlertInappropriateFallback, ref: "RFC 7507 §3",
		},
		{
			name: "compression", message: ch,
			change: hello(func(m *msg.ClientHello) { m.CompressionMethods = []byte{1, 0} }),
			where:  "client_hello.legacy_compression_methods", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "no signature_algorithms", message: ch, change: without(iana.ExtSignatureAlgorithms),
			where: "client_hello", alert: missing, ref: "RFC 9846 §9.2",
		},
		{
			name: "neither groups nor shares", message: ch, change: without(iana.ExtSupportedGroups, iana.ExtKeyShare),
			where: "client_hello", alert: missing, ref: "RFC 9846 §9.2",
		},
		{
			name: "shares and no groups", message: ch, change: without(iana.ExtSupportedGroups),
			where: "client_hello", alert: missing, ref: "RFC 9846 §9.2",
		},
		{
			name: "groups and no shares", message: ch, change: without(iana.ExtKeyShare),
			where: "client_hello", alert: missing, ref: "RFC 9846 §9.2",
		},
		{
			name: "a PSK without its modes", message: ch,
			change: hello(func(m *msg.ClientHello) {
				m.Extensions.Remove(iana.ExtPSKKeyExchangeModes)
				offerPSK(m)
			}),
			where: "client_hello", alert: missing, ref: "RFC 9846 §9.2",
		},
		{
			name: "a PSK that is not the last extension", message: ch,
			change: hello(func(m *msg.ClientHello) {
				offerPSK(m)
				m.Extensions.AddRaw(iana.ExtPadding, nil)
			}),
			where: "client_hello.pre_shared_key", alert: illegal, ref: "RFC 9846 §4.3.11",
		},
		{
			name: "two shares for one group", message: ch, change: hello(tooMany),
			where: "client_hello.key_share.client_shares", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a share for a group that is not offered", message: ch, change: share(func(s *msg.KeyShareEntry) { s.Group = iana.GroupX448 }),
			where: "client_hello.key_share.client_shares", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a share that is too long", message: ch, setup: oneGroup(iana.GroupX25519),
			change: share(func(s *msg.KeyShareEntry) { s.KeyExchange = append(s.KeyExchange, 0) }),
			where:  "client_hello.key_share.client_shares.key_exchange", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "a point of small order", message: ch, setup: oneGroup(iana.GroupX25519),
			change: share(func(s *msg.KeyShareEntry) { clear(s.KeyExchange) }),
			where:  "client_hello.key_share.client_shares.key_exchange", alert: illegal, ref: "RFC 9846 §7.4.2",
		},
		{
			name: "a point that is not on the curve", message: ch, setup: oneGroup(iana.GroupSecp521r1),
			change: share(func(s *msg.KeyShareEntry) { s.KeyExchange[132] ^= 1 }),
			where:  "client_hello.key_share.client_shares.key_exchange", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "no encapsulation key", message: ch, setup: oneGroup(iana.GroupX25519MLKEM768),
			change: share(func(s *msg.KeyShareEntry) {
				for i := range s.KeyExchange[:1184] {
					s.KeyExchange[i] = 0xff
				}
			}),
			where: "client_hello.key_share.client_shares.key_exchange", alert: illegal, ref: "RFC 10024",
		},
		{
			name: "an empty share", message: ch, setup: oneGroup(iana.GroupX25519),
			change: hello(func(m *msg.ClientHello) {
				m.Extensions.Remove(iana.ExtKeyShare)
				m.Extensions.AddRaw(iana.ExtKeyShare, []byte{0, 4, 0, 29, 0, 0})
			}),
			where: "client_hello.extensions[12].key_share.client_shares[0].key_exchange", alert: malformed, ref: "RFC 9846 §4.3.8",
		},

		{
			name: "a Certificate that nobody asked for", message: "client Finished", change: before(&msg.Certificate{}),
			where: "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "an EndOfEarlyData without early data", message: "client Finished", change: before(&msg.EndOfEarlyData{}),
			where: "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "a KeyUpdate before Finished", message: "client Finished", change: before(&msg.KeyUpdate{}),
			where: "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "a second ClientHello that nobody asked for", message: "client Finished",
			change: func(*msg.Context, []byte) [][]byte { return [][]byte{{1, 0, 0, 0}} },
			where:  "finished", alert: unexpected, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "a wrong Finished", message: "client Finished", change: flip,
			where: "finished.verify_data", alert: decrypt, ref: "RFC 9846 §4.5.3",
		},
		{
			name: "a Finished of TLS 1.2", message: "client Finished", change: instead(&msg.Finished{VerifyData: make([]byte, 12)}),
			where: "finished.verify_data", alert: decrypt, ref: "RFC 9846 §4.5.3",
		},
	})
}

func offerPSK(m *msg.ClientHello) {
	m.PSK = msg.OfferedPSKs{Identities: []msg.PSKIdentity{{Identity: []byte("ticket")}}, Binders: [][]byte{make([]byte, 32)}}
	m.Extensions.Add(iana.ExtPreSharedKey)
}

// What is wrong with the ClientHello that answers a HelloRetryRequest.
func TestServerRejectsSecondHello(t *testing.T) {
	rows := []rejection{
		{
			name: "no ClientHello", change: instead(&msg.Finished{}),
			where: "client_hello", alert: unexpected, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "another legacy_version", change: hello(func(m *msg.ClientHello) { m.LegacyVersion = iana.VersionTLS11 }),
			where: "client_hello.legacy_version", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "another random", change: hello(func(m *msg.ClientHello) { m.Random[0] ^= 1 }),
			where: "client_hello.random", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "another session ID", change: hello(func(m *msg.ClientHello) { m.SessionID = nil }),
			where: "client_hello.legacy_session_id", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "other cipher suites", change: hello(func(m *msg.ClientHello) { m.CipherSuites = m.CipherSuites[1:] }),
			where: "client_hello.cipher_suites", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "other compression", change: hello(func(m *msg.ClientHello) { m.CompressionMethods = []byte{0, 1} }),
			where: "client_hello.legacy_compression_methods", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "another server name", change: hello(func(m *msg.ClientHello) { m.ServerName[0].HostName = []byte("example.org") }),
			where: "client_hello.server_name", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "other groups", change: hello(func(m *msg.ClientHello) { m.SupportedGroups = m.SupportedGroups[1:] }),
			where: "client_hello.supported_groups", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "an extension less", change: without(iana.ExtStatusRequest),
			where: "client_hello.status_request", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{name: "the last extension less", change: func(ctx *msg.Context, raw []byte) [][]byte {
			return hello(func(m *msg.ClientHello) {
				last := m.Extensions.Order[len(m.Extensions.Order)-2] // key_share is the last
				m.Extensions.Remove(last.Type)
			})(ctx, raw)
		}, where: "client_hello.psk_key_exchange_modes", alert: illegal, ref: "RFC 9846 §4.2.2"},
		{
			name: "an extension more", change: hello(func(m *msg.ClientHello) { m.Extensions.AddRaw(iana.ExtPostHandshakeAuth, nil) }),
			where: "client_hello.post_handshake_auth", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{name: "a cookie that nobody gave", change: hello(func(m *msg.ClientHello) {
			m.HRRCookie = []byte("cookie")
			m.Extensions.Add(iana.ExtCookie)
		}), where: "client_hello.cookie", alert: illegal, ref: "RFC 9846 §4.2.2"},
		{
			name: "early data", change: hello(func(m *msg.ClientHello) { m.Extensions.Add(iana.ExtEarlyData) }),
			where: "client_hello.early_data", alert: illegal, ref: "RFC 9846 §4.2.2",
		},
		{
			name: "no shares", change: without(iana.ExtKeyShare),
			where: "client_hello", alert: missing, ref: "RFC 9846 §9.2",
		},
		{
			name: "an empty list of shares", change: hello(func(m *msg.ClientHello) { m.KeyShares = nil }),
			where: "client_hello.key_share.client_shares", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{
			name: "a share for another group", change: hello(func(m *msg.ClientHello) { m.KeyShares[0].Group = iana.GroupX25519 }),
			where: "client_hello.key_share.client_shares", alert: illegal, ref: "RFC 9846 §4.3.8",
		},
		{name: "a second share", change: hello(func(m *msg.ClientHello) {
			m.KeyShares = append(m.KeyShares, msg.KeyShareEntry{Group: iana.GroupX25519, KeyExchange: make([]byte, 32)})
		}), where: "client_hello.key_share.client_shares", alert: illegal, ref: "RFC 9846 §4.3.8"},
		{
			name: "a share that is no point", change: hello(func(m *msg.ClientHello) { m.KeyShares[0].KeyExchange[96] ^= 1 }),
			where: "client_hello.key_share.client_shares.key_exchange", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{name: "a PSK that is not the last extension", change: hello(func(m *msg.ClientHello) {
			offerPSK(m)
			m.Extensions.AddRaw(iana.ExtPadding, nil)
		}), where: "client_hello.pre_shared_key", alert: illegal, ref: "RFC 9846 §4.3.11"},
	}
	for i := range rows {
		rows[i].message, rows[i].setup = secondCH, retryWith(iana.GroupSecp384r1)
	}
	rejects(t, flowOf{"server", iana.VersionTLS13}, rows)
}

func TestServer12Rejects(t *testing.T) {
	const cke, finished = "client ClientKeyExchange", "client Finished"
	exchange := func(f func(*msg.ClientKeyExchange)) change { return edit(f) }
	rejects(t, flowOf{"server", iana.VersionTLS12}, []rejection{
		{
			name: "compression alone", message: ch,
			change: hello(func(m *msg.ClientHello) { m.CompressionMethods = []byte{1} }),
			where:  "client_hello.legacy_compression_methods", alert: illegal, ref: "RFC 5246 §7.4.1.2",
		},
		{
			name: "no uncompressed points", message: ch,
			change: hello(func(m *msg.ClientHello) { m.PointFormats = []byte{1, 2} }),
			where:  "client_hello.ec_point_formats", alert: illegal, ref: "RFC 8422 §5.1.2",
		},
		{
			name: "no curve for the certificate", message: ch,
			change: hello(func(m *msg.ClientHello) {
				m.SupportedGroups = []iana.NamedGroup{iana.GroupX25519, iana.GroupSecp384r1}
			}),
			where: "client_hello.supported_groups", alert: failure, ref: "RFC 8422 §5.1",
		},
		{
			name: "a renegotiation", message: ch,
			change: hello(func(m *msg.ClientHello) { m.RenegotiatedConnInfo = make([]byte, 12) }),
			where:  "client_hello.renegotiation_info", alert: failure, ref: "RFC 5746 §3.6",
		},
		{
			name: "no signature_algorithms, so SHA-1 alone", message: ch, change: without(iana.ExtSignatureAlgorithms),
			where: "signature_algorithms", alert: failure, ref: "RFC 9846 §4.3.3",
		},
		{
			name: "suites for RSA alone", message: ch,
			setup: func(c *handshake.ClientConfig, _ *handshake.ServerConfig) {
				c.Suites = []*suite.Suite{suite.ByID(iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)}
			},
			change: hello(func(*msg.ClientHello) {}),
			where:  "client_hello.cipher_suites", alert: failure, ref: "RFC 9846 §4.2.1",
		},

		{
			name: "no ClientKeyExchange", message: cke, change: instead(&msg.Finished{}),
			where: "client_key_exchange", alert: unexpected, ref: "RFC 5246 §7.4.7",
		},
		{
			name: "a Certificate that nobody asked for", message: cke, change: before(&msg.Certificate12{}),
			where: "client_key_exchange", alert: unexpected, ref: "RFC 5246 §7.4.7",
		},
		{
			name: "an empty share", message: cke, change: body(func([]byte) []byte { return []byte{0} }),
			where: "client_key_exchange.ecdh_Yc", alert: malformed, ref: "RFC 5246 §7.4.7",
		},
		{
			name: "a share that is too short", message: cke, setup: oneGroup(iana.GroupX25519),
			change: exchange(func(m *msg.ClientKeyExchange) { m.Public = m.Public[1:] }),
			where:  "client_key_exchange.ecdh_Yc", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "a point of small order", message: cke, setup: oneGroup(iana.GroupX25519),
			change: exchange(func(m *msg.ClientKeyExchange) { clear(m.Public) }),
			where:  "client_key_exchange.ecdh_Yc", alert: illegal, ref: "RFC 9846 §7.4.2",
		},
		{
			name: "a point that is not on the curve", message: cke, setup: oneGroup(iana.GroupSecp256r1),
			change: exchange(func(m *msg.ClientKeyExchange) { m.Public[64] ^= 1 }),
			where:  "client_key_exchange.ecdh_Yc", alert: illegal, ref: "RFC 9846 §4.3.8.2",
		},
		{
			name: "a wrong Finished", message: finished, change: flip,
			where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9",
		},
		{
			name: "a Finished of TLS 1.3", message: finished, change: instead(&msg.Finished{VerifyData: make([]byte, 32)}),
			where: "finished.verify_data", alert: decrypt, ref: "RFC 5246 §7.4.9",
		},
	})
}

// A client that speaks nothing newer than TLS 1.1 may say so in both places, or say TLS 1.2 in
// the one that nobody looks at.
func TestServerTakesOldVersions(t *testing.T) {
	for _, legacy := range []iana.Version{iana.VersionTLS11, iana.VersionTLS12} {
		client, server := ends(t)
		server.MinVersion = iana.VersionTLS10
		server.MaxVersion = iana.VersionTLS11
		p := &pair{tamper: nth(ch, func(raw []byte) [][]byte {
			return hello(func(m *msg.ClientHello) {
				m.LegacyVersion, m.SupportedVersions = legacy, []iana.Version{iana.VersionTLS11, 0x7a7a}
			})(&msg.Context{}, raw)
		})}
		if p.run(client, server); !slices.Contains(p.log, "server ServerHello") {
			t.Errorf("legacy_version %v: got %v, want a ServerHello", legacy, p.log)
		}
	}
}
