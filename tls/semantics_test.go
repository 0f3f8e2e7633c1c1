package tls_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akushu/akushu/tls"
)

// TestSemantics runs each habit of a crypto/tls connection against crypto/tls and against
// ours, as client and as server, and compares what is seen. Where we differ on purpose, want
// says what ours does.
func TestSemantics(t *testing.T) {
	tests := []struct {
		name string
		// run observes connection c, whose peer is p, both after the handshake.
		run  func(t *testing.T, c, p conn) string
		want string
	}{
		{name: "a Write that timed out breaks the write half for good", run: writeTimeout},
		{name: "a Read that timed out does not break the read half", run: readTimeout},
		{name: "Close beside a blocked Write interrupts it", run: closeBesideWrite},
		{name: "Close sends close_notify, which the peer reads as EOF", run: closeIsEOF},
		{name: "CloseWrite leaves the other direction open", run: closeWrite},
		{name: "EOF between records without close_notify is io.EOF", run: rudeEOF},
		{name: "EOF within a record is io.ErrUnexpectedEOF", run: cutRecord},
		{name: "Read with an empty buffer reads nothing", run: emptyRead},
		{name: "Write of nothing sends nothing", run: emptyWrite},
		{name: "use after Close", run: afterClose},
		{name: "a second Close", run: closeTwice},
		{name: "a reader does not wait for a blocked writer", run: readBesideWrite},
		{name: "a fatal alert is a remote error", run: fatalAlert},
		{name: "state of the connection", run: connectionState},
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		theirs, ours := stacks(t, version)
		for _, tt := range tests {
			for _, role := range []string{"client", "server"} {
				for _, l := range links {
					t.Run(fmt.Sprintf("%s/%s/%s/%s", tls.VersionName(version), role, l.name, tt.name), func(t *testing.T) {
						observe := func(s stack) string {
							c, p := shaken(t, l, s, theirs)
							if role == "server" {
								p, c = shaken(t, l, theirs, s)
							}
							return tt.run(t, c, p)
						}
						want := tt.want
						if want == "" {
							want = observe(theirs)
						}
						if got := observe(ours); got != want {
							t.Errorf("got:\n%s\nwant:\n%s", got, want)
						}
					})
				}
			}
		}
	}
}

// say describes an error as far as programs look at it.
func say(err error) string {
	var timeout net.Error
	var remote *net.OpError
	switch {
	case err == nil:
		return "no error"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "a timeout"
	case errors.Is(err, io.EOF):
		return "io.EOF"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "io.ErrUnexpectedEOF"
	case errors.Is(err, net.ErrClosed):
		return "net.ErrClosed"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return remote.Error()
	}
	return "another error"
}

func lines(all ...string) string { return strings.Join(all, "\n") }

// fill writes until the peer, who does not read, takes no more.
func fill(c conn) error {
	buf := make([]byte, 1<<20)
	for range 100 {
		if _, err := c.Write(buf); err != nil {
			return err
		}
	}
	return errors.New("the peer takes everything")
}

func writeTimeout(_ *testing.T, c, _ conn) string {
	c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	first := fill(c)
	c.SetWriteDeadline(time.Time{})
	_, second := c.Write([]byte("more"))
	return lines(say(first), say(second))
}

func readTimeout(_ *testing.T, c, p conn) string {
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	buf := make([]byte, 16)
	_, first := c.Read(buf)
	c.SetReadDeadline(time.Time{})
	p.Write([]byte("late"))
	n, second := c.Read(buf)
	return lines(say(first), fmt.Sprintf("is a deadline: %v", errors.Is(first, os.ErrDeadlineExceeded)), string(buf[:n]), say(second))
}

func closeBesideWrite(_ *testing.T, c, _ conn) string {
	done := make(chan error, 1)
	go func() { done <- fill(c) }()
	time.Sleep(50 * time.Millisecond)
	begin := time.Now()
	c.Close()
	if took := time.Since(begin); took > 3*time.Second {
		return fmt.Sprintf("Close took %v", took)
	}
	return say(<-done)
}

func closeIsEOF(_ *testing.T, c, p conn) string {
	c.Write([]byte("bye"))
	closed := c.Close()
	all, err := io.ReadAll(p)
	return lines(say(closed), string(all), say(err))
}

func closeWrite(_ *testing.T, c, p conn) string {
	closed := c.CloseWrite()
	_, again := c.Write([]byte("more"))
	_, eof := p.Read(make([]byte, 1))
	_, err := p.Write([]byte("still there"))
	buf := make([]byte, 16)
	n, readErr := c.Read(buf)
	return lines(say(closed), fmt.Sprint(again), say(eof), say(err), string(buf[:n]), say(readErr))
}

func rudeEOF(_ *testing.T, c, p conn) string {
	p.NetConn().Close()
	_, err := c.Read(make([]byte, 1))
	_, again := c.Read(make([]byte, 1))
	return lines(fmt.Sprint(err), fmt.Sprint(again), fmt.Sprint(err == io.EOF))
}

func cutRecord(_ *testing.T, c, p conn) string {
	p.NetConn().Write([]byte{23, 3, 3, 0, 100, 1, 2, 3})
	p.NetConn().Close()
	_, err := c.Read(make([]byte, 1))
	return say(err)
}

func emptyRead(_ *testing.T, c, p conn) string {
	n, err := c.Read(nil)
	p.Write([]byte("x"))
	m, second := c.Read(make([]byte, 4))
	return fmt.Sprint(n, err, m, second)
}

func emptyWrite(_ *testing.T, c, p conn) string {
	n, err := c.Write(nil)
	c.Write([]byte("x"))
	buf := make([]byte, 4)
	m, second := p.Read(buf)
	return fmt.Sprint(n, err, m, second)
}

func afterClose(_ *testing.T, c, _ conn) string {
	c.Close()
	_, read := c.Read(make([]byte, 1))
	_, write := c.Write([]byte("x"))
	return lines(say(read), say(write))
}

func closeTwice(_ *testing.T, c, _ conn) string {
	first, second := c.Close(), c.Close()
	return lines(say(first), say(second))
}

func readBesideWrite(_ *testing.T, c, p conn) string {
	writing := make(chan struct{})
	go func() {
		fill(c)
		close(writing)
	}()
	time.Sleep(50 * time.Millisecond)
	p.Write([]byte("hello"))
	buf := make([]byte, 16)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := c.Read(buf)
	c.Close()
	<-writing
	return lines(string(buf[:n]), say(err))
}

// fatalAlert has the peer meet a record that it cannot open, so that it sends an alert.
func fatalAlert(_ *testing.T, c, p conn) string {
	c.NetConn().Write([]byte{23, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8})
	p.Read(make([]byte, 1))
	_, err := c.Read(make([]byte, 1))
	return say(err)
}

func connectionState(_ *testing.T, c, p conn) string {
	s, theirs := c.ConnectionState(), p.ConnectionState()
	mine, err := s.ExportKeyingMaterial("EXPORTER-akushu", []byte("x"), 16)
	peer, peerErr := theirs.ExportKeyingMaterial("EXPORTER-akushu", []byte("x"), 16)
	return lines(
		fmt.Sprint(s.HandshakeComplete, s.Version, s.NegotiatedProtocol, s.DidResume, s.HelloRetryRequest, s.ECHAccepted),
		fmt.Sprint(len(s.PeerCertificates), len(s.VerifiedChains), s.CurveID, s.ServerName),
		fmt.Sprint(len(s.TLSUnique), string(s.TLSUnique) == string(theirs.TLSUnique)),
		say(err), say(peerErr), fmt.Sprint(string(mine) == string(peer), len(mine)),
	)
}

// TestHandshakeSemantics does the same for what happens before the handshake is complete.
func TestHandshakeSemantics(t *testing.T) {
	tests := []struct {
		name string
		// run observes connection c, whose peer has said nothing yet: raw is its socket.
		run  func(t *testing.T, c conn, raw net.Conn) string
		want string
	}{
		{name: "CloseWrite before the handshake is an error", run: func(_ *testing.T, c conn, _ net.Conn) string {
			return fmt.Sprint(c.CloseWrite())
		}},
		{name: "Close unblocks a handshake", run: func(_ *testing.T, c conn, _ net.Conn) string {
			done := make(chan error, 1)
			go func() { done <- c.Handshake() }()
			time.Sleep(30 * time.Millisecond)
			c.Close()
			return say(<-done)
		}},
		{name: "HandshakeContext cancels, and closes the connection", run: func(_ *testing.T, c conn, raw net.Conn) string {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
			defer cancel()
			err := c.HandshakeContext(ctx)
			raw.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, eof := io.Copy(io.Discard, raw)
			return lines(fmt.Sprint(err), say(eof))
		}},
		{name: "a context that has ended", run: func(_ *testing.T, c conn, _ net.Conn) string {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return fmt.Sprint(c.HandshakeContext(ctx))
		}},
		{name: "a deadline ends a stalled handshake, for good", run: func(_ *testing.T, c conn, _ net.Conn) string {
			c.SetDeadline(time.Now().Add(30 * time.Millisecond))
			first := c.Handshake()
			c.SetDeadline(time.Time{})
			_, read := c.Read(make([]byte, 1))
			return lines(say(first), say(c.Handshake()), say(read))
		}},
		{name: "concurrent calls share one run and its error", run: func(_ *testing.T, c conn, raw net.Conn) string {
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() { errs[i] = c.Handshake() })
			}
			time.Sleep(30 * time.Millisecond)
			raw.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // alert: fatal, handshake_failure
			wg.Wait()
			for _, err := range errs {
				if err == nil || err.Error() != errs[0].Error() {
					return fmt.Sprintf("%v and %v", errs[0], err)
				}
			}
			return lines(errs[0].Error(), fmt.Sprint(c.Handshake() == errs[0]))
		}},
		{name: "the peer goes away", run: func(_ *testing.T, c conn, raw net.Conn) string {
			raw.Close()
			return say(c.Handshake())
		}},
		{name: "nothing is known before", run: func(_ *testing.T, c conn, _ net.Conn) string {
			s := c.ConnectionState()
			return fmt.Sprint(s.HandshakeComplete, s.Version, len(s.PeerCertificates), c.OCSPResponse())
		}},
	}
	theirs, ours := stacks(t, tls.VersionTLS13)
	for _, tt := range tests {
		for _, role := range []string{"client", "server"} {
			for _, l := range links {
				t.Run(role+"/"+l.name+"/"+tt.name, func(t *testing.T) {
					observe := func(s stack) string {
						rawC, rawS := l.join(t)
						if role == "client" {
							return tt.run(t, s.client(rawC), rawS)
						}
						return tt.run(t, s.server(rawS), rawC)
					}
					want := tt.want
					if want == "" {
						want = observe(theirs)
					}
					if got := observe(ours); got != want {
						t.Errorf("got:\n%s\nwant:\n%s", got, want)
					}
				})
			}
		}
	}
}
