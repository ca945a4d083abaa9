package clone

import (
	"bytes"
	"encoding/binary"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/profiles"
)

// v3 learns from SNMPv3. Discovery and what is neither signed nor encrypted become cells like the older
// versions. Everything else depends on keys that are not known: it is kept whole, and only its values,
// where they are in the clear, are learned.
func (l *snmpLearner) v3(x *capture.Exchange, req *snmp.V3Message) {
	if len(x.Replies) != 1 {
		l.s.Record.Keep(x)
		return
	}
	reply, ok := x.Replies[0].(*snmp.V3Message)
	if !ok || reply.USM == nil || req.USM == nil {
		l.s.Record.Keep(x)
		return
	}
	l.engineOf(reply, x)
	v := l.view(req.USM.UserName, true)
	if reply.ScopedPDU == nil || reply.PDU.Type != snmp.Report {
		l.number(v)
		v.answered[snmp.V3] = true
		v.level = snmpLevel(v.level, req.Flags)
	}
	if l.v3Regular(req, reply) && l.v3Learn(v, req, reply, x) {
		u := reply.USM
		l.engine.track.Add(snmpEngineSample(u), false)
		l.s.Record.Count(x)
		return
	}
	if reply.ScopedPDU != nil && reply.PDU.Type == snmp.Response && reply.PDU.ErrorStatus == snmp.NoError {
		l.aside(reply.PDU.VarBinds, x)
	}
	l.s.Record.Keep(x)
}

func snmpLevel(level string, f snmp.Flags) string {
	switch {
	case f.Has(snmp.FlagAuth|snmp.FlagPriv) || level == "priv":
		return "priv"
	case f.Has(snmp.FlagAuth) || level == "auth":
		return "auth"
	}
	return "noauth"
}

// engineOf notes the engine that answers.
func (l *snmpLearner) engineOf(reply *snmp.V3Message, x *capture.Exchange) {
	e := &l.engine
	if len(reply.USM.EngineID) == 0 {
		return
	}
	if e.id == nil {
		e.id = bytes.Clone(reply.USM.EngineID)
		l.s.Saw("snmp-"+l.s.Port.String()+" engine", x)
	}
	if reply.USM.EngineBoots > 0 || reply.USM.EngineTime > 0 {
		e.boots, e.time, e.at = reply.USM.EngineBoots, reply.USM.EngineTime, x.At
	}
	e.maxSize = reply.MaxSize
}

// v3Regular says whether an answer is one that is made from the values and the engine alone.
func (l *snmpLearner) v3Regular(req, reply *snmp.V3Message) bool {
	q, r := req.ScopedPDU, reply.ScopedPDU
	if q == nil || r == nil || !reply.Minimal() || req.Flags.Has(snmp.FlagAuth) || reply.Flags[0] != 0 {
		return false
	}
	u := reply.USM
	return bytes.Equal(u.EngineID, l.engine.id) && bytes.Equal(u.UserName, req.USM.UserName) && len(u.AuthParams) == 0 && len(u.PrivParams) == 0 &&
		bytes.Equal(r.ContextEngineID, l.engine.id) && bytes.Equal(r.ContextName, q.ContextName) && r.PDU.RequestID == q.PDU.RequestID
}

func (l *snmpLearner) v3Learn(v *snmpView, req, reply *snmp.V3Message, x *capture.Exchange) bool {
	if reply.PDU.Type == snmp.Report {
		list := reply.PDU.VarBinds
		if !req.Discovery() || len(list) != 1 || !list[0].OID.Equal(snmp.UnknownEngineIDs) || list[0].Value.Type != snmp.TypeCounter32 {
			return false
		}
		if l.engine.reports == nil {
			l.engine.reports = map[string]*profiles.Track{}
		}
		name := list[0].OID.String()
		if l.engine.reports[name] == nil {
			l.engine.reports[name] = &profiles.Track{}
			l.engine.reports[name].SpillTo(l.s.spill)
		}
		l.engine.reports[name].Add(append([]byte{byte(list[0].Value.Type)}, list[0].Value.Content()...), false)
		return true
	}
	if reply.PDU.Type != snmp.Response || !bytes.Equal(req.USM.EngineID, l.engine.id) || len(req.ContextName) > 0 {
		return false
	}
	return l.learn(v, &req.PDU, &reply.PDU, snmp.V3, x)
}

// snmpEngine is what is known of the agent's SNMPv3 engine.
type snmpEngine struct {
	id      []byte
	boots   int64
	time    int64
	at      time.Time
	maxSize int64
	track   profiles.Track // boots and time, as discovery and requests without a digest were answered
	reports map[string]*profiles.Track
}

// snmpEngineSample is a sample of the engine's clock: boots and time, four octets each.
func snmpEngineSample(u *snmp.USM) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(u.EngineBoots))
	return binary.BigEndian.AppendUint32(b, uint32(u.EngineTime))
}
