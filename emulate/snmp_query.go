package emulate

import (
	"ringer/capture/snmp"
)

// An snmpQuery is one request being answered from the variables.
type snmpQuery struct {
	*snmpSession
	version snmp.Version
	asker   *snmpAsker
	room    int // bytes that the variables of the response may take
	from    Origin
}

// snmpEnvelope is the most that a response has around its variables and its community.
const snmpEnvelope = 48

// An snmpColumn is a column of GETBULK: the variable told last.
type snmpColumn struct {
	oid snmp.OID
	at  int // where it is in the tree; -1: it is what was asked
}

// answer makes the response; false: the agent is silent.
func (q *snmpQuery) answer(req, reply *snmp.PDU) bool {
	reply.Type, reply.RequestID = snmp.Response, req.RequestID
	reply.ErrorStatus, reply.ErrorIndex = snmp.NoError, 0
	reply.VarBinds = reply.VarBinds[:0]
	q.from = Recorded
	switch req.Type {
	case snmp.GetRequest:
		q.get(req, reply)
	case snmp.GetNextRequest:
		q.getNext(req, reply)
	case snmp.GetBulkRequest:
		if q.version == snmp.V1 {
			return false
		}
		q.getBulk(req, reply)
		return true
	case snmp.SetRequest:
		q.set(req, reply)
	default:
		return false
	}
	if reply.ErrorStatus == snmp.NoError && q.size(reply.VarBinds) > q.room {
		q.tooBig(req, reply)
	}
	return true
}

// fail makes the response an error: the variables are those of the request (RFC 3416, section 4.2).
func (q *snmpQuery) fail(req, reply *snmp.PDU, status snmp.ErrorStatus, i int) {
	reply.ErrorStatus, reply.ErrorIndex = status, int64(i+1)
	reply.VarBinds = append(reply.VarBinds[:0], req.VarBinds...)
	q.from = Refused
}

func (q *snmpQuery) tooBig(req, reply *snmp.PDU) {
	q.fail(req, reply, snmp.TooBig, -1)
	if q.version != snmp.V1 {
		reply.VarBinds = reply.VarBinds[:0]
	}
}

// Sizes of encodings: a tag, a length, and n octets.
func (q *snmpQuery) tlv(n int) int {
	switch {
	case n < 0x80:
		return 2 + n
	case n < 1<<8:
		return 3 + n
	case n < 1<<16:
		return 4 + n
	}
	return 5 + n
}

func (q *snmpQuery) sizeOf(v *snmp.VarBind) int {
	return q.s.sec.LongLengths + q.tlv(q.tlv(len(v.OID))+q.tlv(len(v.Value.Content())))
}

func (q *snmpQuery) size(list []snmp.VarBind) (n int) {
	for i := range list {
		n += q.sizeOf(&list[i])
	}
	return n
}

// note remembers the most telling origin of the values of a response.
func (q *snmpQuery) note(from Origin) {
	if from == Point || from == Modelled && q.from != Point {
		q.from = from
	}
}

// sample takes the next sample of a variable. It is empty, or an exception, where there is none.
func (q *snmpQuery) sample(i int) []byte {
	if !q.s.tree.moves(i) {
		return q.s.tree.value(i)
	}
	v, from := q.s.cells[i].read(q.s.st)
	q.note(from)
	return v
}

// there says whether a variable can be told now: whether it is there, seen, and known to the version.
func (q *snmpQuery) there(i int) bool {
	v := q.s.tree.value(i)
	if q.s.tree.moves(i) {
		v, _ = q.s.cells[i].peek(q.s.st)
	}
	return !snmpAbsent(v) && q.tellable(i, v)
}

// tellable: views, and Counter64, which version 1 does not have (RFC 3584, section 4.2.2.1).
func (q *snmpQuery) tellable(i int, v []byte) bool {
	if q.version == snmp.V1 && snmp.Type(v[0]) == snmp.TypeCounter64 {
		return false
	}
	return len(q.asker.view) == 0 && len(q.asker.hidden) == 0 || q.asker.sees(q.s.tree.oid(i))
}

func (q *snmpQuery) get(req, reply *snmp.PDU) {
	old := q.version == snmp.V1 || q.s.sec.Missing == snmp.NoSuchName.String()
	if old {
		for i := range req.VarBinds {
			k, found := q.s.tree.search(req.VarBinds[i].OID, q.near)
			if !found || !q.there(k) {
				if found {
					q.sample(k)
				}
				q.fail(req, reply, snmp.NoSuchName, i)
				return
			}
		}
	}
	for i := range req.VarBinds {
		o := req.VarBinds[i].OID
		k, found := q.s.tree.search(o, q.near)
		v := snmp.Value{Type: snmp.NoSuchObject}
		var sample []byte
		if found {
			q.near = k
			if sample = q.sample(k); !snmpAbsent(sample) && q.tellable(k, sample) {
				v = snmp.NewValue(snmp.Type(sample[0]), sample[1:])
			} else {
				found = false
			}
		}
		if !found {
			v.Type = q.missing(o, sample)
			q.from = Refused
		}
		reply.VarBinds = append(reply.VarBinds, snmp.VarBind{OID: o, Value: v})
	}
}

// missing is how it is told that there is no variable.
func (q *snmpQuery) missing(o snmp.OID, sample []byte) snmp.Type {
	switch {
	case len(sample) > 0 && snmp.Type(sample[0]).Exception():
		return snmp.Type(sample[0])
	case !snmpAbsent(sample) || !q.asker.sees(o):
		return snmp.NoSuchObject // it is there, but not for this asker
	case q.s.sec.Missing == snmp.NoSuchObject.String():
		return snmp.NoSuchObject
	case q.s.sec.Missing == snmp.NoSuchInstance.String() || q.s.tree.object(o.Canonical()):
		return snmp.NoSuchInstance
	}
	return snmp.NoSuchObject
}

// next finds the first variable behind o that can be told, and takes its sample. What comes and goes is
// asked in passing whether it is there. at is where o is in the tree, if that is known, else -1.
func (q *snmpQuery) next(o snmp.OID, at int) (k int, sample []byte) {
	t := &q.s.tree
	if at < 0 {
		var found bool
		if at, found = t.search(o, q.near); !found {
			at--
		}
	}
	for k = at + 1; k < t.len(); k++ {
		if !t.moves(k) {
			if v := t.value(k); !snmpAbsent(v) && q.tellable(k, v) {
				return k, v
			}
			continue
		}
		if v, _ := q.s.cells[k].peek(q.s.st); !snmpAbsent(v) && !q.tellable(k, v) {
			continue
		}
		if v := q.sample(k); !snmpAbsent(v) {
			return k, v
		}
	}
	return -1, nil
}

func (q *snmpQuery) getNext(req, reply *snmp.PDU) {
	if q.version == snmp.V1 {
		for i := range req.VarBinds {
			if !q.more(req.VarBinds[i].OID) {
				q.next(req.VarBinds[i].OID, -1)
				q.fail(req, reply, snmp.NoSuchName, i)
				return
			}
		}
	}
	for i := range req.VarBinds {
		q.step(snmpColumn{req.VarBinds[i].OID, -1}, reply)
	}
}

// more says whether anything is behind o, without taking samples.
func (q *snmpQuery) more(o snmp.OID) bool {
	k, found := q.s.tree.search(o, q.near)
	if found {
		k++
	}
	for ; k < q.s.tree.len(); k++ {
		if q.there(k) {
			return true
		}
	}
	return false
}

// step appends what is behind a variable, or that nothing is.
func (q *snmpQuery) step(c snmpColumn, reply *snmp.PDU) snmpColumn {
	k, sample := q.next(c.oid, c.at)
	if k < 0 {
		if c.at >= 0 {
			c.at = q.s.tree.len() - 1
		}
		reply.VarBinds = append(reply.VarBinds, snmp.VarBind{OID: c.oid, Value: snmp.Value{Type: snmp.EndOfMibView}})
		return c
	}
	q.near = k
	c = snmpColumn{q.s.tree.oid(k), k}
	reply.VarBinds = append(reply.VarBinds, snmp.VarBind{OID: c.oid, Value: snmp.NewValue(snmp.Type(sample[0]), sample[1:])})
	return c
}

// getBulk steps through the first variables once and through the others again and again (RFC 3416,
// section 4.2.3), until there is no room, or all are at the end.
func (q *snmpQuery) getBulk(req, reply *snmp.PDU) {
	single := int(max(0, min(req.NonRepeaters, int64(len(req.VarBinds)))))
	used := 0
	for i := range single {
		q.step(snmpColumn{req.VarBinds[i].OID, -1}, reply)
		if used += q.sizeOf(&reply.VarBinds[i]); used > q.room {
			reply.VarBinds = reply.VarBinds[:i]
			return
		}
	}
	columns := len(req.VarBinds) - single
	if columns == 0 {
		return
	}
	q.columns = q.columns[:0]
	for i := range columns {
		q.columns = append(q.columns, snmpColumn{req.VarBinds[single+i].OID, -1})
	}
	rows := max(0, min(req.MaxRepetitions, int64(max(1, q.s.bulkMax/columns))))
	for range rows {
		ended := true
		for i := range q.columns {
			q.columns[i] = q.step(q.columns[i], reply)
			last := &reply.VarBinds[len(reply.VarBinds)-1]
			ended = ended && last.Value.Type == snmp.EndOfMibView
			if used += q.sizeOf(last); used > q.room {
				reply.VarBinds = reply.VarBinds[:len(reply.VarBinds)-1]
				return
			}
		}
		if ended {
			return
		}
	}
}
