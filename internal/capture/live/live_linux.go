package live

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/capfilter"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Handle is a capture that goes on. It is for use by one goroutine.
type Handle struct {
	fd       int
	iface    capture.Interface
	device   device
	ring     ring
	packet   capture.Packet
	cooked   []byte // a packet with a header of our own
	received Stats
}

// A device is what is captured from.
type device struct {
	index    int // 0 for all
	kind     uint16
	loopback bool
	link     capture.LinkType
}

// Open begins a capture from an interface, or from Any. Where the privilege is missing the error is a *PrivilegeError.
func Open(name string, o Options) (_ *Handle, err error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, openError(err)
	}
	defer func() { _ = unix.Close(fd) }() // it is only to look at the interface
	d, err := find(fd, name)
	if err != nil {
		return nil, err
	}
	h := &Handle{device: d, iface: capture.Interface{LinkType: d.link, SnapLen: uint32(o.SnapLen), Name: name}}
	if err := h.open(o); err != nil {
		return nil, fmt.Errorf("capture from %s: %w", name, err)
	}
	return h, nil
}

func openError(err error) error {
	switch err {
	case unix.EPERM, unix.EACCES:
		return privilegeError(err)
	case unix.EAFNOSUPPORT, unix.EINVAL:
		return fmt.Errorf("%w: this kernel has no packet sockets", ErrNotSupported)
	}
	return os.NewSyscallError("socket", err)
}

// find looks an interface up.
func find(fd int, name string) (device, error) {
	if name == Any {
		return device{link: capture.LinkLinuxSLL2}, nil
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return device{}, &InterfaceError{name, interfaces()}
	}
	d := device{index: i.Index, loopback: i.Flags&net.FlagLoopback != 0}
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request)
	}
	if err != nil {
		return device{}, os.NewSyscallError("ioctl", err)
	}
	d.kind = request.Uint16()
	d.link = linkOf(d.kind)
	return d, nil
}

func interfaces() []string {
	names := []string{Any}
	all, _ := net.Interfaces() // without them there is still Any
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// linkOf is what packets from an interface of a hardware type begin with. Of what is neither Ethernet nor bare IP the
// kernel strips the header, and we put another one there.
func linkOf(kind uint16) capture.LinkType {
	switch kind {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return capture.LinkEthernet
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP:
		return capture.LinkRaw
	}
	return capture.LinkLinuxSLL2
}

// open makes the socket. It receives nothing before it is bound, so that no packet escapes the filter.
func (h *Handle) open(o Options) error {
	kind := unix.SOCK_RAW
	if h.device.link == capture.LinkLinuxSLL2 {
		kind = unix.SOCK_DGRAM
	}
	program, err := h.program(o)
	if err != nil {
		return err
	}
	if h.fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		return openError(err)
	}
	for _, step := range []func() error{
		func() error { return h.attach(program) },
		func() (err error) { h.ring, err = newRing(h.fd, o.Buffer); return err },
		func() error { return h.bind(o.Promiscuous) },
	} {
		if err := step(); err != nil {
			return errors.Join(err, h.Close())
		}
	}
	return nil
}

// program is what the kernel runs over every packet.
func (h *Handle) program(o Options) ([]bpf.RawInstruction, error) {
	link := capfilter.Ethernet
	if h.device.link != capture.LinkEthernet {
		link = capfilter.IP
	}
	program, err := capfilter.Compile(o.Filter, link)
	if err != nil {
		return nil, err
	}
	if h.device.loopback {
		program = append([]bpf.Instruction{
			bpf.LoadExtension{Num: bpf.ExtType},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
			bpf.RetConstant{Val: 0},
		}, program...)
	}
	return bpf.Assemble(limit(program, o.SnapLen))
}

func (h *Handle) attach(program []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(program))
	for i, p := range program {
		filter[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(h.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog))
}

func (h *Handle) bind(promiscuous bool) error {
	address := unix.SockaddrLinklayer{Protocol: swapped(unix.ETH_P_ALL), Ifindex: h.device.index}
	if err := unix.Bind(h.fd, &address); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if !promiscuous || h.device.index == 0 {
		return nil
	}
	request := unix.PacketMreq{Ifindex: int32(h.device.index), Type: unix.PACKET_MR_PROMISC}
	return os.NewSyscallError("setsockopt", unix.SetsockoptPacketMreq(h.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &request))
}

// Interface says what is captured from, as a Writer wants to know it.
func (h *Handle) Interface() capture.Interface { return h.iface }

// Next returns the next packet, which is good until the next call. If none comes within wait the error is
// os.ErrDeadlineExceeded; Next can be called again. Other errors are the end of the capture.
func (h *Handle) Next(wait time.Duration) (*capture.Packet, error) {
	until := time.Now().Add(wait)
	for {
		f, ok := h.ring.next()
		if !ok {
			if err := h.wait(time.Until(until)); err != nil {
				return nil, err
			}
			continue
		}
		if h.wanted(f) {
			return h.take(f), nil
		}
	}
}

// wanted reports whether a packet is none that a loopback interface shows twice.
func (h *Handle) wanted(f frame) bool {
	return f.direction() != unix.PACKET_OUTGOING || f.hardware() != unix.ARPHRD_LOOPBACK
}

// take makes a Packet of a frame.
func (h *Handle) take(f frame) *capture.Packet {
	data, length := f.data(), f.length()
	switch h.device.link {
	case capture.LinkLinuxSLL2:
		h.cooked = append(f.appendCooked(h.cooked[:0]), data...)
		length += len(h.cooked) - len(data)
		data = h.cooked
	case capture.LinkEthernet:
		tagged := f.tagged(data)
		length += len(tagged) - len(data)
		data = tagged
	}
	h.packet = capture.Packet{
		Number: h.packet.Number + 1, LinkType: h.device.link, Time: f.time(), Length: max(length, len(data)), Data: data,
	}
	return &h.packet
}

// wait waits for packets, at least for as long as it takes to look.
func (h *Handle) wait(d time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN | unix.POLLERR}}
	n, err := unix.Poll(fds, int(max(d, 0).Milliseconds()))
	switch {
	case err == unix.EINTR:
		return nil
	case err != nil:
		return os.NewSyscallError("poll", err)
	case n == 0:
		return os.ErrDeadlineExceeded
	case fds[0].Revents&unix.POLLERR != 0:
		return h.socketError()
	}
	return nil
}

func (h *Handle) socketError() error {
	code, err := unix.GetsockoptInt(h.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case unix.Errno(code) == unix.ENETDOWN || unix.Errno(code) == unix.ENODEV:
		return ErrDown
	case code != 0:
		return os.NewSyscallError("poll", unix.Errno(code))
	}
	return nil
}

// Stats counts packets since the capture began.
func (h *Handle) Stats() (Stats, error) {
	s, err := unix.GetsockoptTpacketStatsV3(h.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return h.received, os.NewSyscallError("getsockopt", err)
	}
	h.received.Received += uint64(s.Packets) // the kernel begins again with every look
	h.received.Dropped += uint64(s.Drops)
	return h.received, nil
}

// Close ends the capture. The last packet is no longer good.
func (h *Handle) Close() error {
	return errors.Join(h.ring.close(), os.NewSyscallError("close", unix.Close(h.fd)))
}
