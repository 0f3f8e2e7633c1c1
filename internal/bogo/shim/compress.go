package main

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/akushu/akushu/tls"
)

// mocks is the algorithms for certificates that the runner has: one that shortens, one that
// lengthens, one that never makes the same twice.
var mocks = []tls.CertificateCompression{
	{
		ID:       0xff02,
		Compress: func(m []byte) ([]byte, error) { return append([]byte{1, 2, 3, 4}, m...), nil },
		Decompress: func(r io.Reader) (io.Reader, error) {
			prefix := make([]byte, 4)
			if _, err := io.ReadFull(r, prefix); err != nil || !bytes.Equal(prefix, []byte{1, 2, 3, 4}) {
				return nil, errors.New("another prefix")
			}
			return r, nil
		},
	},
	{
		ID: 0xff01,
		Compress: func(m []byte) ([]byte, error) {
			if !bytes.HasPrefix(m, []byte{0, 0}) {
				return nil, errors.New("another prefix")
			}
			return m[2:], nil
		},
		Decompress: func(r io.Reader) (io.Reader, error) {
			return io.MultiReader(bytes.NewReader([]byte{0, 0}), r), nil
		},
	},
	{
		ID:       0xff03,
		Compress: func(m []byte) ([]byte, error) { return append([]byte{42}, m...), nil },
		Decompress: func(r io.Reader) (io.Reader, error) {
			_, err := io.ReadFull(r, make([]byte, 1))
			return r, err
		},
	},
}

// setCompression has the plan use all of the mocks, or the one that is named.
func (s *session) setCompression(c *tls.Config) error {
	o := &s.plan.offer
	c.CertificateCompression = slices.DeleteFunc(slices.Clone(mocks), func(a tls.CertificateCompression) bool {
		return !o.compress && a.ID != o.compression
	})
	return nil
}
