package capfilter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// wholePacket is more than any packet has.
const wholePacket = 1 << 18

// maxInstructions is how long a program the kernel takes.
const maxInstructions = 4096

// headerSlot is the scratch memory in which the offset of the IP header is kept.
const headerSlot = 0

// A program is code in the making, whose jumps go to labels.
type program struct {
	code   []bpf.Instruction
	places []int // of labels
	jumps  []int // instructions that are a Jump whose Skip is still the label
}

type label int

func (p *program) label() label {
	p.places = append(p.places, 0)
	return label(len(p.places) - 1)
}

// place puts a label in front of the next instruction.
func (p *program) place(l label) { p.places[l] = len(p.code) }

func (p *program) add(i ...bpf.Instruction) { p.code = append(p.code, i...) }

func (p *program) jump(l label) {
	p.jumps = append(p.jumps, len(p.code))
	p.add(bpf.Jump{Skip: uint32(l)})
}

// choose goes on at one label or the other. Conditional jumps reach 255 instructions only, so they jump to jumps.
func (p *program) choose(test bpf.JumpTest, value uint32, yes, no label) {
	p.add(bpf.JumpIf{Cond: test, Val: value, SkipFalse: 1})
	p.jump(yes)
	p.jump(no)
}

// oneOf goes on at yes if the accumulator is one of the values.
func (p *program) oneOf(yes, no label, values ...uint32) {
	for _, v := range values {
		next := p.label()
		p.choose(bpf.JumpEqual, v, yes, next)
		p.place(next)
	}
	p.jump(no)
}

// load loads a field at an offset from the index register.
func (p *program) load(at uint32, size int) { p.add(bpf.LoadIndirect{Off: at, Size: size}) }

// skipIPv4Header moves the index register behind the header that it is at.
func (p *program) skipIPv4Header() {
	p.load(0, 1)
	p.add(
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.TAX{},
	)
}

func (p *program) backToHeader() { p.add(bpf.LoadScratch{Dst: bpf.RegX, N: headerSlot}) }

// header moves the index register to an IP header.
func (p *program) header(at uint32) {
	p.add(bpf.LoadConstant{Dst: bpf.RegX, Val: at}, bpf.StoreScratch{Src: bpf.RegX, N: headerSlot})
}

// assemble writes the program: what finds the IP header, and the expression for each version of IP and for what is
// neither.
func assemble(n node, l Link) ([]bpf.Instruction, error) {
	p := new(program)
	versions := map[int]label{4: p.label(), 6: p.label(), 0: p.label()}
	if l == Ethernet {
		p.findBehindEthernet(versions)
	} else {
		p.findVersion(versions)
	}
	yes, no := p.label(), p.label()
	for _, v := range []int{4, 6, 0} {
		p.place(versions[v])
		n.code(p, v, yes, no)
	}
	p.place(yes)
	p.add(bpf.RetConstant{Val: wholePacket})
	p.place(no)
	p.add(bpf.RetConstant{Val: 0})
	for _, i := range p.jumps {
		to := p.code[i].(bpf.Jump).Skip
		p.code[i] = bpf.Jump{Skip: uint32(p.places[to] - i - 1)}
	}
	if len(p.code) > maxInstructions {
		return nil, fmt.Errorf("capture filter: it is too long, with %d instructions of %d", len(p.code), maxInstructions)
	}
	return p.code, nil
}

// EtherTypes and where the first stands.
const (
	etherTypeAt   = 12
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	tagSize       = 4
	maxTags       = 2
)

var tagTypes = []uint32{0x8100, 0x88a8, 0x9100}

// findBehindEthernet looks behind as many as two VLAN tags.
func (p *program) findBehindEthernet(versions map[int]label) {
	for tags := uint32(0); tags <= maxTags; tags++ {
		at := etherTypeAt + tags*tagSize
		p.header(at + 2)
		next, notIPv4, notIPv6 := p.label(), p.label(), p.label()
		p.add(bpf.LoadAbsolute{Off: at, Size: 2})
		p.choose(bpf.JumpEqual, etherTypeIPv4, versions[4], notIPv4)
		p.place(notIPv4)
		p.choose(bpf.JumpEqual, etherTypeIPv6, versions[6], notIPv6)
		p.place(notIPv6)
		if tags < maxTags {
			p.oneOf(next, versions[0], tagTypes...)
		}
		p.place(next)
	}
	p.jump(versions[0])
}

func (p *program) findVersion(versions map[int]label) {
	notIPv4 := p.label()
	p.header(0)
	p.add(bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
	p.choose(bpf.JumpEqual, 0x40, versions[4], notIPv4)
	p.place(notIPv4)
	p.choose(bpf.JumpEqual, 0x60, versions[6], versions[0])
}
