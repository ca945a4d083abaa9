package clone

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"

	"ringer/capture"
	"ringer/capture/wire"
)

// A Recorder keeps whole exchanges: what a protocol's cells cannot express. It also counts how often
// each question was asked, so that the decoy knows which asking a kept answer belongs to
// (emulate.Script). Every exchange with a request goes to exactly one of Keep and Count.
type Recorder struct {
	p     wire.Protocol
	seed  maphash.Seed
	asked map[uint64]*asked
	kept  []*kept
	key   []byte
}

type asked struct {
	times int
	first wire.Message // the first request kept
	last  *kept
}

type kept struct {
	x        capture.Exchange
	question *asked
	from, to int
	bytes    []byte // of the replies, as if they answered the question's first request
}

// countMax bounds the questions that are counted; rarer ones beyond it count from 1.
const countMax = 1 << 20

func newRecorder(p wire.Protocol) *Recorder {
	return &Recorder{p: p, seed: maphash.MakeSeed(), asked: map[uint64]*asked{}}
}

func (r *Recorder) question(req wire.Message) *asked {
	r.key = wire.AppendKey(r.key[:0], req)
	h := maphash.Bytes(r.seed, r.key)
	q := r.asked[h]
	if q == nil {
		q = &asked{}
		if len(r.asked) < countMax {
			r.asked[h] = q
		}
	}
	q.times++
	return q
}

// Count counts an asking that the cells answer.
func (r *Recorder) Count(x *capture.Exchange) {
	if x.Request != nil {
		r.question(x.Request)
	}
}

// Keep keeps an exchange whole: its replies, or that the device was silent. What the recording lost
// teaches nothing and is only counted.
func (r *Recorder) Keep(x *capture.Exchange) {
	if x.Request == nil {
		r.kept = append(r.kept, &kept{x: *x})
		return
	}
	q := r.question(x.Request)
	if x.Lost && len(x.Replies) == 0 {
		return
	}
	k := &kept{x: *x, question: q, from: q.times, to: q.times}
	if q.first == nil {
		q.first = x.Request
	}
	for _, m := range x.Replies {
		wire.Echo(m, q.first)
		k.bytes, _ = m.Append(k.bytes)
		wire.Echo(m, x.Request)
	}
	if l := q.last; l != nil && l.to == k.from-1 && len(l.x.Replies) == len(x.Replies) && bytes.Equal(l.bytes, k.bytes) {
		l.to = k.to
		return
	}
	if q.last != nil {
		q.last.bytes = nil
	}
	q.last = k
	r.kept = append(r.kept, k)
}

// Len says how many exchanges are kept.
func (r *Recorder) Len() int { return len(r.kept) }

// finish writes the kept exchanges as recordings/<name>.pcapng, and says under which name.
func (r *Recorder) finish(out *Output, stem string) (name string, err error) {
	if len(r.kept) == 0 {
		return "", nil
	}
	name = "recordings/" + stem + ".pcapng"
	f, err := out.Create(name)
	if err != nil {
		return "", err
	}
	w := capture.NewWriter(f)
	slices.SortStableFunc(r.kept, func(a, b *kept) int { return a.x.At.Compare(b.x.At) })
	for _, k := range r.kept {
		if k.question != nil {
			k.x.Note = fmt.Sprintf("asking %d-%d of %d", k.from, k.to, k.question.times)
		}
		if err := w.Write(k.x); err != nil {
			f.Close()
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		f.Close()
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return name, f.Close()
}
