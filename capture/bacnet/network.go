package bacnet

import (
	"encoding/binary"
	"fmt"

	"ringer/capture/wire"
)

// networkVersion begins every network layer (clause 6.2.1).
const networkVersion = 1

// Bits of the control octet (clause 6.2.2).
const (
	NetworkMessageBit = 0x80
	hasDestination    = 0x20
	hasSource         = 0x08
	ExpectingReply    = 0x04
	PriorityBits      = 0x03
	EveryNetwork      = 0xffff // the destination network of global broadcasts
	firstHopCount     = 255
)

// A Network is the header of the network layer (clause 6.2).
type Network struct {
	Control     uint8
	Destination Station
	Source      Station
	HopCount    uint8 `wire:"-"` // of datagrams with a destination; routers count it down
}

// A Station is a device on a network behind a router. No MAC in a destination: all of the network.
type Station struct {
	Network uint16
	MAC     []byte
}

// Routed says whether the datagram is for another network than the one it came on.
func (n *Network) Routed() bool { return n.Control&hasDestination != 0 }

// From says whether the datagram came from another network, and from whom there.
func (n *Network) From() (s Station, ok bool) { return n.Source, n.Control&hasSource != 0 }

// To addresses a datagram to a station of another network.
func (n *Network) To(s Station) {
	n.Control |= hasDestination
	n.Destination, n.HopCount = s, firstHopCount
}

// ComesFrom says that a datagram comes from a station of another network.
func (n *Network) ComesFrom(s Station) {
	n.Control |= hasSource
	n.Source = s
}

func (n *Network) read(r *wire.Reader) {
	if r.Uint8() != networkVersion {
		r.Fail(errNotBACnet)
		return
	}
	n.Control = r.Uint8()
	if n.Control&hasDestination != 0 {
		n.Destination = readStation(r)
	}
	if n.Control&hasSource != 0 {
		n.Source = readStation(r)
	}
	if n.Control&hasDestination != 0 {
		n.HopCount = r.Uint8()
	}
}

func readStation(r *wire.Reader) Station {
	network := r.Uint16()
	return Station{network, r.Bytes(int(r.Uint8()))}
}

func (n *Network) append(b []byte) []byte {
	b = append(b, networkVersion, n.Control)
	if n.Control&hasDestination != 0 {
		b = n.Destination.append(b)
	}
	if n.Control&hasSource != 0 {
		b = n.Source.append(b)
	}
	if n.Control&hasDestination != 0 {
		b = append(b, n.HopCount)
	}
	return b
}

func (s *Station) append(b []byte) []byte {
	b = append(binary.BigEndian.AppendUint16(b, s.Network), byte(len(s.MAC)))
	return append(b, s.MAC...)
}

// A NetworkType is the kind of a network layer message (clause 6.2.4).
type NetworkType uint8

const (
	WhoIsRouterToNetwork      NetworkType = 0x00
	IAmRouterToNetwork        NetworkType = 0x01
	ICouldBeRouterToNetwork   NetworkType = 0x02
	RejectMessageToNetwork    NetworkType = 0x03
	RouterBusyToNetwork       NetworkType = 0x04
	RouterAvailableToNetwork  NetworkType = 0x05
	InitializeRoutingTable    NetworkType = 0x06
	InitializeRoutingTableAck NetworkType = 0x07
	EstablishConnection       NetworkType = 0x08
	DisconnectConnection      NetworkType = 0x09
	WhatIsNetworkNumber       NetworkType = 0x12
	NetworkNumberIs           NetworkType = 0x13

	proprietaryType NetworkType = 0x80 // from here on a vendor's own
)

var networkNames = map[NetworkType]string{
	WhoIsRouterToNetwork: "who is router", IAmRouterToNetwork: "i am router", ICouldBeRouterToNetwork: "i could be router",
	RejectMessageToNetwork: "reject message to network", RouterBusyToNetwork: "router busy", RouterAvailableToNetwork: "router available",
	InitializeRoutingTable: "initialize routing table", InitializeRoutingTableAck: "initialize routing table ack",
	EstablishConnection: "establish connection", DisconnectConnection: "disconnect connection",
	WhatIsNetworkNumber: "what is network number", NetworkNumberIs: "network number is",
}

func (t NetworkType) String() string {
	if s, ok := networkNames[t]; ok {
		return s
	}
	return fmt.Sprintf("network message 0x%02x", uint8(t))
}

// A NetworkMessage is said between network layers (clause 6.4).
type NetworkMessage struct {
	Header
	Type     NetworkType
	Vendor   uint16   // of proprietary ones
	Reason   uint8    // of RejectMessageToNetwork
	Networks []uint16 // that the message is about
	Ports    []Route  // of the routing table
	Data     []byte   // whatever else there is
}

// A Route is an entry of a routing table (clause 6.4.7).
type Route struct {
	Network uint16
	Port    uint8
	Info    []byte
}

func (m *NetworkMessage) read(r *wire.Reader) {
	m.Type = NetworkType(r.Uint8())
	if m.Type >= proprietaryType {
		m.Vendor = r.Uint16()
	}
	switch m.Type {
	case RejectMessageToNetwork:
		m.Reason = r.Uint8()
		m.Networks = []uint16{r.Uint16()}
	case WhoIsRouterToNetwork, IAmRouterToNetwork, RouterBusyToNetwork, RouterAvailableToNetwork:
		for r.Len() >= 2 {
			m.Networks = append(m.Networks, r.Uint16())
		}
	case ICouldBeRouterToNetwork, NetworkNumberIs, EstablishConnection, DisconnectConnection:
		if r.Len() >= 2 {
			m.Networks = []uint16{r.Uint16()}
		}
	case InitializeRoutingTable, InitializeRoutingTableAck:
		if r.Len() == 0 {
			return
		}
		for n := r.Uint8(); n > 0 && r.Err() == nil; n-- {
			m.Ports = append(m.Ports, Route{r.Uint16(), r.Uint8(), r.Bytes(int(r.Uint8()))})
		}
		if m.Ports == nil {
			m.Ports = []Route{}
		}
	}
	if r.Len() > 0 {
		m.Data = r.Rest()
	}
}

// Append appends the datagram to b.
func (m *NetworkMessage) Append(b []byte) ([]byte, error) {
	at := len(b)
	b = m.Link.begin(b)
	n := m.Network
	n.Control |= NetworkMessageBit
	b = append(n.append(b), byte(m.Type))
	if m.Type >= proprietaryType {
		b = binary.BigEndian.AppendUint16(b, m.Vendor)
	}
	if m.Type == RejectMessageToNetwork {
		b = append(b, m.Reason)
	}
	for _, x := range m.Networks {
		b = binary.BigEndian.AppendUint16(b, x)
	}
	if m.Ports != nil {
		b = append(b, byte(len(m.Ports)))
		for _, p := range m.Ports {
			b = append(binary.BigEndian.AppendUint16(b, p.Network), p.Port, byte(len(p.Info)))
			b = append(b, p.Info...)
		}
	}
	b = append(b, m.Data...)
	return m.Link.end(b, at)
}

// Class is the class of the request.
func (m *NetworkMessage) Class() (string, wire.Effect) {
	switch {
	case m.Type == WhoIsRouterToNetwork || m.Type == WhatIsNetworkNumber || m.Type == InitializeRoutingTable && len(m.Ports) == 0:
		return m.Type.String(), wire.Read
	case m.Type == IAmRouterToNetwork || m.Type == NetworkNumberIs:
		return m.Type.String(), wire.Read // tells, and asks for nothing
	}
	return m.Type.String(), wire.Control
}
