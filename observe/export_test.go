package observe

// Held is how many bytes a connection holds, for tests.
func (c *Conn) Held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, h := range c.halves {
		if h != nil {
			n += h.held() + cap(h.buf)
		}
	}
	return n
}
