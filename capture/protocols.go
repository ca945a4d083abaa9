// Package capture turns recorded bytes into exchanges: packets from files and live interfaces
// (pcap.go), ordered streams and datagrams from packets (stream.go), the protocol of each stream
// (identify.go), requests paired with their replies (exchange.go). What it holds is bounded by the
// flows that are open, not by the size of the file.
package capture

import (
	"ringer/capture/http"
	"ringer/capture/modbus"
	"ringer/capture/s7comm"
	"ringer/capture/snmp"
	"ringer/capture/wire"
)

// Protocols lists every wire format ringer knows, in the order in which they are tried on a stream
// that no usual port explains.
//
// To add a protocol:
//
//  1. Write its codec in capture/<name>: a struct per message with wire tags, a Conn whose Next decodes
//     and a wire.Protocol; import only capture/wire. The usual four tests come with it.
//  2. Add a line here. It is now read from captures, cloned as recordings, emulated from them and
//     regression-tested by replay.
//  3. For depth, add same-named files: clone/<name>.go (what to learn, and a line in learners),
//     profiles/<name>.go (its section, and a line in sections), emulate/<name>.go (how it behaves, and
//     a line in behaviours).
func Protocols() []wire.Protocol {
	return []wire.Protocol{
		modbus.Protocol{},
		modbus.RTU{},
		s7comm.Protocol{},
		snmp.Protocol{},
		http.Protocol{},
	}
}
