package show

import (
	"bytes"
	"errors"
	"strings"

	"github.com/akushu/akushu/internal/capture"
	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/explain"
	"github.com/akushu/akushu/keylog"
)

// A stranger is a file that people take for a capture that inspect reads, known by what it begins with.
type stranger struct {
	begins string // in lower case where it is text
	text   bool   // behind blanks, in whatever case
	name   string // of the program or format, the same in every language; may be empty
	is     string // identifier of what it is
	hint   string // identifier of what to do
}

var strangers = []stranger{
	{begins: "\x04\x22\x4d\x18", name: "lz4", is: "cli.stranger.compressed", hint: "hint.stranger.compressed"},
	{begins: "\xfd7zXZ\x00", name: "xz", is: "cli.stranger.compressed", hint: "hint.stranger.compressed"},
	{begins: "BZh", name: "bzip2", is: "cli.stranger.compressed", hint: "hint.stranger.compressed"},
	{begins: "LZIP", name: "lzip", is: "cli.stranger.compressed", hint: "hint.stranger.compressed"},
	{begins: "\x1f\x9d", name: "compress", is: "cli.stranger.compressed", hint: "hint.stranger.compressed"},
	{begins: "PK\x03\x04", name: "zip", is: "cli.stranger.archive", hint: "hint.stranger.archive"},
	{begins: "7z\xbc\xaf\x27\x1c", name: "7z", is: "cli.stranger.archive", hint: "hint.stranger.archive"},
	{begins: "Rar!\x1a\x07", name: "rar", is: "cli.stranger.archive", hint: "hint.stranger.archive"},
	{begins: "snoop\x00\x00\x00", name: "snoop", is: "cli.stranger.capture", hint: "hint.stranger.capture"},
	{begins: "RTSS", name: "Network Monitor 1", is: "cli.stranger.capture", hint: "hint.stranger.capture"},
	{begins: "GMBU", name: "Network Monitor 2", is: "cli.stranger.capture", hint: "hint.stranger.capture"},
	{begins: "TRSNIFF data", name: "Sniffer", is: "cli.stranger.capture", hint: "hint.stranger.capture"},
	{begins: "XCP\x00", name: "NetXRay", is: "cli.stranger.capture", hint: "hint.stranger.capture"},
	{begins: "ObserverPktBuffe", name: "Observer", is: "cli.stranger.capture", hint: "hint.stranger.capture"},
	{begins: "<!doctype html", text: true, is: "cli.stranger.html", hint: "hint.stranger.html"},
	{begins: "<html", text: true, is: "cli.stranger.html", hint: "hint.stranger.html"},
	{begins: "<?xml", text: true, name: "XML", is: "cli.stranger.text", hint: "hint.stranger.text"},
	{begins: "{", text: true, name: "JSON", is: "cli.stranger.text", hint: "hint.stranger.text"},
	{begins: "[{", text: true, name: "JSON", is: "cli.stranger.text", hint: "hint.stranger.text"},
	{begins: "-----begin ", text: true, name: "PEM", is: "cli.stranger.pem", hint: "hint.stranger.pem"},
	{begins: "# ssl/tls secrets log", text: true, is: "cli.stranger.keylog", hint: "hint.stranger.keylog"},
	{begins: "client_", text: true, is: "cli.stranger.keylog", hint: "hint.stranger.keylog"},
}

// logged is a key log, which begins with the label of its first line.
var logged = stranger{is: "cli.stranger.keylog", hint: "hint.stranger.keylog"}

// strangerOf is what a file is that begins with head; nil if that is not known.
func strangerOf(head []byte) *stranger {
	text := strings.ToLower(string(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")))
	for i := range strangers {
		s := &strangers[i]
		if s.text && strings.HasPrefix(text, s.begins) || !s.text && bytes.HasPrefix(head, []byte(s.begins)) {
			return s
		}
	}
	label, _, ok := strings.Cut(text, " ")
	if _, known := keylog.Lookup(strings.ToUpper(label)); ok && known {
		return &logged
	}
	return nil
}

// notCapture is the error of a file that is no capture: it says what the file is instead, and what to do.
func notCapture(words *explain.Words, path string, err error) error {
	told := &cli.Error{Code: cli.ExitFailure, Text: words.Text("cli.inspect_not_capture", path), Err: err}
	strange, ok := errors.AsType[*capture.StrangerError](err)
	if !ok {
		return told
	}
	if s := strangerOf(strange.Head); s != nil {
		told.Text = words.Text("cli.inspect_stranger", path, words.Text(s.is, s.name))
		told.Hints = []string{words.Text(s.hint, path)}
	}
	return told
}
