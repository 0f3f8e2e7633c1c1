package observe_test

import (
	"os"
	"os/exec"
	"testing"
)

// need skips a test whose program is not there, and fails it where everything has to be.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", program)
	}
	t.Skipf("%s is missing", program)
	return ""
}

// tshark returns what tshark prints.
func tshark(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(need(t, "tshark"), args...)
	cmd.Stderr = nil
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return string(out)
}
