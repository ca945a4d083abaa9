package clone

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A Recorder keeps whole exchanges: what a protocol's cells cannot express. It also counts how often
// each question was asked, so that the decoy knows which asking a kept answer belongs to
// (emulate.Script). Every exchange with a request goes to exactly one of Keep and Count.
//
// The exchanges themselves go to the spill at once; of each kept one, and of each question, a few numbers
// stay in memory.
type Recorder struct {
	protocol wire.Protocol
	spill    *profiles.Spill
	seed     maphash.Seed
	asked    map[uint64]asked
	kept     []kept
	buf      []byte
	err      error // a message that cannot be written
}

// asked is what is known of a question.
type asked struct {
	times uint32
	last  uint32 // the exchange kept last, as an index into kept and 1 more; 0: none
	print uint64 // of its replies
}

// kept is an exchange in the spill. The hash of its question lies before it there.
type kept struct {
	at       int64 // when, in nanoseconds
	place    int64
	from, to uint32 // the askings it stands for; 0: nobody asked
}

// countMax bounds the questions that are counted; rarer ones beyond it count from 1.
const countMax = 1 << 20

func newRecorder(p wire.Protocol, spill *profiles.Spill) *Recorder {
	return &Recorder{protocol: p, spill: spill, seed: maphash.MakeSeed(), asked: map[uint64]asked{}}
}

// question counts an asking.
func (r *Recorder) question(req wire.Message) (h uint64, q asked) {
	r.buf = wire.AppendKey(r.buf[:0], req)
	h = maphash.Bytes(r.seed, r.buf)
	q = r.asked[h]
	if q.times < math.MaxUint32 {
		q.times++
	}
	r.set(h, q)
	return h, q
}

func (r *Recorder) set(h uint64, q asked) {
	if _, ok := r.asked[h]; ok || len(r.asked) < countMax {
		r.asked[h] = q
	}
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
		r.put(0, x, 0)
		return
	}
	h, q := r.question(x.Request)
	if x.Lost && len(x.Replies) == 0 {
		return
	}
	print := r.print(x)
	if q.last > 0 && q.print == print && r.kept[q.last-1].to == q.times-1 {
		r.kept[q.last-1].to = q.times
		return
	}
	r.put(h, x, q.times)
	q.last, q.print = uint32(len(r.kept)), print
	r.set(h, q)
}

// print is the same for the same replies to the same question.
func (r *Recorder) print(x *capture.Exchange) (print uint64) {
	print, r.buf = printReplies(r.seed, r.buf, x)
	return print
}

func printReplies(seed maphash.Seed, b []byte, x *capture.Exchange) (uint64, []byte) {
	b = b[:0]
	for _, m := range x.Replies {
		wire.Unecho(m, x.Request)
		at := len(b)
		b, _ = m.Append(append(b, 0, 0, 0, 0))
		if len(b) >= at+4 {
			binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at))
		}
		wire.Echo(m, x.Request)
	}
	return maphash.Bytes(seed, b), b
}

func (r *Recorder) put(h uint64, x *capture.Exchange, asking uint32) {
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], h)
	k := kept{at: x.At.UnixNano(), place: r.spill.Put(head[:]), from: asking, to: asking}
	var err error
	if _, r.buf, err = putExchange(r.spill, r.buf, x); err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: writing a message: %w", r.protocol.Name(), err)
	}
	r.kept = append(r.kept, k)
	if cap(r.buf) > recordBuffer {
		r.buf = nil
	}
}

// recordBuffer is what a Recorder may hold on to for the next exchange.
const recordBuffer = 1 << 20

// Len says how many exchanges are kept.
func (r *Recorder) Len() int { return len(r.kept) }

// finish writes the kept exchanges as recordings/<name>.pcapng, and says under which name.
func (r *Recorder) finish(out *Output, stem string) (name string, err error) {
	if len(r.kept) == 0 {
		return "", nil
	}
	name = "recordings/" + stem + ".pcapng"
	if r.err != nil {
		return "", fmt.Errorf("%s: %w", name, r.err)
	}
	f, err := out.Create(name)
	if err != nil {
		return "", err
	}
	if err := r.write(capture.NewWriter(f)); err != nil {
		f.Close()
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return name, f.Close()
}

func (r *Recorder) write(w *capture.Writer) error {
	slices.SortStableFunc(r.kept, func(a, b kept) int { return cmp.Compare(a.at, b.at) })
	in := exchangeReader{spill: r.spill}
	for _, k := range r.kept {
		head, err := in.bytes(k.place, 8)
		if err != nil {
			return err
		}
		h := binary.LittleEndian.Uint64(head)
		x, err := in.exchange(k.place + 8)
		if err != nil {
			return err
		}
		x.At, x.Protocol = time.Unix(0, k.at), r.protocol
		if k.from > 0 {
			x.Note = fmt.Sprintf("asking %d-%d of %d", k.from, k.to, max(k.to, r.asked[h].times))
		}
		if err := w.Write(x); err != nil {
			return err
		}
	}
	return w.Close()
}
