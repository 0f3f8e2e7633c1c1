package tls_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/akushu/akushu/tls"
)

// KeyRequest is what a key server is asked: to sign a digest, or to decrypt a secret.
type KeyRequest struct {
	KeyID   string // of one of its keys: the public key
	Decrypt bool
	Input   []byte
	Hash    crypto.Hash // of the signature; 0 where what is signed has not been hashed
	PSS     bool        // the padding of RSA signatures
	Length  int         // of the secret
}

// KeyReply is what it answers.
type KeyReply struct {
	Output []byte
	Err    string
	PID    int // of the process that has the key
}

// serveKeys is the key server: it has the keys, and nobody else does.
func serveKeys(ln net.Listener, keys map[string]crypto.Signer) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var q KeyRequest
			if gob.NewDecoder(c).Decode(&q) == nil {
				_ = gob.NewEncoder(c).Encode(use(keys[q.KeyID], &q))
			}
		}()
	}
}

// use does what was asked with a key.
func use(key crypto.Signer, q *KeyRequest) (r KeyReply) {
	var err error
	switch rsaKey, _ := key.(crypto.Decrypter); {
	case key == nil || q.Decrypt && rsaKey == nil:
		err = errors.New("there is no such key")
	case q.Decrypt: // with SessionKeyLen there is no error for bad padding, and no other way to tell it
		//lint:ignore SA1019 TLS before 1.3 has no other padding for this
		r.Output, err = rsaKey.Decrypt(rand.Reader, q.Input, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: q.Length})
	case q.PSS:
		r.Output, err = key.Sign(rand.Reader, q.Input, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: q.Hash})
	default:
		r.Output, err = key.Sign(rand.Reader, q.Input, q.Hash)
	}
	if err != nil {
		r.Err = err.Error()
	}
	r.PID = os.Getpid()
	return r
}

// Keyless is a private key that lives in a key server.
type Keyless struct {
	PublicKey crypto.PublicKey
	KeyID     string
	Socket    string // of the key server
	Asked     func(KeyReply)
}

var (
	_ tls.ContextSigner    = (*Keyless)(nil)
	_ tls.ContextDecrypter = (*Keyless)(nil)
)

// Public implements crypto.Signer.
func (k *Keyless) Public() crypto.PublicKey { return k.PublicKey }

// Sign implements crypto.Signer. Who knows of no context uses it.
func (k *Keyless) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.SignContext(context.Background(), rand, digest, opts)
}

// Decrypt implements crypto.Decrypter.
func (k *Keyless) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.DecryptContext(context.Background(), rand, msg, opts)
}

// SignContext implements tls.ContextSigner.
func (k *Keyless) SignContext(ctx context.Context, _ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	_, pss := opts.(*rsa.PSSOptions)
	return k.ask(ctx, &KeyRequest{Input: digest, Hash: opts.HashFunc(), PSS: pss})
}

// DecryptContext implements tls.ContextDecrypter.
func (k *Keyless) DecryptContext(ctx context.Context, _ io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	//lint:ignore SA1019 as above
	options, ok := opts.(*rsa.PKCS1v15DecryptOptions)
	if !ok {
		return nil, fmt.Errorf("keyless: options of type %T", opts)
	}
	return k.ask(ctx, &KeyRequest{Decrypt: true, Input: msg, Length: options.SessionKeyLen})
}

// ask asks the key server, for as long as the handshake lasts.
func (k *Keyless) ask(ctx context.Context, q *KeyRequest) ([]byte, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", k.Socket)
	if err != nil {
		return nil, fmt.Errorf("key server: %w", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	q.KeyID = k.KeyID
	var r KeyReply
	if err = gob.NewEncoder(c).Encode(q); err == nil {
		err = gob.NewDecoder(c).Decode(&r)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("key server: no answer: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("key server: %w", err)
	case r.Err != "":
		return nil, fmt.Errorf("key server: %s", r.Err)
	}
	if k.Asked != nil {
		k.Asked(r)
	}
	return r.Output, nil
}

// A server whose private key is in another process, on another machine or in a device. A key
// is asked under the context of the handshake: it ends when nobody waits for the handshake
// any more. Where the key server does not answer, the handshake fails, the client is told
// internal_error and no more, and the server's error says why.
func Example_keyless() {
	cert, key := exampleCertificate()
	dir, err := os.MkdirTemp("", "keyless")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "keys")
	keys, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	defer keys.Close()
	go serveKeys(keys, map[string]crypto.Signer{"www": key}) // elsewhere

	remote := &Keyless{PublicKey: cert.PublicKey, KeyID: "www", Socket: socket, Asked: func(KeyReply) { fmt.Println("the key server signed") }}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: remote}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the key server has as long as the client
		defer cancel()
		if err := c.(*tls.Conn).HandshakeContext(ctx); err != nil {
			log.Print(err)
			return
		}
		fmt.Fprintln(c, "hello")
	}()

	roots := x509.NewCertPool()
	roots.AddCert(cert)
	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	said, _ := io.ReadAll(c)
	fmt.Printf("%s", said)
	// Output:
	// the key server signed
	// hello
}

// exampleCertificate makes a self-signed certificate, and its key.
func exampleCertificate() (*x509.Certificate, crypto.Signer) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return cert, key
}
