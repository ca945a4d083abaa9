package clone

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringer/profiles"
)

// An httpHere is a number in a page, by its place among the numbers there.
type httpHere struct {
	n     *httpReadings
	place int
}

// hear takes a reading of a number that moves. The first time, it is looked up what the page calls it.
func (n *httpReadings) hear(place int, at time.Time, v int64, page []byte, x profiles.HTTPNumber) {
	if h := n.beside.heard(httpHere{n, place}, at, uint64(v)); h != nil && h.n == 1 {
		h.name = httpSaid(page, x.From)
	}
}

func (l *httpLearner) moving() (all []*moving) {
	for _, r := range l.order {
		n := &r.pages
		for _, i := range slices.Sorted(maps.Keys(n.trends)) {
			h := l.s.beside.cells[httpHere{n, i}]
			if h == nil {
				continue
			}
			_, target, _ := strings.Cut(r.Ask, " ")
			m := &moving{cell: fmt.Sprintf("%s number %d", target, i), said: h.name, typ: "i64", typed: true, width: 8, takes: []any{httpHere{n, i}}, every: h.every()}
			m.point = fmt.Sprintf("http-%d%s-%d", l.s.Port.Number, pointName("-"+target), i)
			if h.name != "" {
				m.cell = target + " " + h.name
			}
			decimals := n.like.numbers[i].Decimals
			m.floats = decimals > 0
			for _, x := range h.readings() {
				m.last = float64(int64(x.v)) / math.Pow10(decimals)
				m.at, m.v = append(m.at, x.at), append(m.v, m.last)
			}
			m.mark = func(ref profiles.PointRef) {
				if n.points == nil {
					n.points = map[int]string{}
				}
				n.points[i] = ref.String()
			}
			all = append(all, m)
		}
	}
	return all
}

// httpSaid is what a page calls the number at a place: the way to it in JSON, as tank/level; the id of the
// element that it is in.
func httpSaid(page []byte, at int) string {
	if b := bytes.TrimLeft(page, " \t\r\n\ufeff"); len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return jsonWay(page, at)
	}
	open := bytes.LastIndexByte(page[:at], '<')
	if open < 0 {
		return ""
	}
	tag := page[open:at]
	if end := bytes.IndexByte(tag, '>'); end >= 0 {
		tag = tag[:end]
	}
	for _, word := range bytes.Fields(tag) {
		if id, ok := bytes.CutPrefix(word, []byte("id=")); ok {
			return string(bytes.Trim(id, `"'`))
		}
	}
	return ""
}

// jsonWay is the way to what stands at a place in a JSON text; "" if it is none.
func jsonWay(page []byte, at int) string {
	d := json.NewDecoder(bytes.NewReader(page))
	type level struct {
		key  string
		n    int // of elements so far; -1: it is an object
		name bool
	}
	var way []level
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		var top *level
		if len(way) > 0 {
			top = &way[len(way)-1]
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '}' || t == ']' {
				way = way[:len(way)-1]
				continue
			}
		case string:
			if top != nil && top.n < 0 && top.name {
				top.key, top.name = t, false
				continue
			}
		}
		if top != nil && top.n >= 0 {
			top.key = strconv.Itoa(top.n)
			top.n++
		} else if top != nil {
			top.name = true
		}
		if t, ok := token.(json.Delim); ok {
			next := level{n: 0}
			if t == '{' {
				next = level{n: -1, name: true}
			}
			way = append(way, next)
			continue
		}
		if int(d.InputOffset()) > at {
			var keys []string
			for _, l := range way {
				keys = append(keys, l.key)
			}
			return strings.Join(keys, "/")
		}
	}
}
