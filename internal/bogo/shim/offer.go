package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/hook"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// offer is what an end is willing to do.
type offer struct {
	versions
	algorithms
	certificates
	psk         string // of TLS 1.2 and before
	pskIdentity string
	serverName  string
	protocols   string // ALPN as it is sent: a client's offer
	protocol    string // ALPN that a server chooses
	noTickets   bool
	largest     int // record
	renegotiate tls.RenegotiationSupport
	fallback    bool // a client comes back with less than it can
	grease      bool
}

// versions is which an end has.
type versions struct {
	min, max uint16   // zero: the lowest and the highest
	without  []uint16 // in between
}

// algorithms is which an end has, nil for all.
type algorithms struct {
	suites  []uint16
	ciphers string // suites in OpenSSL's language
	groups  []uint16
	shares  []uint16 // nil: as the groups say
	schemes []uint16 // for signatures of the peer
	sign    []uint16 // for ours, where the credential does not say
}

// certificates is how they may look.
type certificates struct {
	compress    bool     // with all algorithms
	compression uint16   // the one algorithm
	authorities [][]byte // whose a server asks for
	ownTypes    []uint16 // of a client's; nil: those of its credentials
	peerTypes   []uint16 // of the peer's
}

// config makes a Config of the plan.
func (s *session) config() (*tls.Config, error) {
	o := &s.plan.offer
	c := &tls.Config{
		ServerName:                  o.serverName,
		InsecureSkipVerify:          true, // what judges is a callback
		VerifyConnection:            s.judge,
		KeyLogWriter:                s.keys,
		DynamicRecordSizingDisabled: true,
		ClientSessionCache:          s.plan.memory,
		SessionTicketsDisabled:      o.noTickets,
		ServerSessionCache:          servers{s.plan.memory},
		GREASE:                      o.grease,
		Renegotiation:               o.renegotiate,
		MaxRecordSize:               o.largest,
		Time:                        s.plan.now,
	}
	for _, step := range []func(*tls.Config) error{
		o.setVersions, o.setSuites, o.setGroups, o.setProtocols,
		s.setEarlyData, s.setTickets, s.setRawKeys, s.setIdentity, s.setCompression, s.setPolicy,
	} {
		if err := step(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// spoken is the versions that akushu has.
var spoken = []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}

// setVersions narrows the range of versions.
func (o *offer) setVersions(c *tls.Config) error {
	var left []uint16
	for _, v := range spoken {
		if v >= o.min && (o.max == 0 || v <= o.max) && !slices.Contains(o.without, v) {
			left = append(left, v)
		}
	}
	if len(left) == 0 {
		return notOffered("feature: no version at all")
	}
	c.MinVersion, c.MaxVersion = left[0], left[len(left)-1]
	if int(c.MaxVersion-c.MinVersion) != len(left)-1 {
		return notOffered("feature: a gap in the range of versions")
	}
	return nil
}

// setSuites understands what of OpenSSL's language for lists of suites the tests use and is
// not about suites that are not offered.
func (o *offer) setSuites(c *tls.Config) error {
	switch {
	case o.suites != nil:
		c.CipherSuites = o.suites
	case sets[o.ciphers] != nil:
		c.CipherSuites = sets[o.ciphers]
		if o.psk != "" {
			c.LegacyPSKs = []tls.LegacyPSK{{Identity: []byte(o.pskIdentity), Key: []byte(o.psk)}}
			c.LegacyPSKHint = o.pskIdentity
			c.CipherSuites = append(slices.Clone(c.CipherSuites), sharing...)
		}
	default:
		return o.nameSuites(c)
	}
	if o.fallback {
		c.CipherSuites = append(slices.Clone(c.CipherSuites), tls.TLS_FALLBACK_SCSV)
	}
	return nil
}

// nameSuites takes a list of names.
func (o *offer) nameSuites(c *tls.Config) error {
	if strings.Contains(o.ciphers, "[") {
		return notOffered("feature: cipher suites of equal preference")
	}
	for name := range strings.SplitSeq(o.ciphers, ":") {
		all := suite.All()
		i := slices.IndexFunc(all, func(s *suite.Suite) bool { return s.ID.String() == name && (s.Usable() || s.Shared()) })
		if i < 0 {
			return notOffered("feature: " + name)
		}
		c.CipherSuites = append(c.CipherSuites, uint16(all[i].ID))
	}
	return nil
}

// The suites that the runner takes for the default, those of TLS 1.3 apart, and its other sets.
var (
	usualSuites = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	}
	sharing = []uint16{ // with a pre-shared key
		uint16(iana.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256),
		uint16(iana.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA), uint16(iana.TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA),
		uint16(iana.TLS_PSK_WITH_AES_128_CBC_SHA), uint16(iana.TLS_PSK_WITH_AES_256_CBC_SHA),
	}
	sets = map[string][]uint16{
		"":         usualSuites,
		"3DES":     {tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
		"ALL:3DES": append(slices.Clone(usualSuites), tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA),
		"AES128": slices.DeleteFunc(slices.Clone(usualSuites), func(id uint16) bool {
			return !strings.Contains(tls.CipherSuiteName(id), "_AES_128_")
		}),
		"DEFAULT:!AES": {
			tls.TLS_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
)

// nobodys is a protocol that no client has.
const nobodys = "\x00"

func (o *offer) setGroups(c *tls.Config) error {
	for _, id := range o.groups {
		if suite.GroupByID(iana.NamedGroup(id)) == nil {
			return notOffered(fmt.Sprintf("feature: %v", iana.NamedGroup(id)))
		}
		c.CurvePreferences = append(c.CurvePreferences, tls.CurveID(id))
	}
	if o.shares != nil {
		c.KeyShares = []tls.CurveID{}
	}
	for _, id := range o.shares {
		c.KeyShares = append(c.KeyShares, tls.CurveID(id))
	}
	return nil
}

// setProtocols offers or chooses by ALPN.
func (o *offer) setProtocols(c *tls.Config) error {
	if o.protocol != "" {
		c.NextProtos = []string{o.protocol}
	}
	for list := o.protocols; list != ""; {
		n := 1 + int(list[0])
		if n > len(list) {
			return errors.New("a truncated list of protocols")
		}
		c.NextProtos, list = append(c.NextProtos, list[1:n]), list[n:]
	}
	return nil
}

// setPolicy sets what Config has no field for.
func (s *session) setPolicy(c *tls.Config) error {
	schemes, err := s.plan.offer.schemesOf()
	if err != nil {
		return err
	}
	hook.Client(c, func(cfg *handshake.ClientConfig) { cfg.Schemes = schemes })
	hook.Server(c, func(cfg *handshake.ServerConfig) {
		cfg.Schemes, cfg.ClientAuthorities = schemes, s.plan.offer.authorities
	})
	return nil
}

// usual is the signature schemes that the runner takes for the default.
var usual = []uint16{
	uint16(iana.SchemeECDSASecp256r1SHA256), uint16(iana.SchemeRSAPSSRSAESHA256), uint16(iana.SchemeRSAPKCS1SHA256),
	uint16(iana.SchemeECDSASecp384r1SHA384), uint16(iana.SchemeRSAPSSRSAESHA384), uint16(iana.SchemeRSAPKCS1SHA384),
	uint16(iana.SchemeRSAPSSRSAESHA512), uint16(iana.SchemeRSAPKCS1SHA512), uint16(iana.SchemeRSAPKCS1SHA1),
}

func (o *offer) schemesOf() ([]*suite.Scheme, error) {
	ids := o.schemes
	if ids == nil {
		ids = usual
	}
	list := make([]*suite.Scheme, len(ids))
	for i, id := range ids {
		if list[i] = suite.SchemeByID(iana.SignatureScheme(id)); list[i] == nil {
			return nil, notOffered(fmt.Sprintf("feature: signatures with %v", iana.SignatureScheme(id)))
		}
	}
	return list, nil
}
