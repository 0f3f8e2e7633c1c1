package dissect_test

import (
	"bytes"
	"crypto/rand"
	stdtls "crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/peer"
	"github.com/akushu/akushu/internal/pki"
	"github.com/akushu/akushu/observe"
)

// fresh is a capture that is being made, of many connections that go on side by side: the bytes are those of real
// programs, the packets around them are made up.
type fresh struct {
	t     *testing.T
	dir   string // where the certificates are
	certs map[string]stdtls.Certificate
	pool  *pki.Authority
	runs  atomic.Int64 // of client programs

	mu      sync.Mutex
	packets []capture.Packet
	log     bytes.Buffer
	talks   map[string]talk // by the client's address
}

// talk is a connection, and what must have become of it.
type talk struct {
	name           string
	version, suite string // IANA's names; not looked at where they are empty
	fails          bool   // there are no application data
	open           bool   // there may be some or none
	foreign        bool   // tshark opens it, and we do not
	tshark         *deviation
	mood           bool   // the server may reject early data too, as GnuTLS's does with what comes soon after it was started
	bad            string // the check that finds something
	http           string // the protocol and the status of the answer, if they matter
	plain          bool   // it is HTTP without TLS
	resumed, retry bool
	sent, answered string            // are in what client and server say; by default a question and an answer to it
	early          observe.EarlyData // what becomes of it; not looked at where it is empty
	alert          string            // that one of the ends sends

	server string // its address, where it is not that of the cell
	change change // what the network does to it
}

// deviation is where tshark says something else.
type deviation struct {
	why  string
	says func(said) said // in place of what we say
}

// deviations is what tshark 4.0 does not see. A test fails where it does see it.
var (
	renewedTicket = &deviation{"the server gives a new ticket when it resumes a session, which tshark then looks for in place of the old one", unopened}
	allHTTP       = &deviation{"an answer in TLS follows a request in plain HTTP, and tshark takes all that comes for HTTP", func(k said) said {
		k.FromServer = nil
		return k
	}}
	hidden = &deviation{"what is not opened looks like application data in TLS 1.3, and tshark leaves it at that", func(k said) said {
		encrypted := func(what string) bool { return what == observe.TypeEncryptedHandshake }
		k.FromClient, k.FromServer = slices.DeleteFunc(slices.Clone(k.FromClient), encrypted), slices.DeleteFunc(slices.Clone(k.FromServer), encrypted)
		return k
	}}
)

// rejectedData is what the client of a connection said early, and nobody listened to.
func rejectedData(early string) *deviation {
	return &deviation{"the server rejected early data, of which tshark makes no difference", func(k said) said {
		k.ClientData = early + k.ClientData
		return k
	}}
}

// change is what a network does to the bytes that an end sends.
type change struct {
	fromClient bool
	cutAt      int  // after so many bytes of that end nothing comes any more, if it is not 0
	reset      bool // it ends with RST; else both ends are told that the other one has closed
	from, to   string
}

// sharedKey is what ends have in common that need no certificate.
const sharedKey, sharedName = "00112233445566778899aabbccddeeff", "Client_identity"

func newFresh(t *testing.T) *fresh {
	t.Helper()
	for _, program := range []string{"tshark", "openssl", "gnutls-serv", "gnutls-cli", "nginx", "curl"} {
		peer.Find(t, program)
	}
	f := &fresh{t: t, dir: t.TempDir(), certs: map[string]stdtls.Certificate{}, talks: map[string]talk{}}
	key, err := pki.GenerateKey("ecdsa-p256")
	check(t, err)
	f.pool, err = pki.NewAuthority(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: key, CommonName: "a root"})
	check(t, err)
	check(t, os.WriteFile(filepath.Join(f.dir, "root.pem"), pki.EncodeChain(f.pool.Certificate), 0o600))
	check(t, os.WriteFile(filepath.Join(f.dir, "psk"), []byte(sharedName+":"+sharedKey+"\n"), 0o600))
	f.issue("rsa", "rsa-2048", pki.Server, f.pool)
	f.issue("ecdsa", "ecdsa-p256", pki.Server, f.pool)
	f.issue("client", "ecdsa-p256", pki.Client, f.pool)
	stranger, err := pki.NewAuthority(pki.Env{Now: time.Now, Rand: rand.Reader}, pki.Request{Key: key, CommonName: "another root"})
	check(t, err)
	f.issue("stranger", "ecdsa-p256", pki.Client, stranger)
	long := pki.Request{NotBefore: time.Now().Add(-48 * time.Hour), Validity: 24 * time.Hour, Usage: pki.Server}
	f.certify("expired", "ecdsa-p256", long, f.pool)
	return f
}

// issue makes a certificate that is valid.
func (f *fresh) issue(name, kind string, usage pki.Usage, by *pki.Authority) {
	f.certify(name, kind, pki.Request{Usage: usage}, by)
}

// certify makes a certificate for this machine, in memory and as files.
func (f *fresh) certify(name, kind string, r pki.Request, by *pki.Authority) {
	key, err := pki.GenerateKey(kind)
	check(f.t, err)
	r.Key, r.CommonName, r.Names = key, "localhost", []string{"localhost", "127.0.0.1"}
	leaf, err := by.Issue(r)
	check(f.t, err)
	f.certs[name] = stdtls.Certificate{Certificate: leaf.DER(), PrivateKey: leaf.Key}
	private, err := pki.EncodeKey(key)
	check(f.t, err)
	check(f.t, os.WriteFile(filepath.Join(f.dir, name+".pem"), pki.EncodeChain(leaf.Chain...), 0o600))
	check(f.t, os.WriteFile(filepath.Join(f.dir, name+".key"), private, 0o600))
}

// Write takes lines of a key log.
func (f *fresh) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(b)
}

// WritePacket takes a packet of a Conversation; f.mu is held.
func (f *fresh) WritePacket(p capture.Packet) error {
	p.Data = bytes.Clone(p.Data)
	f.packets = append(f.packets, p)
	return nil
}
