package handshake

// Proof is what shows a client that the server has processed its Finished, and all before
// it: that its certificate is accepted, too.
type Proof uint8

// The kinds of proof.
const (
	// ProofComplete is that the handshake is complete: in TLS 1.2 the server's Finished comes
	// last, and at a server it is the client's that does.
	ProofComplete Proof = iota
	// ProofData is that application data comes, where a session of TLS 1.2 is resumed: there
	// the client's Finished comes last, and the server may send no data before it (RFC 5246
	// §7.4.9).
	ProofData
	// ProofMessage is a message that a server of TLS 1.3 can send only after it, of which
	// [PostTransport] is told. Application data says nothing: it may be sent before (RFC 9846
	// §4.5.3).
	ProofMessage
)
