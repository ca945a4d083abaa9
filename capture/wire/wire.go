// Package wire holds the few words every wire format is described in: messages, the two sides of a
// conversation, and which fields of a message may differ between two runs.
//
// It is a leaf: it imports nothing of ringer and does no I/O. Every codec package (capture/modbus,
// capture/s7comm, …) imports only this one.
package wire

import "time"

// A Side says who sent the bytes.
type Side bool

const (
	Client Side = false
	Server Side = true
)

func (s Side) String() string {
	if s == Server {
		return "server"
	}
	return "client"
}

// A Message is one decoded protocol data unit. Append is the inverse of decoding: a message that was
// read from a recording appends the bytes it was read from, however odd they were.
type Message interface {
	Append(b []byte) ([]byte, error)
}

// A Protocol describes one wire format. It keeps no state and does no I/O.
type Protocol interface {
	Name() string    // "modbus"
	Ports() []string // the usual ports: "tcp/502", "udp/161"
	New() Conn
}

// A Conn decodes one connection, or the datagrams of one pair of peers. It does no I/O; it may remember
// what it needs to read the other direction (a HEAD request, negotiated lengths).
type Conn interface {
	// Next decodes the first whole message in b and says how many bytes it took. n == 0 with no error
	// means that b ends before the message does: call again with more. An error means that b is not of
	// this protocol at its first byte. eof says that nothing will follow b. A datagram is one call.
	// n > 0 with m == nil means that n bytes were understood and carry no message.
	// The message keeps no reference to b, unless Reuse was called.
	Next(from Side, b []byte, eof bool) (n int, m Message, err error)
	// Match says which of the open requests a reply belongs to (-1: none, it was said unasked) and
	// whether it is the last reply to it. open is in the order asked.
	Match(open []Message, reply Message) (i int, last bool)
	// Lost says that the recording misses n bytes of one direction (n < 0: an unknown number, as at the
	// start of a stream that was joined in the middle). The next call to Next begins behind the gap,
	// not necessarily at a message.
	Lost(from Side, n int)
}

// A Reuser is a Conn that can decode without allocating. After Reuse, a message that Next returned is
// valid only until Next is called again, and may refer to the bytes it was read from.
type Reuser interface{ Reuse() }

// Plain gives the usual Match and Lost to a Conn that embeds it: the first open request whose echo
// fields agree with the reply, in protocols that have any; else first in, first out. One reply each.
type Plain struct{}

func (Plain) Match(open []Message, reply Message) (int, bool) {
	for i, req := range open {
		if Answers(req, reply) {
			return i, true
		}
	}
	return -1, true
}

func (Plain) Lost(Side, int) {}

// An Effect says what a request does to the device that is asked.
type Effect uint8

const (
	Control Effect = iota // starts, stops, resets; and all that is not known
	Write                 // changes a value
	Read                  // changes nothing
)

func (e Effect) String() string { return [...]string{"control", "write", "read"}[e] }

// A Classed message knows the kind of request it is: the name by which latencies, reports and limits
// are grouped ("read holding registers"), and what it does to the device.
type Classed interface {
	Class() (name string, effect Effect)
}

// Class is the class of a message; what does not say is named after its type and counts as control.
func Class(m Message) (string, Effect) {
	if c, ok := m.(Classed); ok {
		return c.Class()
	}
	return typeName(m), Control
}

// A Follower is a Conn of a protocol whose requests belong to a conversation: they name the server's identity,
// its clock or a session of it, or are signed with what both sides agreed on, and are refused in any other.
// Who asks recorded requests again tells the Conn that reads the answers what came in the place of what.
// ahead is how much more time than here had gone by in the recording.
type Follower interface {
	// Said takes what the server says, got, in the place of the recorded want. An error: want was proven to
	// be of its conversation, and got is not of this one.
	Said(want, got Message, ahead time.Duration) error
	// Fit makes a recorded request one of this conversation.
	Fit(req Message, ahead time.Duration) error
}

// A Lender is a reply that hands out texts of the server's own making, which later requests show again: the token
// of a log-in, where what was made is found. The names pair what two servers hand out.
type Lender interface {
	Lends(each func(name, text string))
}

// A Bearer is a message that may show such texts. Rename puts another in the place of one, and says whether it
// stood there.
type Bearer interface {
	Rename(old, now string) bool
}

// A Keyed message builds its own Key: the hot path of protocols that look answers up by it.
type Keyed interface {
	AppendKey(b []byte) []byte
}
