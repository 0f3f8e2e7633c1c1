package tls

import (
	"crypto"
	"errors"
	"sync"
	"time"

	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/stdtls"
	"github.com/akushu/akushu/internal/suite"
)

// connectionState is what a handshake came to, in crypto/tls's terms. complete is false
// while it may still fail.
func connectionState(r *handshake.Result, complete bool) ConnectionState {
	state := ConnectionState{
		Version:                     uint16(r.Version),
		HandshakeComplete:           complete,
		CurveID:                     CurveID(r.Group),
		NegotiatedProtocol:          r.ALPN,
		NegotiatedProtocolIsMutual:  true,
		ServerName:                  r.ServerName,
		PeerCertificates:            r.Peer.Certificates,
		VerifiedChains:              r.Peer.Chains,
		SignedCertificateTimestamps: r.Peer.SCTs,
		OCSPResponse:                r.Peer.OCSP,
		TLSUnique:                   r.TLSUnique,
		HelloRetryRequest:           r.HelloRetry,
		DidResume:                   r.Resumed,
	}
	if r.Suite != nil {
		state.CipherSuite = uint16(r.Suite.ID)
	}
	stdtls.SetExporter(&state, exporterOf(r))
	return state
}

var (
	errExportEarly = errors.New("tls: keying material cannot be exported before the handshake is complete")
	errExportLate  = errors.New("tls: keying material cannot be exported after Close")
	errExportAgain = errors.New("tls: keying material is not exported where there may be a renegotiation, which changes it")
	errExportWeak  = errors.New("tls: keying material is exported only where the main secret belongs to one handshake: " +
		"in TLS 1.3, and in TLS 1.2 with extended_main_secret (RFC 7627 §5.4)")
)

// exporterOf is what ExportKeyingMaterial does after r.
func exporterOf(r *handshake.Result) stdtls.Exporter {
	switch {
	case r.Version < iana.VersionTLS13 && !r.ExtendedMain:
		return noExporter(errExportWeak)
	case r.Renegotiable:
		return noExporter(errExportAgain)
	case r.Exporter == nil:
		return noExporter(errExportEarly)
	}
	return r.Exporter.Export
}

func noExporter(err error) stdtls.Exporter {
	return func(string, []byte, int) ([]byte, error) { return nil, err }
}

// exporter makes a flow's exporter safe to use beside Close, which wipes it.
type exporter struct {
	mu    sync.Mutex
	inner handshake.Exporter // nil once it is wiped
}

// guard returns e with a lock around it, or nil for nil.
func guard(e handshake.Exporter) handshake.Exporter {
	if _, guarded := e.(*exporter); guarded || e == nil {
		return e
	}
	return &exporter{inner: e}
}

// Export implements handshake.Exporter. After Wipe it is an error.
func (e *exporter) Export(label string, context []byte, length int) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inner == nil {
		return nil, errExportLate
	}
	return e.inner.Export(label, context, length)
}

// Wipe implements handshake.Exporter. It may be called more than once.
func (e *exporter) Wipe() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inner != nil {
		e.inner.Wipe()
		e.inner = nil
	}
}

// Info is what a connection came to beyond [ConnectionState]: what that has no field
// for, and the names of what it has numbers for. Names are IANA's where nothing else
// is said.
type Info struct {
	Version string // "TLS 1.3"
	SuiteInfo
	KeyInfo
	PeerInfo
	EarlyInfo
	// ExtendedMainSecret says that the main secret of TLS 1.2 is bound to the whole
	// handshake (RFC 7627). It is false in TLS 1.3, where that is always so.
	ExtendedMainSecret bool
	// EncryptThenMAC says that records of a CBC suite are encrypted before they get their MAC,
	// not the other way around (RFC 7366).
	EncryptThenMAC bool
	// SecureRenegotiation says that the peer, in TLS 1.2 and before, would bind another handshake to
	// this one, or refuse it (RFC 5746). With a server that does not, somebody else may have shaken
	// hands before us, and what we say is taken for his. It is false in TLS 1.3, which has no other
	// handshake.
	SecureRenegotiation bool
	// RecordSizeLimit is how many bytes the peer takes in a protected record (RFC 8449); zero
	// where it did not say, or we did not ask.
	RecordSizeLimit int
	ClientRandom    [32]byte // by which the connection's lines in a key log are found
}

// SuiteInfo is the cipher suite, taken apart. In TLS 1.3 the key exchange is the group's and the
// authentication the signature scheme's.
type SuiteInfo struct {
	CipherSuite    string // "TLS_AES_128_GCM_SHA256"
	KeyExchange    string // "ECDHE", "ECDHE + ML-KEM"
	Authentication string // "ECDSA", "RSA-PSS", "RSA PKCS#1", "Ed25519"
	Cipher         string // "AES-128-GCM"
	Hash           string // "SHA-256"
}

// KeyInfo is where the connection's keys come from.
type KeyInfo struct {
	// Group is where the key exchange took place: "x25519". A finite field of RFC 7919 is
	// "ffdhe2048", one of RFC 3526, which OpenSSL's servers choose, "modp2048". It is empty
	// where there was none, and for a finite field that is neither.
	Group         string
	FieldBits     int  // the modulus of the finite field of DHE in TLS 1.2; 0 where there was none
	PostQuantum   bool // a quantum computer does not help against the key exchange
	ForwardSecret bool // a private key that leaks later does not open the connection
}

// PeerInfo is how the ends know each other.
type PeerInfo struct {
	SignatureScheme string // of the server's signature in the handshake; empty where there was none
	// CertificateRequested says that the server asked for the client's certificate in the
	// handshake, whether the client had one or not.
	CertificateRequested bool
	// ClientSignatureScheme is that of the client's signature.
	ClientSignatureScheme string
	// PSKIdentity says which of [Config.PreSharedKeys] or [Config.LegacyPSKs] both ends share. It is
	// empty where they know each other by certificates, or a session is resumed.
	PSKIdentity string
	// PeerPublicKey is the key of a peer that showed it without a certificate (RFC 7250), nil
	// otherwise.
	PeerPublicKey crypto.PublicKey
	// DelegatedUntil is when the key that the server proved to have ceases to stand in for that of
	// its certificate (RFC 9345). It is zero where the certificate's own was used, and where a
	// session is resumed.
	DelegatedUntil time.Time
}

// EarlyInfo is what became of early data.
type EarlyInfo struct {
	// EarlyData is "none", where there was none, "accepted" or "rejected". EarlyDataWhy says why it
	// was rejected, or could not be sent, where that is known here.
	EarlyData    string
	EarlyDataWhy string
	// TicketLateness says to a server by how much more time has passed since it gave the ticket
	// than the client says, below zero for less: clocks that differ, or a ClientHello that was
	// held back. It is zero at a client, before TLS 1.3 and where no ticket was used.
	TicketLateness time.Duration
}

// newInfo describes a complete handshake.
func newInfo(r *handshake.Result) Info {
	return Info{
		Version:             r.Version.String(),
		SuiteInfo:           newSuiteInfo(r),
		KeyInfo:             newKeyInfo(r),
		PeerInfo:            newPeerInfo(r),
		EarlyInfo:           newEarlyInfo(r),
		ExtendedMainSecret:  r.ExtendedMain,
		EncryptThenMAC:      r.EncryptThenMAC,
		SecureRenegotiation: r.BindsAnother,
		RecordSizeLimit:     int(r.RecordSizeLimit),
		ClientRandom:        r.ClientRandom,
	}
}

func newSuiteInfo(r *handshake.Result) SuiteInfo {
	info := SuiteInfo{
		CipherSuite:    r.Suite.ID.String(),
		KeyExchange:    r.Suite.KeyExchange.String(),
		Authentication: r.Suite.Auth.String(),
		Cipher:         r.Suite.Cipher.Name,
		Hash:           r.Suite.Hash.String(),
	}
	if r.Version < iana.VersionTLS12 {
		info.Hash = crypto.MD5SHA1.String()
	}
	if r.PSKOnly {
		info.KeyExchange = suite.KeyExchangePSK.String()
	}
	if g := suite.GroupByID(r.Group); g != nil {
		info.KeyExchange = g.KeyExchange.String()
	}
	if r.PSKIdentity != nil {
		info.Authentication = suite.AuthPSK.String()
	}
	if s := suite.SchemeByID(r.Scheme); s != nil {
		info.Authentication = s.Kind.String()
	}
	return info
}

func newKeyInfo(r *handshake.Result) KeyInfo {
	var info KeyInfo
	if r.Field != nil {
		info = KeyInfo{Group: r.Field.Name, FieldBits: r.Field.Bits, ForwardSecret: true}
	}
	if g := suite.GroupByID(r.Group); g != nil {
		info.Group, info.PostQuantum = g.ID.String(), g.PostQuantum
		// Every group is used with keys for one handshake, but for a session of TLS 1.2 that is
		// resumed there are no new ones.
		info.ForwardSecret = !r.Resumed || r.Version >= iana.VersionTLS13
	}
	return info
}

func newPeerInfo(r *handshake.Result) PeerInfo {
	info := PeerInfo{
		SignatureScheme:       schemeName(r.Scheme),
		CertificateRequested:  r.Asked,
		ClientSignatureScheme: schemeName(r.ClientScheme),
		PSKIdentity:           string(r.PSKIdentity),
		DelegatedUntil:        r.DelegatedUntil,
	}
	if r.Peer.Raw {
		info.PeerPublicKey = r.Peer.Key
	}
	return info
}

// schemeName is empty where nothing was signed.
func schemeName(id iana.SignatureScheme) string {
	if suite.SchemeByID(id) == nil {
		return ""
	}
	return id.String()
}

func newEarlyInfo(r *handshake.Result) EarlyInfo {
	info := EarlyInfo{EarlyData: r.EarlyData.String(), TicketLateness: r.TicketLateness}
	if r.EarlyDataWhy != nil {
		info.EarlyDataWhy = r.EarlyDataWhy.Error()
	}
	return info
}
