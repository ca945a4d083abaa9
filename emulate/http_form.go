package emulate

import (
	"net/url"
	"strconv"
	"strings"

	"ringer/profiles"
)

// submit writes the fields of a form to their points. done is false for a GET that fills in nothing: it
// may be a page.
func (h *httpSession) submit(f *profiles.HTTPForm, a *httpAsked) (Answer, bool) {
	text := string(a.body)
	switch a.req.Method {
	case "POST":
		if a.expected {
			return h.goAhead(a), true
		}
	case "GET":
		_, query, ok := strings.Cut(a.req.Target, "?")
		if !ok {
			return Answer{}, false
		}
		text = query
	default:
		return Answer{}, false
	}
	fields, err := url.ParseQuery(text)
	if err != nil || !filledIn(f, fields) {
		if a.req.Method == "GET" {
			return Answer{}, false
		}
		return h.refuse(a, 400, false), true
	}
	points, values := make([]*PointState, 0, len(f.Fields)), make([]Value, 0, len(f.Fields))
	for field, name := range f.Fields {
		if !fields.Has(field) {
			continue
		}
		p, err := h.s.st.Point(name)
		if err != nil {
			return h.refuse(a, 500, false), true
		}
		v, ok := readField(p, fields.Get(field))
		if !ok || !p.accepts(v) {
			return h.refuse(a, 400, false), true
		}
		points, values = append(points, p), append(values, v)
	}
	for i, p := range points {
		if p.Set(values[i]) != nil {
			return h.refuse(a, 400, false), true
		}
	}
	ans := h.submitted(f, a)
	ans.From = Point
	return ans, true
}

func filledIn(f *profiles.HTTPForm, fields url.Values) bool {
	for field := range f.Fields {
		if fields.Has(field) {
			return true
		}
	}
	return false
}

func (h *httpSession) submitted(f *profiles.HTTPForm, a *httpAsked) Answer {
	if f.Then != "" {
		return h.redirect(a, 303, f.Then)
	}
	m := h.message()
	h.s.newReply(204, nil).fill(h.s, m, &httpMoment{date: h.s.now(), host: h.host(a)})
	return h.said(Point, h.s.closes(a, m, false))
}

// readField reads what a visitor typed in: a name of an enum's value, a word for yes or no, a number, or
// for a text anything.
func readField(p *PointState, s string) (Value, bool) {
	s = strings.TrimSpace(s)
	for wire, name := range p.Spec.Values {
		if strings.EqualFold(name, s) {
			s = wire
			break
		}
	}
	if p.Spec.Type == "text" {
		return TextValue(s), true
	}
	for _, w := range httpWords {
		if strings.EqualFold(s, w[0]) || strings.EqualFold(s, w[1]) {
			return BoolValue(strings.EqualFold(s, w[1])), true
		}
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return IntValue(i), true
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", "."), 64)
	return FloatValue(f), err == nil
}

// accepts says whether a point would take a value: a form is carried out as a whole or not at all.
func (p *PointState) accepts(v Value) bool {
	w := p.Spec.Write
	v, ok := p.take(v)
	f := v.Float()
	return w != nil && ok && (v.IsText() || (w.Min == nil || f >= *w.Min) && (w.Max == nil || f <= *w.Max))
}
