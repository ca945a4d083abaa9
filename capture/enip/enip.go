// Package enip reads and writes EtherNet/IP: the encapsulation protocol on tcp/44818 and udp/44818, the
// Common Industrial Protocol (CIP) in it, and the I/O datagrams of CIP connections on udp/2222.
//
// It follows the ODVA specifications, "The CIP Networks Library": volume 1 (CIP, "CIP" below) and volume 2
// (EtherNet/IP, "EIP" below), and Rockwell's "Logix 5000 Controllers Data Access" (1756-PM020) for tags.
// Every encapsulation command is typed; so are the messages of the Connection Manager, packets of several
// requests, and PCCC in CIP (Rockwell's 1770-6.5.16). The data of other services stay bytes, which tags.go,
// attributes.go, template.go, file.go and datafile.go take apart. Left out: CIP Security, and CIP on other networks.
package enip

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ringer/capture/wire"
)

// Protocol is EtherNet/IP.
type Protocol struct{}

func (Protocol) Name() string    { return "enip" }
func (Protocol) Ports() []string { return []string{"tcp/44818", "udp/44818", "udp/2222"} }
func (Protocol) New() wire.Conn  { return &Conn{} }

// Conn decodes one connection, or the datagrams of one pair of peers.
type Conn struct {
	lost    [2]bool // looking for the next header
	reuse   bool
	asked   [64]shape // of the last requests, by which their replies are read
	next    int
	pairs   map[uint32]uint32 // ids of connections: by that of requests, that of replies
	scratch scratch
}

// scratch is what a Conn decodes into once Reuse was called.
type scratch struct {
	list        List
	unconnected Unconnected
	connected   Connected
	io          IO
	requests    []Request
	again       []byte
}

// Reuse makes Next decode the usual requests without allocating, as wire.Reuser describes.
func (c *Conn) Reuse() { c.reuse = true }

// Lost makes the next call of Next look for a header.
func (c *Conn) Lost(from wire.Side, _ int) { c.lost[index(from)] = true }

func index(s wire.Side) int {
	if s == wire.Server {
		return 1
	}
	return 0
}

// A shape says how the answer to a request is to be read.
type shape struct {
	context   uint64
	sequence  uint16
	connected bool
	kind      kind
}

// errNot is for what is no encapsulation header.
var errNot = errors.New("enip: not an encapsulation header")

// Next decodes the first message.
func (c *Conn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	if c.lost[index(from)] {
		if skip := resynchronise(b); skip > 0 {
			return skip, nil, nil
		}
	}
	if len(b) >= 4 && eof && isIO(b) {
		return c.nextIO(b)
	}
	if len(b) < headerSize {
		if !plausible(b) {
			return 0, nil, errNot
		}
		return 0, nil, nil
	}
	if !plausible(b) {
		return 0, nil, headerError(b)
	}
	n := headerSize + int(binary.LittleEndian.Uint16(b[2:]))
	if len(b) < n {
		return 0, nil, nil
	}
	c.lost[index(from)] = false
	b = b[:n]
	if !c.reuse {
		b = append([]byte(nil), b...)
	}
	return n, c.decode(from, b), nil
}

// A CommandError is a header of a command that the specification does not have; the rest of it is well.
type CommandError struct {
	Command Command
	Size    int // of the whole message
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("enip: there is no command 0x%04x", uint16(e.Command))
}

func headerError(b []byte) error {
	if binary.LittleEndian.Uint32(b[8:]) == 0 && b[1] == 0 {
		return &CommandError{Command(binary.LittleEndian.Uint16(b)), headerSize + int(binary.LittleEndian.Uint16(b[2:]))}
	}
	return errNot
}

// plausible: a command, and a status below 0x100 as all that are defined. What is all zeros is nothing.
func plausible(b []byte) bool {
	zeros := true
	for i, c := range b[:min(len(b), headerSize)] {
		switch i {
		case 0:
			if !Command(c).known() {
				return false
			}
		case 1, 9, 10, 11:
			if c != 0 {
				return false
			}
		}
		zeros = zeros && c == 0
	}
	return !zeros || len(b) < headerSize
}

// resynchronise says how many bytes to leave out until a header may begin.
func resynchronise(b []byte) int {
	for i := range b {
		if plausible(b[i:]) && (len(b)-i < headerSize || binary.LittleEndian.Uint32(b[i+20:]) == 0) && b[i] != 0 {
			return i
		}
	}
	return len(b)
}

// Match pairs unconnected messages by their context, connected ones by their sequence count and the pair of
// connection ids, and the rest by command.
func (c *Conn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	switch r := reply.(type) {
	case *UnconnectedReply:
		for i, m := range open {
			if q, ok := m.(*Unconnected); ok && q.Context == r.Context {
				return i, true
			}
		}
	case *ConnectedReply:
		for i, m := range open {
			q, ok := m.(*Connected)
			if !ok || q.Sequence != r.Sequence {
				continue
			}
			if to, known := c.pairs[q.OT]; known && to != r.TO {
				continue
			}
			c.pair(q.OT, r.TO)
			return i, true
		}
	case *RegisterSessionReply:
		for i, m := range open {
			if _, ok := m.(*RegisterSession); ok {
				return i, true
			}
		}
	case coded:
		command, status := r.code()
		for i, m := range open {
			if q, ok := m.(coded); ok {
				if asked, _ := q.code(); asked == command {
					return i, true
				}
			}
		}
		if status != 0 && len(open) > 0 {
			return c.refused(open, command)
		}
	}
	return -1, true
}

// coded messages say their command and status.
type coded interface {
	code() (Command, uint32)
}

// refused finds the request that got a bare header with a status.
func (c *Conn) refused(open []wire.Message, command Command) (int, bool) {
	for i, m := range open {
		switch m.(type) {
		case *Unconnected:
			if command == SendRRData {
				return i, true
			}
		case *Connected:
			if command == SendUnitData {
				return i, true
			}
		case *RegisterSession:
			if command == CommandRegisterSession {
				return i, true
			}
		}
	}
	return -1, true
}

// pairsMax bounds the connections that are told apart in one TCP connection.
const pairsMax = 512

func (c *Conn) pair(ot, to uint32) {
	if c.pairs == nil {
		c.pairs = map[uint32]uint32{}
	}
	if len(c.pairs) >= pairsMax {
		clear(c.pairs)
	}
	c.pairs[ot] = to
}

// note remembers how the answer to a request is to be read.
func (c *Conn) note(s shape) {
	c.asked[c.next%len(c.asked)] = s
	c.next++
}

// kindOf finds the request that an answer belongs to, the newest first.
func (c *Conn) kindOf(connected bool, context uint64, sequence uint16) kind {
	for i := range min(c.next, len(c.asked)) {
		s := &c.asked[(c.next-1-i)%len(c.asked)]
		if s.connected == connected && (connected && s.sequence == sequence || !connected && s.context == context) {
			return s.kind
		}
	}
	return kindUnknown
}
