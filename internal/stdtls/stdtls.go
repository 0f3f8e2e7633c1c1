// Package stdtls fills the unexported fields of crypto/tls's types that carry behaviour:
// the exporter of a ConnectionState, the contexts of ClientHelloInfo and
// CertificateRequestInfo. Our API hands out these types, because programs and libraries
// name them; a value that is made outside of crypto/tls has nil there, and its
// ExportKeyingMaterial would panic.
//
// A field is looked up by name and type, once, by reflection, and written at the offset
// that was found: nothing is assumed of where it stands. A Go release that renames one
// makes this package's tests fail. Until then the lookup falls back to the one
// unexported field of the right type; where there is no such field or more than one,
// nothing is written and the setter reports false. What is lost then is exactly
// crypto/tls's method (ExportKeyingMaterial panics, Context returns nil);
// Conn.ExportKeyingMaterial of our own does not come by here.
package stdtls

import (
	"context"
	"crypto/tls"
	"reflect"
	"sync"
	"unsafe"
)

// Exporter is the type of the function behind ConnectionState.ExportKeyingMaterial.
type Exporter = func(label string, context []byte, length int) ([]byte, error)

var (
	exporter       = field[tls.ConnectionState, Exporter]("ekm")
	helloContext   = field[tls.ClientHelloInfo, context.Context]("ctx")
	requestContext = field[tls.CertificateRequestInfo, context.Context]("ctx")
)

// SetExporter makes export what state.ExportKeyingMaterial calls, and reports whether it
// could.
func SetExporter(state *tls.ConnectionState, export Exporter) bool {
	return set(unsafe.Pointer(state), exporter(), export)
}

// SetHelloContext makes ctx what info.Context returns, and reports whether it could.
func SetHelloContext(info *tls.ClientHelloInfo, ctx context.Context) bool {
	return set(unsafe.Pointer(info), helloContext(), ctx)
}

// SetRequestContext makes ctx what info.Context returns, and reports whether it could.
func SetRequestContext(info *tls.CertificateRequestInfo, ctx context.Context) bool {
	return set(unsafe.Pointer(info), requestContext(), ctx)
}

// place is where a field stands in its struct, if anywhere.
type place struct {
	offset uintptr
	found  bool
	named  bool // it has the name that it is expected to have
}

// field returns a function that finds the field of S that has type F and this name.
func field[S, F any](name string) func() place {
	return sync.OnceValue(func() place { return find(reflect.TypeFor[S](), reflect.TypeFor[F](), name) })
}

// find looks for a field by name and type, else for the only unexported one of the type.
func find(in, of reflect.Type, name string) place {
	if f, ok := in.FieldByName(name); ok && f.Type == of && len(f.Index) == 1 {
		return place{f.Offset, true, true}
	}
	var candidates []place
	for i := range in.NumField() {
		if f := in.Field(i); f.Type == of && !f.IsExported() {
			candidates = append(candidates, place{f.Offset, true, false})
		}
	}
	if len(candidates) != 1 {
		return place{}
	}
	return candidates[0]
}

// set writes v into the struct at s. The place was found for a field of v's type.
func set[F any](s unsafe.Pointer, at place, v F) bool {
	if at.found {
		*(*F)(unsafe.Add(s, at.offset)) = v
	}
	return at.found
}
