// Package handshake is the four flows: client and server, TLS 1.3 and TLS 1.2. Each
// reads like the RFC: straight-line code, one named step per message, the changes of
// keys visible between them.
//
// A flow talks to a [Transport] that carries whole handshake messages. It knows no
// network, no records, no clock and no randomness of its own, so the same flows
// can run over TCP, be stepped through in a test, and later run over QUIC and DTLS.
// Nothing here sends an alert: a flow returns an error, and whoever drives it derives
// the alert.
package handshake

import (
	"context"

	"github.com/akushu/akushu/internal/iana"
	"github.com/akushu/akushu/internal/keys"
	"github.com/akushu/akushu/internal/suite"
)

// A Transport carries handshake messages. TCP, QUIC and DTLS differ only here.
//
// An error of any method ends the flow, which returns it unchanged.
type Transport interface {
	// ReadMessage returns the next handshake message with its header, exactly as it
	// was received. The flow owns the slice until it ends. Any other record is an
	// error: an alert becomes the error that it means, a ChangeCipherSpec is
	// passed over where TLS 1.3 tolerates one (RFC 9846 §5).
	ReadMessage() ([]byte, error)
	// ReadChangeCipherSpec requires that the next record is a ChangeCipherSpec
	// (RFC 5246 §7.1).
	ReadChangeCipherSpec() error
	// WriteMessage appends a message, header included, to the flight. The bytes are
	// copied before it returns.
	WriteMessage(raw []byte) error
	// WriteChangeCipherSpec appends a ChangeCipherSpec to the flight. Transports
	// without records do nothing.
	WriteChangeCipherSpec() error
	// Flush sends the flight.
	Flush() error
	// SetReadKeys protects what is read from now on. It is an error if part of a
	// message was received under the old keys (RFC 9846 §5.1). The keys are the
	// transport's to wipe from here on, also where it fails.
	SetReadKeys(Epoch, *suite.TrafficKeys) error
	// SetWriteKeys protects what is written from now on; nil keys no longer do. The keys
	// are the transport's to wipe, also where it fails.
	SetWriteKeys(Epoch, *suite.TrafficKeys) error
	EarlyTransport
	// SetVersion tells what was negotiated, as soon as it is known: it decides the
	// version that record headers carry and which records are tolerated.
	SetVersion(iana.Version)
	// SetRecordLimits bounds what protected records hold from now on, in bytes as RFC 8449 §4
	// counts them: what is read, which fails with record_overflow beyond that, and what is
	// written. Early data is not bound. Transports without records do nothing.
	SetRecordLimits(read, write int)
	// Warn sends a warning alert. It never blocks for longer than five seconds.
	Warn(iana.Alert) error
	// OnFatal has forget called, once, if a fatal alert ends the connection, sent or received,
	// in the handshake or later. It takes the place of an earlier one.
	OnFatal(forget func())
}

// An EarlyTransport is what a transport does for early data, or 0-RTT (RFC 9846 §2.3).
type EarlyTransport interface {
	// WantsEarlyData reports whether the application has a use for early data: a
	// client that sends some, a server that reads it apart from other data.
	WantsEarlyData() bool
	// ShareWriting lets the application write, until the flow writes again or changes
	// keys, which waits for a write that is under way: a client its early data, max
	// bytes in all; a server what it can answer already. soon is what the handshake
	// comes to, if all goes as it should; it is the transport's.
	ShareWriting(soon *Result, max int64)
	// TakeEarlyData has ReadMessage hand early data to the application, max bytes in
	// all; more is an error. It ends with the next keys to read with.
	TakeEarlyData(max int64)
	// SkipEarlyData has ReadMessage pass over early data that is not wanted, up to max
	// bytes of it as it is on the wire; more is an error. It ends with the first
	// message (RFC 9846 §4.3.10).
	SkipEarlyData(max int)
}

// Epoch numbers the keys of a connection (RFC 9147 §6.1 and RFC 9001 §4 use the same
// order).
type Epoch uint8

// The epochs. TLS 1.2 goes from EpochInitial to EpochApplication.
const (
	EpochInitial Epoch = iota
	EpochEarlyData
	EpochHandshake
	EpochApplication
)

// Post handles the handshake messages that come after the handshake. It keeps only
// what it needs for them.
type Post interface {
	// HandlePost is given one message, header included, which it does not keep.
	HandlePost(t PostTransport, raw []byte) error
	// Wipe zeroes the secrets that it keeps. Nothing is handled after it.
	Wipe()
}

// PostTransport is what a [Post] can do to its connection. It is called from whoever
// reads the connection, and never waits for a writer.
type PostTransport interface {
	// NextReadKeys replaces the read keys by the next ones (RFC 9846 §7.2). It is an
	// error if part of a message was received under the old keys.
	NextReadKeys() error
	// AnswerKeyUpdate has the writer send a KeyUpdate of its own before its next
	// application data (RFC 9846 §4.7.3).
	AnswerKeyUpdate()
	// Confirm says that the message proves that the peer has processed our Finished.
	Confirm()
	// Answer has the writer send what prepare makes, which may take its time: it is called
	// beside, with a context that ends with the connection, and so does its error the connection.
	Answer(prepare func(context.Context) (*Answer, error))
	// ReadSecret is the traffic secret under which the message came, which is the connection's.
	ReadSecret() keys.Secret
	// Amid says whether messages of a kind must follow that nothing else comes between.
	Amid(bool)
	// Warn sends a warning alert as soon as the writer is free.
	Warn(iana.Alert) error
	// Renegotiate runs another handshake over the connection, which it waits for the writer
	// to yield, and goes on as that says. It does nothing where no more can be written.
	Renegotiate(func(context.Context, Transport) (*Result, Post, error)) error
}
