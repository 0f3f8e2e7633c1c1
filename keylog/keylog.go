// Package keylog reads and writes the key log format of RFC 9850, which most people know by the name of the
// environment variable that switches it on: SSLKEYLOGFILE. A key log holds the secrets of TLS connections, one a
// line, so that a tool which sees only the bytes on the wire can open them.
//
// An endpoint writes lines as its secrets come into being (Writer, OpenFile). An observer reads them from a file that
// is complete (Reader) or one that is still growing (Follow), and looks them up by the random of the ClientHello that
// it saw (Store). This package knows the format and nothing of the protocol that the secrets belong to.
//
// Who holds a key log can read, and in part forge, every connection in it. A Line therefore prints without its secret;
// only AppendTo, MarshalText and Writer give it away. RFC 9850 §1.1 forbids key logs in production.
package keylog

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
)

// A Line is one secret of one connection.
//
// Printed with any verb of fmt, encoded as JSON or logged with slog it shows everything but the secret.
type Line struct {
	// Label says which secret it is: one of the Label constants, or a label that this package does not know.
	Label string
	// ClientRandom is ClientHello.random of the connection: of the inner hello where Encrypted Client Hello was
	// accepted, save for the labels that Lookup calls OuterRandom. It is zero with LabelRSA.
	ClientRandom [32]byte
	// EncryptedPremaster stands in the place of ClientRandom with LabelRSA, and is zero with every other label: the
	// first eight bytes of the encrypted premaster secret of ClientKeyExchange.
	EncryptedPremaster [8]byte
	// Secret is the secret itself. A Line owns it; one that a Store returned must not be written to.
	Secret []byte
}

// AppendTo appends the line as the file holds it, with its secret and without a line terminator, to dst. It does not
// check the line: Writer does.
func (l Line) AppendTo(dst []byte) []byte {
	dst = append(dst, l.Label...)
	dst = append(dst, ' ')
	dst = hex.AppendEncode(dst, l.id())
	dst = append(dst, ' ')
	return hex.AppendEncode(dst, l.Secret)
}

// MarshalText gives the line as the file holds it, with its secret and without a line terminator. A line that Parse
// would not take is an error, a *BadLine.
func (l Line) MarshalText() ([]byte, error) {
	if fault := l.check(); fault != nil {
		return nil, fault
	}
	return l.AppendTo(nil), nil
}

// id is what names the connection.
func (l *Line) id() []byte {
	if l.Label == LabelRSA {
		return l.EncryptedPremaster[:]
	}
	return l.ClientRandom[:]
}

// String gives the line with its secret redacted.
func (l Line) String() string {
	return fmt.Sprintf("%s %x %s", l.Label, l.id(), l.redacted())
}

// Format prints the redacted line whatever the verb, so that %x and %#v do not give the secret away either.
func (l Line) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, l.String())
}

// MarshalJSON gives an object whose secret is redacted: JSON ends up in logs and reports.
func (l Line) MarshalJSON() ([]byte, error) {
	idName := "client_random"
	if l.Label == LabelRSA {
		idName = "encrypted_premaster"
	}
	return json.Marshal(map[string]string{
		"label":  l.Label,
		idName:   hex.EncodeToString(l.id()),
		"secret": l.redacted(),
	})
}

// LogValue gives slog the redacted line; without it slog would ask MarshalText.
func (l Line) LogValue() slog.Value {
	return slog.StringValue(l.String())
}

func (l *Line) redacted() string {
	return fmt.Sprintf("[%d bytes redacted]", len(l.Secret))
}
