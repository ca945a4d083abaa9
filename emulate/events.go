package emulate

import (
	"encoding/json"
	"net/netip"
	"time"
)

// An Event is one line of the event log: what a visitor did and what the decoy made of it. Absent fields
// have their zero value.
type Event struct {
	Time      time.Time  `json:"time"`  // when the bytes came; RFC 3339 with nanoseconds
	Kind      EventKind  `json:"event"` // what happened
	Session   string     `json:"session,omitempty"`
	Device    string     `json:"device,omitempty"`
	Protocol  string     `json:"protocol,omitempty"`
	Transport string     `json:"transport,omitempty"` // tcp or udp
	SrcIP     netip.Addr `json:"src_ip,omitzero"`
	SrcPort   uint16     `json:"src_port,omitempty"`
	LocalIP   netip.Addr `json:"local_ip,omitzero"`
	LocalPort uint16     `json:"local_port,omitempty"`

	Class   string            `json:"class,omitempty"`   // request class, as reports and latencies name it
	Effect  string            `json:"effect,omitempty"`  // read, write or control
	Request json.RawMessage   `json:"request,omitempty"` // the decoded request, as wire.AppendJSON writes it
	Answers []json.RawMessage `json:"answers,omitempty"` // the decoded answers, in the order sent
	From    string            `json:"from,omitempty"`    // where the answer came from: point, recorded, modelled or refused
	Silent  bool              `json:"silent,omitempty"`  // nothing was answered
	Latency time.Duration     `json:"latency_ns,omitempty"`

	Reason string `json:"reason,omitempty"` // why a connection ended, what was wrong, which limit
	// What could not be decoded, and what was answered with bytes that are no message: hexadecimal, cut at
	// 4 KB. Bytes and SHA256 are those of the whole.
	Raw        string `json:"raw,omitempty"`
	RawBytes   int    `json:"raw_bytes,omitempty"`
	RawSHA256  string `json:"raw_sha256,omitempty"`
	Sent       string `json:"sent,omitempty"`
	SentBytes  int    `json:"sent_bytes,omitempty"`
	SentSHA256 string `json:"sent_sha256,omitempty"`

	Lost uint64 `json:"lost,omitempty"` // events that could not be written before this one
}

// An EventKind says what an Event tells.
type EventKind string

const (
	Connected    EventKind = "connect"
	Disconnected EventKind = "disconnect"
	Asked        EventKind = "request"   // one request and what was answered
	Pushed       EventKind = "push"      // said unasked: greetings, cyclic data
	BadInput     EventKind = "malformed" // bytes that are not the protocol's
	Limited      EventKind = "limit"     // somebody met a limit of the service
	Failed       EventKind = "failure"   // a fault of ringer's own: please report it
	EventsLost   EventKind = "lost"      // the disk did not take earlier events
)

// shown is how many bytes of a payload the log keeps.
const shown = 4096
