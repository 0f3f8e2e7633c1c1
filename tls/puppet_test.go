package tls_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/record"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/tls"
)

// A puppet is a peer that speaks TLS by the book up to a point of the handshake, or to its
// end, and from there on says what a test has it say. It is a handshake.Transport of its own,
// so that it knows the keys.
type puppet struct {
	conn     net.Conn
	in       *record.Reader
	out      *record.Writer
	messages record.Messages
	version  iana.Version
	client   bool                    // it is the client
	policy   func(*handshake.Policy) // changes what it is willing to do; nil: nothing
	stop     string                  // "before ServerHello"; "after the handshake"; "behind ServerHello"
	trail    []byte                  // what follows a message in its record, where stop says so
	heard    []string                // alerts that came before the point
	keys     *suite.TrafficKeys      // under which it writes
	pause    func() error            // what it does where stop says so, in place of stopping
	slice    int                     // its Certificate goes in records of so many bytes, the last byte apart; 0: as others
}

// errStopped ends the flow of a puppet at its point.
var errStopped = errors.New("the puppet stops here")

const after = "after the handshake"

// play runs the puppet's end up to its point.
func (p *puppet) play(t *testing.T, client bool, v iana.Version, cert *tls.Certificate) {
	t.Helper()
	err := p.perform(client, v, cert)
	if err == nil && p.stop == after {
		return
	}
	if !errors.Is(err, errStopped) && !strings.HasPrefix(p.stop, "behind") {
		t.Fatalf("the puppet came to %v, not %s", err, p.stop)
	}
}

// perform is play, and returns what the flow came to. A client shows cert if it is asked for it.
func (p *puppet) perform(client bool, v iana.Version, cert *tls.Certificate) error {
	p.client = client
	p.in, p.out = record.NewReader(borrow.From(p.conn)), record.NewWriter(p.conn)
	policy := handshake.Policy{MinVersion: v, MaxVersion: v, Suites: suite.Default(), Groups: suite.DefaultGroups(), Schemes: suite.DefaultSchemes()}
	if p.policy != nil {
		p.policy(&policy)
	}
	env := handshake.Env{Rand: rand.Reader, Now: time.Now}
	ctx := context.Background()
	var err error
	if client {
		_, _, err = handshake.Client(ctx, p, &handshake.ClientConfig{Env: env, Policy: policy, Trust: &auth.Trust{Skip: true}, Identity: puppetIdentity{cert}})
	} else {
		_, _, err = handshake.Server(ctx, p, &handshake.ServerConfig{Env: env, Policy: policy, Identity: puppetIdentity{cert}})
	}
	return err
}

type puppetIdentity struct{ cert *tls.Certificate }

func (i puppetIdentity) ServerCredential(context.Context, *auth.ClientHelloFacts) (*auth.Credential, error) {
	leaf, err := x509.ParseCertificate(i.cert.Certificate[0])
	return &auth.Credential{Chain: i.cert.Certificate, Leaf: leaf, Key: i.cert.PrivateKey.(crypto.Signer)}, err
}

func (i puppetIdentity) ClientCredential(ctx context.Context, _ *auth.CertificateRequestFacts) (*auth.Credential, error) {
	return i.ServerCredential(ctx, nil)
}

// at stops the flow before something that it writes.
func (p *puppet) at(what string) error {
	if p.stop != "before "+what {
		return nil
	}
	if err := p.out.Flush(); err != nil {
		return err
	}
	if p.pause != nil {
		return p.pause()
	}
	return errStopped
}

func (p *puppet) ReadMessage() ([]byte, error) {
	for {
		if raw, err := p.messages.Next(); raw != nil || err != nil {
			return raw, err
		}
		typ, content, err := p.in.Next()
		switch {
		case err != nil:
			return nil, err
		case typ == iana.ContentHandshake:
			err = p.messages.Push(content)
		case typ == iana.ContentAlert:
			p.heard = append(p.heard, alertText(content))
			return nil, errStopped
		case typ != iana.ContentChangeCipherSpec || p.version != iana.VersionTLS13:
			err = fmt.Errorf("the puppet reads a %v, %x", typ, content)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *puppet) ReadChangeCipherSpec() error {
	typ, content, err := p.in.Next()
	if err == nil && typ == iana.ContentAlert {
		p.heard = append(p.heard, alertText(content))
		return errStopped
	}
	if err == nil && typ != iana.ContentChangeCipherSpec {
		err = fmt.Errorf("the puppet reads a %v, %x", typ, content)
	}
	return err
}

func (p *puppet) WriteMessage(raw []byte) error {
	name := iana.HandshakeType(raw[0]).StructName()
	if err := p.at(name); err != nil {
		return err
	}
	if p.slice > 0 && iana.HandshakeType(raw[0]) == iana.HandshakeCertificate {
		return p.writeSlices(raw)
	}
	if p.stop == "behind "+name {
		raw = append(bytes.Clone(raw), p.trail...)
	}
	return p.out.WriteMessage(raw)
}

// writeSlices sends a message in many records, and pauses before the last byte.
func (p *puppet) writeSlices(raw []byte) error {
	last := len(raw) - 1
	for chunk := range slices.Chunk(raw[:last], p.slice) {
		p.say(iana.ContentHandshake, chunk...)
	}
	if err := p.pause(); err != nil {
		return err
	}
	p.say(iana.ContentHandshake, raw[last])
	return nil
}

func (p *puppet) WriteChangeCipherSpec() error {
	if err := p.at("ChangeCipherSpec"); err != nil {
		return err
	}
	return p.out.WriteRecord(iana.ContentChangeCipherSpec, []byte{1})
}

func (p *puppet) Flush() error { return p.out.Flush() }

func (p *puppet) SetReadKeys(_ handshake.Epoch, k *suite.TrafficKeys) error {
	p.in.SetKeys(k)
	return nil
}

func (p *puppet) SetWriteKeys(_ handshake.Epoch, k *suite.TrafficKeys) error {
	p.keys = &suite.TrafficKeys{Version: k.Version, Suite: k.Suite, Secret: k.Secret.Clone()}
	return p.out.SetKeys(k)
}

func (p *puppet) SkipEarlyData(int)                     {}
func (p *puppet) WantsEarlyData() bool                  { return false }
func (p *puppet) ShareWriting(*handshake.Result, int64) {}
func (p *puppet) TakeEarlyData(int64)                   {}

func (p *puppet) SetVersion(v iana.Version) {
	p.version = v
	p.out.SetVersion(v)
}

func (p *puppet) SetRecordLimits(int, int) {}
func (p *puppet) OnFatal(func())           {}

func (p *puppet) Warn(iana.Alert) error { return nil }

// What a puppet can be made to say.

// raw sends bytes as they are.
func (p *puppet) raw(b ...byte) { _, _ = p.conn.Write(b) }

// clear sends a record without protection.
func (p *puppet) clear(typ iana.ContentType, content ...byte) {
	p.raw(append(record.Header{Type: typ, Version: iana.VersionTLS12, Length: len(content)}.Append(nil), content...)...)
}

// header sends the begin of a record.
func (p *puppet) header(typ iana.ContentType, v iana.Version, length int) {
	p.raw(record.Header{Type: typ, Version: v, Length: length}.Append(nil)...)
}

// say sends a record under the puppet's keys, if it has any.
func (p *puppet) say(typ iana.ContentType, content ...byte) {
	if p.out.WriteRecord(typ, content) == nil {
		_ = p.out.Flush()
	}
}

// message sends a handshake message of n bytes, header apart, in one record.
func (p *puppet) message(typ iana.HandshakeType, body ...byte) {
	p.say(iana.ContentHandshake, append([]byte{byte(typ), 0, byte(len(body) >> 8), byte(len(body))}, body...)...)
}

// inner sends a TLSInnerPlaintext as it is, as the first record under the puppet's TLS 1.3
// keys (RFC 9846 §5.2).
func (p *puppet) inner(plaintext ...byte) {
	c := p.keys.Suite.Cipher
	key, nonce := make([]byte, c.KeyLen), make([]byte, c.FixedIVLen)
	keys.TLS13(p.keys.Suite.Hash, nil).TrafficKeys(p.keys.Secret, key, nonce)
	aead, err := c.New(key)
	if err != nil {
		panic(err)
	}
	h := record.Header{Type: iana.ContentApplicationData, Version: iana.VersionTLS12, Length: len(plaintext) + aead.Overhead()}.Append(nil)
	p.raw(aead.Seal(h, nonce, plaintext, h)...)
}

// hangUp ends what the puppet says, not what it hears.
func (p *puppet) hangUp() {
	_ = p.conn.(interface{ CloseWrite() error }).CloseWrite()
}

func alertText(content []byte) string {
	if len(content) != 2 {
		return fmt.Sprintf("alert %x", content)
	}
	return fmt.Sprintf("%v %v", iana.AlertLevel(content[0]), iana.Alert(content[1]))
}

// listen returns what the puppet is told until the other end hangs up: alerts, and what else
// there is.
func (p *puppet) listen() []string { return p.listenFor("nothing that is ever said") }

// listenFor is listen up to the first that begins with what.
func (p *puppet) listenFor(what string) []string {
	heard := p.heard
	for {
		if len(heard) > 0 && strings.HasPrefix(heard[len(heard)-1], what) {
			return heard
		}
		typ, content, err := p.in.Next()
		switch {
		case err == io.EOF || errors.Is(err, syscall.ECONNRESET):
			return heard
		case err != nil:
			return append(heard, err.Error())
		case typ == iana.ContentChangeCipherSpec && p.version == iana.VersionTLS13:
		case typ == iana.ContentAlert:
			heard = append(heard, alertText(content))
		case typ == iana.ContentHandshake && p.messages.Push(content) == nil:
			for raw, _ := p.messages.Next(); raw != nil; raw, _ = p.messages.Next() {
				heard = append(heard, iana.HandshakeType(raw[0]).StructName())
				if iana.HandshakeType(raw[0]) == iana.HandshakeKeyUpdate {
					_ = p.in.Update()
				}
			}
		default:
			heard = append(heard, fmt.Sprintf("%v %q", typ, content))
		}
	}
}
