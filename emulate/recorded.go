package emulate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A Script answers from whole recorded messages: the k-th asking of a question gets its k-th answer, and
// silence is an answer. It holds what cells cannot express; questions it does not know cost one look-up.
//
// The asking that an exchange of a recording stands for is in the comment of its request's packet, as
// clone wrote it: "asking 4-6 of 10". Without one, exchanges count up as they come.
type Script struct {
	questions map[string]*question
	unasked   []capture.Exchange
	key       []byte
}

type question struct {
	asked   int
	total   int // how often it was asked in the recordings, whole or not
	entries []entry
	next    int            // the first entry that is not past
	whole   int            // how many askings the entries stand for
	last    []wire.Message // the newest replies; silence only if there was nothing else
}

type entry struct {
	from, to int
	replies  []wire.Message
}

// NewScript reads the recordings of a service.
func NewScript(dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (*Script, error) {
	s := &Script{questions: map[string]*question{}}
	// What is spoken there is known, however little of it there is, and whatever usually is there: what came
	// over TLS stands in recordings in the clear.
	there := map[uint16]wire.Protocol{svc.Common().Port.Number: p}
	for _, name := range svc.Common().Recordings {
		f, err := dev.Files.Open(path.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
		before := map[*question]int{}
		for x, err := range capture.Exchanges(f, capture.Options{Name: name, Protocols: []wire.Protocol{p}, ForcePort: there}) {
			if err != nil {
				f.Close()
				return nil, fmt.Errorf("recording: %w", err)
			}
			if x.Request == nil {
				s.unasked = append(s.unasked, x)
				continue
			}
			s.add(x, before)
		}
		f.Close()
	}
	for _, q := range s.questions {
		slices.SortStableFunc(q.entries, func(a, b entry) int { return cmp.Compare(a.from, b.from) })
	}
	return s, nil
}

// add files an exchange; before has how far each question had come in earlier recordings.
func (s *Script) add(x capture.Exchange, before map[*question]int) {
	key := wire.Key(x.Request)
	q := s.questions[key]
	if q == nil {
		q = &question{}
		s.questions[key] = q
	}
	base, ok := before[q]
	if !ok {
		base = q.total
		before[q] = base
	}
	from, to, total := 0, 0, 0
	if i := strings.Index(x.Note, "asking "); i < 0 {
		from = q.total - base + 1
		to, total = from, from
	} else if n, _ := fmt.Sscanf(x.Note[i:], "asking %d-%d of %d", &from, &to, &total); n != 3 {
		fmt.Sscanf(x.Note[i:], "asking %d of %d", &from, &total) // as a person may write it
		to = from
	}
	q.entries = append(q.entries, entry{base + from, base + to, x.Replies})
	q.total = max(q.total, base+total)
	q.whole += to - from + 1
	if len(x.Replies) > 0 || q.last == nil {
		q.last = x.Replies
	}
}

// Empty says that there is nothing to look up.
func (s *Script) Empty() bool { return len(s.questions) == 0 }

// Unasked is what the device was recorded to say without being asked.
func (s *Script) Unasked() []capture.Exchange { return s.unasked }

// Ask counts one asking of a request. found says that the recording has the answer to it, which may be
// silence; else it is for the cells, or for nobody. When all askings are past, a question that was only
// ever answered whole goes on getting its last answer that was not silence.
func (s *Script) Ask(req wire.Message) (replies []wire.Message, found bool) {
	if len(s.questions) == 0 {
		return nil, false
	}
	s.key = wire.AppendKey(s.key[:0], req)
	q, ok := s.questions[string(s.key)]
	if !ok {
		return nil, false
	}
	q.asked++
	for q.next < len(q.entries) && q.entries[q.next].to < q.asked {
		q.next++
	}
	if q.next < len(q.entries) {
		if e := &q.entries[q.next]; e.from <= q.asked {
			return fit(e.replies, req), true
		}
		return nil, false
	}
	if q.asked > q.total && q.whole >= q.total {
		return fit(q.last, req), true
	}
	return nil, false
}

// fit makes recorded replies answer this request. The recording's own messages are changed and returned:
// they are good until the next answer.
func fit(replies []wire.Message, req wire.Message) []wire.Message {
	for _, m := range replies {
		wire.Echo(m, req)
	}
	return replies
}

// recordedService is a protocol that is answered from recordings alone.
type recordedService struct {
	p      wire.Protocol
	script *Script
}

func openRecorded(_ *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	s, err := NewScript(dev, svc, p)
	if err != nil {
		return nil, err
	}
	return &recordedService{p, s}, nil
}

func (s *recordedService) Protocol() wire.Protocol { return s.p }
func (s *recordedService) Open(Peer) Session       { return recordedSession{script: s.script} }

type recordedSession struct {
	Quiet
	script *Script
}

func (s recordedSession) Answer(req wire.Message) Answer {
	replies, found := s.script.Ask(req)
	if !found {
		return Answer{From: Refused}
	}
	return Answer{Messages: replies, From: Recorded}
}
