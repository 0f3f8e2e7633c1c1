package session

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/internal/wire"
)

// MaxLifetime is how long a ticket may live (RFC 9846 §4.7.1), and how long, through whatever number of resumptions, the
// handshake in which the peer proved who it is may be ago.
const MaxLifetime = 7 * 24 * time.Hour

// DefaultLifetime is for a TLS 1.2 session whose server does not say how long it keeps it (RFC 5246 Appendix F.1.4).
const DefaultLifetime = 24 * time.Hour

// Params is what goes with a PSK or a session, and with a connection once it is negotiated: early data is sent, and
// accepted, only where the two are the same (RFC 9846 §4.3.10).
type Params struct {
	Version    iana.Version
	Suite      iana.CipherSuite
	ServerName string // as the client sent it; at most 255 bytes
	ALPN       string // "": none
	// MaxEarlyData is how many bytes of early data may be sent; 0: the PSK may not be used for any.
	MaxEarlyData uint32
}

// State is a session: what must be known to resume a connection, at either end, in any version.
type State struct {
	Params
	Side         keys.Side       // whose view this is
	Group        iana.NamedGroup // of the key exchange; 0 if none
	ExtendedMain bool            // TLS 1.2: Secret is an extended main secret (RFC 7627)
	// Secret is the PSK in TLS 1.3 (its hash is [State.Hash]), the main secret before.
	Secret keys.Secret
	// Created is when the ticket was made (server) or received (client), Authenticated when the full handshake took place
	// that this session goes back to. Both have whole milliseconds.
	Created, Authenticated time.Time
	Lifetime               time.Duration // from Created on; whole seconds, at most MaxLifetime
	RTT                    time.Duration // server: an estimate of the round trip (RFC 9846 §8.3); whole milliseconds
	AgeAdd                 uint32        // ticket_age_add; TLS 1.3
	Auth                   Fingerprint   // server: of the policy for client certificates; a client judges its peer again
	Peer                   Peer
	ID                     []byte   // TLS 1.2: the session ID, at most 32 bytes; empty with a ticket
	Ticket                 []byte   // client: what the server gave; empty with an ID
	Extra                  [][]byte // the application's own
}

// Peer is what the peer showed of itself.
type Peer struct {
	Certificates [][]byte // DER, leaf first
	Raw          bool     // what stands there is a key alone, a SubjectPublicKeyInfo (RFC 7250)
	OCSP         []byte   // the stapled response
	SCTs         [][]byte // signed certificate timestamps
}

// Hash returns the hash of the session's suite, which in TLS 1.3 is that of the PSK, or 0 for a suite that is not known.
func (s *State) Hash() crypto.Hash { return hashOf(s.Suite) }

func hashOf(id iana.CipherSuite) crypto.Hash {
	if known := suite.ByID(id); known != nil {
		return known.Hash
	}
	return 0
}

// Expires is when the session's lifetime is over.
func (s *State) Expires() time.Time { return s.Created.Add(s.Lifetime) }

// Clone returns a copy whose secret is its own; the other slices are shared.
func (s *State) Clone() *State {
	c := *s
	c.Secret = s.Secret.Clone()
	return &c
}

// Wipe zeroes the secret. Wiping a nil State is allowed.
func (s *State) Wipe() {
	if s != nil {
		s.Secret.Wipe()
	}
}

// format is the version of the encoding. It changes with the layout, and with it the ticket keys that are derived.
const format = 2

// bounds of the encoding, in bytes.
const (
	maxName = 1<<8 - 1
	maxBlob = 1<<24 - 1
)

// Layout is the encoding of a session, with the secret last: while a buffer grows, no copy of it is left behind.
func (s *State) Layout(c *wire.Codec) {
	layoutFormat(c)
	wire.Uint8(c, "side", &s.Side)
	s.Params.layout(c)
	wire.Uint16(c, "group", &s.Group)
	layoutFlags(c, "flags", &s.ExtendedMain, &s.Peer.Raw)
	layoutTime(c, "created", &s.Created)
	layoutTime(c, "authenticated", &s.Authenticated)
	layoutDuration(c, "lifetime", &s.Lifetime, time.Second)
	layoutDuration(c, "rtt", &s.RTT, time.Millisecond)
	wire.Uint32(c, "age_add", &s.AgeAdd)
	wire.Fixed(c, "auth", s.Auth[:])
	s.Peer.layout(c)
	wire.Vec8(c, "id", &s.ID, 0, 32)
	wire.Vec16(c, "ticket", &s.Ticket, 0, 1<<16-1)
	wire.List24(c, "extra", &s.Extra, 0, maxBlob, layoutBlob)
	wire.Vec8(c, "secret", &s.Secret, 1, 255)
	for i := range sound {
		if !sound[i].holds(s) {
			c.Fail(sound[i].field, sound[i].err)
		}
	}
}

func (p *Params) layout(c *wire.Codec) {
	wire.Uint16(c, "version", &p.Version)
	wire.Uint16(c, "cipher_suite", &p.Suite)
	layoutText(c, "server_name", &p.ServerName)
	layoutText(c, "alpn", &p.ALPN)
	wire.Uint32(c, "max_early_data_size", &p.MaxEarlyData)
}

func (p *Peer) layout(c *wire.Codec) {
	wire.List24(c, "certificates", &p.Certificates, 0, maxBlob, layoutBlob)
	wire.Vec24(c, "ocsp", &p.OCSP, 0, maxBlob)
	wire.List24(c, "scts", &p.SCTs, 0, maxBlob, layoutBlob)
}

func layoutFormat(c *wire.Codec) {
	f := uint8(format)
	wire.Uint8(c, "format", &f)
	if f != format {
		c.Fail("format", fmt.Errorf("format %d, where %d is known", f, format))
	}
}

func layoutBlob(c *wire.Codec, b *[]byte) { wire.Vec24(c, "item", b, 0, maxBlob) }

func layoutText(c *wire.Codec, name string, s *string) {
	b := []byte(*s)
	wire.Vec8(c, name, &b, 0, maxName)
	if c.Decoding() {
		*s = string(b)
	}
}

// layoutFlags is a byte of flags, from the lowest bit on.
func layoutFlags(c *wire.Codec, name string, flags ...*bool) {
	var b uint8
	for i, v := range flags {
		if *v {
			b |= 1 << i
		}
	}
	wire.Uint8(c, name, &b)
	if b>>len(flags) != 0 {
		c.Fail(name, errFlag)
	}
	for i, v := range flags {
		*v = b>>i&1 == 1
	}
}

// maxMillis is the end of the year 9999, which also keeps times before 1970 out.
const maxMillis = 253402300799999

func layoutTime(c *wire.Codec, name string, t *time.Time) {
	ms := uint64(t.UnixMilli())
	wire.Uint64(c, name, &ms)
	if ms > maxMillis {
		c.Fail(name, errTime)
		return
	}
	if c.Decoding() {
		*t = time.UnixMilli(int64(ms)).UTC()
	}
}

func layoutDuration(c *wire.Codec, name string, d *time.Duration, unit time.Duration) {
	n := uint32(*d / unit)
	wire.Uint32(c, name, &n)
	if !c.Decoding() && time.Duration(n)*unit != *d {
		c.Fail(name, fmt.Errorf("%v is not a number of times %v", *d, unit))
		return
	}
	*d = time.Duration(n) * unit
}

var (
	errFlag = errors.New("a flag that is not known")
	errTime = errors.New("not a time between 1970 and 9999")
)

// sound lists what holds of every session, beyond the bounds of its fields.
var sound = []struct {
	field string
	holds func(*State) bool
	err   error
}{
	{"side", func(s *State) bool { return s.Side == keys.Client || s.Side == keys.Server }, errors.New("neither client nor server")},
	{"cipher_suite", (*State).knownSuite, errors.New("not a known cipher suite of that version")},
	{"lifetime", func(s *State) bool { return s.Lifetime <= MaxLifetime }, errors.New("more than seven days")},
	{"ticket", func(s *State) bool { return s.Side == keys.Client || len(s.Ticket) == 0 }, errors.New("a server keeps no ticket")},
	{"certificates", func(s *State) bool { return !s.Peer.Raw || len(s.Peer.Certificates) == 1 }, errors.New("not one key")},
	{"secret", func(s *State) bool { return len(s.Secret) == s.secretSize() }, errors.New("not of the length that the version has")},
}

func (s *State) knownSuite() bool {
	known := suite.ByID(s.Suite)
	return known != nil && known.Supports(s.Version)
}

func (s *State) secretSize() int {
	if h := s.Hash(); s.Version >= iana.VersionTLS13 && h != 0 {
		return h.Size()
	}
	return keys.MainSecretSize
}

// codecs keeps the scratch space of one call for the next.
var codecs = sync.Pool{New: func() any { return new(wire.Codec) }}

// Append encodes s onto dst and returns the longer slice, or dst and an error where a field is out of its bounds. The
// result holds the secret: it is the caller's to encrypt and to wipe.
func (s *State) Append(dst []byte) ([]byte, error) {
	c := codecs.Get().(*wire.Codec)
	defer codecs.Put(c)
	out, err := c.Encode(slices.Grow(dst, s.sizeHint()), "session", s)
	if err != nil {
		clear(out[len(dst):])
		return dst, fmt.Errorf("%w: %w", SessionFormat, err)
	}
	return out, nil
}

// sizeHint is about how long s is when it is encoded.
func (s *State) sizeHint() int {
	n := 192 + len(s.ServerName) + len(s.ALPN) + len(s.Secret) + len(s.ID) + len(s.Ticket) + len(s.Peer.OCSP)
	for _, list := range [...][][]byte{s.Peer.Certificates, s.Peer.SCTs, s.Extra} {
		for _, b := range list {
			n += len(b) + 3
		}
	}
	return n
}

// Decode reads a session from all of b, which it copies. An error has the code SessionFormat: b is of another format, not
// a session at all, or one that this version cannot resume.
func Decode(b []byte) (*State, error) { return decode(bytes.Clone(b)) }

// decode is Decode, but s aliases b. It wipes b where it fails.
func decode(b []byte) (*State, error) {
	c := codecs.Get().(*wire.Codec)
	defer codecs.Put(c)
	s := new(State)
	if err := c.Decode(b, "session", s); err != nil {
		clear(b)
		return nil, fmt.Errorf("%w: %w", SessionFormat, err)
	}
	return s, nil
}
