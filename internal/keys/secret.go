package keys

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
)

// Secret is bytes that must not be seen. Printing, logging or encoding one gives its length only; Reveal is the one way
// to its bytes, and easily found with grep.
//
// Two holes remain, for fmt prints raw what it calls no method on: a Secret in an unexported field of a struct that is
// itself printed (such a struct has a Format method of its own), and an operand of %w or %p that is no error or pointer,
// which vet refuses.
type Secret []byte

// Reveal returns the bytes themselves, not a copy.
func (s Secret) Reveal() []byte { return s }

// Clone returns a copy in memory of its own, so that wiping either leaves the other.
func (s Secret) Clone() Secret { return bytes.Clone(s) }

// Wipe overwrites the bytes with zeros. The slice keeps its length.
func (s Secret) Wipe() { clear(s) }

// String returns the redaction, "[secret, 32 bytes]".
func (s Secret) String() string { return fmt.Sprintf("[secret, %d bytes]", len(s)) }

// GoString returns the redaction.
func (s Secret) GoString() string { return s.String() }

// Format prints the redaction for every verb.
func (s Secret) Format(f fmt.State, _ rune) { redact(f, s.String()) }

// MarshalText returns the redaction.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the redaction as a string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalBinary returns the redaction, so that encoders of the gob kind see no more than the others.
func (s Secret) MarshalBinary() ([]byte, error) { return s.MarshalText() }

// LogValue returns the redaction.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// redact writes text; fmt has nowhere to report a failed write to.
func redact(f fmt.State, text string) { _, _ = io.WriteString(f, text) }
