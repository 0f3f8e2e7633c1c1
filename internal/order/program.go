package order

// A program is a grammar as instructions, for many threads to walk through at once.
type program []instruction

type instruction struct {
	op    op
	from  Side
	what  Message
	other int // where else to go; next is always the instruction behind
}

type op uint8

const (
	take    op = iota // a message
	fork              // go on, and at other too
	jump              // to other
	unasked           // to other unless a CertificateRequest came
	finish            // the handshake is complete
	end
)

// compile turns a grammar into a program.
func compile(g *grammar) program {
	var p program
	p.add(g.order)
	if g.again != "" {
		p.emit(instruction{op: jump})
	}
	return append(p, instruction{op: end})
}

func (p *program) emit(i instruction) (at int) {
	*p = append(*p, i)
	return len(*p) - 1
}

// here makes the instruction at lead to what will be emitted next.
func (p *program) here(at int) { (*p)[at].other = len(*p) }

func (p *program) add(n node) {
	switch n.kind {
	case message:
		p.emit(instruction{op: take, from: n.from, what: n.what})
	case sequence:
		p.addAll(n.parts)
	case optional:
		p.skippable(fork, n.parts)
	case answer:
		p.skippable(unasked, n.parts)
	case either:
		p.addEither(n.parts)
	case repeated:
		start := len(*p)
		at := p.emit(instruction{op: fork})
		p.addAll(n.parts)
		p.emit(instruction{op: jump, other: start})
		p.here(at)
	case done:
		p.emit(instruction{op: finish})
	}
}

func (p *program) addAll(parts []node) {
	for _, n := range parts {
		p.add(n)
	}
}

func (p *program) skippable(op op, parts []node) {
	at := p.emit(instruction{op: op})
	p.addAll(parts)
	p.here(at)
}

func (p *program) addEither(parts []node) {
	first, rest := parts[0], parts[1:]
	if len(rest) == 0 {
		p.add(first)
		return
	}
	at := p.emit(instruction{op: fork})
	p.add(first)
	over := p.emit(instruction{op: jump})
	p.here(at)
	p.addEither(rest)
	p.here(over)
}
