package emulate

import (
	"bytes"
	"encoding/binary"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// readProperty answers one property (clause 15.5).
func (c *bacnetSession) readProperty(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.ReadPropertyRequest) Answer {
	sample, from := d.get(p.Object, p.Property, bacnetIndexOf(p.Index), true)
	if len(sample) == 0 || sample[0] != profiles.BACnetHolds {
		return c.refusal(q, sample)
	}
	c.read = bacnet.ReadPropertyAck{Object: d.echoes(p.Object), Property: p.Property, Index: p.Index, Value: sample[1:]}
	return c.result(d, q, &c.read, from)
}

func bacnetIndexOf(i *uint32) int32 {
	if i == nil {
		return -1
	}
	return int32(min(*i, 1<<30))
}

// readMultiple answers several properties of several objects (clause 15.7).
func (c *bacnetSession) readMultiple(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.ReadPropertyMultipleRequest) Answer {
	ack := &bacnet.ReadPropertyMultipleAck{}
	from := Refused
	for _, spec := range p.Objects {
		r := bacnet.ReadAccessResult{Object: d.echoes(spec.Object)}
		for _, ref := range spec.Properties {
			switch ref.Property {
			case bacnet.PropAll, bacnet.PropRequired, bacnet.PropOptional:
				for _, one := range d.properties(spec.Object, ref.Property) {
					result, f := d.result(spec.Object, bacnet.PropertyReference{Property: one})
					r.Properties = append(r.Properties, result)
					from = max(from, f)
				}
			default:
				result, f := d.result(spec.Object, ref)
				r.Properties = append(r.Properties, result)
				from = max(from, f)
			}
		}
		if len(r.Properties) > bacnetResultsMax {
			return c.abort(q, bacnet.AbortOutOfResources)
		}
		ack.Objects = append(ack.Objects, r)
	}
	return c.result(d, q, ack, from)
}

// bacnetResultsMax bounds the properties of an object that are told at once.
const bacnetResultsMax = 4096

// result is one property of an answer to ReadPropertyMultiple.
func (d *bacnetDevice) result(o bacnet.ObjectID, ref bacnet.PropertyReference) (bacnet.ReadResult, Origin) {
	r := bacnet.ReadResult{Property: ref.Property, Index: ref.Index}
	sample, from := d.get(o, ref.Property, bacnetIndexOf(ref.Index), true)
	if len(sample) > 0 && sample[0] == profiles.BACnetHolds {
		v := bacnet.Value(bytes.Clone(sample[1:]))
		r.Value = &v
		return r, from
	}
	pair := bacnetPair(sample)
	r.Error = &pair
	return r, Refused
}

// properties are those that ALL, REQUIRED or OPTIONAL stand for: as the device listed them, else those that
// are known.
func (d *bacnetDevice) properties(asked bacnet.ObjectID, which bacnet.PropertyID) []bacnet.PropertyID {
	o := d.object(asked)
	for _, o := range []bacnet.ObjectID{asked, o} {
		cell := d.cells[bacnetKey{o, which, -1, false}]
		if cell == nil {
			continue
		}
		sample, _ := cell.read(d.s.st, true)
		if len(sample) == 0 || sample[0] != profiles.BACnetHolds {
			continue
		}
		var list []bacnet.PropertyID
		for _, e := range bacnet.Value(sample[1:]).Elements() {
			if n, ok := e.Unsigned(); ok {
				list = append(list, bacnet.PropertyID(n))
			}
		}
		return list
	}
	if d.objects[o] == nil {
		return []bacnet.PropertyID{which} // it is refused under this name
	}
	var list []bacnet.PropertyID
	for _, p := range d.listed(o) {
		if p != bacnet.PropPropertyList && (which == bacnet.PropAll || required(o, p) == (which == bacnet.PropRequired)) {
			list = append(list, p)
		}
	}
	return list
}

// readRange answers items of a list (clause 15.8).
func (c *bacnetSession) readRange(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.ReadRangeRequest) Answer {
	sample, from := d.get(p.Object, p.Property, bacnetIndexOf(p.Index), true)
	if len(sample) == 0 || sample[0] != profiles.BACnetHolds {
		return c.refusal(q, sample)
	}
	items := bacnetItems(sample[1:])
	first, last := bacnetRange(p, items, d.firstSequence(p.Object, len(items)))
	ack := &bacnet.ReadRangeAck{Object: d.echoes(p.Object), Property: p.Property, Index: p.Index}
	// What does not fit is left for the next request.
	size, _ := q.Limits()
	room, more := min(size, d.sends())-40, false
	backwards := p.ByPosition != nil && p.ByPosition.Count < 0 || p.BySequence != nil && p.BySequence.Count < 0 || p.ByTime != nil && p.ByTime.Count < 0
	n := 0
	if backwards {
		begin := last
		for begin > first && n+len(items[begin-1]) <= room {
			begin--
			n += len(items[begin])
		}
		more, first = begin > first, begin
	} else {
		end := first
		for end < last && n+len(items[end]) <= room {
			n += len(items[end])
			end++
		}
		more, last = end < last, end
	}
	for _, item := range items[first:last] {
		ack.Items = append(ack.Items, item...)
	}
	ack.Count = uint32(last - first)
	ack.Flags = bacnet.NewBitString([]bool{ack.Count > 0 && first == 0, ack.Count > 0 && last == len(items), more})
	if ack.Count > 0 && (p.BySequence != nil || p.ByTime != nil) {
		n := uint32(d.firstSequence(p.Object, len(items)) + uint64(first))
		ack.FirstSequence = &n
	}
	return c.result(d, q, ack, from)
}

// bacnetItems splits a list: an item begins with the tag that the first one begins with.
func bacnetItems(list bacnet.Value) (items []bacnet.Value) {
	var head bacnet.Tag
	for i, e := range list.Elements() {
		t, _ := bacnet.ReadTag(e)
		if i == 0 {
			head = t
		}
		if i > 0 && head.Context && !(t.Context && t.Number == head.Number) {
			last := len(items) - 1
			items[last] = append(items[last][:len(items[last]):len(items[last])], e...)
			continue
		}
		items = append(items, e)
	}
	return items
}

// firstSequence is the sequence number of the first item of a log (clause 12.25.15).
func (d *bacnetDevice) firstSequence(o bacnet.ObjectID, n int) uint64 {
	if v, _ := d.get(o, bacnet.PropTotalRecordCount, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		if total, ok := bacnet.Value(v[1:]).Unsigned(); ok && total >= uint64(n) {
			return total - uint64(n) + 1
		}
	}
	return 1
}

// bacnetRange is the range of items that is asked for.
func bacnetRange(p *bacnet.ReadRangeRequest, items []bacnet.Value, sequence uint64) (first, last int) {
	count, at := 0, 0 // at: of the item that is referred to, from 0
	switch {
	case p.ByPosition != nil:
		count, at = int(p.ByPosition.Count), int(p.ByPosition.First)-1
	case p.BySequence != nil:
		count, at = int(p.BySequence.Count), int(int64(p.BySequence.First)-int64(sequence))
	case p.ByTime != nil:
		count, at = int(p.ByTime.Count), 0
		since := bacnetStamp(p.ByTime.Date, p.ByTime.Time)
		for at < len(items) && bacnetTime(items[at]) <= since {
			at++
		}
		if count < 0 { // those before it
			for at = len(items) - 1; at >= 0 && bacnetTime(items[at]) >= since; at-- {
			}
		}
	default:
		return 0, len(items)
	}
	if count >= 0 {
		if at < 0 || at > len(items) {
			return 0, 0
		}
		return at, min(len(items), at+count)
	}
	if at < 0 || at >= len(items) {
		return 0, 0
	}
	return max(0, at+1+count), at + 1
}

// bacnetStamp orders dates and times.
func bacnetStamp(d bacnet.Date, t bacnet.Time) uint64 {
	return uint64(d[0])<<48 | uint64(d[1])<<40 | uint64(d[2])<<32 | uint64(binary.BigEndian.Uint32(t[:]))
}

// bacnetTime is when an item of a log was recorded: it begins with a date and a time, enclosed in a tag.
func bacnetTime(item bacnet.Value) uint64 {
	t, n := bacnet.ReadTag(item)
	if !t.Open {
		return 0
	}
	var d bacnet.Date
	var at bacnet.Time
	rest := item[n:]
	if tag, content := rest.First(); bacnet.TagNumber(tag.Number) == bacnet.TagDate && len(content) == 4 {
		d = bacnet.Date(content)
		if tag, content := rest[5:].First(); bacnet.TagNumber(tag.Number) == bacnet.TagTime && len(content) == 4 {
			at = bacnet.Time(content)
		}
	}
	return bacnetStamp(d, at)
}
