package main

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"strconv"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/tls"
)

// Keys without certificates (RFC 7250).

const (
	raw      = uint16(iana.CertTypeRawPublicKey)
	x509Type = uint16(iana.CertTypeX509)
)

// usualTypes are the types of certificate as akushu prefers them.
var usualTypes = []uint16{raw, x509Type}

// setRawKeys has an end show its key and take the peer's, as the flags say.
func (s *session) setRawKeys(c *tls.Config) error {
	o := &s.plan.offer
	if slices.Contains(o.peerTypes, raw) {
		if !s.plan.server && !slices.Equal(o.peerTypes, usualTypes) {
			return notOffered(featureTypes)
		}
		c.VerifyPublicKey = func(crypto.PublicKey) error { return nil } // judge has the last word
	}
	return s.setOwnKey(c)
}

// setOwnKey gives c the one key that it may show.
func (s *session) setOwnKey(c *tls.Config) error {
	o := &s.plan.offer
	i := slices.IndexFunc(s.plan.own, (*credential).isRaw)
	switch {
	case i < 0 && !slices.Contains(o.ownTypes, raw), o.ownTypes != nil && !slices.Contains(o.ownTypes, raw):
		return nil
	case i < 0 || !s.plan.server && !slices.Equal(s.plan.ownTypes(), usualTypes):
		return notOffered(featureTypes)
	case slices.ContainsFunc(s.plan.own[i+1:], (*credential).isRaw):
		return notOffered(featureKeys)
	case s.plan.own[i].schemes != nil:
		return notOffered(featureKeySchemes)
	}
	key, err := readKey(s.plan.own[i].keyFile)
	if err == nil {
		c.RawPublicKey = &signer{key, s, i - 1}
	}
	return err
}

func (c *credential) isRaw() bool { return c.raw }

// ownTypes are the types of a client: those that were named, or those of its credentials.
func (p *plan) ownTypes() []uint16 {
	types := slices.Clone(p.offer.ownTypes)
	if types != nil {
		return types
	}
	for _, c := range p.own {
		switch {
		case c.raw && !slices.Contains(types, raw):
			types = append(types, raw)
		case c.certFile != "" && !slices.Contains(types, x509Type):
			types = append(types, x509Type)
		}
	}
	return types
}

// peerType is the type of what the peer showed.
func peerType(s *session) string {
	if s.info.PeerPublicKey != nil {
		return strconv.Itoa(int(raw))
	}
	return strconv.Itoa(int(x509Type))
}

// peerKey is the hash of the peer's key, nil if there is none.
func peerKey(s *session) []byte {
	info, err := x509.MarshalPKIXPublicKey(s.info.PeerPublicKey)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(info)
	return sum[:]
}
