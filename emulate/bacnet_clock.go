package emulate

import (
	"time"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// living reads a property of the device object. Its clock goes on from what was recorded of it to what it is now,
// and so does the list of who subscribed.
func (d *bacnetDevice) living(p bacnet.PropertyID, c *bacnetCell, take bool) ([]byte, Origin) {
	over := c.Cell == nil || c.Live()
	v, from := c.read(d.s.st, take)
	switch {
	case !over || len(v) == 0 || v[0] != profiles.BACnetHolds:
	case p == bacnet.PropLocalDate:
		date, _ := bacnetMoment(d.local())
		d.made = bacnet.AppendDate(append(d.made[:0], profiles.BACnetHolds), date)
		return d.made, Modelled
	case p == bacnet.PropLocalTime:
		_, at := bacnetMoment(d.local())
		d.made = bacnet.AppendTime(append(d.made[:0], profiles.BACnetHolds), at)
		return d.made, Modelled
	case p == bacnet.PropActiveCOVSubscriptions && d.subscribed:
		d.made = append(append(d.made[:0], profiles.BACnetHolds), d.subscriptions()...)
		return d.made, Modelled
	}
	return v, from
}

// local is the time that the device shows: UTC_Offset is how many minutes it is behind UTC (clause 12.11.23).
func (d *bacnetDevice) local() time.Time {
	now := d.s.st.Now().UTC().Add(d.clock)
	id := d.id()
	if v, _ := d.get(id, bacnet.PropUTCOffset, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		if t, c := bacnet.Value(v[1:]).First(); !t.Context && bacnet.TagNumber(t.Number) == bacnet.TagSigned {
			now = now.Add(-time.Duration(bacnet.Signed(c)) * time.Minute)
		}
	}
	if summer, _ := d.flag(id, bacnet.PropDaylightSavingsStatus); summer {
		now = now.Add(time.Hour)
	}
	return now
}

// synchronize sets the clock (clauses 16.7 and 16.8).
func (d *bacnetDevice) synchronize(p *bacnet.TimeSynchronizationRequest, utc bool) {
	x := p.Date
	for _, part := range append(p.Date[:3:3], p.Time[:]...) {
		if part == 255 {
			return // it is not told whole
		}
	}
	told := time.Date(1900+int(x[0]), time.Month(x[1]), int(x[2]), int(p.Time[0]), int(p.Time[1]), int(p.Time[2]), int(p.Time[3])*1e7, time.UTC)
	if utc {
		d.clock = told.Sub(d.s.st.Now().UTC())
		return
	}
	d.clock += told.Sub(d.local())
}

// revise counts a change of what the device has (clause 12.11.35).
func (d *bacnetDevice) revise() {
	n, _ := d.state(d.id(), bacnet.PropDatabaseRevision)
	v := bacnet.AppendUnsigned([]byte{profiles.BACnetHolds}, n+1)
	d.set(bacnetKey{d.id(), bacnet.PropDatabaseRevision, -1, false}, &bacnetCell{sample: v, shape: v})
}
