package ladder

import (
	"strconv"
	"strings"

	"github.com/akushu/akushu/observe"
)

// shown is a field that the ladder shows of a message.
type shown struct {
	label string   // its label's id, after "ladder.label."
	ids   []string // the field's stable ids; the first that the message has counts
	// show makes words of the values; nil shows them as they are.
	show func(*view, []string) string
	most int // how many values are shown before the rest is counted; 0 for all
}

// fieldTable says what matters in which message, by the ids of observe. What is not here
// is left to views that show everything.
var fieldTable = map[string][]shown{
	"client_hello": {
		{label: "versions", ids: []string{"client_hello.supported_versions.versions.version", "client_hello.legacy_version"}},
		{label: "server_name", ids: []string{"client_hello.server_name.server_name_list.host_name"}, show: unquoted},
		{label: "alpn", ids: []string{alpnOf("client_hello")}, show: unquoted},
		{label: "suites", ids: []string{"client_hello.cipher_suites.cipher_suite"}, most: 3},
		{label: "groups", ids: []string{"client_hello.supported_groups.named_group_list.named_group"}, most: 6},
		{label: "key_shares", ids: []string{"client_hello.key_share.client_shares.group"}},
		{label: "signatures", ids: []string{"client_hello.signature_algorithms.supported_signature_algorithms.algorithm"}, most: 3},
		{label: "psk", ids: []string{"client_hello.pre_shared_key.identities.identity"}, show: pskCount},
		{label: "ticket", ids: []string{"client_hello.session_ticket"}, show: offeredTicket},
		{label: "early_data", ids: []string{"client_hello.early_data.length"}, show: fixed("offered")},
		{label: "cookie", ids: []string{"client_hello.cookie.cookie"}, show: hexLength},
	},
	"server_hello": {
		{label: "version", ids: []string{"server_hello.supported_versions.selected_version", "server_hello.legacy_version"}},
		{label: "suite", ids: []string{"server_hello.cipher_suite"}},
		{label: "group", ids: []string{"server_hello.key_share.server_share.group"}},
		{label: "psk", ids: []string{"server_hello.pre_shared_key.selected_identity"}, show: chosenPSK},
		{label: "alpn", ids: []string{alpnOf("server_hello")}, show: unquoted},
		{label: "main_secret", ids: []string{"server_hello.extended_main_secret.length"}, show: fixed("extended")},
	},
	"hello_retry_request": {
		{label: "version", ids: []string{"hello_retry_request.supported_versions.selected_version", "hello_retry_request.legacy_version"}},
		{label: "suite", ids: []string{"hello_retry_request.cipher_suite"}},
		{label: "wanted_group", ids: []string{"hello_retry_request.key_share.selected_group"}},
		{label: "cookie", ids: []string{"hello_retry_request.cookie.cookie"}, show: hexLength},
	},
	"encrypted_extensions": {
		{label: "alpn", ids: []string{alpnOf("encrypted_extensions")}, show: unquoted},
		{label: "early_data", ids: []string{"encrypted_extensions.early_data.length"}, show: fixed("accepted")},
		{label: "record_limit", ids: []string{"encrypted_extensions.record_size_limit"}, show: byteNumber},
	},
	"certificate": {
		{label: "stapled", ids: []string{"certificate.certificate_list.status_request.status_type"}, most: 1},
	},
	"compressed_certificate": {
		{label: "compression", ids: []string{"compressed_certificate.algorithm"}},
		{label: "unpacked", ids: []string{"compressed_certificate.uncompressed_length"}, show: byteNumber},
	},
	"certificate_status": {
		{label: "stapled", ids: []string{"certificate_status.status_type"}},
	},
	"certificate_request": {
		{label: "signatures", ids: []string{"certificate_request.signature_algorithms.supported_signature_algorithms.algorithm"}, most: 3},
		{label: "authorities", ids: []string{"certificate_request.certificate_authorities.authorities.distinguished_name"}, show: nameCount},
	},
	"certificate_request_1_2": {
		{label: "certificate_types", ids: []string{"certificate_request_1_2.certificate_types"}},
		{label: "signatures", ids: []string{"certificate_request_1_2.supported_signature_algorithms.algorithm"}, most: 3},
		{label: "authorities", ids: []string{"certificate_request_1_2.certificate_authorities.distinguished_name"}, show: nameCount},
	},
	"certificate_verify": {
		{label: "signature", ids: []string{"certificate_verify.algorithm"}},
	},
	"server_key_exchange": {
		{label: "group", ids: []string{"server_key_exchange.named_curve"}},
		{label: "prime", ids: []string{"server_key_exchange.dh_p"}, show: bits},
		{label: "signature", ids: []string{"server_key_exchange.algorithm"}},
		{label: "psk_hint", ids: []string{"server_key_exchange.psk_identity_hint"}, show: hexLength},
	},
	"client_key_exchange": {
		{label: "public_key", ids: []string{"client_key_exchange.ecdh_Yc", "client_key_exchange.dh_Yc"}, show: hexLength},
		{label: "premaster", ids: []string{"client_key_exchange.encrypted_pre_master_secret"}, show: hexLength},
		{label: "psk", ids: []string{"client_key_exchange.psk_identity"}, show: hexLength},
	},
	"new_session_ticket": {
		{label: "lifetime", ids: []string{"new_session_ticket.ticket_lifetime"}, show: seconds},
		{label: "ticket", ids: []string{"new_session_ticket.ticket"}, show: hexLength},
		{label: "early_data", ids: []string{"new_session_ticket.early_data.max_early_data_size"}, show: upTo},
	},
	"new_session_ticket_1_2": {
		{label: "lifetime", ids: []string{"new_session_ticket_1_2.ticket_lifetime_hint"}, show: seconds},
		{label: "ticket", ids: []string{"new_session_ticket_1_2.ticket"}, show: hexLength},
	},
	"key_update": {
		{label: "answer", ids: []string{"key_update.request_update"}, show: keyUpdate},
	},
}

func alpnOf(message string) string {
	return message + ".application_layer_protocol_negotiation.protocol_name_list.protocol_name"
}

// details takes out of a message what fieldTable says.
func (v *view) details(m *observe.Message) []detail {
	table := fieldTable[m.ID]
	if table == nil {
		return nil
	}
	fields := m.Fields()
	var all []detail
	for i := range table {
		if text := v.fieldText(&table[i], fields); text != "" {
			all = append(all, detail{label: table[i].label, text: Line{{Normal, text}}})
		}
	}
	return all
}

func (v *view) fieldText(f *shown, fields []observe.Field) string {
	for _, id := range f.ids {
		values := observe.Texts(fields, id)
		if len(values) == 0 {
			continue
		}
		for i, value := range values {
			if isGREASE(value) {
				values[i] = "GREASE"
			}
		}
		if f.show != nil {
			return f.show(v, values)
		}
		return v.list(values, f.most)
	}
	return ""
}

// isGREASE reports whether text is one of the code points that are there only so that
// unknown ones stay allowed (RFC 8701 §2): 0x0a0a, 0x1a1a, …
func isGREASE(text string) bool {
	digits, number := strings.CutPrefix(text, "0x")
	return number && len(digits) == 4 && digits[:2] == digits[2:] && digits[1] == 'a'
}

// list joins values, at most so many of them unless that is 0.
func (v *view) list(values []string, most int) string {
	rest := 0
	if most > 0 && len(values) > most+1 { // to count a single one would save nothing
		values, rest = values[:most], len(values)-most
	}
	text := strings.Join(values, ", ")
	if rest > 0 {
		text += ", " + v.words.Text("ladder.more", rest)
	}
	return text
}

// unquoted shows text without the quotes that observe puts around it; control characters
// in it stay escaped.
func unquoted(v *view, values []string) string {
	for i, s := range values {
		values[i] = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	}
	return v.list(values, 8)
}

// hexLength says how long a byte string is, which comes in hexadecimal.
func hexLength(_ *view, values []string) string { return size(int64(len(values[0]) / 2)) }

// bits is the length of a number in bits, give or take seven.
func bits(v *view, values []string) string {
	digits := strings.TrimLeft(values[0], "0")
	return v.words.Text("ladder.bits", count(int64(len(digits)*4)))
}

func byteNumber(_ *view, values []string) string { return size(number(values[0])) }

func upTo(v *view, values []string) string {
	return v.words.Text("ladder.up_to", size(number(values[0])))
}

func pskCount(v *view, values []string) string {
	return v.words.Text("ladder.offered_count", len(values))
}

func nameCount(v *view, values []string) string {
	return v.words.Text("ladder.names_count", len(values))
}

func chosenPSK(v *view, values []string) string {
	return v.words.Text("ladder.chosen_psk", number(values[0])+1)
}

// offeredTicket tells a ticket from the empty extension that only asks for one (RFC 5077 §3.2).
func offeredTicket(v *view, values []string) string {
	if values[0] == "" {
		return v.words.Text("ladder.ticket_wanted")
	}
	return v.words.Text("ladder.ticket_offered", size(int64(len(values[0])/2)))
}

func keyUpdate(v *view, values []string) string {
	return v.words.Or(values[0], "ladder.key_update."+values[0])
}

// fixed shows a word where a field is there, whatever it holds.
func fixed(word string) func(*view, []string) string {
	return func(v *view, _ []string) string { return v.words.Text("ladder.field." + word) }
}

// seconds shows a duration in the unit that fits it best.
func seconds(v *view, values []string) string {
	n := number(values[0])
	for _, unit := range []struct {
		id     string
		length int64
	}{{"days", 86400}, {"hours", 3600}, {"minutes", 60}} {
		if n >= unit.length && n%unit.length == 0 {
			return v.words.Text("ladder.time."+unit.id, count(n/unit.length))
		}
	}
	return v.words.Text("ladder.time.seconds", count(n))
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // what observe calls a number is one
	return n
}
