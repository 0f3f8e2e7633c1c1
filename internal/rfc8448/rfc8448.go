// Package rfc8448 gives tests the values of RFC 8448, Example Handshake Traces for TLS 1.3: five handshakes with every
// secret, key, message and record written out. Only tests import it.
package rfc8448

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
)

// The sections of the RFC that hold a trace.
const (
	SimpleOneRTT      = "3. Simple 1-RTT Handshake"
	ResumedZeroRTT    = "4. Resumed 0-RTT Handshake"
	HelloRetryRequest = "5. HelloRetryRequest"
	ClientAuth        = "6. Client Authentication"
	CompatibilityMode = "7. Compatibility Mode"
)

// Handshakes names the traces in the RFC's order.
var Handshakes = []string{SimpleOneRTT, ResumedZeroRTT, HelloRetryRequest, ClientAuth, CompatibilityMode}

// PrivateKeys is the section with the RSA key of most servers.
const PrivateKeys = "2. Private Keys"

// Step is one thing that one side does, with the values that the RFC gives for it.
type Step struct {
	Side   string // "client" or "server"; empty in the section of the private keys
	Action string // the RFC's words, `derive secret "tls13 c hs traffic"`
	Values map[string][]byte
}

//go:embed traces.txt
var traces string

// Section returns the steps of one section, in order; steps that the RFC calls the same as the other side's are left out.
// It panics on an unknown section and on a damaged file, for only tests call it.
func Section(title string) []Step {
	_, body, found := strings.Cut(traces, "== "+title+"\n")
	if !found {
		panic("rfc8448: no section " + title)
	}
	body, _, _ = strings.Cut(body, "\n== ")
	steps := []Step{{Values: map[string][]byte{}}}
	for line := range strings.Lines(strings.TrimSpace(body)) {
		line = strings.TrimSuffix(line, "\n")
		if head, ok := strings.CutPrefix(line, "-- "); ok {
			side, action, _ := strings.Cut(head, ": ")
			steps = append(steps, Step{Side: side, Action: action, Values: map[string][]byte{}})
			continue
		}
		name, value := parseValue(line)
		steps[len(steps)-1].Values[name] = value
	}
	if len(steps[0].Values) == 0 {
		return steps[1:]
	}
	return steps
}

func parseValue(line string) (string, []byte) {
	name, digits, found := strings.Cut(line, ": ")
	value, err := hex.DecodeString(digits)
	if !found || err != nil {
		panic(fmt.Sprintf("rfc8448: bad line %q", line))
	}
	return name, value
}
