package clone

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/profiles"
)

// v3 learns from SNMPv3. Discovery, and what is neither signed nor encrypted or is both with keys that are
// known, become cells like the older versions. Everything else is kept whole, and only its values, where
// they are in the clear, are learned.
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
	before := l.engine.snmpEngineClock
	l.engineOf(reply, x)
	v := l.view(req.USM.UserName, true)
	if reply.ScopedPDU == nil || reply.PDU.Type != snmp.Report {
		l.number(v)
		v.answered[snmp.V3] = true
		v.level = snmpLevel(v.level, req.Flags)
		v.knownAs(reply)
		l.noteSet(v, req, reply)
	}
	if l.v3Regular(req, reply) && l.v3Learn(v, before, req, reply, x) {
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

// knownAs remembers whose key opened a reply.
func (v *snmpView) knownAs(reply *snmp.V3Message) {
	if reply.Seal == snmp.Authentic {
		v.owner = reply.Key().User()
	}
}

// noteSet gathers what an answer to a SET says of what a user may do.
func (l *snmpLearner) noteSet(v *snmpView, req, reply *snmp.V3Message) {
	if req.ScopedPDU == nil || reply.ScopedPDU == nil || req.PDU.Type != snmp.SetRequest {
		return
	}
	if reply.PDU.ErrorStatus == snmp.NoError {
		v.wrote = true
	}
	l.noteRefusal(v, &req.PDU, &reply.PDU)
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

// v3Regular says whether an answer is one that is made from the values, the engine and the keys alone.
func (l *snmpLearner) v3Regular(req, reply *snmp.V3Message) bool {
	r, u := reply.ScopedPDU, reply.USM
	if r == nil || !reply.Minimal() || !bytes.Equal(u.EngineID, l.engine.id) || !bytes.Equal(u.UserName, req.USM.UserName) ||
		!bytes.Equal(r.ContextEngineID, l.engine.id) || reply.Flags.Has(snmp.FlagAuth) != (reply.Seal == snmp.Authentic) {
		return false
	}
	return reply.Flags.Has(snmp.FlagAuth) || len(u.AuthParams) == 0 && len(u.PrivParams) == 0
}

func (l *snmpLearner) v3Learn(v *snmpView, before snmpEngineClock, req, reply *snmp.V3Message, x *capture.Exchange) bool {
	if reply.PDU.Type == snmp.Report {
		return l.v3Report(v, before, req, reply, x)
	}
	const protection = snmp.FlagAuth | snmp.FlagPriv
	return reply.PDU.Type == snmp.Response && req.ScopedPDU != nil && bytes.Equal(req.USM.EngineID, l.engine.id) &&
		req.Flags.Has(snmp.FlagAuth) == (req.Seal == snmp.Authentic) && req.Flags[0]&protection == reply.Flags[0] &&
		len(req.ContextName)+len(reply.ContextName) == 0 && reply.PDU.RequestID == req.PDU.RequestID &&
		l.learn(v, &req.PDU, &reply.PDU, snmp.V3, x)
}

// v3Report learns from a report that any agent would give.
func (l *snmpLearner) v3Report(v *snmpView, before snmpEngineClock, req, reply *snmp.V3Message, x *capture.Exchange) bool {
	list := reply.PDU.VarBinds
	if len(list) != 1 || list[0].Value.Type != snmp.TypeCounter32 || reply.Flags.Has(snmp.FlagPriv) || len(reply.ContextName) > 0 {
		return false
	}
	id := int64(0)
	if req.ScopedPDU != nil && !req.WasEncrypted() {
		id = req.PDU.RequestID
	}
	why, signed := list[0].OID, false
	switch {
	case reply.PDU.RequestID != id:
		return false
	case why.Equal(snmp.UnknownEngineIDs):
		if !req.Discovery() || req.Flags.Has(snmp.FlagAuth) {
			return false
		}
	case why.Equal(snmp.WrongDigests): // of a user who is known by what it was answered before
		if v.owner == nil || req.Seal != snmp.WrongDigest {
			return false
		}
	case why.Equal(snmp.NotInTimeWindows):
		signed = true
		if v.owner == nil || req.Seal == snmp.Unchecked || req.Seal == snmp.WrongDigest || l.engine.near(req.USM, x.At) || before.near(req.USM, x.At) {
			return false
		}
	default:
		return false
	}
	if reply.Flags.Has(snmp.FlagAuth) != signed {
		return false
	}
	if l.engine.reports == nil {
		l.engine.reports = map[string]*profiles.Track{}
	}
	name := why.String()
	if l.engine.reports[name] == nil {
		l.engine.reports[name] = &profiles.Track{}
		l.engine.reports[name].SpillTo(l.s.spill)
	}
	l.engine.reports[name].Add(append([]byte{byte(list[0].Value.Type)}, list[0].Value.Content()...), false)
	return true
}

// accounts puts the users whose keys are known on the device's list. Their passwords stay out of it unless
// secrets are kept: there is no other form in which they would be of use.
func (l *snmpLearner) accounts(out *Output) {
	for _, v := range l.views {
		if v.owner == nil {
			continue
		}
		usm := &profiles.AccountUSM{Auth: v.owner.Auth.String()}
		if v.owner.Priv != snmp.NoPriv {
			usm.Priv = v.owner.Priv.String()
		}
		if l.s.Options.KeepSecrets {
			usm.AuthPassword, usm.PrivPassword = v.owner.AuthPassword, v.owner.PrivPassword
		} else {
			out.Redact("SNMPv3 passwords", "left out")
		}
		dev := out.Device
		i := slices.IndexFunc(dev.Accounts, func(a profiles.Account) bool { return a.Name == v.name })
		if i < 0 {
			dev.Accounts = append(dev.Accounts, profiles.Account{Name: v.name})
			i = len(dev.Accounts) - 1
		}
		dev.Accounts[i].USM = usm
	}
	slices.SortFunc(out.Device.Accounts, func(a, b profiles.Account) int { return strings.Compare(a.Name, b.Name) })
}

// snmpEngine is what is known of the agent's SNMPv3 engine.
type snmpEngine struct {
	id []byte
	snmpEngineClock
	maxSize int64
	track   profiles.Track // boots and time, as discovery and requests without a digest were answered
	reports map[string]*profiles.Track
}

// An snmpEngineClock is what an engine said of its boots and time, and when.
type snmpEngineClock struct {
	boots, time int64
	at          time.Time
}

// near says whether a request is inside the time window (RFC 3414, section 3.2, step 7).
func (c snmpEngineClock) near(u *snmp.USM, now time.Time) bool {
	const window = 150
	seconds := c.time + int64(now.Sub(c.at)/time.Second)
	return !c.at.IsZero() && u.EngineBoots == c.boots && u.EngineTime >= seconds-window && u.EngineTime <= seconds+window
}

// snmpEngineSample is a sample of the engine's clock: boots and time, four octets each.
func snmpEngineSample(u *snmp.USM) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(u.EngineBoots))
	return binary.BigEndian.AppendUint32(b, uint32(u.EngineTime))
}
