package tls

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	std "crypto/tls"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// FromStd returns a Config that means what c means to crypto/tls. The error names every
// field of c that cannot be carried over; fields at their zero value always can. What
// GetConfigForClient returns is converted when it is returned, and if that fails, so does the
// handshake.
//
// Since crypto/tls ignores the order of CipherSuites and CurvePreferences, and takes no
// part of CipherSuites for TLS 1.3, the result has our own order and all of TLS 1.3's suites.
//
// c is read once, and must not be in use by a server whose ticket keys are being set. FromStd
// of nil is nil.
func FromStd(c *std.Config) (*Config, error) {
	if c == nil {
		return nil, nil
	}
	to := new(Config)
	var missing []string
	special := conversions()
	from, out := reflect.ValueOf(c).Elem(), reflect.ValueOf(to).Elem()
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		if convert, ok := special[name]; ok {
			if err := convert(c, to); err != nil {
				missing = append(missing, fmt.Sprintf("%s (%v)", name, err))
			}
			continue
		}
		field := out.FieldByName(name)
		switch {
		case from.Field(i).IsZero():
		case field.IsValid() && field.Type() == from.Field(i).Type():
			field.Set(from.Field(i))
		default:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, errors.New("tls: these fields of a crypto/tls.Config cannot be carried over: " + strings.Join(missing, ", "))
	}
	return to, nil
}

// conversions has the fields that are not just copied, or named where they are set.
func conversions() map[string]func(from *std.Config, to *Config) error {
	return map[string]func(*std.Config, *Config) error{
		"CipherSuites":       suitesFromStd,
		"CurvePreferences":   groupsFromStd,
		"GetConfigForClient": callbackFromStd,
		"MinVersion":         minFromStd,
		"MaxVersion":         maxFromStd,
		"SessionTicketKey":   ticketKeyFromStd,
		"sessionTicketKeys":  setKeysFromStd,

		"PreferServerCipherSuites": nothing, // crypto/tls does not look at it
		"autoSessionTicketKeys":    nothing, // crypto/tls makes them for itself
		"mutex":                    nothing, // it has no meaning
	}
}

func nothing(*std.Config, *Config) error { return nil }

// suitesFromStd keeps what crypto/tls would use of the list.
func suitesFromStd(from *std.Config, to *Config) error {
	if from.CipherSuites == nil {
		return nil
	}
	to.CipherSuites = []uint16{}
	for _, s := range suite.All() {
		if s.Default && s.Supports(iana.VersionTLS13) || s.Usable() && slices.Contains(from.CipherSuites, uint16(s.ID)) {
			to.CipherSuites = append(to.CipherSuites, uint16(s.ID))
		}
	}
	var lost []string
	for _, s := range slices.Concat(std.CipherSuites(), std.InsecureCipherSuites()) {
		if ours := suite.ByID(iana.CipherSuite(s.ID)); slices.Contains(from.CipherSuites, s.ID) && (ours == nil || !ours.Usable()) {
			lost = append(lost, s.Name)
		}
	}
	return without(lost)
}

// groupsFromStd keeps what crypto/tls would use of the list.
func groupsFromStd(from *std.Config, to *Config) error {
	for _, g := range suite.Groups() {
		if slices.Contains(from.CurvePreferences, CurveID(g.ID)) {
			to.CurvePreferences = append(to.CurvePreferences, CurveID(g.ID))
		}
	}
	var lost []string
	for _, id := range from.CurvePreferences {
		if suite.GroupByID(iana.NamedGroup(id)) == nil {
			lost = append(lost, iana.NamedGroup(id).String())
		}
	}
	return without(lost)
}

func without(lost []string) error {
	if len(lost) == 0 {
		return nil
	}
	return fmt.Errorf("without %s", strings.Join(lost, ", "))
}

// callbackFromStd converts what the callback returns. The last conversion is kept, for
// most callbacks return the same Config again and again.
func callbackFromStd(from *std.Config, to *Config) error {
	get := from.GetConfigForClient
	if get == nil {
		return nil
	}
	type conversion struct {
		from *std.Config
		to   *Config
	}
	var last atomic.Pointer[conversion]
	to.GetConfigForClient = func(hello *ClientHelloInfo) (*Config, error) {
		c, err := get(hello)
		if c == nil || err != nil {
			return nil, err
		}
		if l := last.Load(); l != nil && l.from == c {
			return l.to, nil
		}
		converted, err := FromStd(c)
		if err == nil {
			last.Store(&conversion{c, converted})
		}
		return converted, err
	}
	return nil
}

func versionFromStd(v uint16, to *uint16) error {
	if v != 0 && (v < VersionTLS10 || v > VersionTLS13) {
		return errors.New(VersionName(v))
	}
	*to = v
	return nil
}

func minFromStd(from *std.Config, to *Config) error {
	return versionFromStd(from.MinVersion, &to.MinVersion)
}

// maxFromStd takes a bound above all versions for what it is.
func maxFromStd(from *std.Config, to *Config) error {
	return versionFromStd(min(from.MaxVersion, VersionTLS13), &to.MaxVersion)
}

// ticketKeyFromStd passes over a key that crypto/tls made for itself, which begins with
// this word since there are better ways to set one.
func ticketKeyFromStd(from *std.Config, _ *Config) error {
	//lint:ignore SA1019 a program may still set it
	key := from.SessionTicketKey
	if key != [32]byte{} && !strings.HasPrefix(string(key[:]), "DEPRECATED") {
		return errors.New("there are no tickets")
	}
	return nil
}

func setKeysFromStd(from *std.Config, _ *Config) error {
	if f := reflect.ValueOf(from).Elem().FieldByName("sessionTicketKeys"); !f.IsZero() {
		return errors.New("as set by SetSessionTicketKeys: there are no tickets")
	}
	return nil
}
