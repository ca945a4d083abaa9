package emulate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// bacnetService is one BACnet/IP port: a device, those on networks behind it, and what recordings answer whole.
type bacnetService struct {
	p        wire.Protocol
	st       *State
	script   *Script
	spec     *profiles.BACnet
	own      *bacnetDevice
	routed   []*bacnetDevice
	stations map[uint16]map[string]*bacnetDevice // routed, by network and MAC
	networks []uint16                            // that it routes to
	peers    []bacnet.BroadcastPeer
	foreign  []*bacnetForeign
	spread   float64 // datagrams that may be forwarded to them, at spreadAt
	spreadAt time.Time
	watches  []*bacnetWatch // of all sessions
}

func openBACnet(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	spec, ok := svc.Section.(*profiles.BACnet)
	if !ok {
		return nil, fmt.Errorf("the section is a %T", svc.Section)
	}
	script, err := NewScript(dev, svc, p)
	if err != nil {
		return nil, err
	}
	s := &bacnetService{p: p, st: st, script: script, spec: spec, stations: map[uint16]map[string]*bacnetDevice{}}
	s.own = newBACnetDevice(s, &spec.BACnetDevice, dev)
	s.networks = slices.Clone(spec.Networks)
	for _, name := range slices.Sorted(maps.Keys(spec.Routed)) {
		station, err := profiles.ParseBACnetStation(name)
		if err != nil {
			return nil, err
		}
		d := newBACnetDevice(s, spec.Routed[name], nil)
		d.station = &station
		s.routed = append(s.routed, d)
		if s.stations[station.Network] == nil {
			s.stations[station.Network] = map[string]*bacnetDevice{}
			s.networks = append(s.networks, station.Network)
		}
		s.stations[station.Network][string(station.MAC)] = d
	}
	slices.Sort(s.networks)
	s.networks = slices.Compact(s.networks)
	for _, text := range spec.Peers {
		peer, err := profiles.ParseBACnetPeer(text)
		if err != nil {
			return nil, err
		}
		s.peers = append(s.peers, peer)
	}
	if err := s.loadCells(dev); err != nil {
		return nil, err
	}
	for d := range s.all {
		if err := d.loadFiles(dev); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *bacnetService) Protocol() wire.Protocol { return s.p }

func (s *bacnetService) Open(p Peer) Session {
	return &bacnetSession{s: s, peer: p}
}

// device is who a datagram is for; nil: nobody here.
func (s *bacnetService) device(n *bacnet.Network) *bacnetDevice {
	if !n.Routed() {
		return s.own
	}
	return s.stations[n.Destination.Network][string(n.Destination.MAC)]
}

// all yields the device itself and those behind it.
func (s *bacnetService) all(yield func(*bacnetDevice) bool) {
	if !yield(s.own) {
		return
	}
	for _, d := range s.routed {
		if !yield(d) {
			return
		}
	}
}

// A bacnetSession is one peer. The answer to what is asked most, ReadProperty, is made in place.
type bacnetSession struct {
	s         *bacnetService
	peer      Peer
	out       [1]wire.Message
	ack       bacnet.ComplexAck
	read      bacnet.ReadPropertyAck
	no        bacnet.Error
	pair      bacnet.ErrorPair
	transfers []*bacnetTransfer // segmented answers on their way
	uploads   []*bacnetUpload   // segmented requests that are not complete
	watches   []*bacnetWatch    // what it subscribed to
	unheard   []*bacnetUnheard  // notifications that were not acknowledged
	invoke    uint8             // of the last confirmed notification
	following bool              // what is done is what the recording has
}

// Greet says nothing: devices speak when they are asked.
func (c *bacnetSession) Greet() Answer { return Answer{} }

// Close forgets what the peer subscribed to.
func (c *bacnetSession) Close() {
	c.unwatch(func(*bacnetWatch) bool { return true })
	c.unheard = nil
}

func (c *bacnetSession) Answer(request wire.Message) Answer {
	if c.s.spec.Silent {
		c.s.script.Ask(request)
		return Answer{From: Refused}
	}
	asked := request
	q, confirmed := request.(*bacnet.ConfirmedRequest)
	if confirmed {
		asked = c.s.renamed(q)
	}
	if ack, ok := request.(*bacnet.SegmentAck); ok && c.sending(ack) {
		c.s.script.Ask(asked) // whatever it has, this is the answer that is on its way
		return c.acknowledged(ack)
	}
	if replies, found := c.s.script.Ask(asked); found && (!confirmed || c.fits(q, replies) && !c.outdated(q, replies)) {
		if first := bacnetSegmented(replies); confirmed && first != nil {
			return c.resend(q, first, replies)
		}
		if confirmed {
			c.follow(q, replies)
		}
		return Answer{Messages: replies, From: Recorded}
	}
	switch q := bacnet.Understood(request).(type) {
	case *bacnet.ConfirmedRequest:
		return c.confirmed(q)
	case *bacnet.UnconfirmedRequest:
		return c.unconfirmed(q)
	case *bacnet.SegmentAck:
		return c.acknowledged(q)
	case *bacnet.SimpleAck:
		c.heard(q.InvokeID)
	case *bacnet.Error:
		c.heard(q.InvokeID)
	case *bacnet.Reject:
		c.heard(q.InvokeID)
	case *bacnet.Abort:
		if q.Server {
			c.heard(q.InvokeID)
		}
		c.transfers = slices.DeleteFunc(c.transfers, func(t *bacnetTransfer) bool { return t.invoke == q.InvokeID && !q.Server })
	case *bacnet.NetworkMessage:
		return c.network(q)
	case *bacnet.LinkMessage:
		return c.link(q)
	}
	return Answer{From: Refused}
}

// outdated says whether an answer that is recorded whole tells what may no longer be so, since somebody changed
// what the recording did not have changed.
func (c *bacnetSession) outdated(q *bacnet.ConfirmedRequest, replies []wire.Message) bool {
	d := c.s.device(&q.Network)
	if d == nil || !d.strayed || len(replies) == 0 {
		return false
	}
	if _, tells := replies[0].(*bacnet.ComplexAck); !tells {
		return false
	}
	switch p := q.Parameters.(type) {
	case *bacnet.ReadPropertyRequest, *bacnet.ReadPropertyMultipleRequest:
		return true
	case *bacnet.ReadFileRequest:
		return d.files[p.File.Instance()] != nil
	}
	return false
}

// follow does what the device did when it gave an answer that is recorded whole: what it made or changed is there
// from now on, and where it was told to be silent, it is.
func (c *bacnetSession) follow(q *bacnet.ConfirmedRequest, replies []wire.Message) {
	d := c.s.device(&q.Network)
	if d == nil || len(replies) == 0 {
		return
	}
	switch replies[0].(type) {
	case *bacnet.SimpleAck, *bacnet.ComplexAck:
	default:
		return
	}
	switch q.Service {
	case bacnet.CreateObject, bacnet.DeleteObject, bacnet.AddListElement, bacnet.RemoveListElement, bacnet.AtomicWriteFile,
		bacnet.DeviceCommunicationControl, bacnet.ReinitializeDevice, bacnet.AcknowledgeAlarm:
		strayed := d.strayed
		c.following = true
		c.confirmed(q)
		c.following, d.strayed = false, strayed
	}
}

// renamed is a request whose password is called as recordings call it.
func (s *bacnetService) renamed(q *bacnet.ConfirmedRequest) wire.Message {
	password := bacnet.Password(q)
	if password == nil {
		return q
	}
	for _, p := range s.spec.Passwords {
		if profiles.Verify(p, []byte(password.String())) {
			return bacnet.WithPassword(q, bacnet.NewText(p))
		}
	}
	return q
}

// fits makes recorded replies go the way back that this request came, and says whether the client can take
// them.
func (c *bacnetSession) fits(q *bacnet.ConfirmedRequest, replies []wire.Message) bool {
	back := bacnet.Reply(&q.Header)
	for _, m := range replies {
		r, ok := m.(bacnet.Message)
		if !ok {
			continue
		}
		if a, ok := m.(*bacnet.ComplexAck); ok && (a.Segmented && !q.Accepts || !bacnetTakes(q, a)) {
			return false
		}
		if n := &r.Head().Network; n.Routed() && n.Destination.Network != bacnet.EveryNetwork && back.Network.Routed() {
			n.Destination = back.Network.Destination
		}
	}
	return true
}

func (c *bacnetSession) say(m wire.Message, from Origin) Answer {
	c.out[0] = m
	return Answer{Messages: c.out[:], From: from}
}

// confirmed answers what wants an answer.
func (c *bacnetSession) confirmed(q *bacnet.ConfirmedRequest) Answer {
	d := c.s.device(&q.Network)
	if d == nil {
		return c.unreachable(q)
	}
	if d.spec.Silent || d.muted() && q.Service != bacnet.DeviceCommunicationControl && q.Service != bacnet.ReinitializeDevice {
		return Answer{From: Refused}
	}
	if q.Segmented {
		return c.upload(d, q)
	}
	return c.serve(d, q)
}

// unreachable answers for who is not there: a router says so of networks it does not know (clause 6.6.3.5).
func (c *bacnetSession) unreachable(q *bacnet.ConfirmedRequest) Answer {
	n := q.Network.Destination.Network
	if len(c.s.networks) == 0 || n == bacnet.EveryNetwork || slices.Contains(c.s.networks, n) {
		return Answer{From: Refused}
	}
	m := &bacnet.NetworkMessage{Header: bacnet.Reply(&bacnet.Header{Network: bacnet.Network{Control: q.Network.Control &^ 0x20, Source: q.Network.Source}}),
		Type: bacnet.RejectMessageToNetwork, Reason: 1, Networks: []uint16{n}}
	m.Network.Control |= bacnet.NetworkMessageBit
	return c.say(m, Refused)
}

// serve answers a whole request.
func (c *bacnetSession) serve(d *bacnetDevice, q *bacnet.ConfirmedRequest) Answer {
	if !q.Service.Known() || !d.supports(q.Service) {
		return c.reject(q, bacnet.RejectUnrecognizedService)
	}
	switch p := q.Parameters.(type) {
	case *bacnet.ReadPropertyRequest:
		return c.readProperty(d, q, p)
	case *bacnet.ReadPropertyMultipleRequest:
		return c.readMultiple(d, q, p)
	case *bacnet.WritePropertyRequest:
		return c.writeProperty(d, q, p)
	case *bacnet.WritePropertyMultipleRequest:
		return c.writeMultiple(d, q, p)
	case *bacnet.ReadRangeRequest:
		return c.readRange(d, q, p)
	case *bacnet.ReadFileRequest:
		return c.readFile(d, q, p)
	case *bacnet.WriteFileRequest:
		return c.writeFile(d, q, p)
	case *bacnet.SubscribeCOVRequest:
		return c.subscribe(d, q, &bacnet.SubscribeCOVPropertyRequest{Process: p.Process, Object: p.Object, Confirmed: p.Confirmed, Lifetime: p.Lifetime,
			Property: bacnet.PropertyReference{Property: bacnet.PropPresentValue}})
	case *bacnet.SubscribeCOVPropertyRequest:
		return c.subscribe(d, q, p)
	case *bacnet.NoParameters:
		return c.alarmSummary(d, q)
	case *bacnet.EventInformationRequest:
		return c.eventInformation(d, q, p)
	case *bacnet.EnrollmentSummaryRequest:
		return c.enrollmentSummary(d, q, p)
	case *bacnet.AcknowledgeAlarmRequest:
		return c.acknowledge(d, q, p)
	case *bacnet.EventNotification, *bacnet.TextMessage:
		return c.done(q)
	case *bacnet.COVNotification:
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeUnknownSubscription) // it subscribed to nothing
	case *bacnet.LifeSafetyRequest:
		if p.Object != nil && d.objects[*p.Object] == nil {
			return c.refuse(q, bacnet.ClassObject, bacnet.CodeUnknownObject)
		}
		return c.done(q)
	case *bacnet.CommunicationControlRequest:
		return c.silence(d, q, p)
	case *bacnet.ReinitializeRequest:
		return c.restart(d, q, p)
	case *bacnet.CreateObjectRequest:
		return c.createObject(d, q, p)
	case *bacnet.DeleteObjectRequest:
		return c.deleteObject(d, q, p)
	case *bacnet.ListElementRequest:
		return c.listElements(d, q, p)
	case *bacnet.PrivateTransfer:
		return c.refuseWith(q, &bacnet.PrivateTransferError{
			Error: bacnet.ErrorPair{Class: bacnet.ClassServices, Code: bacnet.CodeOptionalFunctionalityNotSupported}, Vendor: p.Vendor, Service: p.Service})
	case *bacnet.Opaque:
		if !bacnet.HasForm(q.Service) {
			return c.reject(q, bacnet.RejectUnrecognizedService)
		}
		if len(*p) == 0 {
			return c.reject(q, bacnet.RejectMissingRequiredParameter)
		}
		return c.reject(q, bacnet.RejectInvalidTag)
	}
	return c.reject(q, bacnet.RejectUnrecognizedService)
}

func (c *bacnetSession) done(q *bacnet.ConfirmedRequest) Answer {
	return c.say(&bacnet.SimpleAck{Header: bacnet.Reply(&q.Header), InvokeID: q.InvokeID, Service: q.Service}, Modelled)
}

func (c *bacnetSession) reject(q *bacnet.ConfirmedRequest, why bacnet.RejectReason) Answer {
	return c.say(&bacnet.Reject{Header: bacnet.Reply(&q.Header), InvokeID: q.InvokeID, Reason: why}, Refused)
}

func (c *bacnetSession) abort(q *bacnet.ConfirmedRequest, why bacnet.AbortReason) Answer {
	return c.say(&bacnet.Abort{Header: bacnet.Reply(&q.Header), Server: true, InvokeID: q.InvokeID, Reason: why}, Refused)
}

func (c *bacnetSession) refuse(q *bacnet.ConfirmedRequest, class bacnet.ErrorClass, code bacnet.ErrorCode) Answer {
	c.pair = bacnet.ErrorPair{Class: class, Code: code}
	return c.refuseWith(q, &c.pair)
}

func (c *bacnetSession) refuseWith(q *bacnet.ConfirmedRequest, p bacnet.Parameters) Answer {
	c.no = bacnet.Error{Header: bacnet.Reply(&q.Header), InvokeID: q.InvokeID, Service: q.Service, Parameters: p}
	return c.say(&c.no, Refused)
}

// refusal says what a sample that is no value says.
func (c *bacnetSession) refusal(q *bacnet.ConfirmedRequest, sample []byte) Answer {
	switch sample[0] {
	case profiles.BACnetReject:
		return c.reject(q, bacnet.RejectReason(sample[1]))
	case profiles.BACnetAbort:
		return c.abort(q, bacnet.AbortReason(sample[1]))
	}
	pair := bacnetPair(sample)
	return c.refuse(q, pair.Class, pair.Code)
}

// bacnetPair is the error in a sample.
func bacnetPair(sample []byte) (p bacnet.ErrorPair) {
	if e := bacnet.Value(sample[1:]).Elements(); sample[0] == profiles.BACnetError && len(e) == 2 {
		class, _ := e[0].Unsigned()
		code, _ := e[1].Unsigned()
		return bacnet.ErrorPair{Class: bacnet.ErrorClass(class), Code: bacnet.ErrorCode(code)}
	}
	return bacnet.ErrorPair{Class: bacnet.ClassDevice, Code: bacnet.CodeOther}
}

// silence is DeviceCommunicationControl (clause 16.1).
func (c *bacnetSession) silence(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.CommunicationControlRequest) Answer {
	if !d.unlocks(p.Password) {
		return c.refuse(q, bacnet.ClassSecurity, bacnet.CodePasswordFailure)
	}
	if p.State > 2 {
		return c.reject(q, bacnet.RejectUndefinedEnumeration)
	}
	d.mute(p, c.s.st.Now())
	return c.done(q)
}

// restart is ReinitializeDevice (clause 16.4).
func (c *bacnetSession) restart(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.ReinitializeRequest) Answer {
	if !d.unlocks(p.Password) {
		return c.refuse(q, bacnet.ClassSecurity, bacnet.CodePasswordFailure)
	}
	if p.State > 1 { // backups and restoring
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeOptionalFunctionalityNotSupported)
	}
	d.quiet, d.silentUntil = 0, time.Time{}
	for _, w := range d.s.watches {
		if w.d == d {
			w.until = d.s.st.Now() // whoever subscribed, it does not remember them
		}
	}
	return c.done(q)
}

// unlocks says whether a password is good enough to silence or restart the device.
func (d *bacnetDevice) unlocks(password *bacnet.Text) bool {
	switch {
	case d.spec.Password != "":
		return password != nil && profiles.Verify(d.spec.Password, []byte(password.String()))
	}
	return d.spec.Unlocked
}
