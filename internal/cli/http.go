package cli

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/akushu/akushu/tls"
)

// Hello is what akushu's servers answer.
const Hello = "Hello World!\n"

// HelloHandler answers every request with Hello, once it has all of it: curl takes it for an error of HTTP/2 when the
// answer comes in the middle of what it sends.
func HelloHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(Hello))
	})
}

// lent is a connection that its borrower does not close: whoever lent it does.
type lent struct{ *tls.Conn }

// Close leaves the connection open.
func (lent) Close() error { return nil }

// Get requests path of host over conn, in the version of HTTP that was negotiated. The
// connection can be used for nothing else afterwards.
func Get(ctx context.Context, conn *tls.Conn, host, path string) (*http.Response, error) {
	h2 := conn.ConnectionState().NegotiatedProtocol == "h2"
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!h2)
	protocols.SetUnencryptedHTTP2(h2) // over our TLS, which net/http does not know as such
	transport := &http.Transport{
		Protocols:          protocols,
		DisableCompression: true, // what is shown is what was sent
		DisableKeepAlives:  !h2,
		DialTLSContext:     func(context.Context, string, string) (net.Conn, error) { return lent{conn}, nil },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "akushu")
	return transport.RoundTrip(req)
}
