package clone

import (
	"encoding/binary"
	"slices"
	"time"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/profiles"
)

// opens learns a connection: where its requests go, and the id that the device chose.
func (l *enipLearner) opens(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) bool {
	name := enipWay(way, enipOpening(q))
	if f := r.Failed; f != nil && f.Serial == q.Open.Serial && f.Vendor == q.Open.Vendor && f.OriginatorSerial == q.Open.OriginatorSerial {
		a := profiles.ENIPAnswer{Status: r.Status, Extended: r.Extended, Data: []byte{f.Remaining, f.Reserved}}
		l.answered(name, a.Append(nil), x)
		return true
	}
	o := r.Open
	if o == nil || r.Status != enip.Success || len(r.Extended) > 0 || o.TO != q.Open.TO || o.Serial != q.Open.Serial || o.Vendor != q.Open.Vendor ||
		o.OriginatorSerial != q.Open.OriginatorSerial || o.OTInterval != q.Open.OTInterval || o.TOInterval != q.Open.TOInterval ||
		o.Reserved != 0 || len(o.Application) > 0 {
		return false
	}
	hops, _ := q.Open.Path.Route()
	if len(l.opened) < enipOpenMax {
		l.opened[o.OT] = hops.Hops()
	}
	if len(l.serials) < enipOpenMax {
		l.serials[enipSerial{o.Serial, o.Vendor, o.OriginatorSerial}] = true
	}
	l.sample("connection", binary.LittleEndian.AppendUint32(nil, o.OT), false, x)
	l.answered(name, nil, x)
	return true
}

// enipOpening names the questions to open or close a connection: what is asked for, not by whom.
func enipOpening(q *enip.Request) string {
	key := q.AppendKey(nil)
	return profiles.ENIPAsk(uint8(q.Service), q.Path, key[2+len(q.Path):])
}

func (l *enipLearner) closes(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) bool {
	name := enipWay(way, enipOpening(q))
	if f := r.Failed; f != nil && f.Serial == q.Close.Serial && f.Vendor == q.Close.Vendor && f.OriginatorSerial == q.Close.OriginatorSerial {
		a := profiles.ENIPAnswer{Status: r.Status, Extended: r.Extended, Data: []byte{f.Remaining, f.Reserved}}
		l.answered(name, a.Append(nil), x)
		return true
	}
	c := r.Close
	if c == nil || r.Status != enip.Success || len(r.Extended) > 0 || c.Serial != q.Close.Serial || c.Vendor != q.Close.Vendor ||
		c.OriginatorSerial != q.Close.OriginatorSerial || c.Reserved != 0 || len(c.Application) > 0 {
		return false
	}
	s := enipSerial{c.Serial, c.Vendor, c.OriginatorSerial}
	if !l.serials[s] {
		return false // it was opened before the recording began
	}
	delete(l.serials, s)
	l.answered(name, nil, x)
	return true
}

// An enipSerial tells a connection from all others.
type enipSerial struct {
	serial, vendor uint16
	originator     uint32
}

// enipSent is what the device sends on one I/O connection.
type enipSent struct {
	track profiles.Track
	last  time.Time
	n     int
	span  time.Duration
}

// io learns a datagram of the device.
func (l *enipLearner) io(x *capture.Exchange, m *enip.IO) {
	s := l.sent[m.Connection]
	if s == nil {
		if len(l.sent) >= enipOpenMax {
			return
		}
		s = &enipSent{}
		s.track.SpillTo(l.s.spill)
		l.sent[m.Connection] = s
		l.s.Saw(l.s.fact(enipSends(m.Connection)), x)
	}
	var after time.Duration
	if s.n > 0 {
		after = min(max(0, x.At.Sub(s.last)), time.Minute)
		s.span += after
	}
	s.n++
	s.last = x.At
	v := profiles.ENIPSent{After: uint32(after.Microseconds()), Data: m.Data}
	s.track.Add(v.Append(nil), false)
}

// finishSent makes cells of what was sent, by connection.
func (l *enipLearner) finishSent() {
	ids := make([]uint32, 0, len(l.sent))
	for id := range l.sent {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		name := enipSends(id)
		l.cells[name] = &enipCell{track: l.sent[id].track}
		l.order = append(l.order, name)
	}
}
