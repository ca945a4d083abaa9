package clone

import (
	"ringer/capture"
	"ringer/capture/snmp"
)

// snmpBulk gathers where the agent cuts its answers to GETBULK short.
type snmpBulk struct {
	cut  map[int]int // how many repeated variables such an answer had -> how often
	most int         // in any answer
}

// getBulk learns from an answer to GETBULK (RFC 3416, section 4.2.3): rows of GETNEXTs. One that is cut
// short is kept whole, because the values do not tell where it ends.
func (l *snmpLearner) getBulk(v *snmpView, req, reply *snmp.PDU, version snmp.Version, x *capture.Exchange) bool {
	asked, got := req.VarBinds, reply.VarBinds
	single := int(max(0, min(req.NonRepeaters, int64(len(asked)))))
	columns := len(asked) - single
	if len(got) < single {
		return false
	}
	l.bulk.most = max(l.bulk.most, len(got)-single)
	// at is where each column has got to.
	at := make([]snmp.OID, columns)
	for i := range columns {
		at[i] = asked[single+i].OID
	}
	for i := range got {
		from := snmp.OID(nil)
		if i < single {
			from = asked[i].OID
		} else if columns == 0 {
			return false
		} else {
			from = at[(i-single)%columns]
			at[(i-single)%columns] = got[i].OID
		}
		if !snmpFollows(from, &got[i]) {
			return false
		}
	}
	want := max(0, req.MaxRepetitions) * int64(columns)
	if have := int64(len(got) - single); have > want {
		return false
	} else if have < want && !snmpEnds(got[single:], columns) {
		if l.bulk.cut == nil {
			l.bulk.cut = map[int]int{}
		}
		l.bulk.cut[len(got)-single]++
		return false
	}
	for i := range columns {
		at[i] = asked[single+i].OID
	}
	for i := range got {
		if i < single {
			l.step(v, asked[i].OID, &got[i], version, x)
			continue
		}
		column := &at[(i-single)%columns]
		l.step(v, *column, &got[i], version, x)
		*column = got[i].OID
	}
	return true
}

// snmpEnds says whether an answer ends with the first row in which every column is at its end.
func snmpEnds(got []snmp.VarBind, columns int) bool {
	if len(got) == 0 || len(got)%columns != 0 {
		return false
	}
	ended := func(row []snmp.VarBind) bool {
		for i := range row {
			if row[i].Value.Type != snmp.EndOfMibView {
				return false
			}
		}
		return true
	}
	last := len(got) - columns
	return ended(got[last:]) && (last == 0 || !ended(got[last-columns:last]))
}

// snmpBulkUsual is where agents usually cut: see emulate.
const snmpBulkUsual = 100

// max is the number of variables at which the agent cuts, if that is what it goes by, or which it was
// seen to give though that is more than usual; 0: nothing is known.
func (b *snmpBulk) max() int {
	if len(b.cut) != 1 {
		if b.most > snmpBulkUsual {
			return b.most
		}
		return 0
	}
	for n, times := range b.cut {
		if times >= 2 && n == b.most {
			return n
		}
	}
	return 0
}
