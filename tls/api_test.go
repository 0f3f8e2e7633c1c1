package tls

import (
	"cmp"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	std "crypto/tls"

	"github.com/akushu/akushu/internal/suite"
)

// How this package stands to an exported identifier of crypto/tls. Any other text says
// why it is absent.
const (
	alias = "alias" // the same thing
	ours  = "ours"  // our own, under the same name
)

const (
	noTicketKey = "deprecated in crypto/tls; SetSessionTicketKeys does it"
	noECH       = "there is no Encrypted Client Hello yet"
	noQUIC      = "there is no QUIC yet"
	deprecated  = "deprecated in crypto/tls; Certificates and GetCertificate do it"
	noEffect    = "it has no effect in crypto/tls"
)

// identifiers is every exported identifier of crypto/tls; for families of constants the
// beginning of their names.
var identifiers = map[string]string{
	"AlertError": alias, "Certificate": alias, "CertificateRequestInfo": alias, "CertificateVerificationError": alias,
	"CipherSuite": alias, "ClientHelloInfo": alias, "ConnectionState": alias, "CurveID": alias,
	"RecordHeaderError": alias, "RenegotiationSupport": alias, "SignatureScheme": alias,

	"TLS_*": alias, "VersionTLS*": alias, "Curve*": alias, "X25519*": alias, "SecP*": alias,
	"PKCS1*": alias, "PSS*": alias, "ECDSA*": alias, "Ed25519": alias, "Renegotiate*": alias,
	"VersionSSL30": ours, // a number, since crypto/tls's is deprecated

	"Client": ours, "Conn": ours, "Dial": ours, "DialWithDialer": ours, "Dialer": ours, "Listen": ours, "NewListener": ours, "Server": ours,
	"Config": ours, "CipherSuites": ours, "InsecureCipherSuites": ours, "CipherSuiteName": ours,
	"VersionName": ours, "X509KeyPair": ours, "LoadX509KeyPair": ours,

	"ClientAuthType": alias, "NoClientCert": alias, "RequestClientCert": alias,
	"RequireAnyClientCert": alias, "VerifyClientCertIfGiven": alias, "RequireAndVerifyClientCert": alias,
	"ClientSessionCache": ours, "ClientSessionState": ours, "NewLRUClientSessionCache": ours,
	"NewResumptionState": ours, "ParseSessionState": ours, "SessionState": ours,
	"EncryptedClientHelloKey": noECH, "ECHRejectionError": noECH,
	"QUIC*": noQUIC,
}

func TestIdentifiers(t *testing.T) {
	theirs, here := declared(t, stdDir(t)), declared(t, ".")
	matched := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		row := rowFor(name)
		matched[row] = true
		got := cmp.Or(here[name], "absent")
		want, known := identifiers[row]
		switch {
		case !known:
			t.Errorf("%s: crypto/tls has it, identifiers does not say what it is here", name)
		case want != alias && want != ours && got != "absent":
			t.Errorf("%s: got %s, want it absent, because: %s", name, got, want)
		case (want == alias || want == ours) && got != want:
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for row := range identifiers {
		if !matched[row] {
			t.Errorf("%s: in identifiers, but crypto/tls has nothing like it", row)
		}
	}
}

// rowFor returns the key of identifiers that name belongs to: itself, else the longest
// beginning that is there.
func rowFor(name string) string {
	if _, ok := identifiers[name]; ok {
		return name
	}
	for n := len(name); n > 0; n-- {
		if _, ok := identifiers[name[:n]+"*"]; ok {
			return name[:n] + "*"
		}
	}
	return name
}

// declared returns the exported identifiers of the package in dir, and whether each is an
// alias of crypto/tls's.
func declared(t *testing.T, dir string) map[string]string {
	t.Helper()
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range pkg.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			for name, kind := range identifiersOf(decl) {
				if ast.IsExported(name) {
					found[name] = kind
				}
			}
		}
	}
	return found
}

func identifiersOf(decl ast.Decl) map[string]string {
	found := map[string]string{}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			found[d.Name.Name] = ours
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				found[s.Name.Name] = kindOf(s.Name.Name, s.Type)
				if !s.Assign.IsValid() {
					found[s.Name.Name] = ours
				}
			case *ast.ValueSpec:
				for i, name := range s.Names {
					found[name.Name] = ours
					if i < len(s.Values) {
						found[name.Name] = kindOf(name.Name, s.Values[i])
					}
				}
			}
		}
	}
	return found
}

// kindOf reports whether e is crypto/tls's thing of the same name.
func kindOf(name string, e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok && s.Sel.Name == name {
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "std" {
			return alias
		}
	}
	return ours
}

func stdDir(t *testing.T) string {
	t.Helper()
	pkg, err := build.Import("crypto/tls", "", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	return pkg.Dir
}

// configFields is the fields of crypto/tls's Config that ours does not have; all others it
// has, with the same type; where that names Config, ours.
var configFields = map[string]string{
	"NameToCertificate": deprecated, "PreferServerCipherSuites": noEffect,
	"SessionTicketKey":               noTicketKey,
	"EncryptedClientHelloConfigList": noECH, "EncryptedClientHelloRejectionVerify": noECH,
	"GetEncryptedClientHelloKeys": noECH, "EncryptedClientHelloKeys": noECH,
}

// configMethods is the methods of crypto/tls's Config that ours does not have.
var configMethods = map[string]string{
	"BuildNameToCertificate": deprecated,
}

func TestConfigFields(t *testing.T) {
	theirs, here := reflect.TypeFor[std.Config](), reflect.TypeFor[Config]()
	for f := range theirs.Fields() {
		if !f.IsExported() {
			continue
		}
		mine, exists := here.FieldByName(f.Name)
		reason, absent := configFields[f.Name]
		switch {
		case exists && absent:
			t.Errorf("%s: got a field, want none, because: %s", f.Name, reason)
		case !exists && !absent:
			t.Errorf("%s: got no field and no reason", f.Name)
		case exists && mine.Type.String() != f.Type.String():
			t.Errorf("%s: got %v, want %v", f.Name, mine.Type, f.Type)
		}
	}
	for name := range configFields {
		if _, ok := theirs.FieldByName(name); !ok {
			t.Errorf("%s: in configFields, but crypto/tls's Config does not have it", name)
		}
	}
}

func TestConfigMethods(t *testing.T) {
	theirs, here := reflect.TypeFor[*std.Config](), reflect.TypeFor[*Config]()
	for m := range theirs.Methods() {
		_, exists := here.MethodByName(m.Name)
		if reason, absent := configMethods[m.Name]; exists == absent {
			t.Errorf("%s: got it here: %v; reason for its absence: %q", m.Name, exists, reason)
		}
	}
}

// Conn and Dialer have all that crypto/tls's have, with the same types.
func TestConnAndDialer(t *testing.T) {
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[*std.Conn](), reflect.TypeFor[*Conn]()},
		{reflect.TypeFor[*std.Dialer](), reflect.TypeFor[*Dialer]()},
	} {
		theirs, here := pair[0], pair[1]
		for m := range theirs.Methods() {
			mine, ok := here.MethodByName(m.Name)
			if !ok || signature(mine) != signature(m) {
				t.Errorf("%v.%s: got %v, want %v", here, m.Name, mine.Type, m.Type)
			}
		}
		for f := range theirs.Elem().Fields() {
			if mine, ok := here.Elem().FieldByName(f.Name); f.IsExported() && (!ok || mine.Type.String() != f.Type.String()) {
				t.Errorf("%v.%s: got %v, want %v", here, f.Name, mine.Type, f.Type)
			}
		}
	}
}

// signature is a method's type without its receiver.
func signature(m reflect.Method) string {
	_, rest, _ := strings.Cut(m.Type.String(), m.Type.In(0).String())
	return rest
}

// Numbers and names are crypto/tls's.
func TestCipherSuites(t *testing.T) {
	names := map[uint16]string{}
	for _, s := range slices.Concat(std.CipherSuites(), std.InsecureCipherSuites()) {
		names[s.ID] = s.Name
		if got := CipherSuiteName(s.ID); got != s.Name {
			t.Errorf("CipherSuiteName(0x%04x): got %s, want %s", s.ID, got, s.Name)
		}
	}
	for _, s := range CipherSuites() {
		if s.Insecure || names[s.ID] != s.Name || len(s.SupportedVersions) != 1 {
			t.Errorf("got %+v, want a suite of one version under its name %q", s, names[s.ID])
		}
	}
	if got := len(CipherSuites()); got != 9 {
		t.Errorf("got %d suites, want 9: three AEADs in TLS 1.3, and with two kinds of certificate in TLS 1.2", got)
	}
	if !slices.IsSortedFunc(CipherSuites(), func(a, b *CipherSuite) int { return int(a.ID) - int(b.ID) }) {
		t.Error("got suites out of order, want them by ID")
	}
	for _, s := range InsecureCipherSuites() {
		if _, err := (&Config{CipherSuites: []uint16{s.ID}, MinVersion: VersionTLS10, InsecureSkipVerify: true}).client(""); err != nil || !s.Insecure {
			t.Errorf("%s: got %+v, %v, want an insecure suite that can be asked for", s.Name, s, err)
		}
	}
	if got, want := len(InsecureCipherSuites())+len(CipherSuites()), len(suite.Usable()); got != want {
		t.Errorf("got %d suites in both lists, want all %d", got, want)
	}
	if got, want := CipherSuiteName(0xfefe), std.CipherSuiteName(0xfefe); got != want {
		t.Errorf("unknown suite: got %s, want %s", got, want)
	}
}

func TestVersionName(t *testing.T) {
	for _, v := range []uint16{VersionSSL30, VersionTLS10, VersionTLS12, VersionTLS13, 0x7f17} {
		if got, want := VersionName(v), std.VersionName(v); got != want {
			t.Errorf("0x%04x: got %s, want %s", v, got, want)
		}
	}
}
