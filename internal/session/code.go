package session

import (
	"errors"

	"github.com/akushu/akushu/internal/alert"
	"github.com/akushu/akushu/internal/iana"
)

// Code is why a ticket, a session, a PSK or early data was not accepted: a word that never changes. It is an error, so
// that a function which may fail in other ways can return it too.
type Code string

// OK is the code of what was accepted.
const OK Code = ""

// Why a ticket or an identity stands for nothing.
const (
	TicketForeign  Code = "ticket_foreign"
	TicketForged   Code = "ticket_forged"
	SessionFormat  Code = "session_format"
	SessionUnknown Code = "session_unknown"
	SessionTooLong Code = "session_too_long"
)

// Why a session is not resumed.
const (
	SessionVersion      Code = "session_version"
	SessionSuite        Code = "session_suite"
	SessionExpired      Code = "session_expired"
	SessionFuture       Code = "session_future"
	SessionAuthAge      Code = "session_auth_age"
	SessionServerName   Code = "session_server_name"
	SessionALPN         Code = "session_alpn"
	SessionAuthPolicy   Code = "session_auth_policy"
	SessionMainUpgraded Code = "session_main_upgraded"
	SessionMainLegacy   Code = "session_main_legacy"
	SessionMainMissing  Code = "session_main_missing"
)

// Why a PSK is not used.
const (
	PSKUnknown Code = "psk_unknown"
	PSKVersion Code = "psk_version"
	PSKHash    Code = "psk_hash"
	PSKTooMany Code = "psk_too_many"
)

// Why early data is not accepted, or not sent.
const (
	EarlyNotOffered Code = "early_not_offered"
	EarlyOff        Code = "early_off"
	EarlyRetried    Code = "early_retried"
	EarlyNoPSK      Code = "early_no_psk"
	EarlyNotFirst   Code = "early_not_first"
	EarlyNotAllowed Code = "early_not_allowed"
	EarlyVersion    Code = "early_version"
	EarlySuite      Code = "early_suite"
	EarlyALPN       Code = "early_alpn"
	EarlyServerName Code = "early_server_name"
	EarlySize       Code = "early_size"
	EarlyStale      Code = "early_stale"
	EarlyFuture     Code = "early_future"
	EarlyReplayed   Code = "early_replayed"
	EarlyWarmUp     Code = "early_warm_up"
	EarlyFull       Code = "early_full"
	EarlyHorizon    Code = "early_horizon"
	EarlyFailed     Code = "early_failed"
	EarlySlow       Code = "early_slow"
)

type reason struct{ text, ref string }

// reasons says what each code means, and which section it follows, if any.
var reasons = map[Code]reason{
	TicketForeign:  {"the ticket was sealed under no key that is accepted here", "RFC 9846 §4.3.11"},
	TicketForged:   {"the ticket names a key of ours, but was not sealed with it or was changed since", "RFC 5077 §5.3"},
	SessionFormat:  {"the bytes are not a session in a format that is known here", ""},
	SessionUnknown: {"no session is kept under that ID", ""},
	SessionTooLong: {"the session makes a ticket that is too long to be sent in a ClientHello", "RFC 9846 §4.3.11"},

	SessionVersion:      {"the session is of another version than was negotiated", "RFC 5246 §7.4.1.3"},
	SessionSuite:        {"no cipher suite that the session can be resumed with may be used", "RFC 9846 §4.7.1"},
	SessionExpired:      {"the session's lifetime is over", "RFC 9846 §4.7.1"},
	SessionFuture:       {"the session was made in the future: a clock is wrong", ""},
	SessionAuthAge:      {"the handshake that authenticated the peer is too long ago", "RFC 9846 §4.7.1"},
	SessionServerName:   {"the session is for another server name", "RFC 6066 §3"},
	SessionALPN:         {"the session is for another application protocol", ""},
	SessionAuthPolicy:   {"the peer was authenticated under another policy than today's", ""},
	SessionMainUpgraded: {"the session has no extended main secret, but the client can make one", "RFC 7627 §5.3"},
	SessionMainLegacy:   {"the session has no extended main secret, without which none is resumed", "RFC 7627 §5.3"},
	SessionMainMissing:  {"the session has an extended main secret, but the client did not offer to use it", "RFC 7627 §5.3"},

	PSKUnknown: {"the identity stands for no PSK that is known here", "RFC 9846 §4.3.11"},
	PSKVersion: {"an external PSK is for TLS 1.3", "RFC 9846 §4.3.11"},
	PSKHash:    {"the PSK's hash is not that of a cipher suite that may be used", "RFC 9846 §4.3.11"},
	PSKTooMany: {"the identity comes after as many as are looked at", ""},

	EarlyNotOffered: {"the client did not offer early data", "RFC 9846 §4.3.10"},
	EarlyOff:        {"this server takes no early data", "RFC 9846 §4.3.10"},
	EarlyRetried:    {"the client was asked for a second ClientHello", "RFC 9846 §4.3.10"},
	EarlyNoPSK:      {"no PSK was selected", "RFC 9846 §4.3.10"},
	EarlyNotFirst:   {"the PSK that was selected is not the first that was offered", "RFC 9846 §4.3.10"},
	EarlyNotAllowed: {"the PSK is not for early data", "RFC 9846 §4.3.10"},
	EarlyVersion:    {"the version is not that of the PSK", "RFC 9846 §4.3.10"},
	EarlySuite:      {"the cipher suite is not that of the PSK", "RFC 9846 §4.3.10"},
	EarlyALPN:       {"the application protocol is not that of the PSK", "RFC 9846 §4.3.10"},
	EarlyServerName: {"the server name is not that of the PSK", ""},
	EarlySize:       {"the ticket allows more early data than this server takes now", "RFC 9846 §4.7.1"},
	EarlyStale:      {"the ClientHello is older than the window", "RFC 9846 §8.3"},
	EarlyFuture:     {"the ClientHello is from the future by more than the window", "RFC 9846 §8.3"},
	EarlyReplayed:   {"early data of this ClientHello was accepted before", "RFC 9846 §8.2"},
	EarlyWarmUp:     {"this server has not been up long enough to know what was accepted before", "RFC 9846 §8.2"},
	EarlyFull:       {"the register of accepted ClientHellos is full", "RFC 9846 §8.2"},
	EarlyHorizon:    {"the ClientHello would have to be remembered for longer than the register does", "RFC 9846 §8.2"},
	EarlyFailed:     {"the register of accepted ClientHellos failed", "RFC 9846 §8"},
	EarlySlow:       {"the register of accepted ClientHellos did not answer in time", "RFC 9846 §8"},
}

// Error says what the code means.
func (c Code) Error() string { return reasons[c].text }

// Ref returns the section that the code follows, or "".
func (c Code) Ref() string { return reasons[c].ref }

// Abort returns the error with which the handshake must end where c is why a session is not resumed; nil, as for all
// but one, where it goes on without it.
func (c Code) Abort() error {
	if c != SessionMainMissing {
		return nil
	}
	return alert.NoCommonGround("client_hello."+iana.ExtExtendedMainSecret.String(), c.Ref(), "%w", c)
}

// CodeOf returns the first code in err's chain, or OK where there is none.
func CodeOf(err error) Code {
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return OK
}
