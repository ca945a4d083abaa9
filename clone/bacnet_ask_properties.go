package clone

import (
	"slices"

	"ringer/capture/bacnet"
)

// bacnetHas is what the scan needs to know of an object.
type bacnetHas struct {
	properties []bacnet.PropertyID
	stream     bool // a file of bytes; else of records
	told       bool // which of them
	records    uint64
	last       []byte // present value
	moves      bool   // it does
}

// A bacnetGot is a property that was asked for; value nil: it is refused.
type bacnetGot struct {
	property bacnet.PropertyID
	index    *uint32
	value    *bacnet.Value
}

// properties reads all properties of all objects, and the sizes of those that are arrays.
func (t *bacnetTour) properties() error {
	t.expect(2 * len(t.objects))
	for _, o := range t.objects {
		got, err := t.everything(o)
		if err != nil {
			return err
		}
		h := t.has[o]
		for _, g := range got {
			if g.value == nil || g.index != nil {
				continue
			}
			t.count++
			h.properties = append(h.properties, g.property)
			n, _ := g.value.Unsigned()
			switch g.property {
			case bacnet.PropFileAccessMethod:
				h.stream, h.told = n == 1, true
			case bacnet.PropRecordCount:
				h.records = n
			}
		}
		if err := t.sizes(o, h); err != nil {
			return err
		}
	}
	return nil
}

// everything reads all properties of an object: at once, or those that it lists, or those that objects of its
// type have.
func (t *bacnetTour) everything(o bacnet.ObjectID) ([]bacnetGot, error) {
	if !t.noMultiple && !t.noAll && t.serves(bacnet.ReadPropertyMultiple) {
		got, said, err := t.multiple([]bacnet.ReadAccessSpecification{{Object: o, Properties: []bacnet.PropertyReference{{Property: bacnet.PropAll}}}})
		if err != nil || len(got) > 0 {
			return got, err
		}
		if said.answered && !said.tooLong && !said.no && o == t.objects[0] {
			t.noAll = true
			t.remark(NotThere, "%s: all properties at once: %s", t.name, cause(said))
		}
	}
	list, _, err := t.read(o, bacnet.PropPropertyList, nil)
	if err != nil {
		return nil, err
	}
	ids := []bacnet.PropertyID{bacnet.PropObjectIdentifier, bacnet.PropObjectName, bacnet.PropObjectType}
	for _, e := range list.Elements() {
		if n, ok := e.Unsigned(); ok && len(ids) < bacnetPropertiesMost {
			ids = append(ids, bacnet.PropertyID(n))
		}
	}
	if len(ids) == 3 {
		ids = bacnetUsual(o.Type())
	}
	if o.Type() == bacnet.ObjectTrendLog { // its buffer is read by ReadRange
		ids = slices.DeleteFunc(ids, func(p bacnet.PropertyID) bool { return p == bacnet.PropLogBuffer })
	}
	var refs []bacnet.PropertyReference
	for _, p := range ids {
		refs = append(refs, bacnet.PropertyReference{Property: p})
	}
	return t.several(o, refs)
}

// bacnetPropertiesMost bounds the list of an object's properties.
const bacnetPropertiesMost = 1000

// several reads some properties of an object: all at once, in parts, or one by one.
func (t *bacnetTour) several(o bacnet.ObjectID, refs []bacnet.PropertyReference) (all []bacnetGot, err error) {
	for n := min(len(refs), max(1, (t.size-16)/7)); len(refs) > 0; {
		n = min(n, len(refs))
		if n > 1 && !t.noMultiple && t.serves(bacnet.ReadPropertyMultiple) {
			got, said, err := t.multiple([]bacnet.ReadAccessSpecification{{Object: o, Properties: refs[:n]}})
			if err != nil {
				return all, err
			}
			if len(got) == 0 {
				if n /= 2; !said.tooLong && !t.noMultiple {
					n = 1
				}
				n = max(1, n)
				continue
			}
			all, refs = append(all, got...), refs[n:]
			continue
		}
		n = max(1, n)
		for _, ref := range refs[:n] {
			v, _, err := t.read(o, ref.Property, ref.Index)
			if err != nil {
				return all, err
			}
			g := bacnetGot{property: ref.Property, index: ref.Index}
			if v != nil {
				g.value = &v
			}
			all = append(all, g)
		}
		refs = refs[n:]
	}
	return all, nil
}

// bacnetSilences is how often ReadPropertyMultiple may have no answer before it is asked no more.
const bacnetSilences = 2

// multiple reads properties of objects at once.
func (t *bacnetTour) multiple(specs []bacnet.ReadAccessSpecification) (got []bacnetGot, said bacnetSaid, err error) {
	said, err = t.ask(bacnet.ReadPropertyMultiple, &bacnet.ReadPropertyMultipleRequest{Objects: specs})
	if err != nil {
		return nil, said, err
	}
	if said.answered {
		t.silences = 0
	} else if t.silences++; t.silences >= bacnetSilences {
		t.noMultiple = true
		t.remark(NotThere, "%s: read property multiple is not answered", t.name)
	}
	if said.no && t.multiples == 0 {
		t.noMultiple = true
		t.remark(NotThere, "%s: read property multiple: %s", t.name, said.refusal)
	}
	a, ok := said.ack.(*bacnet.ReadPropertyMultipleAck)
	if !ok {
		return nil, said, nil
	}
	t.multiples++
	for _, x := range a.Objects {
		for _, r := range x.Properties {
			got = append(got, bacnetGot{r.Property, r.Index, r.Value})
		}
	}
	return got, said, nil
}

// sizes asks for the list of an object's properties, which is not among all of them (clause 15.7.3.1.2), and
// how many elements the arrays among these have.
func (t *bacnetTour) sizes(o bacnet.ObjectID, h *bacnetHas) error {
	refs := []bacnet.PropertyReference{{Property: bacnet.PropPropertyList}}
	if len(h.properties) == 0 {
		return nil
	}
	for _, p := range h.properties {
		if bacnet.IsArray(p) && !(p == bacnet.PropObjectList && o == t.device) {
			refs = append(refs, bacnet.PropertyReference{Property: p, Index: new(uint32)})
		}
	}
	_, err := t.several(o, refs)
	return err
}
