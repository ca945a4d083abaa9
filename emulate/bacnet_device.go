package emulate

import (
	"cmp"
	"slices"
	"time"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// A bacnetDevice is one device: its properties, and whether it was silenced.
type bacnetDevice struct {
	s           *bacnetService
	spec        *profiles.BACnetDevice
	identity    profiles.Identity
	station     *bacnet.Station // nil: the device itself
	instance    uint32
	known       bool // the instance is
	cells       map[bacnetKey]*bacnetCell
	objects     map[bacnet.ObjectID]*bacnetObject
	order       []bacnet.ObjectID
	files       map[uint32]*bacnetFile
	strayed     bool          // somebody changed what the recording did not have changed
	subscribed  bool          // somebody subscribed to changes
	clock       time.Duration // how much its clock was set ahead of this machine's
	quiet       uint8         // what DeviceCommunicationControl said: 0, 1 or 2
	silentUntil time.Time
	made        []byte
}

// A bacnetObject lists the properties that an object is known to have.
type bacnetObject struct{ properties []bacnet.PropertyID }

func newBACnetDevice(s *bacnetService, spec *profiles.BACnetDevice, dev *profiles.Device) *bacnetDevice {
	d := &bacnetDevice{s: s, spec: spec, cells: map[bacnetKey]*bacnetCell{}, objects: map[bacnet.ObjectID]*bacnetObject{}, files: map[uint32]*bacnetFile{}}
	if dev != nil {
		d.identity = dev.Identity
	}
	if spec.Device != nil {
		d.instance, d.known = *spec.Device, true
		d.add(d.id())
	}
	return d
}

// id is the device object.
func (d *bacnetDevice) id() bacnet.ObjectID { return bacnet.Object(bacnet.ObjectDevice, d.instance) }

func (d *bacnetDevice) add(o bacnet.ObjectID) *bacnetObject {
	x := d.objects[o]
	if x == nil {
		x = &bacnetObject{}
		d.objects[o] = x
		d.order = append(d.order, o)
	}
	return x
}

// set makes a cell one of the device's. What was only ever refused makes no object.
func (d *bacnetDevice) set(k bacnetKey, c *bacnetCell) {
	d.cells[k] = c
	if k.write || c.shape == nil && c.point == nil || len(c.shape) > 0 && c.shape[0] != profiles.BACnetHolds {
		return
	}
	x := d.add(k.object)
	if k.property != bacnet.PropAll && k.property != bacnet.PropRequired && k.property != bacnet.PropOptional && !slices.Contains(x.properties, k.property) {
		x.properties = append(x.properties, k.property)
	}
}

// hush is what the device was told, 0: nothing, 1: to be silent, 2: to say nothing unasked. Nobody looks at the clock
// as long as it was told nothing.
func (d *bacnetDevice) hush() uint8 {
	if d.quiet != 0 && !d.silentUntil.IsZero() && !d.s.st.Now().Before(d.silentUntil) {
		d.quiet = 0
	}
	return d.quiet
}

// muted says whether the device was told to be silent.
func (d *bacnetDevice) muted() bool { return d.hush() == 1 }

func (d *bacnetDevice) mute(p *bacnet.CommunicationControlRequest, now time.Time) {
	d.quiet, d.silentUntil = p.State, time.Time{}
	if p.Minutes != nil && *p.Minutes > 0 && p.State != 0 {
		d.silentUntil = now.Add(time.Duration(*p.Minutes) * time.Minute)
	}
}

// object is the one that a request means: device 4194303 is the device itself (clause 15.5.2).
func (d *bacnetDevice) object(o bacnet.ObjectID) bacnet.ObjectID {
	if o.Type() == bacnet.ObjectDevice && o.Instance() == bacnet.WildcardInstance && d.known {
		return d.id()
	}
	return o
}

// echoes says under which name the device answers for an object.
func (d *bacnetDevice) echoes(asked bacnet.ObjectID) bacnet.ObjectID {
	if d.spec.Wildcard == "echo" {
		return asked
	}
	return d.object(asked)
}

var (
	bacnetNoObject   = profiles.BACnetErrorSample(bacnet.ClassObject, bacnet.CodeUnknownObject)
	bacnetNoProperty = profiles.BACnetErrorSample(bacnet.ClassProperty, bacnet.CodeUnknownProperty)
	bacnetNoArray    = profiles.BACnetErrorSample(bacnet.ClassProperty, bacnet.CodePropertyIsNotAnArray)
	bacnetNoElement  = profiles.BACnetErrorSample(bacnet.ClassProperty, bacnet.CodeInvalidArrayIndex)
)

// get answers the reading of a property, or of an element (index from 0, -1: all of it). take: the next
// sample is taken. The bytes are valid until the device is asked again.
func (d *bacnetDevice) get(asked bacnet.ObjectID, p bacnet.PropertyID, index int32, take bool) ([]byte, Origin) {
	st := d.s.st
	k := bacnetKey{asked, p, index, false}
	if c := d.cells[k]; c != nil && !(len(c.shape) == 0 && c.Cell == nil && c.point == nil) {
		if v, from, ok := d.commanded(k, c); ok {
			return v, from
		}
		if asked.Type() == bacnet.ObjectDevice {
			return d.living(p, c, take)
		}
		return c.read(st, take)
	}
	if k.object = d.object(asked); k.object != asked {
		if c := d.cells[k]; c != nil {
			return d.living(p, c, take)
		}
	}
	if v, from, ok := d.derived(k, take); ok {
		return v, from
	}
	if d.known && k.object == d.id() {
		k.object = bacnet.Object(bacnet.ObjectDevice, bacnet.WildcardInstance)
		if c := d.cells[k]; c != nil {
			return d.living(p, c, take)
		}
		k.object = d.id()
	}
	if d.objects[k.object] == nil {
		return bacnetNoObject, Refused
	}
	if index >= 0 && d.has(k.object, p) {
		return bacnetNoArray, Refused
	}
	return bacnetNoProperty, Refused
}

// has says whether an object is known to have a property.
func (d *bacnetDevice) has(o bacnet.ObjectID, p bacnet.PropertyID) bool {
	x := d.objects[o]
	return x != nil && slices.Contains(x.properties, p)
}

// derived makes an element of what is known of the whole property, the whole of its elements, and what every
// object has.
func (d *bacnetDevice) derived(k bacnetKey, take bool) ([]byte, Origin, bool) {
	if d.objects[k.object] == nil {
		return nil, Refused, false
	}
	if v, ok := d.priorityArray(k); ok {
		return d.element(v, Modelled, k)
	}
	if k.index >= 0 {
		whole := k
		whole.index = -1
		if c := d.cells[whole]; c != nil {
			v, from := c.read(d.s.st, take)
			return d.element(v, from, k)
		}
	} else if v, from, ok := d.joined(k, take); ok {
		return v, from, true
	}
	if v := d.common(k.object, k.property); v != nil {
		return d.element(append([]byte{profiles.BACnetHolds}, v...), Modelled, k)
	}
	return nil, Refused, false
}

// element is an element of a sample, if one is asked for; 0: how many there are.
func (d *bacnetDevice) element(sample []byte, from Origin, k bacnetKey) ([]byte, Origin, bool) {
	switch {
	case k.index < 0 || len(sample) == 0 || sample[0] != profiles.BACnetHolds:
		return sample, from, true
	case !bacnet.IsArray(k.property):
		return bacnetNoArray, Refused, true
	}
	list := bacnet.Value(sample[1:]).Elements()
	d.made = append(d.made[:0], profiles.BACnetHolds)
	switch {
	case k.index == 0:
		d.made = bacnet.AppendUnsigned(d.made, uint64(len(list)))
	case int(k.index) > len(list):
		return bacnetNoElement, Refused, true
	default:
		d.made = append(d.made, list[k.index-1]...)
	}
	return d.made, from, true
}

// joined puts a whole array together of its elements, if all are known.
func (d *bacnetDevice) joined(k bacnetKey, take bool) ([]byte, Origin, bool) {
	k.index = 0
	c := d.cells[k]
	if c == nil || !bacnet.IsArray(k.property) {
		return nil, Refused, false
	}
	size, from := c.read(d.s.st, false)
	if len(size) < 2 || size[0] != profiles.BACnetHolds {
		return nil, Refused, false
	}
	n, ok := bacnet.Value(size[1:]).Unsigned()
	if !ok || n > uint64(len(d.cells)) {
		return nil, Refused, false
	}
	all := []byte{profiles.BACnetHolds}
	for i := range n {
		k.index = int32(i + 1)
		c := d.cells[k]
		if c == nil {
			return nil, Refused, false
		}
		v, _ := c.read(d.s.st, take)
		if len(v) == 0 || v[0] != profiles.BACnetHolds {
			return nil, Refused, false
		}
		all = append(all, v[1:]...)
	}
	return all, from, true
}

// common are the properties that every object has, and those that every device has (clauses 12.1 and 12.11),
// as far as nothing else is known of them.
func (d *bacnetDevice) common(o bacnet.ObjectID, p bacnet.PropertyID) []byte {
	switch p {
	case bacnet.PropObjectIdentifier:
		return bacnet.AppendObject(nil, o)
	case bacnet.PropObjectType:
		return bacnet.AppendEnumerated(nil, uint64(o.Type()))
	case bacnet.PropPropertyList:
		var b []byte
		for _, q := range d.listed(o) {
			if q != bacnet.PropObjectIdentifier && q != bacnet.PropObjectName && q != bacnet.PropObjectType && q != bacnet.PropPropertyList {
				b = bacnet.AppendEnumerated(b, uint64(q))
			}
		}
		return b
	case bacnet.PropStatusFlags:
		if d.has(o, bacnet.PropPresentValue) {
			return bacnet.AppendBits(nil, make([]bool, 4)) // nothing is wrong
		}
	case bacnet.PropObjectName:
		if o != d.id() {
			return bacnet.AppendText(nil, o.String())
		}
		return bacnet.AppendText(nil, cmp.Or(d.identity.Name, o.String()))
	}
	if !d.known || o != d.id() {
		return d.ofFile(o, p)
	}
	switch p {
	case bacnet.PropSystemStatus:
		return bacnet.AppendEnumerated(nil, 0) // operational
	case bacnet.PropVendorName:
		return bacnet.AppendText(nil, d.identity.Vendor)
	case bacnet.PropVendorIdentifier:
		return bacnet.AppendUnsigned(nil, uint64(d.vendor()))
	case bacnet.PropModelName:
		return bacnet.AppendText(nil, d.identity.Model)
	case bacnet.PropFirmwareRevision, bacnet.PropApplicationSoftwareVersion:
		return bacnet.AppendText(nil, d.identity.Firmware)
	case bacnet.PropProtocolVersion:
		return bacnet.AppendUnsigned(nil, 1)
	case bacnet.PropProtocolRevision:
		return bacnet.AppendUnsigned(nil, bacnetRevision)
	case bacnet.PropProtocolServicesSupported:
		return bacnet.AppendBits(nil, d.services())
	case bacnet.PropProtocolObjectTypesSupported:
		return bacnet.AppendBits(nil, d.types())
	case bacnet.PropObjectList:
		var b []byte
		for _, x := range d.order {
			b = bacnet.AppendObject(b, x)
		}
		return b
	case bacnet.PropMaxAPDULengthAccepted:
		return bacnet.AppendUnsigned(nil, uint64(d.maxAPDU()))
	case bacnet.PropSegmentationSupported:
		return bacnet.AppendEnumerated(nil, uint64(d.segmentation()))
	case bacnet.PropAPDUTimeout:
		return bacnet.AppendUnsigned(nil, 3000)
	case bacnet.PropNumberOfAPDURetries:
		return bacnet.AppendUnsigned(nil, 3)
	case bacnet.PropDeviceAddressBinding:
		return []byte{}
	case bacnet.PropDatabaseRevision:
		return bacnet.AppendUnsigned(nil, 1)
	}
	return nil
}

// bacnetRevision is the revision of the protocol that a device has of which that is not known.
const bacnetRevision = 14

// bacnetMandatory are the properties that every device has.
var bacnetMandatory = []bacnet.PropertyID{
	bacnet.PropObjectIdentifier, bacnet.PropObjectName, bacnet.PropObjectType, bacnet.PropSystemStatus, bacnet.PropVendorName, bacnet.PropVendorIdentifier,
	bacnet.PropModelName, bacnet.PropFirmwareRevision, bacnet.PropApplicationSoftwareVersion, bacnet.PropProtocolVersion, bacnet.PropProtocolRevision,
	bacnet.PropProtocolServicesSupported, bacnet.PropProtocolObjectTypesSupported, bacnet.PropObjectList, bacnet.PropMaxAPDULengthAccepted,
	bacnet.PropSegmentationSupported, bacnet.PropAPDUTimeout, bacnet.PropNumberOfAPDURetries, bacnet.PropDeviceAddressBinding, bacnet.PropDatabaseRevision,
}

// bacnetRequired are the properties that objects of the usual types must have, beside those of a device.
var bacnetRequired = []bacnet.PropertyID{
	bacnet.PropObjectIdentifier, bacnet.PropObjectName, bacnet.PropObjectType, bacnet.PropPresentValue, bacnet.PropStatusFlags, bacnet.PropEventState,
	bacnet.PropOutOfService, bacnet.PropUnits, bacnet.PropPriorityArray, bacnet.PropRelinquishDefault,
}

func required(o bacnet.ObjectID, p bacnet.PropertyID) bool {
	if o.Type() == bacnet.ObjectDevice {
		return slices.Contains(bacnetMandatory, p)
	}
	return slices.Contains(bacnetRequired, p)
}

// listed are the properties of an object: those that are known, and those that it must have.
func (d *bacnetDevice) listed(o bacnet.ObjectID) []bacnet.PropertyID {
	must := bacnetMandatory[:3]
	if d.known && o == d.id() {
		must = bacnetMandatory
	}
	list := slices.Clone(must)
	for _, p := range d.objects[o].properties {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if _, ok := d.priorityArray(bacnetKey{o, bacnet.PropPriorityArray, -1, false}); ok && !slices.Contains(list, bacnet.PropPriorityArray) {
		list = append(list, bacnet.PropPriorityArray)
	}
	return slices.DeleteFunc(list, func(p bacnet.PropertyID) bool {
		v, _ := d.get(o, p, -1, false)
		return len(v) > 0 && v[0] != profiles.BACnetHolds && len(d.elements(o, p)) == 0
	})
}

// elements are the elements of a property that are known one by one.
func (d *bacnetDevice) elements(o bacnet.ObjectID, p bacnet.PropertyID) (list []int32) {
	for i := int32(0); d.cells[bacnetKey{o, p, i, false}] != nil; i++ {
		list = append(list, i)
	}
	return list
}

func (d *bacnetDevice) vendor() uint16 {
	if d.spec.Vendor != nil {
		return *d.spec.Vendor
	}
	if n, ok := d.number(bacnet.PropVendorIdentifier); ok {
		return uint16(n)
	}
	return 0
}

// number is what a property of the device object holds, without taking a sample.
func (d *bacnetDevice) number(p bacnet.PropertyID) (uint64, bool) {
	for _, o := range []bacnet.ObjectID{d.id(), bacnet.Object(bacnet.ObjectDevice, bacnet.WildcardInstance)} {
		if c := d.cells[bacnetKey{o, p, -1, false}]; c != nil {
			if v, _ := c.read(d.s.st, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
				return bacnet.Value(v[1:]).Unsigned()
			}
		}
	}
	return 0, false
}

func (d *bacnetDevice) maxAPDU() int {
	n := uint64(d.spec.MaxAPDU)
	if n == 0 {
		n, _ = d.number(bacnet.PropMaxAPDULengthAccepted)
	}
	if n < 50 || n > bacnetLongest {
		return bacnetLongest
	}
	return int(n)
}

// bacnetLongest is the longest message that BACnet/IP carries (Annex J.1).
const bacnetLongest = 1476

// sends is the longest message that the device sends: none, where it was seen to send longer ones than it takes.
func (d *bacnetDevice) sends() int {
	if n := d.maxAPDU(); int64(d.spec.MaxSent) <= int64(n) {
		return n
	}
	return bacnetLongest
}

func (d *bacnetDevice) segmentation() int {
	if i := slices.Index(profiles.BACnetSegmentations, d.spec.Segmentation); i >= 0 {
		return i
	}
	if n, ok := d.number(bacnet.PropSegmentationSupported); ok && d.spec.Device == nil && n < 4 {
		return int(n)
	}
	return bacnet.SegmentedBoth
}

// types are the object types that the device has.
func (d *bacnetDevice) types() []bool {
	bits := make([]bool, 0, 64)
	for _, o := range d.order {
		t := int(o.Type())
		for len(bits) <= t {
			bits = append(bits, false)
		}
		bits[t] = true
	}
	return bits
}

// bacnetServiceBits are the places of later services in protocol-services-supported; earlier ones have their
// own number (clause 21, BACnetServicesSupported).
var bacnetServiceBits = map[bacnet.ConfirmedService]int{
	bacnet.ReadRange: 35, bacnet.LifeSafetyOperation: 37, bacnet.SubscribeCOVProperty: 38, bacnet.GetEventInformation: 39,
}

func bacnetServiceBit(s bacnet.ConfirmedService) int {
	if n, ok := bacnetServiceBits[s]; ok {
		return n
	}
	return int(s)
}

// bacnetServed are the services that devices have of which that is not known.
var bacnetServed = []bacnet.ConfirmedService{
	bacnet.AcknowledgeAlarm, bacnet.GetAlarmSummary, bacnet.SubscribeCOV, bacnet.AtomicReadFile, bacnet.AtomicWriteFile, bacnet.ReadProperty,
	bacnet.ReadPropertyMultiple, bacnet.WriteProperty, bacnet.WritePropertyMultiple, bacnet.DeviceCommunicationControl, bacnet.ReinitializeDevice,
	bacnet.ReadRange, bacnet.SubscribeCOVProperty, bacnet.GetEventInformation,
}

// services are those, and what the device was seen to carry out.
func (d *bacnetDevice) services() []bool {
	bits := make([]bool, 40)
	for s := range bacnet.ConfirmedService(len(bits)) {
		if n := bacnetServiceBit(s); n < len(bits) && (slices.Contains(bacnetServed, s) || d.carries(s)) {
			bits[n] = true
		}
	}
	for _, n := range []int{32, 33, 34, 36} { // time synchronization, who has, who is, UTC time synchronization
		bits[n] = true
	}
	return bits
}

// supports says whether the device has a service: as it says, or where it does not say, as those of which that is
// not known.
func (d *bacnetDevice) supports(s bacnet.ConfirmedService) bool {
	if s == bacnet.ReadProperty {
		return true
	}
	for _, o := range []bacnet.ObjectID{d.id(), bacnet.Object(bacnet.ObjectDevice, bacnet.WildcardInstance)} {
		c := d.cells[bacnetKey{o, bacnet.PropProtocolServicesSupported, -1, false}]
		if c == nil {
			continue
		}
		v, _ := c.read(d.s.st, false)
		if len(v) < 2 || v[0] != profiles.BACnetHolds {
			continue
		}
		t, content := bacnet.Value(v[1:]).First()
		if bits, ok := bacnet.Bits(content); ok && !t.Context && bacnet.TagNumber(t.Number) == bacnet.TagBits {
			n := bacnetServiceBit(s)
			return n < len(bits) && bits[n]
		}
	}
	return slices.Contains(bacnetServed, s) || d.carries(s)
}
