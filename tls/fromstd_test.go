package tls

import (
	"crypto/rand"
	"crypto/x509"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	std "crypto/tls"

	"github.com/google/go-cmp/cmp"
)

// stdFields is what becomes of each field of crypto/tls's Config: a value for it, and
// whether that is carried or named.
var stdFields = map[string]struct {
	value any
	fate  string // carried, named or moot
}{
	"Rand":                        {rand.Reader, carried},
	"Time":                        {time.Now, carried},
	"Certificates":                {[]Certificate{{}}, carried},
	"GetCertificate":              {func(*ClientHelloInfo) (*Certificate, error) { return nil, nil }, carried},
	"GetClientCertificate":        {func(*CertificateRequestInfo) (*Certificate, error) { return nil, nil }, carried},
	"GetConfigForClient":          {func(*ClientHelloInfo) (*std.Config, error) { return nil, nil }, carried},
	"VerifyPeerCertificate":       {func([][]byte, [][]*x509.Certificate) error { return nil }, carried},
	"VerifyConnection":            {func(ConnectionState) error { return nil }, carried},
	"RootCAs":                     {x509.NewCertPool(), carried},
	"NextProtos":                  {[]string{"h2"}, carried},
	"ServerName":                  {"a.example", carried},
	"InsecureSkipVerify":          {true, carried},
	"CipherSuites":                {[]uint16{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, carried},
	"MinVersion":                  {uint16(VersionTLS12), carried},
	"MaxVersion":                  {uint16(VersionTLS12), carried},
	"CurvePreferences":            {[]CurveID{CurveP256}, carried},
	"DynamicRecordSizingDisabled": {true, carried},
	"KeyLogWriter":                {io.Discard, carried},
	"SessionTicketsDisabled":      {true, carried},

	"Renegotiation":                       {RenegotiateOnceAsClient, carried},
	"NameToCertificate":                   {map[string]*Certificate{}, named},
	"ClientAuth":                          {std.RequestClientCert, carried},
	"ClientCAs":                           {x509.NewCertPool(), carried},
	"SessionTicketKey":                    {[32]byte{1}, named},
	"ClientSessionCache":                  {std.NewLRUClientSessionCache(1), named},
	"UnwrapSession":                       {func([]byte, ConnectionState) (*std.SessionState, error) { return nil, nil }, named},
	"WrapSession":                         {func(ConnectionState, *std.SessionState) ([]byte, error) { return nil, nil }, named},
	"EncryptedClientHelloConfigList":      {[]byte{1}, named},
	"EncryptedClientHelloRejectionVerify": {func(ConnectionState) error { return nil }, named},
	"GetEncryptedClientHelloKeys":         {func(*ClientHelloInfo) ([]std.EncryptedClientHelloKey, error) { return nil, nil }, named},
	"EncryptedClientHelloKeys":            {[]std.EncryptedClientHelloKey{{}}, named},
	"sessionTicketKeys":                   {nil, named}, // see TestFromStdTicketKeys

	"PreferServerCipherSuites": {true, moot},
	"autoSessionTicketKeys":    {nil, moot},
	"mutex":                    {nil, moot},
}

const (
	carried = "carried"
	named   = "named"
	moot    = "moot" // nothing is lost without it
)

func TestFromStdFieldByField(t *testing.T) {
	for f := range reflect.TypeFor[std.Config]().Fields() {
		row, known := stdFields[f.Name]
		if !known {
			t.Errorf("%s: crypto/tls's Config has it, stdFields does not say what becomes of it", f.Name)
			continue
		}
		if !f.IsExported() {
			continue
		}
		from := new(std.Config)
		reflect.ValueOf(from).Elem().FieldByName(f.Name).Set(reflect.ValueOf(row.value))
		to, err := FromStd(from)
		if row.fate == named {
			if to != nil || err == nil || !strings.Contains(err.Error(), f.Name) {
				t.Errorf("%s: got %v, %v, want an error that names it", f.Name, to, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: got %v, want it %s", f.Name, err, row.fate)
			continue
		}
		set := reflect.ValueOf(to).Elem()
		for g := range set.Type().Fields() {
			if full := !set.FieldByName(g.Name).IsZero(); full != (g.Name == f.Name && row.fate == carried) {
				t.Errorf("%s: got %s set: %v, want that one alone, if it is carried", f.Name, g.Name, full)
			}
		}
	}
}

// A Config that was carried over has the values, not just some.
func TestFromStdCarriesValues(t *testing.T) {
	from := &std.Config{
		ServerName: "a.example", NextProtos: []string{"h2"}, MinVersion: VersionTLS12, MaxVersion: VersionTLS13,
		RootCAs: x509.NewCertPool(), KeyLogWriter: io.Discard, InsecureSkipVerify: true,
	}
	to := must(FromStd(from))
	if to.ServerName != "a.example" || to.NextProtos[0] != "h2" || to.MinVersion != VersionTLS12 || to.MaxVersion != VersionTLS13 ||
		to.RootCAs != from.RootCAs || to.KeyLogWriter != from.KeyLogWriter || !to.InsecureSkipVerify {
		t.Errorf("got %+v, want every value of %+v", to, from)
	}
	if c, err := FromStd(nil); c != nil || err != nil {
		t.Errorf("nil: got %v, %v, want nil", c, err)
	}
}

func TestFromStdNamesAll(t *testing.T) {
	_, err := FromStd(&std.Config{
		ClientSessionCache: std.NewLRUClientSessionCache(1), MinVersion: VersionSSL30, MaxVersion: 2,
		CipherSuites:     []uint16{TLS_RSA_WITH_RC4_128_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
		CurvePreferences: []CurveID{SecP384r1MLKEM1024, CurveP256},
	})
	want := "tls: these fields of a crypto/tls.Config cannot be carried over: " +
		"CipherSuites (without TLS_RSA_WITH_RC4_128_SHA), ClientSessionCache, " +
		"MinVersion (SSLv3), MaxVersion (0x0002), CurvePreferences (without SecP384r1MLKEM1024)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Lists come out as crypto/tls would use them.
func TestFromStdLists(t *testing.T) {
	for _, tc := range []struct {
		what string
		from *std.Config
		want policyNames
	}{
		{"defaults", &std.Config{}, policyNames{bothVersions, defaultSuites, allGroups, ""}},
		{"order is not kept", &std.Config{
			CipherSuites:     []uint16{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
			CurvePreferences: []CurveID{CurveP256, X25519},
		}, policyNames{bothVersions, suites13 + " ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE_RSA_WITH_AES_128_GCM_SHA256", "x25519 secp256r1", ""}},
		{"TLS 1.3 is not restricted", &std.Config{CipherSuites: []uint16{TLS_AES_256_GCM_SHA384}}, policyNames{only13, suites13, allGroups, ""}},
		{"nor by an empty list", &std.Config{CipherSuites: []uint16{}}, policyNames{only13, suites13, allGroups, ""}},
		{"what crypto/tls does not know has no effect", &std.Config{CipherSuites: []uint16{0xfefe}}, policyNames{only13, suites13, allGroups, ""}},
		{"a bound above all versions", &std.Config{MaxVersion: 0x0399}, policyNames{bothVersions, defaultSuites, allGroups, ""}},
	} {
		cfg := must(must(FromStd(tc.from)).client("a.example"))
		if diff := cmp.Diff(tc.want, namesOf(&cfg.Policy)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.what, diff)
		}
	}
}

func TestFromStdGetConfigForClient(t *testing.T) {
	tenant, bad := &std.Config{NextProtos: []string{"tenant"}}, &std.Config{ClientSessionCache: std.NewLRUClientSessionCache(1)}
	c := must(FromStd(&std.Config{GetConfigForClient: func(hello *ClientHelloInfo) (*std.Config, error) {
		switch hello.ServerName {
		case "tenant.example":
			return tenant, nil
		case "bad.example":
			return bad, nil
		case "error.example":
			return tenant, io.ErrUnexpectedEOF
		}
		return nil, nil
	}}))
	ask := func(name string) (*Config, error) { return c.GetConfigForClient(&ClientHelloInfo{ServerName: name}) }
	first, err := ask("tenant.example")
	if err != nil || first.NextProtos[0] != "tenant" {
		t.Errorf("got %v, %v, want the tenant's Config", first, err)
	}
	if again, _ := ask("tenant.example"); again != first {
		t.Error("the same once more: got another Config, want the first, which is resolved already")
	}
	if got, err := ask("other.example"); got != nil || err != nil {
		t.Errorf("none: got %v, %v, want none", got, err)
	}
	if got, err := ask("error.example"); got != nil || err != io.ErrUnexpectedEOF {
		t.Errorf("error: got %v, %v, want the callback's", got, err)
	}
	if _, err := ask("bad.example"); err == nil || !strings.Contains(err.Error(), "ClientSessionCache") {
		t.Errorf("what cannot be carried: got %v, want it named", err)
	}
}

func TestFromStdTicketKeys(t *testing.T) {
	set := new(std.Config)
	set.SetSessionTicketKeys([][32]byte{{1}})
	if _, err := FromStd(set); err == nil || !strings.Contains(err.Error(), "SetSessionTicketKeys") {
		t.Errorf("got %v, want SetSessionTicketKeys named", err)
	}
	// A server that made up its keys itself leaves nothing to carry.
	used := &std.Config{Certificates: []Certificate{parsed(t, keyP256(), "a.example")}}
	if _, err := used.EncryptTicket(ConnectionState{}, new(std.SessionState)); err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 that is what crypto/tls fills
	if used.SessionTicketKey == [32]byte{} {
		t.Error("crypto/tls no longer fills SessionTicketKey; ticketKeyFromStd need not look for that")
	}
	if _, err := FromStd(used); err != nil {
		t.Errorf("keys of its own making: got %v, want none", err)
	}
}
