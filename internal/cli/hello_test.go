package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHelloTakesTheWholeRequest: the answer comes behind all that the client has to say.
func TestHelloTakesTheWholeRequest(t *testing.T) {
	body := strings.NewReader(strings.Repeat("a", 1<<20))
	answer := httptest.NewRecorder()
	HelloHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", body))
	if got := answer.Body.String(); got != Hello || body.Len() != 0 {
		t.Errorf("got %q, and %d bytes are left of the request", got, body.Len())
	}
}
