package tcp

// data tells the bytes of a segment if they come next, and else keeps them.
func (a *Assembler) data(s *segment) {
	h := s.half()
	start, data := s.start(), s.data
	if h.finSeen && s.end() > h.fin {
		data = data[:max(min(int64(len(data)), h.fin-start), 0)]
	}
	if skip := h.next - start; skip > 0 {
		if h.recent.differs(start, s.data) {
			a.note(s, Conflict)
		}
		if skip >= int64(len(data)) {
			return
		}
		start, data = h.next, data[skip:]
	}
	if len(data) == 0 {
		return
	}
	if start == h.next && len(h.chunks) == 0 {
		a.tell(s.c, s.dir, s.at, data)
		return
	}
	cost, conflict := h.insert(start, data, s.at)
	if conflict {
		a.note(s, Conflict)
	}
	a.hold(s.c, cost)
}

// tell tells bytes that come next.
func (a *Assembler) tell(c *Conn, d Dir, at At, data []byte) {
	h := &c.halves[d]
	h.remember(h.next, data)
	h.next += int64(len(data))
	a.sink.Data(c, d, at, data)
}

// hold counts what a connection keeps.
func (a *Assembler) hold(c *Conn, cost int) {
	if cost == 0 {
		return
	}
	if c.life.held == 0 {
		a.holders.push(c)
	}
	c.life.held += cost
	a.held += cost
	if c.life.held == 0 {
		a.holders.remove(c)
	}
}

// proceed tells what was waiting for bytes that are there now, and FIN when all before it was told.
func (a *Assembler) proceed(c *Conn, d Dir, at At) {
	h := &c.halves[d]
	a.drain(c, d)
	for len(h.chunks) > maxChunks || c.life.held > a.limits.HeldEach && len(h.chunks) > 0 {
		a.gap(c, d, at, h.hole())
	}
	for a.held > a.limits.Held {
		a.giveUpOldest(at)
	}
	if h.finSeen && !h.finTold && h.next >= h.fin {
		h.finTold = true
		a.event(c, h.finEvent)
		h.finEvent = nil
	}
}

// drain tells the chunks that come next.
func (a *Assembler) drain(c *Conn, d Dir) {
	h := &c.halves[d]
	n, freed := 0, 0
	for n < len(h.chunks) && h.chunks[n].start == h.next {
		k := h.chunks[n]
		h.chunks[n] = chunk{}
		a.tell(c, d, k.at, k.data)
		freed += len(k.data) + chunkSize
		n++
	}
	if n == 0 {
		return
	}
	h.chunks = h.chunks[:copy(h.chunks, h.chunks[n:])]
	if len(h.chunks) == 0 {
		h.chunks = nil
	}
	a.hold(c, -freed)
}

// gap gives the next n bytes up.
func (a *Assembler) gap(c *Conn, d Dir, at At, n int64) {
	h := &c.halves[d]
	if n > 0 {
		c.Stats.Gaps++
		h.next += n
		a.sink.Gap(c, d, at, n)
	}
	a.drain(c, d)
}

// wait counts for how long bytes are missing that the other end has.
func (a *Assembler) wait(s *segment) {
	c := s.c
	w := &c.life.waiting
	switch {
	case !c.halves[0].missing() && !c.halves[1].missing():
		*w = wait{}
	case w.since.IsZero():
		*w = wait{since: s.at.Time}
	default:
		w.packets++
		if w.packets >= missingPackets || s.at.Time.Sub(w.since) >= missingTime {
			a.giveUp(c)
		}
	}
}

// giveUp makes gaps of what is missing although the other end has it.
func (a *Assembler) giveUp(c *Conn) {
	c.life.waiting = wait{}
	for i := range c.halves {
		d, h := Dir(i), &c.halves[i]
		for h.missing() {
			a.gap(c, d, c.Last, min(h.hole(), h.acked-h.next))
		}
		a.proceed(c, d, c.Last)
	}
}

// giveUpOldest makes room: the connection that has held bytes for longest tells them, behind a gap.
func (a *Assembler) giveUpOldest(at At) {
	c := a.holders.front
	for d := range c.halves {
		h := &c.halves[d]
		for len(h.chunks) > 0 {
			a.gap(c, Dir(d), at, h.hole())
		}
	}
}

// finish tells all that is left of a direction.
func (a *Assembler) finish(c *Conn, d Dir) {
	h := &c.halves[d]
	for h.known && !h.soft && h.hole() > 0 {
		a.gap(c, d, c.Last, h.hole())
	}
	a.proceed(c, d, c.Last)
	h.recent = nil
}
