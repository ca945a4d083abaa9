package emulate

import (
	"fmt"
	"slices"

	"ringer/capture/http"
	"ringer/profiles"
)

// httpMoving is a number in a page that goes on by itself once the recording is over.
type httpMoving struct {
	place    int // among the numbers of the page
	decimals int
	motion   *Motion
	started  bool
}

func (s *httpService) moving(spec *profiles.HTTPRoute) (all []httpMoving, err error) {
	for place, reading := range spec.Numbers {
		m, err := s.st.NewMotion(fmt.Sprintf("http %s number %d", spec.Cell(), place), &reading.Dynamics)
		if err != nil {
			return nil, fmt.Errorf("number %d: %w", place, err)
		}
		all = append(all, httpMoving{place: place, decimals: reading.Decimals, motion: m})
	}
	slices.SortFunc(all, func(a, b httpMoving) int { return a.place - b.place })
	return all, nil
}

// goOn puts into a page what its numbers are now. They begin with what the page says.
func (h *httpSession) goOn(r *httpRoute, p *httpReply, a *httpAsked, m *http.Response) {
	if m.Status != 200 {
		return
	}
	if p.numbers == nil {
		p.numbers = profiles.FindHTTPNumbers(p.data)
	}
	now, at := h.s.st.Now(), 0
	h.body = h.body[:0]
	for i := range r.numbers {
		x := &r.numbers[i]
		if x.place >= len(p.numbers) {
			break
		}
		like := p.numbers[x.place]
		if !x.started {
			x.started = true
			since := now
			if r.cell != nil {
				since = r.cell.since
			}
			x.motion.Start(since, uint64(like.Scaled(x.decimals)))
		}
		value := profiles.HTTPNumber{Value: x.motion.At(now).Int(), Decimals: x.decimals}
		h.body = append(h.body, p.data[at:like.From]...)
		h.body = profiles.AppendHTTPNumber(h.body, value.Scaled(like.Decimals), like, p.data)
		at = like.To
	}
	h.body = append(h.body, p.data[at:]...)
	setBody(m, p.named(h.body, h.host(a)))
}
