package ladder

import (
	"strconv"
	"strings"
	"time"

	"github.com/akushu/akushu/observe"
)

// summary draws what the Session says, a table of labels and values.
type summary struct {
	*view
	*observe.Session
}

// summaryTable is the rows in their order. A row without text is left out.
var summaryTable = []struct {
	label string // its id after "summary.label."
	text  func(summary) []Line
}{
	{"suite", summary.suite},
	{"group", summary.group},
	{"forward_secret", summary.forwardSecret},
	{"server_name", summary.serverName},
	{"alpn", summary.alpn},
	{"resumption", summary.resumption},
	{"early_data", summary.earlyData},
	{"certificate", summary.certificate},
	{"client_certificate", summary.clientCertificate},
	{"checks", summary.checks},
	{"messages", summary.messages},
	{"round_trips", summary.roundTrips},
	{"times", summary.times},
	{"data", summary.data},
	{"http", summary.http},
	{"decrypted", summary.decrypted},
	{"tcp", summary.tcp},
	{"alerts", summary.alerts},
	{"findings", summary.findings},
	{"truncated", summary.truncated},
}

func summarise(v *view, session *observe.Session) []Line {
	s := summary{v, session}
	lines := s.heading()
	rows := s.rows()
	width := 0
	for _, r := range rows {
		width = max(width, s.StringWidth(r.label))
	}
	for _, r := range rows {
		lines = append(lines, s.row(r.label, width, r.text)...)
	}
	return append(lines, s.keys()...)
}

type summaryRow struct {
	label string
	text  []Line
}

func (s summary) rows() []summaryRow {
	var rows []summaryRow
	for _, r := range summaryTable {
		if text := r.text(s); len(text) > 0 {
			rows = append(rows, summaryRow{s.words.Text("summary.label." + r.label), text})
		}
	}
	return rows
}

// row draws one row: its label once, its text below each other.
func (s summary) row(label string, width int, text []Line) []Line {
	const indent = 2
	var lines []Line
	start := s.pad(Line{{Dim, strings.Repeat(" ", indent)}, {Label, label}}, indent+width+2)
	if s.width < narrow { // the label stands on a line of its own
		lines, start = []Line{start}, s.pad(nil, 2*indent)
	}
	for _, t := range text {
		width := s.width - s.line(start)
		for i, part := range s.brief(s.wrap(clean(t), width), width) {
			if i > 0 && len(text) > 1 { // one entry of a list goes on
				part = append(Line{{Dim, "  "}}, part...)
			}
			lines = append(lines, append(start[:len(start):len(start)], part...))
			start = s.pad(nil, s.line(start))
		}
	}
	return lines
}

// heading says in one line what this connection was, and how it went.
func (s summary) heading() []Line {
	line := Line{{Dim, strings.Repeat(s.marks.rule, 2) + " "}}
	switch {
	case !s.TLS() && s.TCP.Cut > 0 && len(s.HTTP) == 0:
		line = append(line, Segment{Heading, s.words.Text("summary.no_tls_seen")})
	case !s.TLS():
		line = append(line, Segment{Heading, s.words.Text("summary.no_tls")})
	case fromMiddle(s.Session):
		line = append(line, Segment{Heading, s.words.Text("table.tls_from_middle")})
	default:
		line = append(line, s.parameters()...)
		line = append(line, s.outcome())
	}
	line = append(clean(line), Segment{Dim, " "})
	if n := s.width - s.line(line); n > 0 {
		line = append(line, Segment{Dim, strings.Repeat(s.marks.rule, n)})
	}
	return s.wrap(line, s.width)
}

func (s summary) parameters() Line {
	var line Line
	for _, text := range []string{s.Version, s.CipherSuite} {
		if text != "" {
			line = append(line, Segment{Heading, text}, Segment{Dim, s.marks.separator})
		}
	}
	return line
}

func (s summary) outcome() Segment {
	switch {
	case s.Complete:
		return Segment{Good, s.words.Text("summary.complete")}
	case s.DecryptError != "" && s.Version != "" || s.Partial():
		return Segment{Warning, s.words.Text("summary.unknown")}
	}
	return Segment{Error, s.words.Text("summary.incomplete")}
}

func text(role Role, words string) []Line { return []Line{{{role, words}}} }

// suite takes the suite apart.
func (s summary) suite() []Line {
	parts := []string{}
	for _, p := range []struct{ id, value string }{
		{"summary.key_exchange", s.Suite.KeyExchange},
		{"summary.authentication", s.Suite.Authentication},
		{"summary.cipher", s.Suite.Cipher},
		{"summary.hash", s.Suite.Hash},
	} {
		if p.value != "" {
			parts = append(parts, glued(s.words.Text(p.id), p.value))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return text(Normal, strings.Join(parts, s.marks.separator))
}

// group is where the parts of a 1.3 suite come from.
func (s summary) group() []Line {
	line := Line{}
	for _, value := range []string{s.Group, s.SignatureScheme} {
		if value == "" {
			continue
		}
		if len(line) > 0 {
			line = append(line, Segment{Dim, s.marks.separator})
		}
		line = append(line, Segment{Normal, value})
	}
	if len(line) == 0 {
		return nil
	}
	return []Line{line}
}

func (s summary) forwardSecret() []Line {
	if s.Version == "" {
		return nil
	}
	role := map[observe.Answer]Role{observe.Yes: Good, observe.No: Warning}[s.ForwardSecret]
	answer := s.words.Text("summary.answer." + string(s.ForwardSecret))
	why := s.words.Or(s.ForwardSecretWhy, "forward_secret."+s.ForwardSecretWhy)
	return []Line{{{role, answer}, {Dim, s.marks.separator}, {Normal, why}}}
}

func (s summary) serverName() []Line { return optional(s.ServerName) }

func (s summary) alpn() []Line { return optional(s.ALPN) }

func optional(value string) []Line {
	if value == "" {
		return nil
	}
	return text(Normal, value)
}

func (s summary) resumption() []Line {
	var all []Line
	if s.Resumed {
		all = append(all, text(Normal, s.words.Text("summary.resumed"))...)
	}
	if s.HelloRetry {
		all = append(all, text(Normal, s.words.Text("summary.hello_retry"))...)
	}
	return all
}

func (s summary) earlyData() []Line {
	if s.EarlyData == observe.EarlyDataNone || s.EarlyData == "" {
		return nil
	}
	return text(Normal, s.words.Text("summary.early."+string(s.EarlyData)))
}

func (s summary) certificate() []Line { return s.certificateOf("server") }

// clientCertificate is there where the server asked for one.
func (s summary) clientCertificate() []Line {
	if all := s.certificateOf("client"); all != nil || !s.ClientAuth {
		return all
	}
	return text(Warning, s.words.Text("summary.no_client_certificate"))
}

func (s summary) certificateOf(from string) []Line {
	for i := range s.Certificates {
		c := &s.Certificates[i]
		if c.From == from && !c.NotAfter.IsZero() {
			return []Line{{{Normal, c.Subject}, {Dim, s.marks.separator}, {Normal, c.Key}, {Dim, s.marks.separator}, s.age(c)}}
		}
	}
	return nil
}

// age compares a certificate's dates with the time of the connection.
func (s summary) age(c *observe.Certificate) Segment {
	const oneDay = 24 * time.Hour
	now, from, to := s.Start.Time, c.NotBefore.Time, c.NotAfter.Time
	switch left := to.Sub(now); {
	case now.IsZero():
		return Segment{Normal, s.until(c)}
	case now.Before(from):
		return Segment{Error, s.words.Text("summary.not_yet_valid", day(from))}
	case left < 0:
		return Segment{Error, s.words.Text("summary.expired", day(to))}
	default:
		return Segment{Normal, s.until(c) + " " + s.words.Text("summary.days_left", count(int64(left/oneDay)))}
	}
}

func (s summary) messages() []Line {
	if len(s.Messages) == 0 {
		return nil
	}
	n, encrypted := map[string]int{}, 0
	for _, m := range s.Messages {
		n[m.From]++
		if m.Encrypted {
			encrypted++
		}
	}
	parts := []string{
		s.words.Text("summary.count.client", n["client"]),
		s.words.Text("summary.count.server", n["server"]),
	}
	if encrypted > 0 {
		parts = append(parts, s.words.Text("summary.count.encrypted", encrypted))
	}
	return text(Normal, strings.Join(parts, s.marks.separator))
}

func (s summary) roundTrips() []Line {
	if !s.Complete {
		return nil
	}
	n := s.RoundTrips
	return []Line{{
		{Normal, glued("TCP", strconv.Itoa(n.TCP), "+", "TLS", strconv.Itoa(n.TLS)) + " "},
		{Dim, s.words.Text("summary.before_data")},
	}}
}

// times says how long TCP, the handshake and the whole took.
func (s summary) times() []Line {
	var parts []string
	for _, t := range []struct {
		id   string
		time time.Duration
	}{
		{"summary.time.tcp", s.connect()},
		{"summary.time.tls", s.handshake()},
		{"summary.time.all", time.Duration(s.Duration)},
	} {
		if t.time > 0 {
			parts = append(parts, glued(s.words.Text(t.id), elapsed(t.time)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return text(Normal, strings.Join(parts, s.marks.separator))
}

func (s summary) connect() time.Duration {
	if s.Connect > 0 {
		return time.Duration(s.Connect)
	}
	return time.Duration(s.TCP.RTT * float64(time.Millisecond))
}

// handshake is the time from the first message to the second Finished.
func (s summary) handshake() time.Duration {
	finished := 0
	for _, m := range s.Messages {
		if m.Type == "Finished" {
			if finished++; finished == 2 {
				return time.Duration(m.Time - s.Messages[0].Time)
			}
		}
	}
	return 0
}

func (s summary) data() []Line {
	client, server := s.ApplicationData.Client.Bytes, s.ApplicationData.Server.Bytes
	if client+server == 0 {
		return nil
	}
	return text(Normal, s.words.Text("summary.count.client", size(client))+s.marks.separator+
		s.words.Text("summary.count.server", size(server)))
}

const httpShown = 5

func (s summary) http() []Line {
	var all []Line
	for i, x := range s.HTTP {
		if i == httpShown {
			return append(all, text(Dim, s.words.Text("ladder.more", len(s.HTTP)-i))...)
		}
		line := Line{{Data, strings.TrimSpace(x.Method + " " + x.Path)}}
		if x.Status != 0 {
			line = append(line, Segment{Normal, " " + s.marks.arrow + " " + strconv.Itoa(x.Status)})
		}
		all = append(all, append(line, Segment{Dim, " " + x.Protocol}))
	}
	return all
}

// decrypted says whether all could be read, and what to do if not.
func (s summary) decrypted() []Line {
	why := ""
	if s.DecryptError != "" {
		why = s.closed(s.DecryptError, string(s.DecryptError))
	}
	switch {
	case s.Decrypted && why == "":
		return text(Good, s.words.Text("summary.decrypted.all"))
	case why == "":
		return nil
	case s.Decrypted:
		return []Line{{{Warning, s.words.Text("summary.decrypted.part")}, {Dim, s.marks.separator}, {Normal, why}}}
	}
	return []Line{{{Warning, s.words.Text("summary.decrypted.none")}, {Dim, s.marks.separator}, {Normal, why}}}
}

// tcp is there where packets were lost.
func (s summary) tcp() []Line {
	if s.TCP.Retransmissions+s.TCP.Gaps == 0 {
		return nil
	}
	return text(Warning, s.loss(&s.TCP))
}

// loss says what is missing of a connection, and whether that is so because the capture cut its packets.
func (v *view) loss(t *observe.TCP) string {
	text := v.words.Text("summary.loss", t.Retransmissions, t.Gaps)
	if t.Cut > 0 {
		text += v.marks.separator + v.words.Text("summary.cut", t.Cut)
	}
	return text
}

// alerts lists those that say more than goodbye.
func (s summary) alerts() []Line {
	var all []Line
	for _, a := range s.Alerts {
		if orderly[a.Description] || a.Description == "" {
			continue
		}
		line := Line{{alertRole(a.Level), a.Level + " " + a.Description}}
		line = append(line, Segment{Dim, " " + s.words.Text("summary.from."+a.From)})
		if id := "alert." + a.Description; s.words.Has(id) {
			line = append(line, Segment{Dim, s.marks.separator}, Segment{Normal, s.words.Text(id)})
		}
		all = append(all, line)
	}
	return all
}

// toldAsDecrypted are the findings that say what the row of decryption says.
var toldAsDecrypted = map[string]bool{observe.CodeCannotDecrypt: true, observe.CodeUnsupported: true, observe.CodeWrongSecret: true}

// findings lists each once: both directions may have the same one.
func (s summary) findings() []Line {
	var all []Line
	told := make(map[[2]string]bool)
	for _, f := range s.Findings {
		fact := s.fact(f.Code, f.Text)
		if f.Code == observe.CodePartialMessage {
			fact = join(f.Where, fact)
		}
		what := [2]string{f.Code, fact}
		if told[what] || toldAsDecrypted[f.Code] && s.DecryptError != "" {
			continue
		}
		told[what] = true
		all = append(all, s.findingLine(f.Severity, f.Code, fact, ""))
	}
	return all
}

func (s summary) truncated() []Line {
	if len(s.Truncated) == 0 {
		return nil
	}
	return text(Warning, s.words.Text("summary.truncated", strings.Join(s.Truncated, ", ")))
}

// is13 reports whether a version, as observe names it, is TLS 1.3 or a draft of it.
func is13(version string) bool { return strings.HasPrefix(version, "TLS 1.3") }
