package observe_test

import (
	"crypto/tls"
	"io"
	"testing"

	"github.com/akushu/akushu/observe"
)

// bulk is a conversation in which the server sends size bytes.
func bulk(t testing.TB, version uint16, size int) *conversation {
	client, server := configs(t, version, "ECDSA")
	return record(t, scene{client: client, server: server, talk: func(t testing.TB, client, server *tls.Conn) {
		go func() {
			server.Write(make([]byte, size))
			server.Close()
		}()
		if n, err := io.Copy(io.Discard, client); n != int64(size) || err != nil {
			t.Errorf("got %d bytes, %v, want %d", n, err, size)
		}
		client.Close()
	}})
}

// How fast a connection is followed: its handshake, and four megabytes of data.
func BenchmarkConn(b *testing.B) {
	for _, row := range []struct {
		name string
		size int
	}{{"handshake", 1}, {"bulk", 4 << 20}} {
		b.Run(row.name, func(b *testing.B) {
			c := bulk(b, tls.VersionTLS13, row.size)
			b.SetBytes(int64(row.size))
			b.ReportAllocs()
			for b.Loop() {
				conn := observe.New(options())
				addKeys(conn, c.keys)
				for _, k := range c.chunks {
					if !k.end {
						conn.Feed(k.dir, observe.At{Time: k.time}, k.data)
					}
				}
				conn.Close(observe.At{}, observe.EndFIN, observe.TCP{})
			}
		})
	}
}
