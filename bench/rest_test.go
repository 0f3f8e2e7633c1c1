package bench

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
)

// connections is how many connections memory is measured with.
const connections = 1000

// heap returns the bytes of live heap.
func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// atRest measures the heap of one server's end of a connection, peers freed: open makes a
// pair of ends and brings them to where they are to be measured.
func atRest(t testing.TB, open func() (server any, peer func())) float64 {
	t.Helper()
	ends := make([]any, connections)
	warm, drop := open()
	_ = warm
	drop()
	peers := make([]func(), connections)
	before := heap()
	for i := range ends {
		ends[i], peers[i] = open()
	}
	for _, drop := range peers {
		drop()
	}
	clear(peers)
	after := heap()
	runtime.KeepAlive(ends)
	for _, e := range ends {
		e.(net.Conn).Close()
	}
	return (float64(after) - float64(before)) / connections
}

// BenchmarkRest reports how much heap a server's end of an idle connection holds beyond
// bare TCP, fresh and after 16 KiB were received. A goroutine blocked in Read is not
// counted: it is the program's.
func BenchmarkRest(b *testing.B) {
	for _, v := range versions {
		for _, received := range []int{0, 16 << 10} {
			for _, s := range stacks(b, v.id) {
				b.Run(fmt.Sprintf("%s/%s/received_%d", v.name, s.name, received), func(b *testing.B) {
					dial := loopback(b)
					var beyond float64
					for b.Loop() {
						bare := atRest(b, func() (any, func()) {
							c, srv := dial()
							return srv, func() { c.Close() }
						})
						with := atRest(b, func() (any, func()) {
							rawC, rawS := dial()
							client, server := s.client(rawC), s.server(rawS)
							shake(b, client, server)
							receive(b, client, server, received)
							return server, func() { rawC.Close() }
						})
						beyond = with - bare
					}
					b.ReportMetric(beyond, "B/conn")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// receive has the server read n bytes.
func receive(t testing.TB, client, server net.Conn, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	go client.Write(make([]byte, n))
	if _, err := io.ReadFull(server, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}
