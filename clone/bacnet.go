package clone

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"slices"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A bacnetLearner learns the properties of a device and of those on networks behind it, and what they refuse.
// What properties do not explain is kept whole.
type bacnetLearner struct {
	s         *Service
	stations  map[string]*bacnetStation // by how profiles call them; "" is the device itself
	salt      []byte
	passwords []string
	networks  map[uint16]bool
	peers     []bacnet.BroadcastPeer
	foreign   bool // it took a foreign device
	files     int  // of all stations
	answered  bool
	asked     bool
	trends    int
	cells     int
	parts     map[bacnetPart]*bacnetJoining // segments of answers that are not complete yet
}

// bacnetCellsMax bounds the properties that are told apart, bacnetTrendsMax those whose movement is followed.
const (
	bacnetCellsMax  = 1 << 20
	bacnetTrendsMax = 1 << 12
)

// A bacnetStation is one device.
type bacnetStation struct {
	device   profiles.BACnetDevice
	cells    map[profiles.BACnetCell]*bacnetCell
	order    []*bacnetCell
	logs     []*bacnetLog
	files    map[uint32]*bacnetFile
	sent     int    // bytes of the longest answer
	wildcard [2]int // answers to what was asked of device 4194303: with its own instance, with that one
}

func newBACnetLearner(s *Service) learner {
	l := &bacnetLearner{s: s, stations: map[string]*bacnetStation{}, networks: map[uint16]bool{},
		parts: map[bacnetPart]*bacnetJoining{}, salt: s.Options.Salt}
	if len(l.salt) == 0 {
		l.salt = make([]byte, 8)
		rand.Read(l.salt)
	}
	return l
}

func (l *bacnetLearner) station(name string) *bacnetStation {
	t := l.stations[name]
	if t == nil {
		t = &bacnetStation{cells: map[profiles.BACnetCell]*bacnetCell{}, files: map[uint32]*bacnetFile{}}
		l.stations[name] = t
	}
	return t
}

// stationOf is the device that a request is for.
func (l *bacnetLearner) stationOf(h *bacnet.Header) (string, *bacnetStation) {
	name := ""
	if n := &h.Network; n.Routed() && n.Destination.Network != bacnet.EveryNetwork {
		name = profiles.BACnetStation(n.Destination)
	}
	return name, l.station(name)
}

func (l *bacnetLearner) Learn(x *capture.Exchange) {
	l.asked = l.asked || x.Request != nil
	l.answered = l.answered || len(x.Replies) > 0
	switch q := x.Request.(type) {
	case nil:
		for _, m := range x.Replies {
			l.unasked(m, x)
		}
	case *bacnet.ConfirmedRequest:
		x, q = l.scrub(x, q)
		l.confirmed(x, q)
	case *bacnet.UnconfirmedRequest:
		l.unconfirmed(x, q)
	case *bacnet.SegmentAck:
		l.segments(x, q)
		l.s.Record.Keep(x)
	case *bacnet.NetworkMessage:
		l.routes(x.Replies)
		l.s.Record.Keep(x)
	case *bacnet.LinkMessage:
		l.link(q, x.Replies)
		l.s.Record.Keep(x)
	default:
		l.s.Record.Keep(x)
	}
}

// confirmed learns all of an exchange from what its properties are, or keeps it.
func (l *bacnetLearner) confirmed(x *capture.Exchange, q *bacnet.ConfirmedRequest) {
	name, t := l.stationOf(&q.Header)
	o := bacnetObserver{l, x, name, t}
	if len(x.Replies) == 0 && x.Lost {
		l.s.Record.Count(x)
		o.assume(q)
		return
	}
	if len(x.Replies) != 1 {
		l.s.Record.Keep(x)
		return
	}
	t.carries(q, x.Replies[0])
	if a, ok := x.Replies[0].(*bacnet.ComplexAck); ok {
		t.sent = max(t.sent, len(bacnet.AppendParameters(nil, a.Parameters))+3)
	}
	if r, ok := x.Replies[0].(bacnet.Message); ok && bacnetRegular(q, r.Head()) && o.observe(q, r) {
		l.s.Record.Count(x)
		return
	}
	l.s.Record.Keep(x)
	o.aside(q, x.Replies[0])
}

// carries learns that a device carries out a service that changes objects.
func (t *bacnetStation) carries(q *bacnet.ConfirmedRequest, reply wire.Message) {
	switch reply.(type) {
	case *bacnet.SimpleAck, *bacnet.ComplexAck:
		if name := q.Service.String(); slices.Contains(profiles.BACnetCarries, name) && !slices.Contains(t.device.Carries, name) {
			t.device.Carries = append(t.device.Carries, name)
			slices.Sort(t.device.Carries)
		}
	}
}

// bacnetRegular says whether the way of an answer is the request's way back.
func bacnetRegular(q *bacnet.ConfirmedRequest, h *bacnet.Header) bool {
	want := bacnet.Reply(&q.Header)
	return want.Equal(h)
}

func (l *bacnetLearner) unconfirmed(x *capture.Exchange, q *bacnet.UnconfirmedRequest) {
	for _, m := range x.Replies {
		l.unasked(m, x)
	}
	switch q.Service {
	case bacnet.WhoIs, bacnet.WhoHas:
		// The very answers count, in their order and from whom they came.
		l.s.Record.Keep(x)
	default:
		if len(x.Replies) > 0 {
			l.s.Record.Keep(x)
			return
		}
		l.s.Record.Count(x)
	}
}

// unasked learns what devices say of themselves.
func (l *bacnetLearner) unasked(m wire.Message, x *capture.Exchange) {
	switch m := m.(type) {
	case *bacnet.UnconfirmedRequest:
		name := ""
		if s, ok := m.Network.From(); ok {
			name = profiles.BACnetStation(s)
		}
		t := l.station(name)
		o := bacnetObserver{l, x, name, t}
		switch p := m.Parameters.(type) {
		case *bacnet.IAmRequest:
			if p.Device.Type() != bacnet.ObjectDevice {
				return
			}
			instance, vendor := p.Device.Instance(), p.Vendor
			t.device.Device, t.device.Vendor, t.device.MaxAPDU = &instance, &vendor, p.MaxAPDU
			t.device.Segmentation = ""
			if n := int(p.Segmentation); n > 0 && n < len(profiles.BACnetSegmentations) {
				t.device.Segmentation = profiles.BACnetSegmentations[n]
			}
			switch {
			case !m.Broadcast():
				t.device.Announces = "unicast"
			case m.Network.Routed():
				t.device.Announces = "global"
			default:
				t.device.Announces = "broadcast"
			}
		case *bacnet.IHaveRequest:
			if t.device.Device == nil {
				instance := p.Device.Instance()
				t.device.Device = &instance
			}
			o.note(p.Object, bacnet.PropObjectName, -1, bacnet.AppendTextContent(nil, p.Name))
		case *bacnet.COVNotification:
			for _, v := range p.Values {
				o.note(p.Object, v.Property, bacnetIndex(v.Index), v.Value)
			}
		}
	case *bacnet.NetworkMessage:
		l.routes([]wire.Message{m})
	}
}

func (l *bacnetLearner) routes(replies []wire.Message) {
	for _, m := range replies {
		switch r := m.(type) {
		case *bacnet.NetworkMessage:
			if r.Type == bacnet.IAmRouterToNetwork {
				for _, n := range r.Networks {
					l.networks[n] = true
				}
			}
		}
	}
}

func (l *bacnetLearner) link(q *bacnet.LinkMessage, replies []wire.Message) {
	for _, m := range replies {
		r, ok := m.(*bacnet.LinkMessage)
		switch {
		case !ok:
		case r.Link.Function == bacnet.ReadBroadcastTableAck:
			l.peers, l.foreign = r.Peers, true
		case r.Link.Function == bacnet.ReadForeignTableAck,
			q.Link.Function == bacnet.RegisterForeignDevice && r.Link.Function == bacnet.LinkResult && r.Result == bacnet.ResultOK:
			l.foreign = true
		}
	}
}

// bacnetPasswordsMax bounds the passwords that are told apart.
const bacnetPasswordsMax = 64

// scrub calls the password in a request as the profile does, and learns whether it was the right one.
func (l *bacnetLearner) scrub(x *capture.Exchange, q *bacnet.ConfirmedRequest) (*capture.Exchange, *bacnet.ConfirmedRequest) {
	password := bacnet.Password(q)
	_, t := l.stationOf(&q.Header)
	accepted := len(x.Replies) > 0
	for _, m := range x.Replies {
		if _, ok := m.(*bacnet.SimpleAck); !ok {
			accepted = false
		}
	}
	if password == nil {
		if s := q.Service; accepted && (s == bacnet.DeviceCommunicationControl || s == bacnet.ReinitializeDevice) {
			t.device.Unlocked = true
		}
		return x, q
	}
	name := l.password(password.String())
	if accepted {
		t.device.Password = name
	}
	if name == password.String() {
		return x, q
	}
	y, scrubbed := *x, bacnet.WithPassword(q, bacnet.NewText(name))
	y.Request = scrubbed
	return &y, scrubbed
}

// password is how the profile calls a password.
func (l *bacnetLearner) password(secret string) string {
	for _, p := range l.passwords {
		if profiles.Verify(p, []byte(secret)) {
			return p
		}
	}
	name := secret
	if !l.s.Options.KeepSecrets {
		name = profiles.NewVerifier([]byte(secret), l.salt)
	}
	if len(l.passwords) < bacnetPasswordsMax {
		l.passwords = append(l.passwords, name)
	}
	return name
}

// A bacnetPart names an answer whose segments are being joined.
type bacnetPart struct {
	conn   uint64
	invoke uint8
}

// bacnetPartsMax bounds the answers whose segments are being joined, and bacnetJoinMax their bytes.
const (
	bacnetPartsMax = 64
	bacnetJoinMax  = 1 << 20
)

// A bacnetJoining is such an answer, and what it answers, where that is known.
type bacnetJoining struct {
	q       *bacnet.ConfirmedRequest
	content []byte
}

// segments joins the segments of an answer, and notes what it says when it is complete.
func (l *bacnetLearner) segments(x *capture.Exchange, q *bacnet.SegmentAck) {
	for _, m := range x.Replies {
		l.join(x, nil, m)
	}
}

func (l *bacnetLearner) join(x *capture.Exchange, q *bacnet.ConfirmedRequest, m wire.Message) {
	r, ok := m.(*bacnet.ComplexAck)
	if !ok || !r.Segmented {
		return
	}
	k := bacnetPart{x.Conn, r.InvokeID}
	j := l.parts[k]
	if r.Sequence == 0 {
		if j == nil && len(l.parts) >= bacnetPartsMax {
			return
		}
		j = &bacnetJoining{q: q}
		l.parts[k] = j
	}
	if j == nil {
		return
	}
	if j.content = bacnet.AppendParameters(j.content, r.Parameters); len(j.content) > bacnetJoinMax {
		delete(l.parts, k)
		return
	}
	if r.More {
		return
	}
	delete(l.parts, k)
	name := ""
	if s, ok := r.Network.From(); ok {
		name = profiles.BACnetStation(s)
	}
	whole := *r
	whole.Parameters = bacnet.ParseAck(r.Service, j.content)
	bacnetObserver{l, x, name, l.station(name)}.asideAck(j.q, &whole)
}

// Finish gives the section.
func (l *bacnetLearner) Finish(out *Output) (profiles.Section, error) {
	if !l.asked && !l.answered {
		return nil, nil
	}
	sec := &profiles.BACnet{Broadcasts: l.foreign, Passwords: l.passwords}
	slices.Sort(sec.Passwords)
	for _, p := range sec.Passwords {
		if profiles.IsVerifier(p) {
			out.Redact("BACnet passwords", "salted verifiers")
		}
	}
	for n := range l.networks {
		sec.Networks = append(sec.Networks, n)
	}
	slices.Sort(sec.Networks)
	for _, p := range l.peers {
		sec.Peers = append(sec.Peers, profiles.BACnetPeer(p))
	}
	for name, t := range l.stations {
		for _, g := range t.logs {
			bacnetObserver{l, &capture.Exchange{}, name, t}.note(g.object, g.property, -1, g.items)
		}
		t.settle()
		d := t.device
		if d.MaxAPDU > 0 && t.sent > int(d.MaxAPDU) {
			d.MaxSent = uint32(t.sent)
		}
		if err := l.writeFiles(name, t, &d, out); err != nil {
			return nil, err
		}
		if name == "" {
			sec.BACnetDevice = d
			continue
		}
		if sec.Routed == nil {
			sec.Routed = map[string]*profiles.BACnetDevice{}
		}
		sec.Routed[name] = &d
	}
	sec.Silent = !l.answered
	var err error
	if sec.Values, err = l.values(out); err != nil {
		return nil, err
	}
	l.identify(out.Device)
	sec.Samples, err = l.samples(out)
	return sec, err
}

// identify puts what the device says of itself on its name plate, where that is empty.
func (l *bacnetLearner) identify(dev *profiles.Device) {
	t := l.stations[""]
	if t == nil {
		return
	}
	for _, c := range t.order {
		if c.name.Object.Type() != bacnet.ObjectDevice || c.name.Index >= 0 {
			continue
		}
		text, ok := bacnet.Value(bytes.TrimPrefix(c.value(), []byte{profiles.BACnetHolds})).Text()
		if !ok {
			continue
		}
		id := &dev.Identity
		switch c.name.Property {
		case bacnet.PropVendorName:
			id.Vendor = cmp.Or(id.Vendor, text)
		case bacnet.PropModelName:
			id.Model = cmp.Or(id.Model, text)
		case bacnet.PropFirmwareRevision:
			id.Firmware = cmp.Or(id.Firmware, text)
		case bacnet.PropObjectName:
			id.Name = cmp.Or(id.Name, text)
		case bacnet.PropLocation:
			id.Location = cmp.Or(id.Location, text)
		case bacnet.PropSerialNumber:
			id.Serial = cmp.Or(id.Serial, text)
		}
	}
}
