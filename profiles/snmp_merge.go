package profiles

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"ringer/capture/snmp"
)

// Merge unites the variables and the stretches of the tree that were walked.
func (s *SNMP) Merge(newer Section, m *Merging) error {
	n := newer.(*SNMP)
	older, err := m.variables(m.Older, s.Walk)
	if err != nil {
		return err
	}
	newest, err := m.variables(m.Newer, n.Walk)
	if err != nil {
		return err
	}
	known, err := joinStretches(slices.Concat(s.Known, n.Known))
	if err != nil {
		return err
	}
	versions := slices.Concat(s.Versions, n.Versions)
	slices.Sort(versions)
	walks := []string{s.Walk, n.Walk}
	s.Known, n.Known, s.Versions, n.Versions, s.Walk, n.Walk = nil, nil, nil, nil, "", ""
	m.Fields(s, n)
	s.Known, s.Versions = known, slices.Compact(versions)
	last, err := m.Settle(&s.Samples, older, newest)
	if err != nil || walks[0] == "" && walks[1] == "" {
		return err
	}
	m.Drop(walks[0])
	m.Drop(walks[1])
	s.Walk = "snmp/" + m.Name() + ".snmprec"
	maps.Copy(older, newest)
	for name, v := range last {
		if _, known := older[name]; known && len(v) > 0 && v[0]&0xC0 != 0x80 { // not: there is no such variable
			older[name] = v
		}
	}
	return m.writeWalk(s.Walk, older)
}

// variables reads a walk: type and content by object identifier.
func (m *Merging) variables(d *Device, walk string) (map[string][]byte, error) {
	vars := map[string][]byte{}
	if walk == "" {
		return vars, nil
	}
	f, err := d.Files.Open(path.Clean(walk))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := ReadSNMPRec(f, func(oid snmp.OID, tag snmp.Type, content []byte) error {
		vars[oid.String()] = append([]byte{byte(tag)}, content...)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("%s: %w", walk, err)
	}
	return vars, nil
}

func (m *Merging) writeWalk(name string, vars map[string][]byte) error {
	type variable struct {
		oid   snmp.OID
		value []byte
	}
	all := make([]variable, 0, len(vars))
	for text, v := range vars {
		oid, err := snmp.ParseOID(text)
		if err != nil {
			return err
		}
		all = append(all, variable{oid, v})
	}
	slices.SortFunc(all, func(a, b variable) int { return a.oid.Compare(b.oid) })
	var b []byte
	for _, v := range all {
		b = AppendSNMPRec(b, v.oid, snmp.Type(v.value[0]), v.value[1:])
	}
	m.Write(name, b)
	return nil
}

// joinStretches sorts stretches of the tree and joins those that overlap.
func joinStretches(list []string) ([]string, error) {
	type stretch struct{ from, to snmp.OID } // to nil: the end
	var all []stretch
	for _, s := range list {
		from, to, err := SNMPStretch(s)
		if err != nil {
			return nil, err
		}
		all = append(all, stretch{from, to})
	}
	slices.SortFunc(all, func(a, b stretch) int { return a.from.Compare(b.from) })
	var joined []stretch
	for _, s := range all {
		if n := len(joined); n > 0 && (joined[n-1].to == nil || s.from.Compare(joined[n-1].to) <= 0) {
			if last := &joined[n-1]; last.to != nil && (s.to == nil || s.to.Compare(last.to) > 0) {
				last.to = s.to
			}
			continue
		}
		joined = append(joined, s)
	}
	var texts []string
	for _, s := range joined {
		to := "end"
		if s.to != nil {
			to = s.to.String()
		}
		texts = append(texts, s.from.String()+"-"+to)
	}
	return texts, nil
}
