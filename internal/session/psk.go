package session

import (
	"context"
	"crypto"
	"crypto/subtle"
	"hash"
	"slices"
	"time"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
)

func contains[T comparable](list []T, v T) bool { return slices.Contains(list, v) }

// PSK is a pre-shared key of TLS 1.3 (RFC 9846 §2.2): one that a ticket stands for, or one that both ends were given.
type PSK struct {
	Identity []byte
	Key      keys.Secret // high entropy: a password will not do (RFC 9846 §2.2)
	Hash     crypto.Hash
	Imported bool // from an external one, for this Hash: see Import
	// Params are what early data is sent and accepted under. For an external PSK they are given with it, and may be zero
	// where there is no early data.
	Params
	Session *State // whose Secret is Key; nil for an external PSK
}

// NewExternal returns an external PSK with SHA-256, which is the hash of PSKs that come without one (RFC 9846 §4.3.11).
func NewExternal(identity []byte, key keys.Secret) *PSK {
	return &PSK{Identity: identity, Key: key, Hash: crypto.SHA256}
}

// PSK returns a TLS 1.3 session as what it is on the wire. It shares the secret with s. A client offers s.Ticket; a server
// gives the identity that it was offered.
func (s *State) PSK(identity []byte) *PSK {
	return &PSK{Identity: identity, Key: s.Secret, Hash: s.Hash(), Params: s.Params, Session: s}
}

// ObfuscatedAge is the obfuscated_ticket_age of a client's session (RFC 9846 §4.3.11.1).
func (s *State) ObfuscatedAge(now time.Time) uint32 {
	return uint32(now.Sub(s.Created).Milliseconds()) + s.AgeAdd
}

// External reports whether the PSK was given, rather than made in a handshake.
func (p *PSK) External() bool { return p.Session == nil }

// Matches decides whether a server takes the PSK in the handshake of facts.
func (p *PSK) Matches(facts *Facts) (ok bool, why Code) {
	switch {
	case !p.External():
		return Matches(p.Session, facts)
	case facts.Version < iana.VersionTLS13:
		return false, PSKVersion
	case !anyOfHash(facts.Suites, p.Hash):
		return false, PSKHash
	}
	return true, OK
}

// Lookup finds the PSK that an identity stands for. An error, a [Code] if it can be, says why there is none.
type Lookup func(ctx context.Context, identity []byte) (*PSK, error)

// FromTickets returns a Lookup of sessions in tickets.
func FromTickets(t Tickets) Lookup {
	return func(ctx context.Context, identity []byte) (*PSK, error) {
		s, _, err := t.Open(ctx, identity)
		if err != nil {
			return nil, err
		}
		return s.PSK(identity), nil
	}
}

// Else returns a Lookup that asks next where l finds nothing.
func (l Lookup) Else(next Lookup) Lookup {
	return func(ctx context.Context, identity []byte) (*PSK, error) {
		if p, err := l(ctx, identity); err == nil {
			return p, nil
		}
		return next(ctx, identity)
	}
}

// MaxIdentities is how many identities of a ClientHello are looked at; each may cost a decryption.
const MaxIdentities = 8

// Selection is what a server chose among the PSKs that a client offers.
type Selection struct {
	Index  int     // selected_identity
	PSK    *PSK    // nil: none; the secret of a session's is the caller's to wipe
	Passed []error // why each identity before it was passed over; Codes where they can be
}

// Select chooses the first PSK that may be used (RFC 9846 §4.3.11). Its binder is still to be verified.
func Select(ctx context.Context, find Lookup, offered []msg.PSKIdentity, facts *Facts) Selection {
	var sel Selection
	for i := range offered {
		p, err := consider(ctx, find, i, offered[i].Identity, facts)
		if err == nil {
			sel.Index, sel.PSK = i, p
			return sel
		}
		sel.Passed = append(sel.Passed, err)
		if err == PSKTooMany {
			break
		}
	}
	return sel
}

// consider returns the PSK of the i-th identity, or why it is not used.
func consider(ctx context.Context, find Lookup, i int, identity []byte, facts *Facts) (*PSK, error) {
	if i >= MaxIdentities {
		return nil, PSKTooMany
	}
	p, err := find(ctx, identity)
	if err != nil {
		return nil, err
	}
	if ok, why := p.Matches(facts); !ok {
		p.Session.Wipe()
		return nil, why
	}
	return p, nil
}

// ChooseMode picks the first of ours, in which we use PSKs, that the client offers (RFC 9846 §4.3.9). ok is false where
// there is none: no PSK is used then, and no ticket is sent.
func ChooseMode(offered []byte, ours []iana.PSKKeyExchangeMode) (mode iana.PSKKeyExchangeMode, ok bool) {
	for _, mode := range ours {
		if contains(offered, byte(mode)) {
			return mode, true
		}
	}
	return 0, false
}

const (
	pskWhere = "client_hello.pre_shared_key"
	pskRef   = "RFC 9846 §4.3.11"
)

// CheckOffer checks, at a server, that there is a binder for every identity.
func CheckOffer(o *msg.OfferedPSKs) error {
	if len(o.Binders) != len(o.Identities) {
		return alert.Illegal(pskWhere+".binders", pskRef, "%d binders for %d identities", len(o.Binders), len(o.Identities))
	}
	return nil
}

// CheckSelected returns, at a client, the PSK that the server chose with selected_identity, after checking that the client
// offered it, that it goes with the cipher suite, and that early data, if the server accepted it, was sent under it
// (RFC 9846 §4.3.11).
func CheckSelected(offered []*PSK, index uint16, suite iana.CipherSuite, early bool) (*PSK, error) {
	const where = "server_hello.pre_shared_key.selected_identity"
	switch {
	case int(index) >= len(offered):
		return nil, alert.Illegal(where, pskRef, "%d, of %d that were offered", index, len(offered))
	case hashOf(suite) != offered[index].Hash:
		return nil, alert.Illegal("server_hello.cipher_suite", pskRef, "%v has another hash than the PSK, %v", suite, offered[index].Hash)
	case early && index != 0:
		return nil, alert.Illegal(where, pskRef, "%d, where early data was accepted", index)
	}
	return offered[index], nil
}

// Schedule starts a key schedule with the PSK.
func (p *PSK) Schedule(log keys.Log) keys.Early { return keys.TLS13(p.Hash, log).Early(p.Key) }

// binderKey is the label of the binder key, by which no kind of PSK passes for another (RFC 9846 §7.1, RFC 9258
// §5.2).
func (p *PSK) binderKey() keys.Label {
	switch {
	case p.Imported:
		return keys.ImportedBinderKey
	case p.External():
		return keys.ExternalBinderKey
	}
	return keys.ResumptionBinderKey
}

// VerifyBinder checks a binder in constant time (RFC 9846 §4.3.11.2). schedule is the PSK's, transcript is of
// [BinderHash]. An error ends the handshake.
func (p *PSK) VerifyBinder(schedule keys.Early, transcript, binder []byte) error {
	var want [64]byte
	if subtle.ConstantTimeCompare(schedule.AppendBinder(want[:0], p.binderKey(), transcript), binder) != 1 {
		return alert.BadSignature(pskWhere+".binders", pskRef+".2", "the binder does not verify under the PSK")
	}
	return nil
}

// BinderHash is the transcript hash that binders cover (RFC 9846 §4.3.11.2): of a ClientHello, header included, up to its
// binders, which begin at the offset at (msg.OfferedPSKs.BindersAt). For a second ClientHello before is the transcript
// with HelloRetryRequest, of the hash h, and stays as it is; for the first it is nil.
func BinderHash(h crypto.Hash, before hash.Hash, hello []byte, at int) ([]byte, error) {
	if at <= 0 || at > len(hello) {
		return nil, alert.Internal(pskWhere, "binders at offset %d of %d", at, len(hello))
	}
	sum, err := begin(h, before)
	if err != nil {
		return nil, err
	}
	sum.Write(hello[:at])
	return sum.Sum(nil), nil
}

// begin returns a hash in the state of before, or a new one where that is nil.
func begin(h crypto.Hash, before hash.Hash) (hash.Hash, error) {
	if before == nil {
		return h.New(), nil
	}
	cloner, ok := before.(hash.Cloner)
	if !ok {
		return nil, alert.Internal(pskWhere, "the transcript's hash, %T, cannot be copied", before)
	}
	return cloner.Clone()
}

// Offered returns what a client puts into pre_shared_key: identities, ages and binders of the right length, which
// [FillBinders] fills in once the ClientHello is encoded.
func Offered(env Env, psks []*PSK) msg.OfferedPSKs {
	var o msg.OfferedPSKs
	for _, p := range psks {
		identity := msg.PSKIdentity{Identity: p.Identity}
		if !p.External() {
			identity.ObfuscatedTicketAge = p.Session.ObfuscatedAge(env.Now())
		}
		o.Identities = append(o.Identities, identity)
		o.Binders = append(o.Binders, make([]byte, p.Hash.Size()))
	}
	return o
}

// FillBinders computes the binders of an encoded ClientHello in place. psks, at and before are as for [Offered] and
// [BinderHash]; where before is not nil, all PSKs have its hash.
func FillBinders(hello []byte, at int, before hash.Hash, psks []*PSK) error {
	end := at + 2 // the length of the list
	for _, p := range psks {
		transcript, err := BinderHash(p.Hash, before, hello, at)
		if err != nil {
			return err
		}
		begin := end + 1 // the length of the binder
		end = begin + p.Hash.Size()
		if end > len(hello) {
			return alert.Internal(pskWhere, "%d bytes, too few for the binders", len(hello))
		}
		schedule := p.Schedule(nil)
		schedule.AppendBinder(hello[begin:begin:end], p.binderKey(), transcript)
		schedule.Wipe()
	}
	if end != len(hello) {
		return alert.Internal(pskWhere, "the binders end at %d of %d", end, len(hello))
	}
	return nil
}
