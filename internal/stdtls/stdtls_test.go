package stdtls

import (
	"context"
	"crypto/tls"
	"reflect"
	"testing"
	"unsafe"
)

// This test fails when a Go release moves the fields to another struct or renames them:
// then find the new names in crypto/tls and put them here.
func TestFieldsAreWhereTheyWere(t *testing.T) {
	for name, at := range map[string]place{
		"ConnectionState.ekm":        exporter(),
		"ClientHelloInfo.ctx":        helloContext(),
		"CertificateRequestInfo.ctx": requestContext(),
	} {
		if !at.found || !at.named {
			t.Errorf("%s: got found %v, by its name %v, want both", name, at.found, at.named)
		}
	}
}

func TestSetExporter(t *testing.T) {
	state := tls.ConnectionState{Version: tls.VersionTLS13, ServerName: "a.example"}
	before := state
	ok := SetExporter(&state, func(label string, context []byte, length int) ([]byte, error) {
		return append([]byte(label), context...)[:length], nil
	})
	got, err := state.ExportKeyingMaterial("label", []byte("+context"), 7)
	if !ok || err != nil || string(got) != "label+c" {
		t.Errorf("got %v, %q, %v, want our exporter's label+c", ok, got, err)
	}
	SetExporter(&state, nil)
	if !reflect.DeepEqual(state, before) {
		t.Errorf("got %+v, want nothing but the exporter changed: %+v", state, before)
	}
}

func TestSetContexts(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "ours")
	hello := tls.ClientHelloInfo{ServerName: "a.example"}
	request := tls.CertificateRequestInfo{Version: tls.VersionTLS12}
	if !SetHelloContext(&hello, ctx) || hello.Context() != ctx || hello.ServerName != "a.example" {
		t.Errorf("ClientHelloInfo: got %+v, want our context and nothing else changed", hello)
	}
	if !SetRequestContext(&request, ctx) || request.Context() != ctx || request.Version != tls.VersionTLS12 {
		t.Errorf("CertificateRequestInfo: got %+v, want our context and nothing else changed", request)
	}
}

func TestFindFallsBack(t *testing.T) {
	type F func() int
	type Embedded struct{ B F }
	word := reflect.TypeFor[F]().Size()
	for _, tc := range []struct {
		what string
		in   reflect.Type
		want place
	}{
		{"as expected", reflect.TypeFor[struct{ a, b F }](), place{word, true, true}},
		{"renamed", reflect.TypeFor[struct {
			n uintptr
			z F
			E F
		}](), place{word, true, false}},
		{"ambiguous", reflect.TypeFor[struct{ y, z F }](), place{}},
		{"of another type", reflect.TypeFor[struct{ b func() }](), place{}},
		{"embedded", reflect.TypeFor[struct{ Embedded }](), place{}},
	} {
		if got := find(tc.in, reflect.TypeFor[F](), "b"); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.what, got, tc.want)
		}
	}
}

func TestSetWithoutPlace(t *testing.T) {
	state := tls.ConnectionState{ServerName: "a.example"}
	if set(unsafe.Pointer(&state), place{}, "written") || state.ServerName != "a.example" {
		t.Errorf("got %q, want nothing written and false", state.ServerName)
	}
}
