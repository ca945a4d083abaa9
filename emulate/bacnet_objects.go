package emulate

import (
	"bytes"
	"slices"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// Bounds of what visitors can add: objects, and bytes of a list.
const (
	bacnetObjectsMax = 4096
	bacnetListMax    = 64 << 10
)

// carries says whether the device was seen to carry out a service that changes objects.
func (d *bacnetDevice) carries(s bacnet.ConfirmedService) bool {
	return slices.Contains(d.spec.Carries, s.String())
}

// createObject makes an object like the first of its type (clause 15.3).
func (c *bacnetSession) createObject(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.CreateObjectRequest) Answer {
	no := func(class bacnet.ErrorClass, code bacnet.ErrorCode) Answer {
		return c.refuseWith(q, &bacnet.ListElementError{Error: bacnet.ErrorPair{Class: class, Code: code}})
	}
	if !d.carries(q.Service) {
		return no(bacnet.ClassObject, bacnet.CodeDynamicCreationNotSupported)
	}
	var o bacnet.ObjectID
	switch {
	case p.Object.Object != nil:
		o = *p.Object.Object
	case p.Object.Type != nil:
		for o = bacnet.Object(bacnet.ObjectType(*p.Object.Type), 1); d.objects[o] != nil; {
			o++
		}
	default:
		return c.reject(q, bacnet.RejectMissingRequiredParameter)
	}
	i := slices.IndexFunc(d.order, func(x bacnet.ObjectID) bool { return x.Type() == o.Type() && x != d.id() })
	switch {
	case d.objects[o] != nil:
		return no(bacnet.ClassObject, bacnet.CodeObjectIdentifierAlreadyExists)
	case i < 0:
		return no(bacnet.ClassObject, bacnet.CodeUnsupportedObjectType)
	case len(d.order) >= bacnetObjectsMax:
		return no(bacnet.ClassDevice, bacnet.CodeNoSpaceForObject)
	}
	values := map[bacnet.PropertyID][]byte{}
	for _, property := range d.objects[d.order[i]].properties {
		if v, _ := d.get(d.order[i], property, -1, false); len(v) > 0 && v[0] == profiles.BACnetHolds {
			values[property] = bytes.Clone(v)
		}
	}
	values[bacnet.PropObjectIdentifier] = bacnet.AppendObject([]byte{profiles.BACnetHolds}, o)
	values[bacnet.PropObjectName] = bacnet.AppendText([]byte{profiles.BACnetHolds}, o.String())
	values[bacnet.PropObjectType] = bacnet.AppendEnumerated([]byte{profiles.BACnetHolds}, uint64(o.Type()))
	if p.Values != nil {
		for n, v := range *p.Values {
			if values[v.Property] == nil || v.Index != nil {
				return c.refuseWith(q, &bacnet.ListElementError{Error: bacnet.ErrorPair{Class: bacnet.ClassProperty, Code: bacnet.CodeUnknownProperty}, First: uint32(n + 1)})
			}
			values[v.Property] = append([]byte{profiles.BACnetHolds}, v.Value...)
		}
	}
	list := d.objectList()
	for property, v := range values {
		d.set(bacnetKey{o, property, -1, false}, &bacnetCell{sample: v, shape: v})
	}
	d.relist(append(list, o))
	return c.result(d, q, &bacnet.CreateObjectAck{Object: o}, Modelled)
}

// deleteObject removes an object, unless it is the device itself (clause 15.4).
func (c *bacnetSession) deleteObject(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.DeleteObjectRequest) Answer {
	switch {
	case d.objects[p.Object] == nil:
		return c.refuse(q, bacnet.ClassObject, bacnet.CodeUnknownObject)
	case !d.carries(q.Service) || p.Object.Type() == bacnet.ObjectDevice:
		return c.refuse(q, bacnet.ClassObject, bacnet.CodeObjectDeletionNotPermitted)
	}
	list := d.objectList()
	delete(d.objects, p.Object)
	d.order = slices.DeleteFunc(d.order, func(o bacnet.ObjectID) bool { return o == p.Object })
	for k := range d.cells {
		if k.object == p.Object {
			delete(d.cells, k)
		}
	}
	d.relist(slices.DeleteFunc(list, func(o bacnet.ObjectID) bool { return o == p.Object }))
	return c.done(q)
}

// objectList is the object list as it is told now.
func (d *bacnetDevice) objectList() (list []bacnet.ObjectID) {
	v, _ := d.get(d.id(), bacnet.PropObjectList, -1, false)
	if len(v) > 0 && v[0] == profiles.BACnetHolds {
		for _, e := range bacnet.Value(v[1:]).Elements() {
			if o, ok := e.Object(); ok {
				list = append(list, o)
			}
		}
	}
	return list
}

// relist puts another object list in the place of what was recorded of it, elements included.
func (d *bacnetDevice) relist(list []bacnet.ObjectID) {
	for k := range d.cells {
		if k.object.Type() == bacnet.ObjectDevice && k.property == bacnet.PropObjectList && !k.write {
			delete(d.cells, k)
		}
	}
	v := []byte{profiles.BACnetHolds}
	for _, o := range list {
		v = bacnet.AppendObject(v, o)
	}
	d.set(bacnetKey{d.id(), bacnet.PropObjectList, -1, false}, &bacnetCell{sample: v, shape: v})
	d.revise()
	d.strayed = true
}

// listElements adds elements to a list, or removes them (clauses 15.1 and 15.2).
func (c *bacnetSession) listElements(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.ListElementRequest) Answer {
	no := func(class bacnet.ErrorClass, code bacnet.ErrorCode, first int) Answer {
		return c.refuseWith(q, &bacnet.ListElementError{Error: bacnet.ErrorPair{Class: class, Code: code}, First: uint32(first)})
	}
	k := bacnetKey{d.object(p.Object), p.Property, bacnetIndexOf(p.Index), false}
	cell := d.cells[k]
	switch {
	case d.objects[k.object] == nil:
		return no(bacnet.ClassObject, bacnet.CodeUnknownObject, 1)
	case !d.carries(q.Service):
		return no(bacnet.ClassProperty, bacnet.CodeWriteAccessDenied, 1)
	case cell == nil || cell.point != nil:
		return no(bacnet.ClassProperty, bacnet.CodeUnknownProperty, 1)
	}
	now, _ := cell.read(d.s.st, false)
	if len(now) == 0 || now[0] != profiles.BACnetHolds {
		return no(bacnet.ClassProperty, bacnet.CodePropertyIsNotAList, 1)
	}
	list, changes := bacnetChunks(bytes.Clone(now[1:]), p.Elements)
	for i, e := range changes {
		at := slices.IndexFunc(list, func(x bacnet.Value) bool { return bytes.Equal(x, e) })
		switch {
		case q.Service == bacnet.RemoveListElement && at < 0:
			return no(bacnet.ClassServices, bacnet.CodeListElementNotFound, i+1)
		case q.Service == bacnet.RemoveListElement:
			list = slices.Delete(list, at, at+1)
		case at < 0:
			list = append(list, e)
		}
	}
	v := []byte{profiles.BACnetHolds}
	for _, e := range list {
		v = append(v, e...)
	}
	if len(v) > bacnetListMax {
		return no(bacnet.ClassServices, bacnet.CodeNoSpaceToAddListElement, 1)
	}
	d.cells[k] = &bacnetCell{sample: v, shape: v}
	d.strayed = true
	return c.done(q)
}

// bacnetChunks splits a list, and what is to be added to it or removed, into elements. Those that are structures
// are not told apart by their tags: then one of them is changed at a time.
func bacnetChunks(list, change bacnet.Value) (all, changes []bacnet.Value) {
	parts, some := list.Elements(), change.Elements()
	n := 1
	for _, e := range some {
		if first, _ := bacnet.ReadTag(some[0]); len(some) > 1 {
			if t, _ := bacnet.ReadTag(e); t.Number != first.Number || t.Context != first.Context {
				n = len(some)
			}
		}
	}
	join := func(parts []bacnet.Value) (out []bacnet.Value) {
		for chunk := range slices.Chunk(parts, n) {
			out = append(out, slices.Concat(chunk...))
		}
		return out
	}
	return join(parts), join(some)
}
