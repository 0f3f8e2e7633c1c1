package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/tls"
)

// plans is what the flags say: a plan for the first connection, one for those that resume
// it, and one for a connection whose early data was rejected and that is tried again.
type plans struct{ first, resume, retry *plan }

func (p *plans) all() []*plan { return []*plan{p.first, p.resume, p.retry} }

// prefixes say to which plans a flag belongs that does not belong to all; rest is those that
// it belongs to without the prefix.
var prefixes = map[string]func(p *plans, rest []*plan) []*plan{
	"-on-initial":    func(p *plans, _ []*plan) []*plan { return []*plan{p.first} },
	"-on-resume":     func(p *plans, _ []*plan) []*plan { return []*plan{p.resume} },
	"-on-retry":      func(p *plans, _ []*plan) []*plan { return []*plan{p.retry} },
	"-on-shim":       func(_ *plans, rest []*plan) []*plan { return rest },
	"-on-handshaker": func(*plans, []*plan) []*plan { return nil }, // another process, which there is not
}

// parse reads the flags. The first that is not offered decides, but all are read: plans are
// complete as far as they go also where the error is a notOffered.
func parse(args []string) (*plans, error) {
	m := &memory{byID: tls.NewLRUServerSessionCache(0), start: time.Now().Truncate(time.Millisecond), claimed: map[[32]byte]bool{}}
	p := &plans{newPlan(m), newPlan(m), newPlan(m)}
	p.first.retry, p.resume.retry = p.retry, p.retry
	var missing error
	for len(args) > 0 {
		name, targets := p.target(args[0])
		args = args[1:]
		f, known := flags[name]
		if !known {
			return p, notOffered(fmt.Sprintf("flag %s, which is not known", name))
		}
		value := ""
		if f.value {
			if len(args) == 0 {
				return p, fmt.Errorf("%s: a value is missing", name)
			}
			value, args = args[0], args[1:]
		}
		if f.missing != "" && missing == nil {
			missing = notOffered(f.missing)
		}
		if err := f.setAll(targets, value); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	if missing != nil {
		return p, missing
	}
	return p, p.check()
}

// target takes the prefix off a flag and says to which plans it belongs.
func (p *plans) target(arg string) (name string, targets []*plan) {
	for prefix, of := range prefixes {
		if rest, ok := strings.CutPrefix(arg, prefix+"-"); ok {
			name, targets = p.target("-" + rest)
			return name, of(p, targets)
		}
	}
	return arg, p.all()
}

// check refuses plans that cannot be carried out, before anything is sent.
func (p *plans) check() error {
	for _, each := range p.all() {
		if err := each.check(); err != nil {
			return err
		}
	}
	return nil
}

// flag is a row of the table: what a flag does to a plan, or why it does nothing.
type flag struct {
	value   bool // the next argument belongs to it
	set     func(p *plan, value string) error
	missing string // what is not offered
}

func (f flag) setAll(targets []*plan, value string) error {
	if f.set == nil {
		return nil
	}
	for _, p := range targets {
		if err := f.set(p, value); err != nil {
			return err
		}
	}
	return nil
}

// The kinds of row.

// yes is a flag that sets a field.
func yes(field func(*plan) *bool) flag {
	return flag{set: func(p *plan, _ string) error {
		*field(p) = true
		return nil
	}}
}

// text is a flag whose value is taken as it is.
func text[T ~string](field func(*plan) *T) flag {
	return flag{value: true, set: func(p *plan, v string) error {
		*field(p) = T(v)
		return nil
	}}
}

type integer interface {
	~int | ~uint16 | ~uint32 | ~uint64
}

// number is a flag whose value is a number.
func number[T integer](field func(*plan) *T) flag {
	return flag{value: true, set: func(p *plan, v string) error {
		n, err := strconv.ParseUint(v, 10, 63)
		*field(p) = T(n)
		return err
	}}
}

// numbers is a flag that adds a number to a list.
func numbers[T integer](field func(*plan) *[]T) flag {
	return flag{value: true, set: func(p *plan, v string) error {
		n, err := strconv.ParseUint(v, 10, 63)
		*field(p) = append(*field(p), T(n))
		return err
	}}
}

// bytes64 is a flag whose value is bytes in base64.
func bytes64(field func(*plan) *[]byte) flag {
	return flag{value: true, set: func(p *plan, v string) (err error) {
		*field(p), err = base64.StdEncoding.DecodeString(v)
		return err
	}}
}

// expecting is a flag without a value that expects something of the handshake.
func expecting(e expectation) flag {
	return flag{set: func(p *plan, _ string) error {
		p.expect = append(p.expect, e)
		return nil
	}}
}

// expectingValue is a flag that expects its value to come of the handshake.
func expectingValue(e func(value string) expectation) flag {
	return flag{value: true, set: func(p *plan, v string) error {
		p.expect = append(p.expect, e(v))
		return nil
	}}
}

// renegotiating is a flag that says what becomes of a wish for another handshake.
func renegotiating(how tls.RenegotiationSupport) flag {
	return flag{set: func(p *plan, _ string) error {
		p.offer.renegotiate = how
		return nil
	}}
}

// missing is a flag for something that is not offered.
func missing(what string) flag { return flag{missing: what} }

// missingValue is missing for a flag with a value.
func missingValue(what string) flag { return flag{value: true, missing: what} }

// nothing is a flag of which nothing follows here.
func nothing() flag { return flag{} }

// nothingOf is nothing for a flag with a value.
func nothingOf() flag { return flag{value: true} }

// without is a flag that rules out a version.
func without(v uint16) flag {
	return flag{set: func(p *plan, _ string) error {
		p.offer.without = append(p.offer.without, v)
		return nil
	}}
}
