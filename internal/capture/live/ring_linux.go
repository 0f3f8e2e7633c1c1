package live

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes of the ring.
const (
	blockSize     = 1 << 20
	defaultBuffer = 32 << 20
	frameSize     = 2048 // a packet takes what it needs, but the kernel wants to know
	retireTime    = 20   // after so many milliseconds a block is handed over although it is not full
	reserved      = 4    // bytes before a packet, where a VLAN tag is put back
)

// A ring is memory that is shared with the kernel: blocks that it fills with frames, one after the other.
type ring struct {
	memory []byte
	block  int // that is read, or comes next
	ours   bool
	left   int // frames of the block that were not read
	at     int // where the next one is in the block
}

// newRing makes the ring of a socket.
func newRing(fd, size int) (ring, error) {
	if size <= 0 {
		size = defaultBuffer
	}
	blocks := max(size/blockSize, 2)
	for _, option := range [][2]int{{unix.PACKET_VERSION, unix.TPACKET_V3}, {unix.PACKET_RESERVE, reserved}} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, option[0], option[1]); err != nil {
			return ring{}, os.NewSyscallError("setsockopt", err)
		}
	}
	request := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(blocks), Frame_size: frameSize,
		Frame_nr: uint32(blocks * (blockSize / frameSize)), Retire_blk_tov: retireTime,
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return ring{}, os.NewSyscallError("setsockopt", err)
	}
	memory, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return ring{memory: memory}, os.NewSyscallError("mmap", err)
}

func (r *ring) close() error {
	if r.memory == nil {
		return nil
	}
	memory := r.memory
	r.memory = nil
	return os.NewSyscallError("munmap", unix.Munmap(memory))
}

// Where a block says what is in it: tpacket_block_desc of the kernel.
const (
	blockStatus = 8
	blockCount  = 12
	blockFirst  = 16
)

func (r *ring) current() []byte { return r.memory[r.block*blockSize:][:blockSize] }

// status is whose the block is. It is written by the kernel at any time.
func (r *ring) status() *uint32 { return (*uint32)(unsafe.Pointer(&r.current()[blockStatus])) }

// next returns the next frame, which is good until the next call.
func (r *ring) next() (frame, bool) {
	for {
		if r.ours && r.left > 0 {
			return r.frame(), true
		}
		if r.ours {
			r.giveBack()
		}
		if atomic.LoadUint32(r.status())&unix.TP_STATUS_USER == 0 {
			return frame{}, false
		}
		b := r.current()
		r.ours = true
		r.left, r.at = int(binary.NativeEndian.Uint32(b[blockCount:])), int(binary.NativeEndian.Uint32(b[blockFirst:]))
	}
}

func (r *ring) giveBack() {
	atomic.StoreUint32(r.status(), unix.TP_STATUS_KERNEL)
	r.ours = false
	r.block = (r.block + 1) % (len(r.memory) / blockSize)
}

func (r *ring) frame() frame {
	f := frame{memory: r.current()[r.at:]}
	r.left--
	r.at += int(f.uint32(frameNext))
	return f
}

// A frame is a packet in the ring: tpacket3_hdr of the kernel, sockaddr_ll, the packet.
type frame struct{ memory []byte }

// Where the fields of a frame are.
const (
	frameNext      = 0
	frameSeconds   = 4
	frameNanos     = 8
	frameCaptured  = 12
	frameLength    = 16
	frameStatus    = 20
	frameLink      = 24 // offset of the link layer's header
	frameTag       = 32
	frameTagType   = 36
	frameAddress   = unix.SizeofTpacket3Hdr
	addrProtocol   = frameAddress + 2
	addrInterface  = frameAddress + 4
	addrHardware   = frameAddress + 8
	addrDirection  = frameAddress + 10
	addrLength     = frameAddress + 11
	addrBytes      = frameAddress + 12
	maxAddrBytes   = 8
	macs           = 12 // two Ethernet addresses
	defaultTagType = 0x8100
)

func (f frame) uint16(at int) uint16 { return binary.NativeEndian.Uint16(f.memory[at:]) }
func (f frame) uint32(at int) uint32 { return binary.NativeEndian.Uint32(f.memory[at:]) }

func (f frame) time() time.Time {
	return time.Unix(int64(f.uint32(frameSeconds)), int64(f.uint32(frameNanos))).UTC()
}

func (f frame) length() int      { return int(f.uint32(frameLength)) }
func (f frame) hardware() uint16 { return f.uint16(addrHardware) }
func (f frame) direction() byte  { return f.memory[addrDirection] }

// data is the packet, from where the kind of the socket has it begin.
func (f frame) data() []byte {
	at := int(f.uint16(frameLink))
	return f.memory[at:][:f.uint32(frameCaptured)]
}

// tagged puts a VLAN tag back that the kernel has taken out of an Ethernet frame, over the bytes before it.
func (f frame) tagged(data []byte) []byte {
	status := f.uint32(frameStatus)
	if status&unix.TP_STATUS_VLAN_VALID == 0 || len(data) < macs {
		return data
	}
	at := int(f.uint16(frameLink)) - reserved
	tagged := f.memory[at:][:len(data)+reserved]
	copy(tagged, data[:macs])
	kind := uint16(defaultTagType)
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		kind = f.uint16(frameTagType)
	}
	binary.BigEndian.PutUint16(tagged[macs:], kind)
	binary.BigEndian.PutUint16(tagged[macs+2:], uint16(f.uint32(frameTag)))
	return tagged
}

// appendCooked appends the header of LinkLinuxSLL2.
func (f frame) appendCooked(b []byte) []byte {
	b = append(b, f.memory[addrProtocol:][:2]...) // as it is: in network byte order
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, f.uint32(addrInterface))
	b = binary.BigEndian.AppendUint16(b, f.hardware())
	b = append(b, f.direction(), f.memory[addrLength])
	return append(b, f.memory[addrBytes:][:maxAddrBytes]...)
}

// swapped is a number in network byte order.
func swapped(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
