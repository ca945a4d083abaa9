package clone

import (
	"time"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// An snmpTrend is how the number in a variable moves. That counters count is known from their type, with
// but two readings.
type snmpTrend struct {
	Trend
	first, end time.Time
	last       uint64
	grown      uint64
	n          int
}

func (t *snmpTrend) add(at time.Time, v uint64, bits int) {
	t.Add(at, v, bits)
	if t.n++; t.n == 1 {
		t.first = at
	} else if bits == 32 {
		t.grown += uint64(uint32(v - t.last))
	} else {
		t.grown += v - t.last
	}
	t.end, t.last = at, v
}

// brief is a span over which a counter tells little of how it goes on: while an agent is walked it counts
// the walk itself (snmpInPkts, RFC 3418), and its interfaces do.
const brief = 10 * time.Second

// dynamics is how the variable goes on. up is how long the agent had been up, if that is known: what grew
// for a moment alone will not grow faster than it did since.
func (t *snmpTrend) dynamics(kind snmp.Type, up time.Duration) *profiles.Dynamics {
	d := t.Dynamics()
	span := t.end.Sub(t.first)
	counter := kind == snmp.TypeCounter32 || kind == snmp.TypeCounter64
	if !counter || d != nil && d.Clock != nil || span <= 0 {
		return d
	}
	if d == nil || d.Counter == nil {
		// A counter that seems to wrap every few readings was started anew.
		if kind == snmp.TypeCounter32 && t.grown > 1<<33 || kind == snmp.TypeCounter64 && t.grown > 1<<62 {
			return nil
		}
		d = &profiles.Dynamics{Counter: &profiles.Counter{Rate: figures(float64(t.grown) / span.Seconds())}}
	}
	if c := d.Counter; span < brief && up > span {
		c.Rate = min(c.Rate, figures(float64(t.last)/up.Seconds()))
		c.Jitter = min(c.Jitter, c.Rate)
	}
	return d
}

// uptime is how long the agent had been up; 0: it was not asked.
func (l *snmpLearner) uptime() time.Duration {
	if n := l.tree.get(snmpClocks[0].oid); n != nil {
		if d := snmpClock(n); d != nil {
			return d.Clock.Uptime
		}
	}
	return 0
}

// snmpClocks are the variables that follow the time since the agent, its host or its engine was started,
// even where they were read but once: sysUpTime (RFC 3418), hrSystemUptime (RFC 2790), snmpEngineTime
// (RFC 3411).
var snmpClocks = []struct {
	oid  snmp.OID
	unit time.Duration
}{
	{snmp.OID{0x2b, 6, 1, 2, 1, 1, 3, 0}, 10 * time.Millisecond},
	{snmp.OID{0x2b, 6, 1, 2, 1, 25, 1, 1, 0}, 10 * time.Millisecond},
	{snmp.OID{0x2b, 6, 1, 6, 3, 10, 2, 1, 3, 0}, time.Second},
}

// snmpClock is how such a variable goes on; nil for all others.
func snmpClock(n *snmpNode) *profiles.Dynamics {
	if n.oid.Equal(snmpDate) {
		return snmpDateClock(n)
	}
	for _, c := range snmpClocks {
		if !n.oid.Equal(c.oid) {
			continue
		}
		last := n.last()
		if len(last) == 0 {
			return nil
		}
		if v, _, ok := snmpNumber(snmp.Type(last[0]), last[1:]); ok {
			return &profiles.Dynamics{Clock: &profiles.Clock{Unit: c.unit, Since: "boot", Uptime: time.Duration(v) * c.unit}}
		}
	}
	return nil
}

// snmpDate is hrSystemDate (RFC 2790), a DateAndTime (RFC 2579): the wall clock.
var snmpDate = snmp.OID{0x2b, 6, 1, 2, 1, 25, 1, 2, 0}

// snmpDateClock is how far the device's clock is off the recording's.
func snmpDateClock(n *snmpNode) *profiles.Dynamics {
	last := n.last()
	if len(last) == 0 || snmp.Type(last[0]) != snmp.TypeOctetString || n.at.IsZero() {
		return nil
	}
	t, ok := snmp.DateAndTime(last[1:])
	if !ok {
		return nil
	}
	unit := 100 * time.Millisecond
	if last[8] == 0 {
		unit = time.Second // most agents do not say tenths
	}
	return &profiles.Dynamics{Clock: &profiles.Clock{Of: "wall", Unit: unit, Skew: t.Add(unit / 2).Sub(n.at).Round(time.Second)}}
}

// last is what the variable was last seen to hold.
func (n *snmpNode) last() []byte {
	if n.track.Runs() == 0 {
		return n.aside
	}
	return n.track.Last().Value
}
