//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/akushu/akushu/internal/explain"
)

// TestReason has the system's errors in both languages, as they come: with what was done before them, or without.
func TestReason(t *testing.T) {
	call := func(errno syscall.Errno) error { return os.NewSyscallError("call", errno) }
	for _, tc := range []struct {
		err    error
		en, ja string
	}{
		{syscall.ECONNREFUSED, "connection refused", "接続を拒否された"},
		{fmt.Errorf("so: %w", &net.OpError{Op: "read", Net: "tcp", Err: call(syscall.ECONNRESET)}), "so: read tcp: call: connection reset by peer", "so: read tcp: call: 相手が接続を断ち切った"},
		{call(syscall.EPIPE), "call: broken pipe", "call: 相手はもう読んでいない"},
		{syscall.ETIMEDOUT, "no answer in time", "時間内に応答がない"},
		{os.ErrDeadlineExceeded, "no answer in time", "時間内に応答がない"},
		{context.DeadlineExceeded, "no answer in time", "時間内に応答がない"},
		{syscall.EHOSTUNREACH, "no route to host", "ホストまでの経路がない"},
		{syscall.ENETUNREACH, "network is unreachable", "ネットワークに到達できない"},
		{syscall.EADDRINUSE, "address already in use", "アドレスは使用中"},
		{syscall.EADDRNOTAVAIL, "this machine has no such address", "このマシンのアドレスではない"},
		{syscall.ENOENT, "no such file or directory", "ファイルもフォルダもない"},
		{fs.ErrNotExist, "no such file or directory", "ファイルもフォルダもない"},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "open x: permission denied", "open x: 権限がない"},
		{syscall.EPERM, "permission denied", "権限がない"},
		{syscall.EISDIR, "it is a directory", "フォルダである"},
		{syscall.ENOTDIR, "not a directory", "フォルダでないものが途中にある"},
		{syscall.ENOSPC, "no space left on device", "空き容量がない"},
		{&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, "no such host", "ホストが見つからない"},
		{errors.Join(nil, syscall.ENOSPC), "no space left on device", "空き容量がない"},
		{errors.Join(syscall.ENOSPC, errors.New("more")), "no space left on device\nmore", "no space left on device\nmore"},
		{errors.New("something else"), "something else", "something else"},
	} {
		for lang, want := range map[explain.Lang]string{explain.English: tc.en, explain.Japanese: tc.ja} {
			env, _, _ := testEnv(nil)
			env.Words = explain.For(lang)
			if got := env.Reason(tc.err); got != want {
				t.Errorf("%v: got %q, want %q", tc.err, got, want)
			}
		}
	}
}
