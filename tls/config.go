package tls

import (
	"crypto"
	"crypto/x509"
	"io"
	"sync/atomic"
	"time"

	"github.com/akushu/akushu/internal/session"
)

// Config is what an end of a connection is told to do. Its fields have crypto/tls's names
// and meanings; where ours differ, the field says so.
//
// A Config is read when it is first used, as a whole, and not again: a later change of a
// field has no effect. It must not be changed while it is being used for the first time;
// apart from that a Config may serve any number of connections at once, and be copied with
// [Config.Clone] at any time. A nil *Config is a Config without anything in it.
//
// What cannot be carried out (an unknown cipher suite, a MinVersion above MaxVersion, a
// certificate whose key is not there) is an error of the first use: of Dial, Listen or the
// handshake, naming the field.
//
// A callback whose error is an [AlertError], or wraps one, says by it which alert the peer
// gets: fmt.Errorf("not on the list: %w", tls.AlertError(49)) denies access.
type Config struct {
	// Rand is where randoms, key shares and nonces come from. It must be cryptographically
	// secure and safe for concurrent use. Nil: crypto/rand.Reader. Signatures are made by
	// the private key, which may have a source of its own.
	Rand io.Reader

	// Time tells the time by which certificates are judged. Nil: time.Now.
	Time func() time.Time

	// Certificates are the chains that this end can present, leaf first, each with its
	// private key, a crypto.Signer with an RSA, ECDSA or Ed25519 key that belongs to the
	// leaf. A crypto.Decrypter that does not sign will do for RSA key exchange, and that alone.
	// See [ContextSigner] for keys that live elsewhere.
	//
	// A server presents the first one that the client can make use of, by name and by what
	// it offers ([SupportsCertificate]), and the first of all where none is. It needs one
	// here, or GetCertificate, or GetConfigForClient. A client that is asked for a
	// certificate presents the first that the server can make use of, or none.
	Certificates []Certificate

	// GetCertificate chooses a server's certificate for one client. It is asked where the
	// client names a server or Certificates is empty; where it returns nil and no error,
	// Certificates decides. An error ends the handshake and is what the handshake returns.
	// The Certificate must not be changed after it was returned; returning the same pointer
	// again saves work.
	GetCertificate func(*ClientHelloInfo) (*Certificate, error)

	// GetClientCertificate chooses a client's certificate when a server asks for one;
	// Certificates is not looked at then. A Certificate without a chain means that none is
	// sent. Nil without an error is not allowed. An error ends the handshake and is what
	// the handshake returns. The Certificate must not be changed after it was returned.
	GetClientCertificate func(*CertificateRequestInfo) (*Certificate, error)

	// GetConfigForClient may give a server another Config for one client, in place of this
	// one, or nil to go on with this one. It is asked before any other callback, and the
	// other's GetConfigForClient is not asked. Returning the same pointer for many clients
	// saves work. The ticket keys and the register of early data are this Config's, unless
	// SetSessionTicketKeys gave the other keys of its own: so a Config made anew for each
	// client can resume.
	GetConfigForClient func(*ClientHelloInfo) (*Config, error)

	// VerifyPeerCertificate has a word after the peer's certificates were verified. It is
	// given them as they were sent and the chains that were found, which are nil where
	// InsecureSkipVerify is set. A server, which asks for no certificate, does not call it.
	// An error ends the handshake, tells the peer bad_certificate and is what the handshake
	// returns.
	VerifyPeerCertificate func(rawCerts [][]byte, verifiedChains [][]*x509.Certificate) error

	// VerifyConnection has the last word on a connection, at either end and always, after
	// VerifyPeerCertificate. HandshakeComplete is not yet true. An error ends the
	// handshake, tells the peer bad_certificate and is what the handshake returns. A client
	// asks before it lets early data out, and again when the server has answered.
	VerifyConnection func(ConnectionState) error

	// RootCAs are the authorities that a client trusts. Nil: the system's.
	RootCAs *x509.CertPool

	// ClientAuth says what a server asks of its clients: nothing (the zero value), a
	// certificate if they have one, or one that they must have, verified or not. Verified
	// means that an authority of ClientCAs vouches for it.
	ClientAuth ClientAuthType

	// ClientCAs are the authorities that a server trusts to vouch for clients; their names
	// go to the client, so that it can choose. Nil: the system's, and no names.
	ClientCAs *x509.CertPool

	// PreSharedKeys are secrets that this end shares with others, for TLS 1.3, where they take
	// the place of certificates: LegacyPSKs are for older versions, and should not be the same
	// keys (RFC 9846 Appendix F.7). A client offers all of them, in this order; a server takes
	// any and, if it has no certificate, serves nobody else; where ClientAuth requires one, it
	// takes none. [Info] says which was used.
	PreSharedKeys []PreSharedKey

	// GetPreSharedKey returns the key that an identity stands for, at a server that does not
	// find it in PreSharedKeys. Its Identity is looked at only where it is to be imported:
	// identity is an ImportedIdentity then (RFC 9258 §5.1). Nil without an error is that there is
	// no key, which identities of strangers, and tickets that do not open, come to. An error ends
	// the handshake. The key must not be changed afterwards.
	GetPreSharedKey func(client *ClientHelloInfo, identity []byte) (*PreSharedKey, error)

	// PSKModes are the ways in which pre-shared keys and tickets are used in TLS 1.3, a server's
	// in order of preference. Empty: PSKModeDHE.
	PSKModes []PSKMode

	// PostHandshakeAuth has a client offer that the server asks for its certificate after the
	// handshake too (RFC 9846 §4.7.2), which is answered as in the handshake, from Certificates
	// or GetClientCertificate, beside whatever is read and written. An error of that ends the
	// connection. A server asks with [Conn.RequestClientCertificate].
	PostHandshakeAuth bool

	// RawPublicKey is a key that this end shows without a certificate (RFC 7250) to a peer that
	// takes it: one that knows the key. Others are shown Certificates, if there are any. Nil:
	// none.
	RawPublicKey crypto.Signer

	// PeerPublicKeys are the keys of peers that may show one without a certificate: exactly
	// these are accepted, whatever RootCAs, ClientCAs and ServerName say. VerifyPublicKey, if it
	// is not nil, is asked about any other; an error refuses it. A peer that shows a certificate
	// is judged by that. A connection to a peer without one has no PeerCertificates, but
	// [Info] has its key, which is judged again where it is resumed. InsecureSkipVerify accepts any key, where one
	// of the two is set.
	PeerPublicKeys  []crypto.PublicKey
	VerifyPublicKey func(crypto.PublicKey) error

	// DelegatedCredentials are keys that the owners of certificates delegated to this server for a
	// few days (RFC 9345). A client of TLS 1.3 that takes such keys is shown the first that suits
	// it, and nobody else is: neither GetCertificate is asked for it, nor its certificate's own
	// key used. All others, and all clients once it has expired, are shown Certificates.
	DelegatedCredentials []DelegatedCredential

	// AcceptDelegatedCredentials has a client take a key that the owner of the server's certificate
	// delegated to, in place of the certificate's own: one that has at most seven days to go, of a
	// certificate that allows it. [Info] says whether there was one.
	AcceptDelegatedCredentials bool

	// SessionTicketsDisabled has a server give no tickets and take none; ServerSessionCache
	// is another matter. A client resumes no sessions then; otherwise it does where it has a
	// ClientSessionCache.
	SessionTicketsDisabled bool

	// WrapSession makes a server's ticket of a session, in place of [Config.EncryptTicket]: it
	// may add to Extra and call that, or keep the session and return a key to it. The
	// ConnectionState is as far as it is known. Nil without an error: the client gets no ticket.
	// An error ends the handshake.
	WrapSession func(ConnectionState, *SessionState) ([]byte, error)

	// UnwrapSession makes a session of a client's ticket, in place of [Config.DecryptTicket].
	// Nil without an error stands for no session, which costs a full handshake; an error ends
	// the handshake. Whether the session is resumed is decided afterwards.
	UnwrapSession func(identity []byte, cs ConnectionState) (*SessionState, error)

	// ServerSessionCache is where a server keeps sessions of TLS 1.2 under session IDs, for
	// clients that do without tickets; those get tickets who can use them. What is kept is
	// encrypted under the ticket keys: servers that share a cache share those too
	// ([Config.SetSessionTicketKeys]). Nil: nowhere.
	ServerSessionCache ServerSessionCache

	// ClientSessionCache is where a client keeps sessions, so that it can resume them. Nil:
	// nowhere.
	ClientSessionCache ClientSessionCache

	// MaxEarlyData is how many bytes of early data (0-RTT) a server takes of a client that
	// resumes a session, from connections that ask for it with [Conn.EarlyData]; all others
	// reject it, and lose nothing. Zero: no client is told that it may send any.
	MaxEarlyData uint32

	// EarlyDataRegister has early data accepted once, whoever plays it again. Servers that
	// share ticket keys must share a register. Nil: one in memory for this Config and its
	// clones, which for tickets that are older than itself refuses until none of what an
	// earlier process may have accepted is fresh any more.
	EarlyDataRegister EarlyDataRegister

	// EarlyDataWindow is by how much the time at which early data comes may differ from when
	// it should, by the age that the client says its ticket has. Zero: ten seconds.
	EarlyDataWindow time.Duration

	// ReplayEarlyData has a client send early data that the server rejected again, once the
	// handshake is complete, if the application protocol is the same. That lets the two of
	// one request reach the server, if somebody held the first back. Up to 64 KiB can be
	// written early then.
	ReplayEarlyData bool

	// NextProtos are the application protocols that this end speaks, in order of preference
	// (ALPN, RFC 7301), each of 1 to 255 bytes. Where both ends name some and none in
	// common, the handshake fails with no_application_protocol. Empty: not negotiated.
	NextProtos []string

	// RequireALPN ends the handshake where no protocol of NextProtos is agreed on, also where
	// the other end has never heard of ALPN: the peer is told no_application_protocol.
	// NextProtos must not be empty then. crypto/tls leaves this to VerifyConnection.
	RequireALPN bool

	// ServerName is the name that a client asks for and that the server's certificate must
	// be valid for: a host name, or an IP address, which is not sent (RFC 6066 §3). Dial
	// takes it from the address where it is empty. A client needs it unless
	// InsecureSkipVerify is set.
	ServerName string

	// InsecureSkipVerify makes a client accept any certificate. Anyone on the way can then
	// read and change what is sent, unless VerifyPeerCertificate or VerifyConnection judge.
	InsecureSkipVerify bool

	// CipherSuites are the suites that this end is willing to use, in order of preference;
	// a server goes by its own order. TLS 1.2 and TLS 1.3 suites stand in one list, and
	// both are honoured, where crypto/tls ignores the order and what is said of TLS 1.3. A
	// list without a TLS 1.3 suite leaves TLS 1.3 its defaults, as in crypto/tls: it is
	// MaxVersion that rules TLS 1.3 out. A list of TLS 1.3 suites alone rules TLS 1.2 out.
	// Nil: all of [CipherSuites], AES-128-GCM first. Those of [InsecureCipherSuites], without
	// forward secrecy or with CBC or short tags, are used only where they are named.
	//
	// TLS_FALLBACK_SCSV in the list is a client's signal that it tries again with a lower
	// MaxVersion because a server failed: one that speaks more then refuses (RFC 7507).
	CipherSuites []uint16

	// LegacyPSKs are keys that both ends were given, for TLS 1.2 and before (RFC 4279). A client
	// uses the first; a server takes any, says which in [Info] and, if it has no certificate,
	// serves nobody else. No certificates are shown then, and none are judged; where ClientAuth
	// requires one, no key is taken. CipherSuites may name the suites with PSK then, and without it
	// those with ECDHE come before all others. TLS 1.3 does not use these keys. Nil: none.
	LegacyPSKs []LegacyPSK

	// LegacyPSKHint is what a server tells clients that share one of LegacyPSKs, up to 65,535 bytes:
	// some have several keys, and choose by it. Empty: nothing.
	LegacyPSKHint string

	// MinVersion is the lowest version that is accepted. Zero: TLS 1.2. TLS 1.0 and 1.1, the
	// lowest there are, sign with MD5 and SHA-1 and have CBC alone to protect records (RFC
	// 8996): they are spoken only where MinVersion says so, and without CipherSuites with
	// ECDHE and AES, which then stand behind the others.
	MinVersion uint16

	// MaxVersion is the highest version that is accepted. Zero: TLS 1.3, the highest there
	// is.
	MaxVersion uint16

	// CurvePreferences are the groups of the key exchange in order of preference, which
	// crypto/tls ignores. A client sends a key share for the first, and where that is
	// post-quantum for the first that is not as well. X25519MLKEM768 alone rules TLS 1.2
	// out, which has no such group. Empty: X25519MLKEM768, X25519, P-256, P-384, P-521, and
	// where CipherSuites names a suite with DHE, ffdhe2048, ffdhe3072 and ffdhe4096.
	//
	// In TLS 1.2 a server with such a suite uses the first finite field of RFC 7919 that the
	// client offers, any where the client offers none, and its own first one where this names
	// none.
	CurvePreferences []CurveID

	// KeyShares are the groups for which a client sends key shares in TLS 1.3, each of them one of
	// CurvePreferences: those that the server is thought to choose from, for it asks for a round
	// trip more where there is none for its group. Nil: as CurvePreferences says. Empty, but not
	// nil: none, and the server always asks.
	KeyShares []CurveID

	// MinDHBits and MaxDHBits are the sizes of the modulus that a client accepts for DHE in
	// TLS 1.2 and before, where the server may choose any. Zero: 2048 and 8192.
	MinDHBits, MaxDHBits int

	// DynamicRecordSizingDisabled makes every record as large as it can be. Otherwise the
	// first records of a connection fit into one TCP segment, so that the peer can decrypt
	// what arrived without waiting for more.
	DynamicRecordSizingDisabled bool

	// RecordSizeLimit is how many bytes this end takes in a protected record (RFC 8449), 64 to
	// 16,385: little memory, or a slow link, may want little at once. In TLS 1.3 it counts one
	// byte for the type and what padding there is. A peer that knows the extension holds to it,
	// and is refused with record_overflow where it does not; other peers send what they like.
	// Zero: as much as TLS allows. A client does not send the extension then; a server takes a
	// client's limit in any case.
	RecordSizeLimit int

	// MaxRecordSize is how many bytes of content this end puts into a record at most, 64 to 16,384,
	// in the handshake too: for peers with little memory that do not say so, or links where a
	// record should not wait for its end. Zero: as many as the peer takes.
	MaxRecordSize int

	// RecordPadding fills the records of TLS 1.3 that this end sends up to multiples of so many
	// bytes, as far as there is room, so that their lengths say less of what is in them (RFC
	// 9846 §5.4). Zero: no padding.
	RecordPadding int

	// CertificateCompression is the algorithms in which this end takes the other's certificates
	// and sends its own in TLS 1.3 (RFC 8879), in order of preference; [ZlibCertificates] is
	// one. Empty: certificates go as they are.
	CertificateCompression []CertificateCompression

	// GREASE has a client offer values that mean nothing, so that servers which cannot cope
	// with what they do not know are found before there is something new (RFC 8701). It
	// changes nothing else.
	GREASE bool

	// Renegotiation says what a client does when a server of TLS 1.2 or before asks for another
	// handshake, for a certificate as a rule: refuse (the zero value), take part once, or each
	// time. It takes part only with servers that bind one handshake to the other (RFC 5746),
	// and whose certificate stays the same; VerifyPeerCertificate and VerifyConnection are asked
	// again. Keying material is not exported then. Servers do not renegotiate, and TLS 1.3
	// has none.
	Renegotiation RenegotiationSupport

	// KeyLogWriter is given the secrets of every connection in the format of RFC 9850, each
	// the moment it exists: whoever reads them can decrypt the connection. It is for
	// debugging only. Each line is one Write, and no two run at once, whatever Configs
	// share the writer. An error of Write is ignored, where crypto/tls ends the handshake.
	// The writer must not call back into the connection.
	KeyLogWriter io.Writer

	// resolved is what was made of the fields at first use.
	resolved atomic.Pointer[resolved]
	tickets  atomic.Pointer[session.TicketKeys]
	strikes  atomic.Pointer[session.Strikes]
}

// Clone returns a copy of c that has not been used yet: changes of its fields count.
// Slices, certificates and functions are shared. The clone of nil is nil. Clone is safe to
// call while c is in use.
func (c *Config) Clone() *Config {
	if c == nil {
		return nil
	}
	clone := &Config{
		Rand:                  c.Rand,
		Time:                  c.Time,
		Certificates:          c.Certificates,
		GetCertificate:        c.GetCertificate,
		GetClientCertificate:  c.GetClientCertificate,
		GetConfigForClient:    c.GetConfigForClient,
		VerifyPeerCertificate: c.VerifyPeerCertificate,
		VerifyConnection:      c.VerifyConnection,
		RootCAs:               c.RootCAs,
		ClientAuth:            c.ClientAuth,
		ClientCAs:             c.ClientCAs,
		PreSharedKeys:         c.PreSharedKeys,
		GetPreSharedKey:       c.GetPreSharedKey,
		PSKModes:              c.PSKModes,
		PostHandshakeAuth:     c.PostHandshakeAuth,
		RawPublicKey:          c.RawPublicKey, PeerPublicKeys: c.PeerPublicKeys, VerifyPublicKey: c.VerifyPublicKey,
		DelegatedCredentials: c.DelegatedCredentials, AcceptDelegatedCredentials: c.AcceptDelegatedCredentials,
		SessionTicketsDisabled:      c.SessionTicketsDisabled,
		WrapSession:                 c.WrapSession,
		UnwrapSession:               c.UnwrapSession,
		ServerSessionCache:          c.ServerSessionCache,
		ClientSessionCache:          c.ClientSessionCache,
		MaxEarlyData:                c.MaxEarlyData,
		EarlyDataRegister:           c.EarlyDataRegister,
		EarlyDataWindow:             c.EarlyDataWindow,
		ReplayEarlyData:             c.ReplayEarlyData,
		NextProtos:                  c.NextProtos,
		RequireALPN:                 c.RequireALPN,
		ServerName:                  c.ServerName,
		InsecureSkipVerify:          c.InsecureSkipVerify,
		CipherSuites:                c.CipherSuites,
		LegacyPSKs:                  c.LegacyPSKs,
		LegacyPSKHint:               c.LegacyPSKHint,
		MinVersion:                  c.MinVersion,
		MaxVersion:                  c.MaxVersion,
		CurvePreferences:            c.CurvePreferences,
		KeyShares:                   c.KeyShares,
		MinDHBits:                   c.MinDHBits,
		MaxDHBits:                   c.MaxDHBits,
		DynamicRecordSizingDisabled: c.DynamicRecordSizingDisabled,
		RecordSizeLimit:             c.RecordSizeLimit,
		MaxRecordSize:               c.MaxRecordSize,
		RecordPadding:               c.RecordPadding,
		CertificateCompression:      c.CertificateCompression,
		GREASE:                      c.GREASE,
		Renegotiation:               c.Renegotiation,
		KeyLogWriter:                c.KeyLogWriter,
	}
	clone.tickets.Store(c.ticketKeys()) // a ticket of one is good for the other
	clone.strikes.Store(c.register())   // but early data under it once for both
	return clone
}
