package replay

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// A Report sums results up: a row for each protocol and class of request.
type Report struct {
	Rows        []*Row       `json:"rows"`
	Masks       []MaskCount  `json:"masks,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	Omitted     int          `json:"differences_omitted,omitempty"` // beyond Keep
	Fields      int          `json:"fields"`                        // compared outside headers
	MaskedThere int          `json:"fields_masked"`                 // of those
	Warnings    []string     `json:"warnings,omitempty"`

	Keep   int     `json:"-"` // how many differences to keep; 0: 1000
	Accept *Accept `json:"-"`

	rows  map[rowKey]*Row
	masks map[MaskCount]int
}

type rowKey struct{ device, protocol, class string }

// A Row is one class of requests to one device.
type Row struct {
	Device   string `json:"device"`
	Protocol string `json:"protocol"`
	Class    string `json:"class"`

	Asked     int `json:"asked"` // sent, and the answer (or silence) compared
	Equal     int `json:"equal"` // byte for byte
	Masked    int `json:"masked"`
	Different int `json:"different"`
	NoAnswer  int `json:"no_answer"`
	Accepted  int `json:"accepted"`
	Withheld  int `json:"withheld"` // not sent
	Lost      int `json:"lost"`     // sent, but the recording lost the answer
	Unsaid    int `json:"unsaid"`   // was said unasked, and did not come

	Recorded Quantiles `json:"recorded"`
	Measured Quantiles `json:"measured"`

	recorded, measured profiles.Sketch
}

// Quantiles are of answer times.
type Quantiles struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// A MaskCount says how often a field differed and was allowed to.
type MaskCount struct {
	Protocol string `json:"protocol"`
	Path     string `json:"path"`
	Why      string `json:"why"`
	Count    int    `json:"count"`
}

// A Difference is a wire.Difference with its place in the recording.
type Difference struct {
	Device   string `json:"device"`
	Protocol string `json:"protocol"`
	Class    string `json:"class"`
	Packet   int    `json:"packet"`
	wire.Difference
}

const keepDifferences = 1000

// Add takes the next result.
func (r *Report) Add(res *Result) {
	if r.rows == nil {
		r.rows, r.masks = map[rowKey]*Row{}, map[MaskCount]int{}
	}
	x := &res.Exchange
	row := r.row(rowKey{x.Server.Addr().String(), x.Protocol.Name(), class(res)})
	differences := res.Differences
	switch res.Verdict {
	case NoAnswer:
		want := "silence"
		if len(x.Replies) > 0 {
			want = brief(x.Replies[0])
		}
		got := "no answer"
		if res.Err != nil {
			got += ": " + res.Err.Error()
		}
		differences = []wire.Difference{{Path: "replies", Want: want, Got: got}}
	}
	if (res.Verdict == Different || res.Verdict == NoAnswer) && r.Accept != nil {
		rest := differences[:0:0]
		for _, d := range differences {
			if !r.Accept.knows(row.Protocol, row.Class, d) {
				rest = append(rest, d)
			}
		}
		if differences = rest; len(rest) == 0 {
			res.Verdict = Accepted
		}
	}
	row.count(res)
	r.Fields += res.Fields
	for _, m := range res.Masks {
		if !inHeader(m.Path, m.Why) && m.Why != "-" {
			r.MaskedThere++
		}
		r.masks[MaskCount{Protocol: row.Protocol, Path: withoutReply(m.Path), Why: m.Why}]++
	}
	keep := r.Keep
	if keep == 0 {
		keep = keepDifferences
	}
	for _, d := range differences {
		if len(r.Differences) >= keep {
			r.Omitted++
			continue
		}
		r.Differences = append(r.Differences, Difference{row.Device, row.Protocol, row.Class, x.Packets[0], d})
	}
}

func withoutReply(path string) string {
	if rest, ok := strings.CutPrefix(path, "reply "); ok {
		if _, p, ok := strings.Cut(rest, ": "); ok {
			return p
		}
	}
	return path
}

func class(res *Result) string {
	x := &res.Exchange
	if x.Request != nil {
		c, _ := wire.Class(x.Request)
		return c
	}
	m := res.Got
	if len(x.Replies) > 0 {
		m = x.Replies
	}
	if len(m) == 0 {
		return "(unasked)"
	}
	c, _ := wire.Class(m[0])
	return "(unasked) " + c
}

func (r *Report) row(k rowKey) *Row {
	row := r.rows[k]
	if row == nil {
		row = &Row{Device: k.device, Protocol: k.protocol, Class: k.class}
		r.rows[k] = row
		r.Rows = append(r.Rows, row)
	}
	return row
}

func (row *Row) count(res *Result) {
	switch res.Verdict {
	case Equal:
		row.Equal++
	case Masked:
		row.Masked++
	case Different:
		row.Different++
	case NoAnswer:
		row.NoAnswer++
	case Accepted:
		row.Accepted++
	case Withheld:
		row.Withheld++
	case Lost:
		row.Lost++
	case Unsaid:
		row.Unsaid++
	}
	switch res.Verdict {
	case Withheld, Lost, Unsaid:
	default:
		row.Asked++
	}
	if len(res.Got) > 0 && res.Exchange.Request != nil {
		row.measured.Add(res.Latency)
		if res.Exchange.Latency > 0 {
			row.recorded.Add(res.Exchange.Latency)
		}
	}
}

// Finish sorts what came in, once all has.
func (r *Report) Finish() {
	slices.SortFunc(r.Rows, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Class, b.Class))
	})
	for _, row := range r.Rows {
		row.quantiles()
	}
	r.Masks = r.Masks[:0]
	for m, n := range r.masks {
		m.Count = n
		r.Masks = append(r.Masks, m)
	}
	slices.SortFunc(r.Masks, func(a, b MaskCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Why, b.Why))
	})
	slices.SortStableFunc(r.Differences, func(a, b Difference) int { return cmp.Compare(a.Packet, b.Packet) })
}

// Total sums the rows up.
func (r *Report) Total() Row {
	var t Row
	for _, row := range r.Rows {
		t.Merge(row)
	}
	return t
}

// Merge adds another row to the row.
func (row *Row) Merge(o *Row) {
	row.Asked += o.Asked
	row.Equal += o.Equal
	row.Masked += o.Masked
	row.Different += o.Different
	row.NoAnswer += o.NoAnswer
	row.Accepted += o.Accepted
	row.Withheld += o.Withheld
	row.Lost += o.Lost
	row.Unsaid += o.Unsaid
	row.measured.Merge(&o.measured)
	row.recorded.Merge(&o.recorded)
	row.quantiles()
}

func (row *Row) quantiles() {
	row.Recorded = Quantiles{row.recorded.Quantile(.5), row.recorded.Quantile(.99)}
	row.Measured = Quantiles{row.measured.Quantile(.5), row.measured.Quantile(.99)}
}

// maskedMax is the part of the fields outside headers that may be masked before a comparison means little.
const maskedMax = .05

// MaskedShare is the part of the fields outside headers that was masked.
func (r *Report) MaskedShare() float64 {
	if r.Fields == 0 {
		return 0
	}
	return float64(r.MaskedThere) / float64(r.Fields)
}

// Failures says why the replay is no success; none: it is one.
func (r *Report) Failures() []string {
	t := r.Total()
	var f []string
	say := func(n int, one, many string) {
		switch {
		case n == 1:
			f = append(f, one)
		case n > 1:
			f = append(f, count(n)+" "+many)
		}
	}
	if t.Asked == 0 {
		f = append(f, "nothing was asked")
	}
	say(t.Different, "1 answer differs", "answers differ")
	say(t.NoAnswer, "1 request was not answered", "requests were not answered")
	if s := r.MaskedShare(); s > maskedMax {
		f = append(f, percent(s)+" of the fields outside headers are masked, more than "+percent(maskedMax))
	}
	return f
}
