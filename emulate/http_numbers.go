package emulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// httpMoving is what goes on by itself in a page once the recording is over.
type httpMoving struct {
	numbers []httpNumber
	clocks  map[int]profiles.HTTPClock // by their place among the times of the page
	tokens  []int                      // places among its tokens
	points  bool                       // some of the numbers show points
}

func (m *httpMoving) any() bool { return len(m.numbers) > 0 || len(m.clocks) > 0 || len(m.tokens) > 0 }

// A httpNumber is one that follows dynamics, or shows a point.
type httpNumber struct {
	place    int // among the numbers of the page
	decimals int
	motion   *Motion
	started  bool
	point    *PointState // nil: it has none
	writes   int         // of the point, while the recording plays
}

// overtaken says that somebody wrote a point that the page shows: its recording has ended.
func (m *httpMoving) overtaken() bool {
	return m.points && slices.ContainsFunc(m.numbers, func(n httpNumber) bool { return n.point != nil && n.point.Writes() != n.writes })
}

func (s *httpService) moving(spec *profiles.HTTPRoute) (all httpMoving, err error) {
	for place, reading := range spec.Numbers {
		if reading.Point != "" {
			p, err := s.st.Point(reading.Point)
			if err != nil {
				return all, fmt.Errorf("number %d: %w", place, err)
			}
			all.points = true
			all.numbers = append(all.numbers, httpNumber{place: place, decimals: reading.Decimals, point: p, writes: p.Writes()})
			continue
		}
		m, err := s.st.NewMotion(fmt.Sprintf("http %s number %d", spec.Cell(), place), &reading.Dynamics)
		if err != nil {
			return all, fmt.Errorf("number %d: %w", place, err)
		}
		all.numbers = append(all.numbers, httpNumber{place: place, decimals: reading.Decimals, motion: m})
	}
	slices.SortFunc(all.numbers, func(a, b httpNumber) int { return a.place - b.place })
	all.clocks, all.tokens = spec.Clocks, spec.Tokens
	return all, nil
}

// A httpChange is what takes the place of a text in a page.
type httpChange struct {
	from, to int
	text     []byte
}

// goOn puts into a page what its numbers and times are now, and new tokens. Numbers begin with what the page
// says.
func (h *httpSession) goOn(r *httpRoute, p *httpReply, a *httpAsked, m *http.Response) {
	if m.Status != 200 {
		return
	}
	if p.numbers == nil {
		p.numbers, p.marks = profiles.FindHTTPNumbers(p.data), profiles.FindHTTPMarks(p.data)
	}
	now := h.s.st.Now()
	changes := append(h.numbersNow(r, p, now), h.marksNow(r, p, now)...)
	slices.SortFunc(changes, func(a, b httpChange) int { return cmp.Compare(a.from, b.from) })
	at := 0
	h.body = h.body[:0]
	for _, c := range changes {
		if c.from < at {
			continue
		}
		h.body = append(append(h.body, p.data[at:c.from]...), c.text...)
		at = c.to
	}
	h.body = append(h.body, p.data[at:]...)
	setBody(m, p.named(h.body, h.host(a)))
}

func (h *httpSession) numbersNow(r *httpRoute, p *httpReply, now time.Time) (changes []httpChange) {
	for i := range r.moving.numbers {
		x := &r.moving.numbers[i]
		if x.place >= len(p.numbers) {
			break
		}
		like := p.numbers[x.place]
		if x.point != nil {
			f := math.Round(x.point.Get().Float() * math.Pow10(x.decimals))
			value := profiles.HTTPNumber{Value: int64(max(-1<<52, min(1<<52, f))), Decimals: x.decimals}
			changes = append(changes, httpChange{like.From, like.To, profiles.AppendHTTPNumber(nil, value.Scaled(like.Decimals), like, p.data)})
			continue
		}
		if !x.started {
			x.started = true
			since := now
			if r.cell != nil {
				since = r.cell.since
			}
			x.motion.Start(since, uint64(like.Scaled(x.decimals)))
		}
		value := profiles.HTTPNumber{Value: x.motion.At(now).Int(), Decimals: x.decimals}
		changes = append(changes, httpChange{like.From, like.To, profiles.AppendHTTPNumber(nil, value.Scaled(like.Decimals), like, p.data)})
	}
	return changes
}

func (h *httpSession) marksNow(r *httpRoute, p *httpReply, now time.Time) (changes []httpChange) {
	clock, token := 0, 0
	for _, x := range p.marks {
		if x.Form == "" {
			if slices.Contains(r.moving.tokens, token) {
				changes = append(changes, httpChange{x.From, x.To, profiles.LikeToken(p.data[x.From:x.To], h.s.rand)})
			}
			token++
			continue
		}
		if c, ok := r.moving.clocks[clock]; ok {
			text := now.UTC().Add(c.Ahead).Format(c.Form)
			if was := string(p.data[x.From:x.To]); was == strings.ToUpper(was) {
				text = strings.ToUpper(text)
			}
			changes = append(changes, httpChange{x.From, x.To, []byte(text)})
		}
		clock++
	}
	return changes
}
