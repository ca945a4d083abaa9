package emulate

import (
	"slices"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// ByBroadcast says whether a request is one that everybody may be asked.
func (s *bacnetService) ByBroadcast(m wire.Message) bool {
	switch m.(type) {
	case *bacnet.UnconfirmedRequest, *bacnet.NetworkMessage:
		return true
	}
	return false
}

// ToBroadcast says whether a message is for everybody on the network.
func (s *bacnetService) ToBroadcast(m wire.Message) bool {
	x, ok := m.(bacnet.Message)
	return ok && x.Head().Link.Function == bacnet.OriginalBroadcast
}

// unconfirmed answers what everybody may be asked.
func (c *bacnetSession) unconfirmed(q *bacnet.UnconfirmedRequest) Answer {
	asker := c.s.foreigner(c.peer.Remote, c.s.st.Now())
	if q.Link.Function == bacnet.DistributeBroadcast && asker == nil {
		return c.linkResult(bacnet.DistributeBroadcastNAK) // only who is registered may ask for that (Annex J.4.5)
	}
	c.s.forward(q, &q.Header, c.origin(&q.Header), asker)
	var out []wire.Message
	for d := range c.s.all {
		if !d.known || !d.hears(&q.Network) || d.spec.Silent || d.muted() {
			continue
		}
		switch p := q.Parameters.(type) {
		case *bacnet.WhoIsRequest:
			if p.Wants(d.instance) {
				out = append(out, &bacnet.UnconfirmedRequest{Header: d.announcement(&q.Header), Service: bacnet.IAm, Parameters: &bacnet.IAmRequest{
					Device: d.id(), MaxAPDU: uint32(d.maxAPDU()), Segmentation: uint8(d.segmentation()), Vendor: d.vendor()}})
			}
		case *bacnet.WhoHasRequest:
			if o, ok := d.find(p); ok && p.Wants(d.instance) {
				name, _ := d.get(o, bacnet.PropObjectName, -1, false)
				_, text := bacnet.Value(name[1:]).First()
				out = append(out, &bacnet.UnconfirmedRequest{Header: d.announcement(&q.Header), Service: bacnet.IHave, Parameters: &bacnet.IHaveRequest{
					Device: d.id(), Object: o, Name: slices.Clone(text)}})
			}
		case *bacnet.TimeSynchronizationRequest:
			d.synchronize(p, q.Service == bacnet.UTCTimeSynchronization)
		}
	}
	if out == nil {
		return Answer{From: Refused}
	}
	for i, m := range out {
		x := m.(*bacnet.UnconfirmedRequest)
		if c.s.forward(x, &x.Header, c.peer.Local, asker); asker != nil && x.Link.Function == bacnet.OriginalBroadcast {
			out[i] = bacnetForwarded(x, c.peer.Local)
		}
	}
	return Answer{Messages: out, From: Modelled}
}

// hears says whether a datagram reaches the device.
func (d *bacnetDevice) hears(n *bacnet.Network) bool {
	switch to := n.Destination; {
	case !n.Routed():
		return d.station == nil
	case to.Network == bacnet.EveryNetwork:
		return true
	default:
		return d.station != nil && to.Network == d.station.Network && (len(to.MAC) == 0 || string(to.MAC) == string(d.station.MAC))
	}
}

// announcement is the way of what the device says of itself.
func (d *bacnetDevice) announcement(q *bacnet.Header) (h bacnet.Header) {
	switch d.spec.Announces {
	case "broadcast":
		h.Link.Function = bacnet.OriginalBroadcast
	case "global":
		h.Link.Function = bacnet.OriginalBroadcast
		h.Network.To(bacnet.Station{Network: bacnet.EveryNetwork})
	default:
		h = bacnet.Reply(&bacnet.Header{Network: bacnet.Network{Control: q.Network.Control & 0x08, Source: q.Network.Source}})
	}
	if d.station != nil {
		h.Network.ComesFrom(*d.station)
	}
	return h
}

// find finds the object that Who-Has asks for.
func (d *bacnetDevice) find(p *bacnet.WhoHasRequest) (bacnet.ObjectID, bool) {
	if p.Object != nil {
		return *p.Object, d.objects[*p.Object] != nil
	}
	if p.Name == nil {
		return 0, false
	}
	for _, o := range d.order {
		if v, _ := d.get(o, bacnet.PropObjectName, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
			if name, ok := bacnet.Value(v[1:]).Text(); ok && name == p.Name.String() {
				return o, true
			}
		}
	}
	return 0, false
}

// network answers between network layers (clause 6.4).
func (c *bacnetSession) network(q *bacnet.NetworkMessage) Answer {
	if len(c.s.networks) == 0 {
		return Answer{From: Refused}
	}
	m := &bacnet.NetworkMessage{Header: bacnet.Header{Link: bacnet.Link{Function: bacnet.OriginalBroadcast}, Network: bacnet.Network{Control: bacnet.NetworkMessageBit}}}
	switch q.Type {
	case bacnet.WhoIsRouterToNetwork:
		m.Type, m.Networks = bacnet.IAmRouterToNetwork, c.s.networks
		if len(q.Networks) > 0 {
			m.Networks = q.Networks[:1:1]
			if !slices.Contains(c.s.networks, q.Networks[0]) {
				return Answer{From: Refused}
			}
			m.Networks = slices.Clone(m.Networks)
		}
	case bacnet.InitializeRoutingTable:
		m.Link.Function = bacnet.OriginalUnicast
		m.Type, m.Ports = bacnet.InitializeRoutingTableAck, []bacnet.Route{}
		for i, n := range c.s.networks {
			m.Ports = append(m.Ports, bacnet.Route{Network: n, Port: uint8(i + 1)})
		}
	default:
		return Answer{From: Refused}
	}
	return c.say(m, Modelled)
}

func (c *bacnetSession) linkResult(code bacnet.ResultCode) Answer {
	from := Modelled
	if code != bacnet.ResultOK {
		from = Refused
	}
	return c.say(&bacnet.LinkMessage{Header: bacnet.Header{Link: bacnet.Link{Function: bacnet.LinkResult}}, Result: code}, from)
}
