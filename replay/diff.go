package replay

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// A Verdict is what became of an exchange.
type Verdict uint8

const (
	Equal     Verdict = iota // byte for byte, silence included
	Masked                   // only in fields that may differ
	Different                //
	NoAnswer                 // the recorded device answered, the target did not
	Unsaid                   // the recorded device said it unasked, the target did not
	Withheld                 // not asked: see Options.Withhold
	Lost                     // not compared: the recording lost the answer
	Accepted                 // different, and known to be
)

var verdictNames = [...]string{"equal", "masked", "different", "no answer", "unsaid", "withheld", "lost", "accepted"}

func (v Verdict) String() string { return verdictNames[v] }

// A Result is one exchange asked again.
type Result struct {
	Exchange    capture.Exchange
	Verdict     Verdict
	Got         []wire.Message
	Latency     time.Duration // until the target's first reply
	Fields      int           // fields that were compared, outside headers
	Differences []wire.Difference
	Masks       []wire.Mask
	Err         error // why there was no answer
}

// judge compares what the target said with what was recorded. x.Request is nil for what is said unasked;
// without replies of its own, such an x is something the recorded device did not say.
func (s *Study) judge(x *capture.Exchange, got []Said, err error) Result {
	r := Result{Exchange: *x}
	for _, g := range got {
		r.Got = append(r.Got, g.Message)
	}
	switch {
	case x.Lost:
		r.Verdict = Lost
		return r
	case len(got) == 0 && len(x.Replies) == 0:
		// Silence is what was recorded; nobody there is not. A target that has no such service at all is silent.
		if err != nil && !errors.Is(err, errHungUp) && !errors.Is(err, ErrNoCounterpart) {
			r.Verdict, r.Err = NoAnswer, err
		}
		return r
	case len(got) == 0:
		r.Verdict, r.Err = NoAnswer, err
		if x.Request == nil {
			r.Verdict = Unsaid
		}
		return r
	}
	var want, have []byte
	for _, m := range x.Replies {
		want, _ = m.Append(want)
	}
	for _, g := range got {
		have = append(have, g.Raw...)
	}
	if len(x.Replies) > 0 && bytes.Equal(want, have) {
		for _, m := range x.Replies {
			r.Fields += countFields(m)
		}
		return r
	}
	s.compare(&r, x, got)
	return r
}

func (s *Study) compare(r *Result, x *capture.Exchange, got []Said) {
	if n, m := len(x.Replies), len(got); n != m {
		r.Differences = append(r.Differences, wire.Difference{Path: "replies", Want: replies(n), Got: replies(m) + describe(got)})
	}
	for i := range min(len(x.Replies), len(got)) {
		c := wire.Diff(x.Replies[i], got[i].Message)
		at := ""
		if len(x.Replies) > 1 {
			at = "reply " + strconv.Itoa(i+1) + ": "
		}
		r.Fields += countFields(x.Replies[i])
		for _, m := range c.Masked {
			r.Masks = append(r.Masks, wire.Mask{Path: at + m.Path, Why: m.Why})
		}
		if got[i].Renamed {
			r.Masks = append(r.Masks, wire.Mask{Path: at + "texts of the server's own making", Why: "minted"})
		}
		for _, d := range c.Differences {
			if d.Want != absent && d.Got != absent && s.mayVary(x, d.Path) {
				r.Masks = append(r.Masks, wire.Mask{Path: at + d.Path, Why: learned})
				continue
			}
			d.Path = at + d.Path
			r.Differences = append(r.Differences, d)
		}
		if len(c.Differences) == 0 && len(c.Masked) == 0 && !got[i].Renamed {
			s.compareBytes(r, at, x.Replies[i], got[i])
		}
	}
	r.Verdict = Masked
	if len(r.Differences) > 0 {
		r.Verdict = Different
	}
}

const (
	absent  = "(absent)" // as wire.Diff writes it
	learned = "learned"
)

// compareBytes explains replies whose fields agree and whose bytes do not: by fields that are not compared,
// else the encoding differs.
func (s *Study) compareBytes(r *Result, at string, want wire.Message, got Said) {
	raw, _ := want.Append(nil)
	if bytes.Equal(raw, got.Raw) {
		return
	}
	aside := map[string]string{}
	wire.Fields(want, func(path, tag string, v reflect.Value) {
		if tag == "-" {
			aside[path] = wire.FieldText(v)
		}
	})
	excused := false
	wire.Fields(got.Message, func(path, tag string, v reflect.Value) {
		if was, ok := aside[path]; tag == "-" && (!ok || was != wire.FieldText(v)) {
			r.Masks = append(r.Masks, wire.Mask{Path: at + path, Why: tag})
			excused = true
		}
	})
	if excused {
		return
	}
	i := 0
	for i < len(raw) && i < len(got.Raw) && raw[i] == got.Raw[i] {
		i++
	}
	r.Differences = append(r.Differences, wire.Difference{
		Path: at + "bytes", Want: fmt.Sprintf("%s at %d of %d bytes", window(raw, i), i, len(raw)),
		Got: fmt.Sprintf("%s at %d of %d bytes", window(got.Raw, i), i, len(got.Raw)),
	})
}

func window(b []byte, i int) string { return hex.EncodeToString(b[i:min(i+8, len(b))]) }

// inHeader says whether a field belongs to what frames a message rather than to what it says: what is
// echoed, minted, counted or computed, and the header and trailer fields of protocols that call them so.
func inHeader(path, tag string) bool {
	switch tag {
	case "echo", "minted", "count", "sum":
		return true
	}
	for part := range strings.SplitSeq(path, ".") {
		name, _, _ := strings.Cut(part, "[")
		if strings.HasPrefix(name, "Header") || strings.HasPrefix(name, "Trailer") {
			return true
		}
	}
	return false
}

// countFields counts the fields of a message outside headers.
func countFields(m wire.Message) (n int) {
	wire.Fields(m, func(path, tag string, _ reflect.Value) {
		if tag != "-" && !inHeader(path, tag) {
			n++
		}
	})
	return n
}

func replies(n int) string {
	switch n {
	case 0:
		return "silence"
	case 1:
		return "1 reply"
	}
	return strconv.Itoa(n) + " replies"
}

// describe shows what came first where nothing, or something else, was wanted.
func describe(got []Said) string {
	if len(got) == 0 {
		return ""
	}
	return ": " + brief(got[0].Message)
}

const briefMax = 120

func brief(m wire.Message) string {
	b := wire.AppendJSON(nil, m)
	if len(b) > briefMax {
		b = append(b[:briefMax], "…"...)
	}
	return strings.ToValidUTF8(string(b), "")
}
