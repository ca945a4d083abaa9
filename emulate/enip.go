package emulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/profiles"
)

// enipService is one port of a device of EtherNet/IP; enipDevice (enip_device.go) is what its ports share.
// Requests go by enip_router.go to attributes (enip_objects.go), tags (enip_tags.go), their definitions
// (enip_symbols.go) and the Connection Manager (enip_manager.go); I/O data by enip_io.go.
type enipService struct {
	p      wire.Protocol
	st     *State
	d      *enipDevice
	script *Script
	port   profiles.Port
}

func openENIP(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	if _, ok := svc.Section.(*profiles.ENIP); !ok {
		return nil, fmt.Errorf("the section is a %T, not one for enip", svc.Section)
	}
	d, err := st.Shared("enip", func() (any, error) { return newENIPDevice(st, dev) })
	if err != nil {
		return nil, err
	}
	s := &enipService{p: p, st: st, d: d.(*enipDevice), port: svc.Common().Port}
	s.script, err = NewScript(dev, svc, p)
	return s, err
}

func (s *enipService) Protocol() wire.Protocol { return s.p }

func (s *enipService) Open(p Peer) Session {
	return &enipSession{s: s, st: s.st, d: s.d, peer: p, out: make([]wire.Message, 1)}
}

// enipSession is one connection, or one UDP peer.
type enipSession struct {
	s          *enipService
	st         *State
	d          *enipDevice
	peer       Peer
	sessions   []uint32 // granted on this connection
	io         enipInput
	room       int // bytes that an answer may have
	part       int // bytes that a recorded answer had, which were of a tag; 0: it is not such a one
	partStatus uint8
	class      bool // way was looked up
	route      []byte
	routeWay   int
	buf        []byte
	key        []byte
	out        []wire.Message

	identity    enip.ListIdentityReply
	unconnected enip.UnconnectedReply
	connected   enip.ConnectedReply
	packet      []enip.Response
}

func (x *enipSession) Greet() Answer { return Answer{} }

// Close ends what was begun on the connection.
func (x *enipSession) Close() {
	for _, h := range x.sessions {
		delete(x.d.sessions, h)
	}
	x.d.closeAll(x)
	for _, f := range x.d.uploads {
		if f.owner == x {
			f.owner = nil
		}
	}
}

// Answer asks the recording of whole answers first: it knows which asking it stands for.
func (x *enipSession) Answer(req wire.Message) Answer {
	if !x.s.script.Empty() {
		if replies, found := x.s.script.Ask(req); found {
			return Answer{Messages: replies, From: Recorded}
		}
	}
	x.buf = x.buf[:0]
	switch q := req.(type) {
	case *enip.Unconnected:
		return x.askUnconnected(q)
	case *enip.Connected:
		return x.askConnected(q)
	case *enip.List:
		return x.list(q)
	case *enip.RegisterSession:
		return x.register(q)
	case *enip.UnregisterSession:
		return Answer{From: Recorded, Close: !x.s.port.UDP}
	case *enip.IO:
		return x.input(q)
	case *enip.Raw:
		return x.odd(q)
	}
	return Answer{From: Refused}
}

// say is an answer of one message.
func (x *enipSession) say(m wire.Message, from Origin) Answer {
	x.out[0] = m
	return Answer{Messages: x.out, From: from}
}

// bare is the header alone, with a status.
func (x *enipSession) bare(c enip.Command, h enip.Header, status uint32) Answer {
	h.Status, h.Options = status, 0
	return x.say(&enip.Raw{Header: h, Command: c}, Refused)
}

// odd answers what is not as the specification has its command (EIP, section 2-3.5).
func (x *enipSession) odd(q *enip.Raw) Answer {
	switch q.Command {
	case enip.NOP:
		return Answer{From: Recorded}
	case enip.IndicateStatus, enip.Cancel:
		return x.bare(q.Command, q.Header, enip.StatusInvalidCommand)
	case enip.SendRRData, enip.SendUnitData:
		if !x.registered(q.Session) {
			return x.bare(q.Command, q.Header, enip.StatusInvalidSession)
		}
		return x.bare(q.Command, q.Header, enip.StatusIncorrectData)
	}
	return x.bare(q.Command, q.Header, enip.StatusInvalidLength)
}

// Malformed answers commands that there are not; what is no header at all ends the connection.
func (x *enipSession) Malformed(b []byte) (Answer, int) {
	_, _, err := x.s.p.New().Next(wire.Client, b, false)
	var c *enip.CommandError
	if !errors.As(err, &c) || len(b) < 24 {
		return Answer{From: Refused, Close: true}, len(b)
	}
	h := enip.Header{Session: binary.LittleEndian.Uint32(b[4:])}
	copy(h.Context[:], b[12:20])
	return x.bare(c.Command, h, enip.StatusInvalidCommand), min(c.Size, len(b))
}

// enipSessionsMax bounds the sessions of one connection, and of the device.
const (
	enipSessionsMax    = 8
	enipSessionsMaxAll = 1 << 13
)

// register grants a session (EIP, section 2-4.4).
func (x *enipSession) register(q *enip.RegisterSession) Answer {
	r := &enip.RegisterSessionReply{Context: q.Context, Version: q.Version, Flags: q.Flags}
	switch {
	case x.s.port.UDP:
		return x.bare(enip.CommandRegisterSession, q.Header, enip.StatusInvalidCommand)
	case q.Options != 0:
		return Answer{From: Refused} // to be discarded, by section 2-3.1
	case q.Version != 1 || q.Flags != 0:
		r.Version, r.Flags = 1, 0
		r.Status = enip.StatusUnsupportedProtocol
		return x.say(r, Refused)
	case len(x.sessions) >= enipSessionsMax || len(x.d.sessions) >= enipSessionsMaxAll:
		r.Status = enip.StatusInsufficientMemory
		return x.say(r, Refused)
	}
	from := Modelled
	r.Session, from = x.d.mint(x.d.sessionCell, &x.d.lastSession, func(h uint32) bool { return x.d.sessions[h] || h == 0 })
	x.d.sessions[r.Session] = true
	x.sessions = append(x.sessions, r.Session)
	return x.say(r, from)
}

// registered says whether a handle is good on this connection.
func (x *enipSession) registered(h uint32) bool {
	return slices.Contains(x.sessions, h)
}

// list answers what a device is, has and does.
func (x *enipSession) list(q *enip.List) Answer {
	d := x.d
	switch q.Command {
	case enip.ListIdentity:
		r := &x.identity
		r.Header = enip.Header{Session: q.Session, Context: q.Context}
		r.Identities = append(r.Identities[:0], d.identity)
		i := &r.Identities[0]
		i.Port = x.peer.Local.Port()
		if i.Port == 0 || x.s.port.Number == 44818 {
			i.Port = 44818
		}
		if !d.address.IsValid() {
			i.Address = x.peer.Local.Addr().Unmap()
		} else {
			i.Address = d.address
		}
		i.Status = d.status(x.st)
		return x.say(r, Point)
	case enip.ListServices:
		return x.say(&enip.ListServicesReply{Header: enip.Header{Session: q.Session, Context: q.Context}, Offers: d.offers}, Point)
	}
	r := &enip.ListReply{Header: enip.Header{Session: q.Session, Context: q.Context}, Command: q.Command}
	c := d.lists[q.Command]
	if c == nil {
		if q.Command == enip.ListTargets {
			return x.bare(q.Command, q.Header, enip.StatusInvalidCommand)
		}
		return x.say(r, Point)
	}
	b, from := c.Read(x.st)
	for len(b) >= 4 {
		n := min(4+int(binary.LittleEndian.Uint16(b[2:])), len(b))
		r.Items = append(r.Items, enip.Item{Type: binary.LittleEndian.Uint16(b), Data: b[4:n]})
		b = b[n:]
	}
	return x.say(r, from)
}

func (x *enipSession) askUnconnected(q *enip.Unconnected) Answer {
	if !x.registered(q.Session) {
		return x.bare(enip.SendRRData, q.Header, enip.StatusInvalidSession)
	}
	r := &x.unconnected
	*r = enip.UnconnectedReply{Header: enip.Header{Session: q.Session, Context: q.Context}, Timeout: q.Timeout, Extra: r.Extra[:0]}
	if x.d.replyTimeout != nil {
		r.Timeout = *x.d.replyTimeout
	}
	x.room = enipUnconnectedRoom
	var from Origin
	if s := q.Request.Send; s != nil {
		from = x.send(s, &r.Response)
	} else {
		from = x.serve(0, &q.Request, &r.Response)
	}
	if len(r.Extra) == 0 {
		r.Extra = nil
	}
	return x.say(r, from)
}

// enipUnconnectedRoom is how long an unconnected answer may be (CIP, section 3-5.5.4).
const enipUnconnectedRoom = 504

// send hands a request on to where its route leads.
func (x *enipSession) send(s *enip.UnconnectedSend, r *enip.Response) Origin {
	way := x.way(s.Route)
	if way < 0 {
		if i := slices.Index(x.d.ways, s.Route.Hops()); i > 0 {
			x.key = enipAskKey(x.key[:0], i, uint8(s.Request.Service), s.Request.Path, s.Request.Data)
			if c := x.d.asks[string(x.key)]; c != nil {
				if a, from, ok := x.take(c); ok {
					return x.fill(r, &s.Request, a, from)
				}
			}
		}
		*r = enip.Response{Service: enip.UnconnectedSendService, Status: x.d.noWay.Status, Extended: x.d.noWay.Extended, Data: x.d.noWay.Data}
		return Refused
	}
	return x.serve(way, &s.Request, r)
}

// way is the number of a route; -1: it leads nowhere. The last is remembered.
func (x *enipSession) way(route enip.Path) int {
	if string(route) == string(x.route) && x.class {
		return x.routeWay
	}
	x.route, x.routeWay, x.class = append(x.route[:0], route...), x.d.leads(route.Hops()), true
	return x.routeWay
}

func (x *enipSession) askConnected(q *enip.Connected) Answer {
	if !x.registered(q.Session) {
		return x.bare(enip.SendUnitData, q.Header, enip.StatusInvalidSession)
	}
	c := x.d.connection(q.OT, x.st.Now())
	if c == nil || c.class < 2 {
		return Answer{From: Refused} // data for a connection that is not there are discarded
	}
	r := &x.connected
	*r = enip.ConnectedReply{Session: q.Session, TO: c.to, Sequence: q.Sequence}
	x.room = c.room
	return x.say(r, x.serve(c.way, &q.Request, &r.Response))
}

// defaultIdentity is made of the device's name plate where the profile gives none.
func defaultIdentity(dev *profiles.Device) profiles.ENIPIdentity {
	id := profiles.ENIPIdentity{Type: 12, Product: 1, Revision: "1.1", Name: dev.Identity.Model}
	for n := range uint16(1024) {
		if v := enip.VendorName(n); v != "" && strings.EqualFold(v, dev.Identity.Vendor) {
			id.Vendor = n
			break
		}
	}
	fmt.Sscanf(dev.Identity.Serial, "%x", &id.Serial)
	if major, minor := 0, 0; len(dev.Identity.Firmware) > 0 {
		if n, _ := fmt.Sscanf(strings.TrimLeft(dev.Identity.Firmware, "Vv"), "%d.%d", &major, &minor); n == 2 {
			id.Revision = fmt.Sprintf("%d.%d", uint8(major), uint8(minor))
		}
	}
	return id
}

func parseAddress(s string) netip.Addr {
	a, _ := netip.ParseAddr(s)
	return a
}
