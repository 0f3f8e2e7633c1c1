package capture

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	packets "github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/capture/file"
	"github.com/akushu/akushu/internal/capture/live"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/keylog"
)

// source is packets of an interface until an interrupt, of which none that came before it is left out.
type source struct {
	ctx     context.Context // of the command: an interrupt ends it
	handle  *live.Handle
	out     *output
	left    int // packets that are wanted; 0: all
	tick    func()
	stopped time.Time // when the interrupt was seen
}

// drainTime is how long packets are waited for that the kernel had when the interrupt came.
const drainTime = 4 * lookInterval

// Next implements dissect.Source.
func (s *source) Next() (packets.Item, error) {
	for {
		if s.stopped.IsZero() && s.ctx.Err() != nil {
			s.stopped = time.Now()
		}
		if !s.stopped.IsZero() && time.Since(s.stopped) > drainTime {
			return nil, io.EOF
		}
		p, err := s.handle.Next(lookInterval)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.tick()
			if err := s.out.flush(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, err
		case !s.stopped.IsZero() && p.Time.After(s.stopped):
			return nil, io.EOF
		}
		if err := s.take(p); err != nil {
			return nil, err
		}
		return p, nil
	}
}

// take writes a packet. The last one that is wanted stops the capture.
func (s *source) take(p *packets.Packet) error {
	if s.left > 0 {
		if s.left--; s.left == 0 {
			s.stopped = time.Unix(0, 1) // all packets are later
		}
	}
	return s.out.packet(p)
}

// output is the file that packets are written to, with the secrets that opened them. A nil one is none.
type output struct {
	mu   sync.Mutex
	file *file.Rotating
	err  error // of writing secrets
}

func newOutput(env *cli.Env, o *options, from packets.Interface) (*output, error) {
	section, interfaces := packets.Section{Application: "akushu"}, []packets.Interface{from}
	switch o.file {
	case "":
		return nil, nil
	case file.Stdin:
		f, err := file.NewStream(env.Out, section, interfaces)
		if err == nil {
			err = f.Flush() // who reads it waits for what it is
		}
		return &output{file: f}, err
	}
	f, err := file.NewRotating(o.file, section, interfaces, o.rotation)
	return &output{file: f}, err
}

func (o *output) do(f func(*file.Rotating) error) error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = f(o.file)
	}
	return o.err
}

func (o *output) packet(p *packets.Packet) error {
	return o.do(func(f *file.Rotating) error {
		own := *p
		own.Interface = 0
		return f.WritePacket(own)
	})
}

func (o *output) secret(l keylog.Line) {
	_ = o.do(func(f *file.Rotating) error { return f.WriteSecrets(l) }) // the error stays, for who writes next
}

// names says where the packets are; nothing where that is no file.
func (o *output) names() string {
	if o == nil {
		return ""
	}
	first, last := o.file.Names()
	if first == last {
		return last
	}
	return first + " … " + last
}

func (o *output) flush() error { return o.do((*file.Rotating).Flush) }

func (o *output) close() error {
	err := o.do(func(*file.Rotating) error { return nil })
	if o != nil {
		err = errors.Join(err, o.file.Close())
	}
	return err
}
