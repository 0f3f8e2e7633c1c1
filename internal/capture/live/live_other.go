//go:build !linux

package live

import (
	"time"

	"github.com/akushu/akushu/internal/capture"
)

// A Handle is a capture that goes on.
type Handle struct{}

// Open fails with ErrNotSupported.
func Open(string, Options) (*Handle, error) { return nil, ErrNotSupported }

// Interface says what is captured from.
func (*Handle) Interface() capture.Interface { return capture.Interface{} }

// Next returns the next packet.
func (*Handle) Next(time.Duration) (*capture.Packet, error) { return nil, ErrNotSupported }

// Stats counts packets.
func (*Handle) Stats() (Stats, error) { return Stats{}, ErrNotSupported }

// Close ends the capture.
func (*Handle) Close() error { return ErrNotSupported }
