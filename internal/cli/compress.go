package cli

import (
	"bytes"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/observe"
	"github.com/akushu/akushu/tls"
)

// brotliLevel is the one up to which brotli takes little memory for little data.
const brotliLevel = 6

// maxWindow bounds the memory in bytes that a peer can have Zstandard take.
const maxWindow = 1 << 20

// compressions is the algorithms for certificates, the one that makes them smallest first.
func compressions() []tls.CertificateCompression {
	return []tls.CertificateCompression{
		{ID: uint16(iana.CertCompressionBrotli), Compress: compressBrotli, Decompress: decompressBrotli},
		{ID: uint16(iana.CertCompressionZstd), Compress: compressZstd, Decompress: decompressZstd},
		tls.ZlibCertificates(),
	}
}

// What we use we can also show.
func init() {
	for _, a := range compressions() {
		observe.RegisterCompression(a.ID, a.Decompress)
	}
}

func compressBrotli(message []byte) ([]byte, error) {
	var out bytes.Buffer
	w := brotli.NewWriterLevel(&out, brotliLevel)
	if _, err := w.Write(message); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

func decompressBrotli(compressed io.Reader) (io.Reader, error) {
	return brotli.NewReader(compressed), nil
}

func compressZstd(message []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w.EncodeAll(message, nil), nil
}

func decompressZstd(compressed io.Reader) (io.Reader, error) {
	r, err := zstd.NewReader(compressed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return r.IOReadCloser(), nil
}
