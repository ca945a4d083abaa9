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
type httpReadings struct {
	text   [sha256.Size]byte // the page without its numbers
	trends []*Trend
	like   []profiles.HTTPNumber // of the first page
	last   [sha256.Size]byte     // the whole page
	moved  bool
	other  bool // the page changes in more than numbers
}

// add takes a reading of the page.
func (n *httpReadings) add(at time.Time, r *http.Response) {
	kind := strings.ToLower(r.Headers.Get("Content-Type"))
	_, coded := r.Headers.Find("Content-Encoding")
	if n.other || r.Status != 200 || coded || !strings.HasPrefix(kind, "text/") && !strings.Contains(kind, "json") && !strings.Contains(kind, "xml") {
		return
	}
	page := r.Plain()
	whole := sha256.Sum256(page)
	numbers := profiles.FindHTTPNumbers(page)
	text := sha256.Sum256(withoutNumbers(page, numbers))
	switch {
	case numbers == nil:
		n.other = true
		return
	case n.trends == nil:
		n.text, n.like, n.last = text, numbers, whole
		for range numbers {
			n.trends = append(n.trends, &Trend{})
		}
	case text != n.text || len(numbers) != len(n.trends):
		n.other, n.trends = true, nil
		return
	}
	n.moved = n.moved || whole != n.last
	n.last = whole
	for i, x := range numbers {
		n.trends[i].Add(at, uint64(x.Scaled(n.like[i].Decimals)), 64)
	}
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
	if n.other || !n.moved {
		return nil
	}
	all := map[int]profiles.HTTPReading{}
	for i, t := range n.trends {
		if d := t.Dynamics(); d != nil && d.Const == nil {
			all[i] = profiles.HTTPReading{Decimals: n.like[i].Decimals, Dynamics: *d}
		}
	}
	return all
}
