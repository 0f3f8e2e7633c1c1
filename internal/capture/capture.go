// Package capture reads and writes capture files, and makes packets for conversations that have none.
//
// A Writer writes pcapng, with the TLS secrets that open the packets embedded; a Builder does so where the packets
// come before the secrets. A Reader reads pcapng and pcap as one stream of items. A Conversation synthesises the
// packets of a byte stream that was tapped above TCP, so that what a program saw of its own connections can be opened
// by any tool that reads captures.
//
// The formats are those of draft-ietf-opsawg-pcapng and draft-ietf-opsawg-pcap; block and option names are theirs.
package capture

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/akushu/akushu/keylog"
)

// An Item is what a Reader finds in a capture: *Section, *Interface, *Packet, *Names or *Secrets.
type Item interface{ isItem() }

// A Section begins a capture, or another one in the same file. All fields may be empty.
type Section struct {
	Comment     string // opt_comment
	Hardware    string // shb_hardware
	OS          string // shb_os
	Application string // shb_userappl
}

// An Interface is where packets were captured.
type Interface struct {
	ID          int      // counted from 0 in its section; a Writer gives it
	LinkType    LinkType // of all its packets
	SnapLen     uint32   // no more of a packet than this was captured, in bytes; 0 is no limit
	Name        string   // if_name
	Description string   // if_description
}

// A Packet is one captured packet.
type Packet struct {
	Number    int       // in the file, counted from 1; a Writer does not look at it
	Interface int       // ID of its interface
	LinkType  LinkType  // of that interface; a Writer does not look at it
	Time      time.Time // zero where the file says none, or one outside the years 1 to 9999
	Length    int       // on the wire, in bytes; at least that of Data
	Data      []byte    // what was captured, from the link layer's header on
	Comment   string    // opt_comment
}

// Names are what hosts were called when the packets were captured.
type Names []HostName

// A HostName is an address and what it is called.
type HostName struct {
	Addr  netip.Addr
	Names []string
}

// SecretsType says what a Decryption Secrets Block holds.
type SecretsType uint32

// SecretsTLSKeyLog: a key log in the format of RFC 9850.
const SecretsTLSKeyLog SecretsType = 0x544c534b

// Secrets are what a capture holds to open its own packets with. They print without their data.
type Secrets struct {
	Type SecretsType
	Data []byte `json:"-"`
}

// Reader returns a reader of the key log lines. It is of use with SecretsTLSKeyLog only.
func (s *Secrets) Reader() *keylog.Reader { return keylog.NewReader(bytes.NewReader(s.Data)) }

// Format prints the type and the length, whatever the verb.
func (s Secrets) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "secrets of type 0x%08x [%d bytes redacted]", uint32(s.Type), len(s.Data))
}

func (*Section) isItem()   {}
func (*Interface) isItem() {}
func (*Packet) isItem()    {}
func (*Names) isItem()     {}
func (*Secrets) isItem()   {}
