// Package capture turns recorded bytes into exchanges: requests of clients with the replies of devices.
//
//	for x, err := range capture.Exchanges(r, capture.Options{Name: name}) { … }
//
// The way of the bytes, and where each step is:
//
//	pcap.go pcapng.go live_linux.go   files and interfaces to packets: pcap in all its forms, pcapng,
//	                                  either of them in gzip or zstd; packet sockets
//	link.go tunnel.go fragment.go     packets to TCP segments and UDP datagrams: link layers, VLAN, MPLS,
//	                                  GRE, ERSPAN, VXLAN, IP in IP, extension headers, fragments
//	assembly.go flow.go duplicate.go  which connection or pair of peers it is; what was captured twice
//	stream.go                         segments to ordered bytes, with the gaps named
//	identify.go trial.go guess.go     which protocol it is, by what the bytes say
//	secure.go tls                     what is under TLS, where its secrets are known
//	dialogue.go                       bytes to messages, with the codecs of the folders below
//	exchange.go window.go             messages to exchanges, in the order asked
//	survey.go                         what a recording holds, without learning from it
//	write.go frame.go                 and back: exchanges to a pcapng file
//
// It follows RFC 791, 8200, 9293 and 768 and the drafts of the file formats (draft-ietf-opsawg-pcap and
// -pcapng); checksums are not verified, as captures on the sending host have none yet. What is held is
// bounded by the flows that are open, and those are bounded too. A damaged file yields all that comes
// before the damage. Left out: link types of radio and serial lines, PPTP, and whatever TCP does not
// say, such as which device is behind an address translation.
package capture

import (
	"ringer/capture/bacnet"
	"ringer/capture/enip"
	"ringer/capture/http"
	"ringer/capture/ipmi"
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
		bacnet.Protocol{},
		http.Protocol{},
		ipmi.Protocol{},
		enip.Protocol{},
	}
}
