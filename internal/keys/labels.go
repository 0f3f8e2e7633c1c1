package keys

// Label stands for one derivation: what is derived, from which secret, under which name.
type Label uint8

// The derivations of TLS 1.3 (RFC 9846 §7), then those of TLS 1.2.
const (
	ExternalBinderKey Label = iota + 1
	ResumptionBinderKey
	ImportedBinderKey
	ClientEarlyTraffic
	EarlyExporter
	ClientHandshakeTraffic
	ServerHandshakeTraffic
	ClientApplicationTraffic
	ServerApplicationTraffic
	ExporterSecret
	ResumptionSecret
	Derived
	NextTraffic
	FinishedKey
	WriteKey
	WriteIV
	TicketPSK
	ImportedPSK
	ExporterBase
	ExporterValue

	MainSecret
	ExtendedMainSecret
	KeyExpansion
	ClientFinished
	ServerFinished
	ExporterValue12
)

// Source is the kind of secret that a derivation starts from.
type Source uint8

// The sources: the three rungs of the TLS 1.3 ladder, the secrets derived from them, an external PSK, and TLS 1.2's two.
const (
	FromEarly Source = iota + 1
	FromHandshake
	FromMain
	FromAnyRung
	FromTraffic
	FromResumption
	FromExporter
	FromExternal
	FromPremaster
	FromMain12
)

// Side is the end of a connection that a derived value belongs to.
type Side uint8

// Both is the zero value: the derived value belongs to neither end more than to the other.
const (
	Both Side = iota
	Client
	Server
)

// String returns "client", "server" or "both".
func (s Side) String() string { return [...]string{"both", "client", "server"}[s] }

// derivation is one row of the table of labels.
type derivation struct {
	name     string // what is derived, in the RFC's words
	wire     string // the label that goes into the computation; empty where the caller's own goes in
	keyLog   string // the label of the key log (RFC 9850 §2.1, §2.2); empty where the value is not logged
	from     Source
	side     Side
	messages string // the transcript that goes in as context; empty where there is none or another context
}

// The labels say "master" where the RFC's text says "main" (RFC 9846 §7.1).
var derivations = [...]derivation{
	ExternalBinderKey:        {"binder_key", "ext binder", "", FromEarly, Client, ""},
	ResumptionBinderKey:      {"binder_key", "res binder", "", FromEarly, Client, ""},
	ImportedBinderKey:        {"binder_key", "imp binder", "", FromEarly, Client, ""}, // RFC 9258 §5.2
	ClientEarlyTraffic:       {"client_early_traffic_secret", "c e traffic", "CLIENT_EARLY_TRAFFIC_SECRET", FromEarly, Client, "ClientHello"},
	EarlyExporter:            {"early_exporter_secret", "e exp master", "EARLY_EXPORTER_SECRET", FromEarly, Both, "ClientHello"},
	ClientHandshakeTraffic:   {"client_handshake_traffic_secret", "c hs traffic", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", FromHandshake, Client, "ClientHello...ServerHello"},
	ServerHandshakeTraffic:   {"server_handshake_traffic_secret", "s hs traffic", "SERVER_HANDSHAKE_TRAFFIC_SECRET", FromHandshake, Server, "ClientHello...ServerHello"},
	ClientApplicationTraffic: {"client_application_traffic_secret_0", "c ap traffic", "CLIENT_TRAFFIC_SECRET_0", FromMain, Client, "ClientHello...server Finished"},
	ServerApplicationTraffic: {"server_application_traffic_secret_0", "s ap traffic", "SERVER_TRAFFIC_SECRET_0", FromMain, Server, "ClientHello...server Finished"},
	ExporterSecret:           {"exporter_secret", "exp master", "EXPORTER_SECRET", FromMain, Both, "ClientHello...server Finished"},
	ResumptionSecret:         {"resumption_secret", "res master", "", FromMain, Both, "ClientHello...client Finished"},
	Derived:                  {"derived", "derived", "", FromAnyRung, Both, ""},
	NextTraffic:              {"application_traffic_secret_N+1", "traffic upd", "", FromTraffic, Both, ""},
	FinishedKey:              {"finished_key", "finished", "", FromTraffic, Both, ""},
	WriteKey:                 {"write_key", "key", "", FromTraffic, Both, ""},
	WriteIV:                  {"write_iv", "iv", "", FromTraffic, Both, ""},
	TicketPSK:                {"PSK", "resumption", "", FromResumption, Both, ""},
	ImportedPSK:              {"ipskx", "derived psk", "", FromExternal, Both, ""}, // RFC 9258 §5.1
	ExporterBase:             {"exporter base", "", "", FromExporter, Both, ""},
	ExporterValue:            {"exporter value", "exporter", "", FromExporter, Both, ""},

	MainSecret:         {"master_secret", "master secret", "CLIENT_RANDOM", FromPremaster, Both, ""},
	ExtendedMainSecret: {"master_secret", "extended master secret", "CLIENT_RANDOM", FromPremaster, Both, "ClientHello...ClientKeyExchange"},
	KeyExpansion:       {"key_block", "key expansion", "", FromMain12, Both, ""},
	ClientFinished:     {"verify_data", "client finished", "", FromMain12, Client, "all before this message"},
	ServerFinished:     {"verify_data", "server finished", "", FromMain12, Server, "all before this message"},
	ExporterValue12:    {"exporter value", "", "", FromMain12, Both, ""},
}

// String returns what is derived, in the RFC's words: "client_handshake_traffic_secret".
func (l Label) String() string { return derivations[l].name }

// Wire returns the label as it goes into the computation, without the "tls13 " prefix; empty for an exporter's, which the
// application chooses.
func (l Label) Wire() string { return derivations[l].wire }

// KeyLog returns the label of the key log format (RFC 9850 §2.1, §2.2), empty for values that the format does not have.
func (l Label) KeyLog() string { return derivations[l].keyLog }

// From returns the kind of secret that the derivation starts from.
func (l Label) From() Source { return derivations[l].from }

// Side returns the end that the value belongs to.
func (l Label) Side() Side { return derivations[l].side }

// Messages names the handshake messages whose hash is the context, empty where none are.
func (l Label) Messages() string { return derivations[l].messages }

// Log receives each secret that has a key log label, the moment it exists. The Secret is a copy that is wiped when Log
// returns.
type Log func(Label, Secret)

func (log Log) write(l Label, s []byte) {
	if log == nil || l.KeyLog() == "" {
		return
	}
	c := Secret(s).Clone()
	defer c.Wipe()
	log(l, c)
}
