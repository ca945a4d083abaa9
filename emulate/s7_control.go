package emulate

import (
	"strconv"
	"strings"
	"time"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Operating modes of a CPU, as SZL 0x0424 has them in the low half of its fourth byte.
const (
	modeStop = 0x04
	modeRun  = 0x08
)

// s7Mode is the operating mode: recorded in the status lists until somebody changes it.
type s7Mode struct {
	now   byte
	moved bool // stopped or started otherwise than recorded
	point *PointState
}

func (s *s7Service) openMode() error {
	s.mode.now = modeRun
	if m := s.areas[s7comm.AreaOutputs]; m != nil {
		m.outputs = true
	}
	if s.sec.Mode == "" {
		return nil
	}
	p, err := s.st.Point(s.sec.Mode)
	if err != nil {
		return err
	}
	s.mode.point = p
	p.watch(func(time.Time) { s.st.Run(s.running()) })
	s.st.Run(s.running())
	return nil
}

// running says whether the CPU is in RUN.
func (s *s7Service) running() bool {
	if p := s.mode.point; p != nil {
		return p.Get().Int()&0x0F == modeRun
	}
	return s.mode.now == modeRun
}

// setMode stops or starts the CPU.
func (s *s7Service) setMode(mode byte) {
	s.mode.now, s.mode.moved = mode, true
	if p := s.mode.point; p != nil {
		_ = p.Set(IntValue(int64(mode))) // a point that cannot be written keeps the mode it has
	}
	s.st.Run(s.running())
	for _, l := range s.lists {
		if l.cell != nil && len(s.held(l)) > 1 && (s.held(l)[1] == 0x24 || s.held(l)[1] == 0x74) {
			l.cell.End(s.st)
		}
	}
}

// modeList answers the lists that show the mode (0x0424: operating mode, 0x0074: LEDs) once the mode is
// not the recording's.
func (s *s7Service) modeList(l *s7List, id, index uint16) (profiles.S7Answer, bool) {
	if l == nil || l.refused != nil || !s.mode.moved && s.mode.point == nil || l.cell != nil && !l.cell.Live() {
		return profiles.S7Answer{}, false
	}
	data := append([]byte(nil), s.held(l)...)
	z, ok := s7comm.ParseSZL(data)
	if !ok {
		return profiles.S7Answer{}, false
	}
	mode := byte(modeStop)
	if s.running() {
		mode = modeRun
	}
	for r := range z.Records() {
		switch {
		case id&0xFF == 0x24 && len(r) >= 4:
			r[3] = mode
		case id&0xFF == 0x74 && len(r) >= 4 && r[1] == ledRun:
			r[2], r[3] = lit(mode == modeRun), 0
		case id&0xFF == 0x74 && len(r) >= 4 && r[1] == ledStop:
			r[2], r[3] = lit(mode == modeStop), 0
		}
	}
	return s7Listed(data), true
}

// LED ids of SZL 0x0074.
const (
	ledRun  = 4
	ledStop = 5
)

func lit(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// Second parameter byte of answers to PLC control and PLC stop.
const (
	alreadyRunning = 0x03
	alreadyStopped = 0x07
)

// job answers block transfers, stopping and starting: as recorded, else as the CPU's state is.
func (x *s7Session) job(req wire.Message) Answer {
	s := x.s
	if name, ok := s7JobName(req); ok {
		if c := s.cells[name]; c != nil && (!c.Live() || !s.changes(req)) {
			v, from := c.Read(x.st)
			if r, err := profiles.ParseS7Reply(v); err == nil {
				x.took(req, &r, c.Live())
				return x.say(s7Reply(req, &r), from)
			}
		}
	}
	switch q := req.(type) {
	case *s7comm.StartUpload:
		return x.startUpload(q)
	case *s7comm.EndUpload:
		x.upload = nil
		return x.acknowledge(q.Reference, s7comm.FuncEndUpload)
	case *s7comm.PLCStop:
		switch {
		case !x.mayControl():
			return x.refuse(q.Reference, s7Protected)
		case !s.running():
			return x.acknowledge(q.Reference, s7comm.FuncPLCStop, alreadyStopped)
		}
		s.setMode(modeStop)
		return x.acknowledge(q.Reference, s7comm.FuncPLCStop)
	case *s7comm.PLCControl:
		return x.control(q)
	case *s7comm.RequestDownload:
		return x.requestDownload(q)
	case *s7comm.Job:
		return x.refuse(q.Reference, s7NotImplemented)
	}
	return Answer{From: Refused}
}

// changes says whether a job changes the CPU's state, so that its answer follows from the state once the
// recording of it has ended.
func (s *s7Service) changes(req wire.Message) bool {
	switch q := req.(type) {
	case *s7comm.PLCStop:
		return true
	case *s7comm.PLCControl:
		return q.Service == serviceProgram
	}
	return false
}

// took carries out what a recorded answer says was done.
func (x *s7Session) took(req wire.Message, r *profiles.S7Reply, last bool) {
	if r.ErrorClass != 0 || r.ErrorCode != 0 {
		return
	}
	s := x.s
	switch q := req.(type) {
	case *s7comm.StartUpload:
		x.beginUpload(q.Filename)
	case *s7comm.EndUpload:
		x.upload = nil
	case *s7comm.PLCStop:
		s.recordMode(modeStop)
	case *s7comm.PLCControl:
		if q.Service == serviceProgram {
			s.recordMode(modeRun)
		}
	}
}

// recordMode notes the mode that a recorded answer leads to: lists that were recorded later show it
// themselves.
func (s *s7Service) recordMode(mode byte) {
	s.mode.now, s.mode.moved = mode, true
	if p := s.mode.point; p != nil {
		_ = p.Set(IntValue(int64(mode))) // as in setMode
	}
}

const serviceProgram = "P_PROGRAM"

func (x *s7Session) mayControl() bool {
	return x.s.sec.Control != "deny" && (x.s.sec.Protection < 2 || x.unlocked)
}

// control invokes a service of the CPU.
func (x *s7Session) control(q *s7comm.PLCControl) Answer {
	s := x.s
	service := strings.TrimRight(q.Service, "\x00")
	switch {
	case !x.mayControl():
		return x.refuse(q.Reference, s7Protected)
	case service == serviceProgram && s.running():
		return x.acknowledge(q.Reference, s7comm.FuncPLCControl, alreadyRunning)
	case service == serviceProgram:
		s.setMode(modeRun)
	case service == "_MODU" || service == "_GARB":
	case service == "_INSE" || service == "_DELE":
		return x.changeBlocks(q, service == "_INSE")
	default:
		return x.refuse(q.Reference, s7NotImplemented)
	}
	return x.acknowledge(q.Reference, s7comm.FuncPLCControl)
}

// changeBlocks inserts or deletes blocks.
func (x *s7Session) changeBlocks(q *s7comm.PLCControl, insert bool) Answer {
	names, ok := blockNames(q.Argument)
	switch {
	case !ok:
		return x.refuse(q.Reference, s7NotImplemented)
	case insert && !x.s.insert(names):
		return x.refuse(q.Reference, s7NoBlock)
	case !insert:
		for _, name := range names {
			if number, _ := strconv.Atoi(name[2:7]); !x.s.remove(name[1], number) {
				return x.refuse(q.Reference, s7NoBlock)
			}
		}
	}
	return x.acknowledge(q.Reference, s7comm.FuncPLCControl)
}

func (x *s7Session) acknowledge(reference uint16, parameter ...byte) Answer {
	return x.say(&s7comm.AckData{Header: s7comm.Header{Reference: reference}, Parameter: parameter}, Point)
}

// s7Reply is a recorded answer to a job.
func s7Reply(req wire.Message, r *profiles.S7Reply) wire.Message {
	h := s7comm.Header{}
	if q, ok := req.(interface{ Ref() uint16 }); ok {
		h.Reference = q.Ref()
	}
	result := s7comm.Result{ErrorClass: r.ErrorClass, ErrorCode: r.ErrorCode}
	if r.Kind == 2 {
		return &s7comm.Ack{Header: h, Result: result, Parameter: r.Parameter, Data: r.Data}
	}
	return &s7comm.AckData{Header: h, Result: result, Parameter: r.Parameter, Data: r.Data}
}
