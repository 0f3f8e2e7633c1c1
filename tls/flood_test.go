package tls

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// TestFloods sends as much of what brings nothing as is taken, and one more.
func TestFloods(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kind    flood
		version uint16
		send    func(*outHalf) error
	}{
		{"empty records", floodEmpty, VersionTLS12, func(h *outHalf) error { return h.records.WriteRecord(iana.ContentApplicationData, nil) }},
		{"empty records", floodEmpty, VersionTLS13, func(h *outHalf) error { return h.records.WriteRecord(iana.ContentApplicationData, nil) }},
		{"warnings", floodAlert, VersionTLS12, func(h *outHalf) error {
			return h.records.WriteRecord(iana.ContentAlert, []byte{byte(iana.AlertLevelWarning), byte(iana.AlertUnexpectedMessage)})
		}},
		{"user_canceled", floodAlert, VersionTLS13, func(h *outHalf) error {
			return h.records.WriteRecord(iana.ContentAlert, []byte{byte(iana.AlertLevelWarning), byte(iana.AlertUserCanceled)})
		}},
		{"KeyUpdate", floodKeyUpdate, VersionTLS13, func(h *outHalf) error { return h.updateKeys(false) }},
		{"HelloRequest", floodMessage, VersionTLS12, func(h *outHalf) error {
			return h.records.WriteMessage([]byte{byte(iana.HandshakeHelloRequest), 0, 0, 0})
		}},
	} {
		t.Run(tt.name+"/"+VersionName(tt.version), func(t *testing.T) {
			most := int(mostOf[tt.kind].most)
			for _, n := range []int{most, most + 1} {
				err := flooded(t, tt.version, n, tt.send)
				var fact *alert.Error
				refused := errors.As(err, &fact) && fact.Alert == iana.AlertUnexpectedMessage
				if n == most && err != nil || n > most && !refused {
					t.Errorf("%d of them: got %v", n, err)
				}
			}
		})
	}
}

// flooded has a server send n of something, then data, then that again, and returns what a
// client's reading of the data came to.
func flooded(t *testing.T, version uint16, n int, send func(*outHalf) error) error {
	t.Helper()
	clientRaw, serverRaw := net.Pipe()
	defer clientRaw.Close()
	defer serverRaw.Close()
	config := &Config{Certificates: []Certificate{certificate(t, keyP256(), "localhost")}, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
	client, server := Client(clientRaw, config), Server(serverRaw, config)
	go func() {
		if server.Handshake() != nil {
			return
		}
		go io.Copy(io.Discard, serverRaw) // what the client says about it
		for range 2 {
			for range n {
				_ = send(&server.out)
			}
			_, _ = server.out.records.Write([]byte("x"))
		}
	}()
	_, err := io.ReadFull(client, make([]byte, 2))
	return err
}
