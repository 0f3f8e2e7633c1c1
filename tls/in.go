package tls

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/borrow"
	"github.com/akushu/akushu/internal/handshake"
	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/record"
)

// inHalf is the half of a connection that reads. It never waits for the other half.
type inHalf struct {
	mu       sync.Mutex
	conn     *Conn
	records  record.Reader
	messages record.Messages
	version  iana.Version          // 0 until negotiated
	post     handshake.Post        // set by the handshake
	data     []byte                // application data that was not read yet, in records' buffer
	request  []byte                // a HelloRequest that came with the server's Finished
	kept     []byte                // application data that came before data, and was in the way
	proof    proof                 // that the peer has our Finished
	amid     bool                  // handshake messages are to follow, and nothing else
	forget   func()                // has the session forgotten; nil: nobody keeps it by ID
	floods   floods                // what came since then and brought nothing
	err      error                 // why nothing can be read any more
	doom     atomic.Pointer[error] // why the connection was broken off
}

// A flood is a kind of what a peer may send without bringing anything. It costs us work and
// nothing ends it, so there is a bound for what comes without application data in between.
type flood uint8

const (
	floodEmpty     flood = iota // records with nothing in them
	floodAlert                  // alerts that end nothing
	floodCCS                    // ChangeCipherSpecs that TLS 1.3 passes over
	floodKeyUpdate              // KeyUpdates, each of which costs a derivation
	floodMessage                // other handshake messages after the handshake
	floodKinds
)

// mostOf is the bounds.
var mostOf = [floodKinds]struct {
	most uint8
	what string
}{
	floodEmpty:     {32, "empty records"},
	floodAlert:     {4, "alerts that end nothing"},
	floodCCS:       {32, "change_cipher_spec records"},
	floodKeyUpdate: {32, "KeyUpdate messages"},
	floodMessage:   {32, "handshake messages"},
}

// floods counts them.
type floods [floodKinds]uint8

// add counts one more.
func (f *floods) add(kind flood) error {
	if f[kind] == mostOf[kind].most {
		return alert.Unexpected("record", "RFC 9846 §5", "more than %d %s without data in between", mostOf[kind].most, mostOf[kind].what)
	}
	f[kind]++
	return nil
}

func (h *inHalf) init(c *Conn) {
	h.conn = c
	h.records = *record.NewReader(borrow.From(c.raw))
}

// unlock ends a use of the half. Whoever comes last after Close wipes it.
func (h *inHalf) unlock() {
	if h.conn.gone.Load() {
		h.wipe()
	}
	h.mu.Unlock()
	if h.conn.gone.Load() {
		h.retire() // Close may have come between the two lines above
	}
}

// retire wipes the half after Close, unless somebody uses it, who then does.
func (h *inHalf) retire() {
	if h.mu.TryLock() {
		h.wipe()
		h.mu.Unlock()
	}
}

func (h *inHalf) wipe() {
	h.records.Wipe()
	h.messages = record.Messages{}
	clear(h.kept)
	h.data, h.kept, h.forget = nil, nil, nil
	if h.post != nil {
		h.post.Wipe()
	}
	if h.err == nil {
		h.err = net.ErrClosed
	}
}

// read returns application data, as much as is there.
func (h *inHalf) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.unlock()
	if len(h.kept) > 0 {
		return h.takeKept(b), nil
	}
	for len(h.data) == 0 {
		if h.err != nil {
			return 0, h.err
		}
		if err := h.next(); err != nil {
			return 0, h.fail(err)
		}
		if len(h.kept) > 0 { // it came in the midst of a renegotiation
			return h.takeKept(b), nil
		}
	}
	n := copy(b, h.data)
	if h.data = h.data[n:]; len(h.data) == 0 {
		h.records.Done()
	}
	return n, nil
}

// fail remembers why reading ended, unless it was a deadline. Where the peer is at fault it
// is told so; that, and its own alert, ends writing too, and all secrets are forgotten
// (RFC 9846 §6).
func (h *inHalf) fail(err error) error {
	if h.doomed() {
		return h.err
	}
	if timedOut(err) {
		return err
	}
	h.err = publicError(err)
	end := urgent{level: iana.AlertLevelFatal, err: h.err}
	var told bool
	if end.code, told = alertFor(err); !told {
		end.level = 0
	}
	var remote AlertError
	if told || errors.As(err, &remote) {
		h.forgetSession()
		h.conn.out.urge(end)
		h.conn.result.Load().Exporter.Wipe()
		h.wipe()
	}
	return h.err
}

// forgetSession has the session forgotten by whoever keeps it, after a fatal alert (RFC 5246
// §7.2.2).
func (h *inHalf) forgetSession() {
	if h.forget != nil {
		h.forget()
		h.forget = nil
	}
}

// next takes one record.
func (h *inHalf) next() error {
	if request := h.request; request != nil {
		h.request = nil
		return h.post.HandlePost(h, request)
	}
	typ, content, err := h.records.Next()
	if err == nil {
		err = h.checkOther(typ)
	}
	if err != nil {
		return err
	}
	switch typ {
	case iana.ContentApplicationData:
		err = h.takeData(content)
	case iana.ContentHandshake:
		err = h.takeHandshake(content)
	case iana.ContentAlert:
		err = h.takeAlert(content)
	default:
		err = alert.Unexpected("record", "RFC 9846 §5", "a record of type %v after the handshake", typ)
	}
	if len(h.data) == 0 {
		h.records.Done()
	}
	return err
}

func (h *inHalf) takeData(content []byte) error {
	if h.amid {
		return alert.Unexpected("record", "RFC 9846 §4.7.2", "application data amid the messages of an answer")
	}
	if len(content) == 0 {
		return h.floods.add(floodEmpty)
	}
	h.data, h.floods = content, floods{}
	h.proof.data(h.version)
	return nil
}

// checkOther refuses a record within a handshake message where that is not allowed: TLS 1.2
// allows it (RFC 5246 §6.2.1).
func (h *inHalf) checkOther(typ iana.ContentType) error {
	if typ == iana.ContentHandshake || h.version == iana.VersionTLS12 {
		return nil
	}
	return h.messages.CheckOther(typ)
}

// takeHandshake hands the messages of a record to who handles them after the handshake.
func (h *inHalf) takeHandshake(content []byte) error {
	if err := h.messages.Push(content); err != nil {
		return err
	}
	for {
		raw, err := h.messages.Next()
		if err != nil || raw == nil {
			return err
		}
		if err := h.floods.add(floodOf(iana.HandshakeType(raw[0]))); err != nil {
			return err
		}
		if err := h.post.HandlePost(h, raw); err != nil {
			return err
		}
	}
}

func floodOf(typ iana.HandshakeType) flood {
	if typ == iana.HandshakeKeyUpdate {
		return floodKeyUpdate
	}
	return floodMessage
}

// takeAlert returns the error that an alert amounts to, nil for one that may be passed
// over. TLS 1.3 does not look at the level.
func (h *inHalf) takeAlert(content []byte) error {
	if len(content) == 0 {
		return alert.Unexpected("alert", "RFC 9846 §5.4", "an empty record of type alert")
	}
	if len(content) != 2 {
		return alert.Malformed("alert", "RFC 9846 §6", "its length is %d, where an alert has 2 bytes", len(content))
	}
	level, code := iana.AlertLevel(content[0]), iana.Alert(content[1])
	switch {
	case code == iana.AlertCloseNotify:
		return io.EOF
	case h.mayIgnore(level, code):
		return h.floods.add(floodAlert)
	case h.version != iana.VersionTLS13 && level != iana.AlertLevelWarning && level != iana.AlertLevelFatal:
		return alert.Illegal("alert.level", "RFC 5246 §7.2", "value %d is neither warning nor fatal", uint8(level))
	}
	return remoteAlert(code)
}

// mayIgnore reports whether an alert ends nothing: in TLS 1.3 that is user_canceled alone,
// whatever the level says (RFC 9846 §6), before it is every warning (RFC 5246 §7.2).
func (h *inHalf) mayIgnore(level iana.AlertLevel, code iana.Alert) bool {
	if h.version == iana.VersionTLS13 {
		return code == iana.AlertUserCanceled
	}
	return level == iana.AlertLevelWarning
}

// alertFor returns the alert that the peer is told about err. It is told nothing of what
// went wrong below TLS, of its own alerts, or where it does not speak TLS.
func alertFor(err error) (iana.Alert, bool) {
	var fact *alert.Error
	var plain *record.NotTLSError
	if !errors.As(err, &fact) || errors.As(err, &plain) {
		return 0, false
	}
	return fact.Alert, true
}

// NextReadKeys implements [handshake.PostTransport].
func (h *inHalf) NextReadKeys() error {
	if err := h.messages.CheckKeyChange(); err != nil {
		return err
	}
	return h.records.Update()
}

// AnswerKeyUpdate implements [handshake.PostTransport].
func (h *inHalf) AnswerKeyUpdate() { h.conn.out.answer.Store(true) }

// Warn implements [handshake.PostTransport].
func (h *inHalf) Warn(a iana.Alert) error {
	h.conn.out.urge(urgent{level: iana.AlertLevelWarning, code: a})
	return nil
}
