package emulate

import (
	"encoding/binary"
	"time"

	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/profiles"
)

// openIO readies a connection of class 0 or 1: the path names an assembly that is consumed and one that is
// produced (CIP, section 3-5.4.3; the configuration is not looked at). 0: it can be.
func (x *enipSession) openIO(c *enipConnection, o *enip.ForwardOpen, path enip.Path, ot, to int) uint16 {
	var points []uint32
	var class uint32
	for {
		s, rest, ok := path.Next()
		if !ok {
			break
		}
		switch s.Kind {
		case enip.SegmentClass:
			class = s.Value
		case enip.SegmentConnectionPoint:
			points = append(points, s.Value)
		case enip.SegmentUnknown:
			return enip.InvalidSegment
		}
		path = rest
	}
	if class != enip.ClassAssembly || len(points) < 2 {
		return enip.InvalidSegment
	}
	produced := x.find(enipAttribute{c.way, enip.ClassAssembly, points[1], 3})
	if produced == nil {
		return enip.InvalidSegment
	}
	c.produced, c.consumed = produced, x.find(enipAttribute{c.way, enip.ClassAssembly, points[0], 3})
	c.counted = c.class == 1
	c.size, c.input = to, ot
	if c.counted {
		c.size, c.input = max(to-2, 0), max(ot-2, 0)
	}
	c.interval = max(time.Duration(o.TOInterval)*time.Microsecond, enipFastest)
	c.from = x.peer.Remote.Addr()
	c.sequence = 0
	return 0
}

// enipFastest is the shortest interval at which anything is produced.
const enipFastest = time.Millisecond

// An enipStream is what the device was recorded to send on a connection whose opening was not.
type enipStream struct {
	id    uint32
	cell  *Cell
	every time.Duration // between the last two
}

// enipInput is what a session knows of the peer's own I/O data.
type enipInput struct {
	heard   time.Time
	streams []enipStreaming
}

// An enipStreaming is a stream being sent to a peer.
type enipStreaming struct {
	stream   *enipStream
	due      time.Time
	sequence uint32
}

// enipQuiet is how long something is sent to a peer that no longer sends anything itself.
const enipQuiet = 2 * time.Second

// input takes what a scanner sends, and begins to produce for it.
func (x *enipSession) input(m *enip.IO) Answer {
	now := x.st.Now()
	x.io.heard = now
	if c := x.d.connection(m.Connection, now); c != nil && c.class <= 1 && c.produced != nil {
		if c.from != x.peer.Remote.Addr() {
			return Answer{From: Refused}
		}
		x.consume(c, m.Data)
		if c.due.IsZero() {
			c.due = now
		}
		return Answer{From: Recorded, Tick: x.nextIO(now)}
	}
	if len(x.d.streams) == 0 {
		return Answer{From: Refused}
	}
	if x.io.streams == nil {
		for _, s := range x.d.streams {
			x.io.streams = append(x.io.streams, enipStreaming{s, now.Add(s.wait(x.st)), 0})
		}
	}
	return Answer{From: Recorded, Tick: x.nextIO(now)}
}

// consume puts what came where it belongs.
func (x *enipSession) consume(c *enipConnection, data []byte) {
	if c.counted && len(data) >= 2 {
		data = data[2:]
	}
	v := c.consumed
	if v == nil || v.point != nil || v.cell != nil {
		return
	}
	if n := len(v.held); len(data) == n+4 { // a header that says run or idle
		data = data[4:]
	}
	if len(data) == len(v.held) {
		copy(v.held, data)
	}
}

// nextIO is when the session has something to send next; zero: never.
func (x *enipSession) nextIO(now time.Time) (next time.Time) {
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for i := range x.io.streams {
		sooner(x.io.streams[i].due)
	}
	for _, c := range x.d.connections {
		if c.produced != nil && c.from == x.peer.Remote.Addr() {
			sooner(c.due)
		}
	}
	return next
}

// Tick produces what is due.
func (x *enipSession) Tick(now time.Time) (Answer, time.Time) {
	a := Answer{Class: "I/O data", From: Modelled}
	if !x.s.port.UDP || x.io.heard.IsZero() {
		return a, time.Time{}
	}
	for ot, c := range x.d.connections {
		if c.produced == nil || c.from != x.peer.Remote.Addr() || c.due.IsZero() || c.due.After(now) {
			continue
		}
		if now.Sub(c.heard) > c.timeout {
			delete(x.d.connections, ot)
			continue
		}
		a.Messages = append(a.Messages, x.produce(c))
		if c.due = c.due.Add(c.interval); c.due.Before(now) {
			c.due = now.Add(c.interval)
		}
	}
	if now.Sub(x.io.heard) > enipQuiet {
		x.io.streams = nil
	}
	for i := range x.io.streams {
		s := &x.io.streams[i]
		if s.due.After(now) {
			continue
		}
		v, from := s.stream.cell.Read(x.st)
		sent, err := profiles.ParseENIPSent(v)
		if err != nil {
			continue
		}
		if from == Recorded {
			a.From = Recorded
		}
		s.sequence++
		a.Messages = append(a.Messages, &enip.IO{Connection: s.stream.id, Sequence: s.sequence, Data: sent.Data})
		s.due = now.Add(s.stream.wait(x.st))
	}
	return a, x.nextIO(now)
}

// wait is how long it is to the next datagram of a stream: as recorded, else as it was between the last.
func (s *enipStream) wait(st *State) time.Duration {
	v, _ := s.cell.Peek(st)
	if sent, err := profiles.ParseENIPSent(v); err == nil && sent.After > 0 {
		s.every = time.Duration(sent.After) * time.Microsecond
	}
	return max(s.every, enipFastest)
}

// produce makes the next datagram of a connection.
func (x *enipSession) produce(c *enipConnection) wire.Message {
	c.sequence++
	var b []byte
	if c.counted {
		c.count++
		b = binary.LittleEndian.AppendUint16(b, c.count)
	}
	head := len(b)
	b, _ = c.produced.read(x.st, b)
	for len(b)-head < c.size {
		b = append(b, 0)
	}
	return &enip.IO{Connection: c.to, Sequence: c.sequence, Data: b[:head+c.size]}
}
