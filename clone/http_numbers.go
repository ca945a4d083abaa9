package clone

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// httpReadings follows the numbers, times and tokens in a page that is otherwise always the same, to find how
// they go on. Pages that never change cost next to nothing.
type httpReadings struct {
	body   string // the file of the last page
	other  bool   // the page changes in more than that
	text   [sha256.Size]byte
	like   *httpMoving            // of the first page; nil: no page was another than the one before
	at     time.Time              // when the last page was read
	values []int64                // the numbers in it
	trends map[int]*Trend         // of those that moved
	marks  []profiles.HTTPMark    // the times and tokens in it, and what they are
	said   []string               // how they are written
	clocks map[int]*httpClockSeen // of the times
	minted map[int]bool           // of the tokens: those that changed
	beside *beside                // the numbers are compared with those of other services
	points map[int]string         // of the numbers: those that show points
}

// httpMoving is what may move in a page.
type httpMoving struct {
	numbers []profiles.HTTPNumber
	marks   []profiles.HTTPMark
	inside  []bool // which numbers are part of a time or a token
}

// An httpClockSeen compares a time in a page with the right one.
type httpClockSeen struct {
	form      string
	low, high time.Duration // ahead of the right time
	moved     bool
}

// clockJitter is how far a clock may seem to be off, by what the network and the page take.
const clockJitter = 2 * time.Second

// add takes a reading of the page, which is filed under a name of its own for each content; filed gives such a
// page again.
func (n *httpReadings) add(at time.Time, r *http.Response, body string, filed func(string) []byte) {
	before, then := n.body, n.at
	if n.body, n.at = body, at; n.other || r.Status != 200 || before == "" {
		return
	}
	if body == before {
		n.same(at)
		return
	}
	page := filed(body)
	if !readsAsText(r) || page == nil {
		*n = httpReadings{body: body, other: true}
		return
	}
	if n.like == nil {
		n.begin(then, filed(before))
	}
	found := findMoving(page)
	text := found.rest(page)
	if found.empty() || text != n.text || len(found.numbers) != len(n.like.numbers) || len(found.marks) != len(n.like.marks) {
		*n = httpReadings{body: body, other: true}
		return
	}
	n.read(then, at, page, found)
}

func readsAsText(r *http.Response) bool {
	kind := strings.ToLower(r.Headers.Get("Content-Type"))
	_, coded := r.Headers.Find("Content-Encoding")
	return !coded && (strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") || strings.Contains(kind, "xml") || strings.Contains(kind, "javascript"))
}

// begin takes the first page.
func (n *httpReadings) begin(at time.Time, page []byte) {
	n.like = findMoving(page)
	n.text = n.like.rest(page)
	n.trends, n.clocks, n.minted = map[int]*Trend{}, map[int]*httpClockSeen{}, map[int]bool{}
	n.values, n.said = make([]int64, len(n.like.numbers)), make([]string, len(n.like.marks))
	for i, x := range n.like.numbers {
		n.values[i] = x.Value
	}
	for i, m := range n.like.marks {
		n.said[i] = string(page[m.From:m.To])
		if m.Form != "" {
			m = nearestReading(m, n.said[i], at)
			ahead := m.Ahead(at)
			n.clocks[i] = &httpClockSeen{form: m.Form, low: ahead, high: ahead}
		}
	}
	n.marks = n.like.marks
}

// nearestReading chooses between month first and day first: times in pages are rather of now.
func nearestReading(m profiles.HTTPMark, text string, at time.Time) profiles.HTTPMark {
	for _, pair := range [...][2]string{{"02/01/2006", "01/02/2006"}, {"02-01-2006", "01-02-2006"}} {
		form := strings.Replace(m.Form, pair[0], pair[1], 1)
		if form == m.Form {
			continue
		}
		if t, err := time.Parse(form, text); err == nil {
			other := m
			other.Form, other.Time = form, t
			if other.Ahead(at).Abs() < m.Ahead(at).Abs() {
				return other
			}
		}
	}
	return m
}

// same: the page says what it said before.
func (n *httpReadings) same(at time.Time) {
	for i, t := range n.trends {
		t.Add(at, uint64(n.values[i]), 64)
		n.beside.heard(httpHere{n, i}, at, uint64(n.values[i]))
	}
	for i, c := range n.clocks {
		c.see(&n.marks[i], at)
	}
}

func (n *httpReadings) read(then, at time.Time, page []byte, found *httpMoving) {
	for i, x := range found.numbers {
		v := x.Scaled(n.like.numbers[i].Decimals)
		t := n.trends[i]
		if t == nil && v != n.values[i] && !n.like.inside[i] {
			t = &Trend{}
			t.Add(then, uint64(n.values[i]), 64)
			n.trends[i] = t
		}
		if t != nil {
			t.Add(at, uint64(v), 64)
			n.hear(i, at, v, page, x)
		}
		n.values[i] = v
	}
	for i, m := range found.marks {
		text := string(page[m.From:m.To])
		if c := n.clocks[i]; c != nil {
			if t, err := time.Parse(c.form, text); err == nil {
				m.Form, m.Time = c.form, t
			}
			c.moved = c.moved || text != n.said[i]
			c.see(&m, at)
		} else if text != n.said[i] {
			n.minted[i] = true
		}
		n.said[i], found.marks[i] = text, m
	}
	n.marks = found.marks
}

func (c *httpClockSeen) see(m *profiles.HTTPMark, at time.Time) {
	ahead := m.Ahead(at)
	c.low, c.high = min(c.low, ahead), max(c.high, ahead)
}

// goesOn says whether it moved as a clock does.
func (c *httpClockSeen) goesOn(m *profiles.HTTPMark) bool {
	return c.moved && c.high-c.low <= clockJitter+m.Resolution()
}

func findMoving(page []byte) *httpMoving {
	f := &httpMoving{numbers: profiles.FindHTTPNumbers(page), marks: profiles.FindHTTPMarks(page)}
	f.inside = make([]bool, len(f.numbers))
	k := 0
	for i, x := range f.numbers {
		for k < len(f.marks) && f.marks[k].To <= x.From {
			k++
		}
		f.inside[i] = k < len(f.marks) && f.marks[k].From < x.To
	}
	return f
}

func (f *httpMoving) empty() bool { return len(f.numbers) == 0 && len(f.marks) == 0 }

// rest stands for a page without what may move in it.
func (f *httpMoving) rest(page []byte) [sha256.Size]byte {
	var b bytes.Buffer
	at, k := 0, 0
	put := func(from, to int, sign byte) {
		if from >= at {
			b.Write(page[at:from])
			b.WriteByte(sign)
			at = to
		}
	}
	marks := func(before int) {
		for ; k < len(f.marks) && f.marks[k].From < before; k++ {
			sign := byte('$')
			if f.marks[k].Form != "" {
				sign = '@'
			}
			put(f.marks[k].From, f.marks[k].To, sign)
		}
	}
	for i, x := range f.numbers {
		if marks(x.To); !f.inside[i] {
			put(x.From, x.To, '#')
		}
	}
	marks(len(page) + 1)
	b.Write(page[at:])
	return sha256.Sum256(b.Bytes())
}

// dynamics says how the numbers that moved go on, by their place among the numbers of the page.
func (n *httpReadings) dynamics() map[int]profiles.HTTPReading {
	all := map[int]profiles.HTTPReading{}
	for i, t := range n.trends {
		if point := n.points[i]; point != "" {
			all[i] = profiles.HTTPReading{Decimals: n.like.numbers[i].Decimals, Point: point}
			continue
		}
		if d := t.Dynamics(); d != nil && d.Const == nil {
			all[i] = profiles.HTTPReading{Decimals: n.like.numbers[i].Decimals, Dynamics: *d}
		}
	}
	return all
}

// times says which times in the page go on, by their place among its times. Where one does that has no date, so
// does a date that is of then.
func (n *httpReadings) times() map[int]profiles.HTTPClock {
	all := map[int]profiles.HTTPClock{}
	var timeless *time.Duration
	for i, c := range n.clocks {
		if m := &n.marks[i]; c.goesOn(m) {
			ahead := (c.low + (c.high-c.low)/2).Round(time.Second)
			all[n.place(i)] = profiles.HTTPClock{Form: c.form, Ahead: ahead}
			if !m.Dated() && m.Resolution() <= time.Second {
				timeless = &ahead
			}
		}
	}
	if timeless == nil {
		return all
	}
	for i, c := range n.clocks {
		m := &n.marks[i]
		if day := n.at.UTC().Add(*timeless).Truncate(24 * time.Hour); !c.moved && m.Resolution() == 24*time.Hour && m.Time.Equal(day) {
			all[n.place(i)] = profiles.HTTPClock{Form: c.form, Ahead: *timeless}
		}
	}
	return all
}

// tokens are the places of those that changed, among the tokens of the page.
func (n *httpReadings) tokens() (places []int) {
	for _, i := range slices.Sorted(maps.Keys(n.minted)) {
		places = append(places, n.place(i))
	}
	return places
}

// place counts the marks of the same kind before one.
func (n *httpReadings) place(i int) (k int) {
	for _, m := range n.marks[:i] {
		if (m.Form == "") == (n.marks[i].Form == "") {
			k++
		}
	}
	return k
}
