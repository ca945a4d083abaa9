package emulate

import (
	"encoding/binary"
	"time"

	"ringer/capture/snmp"
	"ringer/capture/wire"
)

// SNMPv3 with the user-based security model (RFC 3414). Of users whose keys are not known, what is signed
// is answered where the recording has it; else as if the key were wrong.

// snmpEngine is the agent's SNMPv3 engine.
type snmpEngine struct {
	id      []byte
	boots   int64
	time    int64     // as last told
	told    time.Time // when
	maxSize int64
	counts  map[string]uint64 // reports, beyond the recorded ones
	salt    uint64            // of what was encrypted last
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
	s.engine = snmpEngine{
		id: id, boots: max(1, e.Boots), time: e.Time, told: s.st.Now(), maxSize: e.MaxSize, counts: map[string]uint64{},
		salt: s.st.Rand("snmp salt " + s.sec.Port.String()).Uint64(),
	}
	if s.engine.maxSize == 0 {
		s.engine.maxSize = snmpMaxSize
	}
	return nil
}

// clock is how often the engine was started, and how long ago.
func (s *snmpService) clock() (boots, seconds int64) {
	e := &s.engine
	if c := s.special["engine"]; c != nil && !c.Live() {
		if v, _ := c.Read(s.st); len(v) == 8 {
			e.boots, e.time, e.told = int64(binary.BigEndian.Uint32(v)), int64(binary.BigEndian.Uint32(v[4:])), s.st.Now()
			return e.boots, e.time
		}
	}
	return s.elapsed()
}

// elapsed is the clock as it went on since it was last told.
func (s *snmpService) elapsed() (boots, seconds int64) {
	e := &s.engine
	return e.boots, e.time + int64(s.st.Now().Sub(e.told)/time.Second)
}

// snmpTimeWindow is how much the clocks of two engines may differ, in seconds; snmpBootsMax is where an
// engine stops counting, and nothing is timely any more (RFC 3414, section 3.2, step 7).
const (
	snmpTimeWindow = 150
	snmpBootsMax   = 1<<31 - 1
)

// timely says whether a request is inside the time window: by the clock as it was told last, or as the
// recording would tell it next.
func (s *snmpService) timely(u *snmp.USM) bool {
	if snmpNear(u, s.elapsed) {
		return true
	}
	c := s.special["engine"]
	return c != nil && !c.Live() && snmpNear(u, func() (boots, seconds int64) {
		v, _ := c.Peek(s.st)
		if len(v) != 8 {
			return -1, 0
		}
		return int64(binary.BigEndian.Uint32(v)), int64(binary.BigEndian.Uint32(v[4:]))
	})
}

func snmpNear(u *snmp.USM, clock func() (boots, seconds int64)) bool {
	boots, seconds := clock()
	return u.EngineBoots == boots && boots < snmpBootsMax && u.EngineTime >= seconds-snmpTimeWindow && u.EngineTime <= seconds+snmpTimeWindow
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
	flags    [1]byte
	salt     [8]byte
	messages []wire.Message
}

// answerV3 follows RFC 3414, section 3.2, in its order.
func (n *snmpSession) answerV3(m *snmp.V3Message) Answer {
	s := n.s
	f := m.Flags
	if !s.speaks[snmp.V3] || m.USM == nil || m.MaxSize < snmpLeastSize || f.Has(snmp.FlagPriv) && !f.Has(snmp.FlagAuth) {
		return Answer{} // RFC 3412, section 7.2: not a message that anybody is told about
	}
	ours := string(m.USM.EngineID) == string(s.engine.id)
	var user *snmpAsker
	if ours {
		user = s.user(m.USM.UserName)
	}
	signed := f.Has(snmp.FlagAuth)
	if signed && user != nil && (user.keyed || user.denied) {
		if a, refused := n.refuse(m, user); refused {
			return a
		}
	}
	if !s.script.Empty() {
		if replies, found := s.script.Ask(m); found {
			return Answer{Messages: s.current(replies), From: Recorded, Note: n.noted(m, user)}
		}
	}
	if m.ScopedPDU == nil && !f.Has(snmp.FlagPriv) || m.ScopedPDU != nil && !snmpConfirmed(m.PDU.Type) {
		return Answer{}
	}
	switch {
	case !ours:
		return n.report(m, snmp.UnknownEngineIDs)
	case user == nil:
		return n.report(m, snmp.UnknownUserNames)
	case !user.supports(f):
		return n.report(m, snmp.UnsupportedSecLevels)
	case signed && !user.keyed:
		return n.report(m, snmp.WrongDigests)
	case len(m.ContextName) > 0:
		return n.report(m, snmp.UnknownContexts)
	}
	r := n.replyV3(m, f[0])
	q := snmpQuery{snmpSession: n, version: snmp.V3, asker: user, room: min(s.maxSize, int(m.MaxSize)) - snmpEnvelopeV3 - len(m.USM.UserName)}
	if !user.trusts(f) {
		r.PDU.Type, r.PDU.RequestID = snmp.Response, m.PDU.RequestID
		q.fail(&m.PDU, &r.PDU, snmp.AuthorizationError, -1)
	} else if !q.answer(&m.PDU, &r.PDU) {
		return Answer{}
	}
	return Answer{Messages: r.messages, From: q.from, Note: n.noted(m, user)}
}

// refuse says what is wrong with a signed message of a user whose key is known (steps 5 to 8). Only a
// message in the time window is looked into.
func (n *snmpSession) refuse(m *snmp.V3Message, user *snmpAsker) (a Answer, refused bool) {
	switch {
	case !user.supports(m.Flags):
		return n.report(m, snmp.UnsupportedSecLevels), true
	case m.Seal == snmp.WrongDigest || m.Seal == snmp.Unchecked:
		return n.report(m, snmp.WrongDigests), true
	case !n.s.timely(m.USM):
		return n.report(m, snmp.NotInTimeWindows), true
	case m.Seal == snmp.DecryptionError:
		return n.report(m, snmp.DecryptionErrors), true
	case m.Seal == snmp.Garbled:
		return Answer{}, true // an error of the encoding, like any other
	}
	return Answer{}, false
}

// noted is what the event log says of who came in.
func (n *snmpSession) noted(m *snmp.V3Message, user *snmpAsker) string {
	if user == nil || m.Seal != snmp.Authentic {
		return ""
	}
	return user.note
}

// current gives recorded replies that can be signed anew a time that clients take.
func (s *snmpService) current(replies []wire.Message) []wire.Message {
	for _, r := range replies {
		if v3, ok := r.(*snmp.V3Message); ok && v3.Key() != nil && !snmpNear(v3.USM, s.elapsed) {
			v3.USM.EngineBoots, v3.USM.EngineTime = s.elapsed()
		}
	}
	return replies
}

// snmpLeastSize is the smallest msgMaxSize there is (RFC 3412, section 6); snmpEnvelopeV3 is the most that a
// response has around its variables and its user's name.
const (
	snmpLeastSize  = 484
	snmpEnvelopeV3 = 224
)

func snmpConfirmed(t snmp.PDUType) bool {
	switch t {
	case snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest, snmp.InformRequest:
		return true
	}
	return false
}

// replyV3 begins an answer to a request, which is to be as safe as these flags say.
func (n *snmpSession) replyV3(m *snmp.V3Message, flags byte) *snmpV3Reply {
	s := n.s
	if n.v3 == nil {
		n.v3 = &snmpV3Reply{}
		n.v3.USM, n.v3.ScopedPDU = &n.v3.usm, &n.v3.scoped
		n.v3.Flags = n.v3.flags[:]
		n.v3.messages = []wire.Message{&n.v3.V3Message}
	}
	r := n.v3
	r.MsgID, r.MaxSize, r.SecurityModel = m.MsgID, s.engine.maxSize, snmp.SecurityModelUSM
	r.usm.EngineID, r.usm.UserName = s.engine.id, m.USM.UserName
	r.usm.EngineBoots, r.usm.EngineTime = s.clock()
	r.scoped.ContextEngineID, r.scoped.ContextName = s.engine.id, nil
	r.flags[0] = flags & (snmp.FlagAuth | snmp.FlagPriv)
	r.usm.AuthParams, r.usm.PrivParams = nil, nil
	if r.flags[0] == 0 {
		r.SealWith(nil)
		return r
	}
	r.SealWith(m.Key())
	if flags&snmp.FlagPriv != 0 {
		s.engine.salt++
		binary.BigEndian.PutUint64(r.salt[:], s.engine.salt)
		if m.Key().User().Priv == snmp.DES {
			binary.BigEndian.PutUint32(r.salt[:], uint32(r.usm.EngineBoots))
		}
		r.usm.PrivParams = r.salt[:]
	}
	return r
}

// report says why a request was not processed. What could not be decrypted in time has no request id, and
// is reported on only if it asks for that. Who is outside the time window is told the time under the digest
// of its key; an unknown context is told as safely as it was asked for.
func (n *snmpSession) report(m *snmp.V3Message, why snmp.OID) Answer {
	context := why.Equal(snmp.UnknownContexts)
	readable := m.ScopedPDU != nil && (context || !m.WasEncrypted())
	if !readable && !m.Flags.Has(snmp.FlagReportable) || readable && !snmpConfirmed(m.PDU.Type) {
		return Answer{}
	}
	var flags byte
	switch {
	case why.Equal(snmp.NotInTimeWindows):
		flags = snmp.FlagAuth
	case context:
		flags = m.Flags[0]
	}
	r := n.replyV3(m, flags)
	sample := n.s.count(why)
	r.PDU = snmp.PDU{Type: snmp.Report, VarBinds: append(r.PDU.VarBinds[:0], snmp.VarBind{OID: why, Value: snmp.NewValue(snmp.Type(sample[0]), sample[1:])})}
	if readable {
		r.PDU.RequestID = m.PDU.RequestID
	}
	return Answer{Messages: r.messages, From: Refused}
}
