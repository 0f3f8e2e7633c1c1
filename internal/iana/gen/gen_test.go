package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGeneratedFileIsCurrent fails when a table or the generator was changed without "go generate".
func TestGeneratedFileIsCurrent(t *testing.T) {
	want, err := generate(filepath.Join("..", "registry"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "zz_generated.go"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("zz_generated.go is stale, run go generate ./internal/iana (-want +got):\n%s", diff)
	}
}

// TestEveryTableIsUsed fails when a table is in registry/ and not in the list of registries.
func TestEveryTableIsUsed(t *testing.T) {
	listed := map[string]bool{}
	for _, r := range registries {
		listed[r.file+".csv"] = true
	}
	files, err := filepath.Glob(filepath.Join("..", "registry", "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !listed[filepath.Base(file)] {
			t.Errorf("%s: got no registry that is made of it, want one", file)
		}
	}
	if len(files) != len(registries) {
		t.Errorf("got %d tables, want %d", len(files), len(registries))
	}
}

// TestConstantName states the rule for the names of constants.
func TestConstantName(t *testing.T) {
	tests := []struct{ prefix, name, want string }{
		{"", "TLS_DH_anon_WITH_AES_128_CBC_SHA", "TLS_DH_anon_WITH_AES_128_CBC_SHA"},
		{"Version", "TLS 1.3", "VersionTLS13"},
		{"Version", "TLS 1.3 (draft 23)", "VersionTLS13Draft23"},
		{"Group", "x25519", "GroupX25519"},
		{"Group", "secp256r1", "GroupSecp256r1"},
		{"Group", "ffdhe2048", "GroupFFDHE2048"},
		{"Group", "SecP256r1MLKEM768", "GroupSecP256r1MLKEM768"},
		{"Scheme", "rsa_pss_rsae_sha256", "SchemeRSAPSSRSAESHA256"},
		{"Scheme", "ecdsa_secp256r1_sha256", "SchemeECDSASecp256r1SHA256"},
		{"Ext", "psk_key_exchange_modes", "ExtPSKKeyExchangeModes"},
		{"Ext", "status_request_v2", "ExtStatusRequestV2"},
		{"Alert", "too_many_cids_requested", "AlertTooManyCIDsRequested"},
		{"MaxFragment", "2^12", "MaxFragment2To12"},
		{"HPKE", "DHKEM(P-256, HKDF-SHA256)", "HPKEDHKEMP256HKDFSHA256"},
	}
	for _, test := range tests {
		if got := constantName(test.prefix, test.name); got != test.want {
			t.Errorf("%q: got %s, want %s", test.name, got, test.want)
		}
	}
}

// TestBadTables shows what the generator refuses.
func TestBadTables(t *testing.T) {
	tests := []struct{ name, rows, want string }{
		{"empty", "", "no rows"},
		{"few columns", "1,a,RFC 1\n", "got 3 columns"},
		{"value too wide", "256,a,RFC 1,\n", "out of range"},
		{"no name", "1,,RFC 1,\n", "no name"},
		{"no reference", "1,a,,\n", "no reference"},
		{"recommended", "1,a,RFC 1,yes\n", "want Y, N, D"},
		{"order", "2,a,RFC 1,\n1,b,RFC 1,\n", "do not ascend"},
		{"twice", "1,a,RFC 1,\n1,b,RFC 1,\n", "do not ascend"},
	}
	for _, test := range tests {
		dir := t.TempDir()
		header := "value,name,reference,recommended\n"
		if test.name == "few columns" {
			header = "value,name,reference\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "x.csv"), []byte(header+test.rows), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readRegistry(dir, registry{file: "x", typ: "X", bits: 8, prefix: "X"})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
		}
	}
}

func TestNameClash(t *testing.T) {
	taken := map[string]string{}
	r := registry{file: "x", prefix: "X"}
	err := claimNames(taken, r, []row{{name: "a_b"}, {name: "a-b"}})
	if err == nil || !strings.Contains(err.Error(), "XAB is taken") {
		t.Errorf("got %v, want an error that XAB is taken", err)
	}
}
