package snmp

import (
	"fmt"

	"ringer/capture/wire"
)

// A TrapMessage is a notification of SNMPv1, whose PDU has a form of its own (RFC 1157, section 4.1.6).
type TrapMessage struct {
	Version      Version
	Community    Community
	Enterprise   OID
	AgentAddr    Value // IpAddress, seldom another NetworkAddress
	GenericTrap  GenericTrap
	SpecificTrap int64
	Timestamp    int64 `wire:"clock"` // sysUpTime, in hundredths of a second
	VarBinds     []VarBind

	shape []byte
}

// A GenericTrap says what happened; enterpriseSpecific leaves that to SpecificTrap.
type GenericTrap int64

func (g GenericTrap) String() string {
	names := [...]string{"coldStart", "warmStart", "linkDown", "linkUp", "authenticationFailure", "egpNeighborLoss", "enterpriseSpecific"}
	if g >= 0 && int(g) < len(names) {
		return names[g]
	}
	return fmt.Sprintf("trap %d", int64(g))
}

func (m *TrapMessage) decode(b []byte) (shape []byte, ok bool) {
	r := reader{b: b, end: len(b)}
	m.read(&r)
	if !r.done() {
		return nil, false
	}
	if r.odd {
		shape = shapeOf(b, m.read)
	}
	return shape, true
}

func (m *TrapMessage) read(r *reader) {
	r.enter(tagSequence)
	m.Version, m.Community = Version(r.integer()), r.octets()
	outer := r.enter(byte(TrapV1))
	m.Enterprise = r.oid()
	tag, addr := r.any()
	m.AgentAddr = NewValue(Type(tag), addr)
	m.GenericTrap, m.SpecificTrap = GenericTrap(r.integer()), r.integer()
	m.Timestamp = r.integerOf(byte(TypeTimeTicks))
	m.VarBinds = r.varBinds(m.VarBinds[:0])
	r.leave(outer)
}

// Append appends the message to b.
func (m *TrapMessage) Append(b []byte) ([]byte, error) {
	w := writer{b: b, shape: m.shape}
	mark := w.begin(tagSequence)
	w.integer(int64(m.Version))
	w.octets(m.Community)
	pdu := w.begin(byte(TrapV1))
	w.primitive(byte(TypeOID), m.Enterprise)
	w.primitive(byte(m.AgentAddr.Type), m.AgentAddr.Content())
	w.integer(int64(m.GenericTrap))
	w.integer(m.SpecificTrap)
	w.integerOf(byte(TypeTimeTicks), m.Timestamp)
	w.varBinds(m.VarBinds)
	w.end(pdu)
	w.end(mark)
	return w.b, nil
}

// Class is that of traps.
func (m *TrapMessage) Class() (string, wire.Effect) { return TrapV1.String(), wire.Control }
