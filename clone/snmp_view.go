package clone

import (
	"bytes"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An snmpView is a community or a user: who it is, and what it was answered.
type snmpView struct {
	number   int
	key      string
	secret   []byte // the community in the clear
	name     string // what the profile calls it: the community or its verifier
	user     bool
	level    string     // of a user: noauth, auth, priv
	owner    *snmp.User // of a user whose key is known: protocols and passwords
	wrote    bool
	answered map[snmp.Version]bool
	silent   map[snmp.Version][]*capture.Exchange // until the first answer
	asked    map[snmp.Version]bool
}

// snmpSilentMax bounds the unanswered exchanges that wait for the first answer to their community: most
// communities in a scan are never answered.
const snmpSilentMax = 4096

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
		if !user && string(name) == snmpStranger {
			v.name = profiles.SNMPAnyone // answered or not, as any other would be
		} else if !user && !l.s.Options.KeepSecrets {
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

// An snmpRefused is a SET that failed, of a variable, by a view.
type snmpRefused struct {
	oid    snmp.OID
	view   *snmpView
	status snmp.ErrorStatus
}

// snmpRefusedMax bounds them.
const snmpRefusedMax = 1 << 16

// note gathers what an answer says about the agent's habits.
func (l *snmpLearner) note(v *snmpView, req, reply *snmp.CommunityMessage) {
	if octets, ok := reply.LongLengths(); ok && l.long < 0 {
		l.long = octets
	}
	e := reply.PDU.ErrorStatus
	if req.PDU.Type == snmp.SetRequest {
		l.noteRefusal(v, &req.PDU, &reply.PDU)
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

// noteRefusal remembers which variable could not be set.
func (l *snmpLearner) noteRefusal(v *snmpView, req, reply *snmp.PDU) {
	if i := int(reply.ErrorIndex) - 1; reply.ErrorStatus != snmp.NoError && i >= 0 && i < len(req.VarBinds) && len(l.refused) < snmpRefusedMax {
		l.refused = append(l.refused, snmpRefused{bytes.Clone(req.VarBinds[i].OID.Canonical()), v, reply.ErrorStatus})
	}
}
