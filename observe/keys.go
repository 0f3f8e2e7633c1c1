package observe

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/keylog"
)

// keysLimit is how many lines Keys remembers: those of some thousand connections.
const keysLimit = 1 << 15

// Keys is the secrets of many connections. It tells each Conn that uses it of those that
// concern it, whenever they come. As an io.Writer it is the KeyLogWriter of any TLS
// configuration, ours or crypto/tls's. Several goroutines may use it.
type Keys struct {
	store *keylog.Store
	also  func(keylog.Line) // told of every line, may be nil

	mu       sync.Mutex
	watching map[[32]byte][]*Conn // by client random
	partial  []byte               // of a line whose end was not written yet
	rsa      []*rsa.PrivateKey    // of servers
	psks     []keys.Secret
	sessions map[[32]byte][32]byte
	order    [][32]byte                 // of sessions, the oldest first
	tickets  map[[32]byte][]keys.Secret // the pre-shared keys of tickets of TLS 1.3, by the tickets' hashes
}

// NewKeys returns Keys without a secret. It remembers some ten thousand lines, and then
// forgets the oldest.
func NewKeys() *Keys { return NewKeysOf(keysLimit) }

// NewKeysOf is NewKeys with another bound: that many lines are remembered.
func NewKeysOf(lines int) *Keys {
	return &Keys{
		store: keylog.NewStore(lines), watching: make(map[[32]byte][]*Conn), sessions: make(map[[32]byte][32]byte),
		tickets: make(map[[32]byte][]keys.Secret),
	}
}

// Len is how many lines are remembered.
func (k *Keys) Len() int { return k.store.Len() }

// Add tells a secret. Keys owns it from then on.
func (k *Keys) Add(l keylog.Line) {
	if !k.store.Add(l) {
		return
	}
	if k.also != nil {
		k.also(l)
	}
	if l.Label == keylog.LabelRSA {
		k.wakeAll()
		return
	}
	k.wake(l.ClientRandom)
}

// AddRSAKey tells a server's private key. It opens what was encrypted under secrets that clients sent to that key
// (RFC 5246 §7.4.7.1), and no connection that is forward secret.
func (k *Keys) AddRSAKey(key *rsa.PrivateKey) {
	k.mu.Lock()
	k.rsa = append(k.rsa, key)
	k.mu.Unlock()
	k.wakeAll()
}

// AddPSK tells a pre-shared key. It opens connections whose keys come from it alone, or from it and what an RSA key opens
// (RFC 4279; RFC 9846 §4.3.9), and in every case early data (§7.1).
func (k *Keys) AddPSK(psk []byte) {
	k.mu.Lock()
	k.psks = append(k.psks, bytes.Clone(psk))
	k.mu.Unlock()
	k.wakeAll()
}

// private and preshared are what was told, the newest first for the latter.
func (k *Keys) private() []*rsa.PrivateKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.rsa)
}

func (k *Keys) preshared() []keys.Secret {
	k.mu.Lock()
	defer k.mu.Unlock()
	psks := slices.Clone(k.psks)
	slices.Reverse(psks)
	return psks
}

// wake has those look again who wait for secrets of a client random, wakeAll all.
func (k *Keys) wake(random [32]byte) {
	k.mu.Lock()
	conns := slices.Clone(k.watching[random])
	k.mu.Unlock()
	for _, c := range conns {
		c.wake()
	}
}

func (k *Keys) wakeAll() {
	k.mu.Lock()
	var conns []*Conn
	for _, list := range k.watching {
		conns = append(conns, list...)
	}
	k.mu.Unlock()
	for _, c := range conns {
		c.wake()
	}
}

// learn keeps a main secret that was worked out: sessions that resume this one have it too. It is told to nobody else.
func (k *Keys) learn(random [32]byte, main keys.Secret) {
	k.store.Add(keylog.Line{Label: keylog.LabelClientRandom, ClientRandom: random, Secret: main.Clone()})
}

// Write takes the lines of a key log, in pieces of any size. What is no line is passed
// over. It does not fail.
func (k *Keys) Write(p []byte) (int, error) {
	for _, line := range k.lines(p) {
		if l, err := keylog.Parse(line); err == nil {
			k.Add(l)
		}
	}
	return len(p), nil
}

// lines returns the lines that p completes, in memory of their own.
func (k *Keys) lines(p []byte) [][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.partial = append(k.partial, p...)
	end := bytes.LastIndexByte(k.partial, '\n') + 1
	whole := bytes.Clone(k.partial[:end])
	k.partial = slices.Delete(k.partial, 0, end) // and overwrites what it moves away from
	if len(k.partial) > keylog.MaxLine {
		k.partial = nil
	}
	return bytes.FieldsFunc(whole, func(r rune) bool { return r == '\n' || r == '\r' })
}

// watch has c told of secrets for a client random, until it is not to be told any more.
func (k *Keys) watch(random [32]byte, c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watching[random] = append(k.watching[random], c)
}

// forget ends what watch began.
func (k *Keys) forget(random [32]byte, c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.Index(k.watching[random], c)
	if i < 0 {
		return
	}
	rest := slices.Delete(k.watching[random], i, i+1)
	if k.watching[random] = rest; len(rest) == 0 {
		delete(k.watching, random)
	}
}

// find returns the secrets under a label of any of some client randoms.
func (k *Keys) find(randoms [][32]byte, label string) [][]byte {
	if len(randoms) == 1 { // as nearly always
		return k.store.Secrets(randoms[0], label)
	}
	var all [][]byte
	for _, random := range randoms {
		all = append(all, k.store.Secrets(random, label)...)
	}
	return all
}

// sessionsLimit is how many sessions Keys remembers.
const sessionsLimit = 1 << 13

// remember notes in which connection a session of TLS 1.2, by its ID or ticket, came about: a
// handshake that resumes it has the same main secret, and not every stack logs it again.
func (k *Keys) remember(session []byte, random [32]byte) {
	if len(session) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	id := sha256.Sum256(session)
	if _, known := k.sessions[id]; !known {
		k.order = append(k.order, id)
	}
	k.sessions[id] = random
	if len(k.order) > sessionsLimit {
		delete(k.sessions, k.order[0])
		k.order = k.order[1:]
	}
}

// origin returns the client random of the connection in which a session came about.
func (k *Keys) origin(session []byte) ([32]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	random, ok := k.sessions[sha256.Sum256(session)]
	return random, ok
}
