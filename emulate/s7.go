package emulate

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Service is a SIMATIC CPU on port 102: memory (s7_memory.go), userdata (s7_userdata.go), status lists
// (s7_szl.go), blocks (s7_blocks.go), stopping and starting (s7_control.go), pushed messages (s7_push.go).
type s7Service struct {
	p      wire.Protocol
	st     *State
	dev    *profiles.Device
	sec    *profiles.S7
	script *Script
	tsaps  []s7TSAP
	pdu    int
	size   int // of TPDUs
	dbs    map[uint16]*s7Memory
	areas  [256]*s7Memory
	cells  map[string]*Cell // by the names of profiles/s7_cells.go; bytes and items are with memory
	items  map[string]*Cell
	lists  map[uint32]*s7List
	listed map[uint16]bool // ids in list 0x0000; nil: there is none
	blocks []s7Block
	// downloaded blocks that were not made part of the program yet, by type and number
	downloaded map[string]*s7Download
	mode       s7Mode
	skew       time.Duration
	part       uint8
	noList     profiles.S7Answer  // what unknown lists get
	noInfo     *profiles.S7Answer // what the information on unknown blocks gets; nil: the usual refusal
	noUpload   uint16             // what the upload of a block gets that is not there
	kept       uint16             // and of one that is, but whose content is not known
	noDB       s7comm.Value       // what data blocks get that are not there
	noArea     s7comm.Value       // what areas get that are not there
	outside    s7comm.Value       // what addresses get behind an area's end
	sizes      map[s7Size]s7SizeRule
	callers    uint16 // connections so far
}

type s7TSAP struct {
	value []byte
	slot  bool // any kind of connection
	any   bool
}

func openS7(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	sec, ok := svc.Section.(*profiles.S7)
	if !ok {
		return nil, fmt.Errorf("the section is a %T, not one for s7", svc.Section)
	}
	s := &s7Service{
		p: p, st: st, dev: dev, sec: sec, pdu: sec.TSAP.PDU, size: sec.TSAP.Size,
		dbs: map[uint16]*s7Memory{}, cells: map[string]*Cell{}, items: map[string]*Cell{}, lists: map[uint32]*s7List{},
		downloaded: map[string]*s7Download{},
	}
	if s.pdu == 0 {
		s.pdu = leastPDU
	}
	if s.size == 0 {
		s.size = 1024
	}
	if sec.Clock != nil {
		s.skew = sec.Clock.Skew
	}
	var err error
	if s.script, err = NewScript(dev, svc, p); err != nil {
		return nil, err
	}
	accept := sec.TSAP.Accept
	if len(accept) == 0 {
		accept = []string{"rack0slot1", "rack0slot2"}
	}
	for _, t := range accept {
		v, slot, err := profiles.ParseTSAP(t)
		if err != nil {
			return nil, fmt.Errorf("tsap %w", err)
		}
		s.tsaps = append(s.tsaps, s7TSAP{v, slot, t == profiles.AnyTSAP})
	}
	for _, step := range []func() error{s.openMemory, s.openSamples, s.openMode, s.openBlocks, s.openLists, s.openRefusals} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openSamples reads what was recorded; bytes go to memory, the rest to named cells. Samples of a later
// recording go on where those of an earlier one end.
func (s *s7Service) openSamples() error {
	type sampled struct {
		track    profiles.Track
		dynamics *profiles.Dynamics
	}
	cells := map[string]*sampled{}
	for _, name := range s.sec.Samples {
		f, err := s.dev.Files.Open(path.Clean(name))
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		err = profiles.ReadSamples(f, func(cell string, d *profiles.Dynamics, t profiles.Track) error {
			c := cells[cell]
			if c == nil {
				cells[cell] = &sampled{t, d}
				return nil
			}
			c.track.Append(&t)
			c.dynamics = d
			return nil
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, c := range cells {
		if err := s.sample(name, c.dynamics, &c.track); err != nil {
			return err
		}
	}
	return nil
}

// sample files one cell.
func (s *s7Service) sample(name string, d *profiles.Dynamics, t *profiles.Track) error {
	if area, offset, ok := strings.Cut(name, "."); ok && !strings.Contains(area, " ") {
		return s.byteSample(name, area, offset, d, t)
	}
	cell, err := s.st.NewCell("s7 "+name, t, d)
	if err != nil {
		return err
	}
	if spec, ok := strings.CutPrefix(name, "item "); ok {
		return s.itemSample(spec, cell)
	}
	if list, ok := strings.CutPrefix(name, "szl "); ok {
		id, index, err := profiles.ParseSZL(list)
		if err != nil {
			return err
		}
		s.lists[listKey(id, index)] = &s7List{cell: cell}
		return nil
	}
	s.cells[name] = cell
	return nil
}

func (s *s7Service) Protocol() wire.Protocol { return s.p }

func (s *s7Service) Open(p Peer) Session {
	s.callers++
	x := &s7Session{s: s, st: s.st, peer: p, pdu: s.pdu, out: make([]wire.Message, 1, 2)}
	x.readReply.Values = make([]s7comm.Value, 0, 20)
	return x
}

// s7Session is one connection.
type s7Session struct {
	s        *s7Service
	st       *State
	peer     Peer
	pdu      int // agreed length
	tpdu     int // agreed TPDU size; 0: not agreed
	unlocked bool
	pending  *s7Pending // parts of an answer that were not asked for yet
	upload   *s7Upload
	download *s7Download
	jobs     uint16 // references of the CPU's own jobs
	pushes   []*s7Pushing
	spec     []byte
	buf      []byte
	out      []wire.Message

	readReply  s7comm.ReadVarReply
	writeReply s7comm.WriteVarReply
	dataReply  s7comm.UserdataReply
	clock      s7comm.Clock
}

func (x *s7Session) Greet() Answer { return Answer{} }

// Answer asks the recording of whole answers first: it knows which asking it stands for. What it has not
// is for the cells, and what those have not is refused.
func (x *s7Session) Answer(req wire.Message) Answer {
	if !x.s.script.Empty() {
		if replies, found := x.s.script.Ask(req); found {
			return x.recorded(req, replies)
		}
	}
	switch q := req.(type) {
	case *s7comm.ReadVar:
		return x.readVar(q)
	case *s7comm.WriteVar:
		return x.writeVar(q)
	case *s7comm.Userdata:
		return x.userdata(q)
	case *s7comm.ConnectRequest:
		return x.connect(q)
	case *s7comm.SetupCommunication:
		return x.setup(q)
	case *s7comm.Disconnect:
		return Answer{From: Recorded, Close: true}
	case *s7comm.Upload:
		return x.nextUpload(q)
	case *s7comm.AckData:
		return x.answered(q)
	case *s7comm.StartUpload, *s7comm.EndUpload, *s7comm.PLCControl, *s7comm.PLCStop, *s7comm.RequestDownload, *s7comm.Job:
		return x.job(req)
	}
	return Answer{From: Refused}
}

// recorded is an answer that was recorded whole.
func (x *s7Session) recorded(req wire.Message, replies []wire.Message) Answer {
	a := Answer{Messages: replies, From: Recorded}
	if q, ok := req.(*s7comm.Disconnect); ok {
		a.Close = true
		for _, m := range replies {
			if r, ok := m.(*s7comm.DisconnectConfirm); ok {
				r.DestinationReference = q.SourceReference
			}
		}
	}
	return a
}

// say is an answer of one message, cut to the TPDU size agreed.
func (x *s7Session) say(m wire.Message, from Origin) Answer {
	x.out = append(x.out[:0], m)
	return Answer{Messages: x.out, From: from}
}

// carriage cuts a PDU of size bytes into TPDUs that the client takes.
func (x *s7Session) carriage(size int) (c s7comm.Carriage) {
	if x.tpdu > 0 {
		c.Cut(size, x.tpdu-3)
	}
	return c
}

// connect accepts the TSAPs that the rack has.
func (x *s7Session) connect(q *s7comm.ConnectRequest) Answer {
	s := x.s
	called := q.CalledTSAP()
	for _, t := range s.tsaps {
		same := t.any || string(t.value) == string(called)
		if t.slot && len(called) == 2 && called[0] >= 1 && called[0] <= 3 && called[1] == t.value[1] {
			same = true
		}
		if !same {
			continue
		}
		c := q.Confirm(s.reference(), s.size, s.sec.TSAP.Order == "size-first")
		x.tpdu = cmp.Or(c.TPDUSize(), 128) // X.224 section 13.3.4 b: where nothing is asked for
		return x.say(c, Recorded)
	}
	switch s.sec.TSAP.Refuse {
	case "close":
		return Answer{From: Refused, Close: true}
	case "silence":
		return Answer{From: Refused}
	}
	a := x.say(&s7comm.Disconnect{DestinationReference: q.SourceReference, Reason: cmp.Or(s.sec.TSAP.Reason, reasonNoTSAP)}, Refused)
	a.Close = true
	return a
}

// reasonNoTSAP: no session entity attached to the TSAP (X.224 section 13.5.3).
const reasonNoTSAP = 2

// reference is the device's own reference for a connection: as recorded, else a small number, not 0.
func (s *s7Service) reference() uint16 {
	if c := s.cells["reference"]; c != nil {
		if v, from := c.Read(s.st); from == Recorded && len(v) == 2 {
			return uint16(v[0])<<8 | uint16(v[1])
		}
	}
	if s.sec.TSAP.Reference != 0 {
		return s.sec.TSAP.Reference
	}
	return 1 + s.callers%15
}

// leastPDU is the PDU length that every CPU has, and agrees to where it is asked for less.
const leastPDU = 240

// setup agrees on what both sides can do: at least on one job at a time and the PDUs that every CPU has.
func (x *s7Session) setup(q *s7comm.SetupCommunication) Answer {
	r := &s7comm.SetupCommunicationReply{MaxAmQCalling: max(1, q.MaxAmQCalling), MaxAmQCalled: max(1, q.MaxAmQCalled)}
	if n := uint16(x.s.sec.TSAP.Jobs); n > 0 {
		r.MaxAmQCalling, r.MaxAmQCalled = min(n, r.MaxAmQCalling), min(n, r.MaxAmQCalled)
	}
	r.PDULength = uint16(min(max(int(q.PDULength), leastPDU), x.s.pdu))
	r.Reference = q.Reference
	x.pdu = int(r.PDULength)
	return x.say(r, Recorded)
}

// Error classes and codes of PDU headers, and error words of userdata, which have the class in the high byte.
const (
	s7NotImplemented = 0x8104 // the CPU does not have the service
	s7WrongPDUSize   = 0x8500
	s7NoInfo         = 0xD402 // the information function is not available
	s7NoBlock        = 0xD209
	s7NoFurtherBlock = 0xD20E
	s7NotUploadable  = 0xD20C
	s7Protected      = 0xD241 // not permitted at this protection level
	s7PasswordWrong  = 0xD602
	s7PasswordNone   = 0xD605 // no password is required
)

// refuse answers a job with an error in the header.
func (x *s7Session) refuse(reference uint16, why uint16) Answer {
	return x.say(&s7comm.Ack{Header: s7comm.Header{Reference: reference}, Result: s7comm.Result{ErrorClass: uint8(why >> 8), ErrorCode: uint8(why)}}, Refused)
}
