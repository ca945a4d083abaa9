package clone

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A bacnetCell is what is known of a property, or of an element of one, or of writing it.
type bacnetCell struct {
	name    profiles.BACnetCell
	track   profiles.Track
	aside   []byte // a sample from an answer that is kept whole, or that nobody asked for
	trend   *Trend
	at      time.Time
	written bool
}

// value is the newest sample.
func (c *bacnetCell) value() []byte {
	if c.track.Runs() == 0 {
		return c.aside
	}
	v := c.track.Last().Value
	if len(v) > 1 && v[0] == profiles.BACnetWritten {
		return append([]byte{profiles.BACnetHolds}, v[2:]...)
	}
	return v
}

// clock says whether it is one that moves even if it was not seen to: how often it was asked is to be known.
func (c *bacnetCell) clock() bool {
	return c.name.Object.Type() == bacnet.ObjectDevice && (c.name.Property == bacnet.PropLocalTime || c.name.Property == bacnet.PropLocalDate)
}

// A bacnetObserver takes one exchange with one device.
type bacnetObserver struct {
	l       *bacnetLearner
	x       *capture.Exchange
	station string
	t       *bacnetStation
}

func bacnetIndex(i *uint32) int {
	if i == nil {
		return -1
	}
	return int(*i)
}

func (o bacnetObserver) cell(object bacnet.ObjectID, p bacnet.PropertyID, index int, write bool) *bacnetCell {
	k := profiles.BACnetCell{Station: o.station, Object: object, Property: p, Index: index, Write: write}
	c := o.t.cells[k]
	if c == nil {
		if o.l.cells >= bacnetCellsMax {
			return nil
		}
		o.l.cells++
		c = &bacnetCell{name: k}
		c.track.SpillTo(o.l.s.spill)
		o.t.cells[k] = c
		o.t.order = append(o.t.order, c)
		o.l.s.Saw("bacnet-"+o.l.s.Port.String()+" "+k.String(), o.x)
	}
	return c
}

// sample adds what was read.
func (o bacnetObserver) sample(object bacnet.ObjectID, p bacnet.PropertyID, index int, sample []byte) bool {
	c := o.cell(object, p, index, false)
	if c == nil {
		return false
	}
	o.follow(c, sample)
	c.track.Add(sample, false)
	c.at = o.x.At
	return true
}

// follow gathers how a number moves.
func (o bacnetObserver) follow(c *bacnetCell, sample []byte) {
	v, bits, ok := bacnetNumber(sample)
	if !ok || c.written {
		return
	}
	if c.trend == nil {
		if c.track.Runs() == 0 || string(c.track.Last().Value) == string(sample) || o.l.trends >= bacnetTrendsMax {
			return
		}
		first, _, ok := bacnetNumber(c.track.Last().Value)
		if !ok {
			return
		}
		o.l.trends++
		c.trend = &Trend{}
		c.trend.Add(c.at, first, bits)
	}
	c.trend.Add(o.x.At, v, bits)
	o.l.s.beside.heard(c, o.x.At, v)
}

// bacnetNumber is the number in a sample, as a Trend takes it.
func bacnetNumber(sample []byte) (v uint64, bits int, ok bool) {
	if len(sample) < 2 || sample[0] != profiles.BACnetHolds {
		return 0, 0, false
	}
	t, c := bacnet.Value(sample[1:]).First()
	if t.Context || len(sample) != 2+len(c) {
		return 0, 0, false // it has more elements, or a long tag
	}
	switch bacnet.TagNumber(t.Number) {
	case bacnet.TagReal:
		if len(c) == 4 {
			f := float64(math.Float32frombits(binary.BigEndian.Uint32(c))) * profiles.BACnetScale
			return uint64(int64(math.Round(f))), 64, math.Abs(f) < 1<<52
		}
	case bacnet.TagUnsigned, bacnet.TagEnumerated:
		n, ok := bacnet.Value(sample[1:]).Unsigned()
		return n, 32, ok && n < 1<<32
	}
	return 0, 0, false
}

// bacnetSample is a sample of an answer that is not a value; nil: it is no such answer.
func bacnetSample(reply wire.Message) []byte {
	switch r := reply.(type) {
	case *bacnet.SimpleAck:
		return []byte{profiles.BACnetDone}
	case *bacnet.Error:
		if p, ok := r.Parameters.(*bacnet.ErrorPair); ok {
			return profiles.BACnetErrorSample(p.Class, p.Code)
		}
	case *bacnet.Reject:
		return []byte{profiles.BACnetReject, byte(r.Reason)}
	case *bacnet.Abort:
		return []byte{profiles.BACnetAbort, byte(r.Reason)}
	}
	return nil
}

func bacnetHolds(v bacnet.Value) []byte { return append([]byte{profiles.BACnetHolds}, v...) }

// observe takes an exchange into the cells. false: it says more than cells do, or something else.
func (o bacnetObserver) observe(q *bacnet.ConfirmedRequest, reply bacnet.Message) bool {
	if q.Segmented {
		return false
	}
	refusal := bacnetSample(reply)
	ack, _ := reply.(*bacnet.ComplexAck)
	if ack != nil && ack.Segmented || ack == nil && refusal == nil {
		return false
	}
	switch p := q.Parameters.(type) {
	case *bacnet.ReadPropertyRequest:
		sample := refusal
		object := p.Object
		if ack != nil {
			a, ok := ack.Parameters.(*bacnet.ReadPropertyAck)
			if !ok || a.Property != p.Property || bacnetIndex(a.Index) != bacnetIndex(p.Index) || !o.object(p.Object, &object, a.Object) {
				return false
			}
			sample = bacnetHolds(a.Value)
		} else if sample[0] == profiles.BACnetDone || sample[0] == profiles.BACnetAbort {
			return false
		}
		return o.sample(object, p.Property, bacnetIndex(p.Index), sample)
	case *bacnet.ReadPropertyMultipleRequest:
		if ack != nil {
			a, ok := ack.Parameters.(*bacnet.ReadPropertyMultipleAck)
			return ok && o.multiple(p, a)
		}
	case *bacnet.WritePropertyRequest:
		if ack != nil {
			return false
		}
		return o.write(p.Object, p.Property, bacnetIndex(p.Index), p.Value, p.Priority, refusal)
	case *bacnet.WritePropertyMultipleRequest:
		if ack != nil || refusal[0] != profiles.BACnetDone {
			return false
		}
		for _, w := range p.Objects {
			for _, v := range w.Properties {
				if !o.write(w.Object, v.Property, bacnetIndex(v.Index), v.Value, v.Priority, refusal) {
					return false
				}
			}
		}
		return true
	case *bacnet.SubscribeCOVRequest, *bacnet.SubscribeCOVPropertyRequest:
		return refusal != nil && refusal[0] == profiles.BACnetDone
	}
	return false
}

// object says whether an answer is about the object that was asked for: the device may call itself by its
// own instance. object is set to the one that it is.
func (o bacnetObserver) object(asked bacnet.ObjectID, object *bacnet.ObjectID, told bacnet.ObjectID) bool {
	wildcard := bacnet.Object(bacnet.ObjectDevice, bacnet.WildcardInstance)
	switch {
	case asked == told && asked == wildcard:
		o.t.wildcard[1]++
	case asked == wildcard && told.Type() == bacnet.ObjectDevice:
		o.t.wildcard[0]++
		*object = told
	case asked != told:
		return false
	}
	return true
}

// multiple takes the answer to a ReadPropertyMultiple, if it has all that was asked for, in order.
func (o bacnetObserver) multiple(q *bacnet.ReadPropertyMultipleRequest, a *bacnet.ReadPropertyMultipleAck) bool {
	if len(q.Objects) != len(a.Objects) {
		return false
	}
	type read struct {
		object   bacnet.ObjectID
		property bacnet.PropertyID
		index    int
		sample   []byte
	}
	var all []read
	for i, spec := range q.Objects {
		object, results := spec.Object, a.Objects[i].Properties
		if !o.object(spec.Object, &object, a.Objects[i].Object) {
			return false
		}
		for k, ref := range spec.Properties {
			many := ref.Property == bacnet.PropAll || ref.Property == bacnet.PropRequired || ref.Property == bacnet.PropOptional
			n := 1
			if many {
				if n = len(results); k != len(spec.Properties)-1 || ref.Index != nil {
					return false // where the one ends and the next begins is not told
				}
			}
			if n > len(results) {
				return false
			}
			var list []byte
			for _, r := range results[:n] {
				if !many && (r.Property != ref.Property || bacnetIndex(r.Index) != bacnetIndex(ref.Index)) || (r.Value == nil) == (r.Error == nil) {
					return false
				}
				sample := []byte(nil)
				if r.Error != nil {
					sample = profiles.BACnetErrorSample(r.Error.Class, r.Error.Code)
				} else {
					sample = bacnetHolds(*r.Value)
				}
				all = append(all, read{object, r.Property, bacnetIndex(r.Index), sample})
				list = bacnet.AppendEnumerated(list, uint64(r.Property))
			}
			if many {
				all = append(all, read{object, ref.Property, -1, bacnetHolds(list)})
			}
			results = results[n:]
		}
		if len(results) > 0 {
			return false
		}
	}
	for _, r := range all {
		o.sample(r.object, r.property, r.index, r.sample)
	}
	return true
}

// write takes a write and what became of it.
func (o bacnetObserver) write(object bacnet.ObjectID, p bacnet.PropertyID, index int, v bacnet.Value, priority *uint8, outcome []byte) bool {
	done := o.cell(object, p, index, true)
	c := o.cell(object, p, index, false)
	if done == nil || c == nil {
		return false
	}
	done.track.Add(outcome, false)
	if outcome[0] != profiles.BACnetDone {
		return true
	}
	sample := []byte{profiles.BACnetWritten, 0}
	if priority != nil {
		sample[1] = *priority
	}
	c.written, c.trend = true, nil
	c.track.Add(append(sample, v...), true)
	return true
}

// note takes a value that was said unasked, or in an answer that is kept whole: it is no sample.
func (o bacnetObserver) note(object bacnet.ObjectID, p bacnet.PropertyID, index int, v bacnet.Value) {
	if c := o.cell(object, p, index, false); c != nil && c.track.Runs() == 0 {
		c.aside = bacnetHolds(v)
	}
}

// aside takes the values in an answer that is kept whole.
func (o bacnetObserver) aside(q *bacnet.ConfirmedRequest, reply wire.Message) {
	switch r := reply.(type) {
	case *bacnet.ComplexAck:
		if r.Segmented {
			o.l.join(o.x, q, r)
			return
		}
		o.asideAck(q, r)
		if f, ok := q.Parameters.(*bacnet.ReadFileRequest); ok {
			o.fileRead(f, r.Parameters)
		}
		if f, ok := q.Parameters.(*bacnet.WriteFileRequest); ok {
			o.fileWritten(f, r.Parameters)
		}
	default:
		if p, ok := q.Parameters.(*bacnet.ReadPropertyRequest); ok {
			if sample := bacnetSample(reply); sample != nil && sample[0] == profiles.BACnetError {
				if c := o.cell(p.Object, p.Property, bacnetIndex(p.Index), false); c != nil && c.aside == nil {
					c.aside = sample
				}
			}
		}
	}
}

func (o bacnetObserver) asideAck(q *bacnet.ConfirmedRequest, r *bacnet.ComplexAck) {
	switch a := r.Parameters.(type) {
	case *bacnet.ReadPropertyAck:
		o.note(a.Object, a.Property, bacnetIndex(a.Index), a.Value)
	case *bacnet.ReadPropertyMultipleAck:
		all := bacnetAsksAll(q)
		for _, x := range a.Objects {
			var list []byte
			for _, p := range x.Properties {
				list = bacnet.AppendEnumerated(list, uint64(p.Property))
				if p.Value != nil {
					o.note(x.Object, p.Property, bacnetIndex(p.Index), *p.Value)
				}
			}
			if all {
				o.note(x.Object, bacnet.PropAll, -1, list)
			}
		}
	case *bacnet.ReadRangeAck:
		o.rangeRead(q, a)
	}
}

// bacnetAsksAll says whether a request is for all properties, and for nothing else.
func bacnetAsksAll(q *bacnet.ConfirmedRequest) bool {
	if q == nil {
		return false
	}
	m, ok := q.Parameters.(*bacnet.ReadPropertyMultipleRequest)
	if !ok {
		return false
	}
	for _, spec := range m.Objects {
		if len(spec.Properties) != 1 || spec.Properties[0].Property != bacnet.PropAll {
			return false
		}
	}
	return true
}

// A bacnetLog is a list that is read in ranges, from its beginning on.
type bacnetLog struct {
	object   bacnet.ObjectID
	property bacnet.PropertyID
	items    []byte
	next     uint32 // the position behind them
}

// rangeRead takes the items of a range: the list, if it is all of it, or the next part of it.
func (o bacnetObserver) rangeRead(q *bacnet.ConfirmedRequest, a *bacnet.ReadRangeAck) {
	if bits, ok := bacnet.Bits(a.Flags); ok && len(bits) == 3 && bits[0] && bits[1] {
		o.note(a.Object, a.Property, bacnetIndex(a.Index), a.Items)
		return
	}
	if q == nil || a.Index != nil {
		return
	}
	p, ok := q.Parameters.(*bacnet.ReadRangeRequest)
	if !ok || p.ByPosition == nil || p.ByPosition.Count < 1 {
		return
	}
	i := slices.IndexFunc(o.t.logs, func(l *bacnetLog) bool { return l.object == a.Object && l.property == a.Property })
	if i < 0 {
		if len(o.t.logs) >= bacnetLogsMax {
			return
		}
		i = len(o.t.logs)
		o.t.logs = append(o.t.logs, &bacnetLog{object: a.Object, property: a.Property, next: 1})
	}
	l := o.t.logs[i]
	if p.ByPosition.First == 1 {
		l.items, l.next = nil, 1
	}
	if p.ByPosition.First == l.next && len(l.items)+len(a.Items) <= bacnetFileMax {
		l.items, l.next = append(l.items, a.Items...), l.next+a.Count
	}
}

// bacnetLogsMax bounds the lists that are put together.
const bacnetLogsMax = 1 << 10

// assume takes a request whose answer the recording lost: whoever asks again in the recorded order asks this,
// too, and must not get ahead of the recording.
func (o bacnetObserver) assume(q *bacnet.ConfirmedRequest) {
	switch p := q.Parameters.(type) {
	case *bacnet.ReadPropertyRequest:
		k := profiles.BACnetCell{Station: o.station, Object: p.Object, Property: p.Property, Index: bacnetIndex(p.Index)}
		if c := o.t.cells[k]; c != nil && c.track.Runs() > 0 {
			c.track.Add(c.value(), false)
		}
	case *bacnet.WritePropertyRequest:
		o.write(p.Object, p.Property, bacnetIndex(p.Index), p.Value, p.Priority, []byte{profiles.BACnetDone})
	}
}

// settle ends learning: the instance is one that the device gave, and what it said of device 4194303 is of it.
func (t *bacnetStation) settle() {
	if t.device.Device == nil {
		for _, c := range t.order {
			if id, ok := bacnet.Value(strings.TrimPrefix(string(c.value()), string([]byte{profiles.BACnetHolds}))).Object(); ok &&
				c.name.Object.Type() == bacnet.ObjectDevice && c.name.Property == bacnet.PropObjectIdentifier && id.Type() == bacnet.ObjectDevice {
				n := id.Instance()
				t.device.Device = &n
			}
		}
	}
	if t.device.Device == nil {
		for _, c := range t.order {
			if n := c.name.Object.Instance(); c.name.Object.Type() == bacnet.ObjectDevice && n != bacnet.WildcardInstance && c.value() != nil {
				t.device.Device = &n
				break
			}
		}
	}
	if t.wildcard[1] > t.wildcard[0] && (t.device.Device == nil || *t.device.Device != bacnet.WildcardInstance) {
		t.device.Wildcard = "echo"
	}
	if t.device.Device == nil || *t.device.Device == bacnet.WildcardInstance {
		return
	}
	own, wildcard := bacnet.Object(bacnet.ObjectDevice, *t.device.Device), bacnet.Object(bacnet.ObjectDevice, bacnet.WildcardInstance)
	for _, c := range t.order {
		if c.name.Object == own {
			return // it was asked by both names: each has its own answers
		}
	}
	for _, c := range t.order {
		if c.name.Object == wildcard {
			c.name.Object = own
		}
	}
}

// all yields the cells of all devices, in order.
func (l *bacnetLearner) all() (cells []*bacnetCell) {
	for _, t := range l.stations {
		cells = append(cells, t.order...)
	}
	slices.SortFunc(cells, func(a, b *bacnetCell) int {
		x, y := a.name, b.name
		w := 0
		if x.Write != y.Write {
			w = -1
			if x.Write {
				w = 1
			}
		}
		return cmp.Or(cmp.Compare(x.Station, y.Station), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Property, y.Property), cmp.Compare(x.Index, y.Index), w)
	})
	return cells
}

// values writes what the properties have.
func (l *bacnetLearner) values(out *Output) (string, error) {
	f := out.bulk("bacnet/" + l.s.Name() + ".tsv")
	var line []byte
	for _, c := range l.all() {
		if v := c.value(); v != nil {
			line = profiles.AppendBACnetValue(line[:0], c.name.String(), v)
			f.Write(line)
		}
	}
	return f.close()
}

// samples writes the tracks of properties that moved, or were written.
func (l *bacnetLearner) samples(out *Output) ([]string, error) {
	f := out.samples(l.s.Name())
	for _, c := range l.all() {
		if !c.track.Moved() && !(c.clock() && c.track.Runs() > 0) {
			continue
		}
		var d *profiles.Dynamics
		if c.trend != nil && !c.written {
			d = c.trend.Dynamics()
		}
		f.add(c.name.String(), d, &c.track)
	}
	return f.close()
}
