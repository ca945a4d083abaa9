package clone

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// Finish writes the variables and gives the section. An agent that never answered has none.
func (l *snmpLearner) Finish(out *Output) (profiles.Section, error) {
	if len(l.views) == 0 && l.engine.id == nil {
		return nil, nil
	}
	sec := &profiles.SNMP{Versions: l.versions(), LongLengths: max(0, l.long), BulkMax: l.bulk.max()}
	if l.v2Errors > 0 && l.v2Except == 0 {
		sec.Missing = snmp.NoSuchName.String()
	}
	sec.Refuse = l.refusals()
	l.communities(sec, out)
	l.v3Section(sec)
	l.accounts(out)
	sec.Known = l.known()
	var err error
	if sec.Walk, err = l.walk(out); err != nil {
		return nil, err
	}
	if sec.Samples, err = l.samples(out); err != nil {
		return nil, err
	}
	l.identify(out.Device)
	return sec, nil
}

// refusals are the variables that cannot be set, whatever the value and whoever asks, with the error that
// says so.
func (l *snmpLearner) refusals() map[string]string {
	var refuse map[string]string
	for _, r := range l.refused {
		switch r.status {
		case snmp.NoSuchName, snmp.ReadOnly, snmp.NoAccess:
			if !r.view.wrote {
				continue // it may be the community that may not
			}
		case snmp.NotWritable, snmp.NoCreation, snmp.ResourceUnavailable, snmp.InconsistentName, snmp.AuthorizationError:
		default:
			continue // it was the value
		}
		if n := l.tree.get(r.oid); n != nil && n.written {
			continue
		}
		if refuse == nil {
			refuse = map[string]string{}
		}
		refuse[r.oid.String()] = r.status.String()
	}
	return refuse
}

// versions are those that were answered, and those that nobody asked.
func (l *snmpLearner) versions() []string {
	answered, asked := map[snmp.Version]bool{}, map[snmp.Version]bool{}
	for _, v := range l.byName {
		for version := range v.answered {
			answered[version] = true
		}
		if v.number >= 0 {
			for version := range v.asked {
				asked[version] = true
			}
		}
	}
	var names []string
	older := answered[snmp.V1] || answered[snmp.V2c]
	for _, version := range []snmp.Version{snmp.V1, snmp.V2c} {
		if answered[version] || older && !asked[version] {
			names = append(names, strings.TrimPrefix(version.String(), "v"))
		}
	}
	if l.engine.id != nil {
		names = append(names, "3")
	}
	return names
}

func (l *snmpLearner) communities(sec *profiles.SNMP, out *Output) {
	for _, v := range l.views {
		if v.user {
			continue
		}
		c := profiles.SNMPCommunity{Access: "ro", Hidden: l.hidden(v.number)}
		if v.wrote {
			c.Access = "rw"
		}
		if sec.Communities == nil {
			sec.Communities = map[string]profiles.SNMPCommunity{}
		}
		sec.Communities[v.name] = c
		if v.name != string(v.secret) && v.name != profiles.SNMPAnyone {
			out.Redact("SNMP communities", "salted verifiers")
		}
	}
}

// hidden are the subtrees that a view was not shown, though others were: the largest that hold nothing
// it was shown.
func (l *snmpLearner) hidden(view int) (roots []string) {
	var last snmp.OID // the variable shown last
	var root snmp.OID // the subtree being hidden
	var pending []snmp.OID
	flush := func(next snmp.OID) {
		for _, o := range pending {
			if root != nil && o.HasPrefix(root) {
				continue
			}
			root = snmpSubtree(o, last, next)
			roots = append(roots, root.String())
		}
		pending = pending[:0]
	}
	for n := range l.tree.all {
		// What was only seen in answers that are kept whole was not seen by those who passed over it.
		passed := n.track.Runs() == 0 && n.aside != nil && n.skippedBy.has(view)
		if n.hiddenFrom.has(view) || passed {
			pending = append(pending, n.oid)
		} else if n.seenBy.has(view) {
			flush(n.oid)
			last = n.oid
		}
	}
	flush(nil)
	return roots
}

// snmpSubtree is the shortest prefix of o, whole numbers, that neither neighbour has.
func snmpSubtree(o, before, after snmp.OID) snmp.OID {
	for i := 1; i < len(o); i++ {
		if o[i-1] < 0x80 && !before.HasPrefix(o[:i]) && !after.HasPrefix(o[:i]) && i > 3 {
			return o[:i]
		}
	}
	return o
}

func (l *snmpLearner) v3Section(sec *profiles.SNMP) {
	e := &l.engine
	if e.id == nil {
		return
	}
	sec.Engine = &profiles.SNMPEngine{ID: hex.EncodeToString(e.id), Boots: e.boots, Time: e.time, MaxSize: e.maxSize}
	for _, v := range l.views {
		if v.user && len(v.secret) > 0 {
			if sec.Users == nil {
				sec.Users = map[string]profiles.SNMPUser{}
			}
			u := profiles.SNMPUser{Level: v.level, Hidden: l.hidden(v.number)}
			if v.wrote {
				u.Access = "rw"
			}
			sec.Users[v.name] = u
		}
	}
}

// known are the stretches that were walked without a hole.
func (l *snmpLearner) known() (stretches []string) {
	var from, to snmp.OID
	open := false
	for n := range l.tree.all {
		if from != nil {
			to = n.oid
		}
		if n.passes > 0 && from == nil {
			from, to = n.oid, nil
		}
		if n.passes == 0 && from != nil {
			stretches = append(stretches, from.String()+"-"+to.String())
			from = nil
		}
		open = n.open
	}
	if from != nil && open {
		stretches = append(stretches, from.String()+"-end")
	}
	return stretches
}

// walk writes what the variables have.
func (l *snmpLearner) walk(out *Output) (string, error) {
	f := out.bulk("snmp/" + l.s.Name() + ".snmprec")
	var line []byte
	for n := range l.tree.all {
		if v := n.value(); v != nil {
			line = profiles.AppendSNMPRec(line[:0], n.oid, snmp.Type(v[0]), v[1:])
			f.Write(line)
		}
	}
	return f.close()
}

// samples writes the tracks of variables that moved, came or went, of clocks, and of the engine.
func (l *snmpLearner) samples(out *Output) ([]string, error) {
	f := out.samples(l.s.Name())
	up := l.uptime()
	for n := range l.tree.all {
		d := snmpClock(n)
		if d == nil && !n.track.Moved() {
			continue
		}
		last := n.track.Last()
		if d == nil && n.trend != nil && !snmpAbsent(last.Value) && !last.Write {
			d = n.trend.dynamics(snmp.Type(last.Value[0]), up)
		}
		t := &n.track
		if t.Runs() == 0 {
			t = &profiles.Track{}
			t.Add(n.aside, false)
		}
		f.add(n.oid.String(), d, t)
	}
	if l.engine.track.Runs() > 0 {
		f.add("engine", nil, &l.engine.track)
	}
	for _, name := range slices.Sorted(maps.Keys(l.engine.reports)) {
		f.add("report "+name, nil, l.engine.reports[name])
	}
	return f.close()
}

// identify puts the agent's name and place on the device's name plate, where that is empty.
func (l *snmpLearner) identify(dev *profiles.Device) {
	for oid, field := range map[string]*string{"1.3.6.1.2.1.1.5.0": &dev.Identity.Name, "1.3.6.1.2.1.1.6.0": &dev.Identity.Location} {
		o, _ := snmp.ParseOID(oid)
		if n := l.tree.get(o); n != nil && *field == "" {
			if v := n.value(); len(v) > 1 && snmp.Type(v[0]) == snmp.TypeOctetString {
				*field = strings.ToValidUTF8(string(v[1:]), "")
			}
		}
	}
}
