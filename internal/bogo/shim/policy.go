package main

import (
	"slices"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// policy is one that an authority has published. What of it akushu does not have is left
// out.
type policy struct {
	min     uint16 // version
	suites  []iana.CipherSuite
	groups  []iana.NamedGroup
	schemes []iana.SignatureScheme
}

// The policies that the runner knows, as its tests describe them.
var (
	fips202205 = policy{
		min: tls.VersionTLS12,
		suites: []iana.CipherSuite{
			iana.TLS_AES_128_GCM_SHA256, iana.TLS_AES_256_GCM_SHA384,
			iana.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, iana.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
		groups: []iana.NamedGroup{iana.GroupSecp256r1, iana.GroupSecp384r1},
		schemes: []iana.SignatureScheme{
			iana.SchemeECDSASecp256r1SHA256, iana.SchemeECDSASecp384r1SHA384,
			iana.SchemeRSAPSSRSAESHA256, iana.SchemeRSAPSSRSAESHA384, iana.SchemeRSAPSSRSAESHA512,
			iana.SchemeRSAPKCS1SHA256, iana.SchemeRSAPKCS1SHA384, iana.SchemeRSAPKCS1SHA512,
		},
	}
	wpa202304 = policy{
		min:    tls.VersionTLS12,
		suites: aes256,
		groups: []iana.NamedGroup{iana.GroupSecp384r1},
		schemes: []iana.SignatureScheme{
			iana.SchemeECDSASecp384r1SHA384, iana.SchemeRSAPSSRSAESHA384, iana.SchemeRSAPSSRSAESHA512,
			iana.SchemeRSAPKCS1SHA384, iana.SchemeRSAPKCS1SHA512,
		},
	}
	cnsa1202603 = policy{
		min:     tls.VersionTLS12,
		suites:  append(slices.Clone(aes256), iana.TLS_RSA_WITH_AES_256_GCM_SHA384),
		groups:  []iana.NamedGroup{iana.GroupMLKEM1024, iana.GroupSecp384r1},
		schemes: sha384,
	}
	cnsa2202603 = policy{
		min:     tls.VersionTLS13,
		suites:  []iana.CipherSuite{iana.TLS_AES_256_GCM_SHA384},
		groups:  []iana.NamedGroup{iana.GroupMLKEM1024},
		schemes: sha384,
	}

	cnsa202407 = policy{
		suites: []iana.CipherSuite{iana.TLS_AES_256_GCM_SHA384, iana.TLS_AES_128_GCM_SHA256, iana.TLS_CHACHA20_POLY1305_SHA256},
	}

	aes256 = []iana.CipherSuite{
		iana.TLS_AES_256_GCM_SHA384,
		iana.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, iana.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	}
	sha384 = []iana.SignatureScheme{
		iana.SchemeECDSASecp384r1SHA384, iana.SchemeRSAPSSRSAESHA384, iana.SchemeRSAPKCS1SHA384,
	}
)

// named is a flag that sets a policy.
func named(policy *policy) flag {
	return flag{set: func(p *plan, _ string) error {
		o := &p.offer
		o.min = max(o.min, policy.min)
		for _, id := range policy.suites {
			if s := suite.ByID(id); s != nil && s.Usable() {
				o.suites = append(o.suites, uint16(id))
			}
		}
		for _, id := range policy.groups {
			if suite.GroupByID(id) != nil {
				o.groups = append(o.groups, uint16(id))
			}
		}
		for _, id := range policy.schemes {
			o.schemes = append(o.schemes, uint16(id))
		}
		o.sign = o.schemes
		if len(o.groups) < len(policy.groups) && len(o.groups) == 0 {
			return notOffered("feature: " + policy.groups[0].String())
		}
		return nil
	}}
}
