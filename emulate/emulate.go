// Package emulate serves a profile: every protocol of every device in it, at once.
//
// A Service is one port of one device, opened from its section of the profile; a Session is one
// connection (or UDP peer) to it. Neither does any I/O: serve.go owns all sockets, reads and decodes,
// calls the session, encodes and writes. One State per device is all that its services share; the engine
// holds the State's lock around every call of a session, so services and sessions need none of their own.
package emulate

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// An Origin says where an answer came from.
type Origin uint8

const (
	Refused  Origin = iota // an exception, error or silence that this device, or else the specification, gives
	Point                  // a live value
	Recorded               // the recording, as it was
	Modelled               // a value that goes on where the recording ended
)

func (o Origin) String() string {
	return [...]string{"refused", "point", "recorded", "modelled"}[o]
}

// An Answer is what to say, where it came from, and whether to hang up after it. No messages: the device
// is silent. Messages are valid until the session is called again: a session may reuse them.
type Answer struct {
	Messages []wire.Message
	From     Origin
	Close    bool
	Reset    bool // the hanging up is by RST: what was not read or sent is thrown away
	// Tick, if not zero, is when Tick is to be called next: the request began something that is pushed.
	Tick time.Time
	// Request class for the latency table, when it is not the request's own class.
	Class string
	// Note is what the event log is to say of it, beside request and answer.
	Note string
	// Wait is extra time the device takes for this answer, on top of its latency (turnaround delays).
	Wait time.Duration
}

// A Session answers one connection or UDP peer. No sockets, no sleeps, no time.Now.
type Session interface {
	// Greet is what the device says first.
	Greet() Answer
	// Answer answers one request. The request is valid until Answer returns.
	Answer(req wire.Message) Answer
	// Tick is called when the time it last returned has come (first: right after Greet; the zero time:
	// never again), for what is pushed unasked.
	Tick(now time.Time) (Answer, time.Time)
}

// Malformed is a session with an answer to bytes that are not its protocol. n is how many bytes to
// drop before reading on; sessions without it hang up (TCP) or stay silent (UDP).
type Malformed interface {
	Malformed(b []byte) (a Answer, n int)
}

// A Closer is told when its connection has ended.
type Closer interface{ Close() }

// A Peer is who is asking, and on which address: in-band addresses follow Local.
type Peer struct {
	Remote, Local netip.AddrPort
}

// A Service is one port of a device. Open is called for every connection and every new UDP peer.
type Service interface {
	Protocol() wire.Protocol
	Open(p Peer) Session
}

// An opener builds a service from its section.
type opener func(*State, *profiles.Device, *profiles.Service, wire.Protocol) (Service, error)

// behaviours lists the protocols that do more than answer from recordings.
func behaviours() map[string]opener {
	return map[string]opener{
		"s7":         openS7,
		"bacnet":     openBACnet,
		"http":       openHTTP,
		"ipmi":       openIPMI,
		"snmp":       openSNMP,
		"enip":       openENIP,
		"modbus":     openModbus,
		"modbus-rtu": openModbus,
	}
}

// Behaviours names the protocols that do more than answer from recordings.
func Behaviours() []string { return slices.Sorted(maps.Keys(behaviours())) }

// Open builds the service that a profile describes.
func Open(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	open, ok := behaviours()[svc.Protocol]
	if !ok {
		open = openRecorded
	}
	s, err := open(st, dev, svc, p)
	if err != nil {
		return nil, fmt.Errorf("%s: service %s on port %s: %w", dev.ID, svc.Protocol, svc.Common().Port, err)
	}
	return s, nil
}

// Quiet is the part of a session that most protocols leave empty: they say nothing unasked.
type Quiet struct{}

func (Quiet) Greet() Answer                          { return Answer{} }
func (Quiet) Tick(time.Time) (a Answer, _ time.Time) { return a, time.Time{} }
