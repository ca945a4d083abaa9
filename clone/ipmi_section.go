package clone

import (
	"bytes"
	"cmp"
	"fmt"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// Finish writes the section, the records and the cells.
func (l *ipmiLearner) Finish(out *Output) (profiles.Section, error) {
	sec := &profiles.IPMI{}
	if len(l.inside.order)+len(l.outside.order)+len(l.parts.order)+len(l.sessions.names)+len(l.sessions.opened) == 0 && l.s.Record.Len() == 0 {
		return nil, nil
	}
	sec.Follows = l.follows
	l.finishSessions(sec, out)
	if err := l.finishRecords(sec, out); err != nil {
		return nil, err
	}
	l.identify(out.Device)
	if l.secrets {
		out.Redact("passwords and communities of the management controller", "left out")
	}
	if l.sealed {
		out.Redact("sessions of the management controller", "encrypted, kept as they are: their keys are not known")
	}
	var err error
	sec.Samples, err = l.samples(out)
	return sec, err
}

// samples writes the tracks of all that was asked, before log-in and after.
func (l *ipmiLearner) samples(out *Output) ([]string, error) {
	l.settle()
	f := out.samples(l.s.Name())
	for _, from := range []*ipmiCells{&l.outside, &l.inside} {
		for _, name := range from.order {
			if c := from.cells[name]; c != nil {
				f.add(name, c.goesOn(), &c.track)
			}
		}
	}
	return f.close()
}

// settle names the cells that were asked without a session. The four commands that every client begins with
// are answered alike in and outside of one, unless they were seen not to be.
func (l *ipmiLearner) settle() {
	for i, name := range l.outside.order {
		t, _, command, _ := profiles.ParseIPMICell(name)
		if !command {
			continue
		}
		c, in := l.outside.cells[name], l.inside.cells[name]
		if t.NetFn == ipmi.App && (t.Cmd == 0x38 || t.Cmd == 0x54 || t.Cmd == 0x37 || t.Cmd == 0x08) {
			if in == nil {
				continue
			}
			if !in.track.Moved() && !c.track.Moved() && bytes.Equal(in.track.Last().Value, c.track.Last().Value) {
				delete(l.inside.cells, name)
				continue
			}
		}
		delete(l.outside.cells, name)
		l.outside.order[i] = profiles.IPMIOutside + name
		l.outside.cells[l.outside.order[i]] = c
	}
}

// goesOn is how the number in a cell goes on when its samples have ended.
func (c *ipmiCell) goesOn() *profiles.Dynamics {
	if c.trend == nil || c.track.Runs() < 2 {
		return nil
	}
	return c.trend.Dynamics()
}

// identify says who made the device, as far as the controller tells.
func (l *ipmiLearner) identify(dev *profiles.Device) {
	id := &dev.Identity
	id.Role = cmp.Or(id.Role, "bmc")
	if c := l.inside.cells[profiles.IPMICell(ipmi.Target{NetFn: ipmi.App, Cmd: 0x01}, nil)]; c != nil {
		if v := c.track.Last().Value; len(v) > 4 && v[0] == byte(ipmi.CodeOK) {
			id.Firmware = cmp.Or(id.Firmware, fmt.Sprintf("%d.%02x", v[3]&0x7f, v[4]))
		}
	}
	if m := l.records.fru[0]; m != nil {
		if p, ok := ipmi.ReadProduct(m.data); ok {
			id.Vendor, id.Model = cmp.Or(id.Vendor, p.Manufacturer), cmp.Or(id.Model, p.Name)
			id.Order, id.Serial = cmp.Or(id.Order, p.Part), cmp.Or(id.Serial, p.Serial)
		}
	}
}
