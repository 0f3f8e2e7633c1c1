package observe

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/akushu/akushu/internal/iana"
)

// plain turns a decoded value into a type that does not belong to internal packages:
// numbers into uint64, byte strings into []byte.
func plain(v any) any {
	if b, ok := v.([]byte); ok {
		return b
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return r.Uint()
	case reflect.Slice:
		return r.Bytes()
	}
	return nil
}

// fieldText renders the value of the field id. Types of internal/iana know their
// names; the table knows the fields whose layout has a plainer type.
func fieldText(id string, v any) string {
	if s, ok := v.(fmt.Stringer); ok {
		return s.String()
	}
	v = plain(v)
	if render := fieldTexts[lastElement(id)]; render != nil {
		return render(v)
	}
	switch v := v.(type) {
	case uint64:
		return strconv.FormatUint(v, 10)
	case []byte:
		return hex.EncodeToString(v)
	}
	return ""
}

func lastElement(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

// fieldTexts is keyed by the last element of a field's ID.
var fieldTexts = map[string]func(any) string{
	"host_name":     quoted,
	"protocol_name": quoted,

	"name_type":                  named[iana.NameType],
	"legacy_compression_method":  named[iana.CompressionMethod],
	"legacy_compression_methods": named[iana.CompressionMethod],
	"ec_point_format_list":       named[iana.ECPointFormat],
	"ke_modes":                   named[iana.PSKKeyExchangeMode],
	"certificate_types":          named[iana.ClientCertificateType],
	"client_certificate_type":    named[iana.CertificateType],
	"client_certificate_types":   named[iana.CertificateType],
	"server_certificate_type":    named[iana.CertificateType],
	"server_certificate_types":   named[iana.CertificateType],
	"max_fragment_length":        named[iana.MaxFragmentLength],
	"request_update":             named[iana.KeyUpdateRequest],
}

// quoted shows text as it would stand in Go source: nothing in it can reach a terminal
// as a control character.
func quoted(v any) string {
	b, _ := v.([]byte)
	return strconv.Quote(string(b))
}

// named shows one-byte code points by their names, separated by commas.
func named[T interface {
	~uint8
	String() string
}](v any) string {
	switch v := v.(type) {
	case uint64:
		return T(v).String()
	case []byte:
		names := make([]string, len(v))
		for i, code := range v {
			names[i] = T(code).String()
		}
		return strings.Join(names, ", ")
	}
	return ""
}

// lineMax bounds a first line, in bytes.
const lineMax = 120

// firstLine is the first line of b where that is printable ASCII, without its end and cut
// after lineMax bytes; else "".
func firstLine(b []byte) string {
	for i, c := range b {
		if c == '\r' || c == '\n' || i == lineMax {
			return string(b[:i])
		}
		if (c < ' ' && c != '\t') || c > '~' {
			return ""
		}
	}
	return string(b)
}
