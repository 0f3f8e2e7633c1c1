package session

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/wire"
)

// Tickets makes tickets of sessions and sessions of tickets. [TicketKeys] is the one there is; another may have its keys
// in a key management service, or keep the sessions in a database and make tickets that are keys to it. It is safe for
// concurrent use.
type Tickets interface {
	// Seal returns a ticket for a server's session: 1 to [MaxTicket] bytes. An error means that there is no ticket to
	// send. It does not keep s.
	Seal(ctx context.Context, s *State) (ticket []byte, err error)
	// Open returns the session of a ticket, which the caller owns, and whether a new ticket should be sent. An error, a
	// [Code] if it can be, says why there is none; a foreign ticket is one such reason. It never reaches the peer.
	Open(ctx context.Context, ticket []byte) (s *State, renew bool, err error)
}

// MaxTicket is the length in bytes of the longest ticket that is made: a ClientHello must have room for it, and so must
// the servers that read ClientHellos. A certificate chain of a client takes most of it.
const MaxTicket = 1 << 14

// Times of keys that are made here.
const (
	keyUse    = 24 * time.Hour // for sealing
	keyAccept = MaxLifetime    // for opening
)

// TicketKeys is [Tickets] that hold the session themselves, encrypted. It makes a key of its own every day and accepts
// each for seven, until SetKeys gives it others. It is safe for concurrent use.
type TicketKeys struct {
	env Env

	mu    sync.Mutex
	given bool         // by SetKeys
	keys  []*ticketKey // the newest first; a slice is never changed, but replaced
}

// NewTicketKeys returns TicketKeys that make their own keys, the first when it is needed.
func NewTicketKeys(env Env) *TicketKeys { return &TicketKeys{env: env} }

// SetKeys replaces all keys: tickets are sealed with the first, and opened with any. From then on none is made here: the
// caller rotates, by calling SetKeys again. A fleet gives every server the next key, not as the first, before any of them
// uses it. What goes into a ticket is derived from a key under a label of akushu and of the format, so that the same
// 32 bytes may serve crypto/tls, or another format, without one taking the other's tickets for its own. The array is
// the caller's to wipe.
func (t *TicketKeys) SetKeys(seeds [][32]byte) error {
	if len(seeds) == 0 {
		return errors.New("no ticket keys")
	}
	all := make([]*ticketKey, len(seeds))
	for i := range seeds {
		k, err := newTicketKey(seeds[i][:])
		if err != nil {
			return err
		}
		all[i] = k
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.given, t.keys = true, all
	return nil
}

// Given reports whether SetKeys was called.
func (t *TicketKeys) Given() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.given
}

// Seal implements [Tickets].
func (t *TicketKeys) Seal(_ context.Context, s *State) ([]byte, error) {
	if s.Side != keys.Server {
		return nil, fmt.Errorf("%w: a client's session is not for a ticket", SessionFormat)
	}
	k, err := t.newest()
	if err != nil {
		return nil, err
	}
	plain, err := s.Append(nil)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if ticketHead+len(plain)+xaesTag > MaxTicket {
		return nil, SessionTooLong
	}
	return k.seal(t.env.Rand, plain)
}

// Open implements [Tickets]. All errors are Codes. A new ticket should be sent where the key is not the newest.
func (t *TicketKeys) Open(_ context.Context, ticket []byte) (*State, bool, error) {
	var parts ticketParts
	if err := parts.decode(ticket); err != nil {
		return nil, false, TicketForeign
	}
	all, due := t.accepted()
	i := slices.IndexFunc(all, func(k *ticketKey) bool { return k.id == parts.keyID })
	if i < 0 {
		return nil, false, TicketForeign
	}
	plain, err := all[i].open(&parts)
	if err != nil {
		return nil, false, TicketForged
	}
	s, err := decode(plain)
	if err != nil {
		return nil, false, SessionFormat
	}
	return s, i > 0 || due, nil
}

// Format prints no key.
func (t *TicketKeys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[ticket keys]") }

// newest returns the key to seal with, after making one if it is time.
func (t *TicketKeys) newest() (*ticketKey, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.env.Now()
	if !t.due(now) {
		return t.keys[0], nil
	}
	k, err := t.makeKey(now)
	if err != nil {
		return nil, err
	}
	t.keys = append([]*ticketKey{k}, t.alive(now)...)
	return k, nil
}

// accepted returns the keys to open with, the newest first, and whether it is time for a new one.
func (t *TicketKeys) accepted() ([]*ticketKey, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.env.Now()
	t.keys = t.alive(now)
	return t.keys, t.due(now)
}

// due reports whether there is no key that may be sealed with. A clock that was set back does not make a key last.
func (t *TicketKeys) due(now time.Time) bool {
	return !t.given && (len(t.keys) == 0 || now.Sub(t.keys[0].made).Abs() >= keyUse)
}

// alive returns the keys that are still accepted.
func (t *TicketKeys) alive(now time.Time) []*ticketKey {
	old := func(k *ticketKey) bool { return !t.given && now.Sub(k.made).Abs() >= keyAccept }
	if !slices.ContainsFunc(t.keys, old) {
		return t.keys
	}
	return slices.DeleteFunc(slices.Clone(t.keys), old)
}

func (t *TicketKeys) makeKey(now time.Time) (*ticketKey, error) {
	seed := make(keys.Secret, 32)
	defer seed.Wipe()
	if _, err := io.ReadFull(t.env.Rand, seed); err != nil {
		return nil, fmt.Errorf("ticket key: %w", err)
	}
	k, err := newTicketKey(seed)
	if err != nil {
		return nil, err
	}
	k.made = now.Round(0)
	return k, nil
}

// ticketKey is one key.
type ticketKey struct {
	id   [keyIDSize]byte
	xaes *xaes
	made time.Time // zero for a key that was given
}

// Sizes in a ticket, in bytes.
const (
	keyIDSize  = 8
	ticketHead = keyIDSize + xaesNonce
)

// label begins the labels under which a user's 32 bytes become a ticket key.
const label = "akushu session ticket format "

func newTicketKey(seed []byte) (*ticketKey, error) {
	id, err := derive(seed, "id", keyIDSize)
	if err != nil {
		return nil, err
	}
	key, err := derive(seed, "key", xaesKey)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	x, err := newXAES(key)
	if err != nil {
		return nil, err
	}
	return &ticketKey{id: [keyIDSize]byte(id), xaes: x}, nil
}

// derive is HKDF with SHA-256 (RFC 5869) under our label, the format and a use.
func derive(seed []byte, use string, size int) (keys.Secret, error) {
	b, err := hkdf.Key(sha256.New, seed, nil, label+strconv.Itoa(format)+" "+use, size)
	if err != nil {
		return nil, fmt.Errorf("ticket key: %w", err)
	}
	return b, nil
}

// ticketParts is what a ticket consists of. The key ID is no secret: it tells a server quickly which key it is, if any
// (RFC 5077 §5.4), and everybody else which tickets come from the same server.
type ticketParts struct {
	keyID  [keyIDSize]byte
	nonce  [xaesNonce]byte
	sealed []byte
}

// Layout implements [wire.Struct].
func (p *ticketParts) Layout(c *wire.Codec) {
	wire.Fixed(c, "key_id", p.keyID[:])
	wire.Fixed(c, "nonce", p.nonce[:])
	wire.Rest(c, "sealed", &p.sealed)
}

func (p *ticketParts) decode(b []byte) error {
	c := codecs.Get().(*wire.Codec)
	defer codecs.Put(c)
	return c.Decode(b, "ticket", p)
}

func (p *ticketParts) append(dst []byte) ([]byte, error) {
	c := codecs.Get().(*wire.Codec)
	defer codecs.Put(c)
	return c.Encode(dst, "ticket", p)
}

func (k *ticketKey) seal(rand io.Reader, plain []byte) ([]byte, error) {
	p := ticketParts{keyID: k.id}
	if _, err := io.ReadFull(rand, p.nonce[:]); err != nil {
		return nil, fmt.Errorf("ticket nonce: %w", err)
	}
	head, err := p.append(make([]byte, 0, ticketHead+len(plain)+xaesTag))
	if err != nil {
		return nil, err
	}
	return k.xaes.seal(head, p.nonce[:], plain, k.id[:])
}

func (k *ticketKey) open(p *ticketParts) ([]byte, error) {
	return k.xaes.open(p.nonce[:], p.sealed, k.id[:])
}
