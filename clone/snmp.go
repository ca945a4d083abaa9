package clone

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
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
	refused  map[string]string // SETs: error by OID
	v2Errors int               // SNMPv2c answers with the error of version 1, and with the exceptions of version 2
	v2Except int
	long     int // octets in lengths; -1 before the first answer
	engine   snmpEngine
}

// An snmpView is a community or a user: who it is, and what it was answered.
type snmpView struct {
	number   int
	key      string
	secret   []byte // the community in the clear
	name     string // what the profile calls it: the community or its verifier
	user     bool
	level    string // of a user: noauth, auth, priv
	wrote    bool
	answered map[snmp.Version]bool
	silent   map[snmp.Version][]*capture.Exchange // until the first answer
	asked    map[snmp.Version]bool
}

// snmpSilentMax bounds the unanswered exchanges that wait for the first answer to their community: most
// communities in a scan are never answered.
const snmpSilentMax = 4096

func newSNMPLearner(s *Service) learner {
	l := &snmpLearner{s: s, byName: map[string]*snmpView{}, refused: map[string]string{}, long: -1}
	l.salt = s.Options.Salt
	if len(l.salt) == 0 {
		l.salt = make([]byte, 8)
		rand.Read(l.salt)
	}
	return l
}

// view finds a community or user. Beyond snmpViewMax of those answered, the last number stands for all.
func (l *snmpLearner) view(name []byte, user bool) *snmpView {
	key := "c" + string(name)
	if user {
		key = "u" + string(name)
	}
	v := l.byName[key]
	if v == nil {
		v = &snmpView{
			number: -1, key: key, secret: bytes.Clone(name), name: string(name), user: user,
			answered: map[snmp.Version]bool{}, silent: map[snmp.Version][]*capture.Exchange{}, asked: map[snmp.Version]bool{},
		}
		if !user && !l.s.Options.KeepSecrets {
			v.name = profiles.NewVerifier(name, l.salt)
		}
		if len(l.byName) < snmpSilentMax {
			l.byName[key] = v
		}
	}
	return v
}

// number gives a view its number when it is first answered.
func (l *snmpLearner) number(v *snmpView) int {
	if v.number < 0 {
		v.number = min(len(l.views), snmpViewMax-1)
		l.views = append(l.views, v)
		l.byName[v.key] = v
	}
	return v.number
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
	l.note(req, reply)
	if l.regular(req, reply) && l.learn(v, &req.PDU, &reply.PDU, req.Version, x) {
		l.s.Record.Count(x)
		return
	}
	if reply.PDU.ErrorStatus == snmp.NoError {
		l.aside(reply.PDU.VarBinds, x)
	}
	l.s.Record.Keep(x)
}

// scrub is the exchange with the community called as the profile calls it.
func (v *snmpView) scrub(x *capture.Exchange) *capture.Exchange {
	if v.name == string(v.secret) {
		return x
	}
	y := *x
	y.Replies = nil
	rename := func(m wire.Message) wire.Message {
		if c, ok := m.(*snmp.CommunityMessage); ok && bytes.Equal(c.Community, v.secret) {
			d := *c
			d.Community = snmp.Community(v.name)
			return &d
		}
		return m
	}
	y.Request = rename(x.Request)
	for _, m := range x.Replies {
		y.Replies = append(y.Replies, rename(m))
	}
	return &y
}

// silent puts an unanswered exchange aside until its community is answered: silence towards a wrong
// community is the rule, towards a right one it is worth keeping.
func (l *snmpLearner) silent(v *snmpView, version snmp.Version, x *capture.Exchange) {
	if v.answered[version] {
		l.s.Record.Keep(x)
		return
	}
	if l.silence < snmpSilentMax {
		l.silence++
		y := *x
		v.silent[version] = append(v.silent[version], &y)
	}
}

func (l *snmpLearner) answers(v *snmpView, version snmp.Version) {
	if v.answered[version] {
		return
	}
	v.answered[version] = true
	l.silence -= len(v.silent[version])
	for _, y := range v.silent[version] {
		l.s.Record.Keep(y)
	}
	delete(v.silent, version)
}

// note gathers what an answer says about the agent's habits.
func (l *snmpLearner) note(req, reply *snmp.CommunityMessage) {
	if octets, ok := reply.LongLengths(); ok && l.long < 0 {
		l.long = octets
	}
	e := reply.PDU.ErrorStatus
	if req.PDU.Type == snmp.SetRequest && e != snmp.NoError {
		if i := int(reply.PDU.ErrorIndex) - 1; i >= 0 && i < len(req.PDU.VarBinds) && e != snmp.GenErr && e != snmp.TooBig {
			l.refused[req.PDU.VarBinds[i].OID.Canonical().String()] = e.String()
		}
		return
	}
	if req.Version != snmp.V2c {
		return
	}
	if e == snmp.NoSuchName {
		l.v2Errors++
	}
	for i := range reply.PDU.VarBinds {
		if reply.PDU.VarBinds[i].Value.Type.Exception() {
			l.v2Except++
			break
		}
	}
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
