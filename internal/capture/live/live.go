// Package live captures packets from a network interface, with the means of the kernel alone: no cgo, no libpcap.
//
// On Linux it is a packet socket with a ring of blocks that the kernel fills and this process reads in place
// (AF_PACKET, TPACKET_V3). Other systems are not supported, and say so.
//
// What comes from an interface is not always what went over a wire: segments that the network card would still cut, or
// has put together, of up to 64 KiB, and checksums that it would still compute. Both are as they should be. On
// loopback a packet passes by twice, once leaving and once coming; the one that leaves is dropped.
package live

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/net/bpf"
)

// Options says what to capture. The zero value is all packets as they come.
type Options struct {
	// Filter makes the program that says which packets are wanted, from an expression of package capfilter; empty: all.
	Filter string
	// SnapLen is how many bytes of a packet are wanted at most; 0: all.
	SnapLen int
	// Promiscuous asks for packets to others, too.
	Promiscuous bool
	// Buffer is how many bytes of packets wait for being read, before packets are dropped; 0: 32 MiB.
	Buffer int
}

// Any is the name that stands for all interfaces.
const Any = "any"

// Stats counts packets since the capture began.
type Stats struct {
	Received uint64 // that the filter took, dropped ones included
	Dropped  uint64 // for want of room in the buffer
}

// ErrNotSupported: this system has no capture.
var ErrNotSupported = errors.New("capture from an interface is supported on Linux only")

// An InterfaceError says that there is no interface of a name.
type InterfaceError struct {
	Name  string
	Known []string // the interfaces that there are, Any among them
}

func (e *InterfaceError) Error() string {
	return fmt.Sprintf("no interface is called %q: there are %s", e.Name, strings.Join(e.Known, ", "))
}

// ErrDown: the interface went down or away.
var ErrDown = errors.New("the interface is down")

// A PrivilegeError says that the process may not capture, and what would let it.
type PrivilegeError struct {
	Setcap string // a command for the shell, to be run once as root
	Err    error  // of the system
}

func (e *PrivilegeError) Error() string {
	return fmt.Sprintf("capture needs the privilege cap_net_raw (%v): run it as root, or once: %s", e.Err, e.Setcap)
}

// Unwrap returns the error of the system.
func (e *PrivilegeError) Unwrap() error { return e.Err }

// privilegeError names the file of this program.
func privilegeError(err error) error {
	program, fault := os.Executable()
	if fault != nil {
		program = "akushu"
	}
	return &PrivilegeError{Setcap: "sudo setcap cap_net_raw+ep " + quote(program), Err: err}
}

// quote makes one word of the shell of a path.
func quote(path string) string {
	if strings.IndexFunc(path, special) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func special(c rune) bool {
	return !(unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("/._-+", c))
}

// limit lets a program want no more than n bytes of a packet.
func limit(program []bpf.Instruction, n int) []bpf.Instruction {
	limited := make([]bpf.Instruction, len(program))
	for i, instruction := range program {
		if r, ok := instruction.(bpf.RetConstant); ok && n > 0 {
			r.Val = min(r.Val, uint32(n))
			instruction = r
		}
		limited[i] = instruction
	}
	return limited
}
