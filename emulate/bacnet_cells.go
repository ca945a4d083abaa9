package emulate

import (
	"encoding/binary"
	"fmt"
	"math"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// A bacnetKey names a cell of a device.
type bacnetKey struct {
	object   bacnet.ObjectID
	property bacnet.PropertyID
	index    int32 // -1: the whole property
	write    bool  // what becomes of writing it
}

// A bacnetCell is a property, or an element of one.
type bacnetCell struct {
	*Cell              // nil: it just holds its sample
	sample []byte      // as profiles.BACnetHolds and its like
	point  *PointState // nil: it shows none
	writes int         // of the point, while the recording plays
	shape  []byte      // a value, whose type it has
	made   []byte
	held   []byte // what it holds since somebody wrote it
	// commands are the values of a commandable property, by priority (clause 19.2); nil: none was ever given.
	commands *[16]bacnet.Value
}

// loadCells makes the cells of what the file of values and the samples hold, and of points.
func (s *bacnetService) loadCells(dev *profiles.Device) error {
	if err := s.spec.ReadValues(dev, func(name string, sample []byte) error {
		d, k, err := s.cellOf(name)
		if err != nil || d == nil {
			return err
		}
		d.set(k, &bacnetCell{sample: sample, shape: sample})
		return nil
	}); err != nil {
		return err
	}
	type played struct {
		track    profiles.Track
		dynamics *profiles.Dynamics
	}
	tracks := map[string]*played{}
	var order []string
	for _, name := range s.spec.Samples {
		f, err := dev.Files.Open(name)
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		err = profiles.ReadSamples(f, func(cell string, d *profiles.Dynamics, t profiles.Track) error {
			x := tracks[cell]
			if x == nil {
				x = &played{}
				tracks[cell] = x
				order = append(order, cell)
			}
			x.track.Append(&t)
			x.dynamics = d
			return nil
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("samples %s: %w", name, err)
		}
	}
	for _, name := range order {
		d, k, err := s.cellOf(name)
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		x := tracks[name]
		c := &bacnetCell{shape: bacnetFirst(&x.track)}
		if c.Cell, err = s.st.NewCell("bacnet "+name, &x.track, x.dynamics); err != nil {
			return err
		}
		c.Encode, c.Decode = c.encode, bacnetReading
		if c.Live() && c.motion != nil {
			c.motion.Start(s.st.Now(), bacnetReading(c.value)) // what was played before it could be decoded
		}
		d.set(k, c)
	}
	for name, point := range s.spec.Points {
		d, k, err := s.cellOf(name)
		if err != nil {
			return err
		}
		if d == nil {
			return fmt.Errorf("points: %s: there is no such device", name)
		}
		p, err := s.st.Point(point)
		if err != nil {
			return fmt.Errorf("points: %s: %w", name, err)
		}
		c := d.cells[k]
		if c == nil {
			c = &bacnetCell{shape: bacnetShape(k.object, p.Spec)}
			d.set(k, c)
		}
		c.point, c.writes = p, p.Writes()
	}
	return nil
}

// cellOf finds the device of a cell's name; nil: it is not in the profile.
func (s *bacnetService) cellOf(name string) (*bacnetDevice, bacnetKey, error) {
	c, err := profiles.ParseBACnetCell(name)
	if err != nil {
		return nil, bacnetKey{}, err
	}
	k := bacnetKey{c.Object, c.Property, int32(c.Index), c.Write}
	if c.Station == "" {
		return s.own, k, nil
	}
	station, err := profiles.ParseBACnetStation(c.Station)
	return s.stations[station.Network][string(station.MAC)], k, err
}

// bacnetFirst is the first value in a track.
func bacnetFirst(t *profiles.Track) []byte {
	for c := t.Cursor(); ; {
		r, ok := c.Next()
		if !ok {
			return nil
		}
		if len(r.Value) > 1 && r.Value[0] == profiles.BACnetHolds {
			return r.Value
		}
		if len(r.Value) > 2 && r.Value[0] == profiles.BACnetWritten {
			return append([]byte{profiles.BACnetHolds}, r.Value[2:]...)
		}
	}
}

// bacnetShape is a value of the type that an object's present value has, else of the point's.
func bacnetShape(o bacnet.ObjectID, p *profiles.Point) []byte {
	v := []byte{profiles.BACnetHolds}
	switch o.Type() {
	case bacnet.ObjectAnalogInput, bacnet.ObjectAnalogOutput, bacnet.ObjectAnalogValue:
		return bacnet.AppendReal(v, 0)
	case bacnet.ObjectBinaryInput, bacnet.ObjectBinaryOutput, bacnet.ObjectBinaryValue:
		return bacnet.AppendEnumerated(v, 0)
	case bacnet.ObjectMultiStateInput, bacnet.ObjectMultiStateOutput, bacnet.ObjectMultiStateValue, bacnet.ObjectAccumulator:
		return bacnet.AppendUnsigned(v, 0)
	}
	switch p.Type {
	case "text":
		return bacnet.AppendText(v, "")
	case "f32", "f64":
		return bacnet.AppendReal(v, 0)
	case "bool":
		return bacnet.AppendEnumerated(v, 0)
	case "i8", "i16", "i32", "i64":
		return bacnet.AppendSigned(v, 0)
	}
	return bacnet.AppendUnsigned(v, 0)
}

// read takes the next sample, peek leaves it. The bytes are valid until the cell is used again.
func (c *bacnetCell) read(st *State, take bool) ([]byte, Origin) {
	if c.point != nil && c.Cell != nil && c.point.Writes() != c.writes {
		c.End(st)
	}
	if c.point != nil && (c.Cell == nil || c.Live()) {
		c.made = c.encodeValue(c.made[:0], c.point.Get(), 1)
		return c.made, Point
	}
	if c.Cell == nil {
		if c.held != nil {
			return c.held, Modelled
		}
		return c.sample, Recorded
	}
	next := c.Peek
	if take {
		next = c.Read
	}
	sample, from := next(st)
	if len(sample) > 1 && sample[0] == profiles.BACnetWritten {
		if c.held != nil {
			return c.held, from
		}
		c.made = append(append(c.made[:0], profiles.BACnetHolds), sample[2:]...)
		return c.made, from
	}
	return sample, from
}

// encode makes a sample of what dynamics gave.
func (c *bacnetCell) encode(dst []byte, v Value) []byte {
	return c.encodeValue(dst, v, profiles.BACnetScale)
}

// encodeValue makes a sample; reals are divided by scale.
func (c *bacnetCell) encodeValue(dst []byte, v Value, scale float64) []byte {
	dst = append(dst, profiles.BACnetHolds)
	t := bacnet.Tag{Number: uint8(bacnet.TagUnsigned)}
	if len(c.shape) > 1 {
		t, _ = bacnet.Value(c.shape[1:]).First()
	}
	switch bacnet.TagNumber(t.Number) {
	case bacnet.TagReal:
		return bacnet.AppendReal(dst, math.Float32bits(float32(v.Float()/scale)))
	case bacnet.TagEnumerated:
		return bacnet.AppendEnumerated(dst, uint64(max(0, v.Int())))
	case bacnet.TagSigned:
		return bacnet.AppendSigned(dst, v.Int())
	case bacnet.TagBoolean:
		return bacnet.AppendBoolean(dst, v.Bool())
	case bacnet.TagText:
		return bacnet.AppendText(dst, v.String())
	}
	return bacnet.AppendUnsigned(dst, uint64(max(0, v.Int())))
}

// bacnetReading is the number in a sample, from which dynamics go on.
func bacnetReading(sample []byte) uint64 {
	if len(sample) < 2 {
		return 0
	}
	v := bacnet.Value(sample[1:])
	if sample[0] == profiles.BACnetWritten {
		v = v[1:]
	}
	t, c := v.First()
	if bacnet.TagNumber(t.Number) == bacnet.TagReal && len(c) == 4 {
		return uint64(int64(math.Round(float64(math.Float32frombits(binary.BigEndian.Uint32(c))) * profiles.BACnetScale)))
	}
	n, _ := v.Unsigned()
	return n
}

// bacnetValue is what a write carries, for a point.
func bacnetValue(v bacnet.Value) Value {
	t, c := v.First()
	switch bacnet.TagNumber(t.Number) {
	case bacnet.TagReal:
		if len(c) == 4 {
			return FloatValue(float64(math.Float32frombits(binary.BigEndian.Uint32(c))))
		}
	case bacnet.TagBoolean:
		return BoolValue(t.Value != 0)
	case bacnet.TagUnsigned, bacnet.TagEnumerated:
		n, _ := v.Unsigned()
		return UintValue(n)
	case bacnet.TagSigned:
		return IntValue(bacnet.Signed(c))
	}
	text, _ := v.Text()
	return TextValue(text)
}
