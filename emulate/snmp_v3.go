package emulate

import (
	"encoding/binary"
	"time"

	"ringer/capture/snmp"
	"ringer/capture/wire"
)

// SNMPv3 as far as it needs no keys: discovery, reports, and users without authentication. What is signed
// or encrypted is answered where the recording has it; else as if the key were wrong.

// snmpEngine is the agent's SNMPv3 engine.
type snmpEngine struct {
	id      []byte
	boots   int64
	time    int64     // as last told
	told    time.Time // when
	maxSize int64
	counts  map[string]uint64 // reports, beyond the recorded ones
}

func (s *snmpService) loadEngine() error {
	e := s.sec.Engine
	if e == nil {
		return nil
	}
	id, err := e.EngineID()
	if err != nil {
		return err
	}
	s.engine = snmpEngine{id: id, boots: max(1, e.Boots), time: e.Time, told: s.st.Now(), maxSize: e.MaxSize, counts: map[string]uint64{}}
	if s.engine.maxSize == 0 {
		s.engine.maxSize = snmpMaxSize
	}
	return nil
}

// clock is how often the engine was started, and how long ago.
func (s *snmpService) clock() (boots, seconds int64) {
	e := &s.engine
	now := s.st.Now()
	if c := s.special["engine"]; c != nil && !c.Live() {
		if v, _ := c.Read(s.st); len(v) == 8 {
			e.boots, e.time, e.told = int64(binary.BigEndian.Uint32(v)), int64(binary.BigEndian.Uint32(v[4:])), now
			return e.boots, e.time
		}
	}
	return e.boots, e.time + int64(now.Sub(e.told)/time.Second)
}

// count counts a report and gives the counter.
func (s *snmpService) count(o snmp.OID) []byte {
	name := o.String()
	c := s.special["report "+name]
	if c != nil && !c.Live() {
		v, _ := c.Read(s.st)
		s.engine.counts[name] = snmpReading(v)
		return v
	}
	s.engine.counts[name]++
	return snmp.AppendUint([]byte{byte(snmp.TypeCounter32)}, uint64(uint32(s.engine.counts[name])))
}

// An snmpV3Reply is a response of SNMPv3, kept to be used again.
type snmpV3Reply struct {
	snmp.V3Message
	usm      snmp.USM
	scoped   snmp.ScopedPDU
	messages []wire.Message
}

// answerV3 follows RFC 3414, section 3.2, as far as it goes without keys.
func (n *snmpSession) answerV3(m *snmp.V3Message) Answer {
	s := n.s
	if !s.speaks[snmp.V3] || m.USM == nil {
		return Answer{}
	}
	if !s.script.Empty() {
		if replies, found := s.script.Ask(m); found {
			return Answer{Messages: replies, From: Recorded}
		}
	}
	if m.ScopedPDU != nil && !snmpConfirmed(m.PDU.Type) {
		return Answer{}
	}
	user := s.user(m.USM.UserName)
	switch {
	case string(m.USM.EngineID) != string(s.engine.id):
		return n.report(m, snmp.UnknownEngineIDs)
	case user == nil:
		return n.report(m, snmp.UnknownUserNames)
	case m.ScopedPDU == nil && !m.Flags.Has(snmp.FlagPriv) || m.Flags.Has(snmp.FlagPriv) && !m.Flags.Has(snmp.FlagAuth):
		return Answer{}
	case m.Flags.Has(snmp.FlagPriv) && user.level != "priv" || m.Flags.Has(snmp.FlagAuth) && user.level == "noauth":
		return n.report(m, snmp.UnsupportedSecLevels)
	case m.Flags.Has(snmp.FlagAuth):
		return n.report(m, snmp.WrongDigests)
	case len(m.ContextName) > 0:
		return n.report(m, snmp.UnknownContexts)
	}
	r := n.replyV3(m)
	q := snmpQuery{snmpSession: n, version: snmp.V3, asker: user, room: min(s.maxSize, int(max(484, m.MaxSize))) - snmpEnvelopeV3 - len(m.USM.UserName)}
	if user.level != "noauth" {
		r.PDU.Type, r.PDU.RequestID = snmp.Response, m.PDU.RequestID
		q.fail(&m.PDU, &r.PDU, snmp.AuthorizationError, -1)
	} else if !q.answer(&m.PDU, &r.PDU) {
		return Answer{}
	}
	return Answer{Messages: r.messages, From: q.from}
}

// snmpEnvelopeV3 is the most that a response has around its variables and its user's name.
const snmpEnvelopeV3 = 200

func snmpConfirmed(t snmp.PDUType) bool {
	switch t {
	case snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest, snmp.InformRequest:
		return true
	}
	return false
}

func (s *snmpService) user(name []byte) *snmpAsker {
	for _, u := range s.users {
		if u.name == string(name) {
			return u
		}
	}
	return nil
}

// replyV3 begins an answer to a request.
func (n *snmpSession) replyV3(m *snmp.V3Message) *snmpV3Reply {
	s := n.s
	if n.v3 == nil {
		n.v3 = &snmpV3Reply{}
		n.v3.USM, n.v3.ScopedPDU = &n.v3.usm, &n.v3.scoped
		n.v3.Flags = snmp.Flags{0}
		n.v3.messages = []wire.Message{&n.v3.V3Message}
	}
	r := n.v3
	r.MsgID, r.MaxSize, r.SecurityModel = m.MsgID, s.engine.maxSize, snmp.SecurityModelUSM
	r.usm.EngineID, r.usm.UserName = s.engine.id, m.USM.UserName
	r.usm.EngineBoots, r.usm.EngineTime = s.clock()
	r.scoped.ContextEngineID, r.scoped.ContextName = s.engine.id, nil
	return r
}

// report says why a request was not processed (RFC 3414, section 3.2).
func (n *snmpSession) report(m *snmp.V3Message, why snmp.OID) Answer {
	if !m.Flags.Has(snmp.FlagReportable) && m.ScopedPDU == nil {
		return Answer{}
	}
	r := n.replyV3(m)
	sample := n.s.count(why)
	r.PDU = snmp.PDU{Type: snmp.Report, VarBinds: append(r.PDU.VarBinds[:0], snmp.VarBind{OID: why, Value: snmp.NewValue(snmp.Type(sample[0]), sample[1:])})}
	if m.ScopedPDU != nil {
		r.PDU.RequestID = m.PDU.RequestID
	}
	return Answer{Messages: r.messages, From: Refused}
}
