package emulate

import (
	"ringer/capture/snmp"
)

// set carries out all of a SET or nothing (RFC 3416, section 4.2.5): every variable is looked at before
// the first is written.
func (q *snmpQuery) set(req, reply *snmp.PDU) {
	for i := range req.VarBinds {
		if status := q.settable(&req.VarBinds[i]); status != snmp.NoError {
			q.fail(req, reply, q.translate(status), i)
			return
		}
	}
	for i := range req.VarBinds {
		v := &req.VarBinds[i]
		k, _ := q.s.tree.search(v.OID.Canonical(), q.near)
		c := q.s.hold(k)
		sample := append([]byte{byte(v.Value.Type)}, v.Value.Content()...)
		if err := c.set(q.s.st, sample, v.Value); err != nil {
			q.fail(req, reply, q.translate(snmp.CommitFailed), i)
			return
		}
		if c.point != nil {
			q.note(Point)
		}
	}
	reply.VarBinds = append(reply.VarBinds, req.VarBinds...)
}

// settable says whether a variable would take a value, or why not: as the device was seen to refuse it,
// else in the order of RFC 3416, section 4.2.5.
func (q *snmpQuery) settable(v *snmp.VarBind) snmp.ErrorStatus {
	o := v.OID.Canonical()
	if status, known := q.s.refusal(o); known {
		return status
	}
	if !q.asker.write || !q.asker.sees(o) {
		return snmp.NoAccess
	}
	k, found := q.s.tree.search(o, q.near)
	if !found || !q.there(k) && !(q.s.tree.moves(k) && q.s.cells[k].writable) {
		if snmpBelow(o, q.s.writable) {
			return snmp.NoCreation
		}
		return snmp.NotWritable
	}
	kind := q.s.tree.tag(k)
	var c *snmpCell
	if q.s.tree.moves(k) {
		c = q.s.cells[k]
		kind = c.kind
	}
	point := c != nil && c.point != nil && c.point.Spec.Write != nil
	if !point && !(c != nil && c.writable && c.point == nil) && !snmpBelow(o, q.s.writable) {
		return snmp.NotWritable
	}
	if v.Value.Type != kind {
		return snmp.WrongType
	}
	if status := snmpWellFormed(v.Value); status != snmp.NoError {
		return status
	}
	if c != nil && c.point != nil && !c.point.accepts(snmpValue(v.Value, c.point)) {
		return snmp.WrongValue
	}
	return snmp.NoError
}

// refusal is the error that the device was seen to give, of the longest name that fits.
func (s *snmpService) refusal(o snmp.OID) (status snmp.ErrorStatus, known bool) {
	best := -1
	for _, r := range s.refuse {
		if o.HasPrefix(r.root) && len(r.root) > best {
			best, status = len(r.root), r.status
		}
	}
	return status, best >= 0
}

// snmpWellFormed looks at the content of a value.
func snmpWellFormed(v snmp.Value) snmp.ErrorStatus {
	c := v.Content()
	switch v.Type {
	case snmp.TypeInteger:
		if n, ok := v.Int(); !ok || n != int64(int32(n)) {
			return snmp.WrongEncoding
		}
	case snmp.TypeCounter32, snmp.TypeGauge32, snmp.TypeTimeTicks, snmp.TypeUInteger32:
		if n, ok := v.Uint(); !ok || n != uint64(uint32(n)) {
			return snmp.WrongEncoding
		}
	case snmp.TypeCounter64:
		if _, ok := v.Uint(); !ok {
			return snmp.WrongEncoding
		}
	case snmp.TypeIPAddress:
		if len(c) != 4 {
			return snmp.WrongLength
		}
	case snmp.TypeOID:
		if !snmp.OID(c).Valid() {
			return snmp.WrongEncoding
		}
	}
	return snmp.NoError
}

// translate gives an error in the words of the version that asks (RFC 3584, section 4.4).
func (q *snmpQuery) translate(e snmp.ErrorStatus) snmp.ErrorStatus {
	if q.version != snmp.V1 {
		switch e {
		case snmp.NoSuchName, snmp.ReadOnly:
			return snmp.NotWritable
		case snmp.BadValue:
			return snmp.WrongValue
		}
		return e
	}
	switch e {
	case snmp.WrongValue, snmp.WrongEncoding, snmp.WrongType, snmp.WrongLength, snmp.InconsistentValue:
		return snmp.BadValue
	case snmp.NoAccess, snmp.NotWritable, snmp.NoCreation, snmp.InconsistentName, snmp.AuthorizationError:
		return snmp.NoSuchName
	case snmp.ResourceUnavailable, snmp.CommitFailed, snmp.UndoFailed:
		return snmp.GenErr
	}
	return e
}
