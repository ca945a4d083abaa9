package clone

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Learner learns a CPU: memory byte by byte (s7_memory.go), answers to userdata (s7_userdata.go), jobs
// and how connections are set up. What has a cell for it counts as an asking that cells answer; the rest
// is kept whole.
type s7Learner struct {
	s       *Service
	memory  map[s7Area]*s7Memory
	items   map[s7Item]*s7ItemSeen
	cells   map[string]*profiles.Track
	order   []string // of cells, as first seen
	conns   map[uint64]*s7Conn
	ended   []uint64        // connections in the order first seen, to forget the oldest
	tsaps   map[string]bool // asked for: accepted or not
	lost    map[string]bool // of those, without an answer when their connection ended
	tsap    profiles.S7TSAP
	sizes   map[string]uint8 // in which transport size items of another are given
	numbers map[s7Place]*s7Number
	trends  int
	pduSeen int // longest read or pushed
	skew    time.Duration
	clock   bool
	secret  string // verifier of the password, or the password if secrets are kept
	scrub   bool
}

// s7Conn is what must be remembered of a connection to understand the next message.
type s7Conn struct {
	parts     map[s7comm.Function]*s7Partial
	upload    *s7Partial
	jobs      map[uint8]string     // question by job number: cyclic data
	jobPushed map[uint8]int        // messages pushed for it so far
	asked     map[uint8]string     // newest question by group
	pushed    map[uint8]int        // messages since then
	since     map[string]time.Time // when a question was last answered, or a message pushed because of it
}

// s7Partial is a long answer of which parts have come.
type s7Partial struct {
	name   string
	answer profiles.S7Answer
}

// Bounds on what learning remembers: connections that are open at once, names of cells, bytes of a long answer.
const (
	s7ConnsMax  = 4096
	s7CellsMax  = 1 << 18
	s7AnswerMax = 8 << 20
)

func newS7Learner(s *Service) learner {
	return &s7Learner{
		s: s, memory: map[s7Area]*s7Memory{}, items: map[s7Item]*s7ItemSeen{}, cells: map[string]*profiles.Track{},
		conns: map[uint64]*s7Conn{}, tsaps: map[string]bool{}, lost: map[string]bool{}, sizes: map[string]uint8{}, numbers: map[s7Place]*s7Number{},
	}
}

func (l *s7Learner) Learn(x *capture.Exchange) {
	c := l.conn(x.Conn)
	if x.Request == nil {
		l.pushed(c, x)
		return
	}
	if len(x.Replies) == 0 {
		l.unanswered(x)
		return
	}
	if len(x.Replies) == 1 && l.learn(c, x, x.Replies[0]) {
		l.s.Record.Count(x)
		return
	}
	l.s.Record.Keep(x)
}

// learn puts an answer into cells; false: they cannot express it.
func (l *s7Learner) learn(c *s7Conn, x *capture.Exchange, reply wire.Message) bool {
	if h, ok := reply.(interface{ Redundant() bool }); ok && h.Redundant() {
		return false
	}
	switch q := x.Request.(type) {
	case *s7comm.ConnectRequest:
		return l.connect(x, q, reply)
	case *s7comm.SetupCommunication:
		return l.setup(x, q, reply)
	case *s7comm.ReadVar:
		return l.readVar(x, q, reply)
	case *s7comm.WriteVar:
		return l.writeVar(x, q, reply)
	case *s7comm.Userdata:
		return l.userdata(c, x, q, reply)
	case *s7comm.Upload:
		return l.upload(c, x, reply)
	case *s7comm.Disconnect, *s7comm.Unknown, *s7comm.OtherTPDU:
		return false
	}
	return l.job(c, x, reply)
}

// unanswered: silence is kept; a reply that the recording lost is taken for what it was the last time,
// so that whoever asks again finds later samples in their places.
func (l *s7Learner) unanswered(x *capture.Exchange) {
	if !x.Lost {
		if q, ok := x.Request.(*s7comm.ConnectRequest); !ok {
			l.s.Record.Keep(x)
		} else if l.refusedTSAP(q); l.tsap.Refuse == "" {
			l.tsap.Refuse = "silence"
		}
		return
	}
	l.s.Record.Count(x)
	switch q := x.Request.(type) {
	case *s7comm.ConnectRequest:
		if len(l.lost) < s7CellsMax {
			l.lost[profiles.FormatTSAP(q.CalledTSAP())] = true
		}
	case *s7comm.ReadVar:
		for i := range q.Items {
			l.repeatItem(&q.Items[i])
		}
	case *s7comm.Userdata:
		if t := l.cells[s7Question(q)]; t != nil && !q.Continues() && !t.Last().Write {
			t.Add(t.Last().Value, false)
		}
	}
}

func (l *s7Learner) conn(id uint64) *s7Conn {
	c := l.conns[id]
	if c == nil {
		c = &s7Conn{}
		l.conns[id] = c
		l.ended = append(l.ended, id)
		if len(l.ended) > s7ConnsMax {
			l.forget(l.ended[0])
			l.ended = l.ended[1:]
		}
	}
	return c
}

// forget learns what a connection left unfinished.
func (l *s7Learner) forget(id uint64) {
	c := l.conns[id]
	delete(l.conns, id)
	for _, f := range slices.SortedFunc(maps.Keys(c.parts), func(a, b s7comm.Function) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Subfunction, b.Subfunction))
	}) {
		l.cutPart(c, f)
	}
	for _, group := range slices.Sorted(maps.Keys(c.asked)) {
		l.follow(c, group)
	}
	for _, job := range slices.Sorted(maps.Keys(c.jobs)) {
		l.followJob(c, job)
	}
}

// sample adds a reading to a named cell. x is where it was first seen, or nil.
func (l *s7Learner) sample(name string, value []byte, x *capture.Exchange) {
	t := l.cells[name]
	if t == nil {
		if len(l.cells) >= s7CellsMax {
			return
		}
		t = &profiles.Track{}
		t.SpillTo(l.s.spill)
		l.cells[name] = t
		l.order = append(l.order, name)
		if x != nil {
			l.s.Saw(l.s.fact(name), x)
		}
	}
	t.Add(value, false)
}

// fact is the name of a cell in the evidence.
func (s *Service) fact(cell string) string {
	return fmt.Sprintf("%s-%d %s", s.Protocol, s.Port.Number, cell)
}

func (l *s7Learner) refusedTSAP(q *s7comm.ConnectRequest) {
	if called := profiles.FormatTSAP(q.CalledTSAP()); !l.tsaps[called] && len(l.tsaps) < s7CellsMax {
		l.tsaps[called] = false
	}
}

// connect learns which TSAPs are accepted, and how.
func (l *s7Learner) connect(x *capture.Exchange, q *s7comm.ConnectRequest, reply wire.Message) bool {
	called := profiles.FormatTSAP(q.CalledTSAP())
	switch r := reply.(type) {
	case *s7comm.ConnectConfirm:
		if called == "" {
			return false
		}
		size := r.TPDUSize()
		first := len(r.Parameters) > 0 && len(q.Parameters) > 0 && r.Parameters[0].Code == s7comm.ParamTPDUSize && q.Parameters[0].Code != s7comm.ParamTPDUSize
		if wire.Diff(q.Confirm(r.SourceReference, size, first), r).Differences != nil {
			return false
		}
		if !l.tsaps[called] {
			l.s.Saw(l.s.fact("tsap "+called), x)
		}
		l.tsaps[called] = true
		if first {
			l.tsap.Order = "size-first"
		}
		if size < q.TPDUSize() || size > l.tsap.Size && size > 0 {
			l.tsap.Size = size
		}
		l.sample("reference", []byte{byte(r.SourceReference >> 8), byte(r.SourceReference)}, x)
		return true
	case *s7comm.Disconnect:
		l.tsap.Refuse, l.tsap.Reason = "disconnect", r.Reason
		l.refusedTSAP(q)
		return len(r.Rest) == 0 && len(r.Data) == 0 && called != "" && !l.tsaps[called]
	}
	return false
}

// setup learns the longest PDU and the number of jobs the device agrees to.
func (l *s7Learner) setup(x *capture.Exchange, q *s7comm.SetupCommunication, reply wire.Message) bool {
	r, ok := reply.(*s7comm.SetupCommunicationReply)
	if !ok || r.ErrorClass != 0 || r.ErrorCode != 0 || r.Reserved != 0 || r.PDULength > q.PDULength ||
		r.MaxAmQCalling > q.MaxAmQCalling || r.MaxAmQCalled > q.MaxAmQCalled {
		return false
	}
	if l.tsap.PDU == 0 {
		l.s.Saw(l.s.fact("pdu"), x)
	}
	if r.PDULength < q.PDULength || int(r.PDULength) > l.tsap.PDU {
		l.tsap.PDU = int(r.PDULength)
	}
	if jobs := max(r.MaxAmQCalling, r.MaxAmQCalled); jobs < max(q.MaxAmQCalling, q.MaxAmQCalled) {
		l.tsap.Jobs = int(jobs)
	}
	return true
}

// job learns a job that has no cells of its own: the answer to its parameters.
func (l *s7Learner) job(c *s7Conn, x *capture.Exchange, reply wire.Message) bool {
	name, ok := s7JobName(x.Request)
	if !ok {
		return false
	}
	kind, result, parameter, data, err := s7comm.Parts(reply)
	if err != nil || kind != 2 && kind != 3 {
		return false
	}
	if q, ok := x.Request.(*s7comm.StartUpload); ok {
		c.upload = nil
		if _, granted := s7UploadID(reply); granted {
			c.upload = &s7Partial{name: "block " + q.Filename}
		}
	}
	r := profiles.S7Reply{Kind: kind, ErrorClass: result.ErrorClass, ErrorCode: result.ErrorCode, Parameter: parameter, Data: data}
	l.sample(name, r.Append(nil), x)
	return true
}

// s7JobName names the cell of a job's answers: its parameters, without the upload's number, and its data.
func s7JobName(m wire.Message) (string, bool) {
	if e, ok := m.(*s7comm.EndUpload); ok {
		plain := *e
		plain.UploadID = 0
		m = &plain
	}
	kind, _, parameter, data, err := s7comm.Parts(m)
	if err != nil || kind != 1 {
		return "", false
	}
	name := "job " + hex.EncodeToString(parameter)
	if len(data) > 0 {
		name += " " + hex.EncodeToString(data)
	}
	return name, true
}

// upload learns a block's content from the parts.
func (l *s7Learner) upload(c *s7Conn, x *capture.Exchange, reply wire.Message) bool {
	r, ok := reply.(*s7comm.UploadReply)
	u := c.upload
	if !ok || u == nil || r.ErrorClass != 0 || r.ErrorCode != 0 || r.Status > 1 || len(u.answer.Data) > s7AnswerMax {
		c.upload = nil
		return false
	}
	if r.Status == 1 && len(u.answer.Data) == 0 {
		u.answer.Part = uint16(len(r.Part))
	}
	u.answer.Data = append(u.answer.Data, r.Part...)
	if r.Status == 0 {
		up := profiles.S7Upload{Part: u.answer.Part, Unknown: r.Unknown, Data: u.answer.Data}
		l.sample(u.name, up.Append(nil), x)
		c.upload = nil
	}
	return true
}
