package live

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"
)

// Who may not capture is told the command that lets him.
func TestPrivilegeError(t *testing.T) {
	err := privilegeError(syscall.EPERM)
	p, ok := errors.AsType[*PrivilegeError](err)
	if !ok || !errors.Is(err, syscall.EPERM) || !strings.HasPrefix(p.Setcap, "sudo setcap cap_net_raw+ep ") || !strings.HasSuffix(err.Error(), p.Setcap) {
		t.Errorf("got %v, want EPERM and a command", err)
	}
}

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/bin/akushu": "/usr/bin/akushu", "/my dir/akushu": "'/my dir/akushu'", "/it's": `'/it'\''s'`, "/a;b": "'/a;b'",
	} {
		if got := quote(path); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	program := []bpf.Instruction{bpf.TAX{}, bpf.RetConstant{Val: 1 << 18}, bpf.RetConstant{}}
	for n, want := range map[int]uint32{0: 1 << 18, 60: 60} {
		got := limit(program, n)
		if diff := cmp.Diff([]bpf.Instruction{bpf.TAX{}, bpf.RetConstant{Val: want}, bpf.RetConstant{}}, got); diff != "" {
			t.Errorf("%d: got another program (-want +got):\n%s", n, diff)
		}
	}
}
