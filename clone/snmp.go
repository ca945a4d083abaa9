package clone

import (
	"bytes"
	"crypto/rand"

	"ringer/capture"
	"ringer/capture/snmp"
)

// An snmpLearner learns the variables of an agent, whom it answers, and how it refuses. What the
// variables do not explain (errors of an agent's own, SNMPv3 with keys that are not known) is kept whole.
type snmpLearner struct {
	s       *Service
	tree    snmpTree
	salt    []byte
	views   []*snmpView // communities and SNMPv3 users, in the order met
	byName  map[string]*snmpView
	silence int // exchanges that wait in views

	bulk     snmpBulk
	refused  []snmpRefused
	v2Errors int // SNMPv2c answers with the error of version 1, and with the exceptions of version 2
	v2Except int
	long     int // octets in lengths; -1 before the first answer
	engine   snmpEngine
}

func newSNMPLearner(s *Service) learner {
	l := &snmpLearner{s: s, byName: map[string]*snmpView{}, long: -1}
	l.tree.spill = s.spill
	l.engine.track.SpillTo(s.spill)
	l.salt = s.Options.Salt
	if len(l.salt) == 0 {
		l.salt = make([]byte, 8)
		rand.Read(l.salt)
	}
	return l
}

func (l *snmpLearner) Learn(x *capture.Exchange) {
	switch req := x.Request.(type) {
	case nil:
		l.unasked(x)
	case *snmp.CommunityMessage:
		l.community(x, req)
	case *snmp.V3Message:
		l.v3(x, req)
	default:
		if len(x.Replies) > 0 {
			l.s.Record.Keep(x)
		}
	}
}

// unasked: an answer whose question the recording lost still tells values. Notifications are said to
// managers, from a port of their own: they are no part of the service.
func (l *snmpLearner) unasked(x *capture.Exchange) {
	for _, m := range x.Replies {
		if r, ok := m.(*snmp.CommunityMessage); ok && r.PDU.Type == snmp.Response && r.PDU.ErrorStatus == 0 {
			l.aside(r.PDU.VarBinds, x)
		}
	}
}

func (l *snmpLearner) community(x *capture.Exchange, req *snmp.CommunityMessage) {
	switch req.PDU.Type {
	case snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest:
	default:
		return // notifications, and answers to the device's own
	}
	v := l.view(req.Community, false)
	v.asked[req.Version] = true
	x = v.scrub(x)
	req = x.Request.(*snmp.CommunityMessage)
	if x.Lost && len(x.Replies) == 0 {
		l.s.Record.Keep(x)
		return
	}
	if len(x.Replies) == 0 {
		l.silent(v, req.Version, x)
		return
	}
	reply, ok := x.Replies[0].(*snmp.CommunityMessage)
	if !ok || len(x.Replies) > 1 || reply.PDU.Type != snmp.Response {
		l.s.Record.Keep(x)
		return
	}
	l.answers(v, req.Version)
	l.number(v)
	if reply.PDU.ErrorStatus == snmp.NoError && req.PDU.Type == snmp.SetRequest {
		v.wrote = true
	}
	l.note(v, req, reply)
	if l.regular(req, reply) && l.learn(v, &req.PDU, &reply.PDU, req.Version, x) {
		l.s.Record.Count(x)
		return
	}
	if reply.PDU.ErrorStatus == snmp.NoError {
		l.aside(reply.PDU.VarBinds, x)
	}
	l.s.Record.Keep(x)
}

// regular says whether an answer is one that is made from the values alone.
func (l *snmpLearner) regular(req, reply *snmp.CommunityMessage) bool {
	octets, ok := reply.LongLengths()
	return ok && octets == l.long && reply.Version == req.Version && bytes.Equal(reply.Community, req.Community)
}

// learn learns the values in an answer, if values are all it tells. It learns all of it or nothing.
func (l *snmpLearner) learn(v *snmpView, req, reply *snmp.PDU, version snmp.Version, x *capture.Exchange) bool {
	if reply.ErrorStatus != snmp.NoError {
		return reply.ErrorStatus == snmp.NoSuchName && version == snmp.V1 && l.noSuchName(v, req, reply)
	}
	if reply.ErrorIndex != 0 || !snmpCanonical(req.VarBinds) && req.Type != snmp.GetRequest || !snmpCanonical(reply.VarBinds) {
		return false
	}
	switch req.Type {
	case snmp.GetRequest:
		return l.get(v, req.VarBinds, reply.VarBinds, x)
	case snmp.GetNextRequest:
		return l.next(v, req.VarBinds, reply.VarBinds, version, x)
	case snmp.GetBulkRequest:
		return l.getBulk(v, req, reply, version, x)
	case snmp.SetRequest:
		return l.set(v, req.VarBinds, reply.VarBinds, x)
	}
	return false
}

func snmpCanonical(list []snmp.VarBind) bool {
	for i := range list {
		if o := list[i].OID; len(o) == 0 || len(o.Canonical()) != len(o) {
			return false
		}
	}
	return true
}

func (l *snmpLearner) get(v *snmpView, asked, got []snmp.VarBind, x *capture.Exchange) bool {
	if len(asked) != len(got) {
		return false
	}
	for i := range got {
		if !got[i].OID.Equal(asked[i].OID) || got[i].Value.Type == snmp.EndOfMibView {
			return false
		}
	}
	for i := range got {
		l.sample(v, &got[i], x)
	}
	return true
}

// sample is one variable of an answer: a value, or that there is none.
func (l *snmpLearner) sample(v *snmpView, b *snmp.VarBind, x *capture.Exchange) {
	n := l.tree.node(b.OID)
	if b.Value.Type.Exception() {
		n.missing(v.number, []byte{byte(b.Value.Type)})
		return
	}
	if n.seenBy == 0 {
		l.saw(n, x)
	}
	n.read(v.number, b.Value, x.At)
	l.hear(n, b.Value, x.At)
}

func (l *snmpLearner) saw(n *snmpNode, x *capture.Exchange) {
	l.s.Saw("snmp-"+l.s.Port.String()+" "+n.oid.String(), x)
}

// next learns from an answer to GETNEXT: besides the value, that there is nothing between.
func (l *snmpLearner) next(v *snmpView, asked, got []snmp.VarBind, version snmp.Version, x *capture.Exchange) bool {
	if len(asked) != len(got) {
		return false
	}
	for i := range got {
		if !snmpFollows(asked[i].OID, &got[i]) {
			return false
		}
	}
	for i := range got {
		l.step(v, asked[i].OID, &got[i], version, x)
	}
	return true
}

// snmpFollows says whether b can be what GETNEXT of o gives: what is behind o, or its end.
func snmpFollows(o snmp.OID, b *snmp.VarBind) bool {
	if b.Value.Type == snmp.EndOfMibView {
		return b.OID.Equal(o)
	}
	return !b.Value.Type.Exception() && b.OID.Compare(o) > 0
}

func (l *snmpLearner) step(v *snmpView, from snmp.OID, b *snmp.VarBind, version snmp.Version, x *capture.Exchange) {
	if b.Value.Type == snmp.EndOfMibView {
		l.tree.pass(from, nil, v.number, version)
		return
	}
	l.tree.pass(from, b.OID, v.number, version)
	l.sample(v, b, x)
}

// noSuchName learns from the error of version 1, if it names the first variable that is missing.
func (l *snmpLearner) noSuchName(v *snmpView, req, reply *snmp.PDU) bool {
	i := int(reply.ErrorIndex) - 1
	if i < 0 || i >= len(req.VarBinds) || !snmpCanonical(req.VarBinds) || !snmpSame(req.VarBinds, reply.VarBinds) {
		return false
	}
	switch req.Type {
	case snmp.GetRequest:
		for _, b := range req.VarBinds[:i] {
			if n := l.tree.get(b.OID); n == nil || snmpAbsent(n.track.Last().Value) || n.holds(snmp.TypeCounter64) {
				return false
			}
		}
		if n := l.tree.node(req.VarBinds[i].OID); !n.holds(snmp.TypeCounter64) {
			n.missing(v.number, nil)
		}
		return true
	case snmp.GetNextRequest:
		if i > 0 {
			return false
		}
		l.tree.pass(req.VarBinds[0].OID, nil, v.number, snmp.V1)
		return true
	}
	return false
}

// snmpSame says whether two lists of variables are the same, values too.
func snmpSame(a, b []snmp.VarBind) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].OID.Equal(b[i].OID) || a[i].Value.Type != b[i].Value.Type || !bytes.Equal(a[i].Value.Content(), b[i].Value.Content()) {
			return false
		}
	}
	return true
}

func (l *snmpLearner) set(v *snmpView, asked, got []snmp.VarBind, x *capture.Exchange) bool {
	if !snmpSame(asked, got) {
		return false
	}
	for i := range got {
		n := l.tree.node(got[i].OID)
		if n.seenBy == 0 {
			l.saw(n, x)
		}
		n.write(v.number, got[i].Value)
	}
	return true
}

// aside notes values of an answer that is kept whole. They are no samples: the answer will be given from
// the recording.
func (l *snmpLearner) aside(list []snmp.VarBind, x *capture.Exchange) {
	for i := range list {
		b := &list[i]
		if b.Value.Type.Exception() || b.Value.Type == snmp.TypeNull || len(b.OID) == 0 {
			continue
		}
		n := l.tree.node(b.OID.Canonical())
		if n.aside == nil && n.track.Runs() == 0 {
			l.saw(n, x)
			n.aside = append([]byte{byte(b.Value.Type)}, b.Value.Content()...)
			n.at = x.At
		}
	}
}
