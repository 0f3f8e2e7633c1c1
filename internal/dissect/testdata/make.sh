#!/bin/bash
# Records the captures of this folder anew, all of them: `internal/dissect/testdata/make.sh`, as root on Linux, with curl,
# openssl, gnutls-bin, nginx, tcpdump, editcap and go. README.md says what each is. Names of captures may be given.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
wanted=("$@")

# certificates: a root, a server and a client of it, and a server that nobody vouches for
certificate() { # NAME ISSUER SUBJECT EXTENSION KEY…
	local name=$1 issuer=$2 subject=$3 extension=$4; shift 4
	openssl req -new -nodes -newkey "$@" -keyout "$name.key" -subj "$subject" -out "$name.csr" 2>/dev/null
	if [ "$issuer" = self ]; then signed=(-signkey "$name.key"); else signed=(-CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial); fi
	openssl x509 -req -in "$name.csr" -days 3650 "${signed[@]}" -extfile <(echo "$extension") -out "$name.pem" 2>/dev/null
}
certificate root self "/CN=recordings root" "basicConstraints=critical,CA:true" ec -pkeyopt ec_paramgen_curve:P-256
certificate server root "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1" rsa:2048
certificate client root "/CN=a client" "extendedKeyUsage=clientAuth" ec -pkeyopt ec_paramgen_curve:P-256
certificate stranger self "/CN=localhost" "subjectAltName=DNS:localhost" ec -pkeyopt ec_paramgen_curve:P-256

port=21000
until_open() { for _ in $(seq 100); do (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.05; done; echo "nothing listens on $1" >&2; exit 1; }

# record NAME SERVER-COMMAND CLIENT-COMMAND: both have $port, $keys and what the server needs to say hello.
record() {
	local name=$1 server=$2 client=$3
	port=$((port + 1))
	if [ ${#wanted[@]} -gt 0 ] && [[ ! " ${wanted[*]} " == *" $name "* ]]; then return; fi
	keys=$work/$name.keys; : >"$keys"
	export port keys
	bash -c "$server" >server.log 2>&1 & local s=$!
	until_open $port; rm -f dump.log
	tcpdump -i "${interface:-lo}" -U --immediate-mode -s 65535 -w "$name.pcap" "tcp port $port" 2>dump.log & local d=$!
	until grep -qs listening dump.log; do sleep 0.05; done
	bash -c "$client" >client.log 2>&1 || true
	sleep 0.3
	kill $d; wait $d || true
	kill $s 2>/dev/null || true; wait $s 2>/dev/null || true
	cp "$name.pcap" "$here/$name.pcap"
	rm -f "$here/$name.keys"
	if [ -s "$keys" ]; then cp "$keys" "$here/$name.keys"; fi
	echo "$name: $(stat -c %s "$name.pcap") bytes"
}
ours=root.pem; export ours
serve='exec openssl s_server -accept $port -cert server.pem -key server.key -keylogfile $keys'
say='(echo hello; sleep 0.3) | openssl s_client -connect 127.0.0.1:$port -servername localhost -CAfile root.pem'

nginx() { # PORT-TYPE OPTIONS…
	echo 'mkdir -p www && echo "Hello World!" > www/index.html && cat > nginx.conf <<X
daemon off; pid nginx.pid; error_log stderr; events {} user root;
http { access_log off; server { listen $port '"$1"'; root '"$work"'/www; '"$2"' } }
X
exec nginx -p . -c nginx.conf'
}
tls="ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key;"

record plain_http "$(nginx "" "")" 'curl -s -i http://localhost:$port/ http://localhost:$port/missing'
record curl_h2_tls13 "$(nginx "ssl http2" "$tls ssl_protocols TLSv1.3;")" 'SSLKEYLOGFILE=$keys curl -s --cacert root.pem https://localhost:$port/'
record curl_h1_tls12 "$(nginx ssl "$tls ssl_protocols TLSv1.2;")" 'SSLKEYLOGFILE=$keys curl -s --http1.1 --cacert root.pem https://localhost:$port/ https://localhost:$port/missing'
interface=any record any_tls13 "$(nginx ssl "$tls ssl_protocols TLSv1.3;")" 'SSLKEYLOGFILE=$keys curl -s --cacert root.pem https://localhost:$port/'
record rsa_tls12 "$serve -rev -tls1_2 -cipher AES128-SHA" "$say"
record dhe_tls12 "$serve -rev -tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384" "$say"
record chacha_tls12 "$serve -rev -tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305" "$say"
record tls10 "$serve -rev -tls1 -cipher AES256-SHA:@SECLEVEL=0" "$say -cipher AES256-SHA:@SECLEVEL=0 -tls1"
record tls11 "$serve -rev -tls1_1 -cipher ECDHE-RSA-AES128-SHA:@SECLEVEL=0" "$say -cipher ECDHE-RSA-AES128-SHA:@SECLEVEL=0 -tls1_1"
record hello_retry "$serve -rev -tls1_3 -groups X25519" "$say -groups P-256:X25519"
record client_certificate_tls13 "$serve -rev -tls1_3 -Verify 1 -CAfile root.pem" "$say -cert client.pem -key client.key"
record client_certificate_tls12 "$serve -rev -tls1_2 -Verify 1 -CAfile root.pem" "$say -cert client.pem -key client.key"
record resumed_tls12_ticket "$serve -rev -tls1_2" "$say -sess_out s; $say -sess_in s"
record resumed_tls12_id "$serve -rev -tls1_2 -no_ticket" "$say -sess_out s; $say -sess_in s"
record early_data "$serve -tls1_3 -early_data -no_anti_replay -quiet < <(sleep 20)" "$say -sess_out s; echo early > e; $say -sess_in s -early_data e"
record renegotiation "$serve -rev -tls1_2 -client_renegotiation" "(echo hello; sleep 0.3; echo R; sleep 0.3; echo again; sleep 0.3) | openssl s_client -connect 127.0.0.1:\$port -tls1_2"
record unknown_ca "openssl s_server -accept \$port -cert stranger.pem -key stranger.key -keylogfile \$keys -rev" "$say -verify_return_error"
record no_common_suite "$serve -rev -tls1_2 -cipher AES128-SHA" "$say -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256"
record protocol_version "$serve -rev -tls1_3" "$say -tls1_2"
record gnutls_tls13 'SSLKEYLOGFILE=$keys gnutls-serv --quiet --echo --port $port --x509certfile server.pem --x509keyfile server.key --priority NORMAL' \
	'(echo hello; sleep 0.3) | gnutls-cli --port $port --x509cafile root.pem localhost'
record gnutls_ccm_tls12 'SSLKEYLOGFILE=$keys gnutls-serv --quiet --echo --port $port --x509certfile server.pem --x509keyfile server.key --priority NORMAL' \
	'(echo hello; sleep 0.3) | gnutls-cli --port $port --x509cafile root.pem --priority NONE:+VERS-TLS1.2:+AES-128-CCM:+RSA:+AEAD:+SIGN-ALL:+GROUP-ALL:+COMP-NULL localhost'
(cd "$here/../../.." && go build -o "$work/akushu" ./cmd/akushu)
record akushu_h2 './akushu serve --addr 127.0.0.1:$port --cert server.pem --key server.key' 'SSLKEYLOGFILE=$keys curl -s --cacert root.pem https://localhost:$port/'
record http_bodies "$(nginx ssl "$tls ssl_protocols TLSv1.2; gzip on; gzip_min_length 1;")" 'seq 4000 > www/long.txt; SSLKEYLOGFILE=$keys curl -s --http1.1 --cacert root.pem https://localhost:$port/long.txt https://localhost:$port/; curl -s --compressed http://localhost:$port/; SSLKEYLOGFILE=$keys curl -s --http1.1 --cacert root.pem -d @www/long.txt https://localhost:$port/'
psk=00112233445566778899aabbccddeeff
record psk_tls12 "openssl s_server -accept \$port -nocert -psk $psk -keylogfile \$keys -rev -tls1_2 -cipher PSK-AES128-GCM-SHA256" \
	"(echo hello; sleep 0.3) | openssl s_client -connect 127.0.0.1:\$port -psk $psk -cipher PSK-AES128-GCM-SHA256"
record psk_tls13 "SSLKEYLOGFILE=\$keys gnutls-serv --quiet --echo --port \$port --pskpasswd <(echo client:$psk) --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK" \
	"(echo hello; sleep 0.3) | gnutls-cli --port \$port --pskusername client --pskkey $psk --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK localhost"

# the same as pcapng, with the secrets inside, and compressed
if [ ${#wanted[@]} -eq 0 ]; then
	editcap --inject-secrets "tls,$here/curl_h2_tls13.keys" "$here/curl_h2_tls13.pcap" "$here/secrets_inside.pcapng"
	gzip -9nc "$here/dhe_tls12.pcap" >"$here/compressed.pcap.gz"
	cp "$here/dhe_tls12.keys" "$here/compressed.keys"
	cp server.key "$here/server.key"
fi
