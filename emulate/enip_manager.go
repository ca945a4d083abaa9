package emulate

import (
	"net/netip"
	"time"

	"ringer/capture/enip"
)

// enipConnection is a connection of CIP: of class 3 for messages, of class 0 or 1 for I/O data.
type enipConnection struct {
	ot, to     uint32
	class      uint8
	way        int
	serial     uint16
	vendor     uint16
	originator uint32
	room       int // bytes that an answer may have
	owner      *enipSession
	timeout    time.Duration
	heard      time.Time
	from       netip.Addr    // of I/O: who consumes
	interval   time.Duration // of I/O: between what is produced
	due        time.Time
	produced   *enipValue // of I/O: what is sent, and where what comes is put
	consumed   *enipValue
	size       int
	input      int
	sequence   uint32
	count      uint16
	counted    bool // class 1: a count comes before the data
}

// connection finds an open one, and notes that it was used.
func (d *enipDevice) connection(ot uint32, now time.Time) *enipConnection {
	c := d.connections[ot]
	if c == nil {
		return nil
	}
	if now.Sub(c.heard) > c.timeout {
		delete(d.connections, ot)
		return nil
	}
	c.heard = now
	return c
}

// closeAll closes the connections for messages that were opened over a TCP connection which has ended. Those
// for I/O data go on until they time out.
func (d *enipDevice) closeAll(x *enipSession) {
	for ot, c := range d.connections {
		if c.owner == x && c.class > 1 {
			delete(d.connections, ot)
		}
	}
}

// sweep closes the connections that have timed out.
func (d *enipDevice) sweep(now time.Time) {
	for ot, c := range d.connections {
		if now.Sub(c.heard) > c.timeout {
			delete(d.connections, ot)
		}
	}
}

// fail refuses an open or a close.
func (x *enipSession) fail(r *enip.Response, serial, vendor uint16, originator uint32, remaining uint8, extended uint16) Origin {
	r.Status, r.Extended = enip.ConnectionFailure, append(r.Extended[:0], extended)
	r.Failed = &enip.ManagerFailure{Serial: serial, Vendor: vendor, OriginatorSerial: originator, Remaining: remaining}
	return Refused
}

// open opens a connection (CIP, section 3-5.5.2).
func (x *enipSession) open(way int, q *enip.Request, r *enip.Response) Origin {
	o, d, now := q.Open, x.d, x.st.Now()
	refuse := func(extended uint16) Origin {
		return x.fail(r, o.Serial, o.Vendor, o.OriginatorSerial, uint8(len(o.Path)/2), extended)
	}
	d.sweep(now)
	for _, c := range d.connections {
		if c.serial == o.Serial && c.vendor == o.Vendor && c.originator == o.OriginatorSerial {
			return refuse(enip.ConnectionInUse)
		}
	}
	if len(d.connections) >= d.connectionsMax {
		return refuse(enip.OutOfConnections)
	}
	hops, rest := o.Path.Route()
	if len(hops) > 0 {
		if to := d.leads(hops.Hops()); hops.Hops() != "" {
			if to < 0 {
				return refuse(enip.InvalidLinkAddress)
			}
			way = to
		}
	}
	large := q.Service == enip.LargeForwardOpenService
	ot, to := o.Sizes(large)
	c := &enipConnection{
		to: o.TO, class: o.TransportClass(), way: way, serial: o.Serial, vendor: o.Vendor, originator: o.OriginatorSerial,
		room: to - 2, owner: x, heard: now,
		timeout: max(time.Duration(o.OTInterval)*time.Microsecond<<(2+min(o.Multiplier, 7)), enipShortest),
	}
	switch {
	case c.class == 3 || c.class == 2:
		if t, ok := rest.Target(); !ok || t.Class != enip.ClassMessageRouter {
			return refuse(enip.InvalidSegment)
		}
		if to < 16 || ot < 16 {
			return refuse(enip.InvalidSize)
		}
	case c.class <= 1:
		if why := x.openIO(c, o, rest, ot, to); why != 0 {
			return refuse(why)
		}
	default:
		return refuse(enip.TransportNotSupported)
	}
	var from Origin
	c.ot, from = d.mint(d.connectionCell, &d.lastConnection, func(id uint32) bool { return id == 0 || d.connections[id] != nil })
	d.connections[c.ot] = c
	r.Open = &enip.ForwardOpenReply{
		OT: c.ot, TO: o.TO, Serial: o.Serial, Vendor: o.Vendor, OriginatorSerial: o.OriginatorSerial, OTInterval: o.OTInterval, TOInterval: o.TOInterval,
	}
	return from
}

// enipShortest is the least time in which a connection times out: what is asked for may be nothing at all.
const enipShortest = 10 * time.Millisecond

// close closes a connection, which is known by its serial number and its originator's (CIP, section 3-5.5.3).
func (x *enipSession) close(q *enip.Request, r *enip.Response) Origin {
	p := q.Close
	for ot, c := range x.d.connections {
		if c.serial == p.Serial && c.vendor == p.Vendor && c.originator == p.OriginatorSerial {
			delete(x.d.connections, ot)
			r.Close = &enip.ForwardCloseReply{Serial: p.Serial, Vendor: p.Vendor, OriginatorSerial: p.OriginatorSerial}
			return Modelled
		}
	}
	return x.fail(r, p.Serial, p.Vendor, p.OriginatorSerial, uint8(len(p.Path)/2), enip.ConnectionNotFound)
}
