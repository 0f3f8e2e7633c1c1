package handshake

import (
	"context"
	"io"
	"time"

	"github.com/akushu/akushu/internal/auth"
	"github.com/akushu/akushu/internal/compression"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/session"
	"github.com/akushu/akushu/internal/suite"
)

// Env is the world outside of the protocol.
type Env struct {
	Rand io.Reader        // cryptographically secure
	Now  func() time.Time // for certificates and tickets
}

// Policy is what an end is willing to do. Its slices are in order of preference and
// are not changed.
type Policy struct {
	MinVersion, MaxVersion iana.Version
	Suites                 []*suite.Suite            // of all versions, in one list
	Groups                 []*suite.Group            // at least one
	Shares                 []*suite.Group            // of Groups, for which a client sends key shares; nil: offerShares decides
	Schemes                []*suite.Scheme           // for signatures of the peer
	ALPN                   []string                  // empty: not negotiated
	RequireALPN            bool                      // no protocol in common ends the handshake
	RecordSizeLimit        uint16                    // of what the peer sends, 64 or more (RFC 8449); 0: none of our own
	Compression            []*compression.Algorithm  // of certificates, by preference; none: they go as they are
	PSKHint12              string                    // that a server with PSKs12 gives
	PSKs12                 []PSK12                   // for the suites with AuthPSK, which are not used without; a client has one
	PSKModes               []iana.PSKKeyExchangeMode // of TLS 1.3, in which PSKs and tickets are used; none: psk_dhe_ke
	GREASE                 bool                      // a client offers what means nothing too (RFC 8701)
}

// Hooks are called as a handshake goes on. Each may be nil.
type Hooks struct {
	// Secret is told every secret that a key log names, the moment it exists
	// (RFC 9850). It must not keep secret.
	Secret func(label string, clientRandom *[32]byte, secret keys.Secret)
	// Peer has the last word on an authenticated peer: an error ends the handshake.
	// It runs before this end says anything more to the peer.
	Peer func(*Result) error
}

// log is the hook in the form in which a key schedule calls it.
func (h *Hooks) log(clientRandom *[32]byte) keys.Log {
	if h.Secret == nil {
		return nil
	}
	return func(l keys.Label, s keys.Secret) { h.Secret(l.KeyLog(), clientRandom, s) }
}

func (h *Hooks) peer(r *Result) error {
	if h.Peer == nil {
		return nil
	}
	return h.Peer(r)
}

// ClientConfig is what a client flow is given.
type ClientConfig struct {
	Env
	Policy
	Hooks
	ServerName        string              // sent as server_name unless it is an IP address or empty
	Trust             *auth.Trust         // how the server's certificate is judged
	Identity          auth.ClientIdentity // our certificate, if asked for one; nil: none
	PSKs              []*session.PSK      // given from elsewhere; not changed
	Resumption        *ClientResumption   // nil: sessions are not kept
	PostHandshakeAuth bool                // TLS 1.3: the server may ask for our certificate later
	RawKey            *auth.Credential    // our key, to be shown without a certificate where the server takes that; nil: none
	Delegated         bool                // TLS 1.3: a key to which the certificate's owner delegates will do (RFC 9345)
	Renegotiate       Renegotiate         // what a HelloRequest comes to
	Fallback          bool                // MaxVersion is lower than it might be, for the server is thought not to speak more
	// The bits of the modulus that a server may choose for DHE; see suite.FiniteField.
	MinFieldBits, MaxFieldBits int
}

// ServerConfig is what a server flow is given.
type ServerConfig struct {
	Env
	Policy
	Hooks
	Identity auth.ServerIdentity // our certificate; nil: there is none, and PSKs must do
	RawKey   *auth.Credential    // our key, for clients that take it without a certificate; nil: none
	PSKs     PSKSource           // nil: none
	// Delegated is asked before Identity for clients of TLS 1.3 (RFC 9345); nil: there is nothing to
	// choose from.
	Delegated auth.DelegatedIdentity
	// ClientAuth says whether a client is asked for its certificate, ClientTrust how that
	// is judged, ClientAuthorities (DER of names) whose are accepted; none means anybody's.
	ClientAuth        auth.ClientAuth
	ClientTrust       *auth.Trust
	ClientAuthorities [][]byte
	Clients           ClientJudge       // of those that are asked after the handshake; needed where some are
	Resumption        *ServerResumption // nil: no tickets
	EarlyData         *ServerEarlyData  // nil: none is taken
	// ForClient may return another configuration, made for the client that sent this
	// hello, or nil to go on with this one.
	ForClient func(context.Context, *auth.ClientHelloFacts) (*ServerConfig, error)
}

// Result is what a handshake came to.
type Result struct {
	Version iana.Version
	Suite   *suite.Suite
	Exchanged
	Agreed
	Shared
	HelloRetry   bool
	EarlyData    EarlyData
	EarlyDataWhy error // why early data that was offered was not sent, or not accepted; a session.Code if it can be
	Peer         auth.Peer
	ClientRandom [32]byte
	Asked        bool     // the client was asked for its certificate in the handshake
	Proof        Proof    // client: what shows that the server has our Finished
	TLSUnique    []byte   // TLS 1.2: the first Finished (RFC 5929 §3); nil where it is unsafe
	Exporter     Exporter // of keying material
	Renegotiable bool     // another handshake may come, or this is one: keying material changes
}

// Exchanged is what keys were exchanged with, and who signed how.
type Exchanged struct {
	Group        iana.NamedGroup      // of the key exchange; 0 if none, or a finite field that has no number
	Field        *suite.Field         // of DHE in TLS 1.2; nil otherwise
	Scheme       iana.SignatureScheme // of the server's signature; 0 if none
	ClientScheme iana.SignatureScheme // of the client's
	// DelegatedUntil is when the delegation of the server's key ends (RFC 9345); zero: the key is its certificate's.
	DelegatedUntil time.Time
}

// Shared is what both ends had before the handshake.
type Shared struct {
	Resumed        bool          // the peer was authenticated by a PSK, and its certificates are of an earlier handshake
	TicketLateness time.Duration // server, TLS 1.3: see session.PSK.Lateness
	PSKIdentity    []byte        // of the key, given from elsewhere, that both ends share; nil: there was none, or a session is resumed
	PSKOnly        bool          // TLS 1.3: the keys come of a PSK alone, without a key exchange
}

// Agreed is what extensions came to.
type Agreed struct {
	ALPN           string
	ServerName     string // server: what the client asked for
	ExtendedMain   bool   // TLS 1.2: extended_main_secret was used (RFC 7627)
	BindsAnother   bool   // TLS 1.2: the peer would bind another handshake to this one (RFC 5746)
	EncryptThenMAC bool   // TLS 1.2, with CBC: encrypt_then_mac was used (RFC 7366)
	// RecordSizeLimit is what the peer takes in a protected record (RFC 8449); 0: any size.
	RecordSizeLimit uint16
}

// wipe zeroes the secret in r.
func (r *Result) wipe() {
	if r.Exporter != nil {
		r.Exporter.Wipe()
	}
}

// An Exporter derives keying material for the application from a connection's secrets
// (RFC 9846 §7.5; RFC 5705). Wipe zeroes the secret; exporting is not possible after it.
type Exporter interface {
	Export(label string, context []byte, length int) ([]byte, error)
	Wipe()
}
