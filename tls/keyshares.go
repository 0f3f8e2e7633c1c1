package tls

import (
	"slices"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// setKeyShares takes the groups for which a client sends key shares. setGroups comes before it.
func (c *Config) setKeyShares(p *handshake.Policy) error {
	if c.KeyShares == nil {
		return nil
	}
	p.Shares = make([]*suite.Group, 0, len(c.KeyShares))
	for _, id := range c.KeyShares {
		g := suite.GroupByID(iana.NamedGroup(id))
		switch {
		case g == nil || !slices.Contains(p.Groups, g):
			return configError("KeyShares", "%v is not a group of CurvePreferences", iana.NamedGroup(id))
		case !g.Supports(iana.VersionTLS13):
			return configError("KeyShares", "%v is not for TLS 1.3", iana.NamedGroup(id))
		case slices.Contains(p.Shares, g):
			return configError("KeyShares", "%v stands twice", iana.NamedGroup(id))
		}
		p.Shares = append(p.Shares, g)
	}
	return nil
}
