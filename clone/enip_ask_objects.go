package clone

import (
	"encoding/binary"
	"maps"
	"slices"

	"ringer/capture/enip"
)

// enipClasses are asked for whether or not the device lists them: those of the specifications that devices on
// EtherNet/IP have, and Rockwell's that say something of a controller.
var enipClasses = []uint32{
	0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0A, 0x0B, 0x0F, 0x1D, 0x1E, 0x28, 0x29, 0x2A, 0x2B, 0x37, 0x43, 0x44, 0x45, 0x46, 0x47,
	0x48, 0x4E, 0x51, 0x52, 0x54, 0x55, 0x56, 0x57, 0x5E, 0x64, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x72, 0x8B, 0x8D, 0x8E, 0xAC,
	0xB2, 0xC0, 0xF3, 0xF4, 0xF5, 0xF6, 0x109,
}

// Bounds on what is asked of a class.
const (
	enipInstancesMost  = 256
	enipAttributesMost = 64
	enipListedMost     = 512
	// enipInVain attributes, or instances, are asked for where all are refused.
	enipInVain = 4
)

// enipUsual are the instances of classes that do not say which they have.
var enipUsual = map[uint32][]uint32{enip.ClassAssembly: {1, 2, 3, 100, 101, 102, 150, 151, 152}}

// objects asks for the objects of every module.
func (a *enipAsking) objects() error {
	for i, m := range a.found {
		if i > 0 && len(m.identity) > 0 && slices.ContainsFunc(a.found[:i], func(o enipWayed) bool { return string(o.identity) == string(m.identity) }) {
			continue // the same one by another way
		}
		a.way = m.way
		if err := a.module(m.name); err != nil {
			return err
		}
	}
	return nil
}

func (a *enipAsking) module(name string) error {
	if name != "" {
		name = "way " + name + ": "
	}
	classes, err := a.classes(name)
	if err != nil {
		return err
	}
	a.expect(2 * len(classes))
	there, instances := 0, 0
	for _, c := range classes {
		n, known, err := a.class(c)
		if err != nil {
			return err
		}
		if known {
			there++
			instances += n
		}
		if c == enip.ClassFile {
			for _, id := range slices.Sorted(maps.Keys(a.files)) {
				if err := a.upload(id); err != nil {
					return err
				}
			}
			clear(a.files)
		}
	}
	a.remark(Fact, "%s%d classes, %d instances", name, there, instances)
	return nil
}

// classes lists what to ask for: what the Message Router lists, the usual ones, and those that were named.
func (a *enipAsking) classes(name string) ([]uint32, error) {
	r, err := a.single(enip.ClassMessageRouter, 1, 1)
	if err != nil {
		return nil, err
	}
	var all []uint32
	add := func(c uint32) {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	if r != nil && r.Status == enip.Success && len(r.Data) >= 2 {
		list := r.Data[2:]
		for len(list) >= 2 && len(all) < enipListedMost {
			add(uint32(binary.LittleEndian.Uint16(list)))
			list = list[2:]
		}
		a.remark(Fact, "%slists %d classes", name, len(all))
	}
	for _, c := range enipClasses {
		add(c)
	}
	for _, span := range a.Classes {
		for c := span[0]; c <= span[1]; c++ {
			add(c)
		}
	}
	return all, nil
}

// single asks for one attribute.
func (a *enipAsking) single(class, instance, attribute uint32) (*enip.Response, error) {
	return a.ask(enip.Request{Service: enip.GetAttributeSingle, Path: enip.AttributePath(class, instance, attribute)})
}

// number is what an attribute of two or four bytes says.
func enipNumber(r *enip.Response) (n uint32, ok bool) {
	if r == nil || r.Status != enip.Success {
		return 0, false
	}
	switch len(r.Data) {
	case 2:
		return uint32(binary.LittleEndian.Uint16(r.Data)), true
	case 4:
		return binary.LittleEndian.Uint32(r.Data), true
	}
	return 0, false
}

// nothing says whether an answer means that there is no such class or instance at all.
func enipNothing(r *enip.Response) bool {
	return r == nil || r.Status == enip.PathSegmentError || r.Status == enip.PathDestinationUnknown || r.Status == enip.ObjectDoesNotExist ||
		r.Service == enip.UnconnectedSendService
}

// class asks for a class: what it says of itself, which instances it has, and what these have. known: it is
// there.
func (a *enipAsking) class(class uint32) (instances int, known bool, err error) {
	revision, err := a.single(class, 0, 1)
	if err != nil {
		return 0, false, err
	}
	_, any, err := a.instance(class, 1)
	if err != nil {
		return 0, false, err
	}
	if enipNothing(revision) && !any {
		return 0, false, nil
	}
	if any {
		instances++
	}
	if class == enip.ClassSymbol || class == enip.ClassTemplate {
		return instances, true, nil // enip_ask_tags.go
	}
	a.expect(2)
	most, err := a.single(class, 0, 2)
	if err != nil {
		return instances, true, err
	}
	many, err := a.single(class, 0, 3)
	if err != nil {
		return instances, true, err
	}
	for _, i := range a.instancesOf(class, most, many) {
		if n, ok := enipNumber(many); ok && uint32(instances) >= n {
			break
		}
		r, any, err := a.instance(class, i)
		if err != nil {
			return instances, true, err
		}
		if any {
			instances++
		} else if _, told := enipNumber(most); !told && len(enipUsual[class]) == 0 && enipNothing(r) {
			break
		}
	}
	return instances, true, nil
}

// instancesOf lists the instances to ask for beside the first.
func (a *enipAsking) instancesOf(class uint32, most, many *enip.Response) (list []uint32) {
	if last, ok := enipNumber(most); ok {
		if class == enip.ClassFile { // the sheet that describes the device, and what comes with it
			list = append(list, 200, 201)
		}
		for i := uint32(2); i <= min(last, enipInstancesMost); i++ {
			list = append(list, i)
		}
		if last > enipInstancesMost {
			list = append(list, last)
			a.remark(Fact, "class 0x%02X has instances up to %d; the first %d are asked for", class, last, enipInstancesMost)
		}
		return list
	}
	if usual := enipUsual[class]; usual != nil {
		return usual[1:]
	}
	if n, ok := enipNumber(many); ok {
		for i := uint32(2); i <= min(n, enipInstancesMost); i++ {
			list = append(list, i)
		}
		return list
	}
	return []uint32{2, 3, 4}
}

// instance asks for all attributes of an instance: together, and one by one. any: it has some. first is the
// answer to the first question.
func (a *enipAsking) instance(class, instance uint32) (first *enip.Response, any bool, err error) {
	a.expect(1)
	first, err = a.ask(enip.Request{Service: enip.GetAttributesAll, Path: enip.ObjectPath(class, instance)})
	if err != nil {
		return nil, false, err
	}
	any = first != nil && first.Status == enip.Success
	silent, refused := 0, 0
	for n := uint32(1); n <= enipAttributesMost && refused < enipInVain; n++ {
		if n == 2 && !any && enipNothing(first) {
			break
		}
		a.expect(1)
		r, err := a.single(class, instance, n)
		if err != nil {
			return first, any, err
		}
		if class == enip.ClassFile {
			a.fileSays(instance, n, r)
		}
		switch {
		case r == nil:
			if silent++; silent >= 2 {
				return first, any, nil
			}
			refused++
		case r.Status == enip.Success || r.Status == enip.ReplyTooLarge:
			any = true
			refused = 0
		case r.Status == enip.ServiceNotSupported:
			return first, any, nil
		default:
			if n == 1 && enipNothing(r) && !any {
				return r, false, nil
			}
			refused++
		}
	}
	return first, any, nil
}
