package dissect_test

import (
	"fmt"

	"github.com/akushu/akushu/internal/iana"
)

// brokenCells is connections that end in the middle, and such as somebody changes on the way.
func brokenCells(servers, others map[string]string) (list []cell) {
	for _, v := range allVersions[2:] {
		for _, at := range []change{
			{fromClient: true, cutAt: 4},
			{fromClient: true, cutAt: 100},
			{fromClient: true, cutAt: 360},
			{cutAt: 3},
			{cutAt: 60},
			{cutAt: 700},
			{cutAt: 3500},
		} {
			for _, at.reset = range []bool{false, true} {
				end, how := "server", "FIN"
				if at.fromClient {
					end = "client"
				}
				if at.reset {
					how = "RST"
				}
				k := talk{name: fmt.Sprintf("openssl, %v, %s after %d bytes of the %s", v, how, at.cutAt, end), fails: true, open: true, change: at}
				list = append(list, cell{[]talk{k}, servers["web"], openssl(get, opensslFlags[v])})
			}
		}
	}
	// The name that the client asks for comes into the hash of the handshake: with extended main secrets, and in TLS 1.3,
	// the two ends have different keys then, and else the same, but not the same Finished.
	another := change{fromClient: true, from: "localhost", to: "localhosu"}
	for name, server := range map[string]string{"openssl": servers[""], "gnutls": others["normal"]} {
		add := func(what, priority, alert, bad string) {
			k := talk{name: fmt.Sprintf("gnutls to %s, changed, %s", name, what), fails: true, change: another, alert: alert, bad: bad}
			list = append(list, cell{[]talk{k}, server, gnutls(asked, "--insecure"+priority)})
		}
		add("wrong Finished", gnutlsOnly(iana.VersionTLS12)+":%NO_SESSION_HASH", "decrypt_error", "finished")
		add("TLS 1.2", gnutlsOnly(iana.VersionTLS12), "", "finished")
		add("TLS 1.3", gnutlsOnly(iana.VersionTLS13), "bad_record_mac", "")
		list[len(list)-1].talks[0].tshark = hidden
	}
	return list
}
