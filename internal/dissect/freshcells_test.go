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

// cells is those of one kind.
type cells struct {
	kind string
	list []cell
}

// of names the connections.
func of(version iana.Version, id iana.CipherSuite, format string, args ...any) talk {
	return talk{name: fmt.Sprintf(format, args...), version: version.String(), suite: id.String()}
}

// oldVersions is those that a suite from before TLS 1.2 has.
var oldVersions = []iana.Version{iana.VersionTLS10, iana.VersionTLS11, iana.VersionTLS12}

// opensslServers is what servers of OpenSSL there are: how each is started, beyond what all have. Those with -rev answer
// what they are sent turned round, which they do not do in TLS 1.3 where the client has a certificate; those with -www
// answer as web servers do.
var opensslServers = map[string]string{
	"":               "-rev -psk " + sharedKey,
	"no EtM":         "-rev -psk " + sharedKey + " -no_etm",
	"session IDs":    "-rev -no_ticket",
	"certificates":   "-www -Verify 1 -verify_return_error -CAfile root.pem",
	"retry":          "-www -Verify 1 -verify_return_error -CAfile root.pem -groups P-384",
	"X25519":         "-rev -groups X25519",
	"few suites":     "-rev -cipher AES128-SHA -tls1_2",
	"few suites 1.3": "-rev -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
	"TLS 1.3":        "-rev -tls1_3",
	"early data":     "-early_data -no_anti_replay",
	"early once":     "-early_data -num_tickets 1", // it forgets the session if the client does not wait for the second one
	"early, retry":   "-early_data -no_anti_replay -groups P-384",
	"web":            "-www",
}

const (
	opensslServer   = "openssl s_server -cert rsa.pem -key rsa.key -dcert ecdsa.pem -dkey ecdsa.key"
	opensslAll      = " -cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0 -ciphersuites " + all13
	opensslOutdated = "openssl s_server -rev -cert expired.pem -key expired.key"
	opensslAnywhere = " -accept 127.0.0.1:0"
)

var opensslListens = regexp.MustCompile(`ACCEPT (127\.0\.0\.1:\d+)`)

const all13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"

// startOpenSSL starts them, and returns their addresses.
func startOpenSSL(f *fresh) map[string]string {
	all := map[string]string{"expired": f.announced(opensslListens, strings.Fields(opensslOutdated+opensslAnywhere)...)}
	for name, flags := range opensslServers {
		all[name] = f.announced(opensslListens, strings.Fields(opensslServer+opensslAll+" "+flags+opensslAnywhere)...)
	}
	return all
}

// opensslFlags is what a version is called.
var opensslFlags = map[iana.Version]string{
	iana.VersionTLS10: "-tls1", iana.VersionTLS11: "-tls1_1", iana.VersionTLS12: "-tls1_2", iana.VersionTLS13: "-tls1_3",
}

// openssl is a client.
func openssl(d dialog, flags string) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		f.run(d, strings.Fields("openssl s_client -servername localhost -connect "+address+" "+flags)...)
	}
}

// strange reports whether a suite has a cipher that we do not open. There is one connection of each.
func strange(id iana.CipherSuite) bool {
	return strings.Contains(id.String(), "CAMELLIA") || strings.Contains(id.String(), "ARIA")
}

// A listed suite is one that programs have.
type listed struct {
	id       iana.CipherSuite
	name     string // that the programs have for it
	versions []iana.Version
	psk      bool
}

// opensslSuites is those of OpenSSL, as it lists them; but for DSS, of which we make no certificates, and SRP.
func opensslSuites(t *testing.T) (list []listed) {
	out, err := exec.Command("openssl", "ciphers", "-V", "-ciphersuites", all13, "ALL:COMPLEMENTOFALL:@SECLEVEL=0").Output()
	check(t, err)
	line := regexp.MustCompile(`(?m)^ *0x(..),0x(..) - (\S+) +(\S+) +Kx=(\S+) +Au=(\S+)`)
	for _, m := range line.FindAllStringSubmatch(string(out), -1) {
		if m[6] != "DSS" && m[5] != "SRP" {
			list = addListed(t, list, m[1]+m[2], m[3], strings.TrimPrefix(m[4], "TLSv"), strings.Contains(m[5]+m[6], "PSK"))
		}
	}
	return list
}

// addListed adds a suite that there is since a version, unless it is strange.
func addListed(t *testing.T, list []listed, code, name, since string, psk bool) []listed {
	n, err := strconv.ParseUint(code, 16, 16)
	check(t, err)
	s := listed{iana.CipherSuite(n), name, oldVersions, psk}
	switch since {
	case "1.2":
		s.versions = oldVersions[2:]
	case "1.3":
		s.versions = []iana.Version{iana.VersionTLS13}
	}
	if strange(s.id) {
		return list
	}
	return append(list, s)
}

// opensslOnly is the flags by which a client of OpenSSL offers a suite alone.
func opensslOnly(v iana.Version, name string) string {
	if v == iana.VersionTLS13 {
		return opensslFlags[v] + " -ciphersuites " + name
	}
	return opensslFlags[v] + " -cipher " + name + ":@SECLEVEL=0"
}

// opensslCells is each suite that OpenSSL has, in each version that has it; CBC both ways round in TLS 1.2, in turn before.
func opensslCells(suites []listed, servers map[string]string) (list []cell) {
	for i, s := range suites {
		for j, v := range s.versions {
			add := func(server string) {
				flags := opensslOnly(v, s.name)
				if s.psk {
					flags += " -psk " + sharedKey
				}
				list = append(list, cell{[]talk{of(v, s.id, "openssl, %v %v %s", v, s.id, server)}, servers[server], openssl(asked, flags)})
			}
			cbc := strings.Contains(s.id.String(), "_CBC_")
			if !cbc || v == iana.VersionTLS12 || (i+j)%2 == 0 {
				add("")
			}
			if cbc && (v == iana.VersionTLS12 || (i+j)%2 != 0) {
				add("no EtM")
			}
		}
	}
	return list
}

// opensslExtras is what else a handshake may be.
func opensslExtras(servers map[string]string) (list []cell) {
	add := func(server, flags string, d dialog, k talk) {
		list = append(list, cell{[]talk{k}, servers[server], openssl(d, flags)})
	}
	twice := func(server, name, flags string, first talk) {
		second := first
		first.name, second.name, second.resumed = name, name+", resumed", true
		list = append(list, cell{[]talk{first, second}, servers[server], func(f *fresh, address string) {
			file := strings.NewReplacer(" ", "", ".", "", ",", "").Replace(name)
			openssl(asked, flags+" -sess_out "+file)(f, address)
			openssl(asked, flags+" -sess_in "+file)(f, address)
		}})
	}
	v12, v13 := talk{version: "TLS 1.2"}, talk{version: "TLS 1.3"}
	twice("", "openssl, TLS 1.2, ticket", "-tls1_2", v12)
	twice("session IDs", "openssl, TLS 1.2, session ID", "-tls1_2", v12)
	twice("session IDs", "openssl, TLS 1.0, session ID", "-tls1 -cipher AES128-SHA:@SECLEVEL=0", talk{version: "TLS 1.0"})
	twice("", "openssl, TLS 1.3, ticket", "-tls1_3", v13)
	twice("session IDs", "openssl, TLS 1.3, stateful ticket", "-tls1_3", v13)
	add("", "-tls1_3 -psk "+sharedKey+" -ciphersuites TLS_AES_128_GCM_SHA256", asked, talk{name: "openssl, TLS 1.3, shared key", version: "TLS 1.3", resumed: true})
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		add("certificates", opensslFlags[v]+" -cert client.pem -key client.key", get, talk{
			name: "openssl, client certificate, " + v.String(), version: v.String(), sent: get.says, answered: "HTTP/1.0 200 ok",
		})
		for _, x := range []struct{ server, what, flags, alert string }{
			{"certificates", "no client certificate", "", map[iana.Version]string{iana.VersionTLS12: "handshake_failure", iana.VersionTLS13: "certificate_required"}[v]},
			{"certificates", "unknown client certificate", "-cert stranger.pem -key stranger.key", "unknown_ca"},
			{"", "unknown CA", "-verify_return_error", "unknown_ca"},
			{"", "wrong name", "-CAfile root.pem -verify_return_error -verify_hostname other.example", "bad_certificate"},
			{"expired", "expired certificate", "-CAfile root.pem -verify_return_error", "certificate_expired"},
		} {
			late := v == iana.VersionTLS13 && strings.Contains(x.what, "client") // what it says meanwhile is encrypted
			add(x.server, opensslFlags[v]+" "+x.flags, get, talk{
				name: "openssl, " + x.what + ", " + v.String(), version: v.String(), fails: true, open: late, alert: x.alert,
			})
		}
	}
	add("", "-tls1_2 -cipher CAMELLIA128-SHA256", asked, talk{name: "openssl, Camellia", version: "TLS 1.2", foreign: true, fails: true})
	add("", "-tls1_2 -cipher ARIA128-GCM-SHA256", asked, talk{name: "openssl, ARIA", version: "TLS 1.2", foreign: true, fails: true})
	add("X25519", "-tls1_3 -groups P-256:X25519", asked, talk{name: "openssl, HelloRetryRequest", version: "TLS 1.3", retry: true})
	add("retry", "-tls1_3 -groups X25519:P-384 -cert client.pem -key client.key", get, talk{
		name: "openssl, HelloRetryRequest and client certificate", version: "TLS 1.3", retry: true, sent: get.says, answered: "HTTP/1.0 200 ok",
	})
	add("X25519", "-tls1_3 -groups P-256", asked, talk{name: "openssl, no common group", fails: true, alert: "handshake_failure"})
	add("few suites", "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", asked, talk{name: "openssl, no common suite, TLS 1.2", fails: true, alert: "handshake_failure"})
	add("few suites 1.3", "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", asked, talk{name: "openssl, no common suite, TLS 1.3", fails: true, alert: "handshake_failure"})
	add("TLS 1.3", "-tls1_2", asked, talk{name: "openssl, no common version, TLS 1.2", fails: true, alert: "protocol_version"})
	add("few suites", "-tls1_3", asked, talk{name: "openssl, no common version, TLS 1.3", fails: true, alert: "protocol_version"})
	return list
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

const gnutlsServer = "gnutls-serv --echo --x509certfile rsa.pem --x509keyfile rsa.key --x509certfile ecdsa.pem --x509keyfile ecdsa.key --pskpasswd psk"

// gnutlsServers is what servers of GnuTLS there are: one with all that is old, which then has no TLS 1.3, and one with that.
var gnutlsServers = map[string]string{
	"": "NONE:+VERS-TLS1.0:+VERS-TLS1.1:+VERS-TLS1.2:+CIPHER-ALL:+AES-128-CCM-8:+AES-256-CCM-8:+3DES-CBC:+ARCFOUR-128:+NULL:+MAC-ALL:+MD5:+SHA256:+SHA384" +
		":+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+RSA:+DHE-RSA:+ECDHE-RSA:+ECDHE-ECDSA:+PSK:+RSA-PSK:+DHE-PSK:+ECDHE-PSK:+ANON-DH:+ANON-ECDH",
	"TLS 1.3":      "NORMAL:-VERS-ALL:+VERS-TLS1.3:+AES-128-CCM-8",
	"normal":       "NORMAL",
	"retry":        "NORMAL:-GROUP-ALL:+GROUP-SECP384R1",
	"certificates": "NORMAL --require-client-cert --verify-client-cert --x509cafile root.pem",
	"early data":   "NORMAL:-VERS-ALL:+VERS-TLS1.3 --earlydata --maxearlydata=1000",
	"early again":  "NORMAL:-VERS-ALL:+VERS-TLS1.3 --earlydata --maxearlydata=1000",
	"session IDs":  "NORMAL --noticket",
	"few suites":   "NONE:+VERS-TLS1.2:+VERS-TLS1.3:+AES-128-CCM:+AEAD:+ECDHE-RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL",
}

var gnutlsListens = regexp.MustCompile(`listening on IPv4 .*\n?.*done`)

// startGnuTLS starts them, and returns their addresses.
func startGnuTLS(f *fresh) map[string]string {
	all := map[string]string{}
	for name, flags := range gnutlsServers {
		all[name] = f.listenOn(gnutlsListens, func(port string) []string {
			return strings.Fields(gnutlsServer + " --port " + port + " --priority " + flags)
		})
	}
	return all
}

func gnutls(d dialog, flags string) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		host, port, _ := strings.Cut(address, ":")
		f.run(d, strings.Fields("gnutls-cli --sni-hostname localhost --port "+port+" "+host+" "+flags)...)
	}
}

const gnutlsPSK = " --pskusername " + sharedName + " --pskkey " + sharedKey

// gnutlsSuites is those of GnuTLS, as it lists them, that it can be made to offer.
func gnutlsSuites(t *testing.T) (list []listed) {
	out, err := exec.Command("gnutls-cli", "--list").Output()
	check(t, err)
	line := regexp.MustCompile(`(?m)^(TLS_\S+)\s+0x(..), 0x(..)\s+TLS(1\.\d)`)
	for _, m := range line.FindAllStringSubmatch(string(out), -1) {
		if m[4] == "1.3" || gnutlsPriority(m[1], iana.VersionTLS12) != "" {
			list = addListed(t, list, m[2]+m[3], m[1], m[4], strings.Contains(m[1], "PSK"))
		}
	}
	return list
}

// gnutlsCells is each suite that GnuTLS has, in each version that has it.
func gnutlsCells(suites []listed, servers map[string]string) (list []cell) {
	for i, s := range suites {
		for j, v := range s.versions {
			flags, server := " --insecure --priority "+gnutlsPriority(s.name, v), servers[""]
			if v == iana.VersionTLS13 {
				server = servers["TLS 1.3"]
			}
			if (i+j)%2 == 0 {
				flags += ":%NO_ETM"
			}
			if s.psk {
				flags += gnutlsPSK
			}
			k := of(v, s.id, "gnutls, %v %v", v, s.id)
			k.open = strings.Contains(s.name, "DHE_PSK") // gnutls-cli 3.7 crashes after these handshakes
			list = append(list, cell{[]talk{k}, server, gnutls(asked, flags)})
		}
	}
	return list
}

// gnutlsOnly is the priorities of what GnuTLS does by default in a version.
func gnutlsOnly(v iana.Version) string {
	return " --priority NORMAL:-VERS-ALL:+VERS-" + strings.ReplaceAll(v.String(), " ", "")
}

// gnutlsExtras is what else a handshake may be.
func gnutlsExtras(servers map[string]string) (list []cell) {
	add := func(server, flags string, talks ...talk) {
		list = append(list, cell{talks, servers[server], gnutls(asked, flags)})
	}
	for _, v := range []iana.Version{iana.VersionTLS12, iana.VersionTLS13} {
		k := talk{version: v.String()}
		named := func(what string) talk { k := k; k.name = "gnutls, " + what + ", " + v.String(); return k }
		failing := func(what string, open bool, alert string) talk {
			k := named(what)
			k.fails, k.open, k.alert = true, open, alert
			return k
		}
		only, ours := gnutlsOnly(v), gnutlsOnly(v)+" --x509cafile root.pem"
		first, again := named("first"), named("resumed")
		first.open, again.resumed = true, true
		add("normal", "--insecure --resume --waitresumption"+only, first, again)
		if v == iana.VersionTLS12 {
			first.name, again.name = first.name+", session ID", again.name+", session ID"
			add("session IDs", "--insecure --resume --waitresumption --noticket"+only, first, again)
		}
		add("certificates", "--x509certfile client.pem --x509keyfile client.key"+ours, named("client certificate"))
		late := v == iana.VersionTLS13
		add("certificates", ours, failing("no client certificate", late, ""))
		add("certificates", "--x509certfile stranger.pem --x509keyfile stranger.key"+ours, failing("unknown client certificate", late, ""))
		add("normal", only, failing("unknown CA", false, ""))
		add("normal", "--verify-hostname other.example"+ours, failing("wrong name", false, ""))
		k.version = "" // there is no ServerHello
		add("few suites", "--insecure"+only+":-AES-128-CCM", failing("no common suite", false, "handshake_failure"))
	}
	add("retry", "--insecure --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-SECP384R1", talk{name: "gnutls, HelloRetryRequest", version: "TLS 1.3", retry: true})
	add("retry", "--insecure --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP256R1", talk{name: "gnutls, no common group", fails: true, alert: "handshake_failure"})
	add("TLS 1.3", "--insecure"+gnutlsOnly(iana.VersionTLS12), talk{name: "gnutls, no common version, TLS 1.2", fails: true, alert: "handshake_failure"})
	add("", "--insecure"+gnutlsOnly(iana.VersionTLS13), talk{name: "gnutls, no common version, TLS 1.3", fails: true, alert: "handshake_failure"})
	return list
}
