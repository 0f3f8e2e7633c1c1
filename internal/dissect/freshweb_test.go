package dissect_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/root"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/suite"
)

// nginxServers is what servers nginx is: the flags of "listen", and the rest.
var nginxServers = map[string][2]string{
	"h1":            {" ssl"},
	"h2":            {" ssl http2"},
	"session IDs":   {" ssl", "ssl_session_tickets off; ssl_session_cache shared:ids:1m;"},
	"certificates":  {" ssl", "ssl_verify_client on; ssl_client_certificate root.pem;"},
	"if any":        {" ssl", "ssl_verify_client optional; ssl_client_certificate root.pem;"},
	"early data":    {" ssl", "ssl_early_data on;"},
	"no early data": {" ssl"},
	"retry":         {" ssl", "ssl_ecdh_curve secp521r1;"},
	"few suites":    {" ssl", "ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA;"},
	"TLS 1.3":       {" ssl", "ssl_protocols TLSv1.3;"},
	"plain":         {},
}

// nginxSettings is those of all of them, which share the keys of tickets.
const nginxSettings = `
daemon off; master_process off; pid nginx.pid; error_log stderr; events {}
http {
	access_log off;
	client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .; uwsgi_temp_path .; scgi_temp_path .;
	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0; ssl_dhparam dh.pem;
	ssl_certificate rsa.pem; ssl_certificate_key rsa.key; ssl_certificate ecdsa.pem; ssl_certificate_key ecdsa.key;
	ssl_session_ticket_key ticket.key; ssl_conf_command Ciphersuites ` + all13 + `;
`

// hello is what web servers answer.
const hello = "Hello World!"

// web is the addresses of web servers.
type web struct{ nginx, ours map[string]string }

func startWeb(f *fresh) *web {
	w := &web{nginx: map[string]string{}, ours: map[string]string{}}
	f.run(dialog{}, strings.Fields("openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out dh.pem")...)
	check(f.t, os.WriteFile(filepath.Join(f.dir, "ticket.key"), []byte(strings.Repeat("0123456789", 8)), 0o600))
	conf := nginxSettings
	for name, is := range nginxServers {
		w.nginx[name] = filepath.Join(f.dir, fmt.Sprintf("nginx%d", len(w.nginx)))
		conf += fmt.Sprintf("server { listen unix:%s%s; %s location / { return 200 %q; } }\n", w.nginx[name], is[0], is[1], hello+"\n")
	}
	check(f.t, os.WriteFile(filepath.Join(f.dir, "nginx.conf"), []byte(conf+"}\n"), 0o600))
	f.listen(w.nginx["h1"], "nginx", "-p", f.dir, "-c", "nginx.conf", "-e", "stderr")
	for _, kind := range []string{"rsa", "ecdsa"} {
		w.ours[kind] = f.serve("--tls-min", "1.0", "--suites", "all", "--cert", f.file(kind+".pem"), "--key", f.file(kind+".key"))
	}
	w.ours["certificates"] = f.serve("--client-ca", f.file("root.pem"), "--require-client-cert", "--cert", f.file("ecdsa.pem"), "--key", f.file("ecdsa.key"))
	w.ours["retry"] = f.serve("--groups", "P-521", "--cert", f.file("ecdsa.pem"), "--key", f.file("ecdsa.key"))
	w.ours["early data"] = f.serve("--early-data", "--cert", f.file("ecdsa.pem"), "--key", f.file("ecdsa.key"))
	return w
}

func (f *fresh) file(name string) string { return filepath.Join(f.dir, name) }

var serving = regexp.MustCompile(`https://(?:localhost|127\.0\.0\.1):(\d+)`)

// serve runs the verb of that name until the test ends, and returns its address.
func (f *fresh) serve(flags ...string) string {
	ctx, cancel := context.WithCancel(context.Background())
	said, ended := new(output), make(chan struct{})
	env := &cli.Env{
		In: strings.NewReader(""), Out: said, Err: said, Getenv: func(string) string { return "" }, Now: time.Now, Words: explain.For(explain.LangOf(func(string) string { return "" })),
	}
	go func() {
		defer close(ended)
		root.Main(ctx, env, append([]string{"serve", "--addr", "127.0.0.1:0"}, flags...))
	}()
	f.t.Cleanup(func() { cancel(); <-ended })
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if m := serving.FindStringSubmatch(said.String()); m != nil {
			return "127.0.0.1:" + m[1]
		}
	}
	f.t.Fatalf("serve %v does not listen:\n%s", flags, said)
	return ""
}

// page is what curl asks for, at a port of this machine.
const page = "https://localhost:%[1]s/"

// curl asks for pages.
func curl(flags string, urls ...string) func(f *fresh, address string) {
	return func(f *fresh, address string) {
		_, port, err := net.SplitHostPort(address)
		check(f.t, err)
		args := "curl -sS -i --noproxy * --http1.1 --resolve localhost:%[1]s:127.0.0.1 --resolve other.example:%[1]s:127.0.0.1 " + flags + " " + strings.Join(urls, " ")
		f.run(dialog{}, strings.Fields(strings.ReplaceAll(args, "%[1]s", port))...)
	}
}

// curlVersion is the flags by which curl does a version and no other.
func curlVersion(v iana.Version) string {
	number := strings.TrimPrefix(v.String(), "TLS ")
	return " --tlsv" + number + " --tls-max " + number
}

// curlOnly is the flags by which curl offers a suite alone.
func curlOnly(v iana.Version, name string) string {
	if v == iana.VersionTLS13 {
		return curlVersion(v) + " --tls13-ciphers " + name
	}
	return curlVersion(v) + " --ciphers " + name + ":@SECLEVEL=0"
}

// over is a talk in HTTP.
func over(http string, k talk) talk {
	k.http, k.sent, k.answered = http+" 200", "GET / HTTP/1.1", hello
	if http == "HTTP/2" {
		k.sent = "PRI * HTTP/2.0"
	}
	return k
}

const trusting = " --cacert root.pem"

// webCells is curl with nginx, OpenSSL and akushu serve.
func webCells(suites []listed, w *web, openssl map[string]string) (list []cell) {
	add := func(server, flags string, talks ...talk) {
		list = append(list, cell{talks, server, curl(flags, slices.Repeat([]string{page}, len(talks))...)})
	}
	for i, s := range suites {
		if s.psk || strings.Contains(s.id.String(), "_anon_") {
			continue
		}
		ours := w.ours["rsa"]
		if strings.Contains(s.id.String(), "_ECDSA_") {
			ours = w.ours["ecdsa"]
		}
		for j, v := range s.versions {
			flags := curlOnly(v, s.name) + trusting
			if v == iana.VersionTLS13 || v == iana.VersionTLS12 || (i+j)%2 == 0 {
				add(w.nginx["h1"], flags, over("HTTP/1.1", of(v, s.id, "curl to nginx, HTTP/1.1, %v %v", v, s.id)))
			}
			if v == iana.VersionTLS13 || v == iana.VersionTLS12 || (i+j)%2 != 0 {
				add(w.nginx["h2"], flags+" --http2", over("HTTP/2", of(v, s.id, "curl to nginx, HTTP/2, %v %v", v, s.id)))
			}
			if s := suite.ByID(s.id); s != nil && s.Usable() {
				http, flag := "HTTP/1.1", ""
				if (i+j)%2 == 0 && v >= iana.VersionTLS12 && s.MAC == 0 && s.Ephemeral() { // others HTTP/2 does not take
					http, flag = "HTTP/2", " --http2"
				}
				add(ours, flags+flag, over(http, of(v, s.ID, "curl to akushu serve, %s, %v %v", http, v, s.ID)))
			}
		}
	}
	for _, v := range allVersions[2:] {
		for _, server := range []struct{ name, address, certificates string }{
			{"nginx", w.nginx["h1"], w.nginx["certificates"]},
			{"openssl", openssl["web"], openssl["certificates"]},
			{"akushu serve", w.ours["ecdsa"], w.ours["certificates"]},
		} {
			list = append(list, curlCells(v, server.name, server.address, server.certificates)...)
		}
		only, k := curlVersion(v), talk{version: v.String()}
		for _, how := range []string{"h1", "session IDs"} {
			first, again := over("HTTP/1.1", k), over("HTTP/1.1", k)
			first.name = fmt.Sprintf("curl to nginx, %v, two connections, %s", v, how)
			again.name, again.resumed = first.name+", resumed", true
			if v == iana.VersionTLS13 || how == "session IDs" { // curl does without tickets before TLS 1.3
				add(w.nginx[how], only+trusting+" -H Connection:close", first, again)
			}
			list = append(list, opensslToNginx(v, how, w))
		}
		k.version, k.fails, k.alert = "", true, "protocol_version"
		k.name = "curl to nginx, no common version, " + v.String()
		add(w.nginx[map[iana.Version]string{iana.VersionTLS12: "TLS 1.3", iana.VersionTLS13: "few suites"}[v]], only, k)
	}
	none := talk{name: "curl to nginx, no common suite", fails: true, alert: "handshake_failure"}
	add(w.nginx["few suites"], curlOnly(iana.VersionTLS12, "ECDHE-RSA-AES128-GCM-SHA256"), none)
	for name, address := range map[string]string{"nginx": w.nginx["retry"], "akushu serve": w.ours["retry"]} {
		k := over("HTTP/1.1", talk{name: "curl to " + name + ", HelloRetryRequest", version: "TLS 1.3", retry: true})
		add(address, curlVersion(iana.VersionTLS13)+trusting+" --curves X25519:P-521", k)
	}
	return list
}

// curlCells is what curl does with a server in a version, and what goes wrong.
func curlCells(v iana.Version, name, address, certificates string) (list []cell) {
	add := func(server, flags, url string, k talk) {
		k.name = fmt.Sprintf("curl to %s, %v, %s", name, v, k.name)
		list = append(list, cell{[]talk{k}, server, curl(curlVersion(v)+flags, url)})
	}
	good := over("HTTP/1.1", talk{version: v.String()})
	if name == "openssl" {
		good.http, good.answered = "HTTP/1.0 200", "HTTP/1.0 200 ok"
	}
	named := func(what string) talk { k := good; k.name = what; return k }
	add(certificates, trusting+" --cert client.pem --key client.key", page, named("client certificate"))
	bad := talk{version: v.String(), fails: true}
	failing := func(what, alert string, open bool) talk {
		k := bad
		k.name, k.alert, k.open = what, alert, open
		return k
	}
	add(address, "", page, failing("unknown CA", "unknown_ca", false))
	add(address, trusting, "https://other.example:%[1]s/", failing("wrong name", "", false))
	if name != "nginx" {
		late := v == iana.VersionTLS13
		add(certificates, trusting, page, failing("no client certificate", "", late))
		add(certificates, trusting+" --cert stranger.pem --key stranger.key", page, failing("unknown client certificate", "unknown_ca", late))
		return list
	}
	refused := named("no client certificate")
	refused.http, refused.answered = "HTTP/1.1 400", "No required SSL certificate was sent"
	add(certificates, trusting, page, refused)
	refused.name, refused.answered = "unknown client certificate", "The SSL certificate error"
	add(certificates, trusting+" --cert stranger.pem --key stranger.key", page, refused)
	return list
}

// opensslToNginx is a session of nginx that OpenSSL resumes.
func opensslToNginx(v iana.Version, how string, w *web) cell {
	first := talk{name: fmt.Sprintf("openssl to nginx, %v, %s", v, how), version: v.String(), sent: get.says, answered: hello, http: "HTTP/1.1 200"}
	again := first
	again.name, again.resumed = first.name+", resumed", true
	return cell{[]talk{first, again}, w.nginx[how], func(f *fresh, address string) {
		openssl(get, opensslFlags[v]+" -sess_out session"+address)(f, address)
		openssl(get, opensslFlags[v]+" -sess_in session"+address)(f, address)
	}}
}

// plainCells is HTTP without TLS, to servers of TLS, and TLS to a server without.
func plainCells(f *fresh, w *web, openssl, gnutls map[string]string) (list []cell) {
	for name, address := range map[string]string{
		"nginx": w.nginx["h1"], "openssl": openssl["web"], "gnutls": gnutls["normal"], "akushu serve": w.ours["ecdsa"],
		"crypto/tls": f.quietly(cryptoTLS, f.setting(iana.VersionTLS12, iana.VersionTLS13)), "plain nginx": w.nginx["plain"],
	} {
		k := talk{name: "curl, plain HTTP to " + name, plain: true}
		if name == "gnutls" {
			k.tshark = allHTTP
		}
		list = append(list, cell{[]talk{k}, address, curl("", strings.Replace(page, "https", "http", 1))})
	}
	return append(list, cell{[]talk{{name: "curl, TLS to plain nginx", fails: true}}, w.nginx["plain"], curl("", page)})
}
