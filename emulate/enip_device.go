package emulate

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"ringer/capture/enip"
	"ringer/profiles"
)

// enipDevice is a device of EtherNet/IP behind all its ports.
type enipDevice struct {
	st       *State
	dev      *profiles.Device
	identity enip.Identity
	address  netip.Addr             // zero: as it is asked on
	modules  map[int]*enip.Identity // of what is at the end of ways, if that is known
	offers   []enip.Offer
	mac      [6]byte

	replyTimeout *uint16
	sessions     map[uint32]bool
	sessionCell  *Cell
	lastSession  uint32

	connections    map[uint32]*enipConnection
	connectionsMax int
	connectionCell *Cell
	lastConnection uint32
	ways           []string // "" is the device itself
	routes         []string
	noWay          profiles.ENIPAnswer
	absent         map[enipClass]bool // classes that were refused
	noClass        uint8              // what classes get that there are not
	noInstance     uint8
	noTag          profiles.ENIPAnswer
	lists          map[enip.Command]*Cell
	asks           map[string]*Cell // by enipAskKey
	attributes     map[enipAttribute]*enipValue
	classes        map[enipClass]bool // that have attributes
	types          map[string]*enipType
	templates      map[uint32]*enipType
	tags           map[string]*enipTag   // by name in lower case
	symbols        map[string][]*enipTag // of the controller and of each program, in lower case, by instance
	streams        []*enipStream
	files          map[uint16]*enipDataFile
	uploads        map[uint32]*enipFile
	pccc           bool // it has the object that executes PCCC
}

type enipAttribute struct {
	way                        int
	class, instance, attribute uint32
}

type enipClass struct {
	way   int
	class uint32
}

// enipFirstID is where ids that are ringer's choice begin, if none was recorded.
const enipFirstID = 0x00010000

func newENIPDevice(st *State, dev *profiles.Device) (*enipDevice, error) {
	d := &enipDevice{
		st: st, dev: dev, sessions: map[uint32]bool{}, modules: map[int]*enip.Identity{}, connections: map[uint32]*enipConnection{}, ways: []string{""},
		lists: map[enip.Command]*Cell{}, asks: map[string]*Cell{}, attributes: map[enipAttribute]*enipValue{}, classes: map[enipClass]bool{}, absent: map[enipClass]bool{},
		types: map[string]*enipType{}, templates: map[uint32]*enipType{}, tags: map[string]*enipTag{}, symbols: map[string][]*enipTag{},
		files: map[uint16]*enipDataFile{}, uploads: map[uint32]*enipFile{},
		noWay:   profiles.ENIPAnswer{Status: enip.ConnectionFailure, Extended: []uint16{enip.InvalidLinkAddress}, Data: []byte{1, 0}},
		noTag:   profiles.ENIPAnswer{Status: enip.PathSegmentError, Extended: []uint16{0}},
		noClass: enip.PathDestinationUnknown, noInstance: enip.ObjectDoesNotExist,
		lastSession: enipFirstID + uint32(st.Rand("enip session").Uint32()&0xFFFF), lastConnection: enipFirstID + uint32(st.Rand("enip connection").Uint32()&0xFFFF),
	}
	var sections []*profiles.ENIP
	for i := range dev.Services {
		if s, ok := dev.Services[i].Section.(*profiles.ENIP); ok {
			sections = append(sections, s)
		}
	}
	id := defaultIdentity(dev)
	for _, s := range sections {
		if s.Identity != nil {
			id = *s.Identity
			d.address = parseAddress(s.Address)
			break
		}
	}
	for _, s := range sections {
		if err := d.take(s); err != nil {
			return nil, err
		}
	}
	if err := d.setIdentity(&id); err != nil {
		return nil, err
	}
	if d.offers == nil {
		d.offers = []enip.Offer{{Type: 0x100, Version: 1, Flags: 0x120, Name: [16]byte([]byte("Communications\x00\x00"))}}
	}
	if d.connectionsMax == 0 {
		d.connectionsMax = 32
	}
	if err := d.openTags(sections); err != nil {
		return nil, err
	}
	if err := d.openFiles(sections); err != nil {
		return nil, err
	}
	if err := d.openDataFiles(sections); err != nil {
		return nil, err
	}
	if err := d.openSamples(sections); err != nil {
		return nil, err
	}
	d.openRefusals()
	return d, nil
}

func (d *enipDevice) setIdentity(id *profiles.ENIPIdentity) error {
	trailing, err := hex.DecodeString(id.Trailing)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	d.identity = enip.Identity{
		Version: max(id.Version, 1), Family: 2, Vendor: id.Vendor, DeviceType: id.Type, Product: id.Product, Major: id.Major(), Minor: id.Minor(),
		Status: id.Status, Serial: id.Serial, Name: id.Name, State: 3, Trailing: trailing,
	}
	if id.State != nil {
		d.identity.State = *id.State
	}
	var mac [6]byte
	if b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "").Replace(d.dev.Identity.MAC)); err == nil && len(b) == 6 {
		mac = [6]byte(b)
	}
	d.mac = mac
	return nil
}

// take takes in what one section says.
func (d *enipDevice) take(s *profiles.ENIP) error {
	for _, o := range s.Offers {
		offer := enip.Offer{Type: o.Type, Version: max(o.Version, 1), Flags: o.Flags}
		if offer.Type == 0 {
			offer.Type = 0x100
		}
		copy(offer.Name[:], o.Name)
		if !slices.Contains(d.offers, offer) {
			d.offers = append(d.offers, offer)
		}
	}
	if s.ReplyTimeout != nil {
		d.replyTimeout = s.ReplyTimeout
	}
	d.connectionsMax = max(d.connectionsMax, s.Connections)
	d.routes = append(d.routes, s.Routes...)
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		value, err := hex.DecodeString(s.Attributes[name])
		if err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		a, err := d.parseAttribute(0, name)
		if err != nil {
			return err
		}
		d.value(a).held = value
	}
	for _, p := range s.Points {
		a, err := d.parseAttribute(0, p.Attribute)
		if err != nil {
			return err
		}
		if d.value(a).point, err = d.st.Point(p.Point); err != nil {
			return err
		}
		d.value(a).as, _ = enip.ParseType(p.As)
		d.value(a).writes = d.value(a).point.Writes()
	}
	for _, name := range s.Writable {
		a, err := d.parseAttribute(0, name)
		if err != nil {
			return err
		}
		d.value(a).writable = true
	}
	return nil
}

func (d *enipDevice) parseAttribute(way int, name string) (a enipAttribute, err error) {
	a.way = way
	a.class, a.instance, a.attribute, err = profiles.ParseENIPAttribute(name)
	return a, err
}

// value is the place of an attribute, made if need be.
func (d *enipDevice) value(a enipAttribute) *enipValue {
	v := d.attributes[a]
	if v == nil {
		v = &enipValue{}
		d.attributes[a] = v
		d.classes[enipClass{a.way, a.class}] = true
	}
	return v
}

// wayNumber is the number of a way, which is made known if need be.
func (d *enipDevice) wayNumber(way string) int {
	if i := slices.Index(d.ways, way); i >= 0 {
		return i
	}
	if len(d.ways) >= enipWaysMax {
		return -1
	}
	d.ways = append(d.ways, way)
	return len(d.ways) - 1
}

// enipWaysMax bounds the ways that are told apart.
const enipWaysMax = 1 << 10

// leads says where a route leads: -1 is nowhere. Without any that is known, all lead to the device itself.
func (d *enipDevice) leads(way string) int {
	if way == "" || slices.Contains(d.routes, way) {
		return 0
	}
	known := len(d.routes) > 0
	for i, w := range d.ways {
		if i == 0 {
			continue
		}
		known = true
		if w == way && d.answers(i) {
			return i
		}
	}
	if known {
		return -1
	}
	return 0
}

// answers says whether the module at the end of a way has ever answered.
func (d *enipDevice) answers(way int) bool {
	for a := range d.attributes {
		if a.way == way {
			return true
		}
	}
	for key, c := range d.asks {
		if binary.LittleEndian.Uint16([]byte(key)) != uint16(way) {
			continue
		}
		v, _ := c.Peek(d.st)
		if a, err := profiles.ParseENIPAnswer(v); err != nil || !a.Manager {
			return true
		}
	}
	return false
}

// openSamples reads what was recorded. Samples of a later recording go on where those of an earlier one end.
func (d *enipDevice) openSamples(sections []*profiles.ENIP) error {
	type sampled struct {
		track    profiles.Track
		dynamics *profiles.Dynamics
	}
	cells := map[string]*sampled{}
	var order []string
	for _, s := range sections {
		for _, name := range s.Samples {
			f, err := d.dev.Files.Open(path.Clean(name))
			if err != nil {
				return fmt.Errorf("samples: %w", err)
			}
			err = profiles.ReadSamples(f, func(cell string, dyn *profiles.Dynamics, t profiles.Track) error {
				c := cells[cell]
				if c == nil {
					cells[cell] = &sampled{t, dyn}
					order = append(order, cell)
					return nil
				}
				c.track.Append(&t)
				c.dynamics = dyn
				return nil
			})
			f.Close()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, name := range order {
		cell, err := d.st.NewCell("enip "+name, &cells[name].track, cells[name].dynamics)
		if err != nil {
			return err
		}
		if cells[name].dynamics != nil {
			cell.Decode = func(b []byte) uint64 {
				v, _, _ := profiles.ENIPNumber(name, b)
				return v
			}
			cell.Encode = func(dst []byte, v Value) []byte {
				return profiles.AppendENIPNumber(dst, name, append([]byte(nil), cell.value...), v.Uint())
			}
		}
		if err := d.sample(name, cell, written(&cells[name].track)); err != nil {
			return fmt.Errorf("cell %s: %w", name, err)
		}
	}
	d.sortCells()
	return nil
}

// written says whether someone wrote a cell in the recording.
func written(t *profiles.Track) bool {
	for c := t.Cursor(); ; {
		r, ok := c.Next()
		if !ok || r.Write {
			return ok
		}
	}
}

// sample files one cell; written: it can be.
func (d *enipDevice) sample(name string, cell *Cell, written bool) error {
	kind, rest, _ := strings.Cut(name, " ")
	way := 0
	switch kind {
	case "attr", "ask", "pccc", "tag", "io", "list", "session", "connection":
	default:
		if way = d.wayNumber(kind); way < 0 {
			return fmt.Errorf("more than %d ways", enipWaysMax)
		}
		kind, rest, _ = strings.Cut(rest, " ")
	}
	switch kind {
	case "session":
		d.sessionCell = cell
	case "connection":
		d.connectionCell = cell
	case "list":
		n, err := strconv.ParseUint(rest, 0, 16)
		if err != nil {
			return fmt.Errorf("%q is no command", rest)
		}
		d.lists[enip.Command(n)] = cell
	case "attr":
		a, err := d.parseAttribute(way, rest)
		if err != nil {
			return err
		}
		d.value(a).cell, d.value(a).writable = cell, written
	case "ask":
		service, p, data, err := profiles.ParseENIPAsk(rest)
		if err != nil {
			return err
		}
		d.asks[string(enipAskKey(nil, way, service, p, data))] = cell
	case "pccc":
		command, function, data, err := profiles.ParseENIPAsk(rest)
		if err != nil || len(function) != 1 {
			return fmt.Errorf("%q is no PCCC command", rest)
		}
		d.asks[string(enipPCCCKey(nil, way, command, function[0], data))] = cell
		d.dataSample(&enip.PCCC{Command: command, Function: function[0], Data: data}, cell)
	case "tag":
		return d.tagSample(rest, cell)
	case "io":
		id, err := strconv.ParseUint(rest, 0, 32)
		if err != nil {
			return fmt.Errorf("%q is no connection id", rest)
		}
		d.streams = append(d.streams, &enipStream{id: uint32(id), cell: cell})
	default:
		return fmt.Errorf("%q is none that this protocol has", name)
	}
	return nil
}

// enipAskKey is a question as a key: way, service, path and data.
func enipAskKey(b []byte, way int, service uint8, p, data []byte) []byte {
	b = append(b, byte(way), byte(way>>8), service, byte(len(p)/2))
	return append(append(b, p...), data...)
}

// enipPCCCKey is that of a PCCC command: 0xFF stands where no path is so long.
func enipPCCCKey(b []byte, way int, command, function uint8, data []byte) []byte {
	b = append(b, byte(way), byte(way>>8), uint8(enip.ExecutePCCC), 0xFF, command, function)
	return append(b, data...)
}

// openRefusals finds out how this device refuses what it has not: as it was seen to.
func (d *enipDevice) openRefusals() {
	there := map[enipClass]bool{}
	maps.Copy(there, d.classes)
	type refusal struct {
		class  enipClass
		status uint8
	}
	count := map[refusal]int{}
	for _, key := range slices.Sorted(maps.Keys(d.asks)) {
		if len(key) < 4 || len(key) < 4+2*int(key[3]) || key[3] == 0xFF {
			continue
		}
		v, _ := d.asks[key].Peek(d.st)
		a, err := profiles.ParseENIPAnswer(v)
		if err != nil {
			continue
		}
		way := int(key[0]) | int(key[1])<<8
		if a.Manager {
			d.noWay = a
			continue
		}
		path := enip.Path(key[4 : 4+2*int(key[3])])
		if name, ok := enip.TagName(path); ok && (a.Status == enip.PathSegmentError || a.Status == enip.PathDestinationUnknown) {
			if base, _ := enip.CutTag(name); d.tags[strings.ToLower(base)] == nil {
				d.noTag = a
			}
		}
		t, ok := path.Target()
		if !ok || key[2] >= byte(enip.ExecutePCCC) {
			continue
		}
		c := enipClass{way, t.Class}
		if enip.Service(key[2]) == enip.GetAttributesAll && t == (enip.Target{Class: enip.ClassIdentity, Instance: 1, HasClass: true, HasInstance: true}) {
			d.module(way, a.Data)
		}
		if a.Status == enip.Success {
			there[c] = true
		} else if a.Status == enip.PathDestinationUnknown || a.Status == enip.ObjectDoesNotExist || a.Status == enip.ServiceNotSupported {
			count[refusal{c, a.Status}]++
		}
	}
	votes := map[uint8]int{}
	for r, n := range count {
		if !there[r.class] {
			d.absent[r.class] = true
			votes[r.status] += n
		} else if r.status != enip.ServiceNotSupported {
			d.noInstance = r.status
		}
	}
	for status, n := range votes {
		if n > votes[d.noClass] || n == votes[d.noClass] && status < d.noClass {
			d.noClass = status
		}
	}
}

// module learns who the module at the end of a way is, from all attributes of its Identity object.
func (d *enipDevice) module(way int, b []byte) {
	if way == 0 || len(b) < 15 || len(b) < 15+int(b[14]) {
		return
	}
	le := binary.LittleEndian
	d.modules[way] = &enip.Identity{
		Vendor: le.Uint16(b), DeviceType: le.Uint16(b[2:]), Product: le.Uint16(b[4:]), Major: b[6], Minor: b[7],
		Status: le.Uint16(b[8:]), Serial: le.Uint32(b[10:]), Name: string(b[15 : 15+int(b[14])]), State: 3,
	}
}

// mint chooses a handle or an id that is not taken: the recorded ones in their order, then on from the last.
func (d *enipDevice) mint(recorded *Cell, last *uint32, taken func(uint32) bool) (uint32, Origin) {
	for recorded != nil && !recorded.Live() {
		v, _ := recorded.Read(d.st)
		if len(v) != 4 {
			break
		}
		id := binary.LittleEndian.Uint32(v)
		*last = id
		if !taken(id) {
			return id, Recorded
		}
	}
	for {
		if *last++; !taken(*last) {
			return *last, Modelled
		}
	}
}
