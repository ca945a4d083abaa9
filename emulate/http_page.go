package emulate

import (
	"bytes"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A httpPage knows where in a document live values stand.
type httpPage struct{ places []httpPlace }

// A httpPlace is the text that a value takes the place of. How that text is written says how the value
// is: its decimals, the unit behind it, quotes in JSON, on and off.
type httpPlace struct {
	from, to int
	point    *PointState
	style    httpStyle
}

func newHTTPPage(st *State, data []byte, points map[string]string) *httpPage {
	p := &httpPage{}
	for where, name := range points {
		point, err := st.Point(name)
		if err != nil {
			continue // the profile was checked: there is none such
		}
		var from, to int
		var ok, quoted bool
		if where[0] == '#' {
			from, to, ok = findElement(data, where[1:])
		} else {
			from, to, quoted, ok = findJSON(data, where)
		}
		if ok {
			p.places = append(p.places, httpPlace{from, to, point, styleOf(string(data[from:to]), quoted, where[0] == '/')})
		}
	}
	sort.Slice(p.places, func(i, j int) bool { return p.places[i].from < p.places[j].from })
	for i := 1; i < len(p.places); { // one place may not lie in another
		if p.places[i].from < p.places[i-1].to {
			p.places = slices.Delete(p.places, i, i+1)
			continue
		}
		i++
	}
	return p
}

func (p *httpPage) append(b, data []byte) []byte {
	at := 0
	for i := range p.places {
		x := &p.places[i]
		b = append(b, data[at:x.from]...)
		b = x.style.append(b, x.point)
		at = x.to
	}
	return append(b, data[at:]...)
}

// A httpStyle is how a value is written.
type httpStyle struct {
	before, after string // what surrounds the number
	decimals      int    // -1: as many as it takes
	words         [2]string
	json, quoted  bool
}

// pairs of words that stand for no and yes.
var httpWords = [...][2]string{{"off", "on"}, {"OFF", "ON"}, {"Off", "On"}, {"false", "true"}, {"no", "yes"}, {"No", "Yes"},
	{"stopped", "running"}, {"Stopped", "Running"}, {"closed", "open"}, {"Closed", "Open"}}

func styleOf(text string, quoted, json bool) httpStyle {
	s := httpStyle{decimals: -1, json: json, quoted: quoted}
	trimmed := strings.TrimSpace(text)
	for _, w := range httpWords {
		if trimmed == w[0] || trimmed == w[1] {
			s.words = w
			s.before, s.after, _ = strings.Cut(text, trimmed)
			return s
		}
	}
	i := strings.IndexAny(text, "0123456789")
	if i < 0 {
		return s
	}
	end := i
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
		end++
	}
	number := text[i:end]
	if i > 0 && text[i-1] == '-' {
		i--
	}
	s.decimals = 0
	if dot := strings.IndexByte(number, '.'); dot >= 0 {
		s.decimals = len(number) - dot - 1
	}
	s.before, s.after = text[:i], text[end:]
	return s
}

func (s *httpStyle) append(b []byte, p *PointState) []byte {
	v := p.Get()
	name := ""
	if len(p.Spec.Values) > 0 {
		name = p.Spec.Values[v.String()]
		if name == "" && !v.IsText() {
			name = p.Spec.Values[strconv.FormatInt(v.Int(), 10)]
		}
	}
	switch {
	case name != "" && strings.EqualFold(name, s.words[0]):
		return s.text(b, s.words[0]) // in the letter case of the page
	case name != "" && strings.EqualFold(name, s.words[1]):
		return s.text(b, s.words[1])
	case name != "" && s.json && !s.quoted && s.words == [2]string{"false", "true"}:
		return strconv.AppendBool(b, v.Bool())
	case name != "":
		return s.text(b, name)
	case v.IsText():
		return s.text(b, v.String())
	case s.words != [2]string{}:
		word := s.words[0]
		if v.Bool() {
			word = s.words[1]
		}
		return append(append(append(b, s.before...), word...), s.after...)
	case s.json && p.Spec.Type == "bool" && !s.quoted:
		return strconv.AppendBool(b, v.Bool())
	}
	b = append(b, s.before...)
	f := v.Float()
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		b = append(b, '0')
	case s.decimals < 0 && p.Spec.Type == "f32":
		b = strconv.AppendFloat(b, f, 'f', -1, 32)
	case s.decimals < 0 && (p.Spec.Type == "f64" || f != math.Trunc(f)):
		b = strconv.AppendFloat(b, f, 'f', -1, 64)
	case s.decimals <= 0:
		b = strconv.AppendInt(b, v.Int(), 10)
	default:
		b = strconv.AppendFloat(b, f, 'f', s.decimals, 64)
	}
	return append(b, s.after...)
}

// text writes a text in the place of the whole.
func (s *httpStyle) text(b []byte, text string) []byte {
	if !s.json {
		for _, c := range []byte(text) {
			switch c {
			case '<':
				b = append(b, "&lt;"...)
			case '>':
				b = append(b, "&gt;"...)
			case '&':
				b = append(b, "&amp;"...)
			case '"':
				b = append(b, "&quot;"...)
			default:
				b = append(b, c)
			}
		}
		return b
	}
	if !s.quoted {
		b = append(b, '"')
	}
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	if !s.quoted {
		b = append(b, '"')
	}
	return b
}

// findElement finds the text in the element with an id, or the value of an input.
func findElement(data []byte, id string) (from, to int, ok bool) {
	for at := 0; ; {
		open := bytes.IndexByte(data[at:], '<')
		if open < 0 {
			return 0, 0, false
		}
		open += at
		end := tagEnd(data, open)
		if end < 0 {
			return 0, 0, false
		}
		at = end
		tag := data[open:end]
		if f, t, ok := attribute(tag, "id"); !ok || string(tag[f:t]) != id {
			continue
		}
		if f, t, ok := attribute(tag, "value"); ok && len(tag) > 6 && strings.EqualFold(string(tag[1:6]), "input") {
			return open + f, open + t, true
		}
		next := bytes.IndexByte(data[end:], '<')
		if next < 0 {
			return 0, 0, false
		}
		return end, end + next, true
	}
}

// tagEnd is the place behind the > of the tag that begins at open; quotes may hold others.
func tagEnd(data []byte, open int) int {
	quote := byte(0)
	for i := open + 1; i < len(data); i++ {
		switch c := data[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return -1
}

// attribute finds the value of an attribute in a tag.
func attribute(tag []byte, name string) (from, to int, ok bool) {
	for i := 1; i+len(name) < len(tag); i++ {
		switch c := tag[i]; {
		case c == '"' || c == '\'':
			if k := bytes.IndexByte(tag[i+1:], c); k >= 0 {
				i += 1 + k
			}
			continue
		case !strings.EqualFold(string(tag[i:i+len(name)]), name) || !isBlank(tag[i-1]):
			continue
		}
		j := i + len(name)
		for j < len(tag) && isBlank(tag[j]) {
			j++
		}
		if j >= len(tag) || tag[j] != '=' {
			continue
		}
		for j++; j < len(tag) && isBlank(tag[j]); j++ {
		}
		if j >= len(tag) {
			return 0, 0, false
		}
		if q := tag[j]; q == '"' || q == '\'' {
			if k := bytes.IndexByte(tag[j+1:], q); k >= 0 {
				return j + 1, j + 1 + k, true
			}
			return 0, 0, false
		}
		end := j
		for end < len(tag) && !isBlank(tag[end]) && tag[end] != '>' {
			end++
		}
		return j, end, true
	}
	return 0, 0, false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '/' }
