package cli

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/akushu/akushu/internal/explain"
)

// DefaultPort is that of HTTPS.
const DefaultPort = "443"

// Address is where to connect to.
type Address struct {
	Host string // a name or an IP address, without brackets
	Port string // a number from 1 to 65535
}

// String is the address as package net wants it.
func (a Address) String() string { return net.JoinHostPort(a.Host, a.Port) }

// ParseAddress reads HOST[:PORT]: "example.com", "example.com:8443", "192.0.2.1", "::1",
// "[::1]", "[::1]:8443".
func ParseAddress(words *explain.Words, text string) (Address, error) {
	if host, ok := hostOfURL(text); ok {
		return Address{}, Usage(words.Text("cli.address_url", text), words.Text("hint.did_you_mean", host))
	}
	a := split(text)
	if a.Host == "" || strings.ContainsAny(a.Host, " /[]@") || strings.Contains(a.Host, ":") && !isIPv6(a.Host) {
		return Address{}, Usage(words.Text("cli.address_bad", text), words.Text("hint.address"))
	}
	if n, err := strconv.ParseUint(a.Port, 10, 16); err != nil || n == 0 {
		return Address{}, Usage(words.Text("cli.port_bad", a.Port), words.Text("hint.address"))
	}
	return a, nil
}

// split takes the port off the end, where there is one.
func split(text string) Address {
	if isIPv6(text) {
		return Address{text, DefaultPort}
	}
	if inside, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inside, "]") {
		return Address{strings.TrimSuffix(inside, "]"), DefaultPort}
	}
	if host, port, err := net.SplitHostPort(text); err == nil {
		return Address{host, port}
	}
	return Address{text, DefaultPort}
}

func isIPv6(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is6()
}

// hostOfURL returns HOST[:PORT] of what is a URL.
func hostOfURL(text string) (string, bool) {
	if !strings.Contains(text, "://") {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", false
	}
	return u.Host, u.Host != ""
}
