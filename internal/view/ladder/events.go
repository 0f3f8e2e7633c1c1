package ladder

import (
	"bytes"
	"slices"
	"strings"

	"github.com/akushu/akushu/observe"
)

// This file says what each kind of event looks like.

// flowOpened says how the connection began where no packets are seen that do.
func (f *fold) flowOpened(e observe.Event, b *observe.FlowOpened) {
	words := f.view.words
	switch {
	case b.Tap && b.Connect > 0:
		f.note(e, Dim, words.Text("ladder.tcp.connected", elapsed(b.Connect)))
	case b.Tap:
		f.note(e, Dim, words.Text("ladder.tcp.tapped"))
	case !b.TCP.SYN && !b.TCP.SYNACK:
		f.note(e, Dim, words.Text("ladder.tcp.unseen"))
	}
}

func (f *fold) note(e observe.Event, role Role, text string) {
	f.push(e, step{kind: note, dir: e.Dir, title: Line{{role, text}}})
}

// record folds in the encrypted records that say nothing but that they are there: what
// was opened, and what tells its type, has events of its own.
func (f *fold) record(e observe.Event, b *observe.Record) {
	f.begun = true
	if b.Encrypted && !b.Opened && b.Type == "application_data" {
		f.extend(e, run{sort: sealedData, count: 1, bytes: int64(b.Length)}, sealShut, "")
	}
}

func (f *fold) applicationData(e observe.Event, b *observe.ApplicationData) {
	f.extend(e, run{sort: data, count: 1, bytes: int64(b.Length), early: b.Early}, sealOpened, b.Line)
	if f.view.hex {
		f.dumpData(b.Data)
		return
	}
	text := b.Data
	if b.Line != "" { // it is there already
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	if !f.http && !b.Early { // whether early data is HTTP is told later
		f.text(f.last(), text)
	}
}

// notTLS is told late: what was read as HTTP has a step by then, whose bytes these are.
func (f *fold) notTLS(e observe.Event, b *observe.NotTLS) {
	for _, s := range slices.Backward(f.list) {
		if s.http && s.dir == e.Dir && s.run.sort == notTLS {
			s.run.bytes += int64(b.Length)
			s.size = size(s.run.bytes)
			s.complete(b.Line)
			return
		}
	}
	f.extend(e, run{sort: notTLS, count: 1, bytes: int64(b.Length)}, sealNone, b.Line)
}

// extend folds an event into the last step where it continues that one, and begins a step
// with it otherwise. line is the first line of the data, where it is text.
func (f *fold) extend(e observe.Event, r run, s seal, line string) {
	st := f.last()
	if !st.joins(r.sort, e.Dir, r.early) {
		st = f.push(e, step{dir: e.Dir, seal: s, run: run{sort: r.sort, early: r.early}})
	}
	if st.run.sort != r.sort {
		return // the ladder is full
	}
	st.inFrame(e.Frame())
	st.run.count += r.count
	st.run.bytes += r.bytes
	st.title = f.runTitle(st.run)
	st.size = size(st.run.bytes)
	if st.first == "" {
		st.first = line
	}
	if line != "" && !st.http {
		st.more = append(st.more, detail{text: Line{{Data, line}}})
		st.clean()
	}
}

func (f *fold) runTitle(r run) Line {
	words := f.view.words
	records := ""
	if r.count > 1 {
		records = f.view.marks.separator + words.Text("ladder.records", count(int64(r.count)))
	}
	switch {
	case r.sort == sealedData:
		return Line{{Warning, words.Text("ladder.sealed", count(int64(r.count)))}}
	case r.sort == notTLS && f.begun:
		return Line{{Warning, words.Text("ladder.not_tls")}}
	case r.sort == notTLS:
		return Line{{Data, words.Text("ladder.plain")}}
	case r.early:
		return Line{{Data, words.Text("ladder.early")}, {Dim, records}}
	}
	return Line{{Data, words.Text("ladder.data")}, {Dim, records}}
}

func (f *fold) message(e observe.Event, b *observe.Message) {
	f.begun = true
	s := step{
		dir:   e.Dir,
		seal:  sealOf(b.Encrypted, b.Opened()),
		title: Line{{sender(e.Dir), b.Type}},
		size:  size(int64(b.Length)),
	}
	if b.Type == observe.TypeEncryptedHandshake {
		s.title = Line{{Warning, f.view.words.Text("ladder.sealed_handshake")}}
		if b.Length == 0 { // nobody knows
			s.size = ""
		}
	}
	switch s.more = f.view.details(b); {
	case f.view.verbose && b.Opened():
		s.more = f.view.everything(b)
	case b.Type == "ClientHello":
		s.more, f.hello = f.changed(s.more), s.more
	}
	if f.view.hex {
		s.more = append(s.more, f.view.dump(b.Raw, 0)...)
	}
	f.push(e, s)
}

// changed leaves of a ClientHello's details those that are not as in the one before it: after a
// HelloRetryRequest they are what matters.
func (f *fold) changed(now []detail) []detail {
	if f.hello == nil {
		return now
	}
	var news []detail
	for _, d := range now {
		if !slices.ContainsFunc(f.hello, d.equal) {
			news = append(news, d)
		}
	}
	return append(news, detail{text: Line{{Dim, f.view.words.Text("ladder.as_before")}}})
}

// sender is the role of what goes in a direction.
func sender(d observe.Dir) Role {
	return [...]Role{Normal, Client, Server}[d%3]
}

func (f *fold) changeCipherSpec(e observe.Event, b *observe.ChangeCipherSpec) {
	title := Line{{sender(e.Dir), "ChangeCipherSpec"}}
	if f.tls13 {
		title = Line{{Dim, "ChangeCipherSpec " + f.view.words.Text("ladder.ccs13")}}
	}
	f.push(e, step{dir: e.Dir, seal: sealOf(b.Encrypted, true), title: title})
}

// orderly lists the alerts that end a connection as they should, with no word of blame.
var orderly = map[string]bool{"close_notify": true, "user_canceled": true}

func (f *fold) alert(e observe.Event, b *observe.Alert) {
	s := step{dir: e.Dir, seal: sealOf(b.Encrypted, b.Opened)}
	words := f.view.words
	switch {
	case !b.Opened:
		s.title = Line{{Warning, words.Text("ladder.sealed_alert")}}
	case orderly[b.Description]:
		s.title = Line{{sender(e.Dir), "Alert"}, {Normal, " " + b.Description}}
	default:
		s.title = Line{{alertRole(b.Level), "Alert " + b.Level + " " + b.Description}}
		if id := "alert." + b.Description; words.Has(id) {
			s.more = []detail{{text: Line{{Normal, words.Text(id)}}}}
		}
	}
	f.push(e, s)
}

func alertRole(level string) Role {
	if level == "warning" {
		return Warning
	}
	return Error
}

// keys is a note that the sender of a direction changes its keys.
func (f *fold) keys(e observe.Event, b *observe.KeysInstalled) {
	words := f.view.words
	what := words.Or(string(b.Epoch), "ladder.epoch."+string(b.Epoch))
	if b.Generation > 0 {
		what = words.Text("ladder.generation", what, b.Generation)
	}
	title := Line{
		{Secret, f.view.marks.key + string(glue)},
		{sender(e.Dir), words.Text("ladder.keys."+e.Dir.From()) + " "},
		{Secret, what},
	}
	sep := f.view.marks.separator
	for _, s := range []Segment{{Normal, cipherOf(b.CipherSuite)}, {Dim, b.Secret}} {
		if s.Text != "" {
			title = append(title, Segment{Dim, sep}, s)
		}
	}
	f.push(e, step{kind: note, dir: e.Dir, title: title})
}

// cipherOf is the part of a suite's name that protects records.
func cipherOf(suite string) string {
	_, cipher, found := strings.Cut(suite, "_WITH_")
	if !found {
		cipher = strings.TrimPrefix(suite, "TLS_")
	}
	if i := strings.LastIndex(cipher, "_SHA"); i > 0 {
		cipher = cipher[:i]
	}
	return strings.ReplaceAll(cipher, "_", "-")
}

// peer adds what the certificates say to the message that brought them.
func (f *fold) peer(e observe.Event, b *observe.Peer) {
	more := f.view.chain(b.Certificates)
	for i := len(f.list) - 1; i >= 0; i-- {
		if s := f.list[i]; s.dir == e.Dir && s.kind == rung && carriesChain(s.title) {
			s.more = append(s.more, more...)
			s.clean()
			return
		}
	}
	f.push(e, step{kind: note, dir: e.Dir, title: Line{{sender(e.Dir), "Certificate"}}, more: more})
}

func carriesChain(title Line) bool {
	return len(title) > 0 && (title[0].Text == "Certificate" || title[0].Text == "CompressedCertificate")
}

func (f *fold) gap(e observe.Event, b *observe.Gap) {
	f.note(e, Warning, f.view.words.Text("ladder.gap."+string(b.Reason), f.view.direction(e.Dir), size(b.Length)))
}

// direction says who sends to whom.
func (v *view) direction(d observe.Dir) string {
	from, to := v.words.Text("ladder.client"), v.words.Text("ladder.server")
	if d == observe.ServerToClient {
		from, to = to, from
	}
	return glued(from, v.marks.arrow, to)
}

func (f *fold) finding(e observe.Event, b *observe.Finding) {
	fact := f.view.fact(b.Code, b.Text)
	if b.Why != "" {
		fact = f.view.closed(b.Why, fact)
	}
	title := f.view.findingLine(b.Severity, b.Code, join(b.Where, fact), b.Ref)
	if from := e.Dir.From(); from != "" {
		who := Segment{sender(e.Dir), f.view.words.Text("ladder." + from)}
		title = slices.Insert(title, 1, who, Segment{Dim, f.view.marks.separator})
	}
	f.push(e, step{kind: note, dir: e.Dir, title: title})
}

// closed says why records were not opened; otherwise where there are no words for that.
func (v *view) closed(why observe.DecryptError, otherwise string) string {
	if why == observe.DecryptNoSecret && v.keyless != nil && v.keyless() {
		return v.words.Text("decrypt.no_key_log")
	}
	return v.words.Or(otherwise, "decrypt."+string(why))
}

// join puts a place before a fact.
func join(where, text string) string {
	if where == "" {
		return text
	}
	return where + ": " + text
}

// fact is what was found, where all findings of a code are alike in words of the language.
func (v *view) fact(code, text string) string { return v.words.Or(text, "fact."+code) }

// findingLine says what was found: in words where the code has some, and the fact.
func (v *view) findingLine(severity observe.Severity, code, fact, ref string) Line {
	role := severityRole(severity)
	line := Line{{role, v.marks.finding + string(glue)}, {role, v.words.Or(code, "finding."+code)}}
	if fact != "" {
		line = append(line, Segment{Dim, v.marks.separator}, Segment{Normal, fact})
	}
	if ref != "" {
		line = append(line, Segment{Dim, " (" + strings.ReplaceAll(ref, " ", string(glue)) + ")"})
	}
	return line
}

func severityRole(s observe.Severity) Role {
	switch s {
	case observe.SeverityError:
		return Error
	case observe.SeverityWarning:
		return Warning
	}
	return Label
}

func (f *fold) flowClosed(e observe.Event, b *observe.FlowClosed) {
	if id := "ladder.end." + string(b.End); f.view.words.Has(id) {
		f.note(e, Warning, f.view.words.Text(id))
	}
}
