package emulate

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Bounds of subscriptions, and how often what they watch is looked at.
const (
	bacnetWatchesMax    = 128
	bacnetWatchesMaxAll = 2048
	bacnetWatchEvery    = 250 * time.Millisecond
)

// A bacnetWatch is a subscription to changes of a property (clauses 13.14 and 13.15).
type bacnetWatch struct {
	d         *bacnetDevice
	peer      netip.AddrPort
	header    bacnet.Header // of notifications
	process   uint32
	object    bacnet.ObjectID
	property  bacnet.PropertyReference
	increment *float32 // as it was asked for
	confirmed bool
	since     time.Time
	until     time.Time // zero: for ever
	value     []byte    // as told last; nil: nothing was told yet
	flags     []byte
}

func (w *bacnetWatch) is(d *bacnetDevice, p *bacnet.SubscribeCOVPropertyRequest) bool {
	return w.d == d && w.process == p.Process && w.object == d.object(p.Object) && w.property.Property == p.Property.Property
}

func (c *bacnetSession) subscribe(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.SubscribeCOVPropertyRequest) Answer {
	same := func(w *bacnetWatch) bool { return w.is(d, p) }
	if p.Confirmed == nil && p.Lifetime == nil {
		c.unwatch(same)
		return c.done(q)
	}
	if p.Confirmed == nil {
		return c.reject(q, bacnet.RejectMissingRequiredParameter)
	}
	sample, _ := d.get(p.Object, p.Property.Property, bacnetIndexOf(p.Property.Index), false)
	if len(sample) == 0 || sample[0] != profiles.BACnetHolds {
		if q.Service == bacnet.SubscribeCOV && d.objects[d.object(p.Object)] != nil {
			return c.refuse(q, bacnet.ClassObject, bacnet.CodeOptionalFunctionalityNotSupported)
		}
		return c.refusal(q, sample)
	}
	c.unwatch(same)
	if len(c.watches) >= bacnetWatchesMax || len(c.s.watches) >= bacnetWatchesMaxAll {
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeCOVSubscriptionFailed)
	}
	now := c.s.st.Now()
	w := &bacnetWatch{d: d, peer: c.peer.Remote, header: bacnet.Reply(&q.Header), process: p.Process, object: d.object(p.Object), property: p.Property,
		increment: p.Increment, confirmed: *p.Confirmed, since: now}
	if p.Lifetime != nil && *p.Lifetime > 0 {
		w.until = now.Add(time.Duration(*p.Lifetime) * time.Second)
	}
	c.watches = append(c.watches, w)
	c.s.watches = append(c.s.watches, w)
	d.subscribed = true
	a := c.done(q)
	a.Tick = now // the value as it is now is told at once
	return a
}

// unwatch ends subscriptions of the peer.
func (c *bacnetSession) unwatch(which func(*bacnetWatch) bool) {
	c.watches = slices.DeleteFunc(c.watches, func(w *bacnetWatch) bool {
		if !which(w) {
			return false
		}
		if i := slices.Index(c.s.watches, w); i >= 0 {
			c.s.watches = slices.Delete(c.s.watches, i, i+1)
		}
		return true
	})
}

// bacnetAttention is how long a subscription keeps a peer that says nothing from being forgotten: as long as every
// device must be able to (clause 13.14.1.1.4).
const bacnetAttention = 8 * time.Hour

// Attends says whether the peer waits for something, however silent it is.
func (c *bacnetSession) Attends(now time.Time) bool {
	return slices.ContainsFunc(c.watches, func(w *bacnetWatch) bool {
		return now.Before(w.until) && now.Sub(w.since) < bacnetAttention
	})
}

// subscriptions are those to changes of the device, as it tells of them (clause 21, BACnetCOVSubscription).
func (d *bacnetDevice) subscriptions() bacnet.Value {
	v := bacnet.Value{}
	now := d.s.st.Now()
	for _, w := range d.s.watches {
		if w.d == d {
			v = bacnet.AppendSubscription(v, w.told(now))
		}
	}
	return v
}

func (w *bacnetWatch) told(now time.Time) *bacnet.Subscription {
	s := &bacnet.Subscription{Reference: bacnet.ObjectPropertyReference{Object: w.object, Property: w.property.Property, Index: w.property.Index},
		Confirmed: w.confirmed, Increment: w.increment}
	s.Recipient.Process = w.process
	s.Recipient.Recipient.Address = &bacnet.Address{MAC: bacnet.LinkAddress(w.peer)}
	if n := &w.header.Network; n.Routed() {
		s.Recipient.Recipient.Address = &bacnet.Address{Network: n.Destination.Network, MAC: n.Destination.MAC}
	}
	if !w.until.IsZero() {
		s.Remaining = uint32(max(1, w.until.Sub(now)/time.Second))
	}
	return s
}

// Tick tells what has changed, and sends again what was not acknowledged.
func (c *bacnetSession) Tick(now time.Time) (Answer, time.Time) {
	out, next := c.again(now)
	from := Recorded
	told, at := c.forwarded(now)
	out, next = append(out, told...), sooner(next, at)
	c.unwatch(func(w *bacnetWatch) bool { return !w.until.IsZero() && !now.Before(w.until) })
	for _, w := range c.watches {
		if w.d.hush() != 0 {
			continue
		}
		if m, f := c.notify(w, now); m != nil {
			out, from = append(out, m), f
		}
	}
	told, at = c.remind(now)
	out, next = append(out, told...), sooner(next, at)
	if len(c.watches) > 0 {
		next = soonest(next, now.Add(bacnetWatchEvery))
	}
	return Answer{Messages: out, From: from}, next
}

// notify is the notification that is due, if any.
func (c *bacnetSession) notify(w *bacnetWatch, now time.Time) (wire.Message, Origin) {
	value, from := w.d.get(w.object, w.property.Property, bacnetIndexOf(w.property.Index), false)
	if len(value) == 0 || value[0] != profiles.BACnetHolds {
		return nil, Refused
	}
	value = bytes.Clone(value[1:])
	flags, _ := w.d.get(w.object, bacnet.PropStatusFlags, -1, false)
	if len(flags) > 0 && flags[0] == profiles.BACnetHolds {
		flags = bytes.Clone(flags[1:])
	} else {
		flags = nil
	}
	if w.value != nil && bytes.Equal(flags, w.flags) && !w.changed(value) {
		return nil, Refused
	}
	w.value, w.flags = value, flags
	p := &bacnet.COVNotification{Process: w.process, Device: w.d.id(), Object: w.object,
		Values: []bacnet.PropertyValue{{Property: w.property.Property, Index: w.property.Index, Value: value}}}
	if !w.until.IsZero() {
		p.Remaining = uint32(w.until.Sub(now) / time.Second)
	}
	if flags != nil {
		p.Values = append(p.Values, bacnet.PropertyValue{Property: bacnet.PropStatusFlags, Value: flags})
	}
	h := w.header
	if !w.confirmed {
		return &bacnet.UnconfirmedRequest{Header: h, Service: bacnet.UnconfirmedCOVNotification, Parameters: p}, from
	}
	c.invoke++
	h.Network.Control |= bacnet.ExpectingReply
	m := &bacnet.ConfirmedRequest{Header: h, MaxAPDU: 5, InvokeID: c.invoke, Service: bacnet.ConfirmedCOVNotification, Parameters: p}
	c.unheard = slices.DeleteFunc(c.unheard, func(u *bacnetUnheard) bool { return u.w == w }) // the newer one says it all
	if wait, tries := w.d.patience(); tries > 0 && len(c.unheard) < bacnetWatchesMax {
		c.unheard = append(c.unheard, &bacnetUnheard{m: m, w: w, wait: wait, due: now.Add(wait), left: tries})
	}
	return m, from
}

// A bacnetUnheard is a notification that was not acknowledged yet.
type bacnetUnheard struct {
	m    *bacnet.ConfirmedRequest
	w    *bacnetWatch
	wait time.Duration
	due  time.Time // when it is sent again
	left int       // so many times
}

// patience is how long the device waits for acknowledgements, and how often it sends again what has none.
func (d *bacnetDevice) patience() (wait time.Duration, tries int) {
	wait, tries = 3*time.Second, 3
	if n, ok := d.number(bacnet.PropAPDUTimeout); ok && n > 0 {
		wait = time.Duration(min(max(n, 250), 60_000)) * time.Millisecond
	}
	if n, ok := d.number(bacnet.PropNumberOfAPDURetries); ok {
		tries = int(min(n, 10))
	}
	return wait, tries
}

// remind sends again what was not acknowledged in time.
func (c *bacnetSession) remind(now time.Time) (out []wire.Message, next time.Time) {
	c.unheard = slices.DeleteFunc(c.unheard, func(u *bacnetUnheard) bool {
		if !slices.Contains(c.watches, u.w) {
			return true
		}
		if u.due.After(now) {
			next = soonest(next, u.due)
			return false
		}
		u.left--
		u.due = now.Add(u.wait)
		out = append(out, u.m)
		next = soonest(next, u.due)
		return u.left == 0
	})
	return out, next
}

// heard takes the answer to a notification: whatever it says, it is not sent again.
func (c *bacnetSession) heard(invoke uint8) {
	c.unheard = slices.DeleteFunc(c.unheard, func(u *bacnetUnheard) bool { return u.m.InvokeID == invoke })
}

// changed says whether a value differs enough from the one that was told last: reals by the increment.
func (w *bacnetWatch) changed(value []byte) bool {
	if bytes.Equal(value, w.value) {
		return false
	}
	a, okA := bacnetReal(value)
	b, okB := bacnetReal(w.value)
	if !okA || !okB {
		return true
	}
	var increment float64
	if w.increment != nil {
		increment = float64(*w.increment)
	} else if v, _ := w.d.get(w.object, bacnet.PropCOVIncrement, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		increment, _ = bacnetReal(v[1:])
	}
	return math.Abs(a-b) >= increment
}

func bacnetReal(v bacnet.Value) (float64, bool) {
	t, c := v.First()
	if t.Context || bacnet.TagNumber(t.Number) != bacnet.TagReal || len(c) != 4 {
		return 0, false
	}
	return float64(math.Float32frombits(binary.BigEndian.Uint32(c))), true
}
