package keylog

import "slices"

// The labels that RFC 9850 registers (§2, §4.2), in the order of its table.
const (
	LabelClientRandom                 = "CLIENT_RANDOM"
	LabelClientEarlyTrafficSecret     = "CLIENT_EARLY_TRAFFIC_SECRET"
	LabelEarlyExporterSecret          = "EARLY_EXPORTER_SECRET"
	LabelClientHandshakeTrafficSecret = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	LabelServerHandshakeTrafficSecret = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	LabelClientTrafficSecret0         = "CLIENT_TRAFFIC_SECRET_0"
	LabelServerTrafficSecret0         = "SERVER_TRAFFIC_SECRET_0"
	LabelExporterSecret               = "EXPORTER_SECRET"
	LabelECHSecret                    = "ECH_SECRET"
	LabelECHConfig                    = "ECH_CONFIG"
)

// Labels older than RFC 9850, from the NSS Key Log Format. They are read, and no endpoint writes them any more.
const (
	// LabelRSA names the premaster secret of an RSA key exchange, found by the start of its encrypted form.
	LabelRSA = "RSA"
	// LabelPMSClientRandom names the premaster secret, found by the client random.
	LabelPMSClientRandom = "PMS_CLIENT_RANDOM"
)

// Labels of our own, of an extended key log. They never go where a program expects a key log in the format of RFC 9850.
const (
	// LabelSharedSecret names what the key exchange of TLS 1.3 comes to, the input of the handshake secret.
	LabelSharedSecret = "SHARED_SECRET"
	// Labels of the keys that one direction writes with: MAC key, key and IV behind each other, as the suite has them;
	// before TLS 1.3 of the whole connection, since then of its application data and of its handshake.
	LabelClientWriteKeys          = "CLIENT_WRITE_KEYS"
	LabelServerWriteKeys          = "SERVER_WRITE_KEYS"
	LabelClientHandshakeWriteKeys = "CLIENT_HANDSHAKE_WRITE_KEYS"
	LabelServerHandshakeWriteKeys = "SERVER_HANDSHAKE_WRITE_KEYS"
	LabelClientEarlyWriteKeys     = "CLIENT_EARLY_WRITE_KEYS"
)

// Protocol is what a secret belongs to.
type Protocol string

// The protocols whose secrets have a label.
const (
	TLS12 Protocol = "TLS 1.2" // and earlier versions
	TLS13 Protocol = "TLS 1.3"
	ECH   Protocol = "ECH" // the encrypted inner ClientHello of a TLS 1.3 connection
)

// A Label describes one label.
type Label struct {
	Name     string
	Protocol Protocol
	// Secret is the name that the protocol's own text gives the secret.
	Secret string
	// OuterRandom: the line names the random of the outer ClientHello even where Encrypted Client Hello was accepted
	// (RFC 9850 §2.3).
	OuterRandom bool
	// Legacy: older than RFC 9850, and not in it.
	Legacy bool
	// Extended: our own.
	Extended bool
	// Lengths are the lengths that the secret can have, in bytes; nil where any is possible.
	Lengths []int
}

var (
	mainLength = []int{48}     // RFC 5246 §8.1; premaster secrets of an RSA key exchange too (§7.4.7.1)
	hashLength = []int{32, 48} // SHA-256 and SHA-384 (or SM3): no TLS 1.3 suite has another hash
)

var labels = []Label{
	{Name: LabelClientRandom, Protocol: TLS12, Secret: "master_secret", Lengths: mainLength},
	{Name: LabelClientEarlyTrafficSecret, Protocol: TLS13, Secret: "client_early_traffic_secret", Lengths: hashLength},
	{Name: LabelEarlyExporterSecret, Protocol: TLS13, Secret: "early_exporter_secret", Lengths: hashLength},
	{Name: LabelClientHandshakeTrafficSecret, Protocol: TLS13, Secret: "client_handshake_traffic_secret", Lengths: hashLength},
	{Name: LabelServerHandshakeTrafficSecret, Protocol: TLS13, Secret: "server_handshake_traffic_secret", Lengths: hashLength},
	{Name: LabelClientTrafficSecret0, Protocol: TLS13, Secret: "client_application_traffic_secret_0", Lengths: hashLength},
	{Name: LabelServerTrafficSecret0, Protocol: TLS13, Secret: "server_application_traffic_secret_0", Lengths: hashLength},
	{Name: LabelExporterSecret, Protocol: TLS13, Secret: "exporter_secret", Lengths: hashLength},
	{Name: LabelECHSecret, Protocol: ECH, Secret: "shared_secret", OuterRandom: true},
	{Name: LabelECHConfig, Protocol: ECH, Secret: "ECHConfig", OuterRandom: true},
	{Name: LabelRSA, Protocol: TLS12, Secret: "pre_master_secret", Legacy: true, Lengths: mainLength},
	{Name: LabelPMSClientRandom, Protocol: TLS12, Secret: "pre_master_secret", Legacy: true},
	{Name: LabelSharedSecret, Protocol: TLS13, Secret: "(EC)DHE shared secret", Extended: true},
	{Name: LabelClientWriteKeys, Protocol: TLS12, Secret: "client write keys", Extended: true},
	{Name: LabelServerWriteKeys, Protocol: TLS12, Secret: "server write keys", Extended: true},
	{Name: LabelClientHandshakeWriteKeys, Protocol: TLS13, Secret: "client handshake write keys", Extended: true},
	{Name: LabelServerHandshakeWriteKeys, Protocol: TLS13, Secret: "server handshake write keys", Extended: true},
	{Name: LabelClientEarlyWriteKeys, Protocol: TLS13, Secret: "client early write keys", Extended: true},
}

var byName = func() map[string]*Label {
	m := make(map[string]*Label, len(labels))
	for i := range labels {
		m[labels[i].Name] = &labels[i]
	}
	return m
}()

// Labels lists every label that this package knows, those of RFC 9850 first. The slice is the caller's; the Lengths in
// it must not be written to.
func Labels() []Label { return slices.Clone(labels) }

// Lookup describes a label; false where this package does not know it. Labels are upper case.
func Lookup(name string) (Label, bool) {
	l, ok := byName[name]
	if !ok {
		return Label{}, false
	}
	return *l, true
}
