package clone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// S7Scan asks a CPU for all that can be read: which TSAPs it connects to (s7_ask_tsap.go), its status lists
// (s7_ask_szl.go), its clock and its blocks (s7_ask_blocks.go), how far its memory reaches
// (s7_ask_extents.go), and what is in it, several times, so that what moves is seen to move (s7_ask_memory.go).
type S7Scan struct {
	TSAPs   []S7TSAP      // instead of the usual ones
	Search  bool          // every slot of every rack
	DBs     [2]int        // data blocks to look for where the CPU does not list them; zero: 1 to 1000
	Blocks  bool          // upload the blocks of the program; that reads, but keeps the CPU busy
	Samples int           // how often memory is read; 0: 5
	Every   time.Duration // between them; 0: 2 s
}

// An S7TSAP names both ends of a connection.
type S7TSAP struct{ Local, Remote []byte }

const (
	s7Samples = 5
	s7Every   = 2 * time.Second
	s7DBsMost = 1000
)

// Protocol is what it asks in.
func (s *S7Scan) Protocol() wire.Protocol { return s7comm.Protocol{} }

// Plan says what is asked of a CPU.
func (s *S7Scan) Plan(Care) []Step {
	o := s.options()
	connects := Step{"connect to slots", 1, len(s7Slots)*3 + len(s7OtherTSAPs) + 2}
	switch {
	case len(o.TSAPs) > 0:
		connects = Step{"connect to the TSAPs named", len(o.TSAPs), len(o.TSAPs)}
	case o.Search:
		connects = Step{"connect to every slot of every rack", 256, 256 + len(s7Slots)*2 + len(s7OtherTSAPs)}
	}
	steps := []Step{
		connects,
		{"setup communication", 1, 0},
		{"read SZL", 1 + len(s7AlwaysLists), 0},
		{"read clock", 1, o.Samples},
		{"list blocks, list blocks of type", 8, 0},
		{"get block info", 0, 0},
		{"read variable: how far memory reaches", 8, 0},
		{"read variable: contents", 0, 0},
	}
	if o.Blocks {
		steps = append(steps, Step{"start upload, upload, end upload", 0, 0})
	}
	return append(steps, Step{fmt.Sprintf("read variable: contents again, every %v; what moves %d times", o.Every, o.Samples), 0, 0})
}

// options fills in what was left to the scan.
func (s *S7Scan) options() S7Scan {
	o := *s
	if o.Samples <= 0 {
		o.Samples = s7Samples
	}
	if o.Every <= 0 {
		o.Every = s7Every
	}
	if o.DBs == ([2]int{}) {
		o.DBs = [2]int{1, s7DBsMost}
	}
	return o
}

// Check says what is wrong with the options.
func (s *S7Scan) Check() error {
	if s.DBs != ([2]int{}) && (s.DBs[0] < 0 || s.DBs[1] > 0xFFFF || s.DBs[0] > s.DBs[1]) {
		return fmt.Errorf("data blocks %d to %d: want numbers from 0 to 65535", s.DBs[0], s.DBs[1])
	}
	for _, t := range s.TSAPs {
		if len(t.Local) == 0 || len(t.Remote) == 0 || len(t.Local) > 32 || len(t.Remote) > 32 {
			return errors.New("tsap: want 1 to 32 bytes at each end")
		}
	}
	return nil
}

// Probe connects to slots until one takes the connection, and agrees on PDUs there: other protocols share the
// port, and the connecting.
func (s *S7Scan) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	a := s.asking(ctx, v, port)
	defer a.close()
	closed := 0
	for _, t := range a.usualTSAPs() {
		got, err := a.try(t)
		if err != nil {
			return err
		}
		switch got {
		case tsapClosed: // some CPUs refuse TSAPs so; other services refuse whatever it is
			if closed++; closed == probesClosed && !usualPort(s, port) {
				return ErrNotSpoken
			}
		case tsapConnected:
			if err := a.connect(t); err == nil || !errors.Is(err, errNoSession) {
				return err
			}
			return ErrNotSpoken
		case tsapGarbled, tsapSilent:
			return ErrNotSpoken
		}
	}
	return ErrNotSpoken
}

// probesClosed is how many TSAPs are tried on a port that may be another service's, and hangs up.
const probesClosed = 3

// Scan asks.
func (s *S7Scan) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	a := s.asking(ctx, v, port)
	defer a.close()
	if err := a.findTSAP(); err != nil {
		return err
	}
	for _, step := range []func() error{a.lists, a.clock, a.blocks, a.extents, a.contents, a.uploads, a.again} {
		if err := step(); err != nil {
			return err
		}
	}
	a.summary()
	a.follow()
	return nil
}

// s7Asking is one scan of one CPU.
type s7Asking struct {
	S7Scan
	ctx  context.Context
	v    *Visit
	port profiles.Port

	tsap  S7TSAP
	talk  *talk
	ref   uint16
	pdu   int // longest PDU agreed to
	tpdu  int // longest TPDU agreed to
	jobs  int
	parts int // answers that did not end

	known   map[s7comm.SZLRequest]bool // lists asked
	listed  []uint16
	dbs     []s7DB
	listing bool           // the CPU lists its data blocks
	numbers map[byte][]int // of blocks, by type

	items    int  // of one job
	many     bool // a job of several items was answered
	fails    int  // jobs in a row that were refused as a whole
	noMemory bool // so they all are
	found    []*s7Extent
	rounds   []s7Round
	moved    []s7Span // places in memory
	asked    int64    // questions, when the last sample was taken
}

func (s *S7Scan) asking(ctx context.Context, v *Visit, port profiles.Port) *s7Asking {
	return &s7Asking{S7Scan: s.options(), ctx: ctx, v: v, port: port, known: map[s7comm.SZLRequest]bool{}, numbers: map[byte][]int{}}
}

func (a *s7Asking) close() {
	if a.talk != nil {
		a.talk.close()
	}
}

const s7Name = "s7"

func (a *s7Asking) remark(kind Kind, format string, args ...any) {
	a.v.Remark(s7Name, kind, format, args...)
}
func (a *s7Asking) expect(n int) { a.v.Expect(s7Name, n) }

// header is that of the next PDU.
func (a *s7Asking) header() s7comm.Header {
	if a.ref++; a.ref == 0 {
		a.ref = 1
	}
	return s7comm.Header{Reference: a.ref}
}

// ask asks one question. nil without an error: it had no answer, and the scan goes on.
func (a *s7Asking) ask(m wire.Message) (wire.Message, error) {
	replies, err := a.talk.ask(a.ctx, m)
	switch {
	case err == nil:
		return replies[0], nil
	case errors.Is(err, ErrGone) || !goOn(err):
		return nil, err
	}
	return nil, nil
}

// askOn asks for what follows an answer, on the same connection.
func (a *s7Asking) askOn(m wire.Message) (wire.Message, error) {
	a.talk.bound = true
	defer func() { a.talk.bound = false }()
	return a.ask(m)
}

// s7Said is what a CPU says to a userdata question, the parts of it joined.
type s7Said struct {
	answered bool
	ok       bool   // and not refused
	refusal  string // how it was
	data     []byte
}

const (
	// s7PartsMax bounds the parts of one answer: the longest list, of diagnostics, has some hundred.
	s7PartsMax = 512
	// s7PartsFew are followed once a CPU has given answers without an end.
	s7PartsFew   = 8
	s7EndlessMax = 2
)

// userdata asks a question and for all parts of the answer. An answer that breaks off is asked for from its
// beginning once more: it belongs to the connection.
func (a *s7Asking) userdata(what string, q *s7comm.Userdata) (said s7Said, err error) {
	for range 2 {
		var whole bool
		if said, whole, err = a.userdataOnce(what, q); err != nil || whole {
			return said, err
		}
	}
	return said, nil
}

func (a *s7Asking) userdataOnce(what string, q *s7comm.Userdata) (said s7Said, whole bool, err error) {
	first := *q
	first.Header = a.header()
	m, err := a.ask(&first)
	r, ok := m.(*s7comm.UserdataReply)
	if err != nil || !ok {
		return said, true, err
	}
	said = s7Said{answered: true, ok: r.Error == 0 && r.ReturnCode == s7comm.CodeSuccess, data: r.Data}
	said.refusal = fmt.Sprintf("%04X/%02X", r.Error, r.ReturnCode)
	most := s7PartsMax
	if a.parts >= s7EndlessMax {
		most = s7PartsFew
	}
	for n := 1; r.More == 1; n++ {
		if n >= most {
			a.parts++
			a.remark(Suspicious, "%s: the answer has no end after %d parts", what, n)
			return said, true, nil
		}
		next := &s7comm.Userdata{Header: a.header(), Function: q.Function, Sequence: r.Sequence,
			Next: &s7comm.Continuation{DataUnitReference: r.DataUnitReference}, Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeNotExisting}}
		if m, err = a.askOn(next); err != nil {
			return said, true, err
		}
		if r, ok = m.(*s7comm.UserdataReply); !ok || r.Error != 0 || r.Function != q.Function {
			return said, false, nil
		}
		said.data = append(said.data, r.Data...)
	}
	return said, true, nil
}

// clock reads the time of day.
func (a *s7Asking) clock() error {
	_, err := a.userdata("clock", &s7comm.Userdata{Function: s7comm.Function{Group: s7comm.GroupTime, Subfunction: s7comm.TimeRead},
		Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeNotExisting}})
	return err
}
