package clone

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ringer/capture"
	"ringer/profiles"
)

// A value that a device shows in two protocols is one value: whoever writes it over the one reads it over
// the other. Nothing on the wire says so. It is found by comparing how numbers move (couple_agree.go); those
// that are one become a point, to which the cells of both protocols map. Their recordings are played first,
// as always.

// A Couple is two cells of different services that show one point.
type Couple struct {
	Point   string    `json:"point"`
	Cells   [2]string `json:"cells"`          // "modbus holding 10"
	Gain    float64   `json:"gain"`           // the second cell is the first one times it,
	Bias    float64   `json:"bias,omitempty"` // plus this
	R       float64   `json:"r"`              // correlation of the samples that agree
	Samples int       `json:"samples"`        // how many agree
	Of      int       `json:"of"`             // of how many
}

// String says it on one line.
func (c Couple) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s = %s", c.Cells[1], c.Cells[0])
	if c.Gain != 1 {
		fmt.Fprintf(&b, " * %g", c.Gain)
	}
	if c.Bias != 0 {
		fmt.Fprintf(&b, " %+g", c.Bias)
	}
	fmt.Fprintf(&b, " (r %.4f over %d samples", c.R, c.Samples)
	if c.Of > c.Samples {
		fmt.Fprintf(&b, " of %d", c.Of)
	}
	return b.String() + ")"
}

// A mover is a learner whose cells can be compared with those of other protocols.
type mover interface {
	// moving lists what its moving cells may be as numbers.
	moving() []*moving
}

// movingMax bounds the numbers of one service that are compared.
const movingMax = 1 << 10

// An edge is two numbers that agree.
type edge struct {
	x, y *moving
	agreement
}

// coupled is numbers that are one, each as a factor and an addend of the first.
type coupled struct {
	all   []*moving
	views map[*moving]profiles.PointRef // what each shows of the point
	edges []edge
	point string // its name
	made  *profiles.Point
}

// couple finds which numbers are one, and makes points of them.
func (l *Learning) couple(services []*serviceLearning) {
	if l.opt.NoCouple || l.turns.n < 2 {
		return
	}
	var all [][]*moving
	for _, s := range services {
		m, ok := s.learner.(mover)
		if !ok {
			continue
		}
		var some []*moving
		for _, x := range m.moving() {
			if x.s = &s.Service; len(some) < movingMax && x.prepare() {
				some = append(some, x)
			}
		}
		all = append(all, some)
	}
	l.coupled = join(edgesOf(all))
	names := map[string]bool{}
	for _, g := range l.coupled {
		g.made = g.settle(names)
		for _, m := range g.all {
			if m.mark != nil {
				m.mark(g.views[m])
			}
		}
	}
}

// edgesOf compares the numbers of each service with those of all others; what most speaks for comes first.
func edgesOf(all [][]*moving) (edges []edge) {
	for i, some := range all {
		for _, others := range all[i+1:] {
			for _, x := range some {
				for _, y := range others {
					if a, ok := agrees(x, y); ok {
						edges = append(edges, edge{x, y, a})
					}
				}
			}
		}
	}
	slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(b.weight(), a.weight()) })
	return edges
}

// weight says how much speaks for an agreement: that the scale is a usual one, that the protocols say what
// the numbers are, that more bytes agree.
func (e edge) weight() (w float64) {
	for _, m := range [...]*moving{e.x, e.y} {
		if m.typed {
			w += 1000
		}
		w += 100 * float64(m.width)
		if m.floats {
			w += 10
		}
	}
	switch {
	case e.gain == 1 && e.bias == 0:
		w += 5050
	case e.usual():
		w += 5025
	}
	return w + e.r*float64(e.n)/float64(e.of)
}

// join makes groups of what agrees. Each cell is part of one number only: of the one for which most speaks.
func join(edges []edge) (groups []*coupled) {
	type place struct {
		s    *Service
		cell any
	}
	taken := map[place]*moving{}
	of := map[*moving]*coupled{}
	group := func(m *moving) *coupled {
		if of[m] == nil {
			of[m] = &coupled{all: []*moving{m}, views: map[*moving]profiles.PointRef{m: {Gain: 1}}}
		}
		return of[m]
	}
	for _, e := range edges {
		both := [...]*moving{e.x, e.y}
		free := true
		for _, m := range both {
			for _, c := range m.takes {
				by := taken[place{m.s, c}]
				free = free && (by == nil || by == m)
			}
		}
		if !free {
			continue
		}
		for _, m := range both {
			for _, c := range m.takes {
				taken[place{m.s, c}] = m
			}
		}
		g, h := group(e.x), group(e.y)
		if g == h {
			continue
		}
		g.take(h, e)
		for _, m := range h.all {
			of[m] = g
		}
		groups = slices.DeleteFunc(groups, func(x *coupled) bool { return x == h })
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// take takes in the numbers of another group, of which one agrees with one of this: y is gain*x+bias.
func (g *coupled) take(h *coupled, e edge) {
	x, y := g.views[e.x], h.views[e.y]
	gain, bias := e.gain*x.Gain/y.Gain, (e.gain*x.Bias+e.bias-y.Bias)/y.Gain
	for _, m := range h.all {
		v := h.views[m]
		g.views[m] = profiles.PointRef{Gain: tidy(v.Gain * gain), Bias: tidy(v.Gain*bias + v.Bias)}
	}
	g.all = append(g.all, h.all...)
	g.edges = append(append(g.edges, h.edges...), e)
}

// inUnitsOf makes one of the numbers the one that the point holds.
func (g *coupled) inUnitsOf(base *moving) {
	b := g.views[base]
	for _, m := range g.all {
		v := g.views[m]
		gain := v.Gain / b.Gain
		g.views[m] = profiles.PointRef{Name: g.point, Gain: tidy(gain), Bias: tidy(v.Bias - gain*b.Bias)}
	}
}

// tidy takes away what computing in binary leaves: 0.1 times 100 is 10.
func tidy(x float64) float64 {
	y, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 10, 64), 64)
	return y
}

func (m *moving) called() string { return m.s.Protocol + " " + m.cell }

// speaking are the protocols in which things have names, those of the most speaking ones first.
var speaking = []string{"ipmi", "http", "bacnet", "enip"}

// base is the number whose name and unit the point has: the one that the device calls by a name, else one
// that is no whole number.
func (g *coupled) base() *moving {
	rank := func(m *moving) int {
		i := slices.Index(speaking, m.s.Protocol)
		switch {
		case m.said != "" && i >= 0:
			return i
		case m.floats:
			return len(speaking)
		}
		return len(speaking) + 1
	}
	return slices.MinFunc(g.all, func(a, b *moving) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a.said), len(b.said)), strings.Compare(a.called(), b.called()))
	})
}

// settle gives the group its name and its point.
func (g *coupled) settle(taken map[string]bool) *profiles.Point {
	base := g.base()
	g.point = cmp.Or(pointName(base.said), base.point)
	if taken[g.point] {
		g.point += "-" + base.point
	}
	taken[g.point] = true
	g.inUnitsOf(base)
	p := &profiles.Point{Type: g.typ(base), Value: base.last}
	switch {
	case p.Type == "f32":
		p.Value, _ = strconv.ParseFloat(strconv.FormatFloat(base.last, 'g', -1, 32), 64)
	case p.Type != "f64":
		p.Value = int(base.last)
	}
	finest := slices.MinFunc(g.all, func(a, b *moving) int {
		return cmp.Or(cmp.Compare(a.step/math.Abs(g.views[a].Gain), b.step/math.Abs(g.views[b].Gain)), -cmp.Compare(len(a.v), len(b.v)), strings.Compare(a.called(), b.called()))
	})
	p.Dynamics = finest.as(g.views[finest]).dynamics()
	if slices.ContainsFunc(g.all, func(m *moving) bool { return m.can }) {
		p.Write = &profiles.WriteRule{}
	}
	return p
}

// pointName makes a name of what a device calls something.
func pointName(said string) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '-', c == '.':
			return c
		case c == '/':
			return '.'
		}
		return '-'
	}, said), ".-")
}

// typ is the type of the point: whole numbers as their widest cell has them.
func (g *coupled) typ(base *moving) string {
	float, single := base.floats, false
	widest := base
	for _, m := range g.all {
		float = float || m.floats || g.views[m].Gain != 1 || g.views[m].Bias != 0
		single = single || m.typ == "f32"
		if widest.s.Protocol == "http" || m.s.Protocol != "http" && (m.width > widest.width || m.width == widest.width && m.typ < widest.typ) {
			widest = m
		}
	}
	switch {
	case float && single:
		return "f32"
	case float:
		return "f64"
	}
	return widest.typ
}

// as is the number as the point holds it, of which it is a view.
func (m *moving) as(v profiles.PointRef) *moving {
	n := *m
	n.v = make([]float64, len(m.v))
	for i, x := range m.v {
		n.v[i] = (x - v.Bias) / v.Gain
	}
	n.step /= math.Abs(v.Gain)
	n.floats = m.floats || v.Gain != 1
	return &n
}

// placed writes the points, where the sections have what maps to them, and what speaks for them.
func (l *Learning) placed(dev *profiles.Device, sections map[*Service]profiles.Section) {
	for _, g := range l.coupled {
		if dev.Points == nil {
			dev.Points = map[string]*profiles.Point{}
		}
		for _, m := range g.all {
			if section := sections[m.s]; section != nil && m.place != nil {
				m.place(dev, section, g.views[m])
			}
		}
		dev.Points[g.point] = g.made
		for _, e := range g.edges {
			c := Couple{Point: g.point, Cells: [2]string{e.x.called(), e.y.called()}, Gain: e.gain, Bias: e.bias, R: e.r, Samples: e.n, Of: e.of}
			l.couples = append(l.couples, c)
			e.x.s.Saw("point "+g.point+": "+c.String(), &capture.Exchange{Packets: l.packets})
		}
	}
}

// Couples are the values that were found in two protocols, once the Learning is finished.
func (l *Learning) Couples() []Couple { return l.couples }
