package clone

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// httpReadings follows the numbers in a page that is otherwise always the same, to find how they go on.
// Pages that never change cost next to nothing.
type httpReadings struct {
	body   string // the file of the last page
	other  bool   // the page changes in more than numbers
	text   [sha256.Size]byte
	like   []profiles.HTTPNumber // of the first page that was another than the one before; nil: none was
	at     time.Time             // when the last page was read
	values []int64               // the numbers in it
	trends map[int]*Trend        // of those that moved
}

// add takes a reading of the page, which is filed under a name of its own for each content.
func (n *httpReadings) add(at time.Time, r *http.Response, body string) {
	before := n.body
	if n.body = body; n.other || r.Status != 200 || before == "" {
		return
	}
	if body == before {
		for i, t := range n.trends {
			t.Add(at, uint64(n.values[i]), 64)
		}
		n.at = at
		return
	}
	kind := strings.ToLower(r.Headers.Get("Content-Type"))
	if _, coded := r.Headers.Find("Content-Encoding"); coded || !strings.HasPrefix(kind, "text/") && !strings.Contains(kind, "json") && !strings.Contains(kind, "xml") {
		n.other = true
		return
	}
	page := r.Plain()
	numbers := profiles.FindHTTPNumbers(page)
	text := sha256.Sum256(withoutNumbers(page, numbers))
	switch {
	case numbers == nil || n.like != nil && (text != n.text || len(numbers) != len(n.like)):
		*n = httpReadings{body: body, other: true}
		return
	case n.like == nil:
		n.text, n.like, n.values, n.at, n.trends = text, numbers, make([]int64, len(numbers)), at, map[int]*Trend{}
		for i, x := range numbers {
			n.values[i] = x.Value
		}
		return
	}
	for i, x := range numbers {
		v := x.Scaled(n.like[i].Decimals)
		t := n.trends[i]
		if t == nil && v != n.values[i] {
			t = &Trend{}
			t.Add(n.at, uint64(n.values[i]), 64)
			n.trends[i] = t
		}
		if t != nil {
			t.Add(at, uint64(v), 64)
		}
		n.values[i] = v
	}
	n.at = at
}

func withoutNumbers(page []byte, numbers []profiles.HTTPNumber) []byte {
	var b bytes.Buffer
	at := 0
	for _, x := range numbers {
		b.Write(page[at:x.From])
		b.WriteByte('#')
		at = x.To
	}
	b.Write(page[at:])
	return b.Bytes()
}

// dynamics says how the numbers that moved go on, by their place among the numbers of the page.
func (n *httpReadings) dynamics() map[int]profiles.HTTPReading {
	all := map[int]profiles.HTTPReading{}
	for i, t := range n.trends {
		if d := t.Dynamics(); d != nil && d.Const == nil {
			all[i] = profiles.HTTPReading{Decimals: n.like[i].Decimals, Dynamics: *d}
		}
	}
	return all
}
