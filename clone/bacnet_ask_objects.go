package clone

import (
	"slices"

	"ringer/capture/bacnet"
)

// read reads a property, or an element of one. nil: there is no value.
func (t *bacnetTour) read(o bacnet.ObjectID, p bacnet.PropertyID, index *uint32) (v bacnet.Value, said bacnetSaid, err error) {
	said, err = t.ask(bacnet.ReadProperty, &bacnet.ReadPropertyRequest{Object: o, Property: p, Index: index})
	if a, ok := said.ack.(*bacnet.ReadPropertyAck); ok && a.Property == p {
		v = a.Value
		if v == nil {
			v = bacnet.Value{}
		}
	}
	return v, said, err
}

// introduce asks the device what it is: first by the instance that means any, which also shows whether it
// knows that one.
func (t *bacnetTour) introduce() error {
	v, said, err := t.read(bacnetAnyDevice, bacnet.PropObjectIdentifier, nil)
	if err != nil {
		return err
	}
	if o, ok := v.Object(); ok && o.Type() == bacnet.ObjectDevice {
		t.device = o
	}
	if !said.answered && t.station != nil {
		t.remark(NotThere, "%s: no answer", t.name)
		t.objects = nil
		t.device = bacnetAnyDevice
		return nil
	}
	for _, p := range []bacnet.PropertyID{bacnet.PropProtocolServicesSupported, bacnet.PropMaxAPDULengthAccepted, bacnet.PropSegmentationSupported, bacnet.PropProtocolRevision} {
		v, _, err := t.read(t.device, p, nil)
		if err != nil {
			return err
		}
		switch p {
		case bacnet.PropProtocolServicesSupported:
			if tag, content := v.First(); !tag.Context && bacnet.TagNumber(tag.Number) == bacnet.TagBits {
				t.services, _ = bacnet.Bits(content)
			}
		case bacnet.PropMaxAPDULengthAccepted:
			if n, ok := v.Unsigned(); ok {
				t.limit(n)
			}
		}
	}
	return nil
}

// serves says whether the device says that it has a service, or says nothing. The bits are those of
// BACnetServicesSupported (clause 21): later services do not have their own number.
func (t *bacnetTour) serves(s bacnet.ConfirmedService) bool {
	bit := int(s)
	switch s {
	case bacnet.ReadRange:
		bit = 35
	case bacnet.GetEventInformation:
		bit = 39
	}
	return t.services == nil || bit < len(t.services) && t.services[bit]
}

// list reads the object list: all of it at once, or where it does not fit, element by element.
func (t *bacnetTour) list() error {
	if t.device == bacnetAnyDevice && t.station != nil {
		return nil // it does not answer
	}
	v, said, err := t.read(t.device, bacnet.PropObjectList, nil)
	if err != nil {
		return err
	}
	for _, e := range v.Elements() {
		if o, ok := e.Object(); ok {
			t.elements++
			t.add(o)
		}
	}
	size, _, err := t.read(t.device, bacnet.PropObjectList, new(uint32))
	if err != nil {
		return err
	}
	if n, ok := size.Unsigned(); ok && t.elements == 0 {
		t.remark(Fact, "%s: the object list does not come whole (%s)", t.name, cause(said))
		if err := t.listElements(n); err != nil {
			return err
		}
	}
	if !slices.Contains(t.objects, t.device) && t.device != bacnetAnyDevice {
		t.add(t.device)
	}
	return nil
}

func cause(said bacnetSaid) string {
	if said.refusal == "" {
		return "no answer"
	}
	return said.refusal
}

func (t *bacnetTour) add(o bacnet.ObjectID) {
	if t.has[o] != nil {
		return
	}
	if len(t.objects) >= t.Objects {
		t.remark(NotThere, "%s: of its objects only %d are asked: more with --objects", t.name, t.Objects)
		return
	}
	t.objects = append(t.objects, o)
	t.has[o] = &bacnetHas{}
}

// bacnetRefusedMost is how many elements in a row may have no value before a list is taken to end.
const bacnetRefusedMost = 3

// listElements reads the elements of the object list, several at once where the device knows how.
func (t *bacnetTour) listElements(n uint64) error {
	if n > uint64(t.Objects) {
		t.remark(Suspicious, "%s: says that it has %d objects", t.name, n)
		n = uint64(t.Objects)
	}
	t.expect(int(n / 10))
	refused := 0
	for at := uint64(1); at <= n && refused < bacnetRefusedMost; {
		batch := min(n-at+1, uint64(max(1, (t.size-16)/12)))
		var refs []bacnet.PropertyReference
		for i := range batch {
			index := uint32(at + i)
			refs = append(refs, bacnet.PropertyReference{Property: bacnet.PropObjectList, Index: &index})
		}
		got, err := t.several(t.device, refs)
		if err != nil {
			return err
		}
		known := len(t.objects)
		for _, r := range got {
			if r.value == nil {
				refused++
				continue
			}
			refused = 0
			if o, ok := r.value.Object(); ok {
				t.elements++
				t.add(o)
			}
		}
		if len(got) == 0 || len(t.objects) == known && batch > 1 {
			refused++ // the same ones again and again are no list either
		}
		at += batch
	}
	return nil
}

// manners asks for what is not there, once for each kind: an object, a property, an element, and an element
// of what has none.
func (t *bacnetTour) manners() error {
	if len(t.objects) == 0 {
		return nil
	}
	beyond, first := uint32(t.elements+1), uint32(1)
	for _, q := range []struct {
		o     bacnet.ObjectID
		p     bacnet.PropertyID
		index *uint32
	}{
		{bacnet.Object(bacnet.ObjectAnalogInput, bacnet.WildcardInstance-1), bacnet.PropPresentValue, nil},
		{t.device, bacnetNoProperty, nil},
		{t.device, bacnet.PropObjectList, &beyond},
		{t.device, bacnet.PropObjectName, &first},
	} {
		if q.index == &beyond && t.elements == 0 {
			continue
		}
		if _, _, err := t.read(q.o, q.p, q.index); err != nil {
			return err
		}
	}
	return nil
}

// bacnetNoProperty is the last number that a property can have; none has it.
const bacnetNoProperty bacnet.PropertyID = 1<<22 - 1
