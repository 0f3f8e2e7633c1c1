package dissect_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/akushu/akushu/internal/iana"
)

// A cell is connections that are made one after the other, each of them tapped.
type cell struct {
	talks  []talk
	server string // its address
	client func(f *fresh, address string)
}

// of names the connections.
func of(version iana.Version, id iana.CipherSuite, format string, args ...any) talk {
	return talk{name: fmt.Sprintf(format, args...), version: version.String(), suite: id.String()}
}

// oldVersions is those that a suite from before TLS 1.2 has.
var oldVersions = []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12}

// opensslServers is what servers of OpenSSL there are: how each is started, beyond what all have.
var opensslServers = map[string]string{
	"":             "-psk " + sharedKey,
	"no EtM":       "-psk " + sharedKey + " -no_etm",
	"session IDs":  "-no_ticket",
	"certificates": "-Verify 1 -CAfile root.pem",
	"X25519":       "-groups X25519",
	"few suites":   "-cipher AES128-SHA -tls1_2",
	"TLS 1.3":      "-tls1_3",
}

const opensslServer = "openssl s_server -quiet -rev -cert rsa.pem -key rsa.key -dcert ecdsa.pem -dkey ecdsa.key -cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0" +
	" -ciphersuites " + all13 + " -accept 127.0.0.1:"

const all13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"

// startOpenSSL starts them, and returns their addresses.
func startOpenSSL(f *fresh) map[string]string {
	all := map[string]string{}
	for name, flags := range opensslServers {
		port := f.freePort()
		f.serve(port, strings.Fields(opensslServer+port+" "+flags)...)
		all[name] = "127.0.0.1:" + port
	}
	return all
}

// opensslFlags is what a version is called.
var opensslFlags = map[iana.Version]string{
	iana.VersionTLS10: "-tls1", iana.VersionTLS11: "-tls1_1", iana.VersionTLS12: "-tls1_2", iana.VersionTLS13: "-tls1_3",
}

// openssl is a client.
func openssl(flags string) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		f.run(strings.Fields("openssl s_client -servername localhost -connect " + address + " " + flags)...)
	}
}

// strange reports whether a suite has a cipher that we do not open. There is one connection of each.
func strange(id iana.CipherSuite) bool {
	return strings.Contains(id.String(), "CAMELLIA") || strings.Contains(id.String(), "ARIA")
}

// opensslCells is each suite that OpenSSL has, in each version that has it; CBC both ways round in TLS 1.2, in turn before.
func opensslCells(t *testing.T, servers map[string]string) (cells []cell) {
	out, err := exec.Command("openssl", "ciphers", "-V", "-ciphersuites", all13, "ALL:COMPLEMENTOFALL:@SECLEVEL=0").Output()
	check(t, err)
	line := regexp.MustCompile(`(?m)^ *0x(..),0x(..) - (\S+) +(\S+) +Kx=(\S+) +Au=(\S+)`)
	for i, m := range line.FindAllStringSubmatch(string(out), -1) {
		name, since := m[3], m[4]
		if m[6] == "DSS" || m[5] == "SRP" {
			continue // we make no certificates for DSS, and nobody uses SRP
		}
		code, err := strconv.ParseUint(m[1]+m[2], 16, 16)
		check(t, err)
		id := iana.CipherSuite(code)
		if strange(id) {
			continue
		}
		versions, flags := oldVersions, "-cipher "+name+":@SECLEVEL=0"
		switch since {
		case "TLSv1.2":
			versions = oldVersions[2:]
		case "TLSv1.3":
			versions, flags = []iana.Version{iana.VersionTLS13}, "-ciphersuites "+name
		}
		if strings.Contains(m[5]+m[6], "PSK") {
			flags += " -psk " + sharedKey
		}
		for j, v := range versions {
			add := func(server string) {
				cells = append(cells, cell{
					[]talk{of(v, id, "openssl, %v %v %s", v, id, server)}, servers[server], openssl(opensslFlags[v] + " " + flags),
				})
			}
			cbc := strings.Contains(id.String(), "_CBC_")
			if !cbc || v == iana.VersionTLS12 || (i+j)%2 == 0 {
				add("")
			}
			if cbc && (v == iana.VersionTLS12 || (i+j)%2 != 0) {
				add("no EtM")
			}
		}
	}
	return cells
}

// opensslExtras is what else a handshake may be.
func opensslExtras(servers map[string]string) (cells []cell) {
	add := func(server, flags string, talks ...talk) {
		cells = append(cells, cell{talks, servers[server], openssl(flags)})
	}
	twice := func(server, name, flags string, first talk) {
		second := first
		first.name, second.name, second.resumed = name, name+", resumed", true
		cells = append(cells, cell{[]talk{first, second}, servers[server], func(f *fresh, address string) {
			file := strings.NewReplacer(" ", "", ".", "", ",", "").Replace(name)
			openssl(flags+" -sess_out "+file)(f, address)
			openssl(flags+" -sess_in "+file)(f, address)
		}})
	}
	v12, v13 := talk{version: "TLS 1.2"}, talk{version: "TLS 1.3"}
	twice("", "openssl, TLS 1.2, ticket", "-tls1_2", v12)
	twice("session IDs", "openssl, TLS 1.2, session ID", "-tls1_2", v12)
	twice("session IDs", "openssl, TLS 1.0, session ID", "-tls1 -cipher AES128-SHA:@SECLEVEL=0", talk{version: "TLS 1.0"})
	twice("", "openssl, TLS 1.3, ticket", "-tls1_3", v13)
	twice("session IDs", "openssl, TLS 1.3, stateful ticket", "-tls1_3", v13)
	add("", "-tls1_3 -psk "+sharedKey+" -ciphersuites TLS_AES_128_GCM_SHA256", talk{name: "openssl, TLS 1.3, shared key", version: "TLS 1.3", resumed: true})
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		k := talk{name: "openssl, client certificate, " + v.String(), version: v.String()}
		if v == iana.VersionTLS12 { // s_server -rev does not answer to one in TLS 1.3
			add("certificates", opensslFlags[v]+" -cert client.pem -key client.key", k)
		}
		k.name, k.fails = "openssl, unknown CA, "+v.String(), true
		add("", opensslFlags[v]+" -verify_return_error", k)
	}
	add("", "-tls1_2 -cipher CAMELLIA128-SHA256", talk{name: "openssl, Camellia", version: "TLS 1.2", foreign: true, fails: true})
	add("", "-tls1_2 -cipher ARIA128-GCM-SHA256", talk{name: "openssl, ARIA", version: "TLS 1.2", foreign: true, fails: true})
	add("X25519", "-tls1_3 -groups P-256:X25519", talk{name: "openssl, HelloRetryRequest", version: "TLS 1.3", retry: true})
	add("X25519", "-tls1_3 -groups P-256", talk{name: "openssl, no common group", fails: true})
	add("few suites", "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", talk{name: "openssl, no common suite", fails: true})
	add("TLS 1.3", "-tls1_2", talk{name: "openssl, no common version", fails: true})
	return cells
}

// A gnutlsPart is what GnuTLS calls a part of a suite in its list, and in priorities.
type gnutlsPart struct{ listed, priority string }

var (
	gnutlsExchanges = []gnutlsPart{
		{"RSA_PSK_", "RSA-PSK"},
		{"DHE_PSK_", "DHE-PSK"},
		{"ECDHE_PSK_", "ECDHE-PSK"},
		{"PSK_", "PSK"},
		{"DHE_RSA_", "DHE-RSA"},
		{"ECDHE_RSA_", "ECDHE-RSA"},
		{"ECDHE_ECDSA_", "ECDHE-ECDSA"},
		{"DH_ANON_", "ANON-DH"},
		{"ECDH_ANON_", "ANON-ECDH"},
		{"RSA_", "RSA"},
	}
	gnutlsMACs = []gnutlsPart{{"_SHA1", "SHA1"}, {"_SHA256", "SHA256"}, {"_SHA384", "SHA384"}, {"_MD5", "MD5"}}
)

// gnutlsPriority is what makes GnuTLS offer one suite of its list in one version; empty where there is no certificate for
// it, and for SRP and GOST.
func gnutlsPriority(listed string, v iana.Version) string {
	rest, exchange, mac := strings.TrimPrefix(listed, "TLS_"), "", ""
	for _, p := range gnutlsExchanges {
		if after, ok := strings.CutPrefix(rest, p.listed); ok && exchange == "" {
			rest, exchange = after, p.priority
		}
	}
	if v == iana.VersionTLS13 {
		exchange = "ECDHE-RSA"
	}
	if exchange == "" {
		return ""
	}
	for _, p := range gnutlsMACs {
		if before, ok := strings.CutSuffix(rest, p.listed); ok {
			rest, mac = before, p.priority
		}
	}
	cipher := strings.NewReplacer("3DES_EDE", "3DES", "_", "-").Replace(rest)
	if strings.Contains(rest, "GCM") || strings.Contains(rest, "CCM") || strings.Contains(rest, "POLY1305") {
		mac = "AEAD"
	}
	return fmt.Sprintf("NONE:+VERS-%s:+%s:+%s:+%s:+SIGN-ALL:+GROUP-ALL:+COMP-NULL", strings.ReplaceAll(v.String(), " ", ""), cipher, mac, exchange)
}

const gnutlsServer = "gnutls-serv --quiet --echo --x509certfile rsa.pem --x509keyfile rsa.key --x509certfile ecdsa.pem --x509keyfile ecdsa.key --pskpasswd psk"

// gnutlsServers is what servers of GnuTLS there are: one with all that is old, which then has no TLS 1.3, and one with that.
var gnutlsServers = map[string]string{
	"": "NONE:+VERS-TLS1.0:+VERS-TLS1.1:+VERS-TLS1.2:+CIPHER-ALL:+AES-128-CCM-8:+AES-256-CCM-8:+3DES-CBC:+ARCFOUR-128:+NULL:+MAC-ALL:+MD5:+SHA256:+SHA384" +
		":+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+RSA:+DHE-RSA:+ECDHE-RSA:+ECDHE-ECDSA:+PSK:+RSA-PSK:+DHE-PSK:+ECDHE-PSK:+ANON-DH:+ANON-ECDH",
	"TLS 1.3":      "NORMAL:-VERS-ALL:+VERS-TLS1.3:+AES-128-CCM-8",
	"retry":        "NORMAL:-GROUP-ALL:+GROUP-SECP384R1",
	"certificates": "NORMAL --require-client-cert --verify-client-cert --x509cafile root.pem",
}

// startGnuTLS starts them, and returns their addresses.
func startGnuTLS(f *fresh) map[string]string {
	all := map[string]string{}
	for name, flags := range gnutlsServers {
		port := f.freePort()
		f.serve(port, strings.Fields(gnutlsServer+" --port "+port+" --priority "+flags)...)
		all[name] = "127.0.0.1:" + port
	}
	return all
}

func gnutls(flags string) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		host, port, _ := strings.Cut(address, ":")
		f.run(strings.Fields("gnutls-cli --sni-hostname localhost --port " + port + " " + host + " " + flags)...)
	}
}

const gnutlsPSK = " --pskusername " + sharedName + " --pskkey " + sharedKey

// gnutlsCells is each suite that GnuTLS has, in each version that has it.
func gnutlsCells(t *testing.T, servers map[string]string) (cells []cell) {
	out, err := exec.Command("gnutls-cli", "--list").Output()
	check(t, err)
	line := regexp.MustCompile(`(?m)^(TLS_\S+)\s+0x(..), 0x(..)\s+TLS(1\.\d)`)
	for i, m := range line.FindAllStringSubmatch(string(out), -1) {
		code, err := strconv.ParseUint(m[2]+m[3], 16, 16)
		check(t, err)
		id, versions, server := iana.CipherSuite(code), oldVersions, servers[""]
		switch m[4] {
		case "1.2":
			versions = oldVersions[2:]
		case "1.3":
			versions, server = []iana.Version{iana.VersionTLS13}, servers["TLS 1.3"]
		}
		for j, v := range versions {
			priority := gnutlsPriority(m[1], v)
			if priority == "" || strange(id) {
				continue
			}
			if (i+j)%2 == 0 {
				priority += ":%NO_ETM"
			}
			flags := " --insecure --priority " + priority
			if strings.Contains(m[1], "PSK") {
				flags += gnutlsPSK
			}
			k := of(v, id, "gnutls, %v %v", v, id)
			k.open = strings.Contains(m[1], "DHE_PSK") // gnutls-cli 3.7 crashes after these handshakes
			cells = append(cells, cell{[]talk{k}, server, gnutls(flags)})
		}
	}
	return cells
}

// gnutlsExtras is what else a handshake may be.
func gnutlsExtras(servers map[string]string) (cells []cell) {
	add := func(server, flags string, talks ...talk) {
		cells = append(cells, cell{talks, servers[server], gnutls(flags)})
	}
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		only := " --priority NORMAL:-VERS-ALL:+VERS-" + strings.ReplaceAll(v.String(), " ", "")
		k := talk{name: "gnutls, first, " + v.String(), version: v.String(), open: true}
		again := talk{name: "gnutls, resumed, " + v.String(), version: v.String()}
		add("retry", "--insecure --resume"+only, k, again)
		k = talk{name: "gnutls, client certificate, " + v.String(), version: v.String()}
		add("certificates", "--x509cafile root.pem --x509certfile client.pem --x509keyfile client.key"+only, k)
		k.name, k.fails, k.open = "gnutls, no client certificate, "+v.String(), true, v == iana.VersionTLS13
		add("certificates", "--x509cafile root.pem"+only, k)
		k.name = "gnutls, unknown client certificate, " + v.String()
		add("certificates", "--x509cafile root.pem --x509certfile stranger.pem --x509keyfile stranger.key"+only, k)
		k.name, k.open = "gnutls, unknown CA, "+v.String(), false
		add("retry", only, k)
	}
	add("retry", "--insecure --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-SECP384R1", talk{name: "gnutls, HelloRetryRequest", version: "TLS 1.3", retry: true})
	add("TLS 1.3", "--insecure --priority NORMAL:-VERS-ALL:+VERS-TLS1.2", talk{name: "gnutls, no common version", fails: true})
	return cells
}
