package profiles

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Conflict is something that two profiles of a device say differently. The newer one was kept.
type Conflict struct {
	Path         string
	Older, Newer string
}

func (c Conflict) String() string {
	return fmt.Sprintf("%s: %s, earlier %s", c.Path, c.Newer, c.Older)
}

// A Merger is a section that knows how to take in what a newer profile says of the same service. The
// receiver is a copy that Merge may change. Sections without it, and all that a Merger leaves to
// Merging.Fields, are merged field by field: mappings and lists are united, and where both give one value
// the newer profile's is kept.
type Merger interface {
	Merge(newer Section, m *Merging) error
}

// A Merging is two profiles becoming one.
type Merging struct {
	Older, Newer *Device
	path         string
	service      string // as Name gives it
	conflicts    *[]Conflict
	made         map[string][]byte
	dropped      map[string]bool
	captures     map[string]Capture
}

// Merge makes one profile of two of the same device. Which of them is given first does not matter: what
// was recorded first is older, and without recordings their texts decide. What lies in files that both
// have is the newer one's. Cells that hold different values in them are told by their protocol (see
// Merger): they have had one value after the other.
func Merge(a, b *Device) (*Device, []Conflict, error) {
	order, err := compareAge(a, b)
	if err != nil {
		return nil, nil, err
	}
	if order > 0 {
		a, b = b, a
	}
	older, err := a.clone()
	if err != nil {
		return nil, nil, err
	}
	newer, err := b.clone()
	if err != nil {
		return nil, nil, err
	}
	var conflicts []Conflict
	m := &Merging{Older: a, Newer: b, conflicts: &conflicts, made: map[string][]byte{}, dropped: map[string]bool{}, captures: maps.Clone(a.Captures)}
	if m.captures == nil {
		m.captures = map[string]Capture{}
	}
	maps.Copy(m.captures, b.Captures)
	services, err := m.services(older.Services, newer.Services)
	if err != nil {
		return nil, nil, err
	}
	older.Services, newer.Services = nil, nil
	if older.Evidence, err = m.evidence(older.Evidence, newer.Evidence); err != nil {
		return nil, nil, err
	}
	newer.Evidence = older.Evidence
	m.Fields(older, newer)
	older.Services = services
	if older.Files, err = m.files(); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(conflicts, func(x, y Conflict) int { return cmp.Compare(x.Path, y.Path) })
	return older, conflicts, nil
}

// clone is a copy that shares nothing but the bulk.
func (d *Device) clone() (*Device, error) {
	b, err := d.YAML()
	if err != nil {
		return nil, err
	}
	c := newDecoder(d.ID)
	dev := &Device{Files: d.Files}
	c.decode(c.parse(b), reflect.ValueOf(dev).Elem(), "")
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	return dev, nil
}

// compareAge says which profile is older: the one whose last capture begins earlier.
func compareAge(a, b *Device) (int, error) {
	if c := slices.Compare(ages(a), ages(b)); c != 0 {
		return c, nil
	}
	x, err := a.YAML()
	if err != nil {
		return 0, err
	}
	y, err := b.YAML()
	return bytes.Compare(x, y), err
}

// ages lists when the captures of a profile began and what they are called, the last one first.
func ages(d *Device) (list []string) {
	for id, c := range d.Captures {
		list = append(list, captureAge(id, c))
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

func captureAge(id string, c Capture) string {
	return c.From.UTC().Format(time.RFC3339Nano) + " " + id
}

// at is the merging of what lies at a key below.
func (m *Merging) at(key string) *Merging {
	n := *m
	n.path = join(m.path, key)
	return &n
}

// Conflict notes that two profiles differ at a key below. Cells that moved are none.
func (m *Merging) Conflict(key, older, newer string) {
	*m.conflicts = append(*m.conflicts, Conflict{join(m.path, key), older, newer})
}

// Write makes a bulk file of the merged profile.
func (m *Merging) Write(name string, b []byte) { m.made[name] = b }

func (m *Merging) services(older, newer []Service) ([]Service, error) {
	all := older
	for _, s := range newer {
		i := slices.IndexFunc(older, func(o Service) bool {
			return o.Protocol == s.Protocol && o.Common().Port == s.Common().Port
		})
		if i < 0 {
			all = append(all, s)
			continue
		}
		n := m.at(fmt.Sprintf("%s-%d", s.Protocol, s.Common().Port.Number))
		n.service = n.path
		if err := n.mergeService(older[i].Section, s.Section); err != nil {
			return nil, fmt.Errorf("merging %s on port %s: %w", s.Protocol, s.Common().Port, err)
		}
	}
	slices.SortStableFunc(all, func(a, b Service) int {
		x, y := a.Common().Port, b.Common().Port
		return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.Network(), y.Network()), cmp.Compare(a.Protocol, b.Protocol))
	})
	return all, nil
}

func (m *Merging) mergeService(older, newer Section) error {
	if reflect.TypeOf(older) != reflect.TypeOf(newer) {
		return errors.New("one profile has its cells, the other recordings alone: learn both anew")
	}
	o, n := older.common(), newer.common()
	o.Samples = m.byAge(o.Samples, n.Samples)
	o.Recordings = m.byAge(o.Recordings, n.Recordings)
	n.Samples, n.Recordings = nil, nil
	recordings := o.Recordings
	o.Latency = mergeLatencies(o.Latency, n.Latency)
	o.Volatile = mergeVolatile(o.Volatile, n.Volatile)
	o.TLS = m.mergeTLS(o.TLS, n.TLS)
	n.Latency, n.Volatile, n.TLS = nil, nil, nil
	if x, ok := older.(Merger); ok {
		if err := x.Merge(newer, m); err != nil {
			return err
		}
	} else {
		m.Fields(older, newer)
	}
	o.Samples = m.byAge(o.Samples, nil)
	o.Recordings = recordings
	return nil
}

// byAge unites lists of bulk files, which have the id of the capture that they came from in their names:
// oldest capture first. Others keep their place before them.
func (m *Merging) byAge(a, b []string) []string {
	var all []string
	for _, f := range slices.Concat(a, b) {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(x, y string) int { return cmp.Compare(m.age(x), m.age(y)) })
	return all
}

func (m *Merging) age(name string) string {
	id := m.captureOf(name)
	if id == "" {
		return ""
	}
	return captureAge(id, m.captures[id])
}

// captureOf is the capture that a bulk file came from, by its name; "" if it does not say.
func (m *Merging) captureOf(name string) (id string) {
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	for c := range m.captures {
		if (stem == c || strings.HasSuffix(stem, "-"+c)) && len(c) > len(id) {
			id = c
		}
	}
	return id
}

// mergeLatencies weighs quantiles by how many answers they were learned from.
func mergeLatencies(a, b map[string]Latency) map[string]Latency {
	if len(b) == 0 {
		return a
	}
	all := maps.Clone(b)
	for class, x := range a {
		y, both := b[class]
		if !both || x == y {
			all[class] = x
			continue
		}
		wx, wy := float64(max(1, x.N)), float64(max(1, y.N))
		mix := func(p, q time.Duration) time.Duration {
			return time.Duration((wx*float64(p) + wy*float64(q)) / (wx + wy)).Round(100 * time.Nanosecond)
		}
		all[class] = Latency{mix(x.P50, y.P50), mix(x.P90, y.P90), mix(x.P99, y.P99), x.N + y.N}
	}
	return all
}

func mergeVolatile(a, b []Volatile) []Volatile {
	for _, v := range b {
		i := slices.IndexFunc(a, func(x Volatile) bool { return x.Path == v.Path && x.Kind == v.Kind })
		if i < 0 {
			a = append(a, v)
		} else {
			a[i].Seen = max(a[i].Seen, v.Seen)
		}
	}
	slices.SortFunc(a, func(x, y Volatile) int { return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Kind, y.Kind)) })
	return a
}
