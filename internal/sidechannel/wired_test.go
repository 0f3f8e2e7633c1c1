package sidechannel_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	std "crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/sidechannel"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// The tests of internal/auth and internal/record hold their countermeasures to account alone. These do so in a server as it
// is used: a client's message is changed on its way to a tls.Conn, and everything that this does with hashes, with its
// private key and with randomness is counted until it has dealt with the message.

// work counts the hashes of this process.
var work sidechannel.Work

func init() { work.Everywhere() }

// stream is one direction of a connection that stands still until the test lets it go on.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	sent    []byte // by one end, and not delivered
	there   []byte // for the other end to read
	wanting bool   // the other end waits for more
	closed  bool
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// stall waits until the reading end waits, or has closed, and returns what was sent to it and not delivered.
func (s *stream) stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.wanting && !s.closed {
		s.changed.Wait()
	}
}

// deliver lets the other end read what change makes of what was sent.
func (s *stream) deliver(change func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	if change != nil {
		sent = change(sent)
	}
	s.there, s.wanting = append(s.there, sent...), false
	s.changed.Broadcast()
}

// end is one end of two streams.
type end struct {
	in, out *stream
	counted bool // what it does is counted until it writes: what is done behind that, nobody waits for
}

func (e end) Read(b []byte) (int, error) {
	s := e.in
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.there) == 0 && !s.closed {
		s.wanting = true
		s.changed.Broadcast()
		s.changed.Wait()
	}
	if len(s.there) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.there)
	s.there = s.there[n:]
	return n, nil
}

func (e end) Write(b []byte) (int, error) {
	if e.counted {
		work.Stop()
	}
	e.out.mu.Lock()
	defer e.out.mu.Unlock()
	if e.out.closed {
		return 0, net.ErrClosed
	}
	e.out.sent = append(e.out.sent, b...)
	return len(b), nil
}

func (e end) Close() error {
	for _, s := range []*stream{e.in, e.out} {
		s.mu.Lock()
		s.closed = true
		s.changed.Broadcast()
		s.mu.Unlock()
	}
	return nil
}

func (end) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (end) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (end) SetDeadline(time.Time) error      { return nil }
func (end) SetReadDeadline(time.Time) error  { return nil }
func (end) SetWriteDeadline(time.Time) error { return nil }

// spy is a private key that says what it is asked.
type spy struct{ *rsa.PrivateKey }

func (s spy) Decrypt(rand io.Reader, m []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	work.Note("private key: decrypt %d bytes, %+v", len(m), opts)
	return s.PrivateKey.Decrypt(rand, m, opts)
}

func (s spy) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	work.Note("private key: sign")
	return s.PrivateKey.Sign(rand, digest, opts)
}

// drawing is a random source that says what is drawn.
type drawing struct{}

func (drawing) Read(p []byte) (int, error) {
	work.Note("draw %d bytes", len(p))
	return rand.Read(p)
}

// serverKey is the key of all servers here, and its certificate.
var serverKey = sync.OnceValues(func() (*rsa.PrivateKey, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return key, der
})

// A wired connection is a client of crypto/tls, which makes its MACs of the plaintext, and a server of ours.
type wired struct {
	client   *std.Conn
	server   *tls.Conn
	toServer *stream
	toClient *stream
	shaken   chan error // what the server's handshake comes to
	keyLog   bytes.Buffer
	hellos   []byte // of both ends, as they went by
}

// newWired has the client say its second flight, which waits to be delivered.
func newWired(t *testing.T, version uint16, s iana.CipherSuite) *wired {
	t.Helper()
	key, der := serverKey()
	w := &wired{toServer: newStream(), toClient: newStream(), shaken: make(chan error, 1)}
	w.client = std.Client(end{w.toClient, w.toServer, false}, &std.Config{
		InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{uint16(s)}, KeyLogWriter: &w.keyLog,
	})
	w.server = tls.Server(end{w.toServer, w.toClient, true}, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: spy{key}}}, Rand: drawing{},
		MinVersion: version, MaxVersion: version, CipherSuites: []uint16{uint16(s)}, SessionTicketsDisabled: true,
	})
	t.Cleanup(func() {
		w.server.Close()
		end{w.toServer, w.toClient, false}.Close()
	})
	go w.client.Handshake()
	go func() { w.shaken <- w.server.HandshakeContext(context.Background()) }()
	w.toClient.stall()
	w.toServer.stall()
	keep := func(b []byte) []byte { w.hellos = append(w.hellos, b...); return b }
	w.toServer.deliver(keep)
	w.toServer.stall()
	w.toClient.deliver(keep)
	w.toClient.stall()
	return w
}

// counted delivers what the client said last, changed, and returns what the server did until done returned.
func (w *wired) counted(change func([]byte) []byte, done func() error) (calls []string, sum string, err error) {
	work.Start()
	w.toServer.deliver(change)
	err = done()
	return work.Stop(), work.String(), err
}

// premasters are what a client may have encrypted, by RSA as it comes out of a book.
func premasters(key *rsa.PublicKey, version uint16) map[string][]byte {
	size := key.Size()
	pad := func(kind byte, message []byte) []byte {
		block := append([]byte{0, kind}, bytes.Repeat([]byte{0xaa}, size-3-len(message))...)
		m := new(big.Int).SetBytes(append(append(block, 0), message...))
		return m.Exp(m, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size))
	}
	secret := func(v uint16, n int) []byte {
		return append([]byte{byte(v >> 8), byte(v)}, bytes.Repeat([]byte{0x5e}, n-2)...)
	}
	return map[string][]byte{
		"good":                  nil, // as the client said it
		"good, but another":     pad(2, secret(version, 48)),
		"another version":       pad(2, secret(version-1, 48)),
		"a version of nobody":   pad(2, secret(0x0203, 48)),
		"a byte short":          pad(2, secret(version, 47)),
		"a byte long":           pad(2, secret(version, 49)),
		"nothing inside":        pad(2, nil),
		"block type 1":          pad(1, secret(version, 48)),
		"no padding":            make([]byte, size),
		"as large as can be":    new(big.Int).Sub(key.N, big.NewInt(1)).Bytes(),
		"larger than it can be": bytes.Repeat([]byte{0xff}, size),
	}
}

// same returns an error unless all bad inputs make for the same calls, and the good ones for those as well as far as
// either goes: behind the input one has an alert to send, and the other goes on.
func same(all map[string][]string) error {
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int { // a bad one first
		return cmp.Or(cmp.Compare(goodness(a), goodness(b)), cmp.Compare(a, b))
	})
	want := all[names[0]]
	for _, name := range names {
		got := all[name]
		at := parting(got, want)
		if at < min(len(got), len(want)) || len(got) != len(want) && goodness(name) == 0 {
			return fmt.Errorf("different work: %q takes %d calls, %q %d, and they part at number %d: %q and %q",
				name, len(got), names[0], len(want), at, got[at:min(at+3, len(got))], want[at:min(at+3, len(want))])
		}
	}
	return nil
}

func goodness(name string) int {
	if strings.HasPrefix(name, "good") && name != "good, but another" {
		return 1
	}
	return 0
}

// parting returns how many calls are the same.
func parting(a, b []string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// TestWiredPremaster counts what a server does with every kind of premaster secret: as many compressions of as many bytes,
// one RSA operation, as much randomness, in one order, until Finished does not open.
func TestWiredPremaster(t *testing.T) {
	key, _ := serverKey()
	for _, x := range []struct {
		version uint16
		suite   iana.CipherSuite
	}{
		{tls.VersionTLS12, iana.TLS_RSA_WITH_AES_128_GCM_SHA256},
		{tls.VersionTLS12, iana.TLS_RSA_WITH_AES_128_CBC_SHA},
		{tls.VersionTLS10, iana.TLS_RSA_WITH_AES_128_CBC_SHA},
	} {
		t.Run(fmt.Sprint(tls.VersionName(x.version), " ", x.suite), func(t *testing.T) {
			all := map[string][]string{}
			for name, encrypted := range premasters(&key.PublicKey, x.version) {
				w := newWired(t, x.version, x.suite)
				calls, sum, err := w.counted(func(flight []byte) []byte { return withPremaster(flight, encrypted) }, func() error { return <-w.shaken })
				w.wantVerdict(t, name, err, encrypted == nil)
				asked := slices.DeleteFunc(slices.Clone(calls), func(c string) bool { return !strings.HasPrefix(c, "private key") })
				if want := fmt.Sprintf("private key: decrypt %d bytes, &{SessionKeyLen:48}", key.Size()); len(asked) != 1 || asked[0] != want {
					t.Errorf("%s: got %q, want one RSA operation, %q", name, asked, want)
				}
				t.Logf("%-22s %s", name, sum)
				all[name] = calls
			}
			if err := same(all); err != nil {
				t.Error(err)
			}
		})
	}
}

// wantVerdict wants bad input to end the connection as a record does that does not open, and good input not to.
func (w *wired) wantVerdict(t *testing.T, name string, err error, good bool) {
	t.Helper()
	var fact *alert.Error
	if good != (err == nil) || !good && (!errors.As(err, &fact) || fact.Alert != iana.AlertBadRecordMAC) {
		t.Errorf("%s: got %v, want bad_record_mac where it is bad", name, err)
	}
	if alert := []byte{byte(iana.ContentAlert), 3}; !good && !bytes.HasPrefix(w.toClient.sent, alert) {
		t.Errorf("%s: the server sent %x, want an alert alone", name, w.toClient.sent)
	}
}

// withPremaster changes what is encrypted in ClientKeyExchange, the first message of a client's second flight.
func withPremaster(flight, encrypted []byte) []byte {
	const before = record.HeaderLen + 4 + 2 // the header of the message, and the length of what it holds
	copy(flight[before:], encrypted)
	return flight
}

// TestWiredCBC counts what a server does with records of one length that are wrong in every way: padding of many lengths,
// right and wrong, with MACs right and wrong.
func TestWiredCBC(t *testing.T) {
	for i, x := range []struct {
		version uint16
		suite   iana.CipherSuite
	}{
		{tls.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
		{tls.VersionTLS12, iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256},
		{tls.VersionTLS11, iana.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA},
		{tls.VersionTLS10, iana.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
	} {
		t.Run(fmt.Sprint(tls.VersionName(x.version), " ", x.suite), func(t *testing.T) {
			all, sums := map[string][]string{}, map[string]int{}
			for name, harm := range harms(i == 0) {
				w := newWired(t, x.version, x.suite)
				last := w.finish(t)
				bad := w.craft(t, x.version, suite.ByID(x.suite), last, harm)
				calls, sum, err := w.counted(func([]byte) []byte { return bad }, func() error {
					_, err := w.server.Read(make([]byte, 1024))
					return err
				})
				w.wantVerdict(t, name, err, strings.HasPrefix(name, "good"))
				all[name] = calls
				sums[sum]++
			}
			t.Log(sums)
			if err := same(all); err != nil {
				t.Error(err)
			}
		})
	}
}

// A harm is what is wrong with a record.
type harm struct {
	padding int // how many bytes, the one that says so included
	mac     bool
	at      int // of the byte of the padding that is wrong, from the end; -1: none
}

// harms are the harms to records, most of them for a few lengths of padding, and where every is set some for each length.
func harms(every bool) map[string]harm {
	all := map[string]harm{}
	few := []int{1, 2, 15, 16, 17, 20, 32, 33, 64, 65, 100, 128, 129, 200, 255, 256}
	for p := 1; p <= 256; p++ {
		places := []int{p - 1}
		if slices.Contains(few, p) {
			places = []int{0, min(1, p-1), p / 2 % p, p - 1}
		} else if !every {
			continue
		}
		all[fmt.Sprintf("good, %d bytes of padding", p)] = harm{p, false, -1}
		all[fmt.Sprintf("bad MAC, %d bytes of padding", p)] = harm{p, true, -1}
		for _, at := range places {
			all[fmt.Sprintf("%d bytes of padding, number %d from the end wrong", p, at)] = harm{p, false, at}
			all[fmt.Sprintf("bad MAC, %d bytes of padding, number %d from the end wrong", p, at)] = harm{p, true, at}
		}
	}
	return all
}

// finish completes the handshake, and returns the last block that the client encrypted.
func (w *wired) finish(t *testing.T) []byte {
	t.Helper()
	var last []byte
	w.toServer.deliver(func(b []byte) []byte { last = bytes.Clone(b[len(b)-aes.BlockSize:]); return b })
	if err := <-w.shaken; err != nil {
		t.Fatal(err)
	}
	w.toClient.deliver(nil)
	if err := w.client.Handshake(); err != nil {
		t.Fatal(err)
	}
	return last
}

// plainLen is the length of what is encrypted, so that all records have one length.
const plainLen = 320

// craft makes the client's next record, of application data.
func (w *wired) craft(t *testing.T, version uint16, s *suite.Suite, last []byte, h harm) []byte {
	t.Helper()
	k := w.clientKeys(t, version, s)
	content := make([]byte, plainLen-s.MAC.Size()-h.padding)
	mac := hmac.New(s.MAC.New, k.MAC)
	mac.Write(binary.BigEndian.AppendUint64(nil, 1)) // Finished was number 0
	mac.Write(record.Header{Type: iana.ContentApplicationData, Version: iana.Version(version), Length: len(content)}.Append(nil))
	mac.Write(content)
	sum := mac.Sum(nil)
	if h.mac {
		sum[0] ^= 1
	}
	padding := bytes.Repeat([]byte{byte(h.padding - 1)}, h.padding)
	if h.at >= 0 {
		padding[h.padding-1-h.at] ^= 0x80
	}
	block, err := aes.NewCipher(k.Key)
	if err != nil {
		t.Fatal(err)
	}
	iv, fragment := last, []byte(nil)
	if version > tls.VersionTLS10 {
		iv = bytes.Repeat([]byte{0xa5}, aes.BlockSize)
		fragment = bytes.Clone(iv)
	}
	sealed := slices.Concat(content, sum, padding)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed)
	fragment = append(fragment, sealed...)
	return append(record.Header{Type: iana.ContentApplicationData, Version: iana.Version(version), Length: len(fragment)}.Append(nil), fragment...)
}

// clientKeys derives what the client protects its records with from its key log and both hellos.
func (w *wired) clientKeys(t *testing.T, version uint16, s *suite.Suite) keys.WriteKeys {
	t.Helper()
	line := strings.Fields(w.keyLog.String())
	if len(line) != 3 {
		t.Fatalf("the key log is %q", line)
	}
	main, err := hex.DecodeString(line[2])
	if err != nil {
		t.Fatal(err)
	}
	const random = record.HeaderLen + 4 + 2
	server := w.hellos[record.HeaderLen+record.ParseHeader(w.hellos).Length:]
	prf := keys.TLS12(s.Hash, nil)
	if version < tls.VersionTLS12 {
		prf = keys.TLS10(nil)
	}
	return prf.KeyBlock(main, w.hellos[random:][:32], server[random:][:32], s.Lengths()).Client
}
