package observe

import (
	"crypto"
	"crypto/rsa"
	"encoding/binary"

	"github.com/akushu/akushu/internal/bygone"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/msg"
	"github.com/akushu/akushu/internal/suite"
	"github.com/akushu/akushu/keylog"
)

// exchanged is what is known of a key exchange beyond the hellos.
type exchanged struct {
	extended   bool      // extended_main_secret was negotiated (RFC 7627)
	macLast    bool      // encrypt_then_mac was negotiated (RFC 7366)
	psk, share bool      // TLS 1.3: ServerHello has pre_shared_key, key_share
	identity   int       // TLS 1.3: the one that it selects
	premaster  []byte    // as the client encrypted it to the server's RSA key
	leaves     [3][]byte // by Dir: the sender's certificate, DER, or its raw public key
	delegated  [3][]byte // by Dir: the key that its owner delegated to, as a SubjectPublicKeyInfo (RFC 9345)
	opened     []keys.Secret
	tried      int // RSA keys, for opened
}

// mainSecret is a main secret that may be the one, before TLS 1.3.
type mainSecret struct {
	main      keys.Secret
	premaster keys.Secret // nil where main itself was given
}

// mains lists the main secrets that the secrets at hand give, those of the key log first and the newest of each first.
func (k *Keys) mains(hs *handshake) []mainSecret {
	var all []mainSecret
	for _, main := range k.find(hs.randoms, keylog.LabelClientRandom) {
		if len(main) == keys.MainSecretSize {
			all = append(all, mainSecret{main: keys.Secret(main).Clone()})
		}
	}
	for _, premaster := range k.premasters(hs) {
		if main := hs.mainOf(premaster); main != nil {
			all = append(all, mainSecret{main, premaster})
		}
	}
	return all
}

// premasters lists the premaster secrets that may be the one.
func (k *Keys) premasters(hs *handshake) []keys.Secret {
	var all []keys.Secret
	for _, p := range k.find(hs.randoms[:min(1, len(hs.randoms))], keylog.LabelPMSClientRandom) {
		all = append(all, p)
	}
	encrypted := k.decrypted(hs)
	switch hs.keyExchange {
	case msg.KeyExchangePSK:
		for _, psk := range k.preshared() {
			all = append(all, pskPremaster(make([]byte, len(psk)), psk))
		}
	case msg.KeyExchangeRSAPSK:
		for _, other := range encrypted {
			for _, psk := range k.preshared() {
				all = append(all, pskPremaster(other, psk))
			}
		}
	default:
		all = append(all, encrypted...)
	}
	return all
}

// pskPremaster is a premaster secret of a pre-shared key and another secret (RFC 4279 §2).
func pskPremaster(other, psk []byte) keys.Secret {
	p := binary.BigEndian.AppendUint16(nil, uint16(len(other)))
	p = append(p, other...)
	p = binary.BigEndian.AppendUint16(p, uint16(len(psk)))
	return append(p, psk...)
}

// decrypted lists what the client encrypted to the server's RSA key, as the key log or a private key has it.
func (k *Keys) decrypted(hs *handshake) []keys.Secret {
	if len(hs.premaster) < 8 {
		return nil
	}
	var all []keys.Secret
	for _, l := range k.store.Premaster([8]byte(hs.premaster)) {
		all = append(all, l.Secret)
	}
	private := k.private()
	for _, key := range private[hs.tried:] {
		//lint:ignore SA1019 TLS before 1.3 has no other padding for this
		if p, err := rsa.DecryptPKCS1v15(nil, key, hs.premaster); err == nil && len(p) == keys.MainSecretSize {
			hs.opened = append(hs.opened, p)
		}
	}
	hs.tried = len(private)
	return append(all, hs.opened...)
}

// prf is that of the handshake's version, TLS 1.0 to 1.2.
func (hs *handshake) prf() keys.PRF {
	if hs.version < iana.VersionTLS12 {
		return keys.TLS10(nil)
	}
	return keys.TLS12(hs.suite.Hash, nil)
}

// mainOf is the main secret that a premaster secret makes; nil where it depends on messages that were not seen.
func (hs *handshake) mainOf(premaster keys.Secret) keys.Secret {
	switch {
	case hs.version <= iana.VersionSSL30:
		return bygone.MainSecret30(premaster, hs.clientRandom[:], hs.serverRandom[:])
	case !hs.extended:
		return hs.prf().MainSecret(premaster, hs.clientRandom[:], hs.serverRandom[:])
	}
	said, ok := hs.said.through(hs.hash(), iana.HandshakeClientKeyExchange)
	if !ok {
		return nil
	}
	return hs.prf().ExtendedMainSecret(premaster, said)
}

// hash is that of the transcript.
func (hs *handshake) hash() crypto.Hash {
	return hs.suite.TranscriptHash(min(hs.version, iana.VersionTLS13))
}

// keyBlock is the keys of both ends that a main secret makes.
func (hs *handshake) keyBlock(main keys.Secret) keys.KeyBlock {
	var b keys.KeyBlock
	if hs.version <= iana.VersionSSL30 {
		b = bygone.KeyBlock30(main, hs.clientRandom[:], hs.serverRandom[:], hs.suite.Lengths())
	} else {
		b = hs.prf().KeyBlock(main, hs.clientRandom[:], hs.serverRandom[:], hs.suite.Lengths())
	}
	if hs.old != nil {
		b = hs.old.Exported(hs.version, b, hs.clientRandom[:], hs.serverRandom[:])
	}
	return b
}

// schedule is a run of TLS 1.3's key schedule that the secrets at hand make possible, as far as the messages are there.
type schedule struct {
	psk, shared                    keys.Secret
	handshakeClient, handshakeServ keys.Secret
	client, server                 keys.Secret
}

// schedules lists those that may be the one: a PSK opens a handshake that had no (EC)DHE, a shared secret any.
func (k *Keys) schedules(hs *handshake) []schedule {
	var all []schedule
	psks, shares := []keys.Secret{nil}, []keys.Secret{nil}
	if hs.psk {
		psks = k.presharedFor(hs, hs.identity)
	}
	if hs.share {
		shares = nil
		for _, s := range k.find(hs.randoms, keylog.LabelSharedSecret) {
			shares = append(shares, s)
		}
	}
	if !hs.psk && !hs.share {
		return nil
	}
	for _, psk := range psks {
		for _, t := range hs.transcripts(psk) {
			for _, shared := range shares {
				all = append(all, hs.schedule(t, psk, shared))
			}
		}
	}
	return all
}

func (hs *handshake) schedule(t *transcript, psk, shared keys.Secret) schedule {
	s := schedule{psk: psk, shared: shared}
	said, ok := t.through(hs.hash(), iana.HandshakeServerHello)
	if !ok {
		return s
	}
	handshake := keys.TLS13(hs.suite.Hash, nil).Early(psk).Handshake(shared)
	s.handshakeClient, s.handshakeServ = handshake.Traffic(said)
	if said, ok = t.throughServer(hs.hash()); ok {
		s.client, s.server, _ = handshake.Main().Application(said)
	}
	return s
}

// secret is the one of an epoch and a direction, nil where it is not known.
func (s *schedule) secret(e Epoch, d Dir) keys.Secret {
	switch {
	case e == EpochHandshake && d == ClientToServer:
		return s.handshakeClient
	case e == EpochHandshake:
		return s.handshakeServ
	case d == ClientToServer:
		return s.client
	}
	return s.server
}

// traffic lists the traffic secrets of TLS 1.3 that may be those of an epoch and direction: of the key log, the newest
// first, and what can be derived.
func (k *Keys) traffic(hs *handshake, e Epoch, d Dir) []keys.Secret {
	var all []keys.Secret
	for _, s := range k.find(hs.randoms, secretLabels[e][d]) {
		all = append(all, keys.Secret(s))
	}
	if e == EpochEarlyData {
		return append(all, k.early(hs)...)
	}
	if hs.suite == nil {
		return all
	}
	for _, s := range k.schedules(hs) {
		if secret := s.secret(e, d); secret != nil {
			all = append(all, secret)
		}
	}
	return all
}

// early lists the secrets of 0-RTT that pre-shared keys make: no (EC)DHE is in them.
func (k *Keys) early(hs *handshake) []keys.Secret {
	var all []keys.Secret
	for _, s := range hs.suites13(EpochEarlyData) {
		said, ok := hs.said.throughClient(s.Hash)
		for _, psk := range k.presharedFor(hs, 0) {
			if ok {
				all = append(all, keys.TLS13(s.Hash, nil).Early(psk).ClientTraffic(said))
			}
		}
	}
	return all
}

// suiteOf is a suite as an observer needs it: also of what no endpoint here has, made of what its name says.
func suiteOf(id iana.CipherSuite, v iana.Version) (*suite.Suite, *bygone.Cipher) {
	if is13(v) {
		if s := suite.ByID(id); s != nil && s.Supports(iana.VersionTLS13) {
			return s, nil
		}
		return nil, nil
	}
	x, parts := partsOf(id.String())
	if x == (exchange{}) {
		return nil, nil
	}
	if s := aeadOf(id, parts.Cipher); s != nil {
		if !s.Supports(v) {
			return nil, nil
		}
		return s, nil
	}
	old := bygone.Lookup(cipherNames(id))
	if old == nil {
		return nil, nil
	}
	s := &suite.Suite{
		ID: id, MAC: old.MAC, Hash: crypto.SHA256, MinVersion: iana.VersionSSL30, MaxVersion: iana.VersionTLS12,
		Cipher: &suite.Cipher{Name: parts.Cipher, KeyLen: old.Lengths.Key, FixedIVLen: old.Lengths.IV},
	}
	if old.MAC == crypto.SHA384 {
		s.Hash = crypto.SHA384
	}
	return s, old
}

// aeadOf is a suite of TLS 1.2 with an AEAD: its own row, or that of another with the same cipher.
func aeadOf(id iana.CipherSuite, name string) *suite.Suite {
	for _, s := range suite.All() {
		if s.MaxVersion == iana.VersionTLS12 && s.Cipher.New != nil && s.Cipher.Name == name {
			own := *s
			own.ID = id
			return &own
		}
	}
	return nil
}
