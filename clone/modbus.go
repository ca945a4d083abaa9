package clone

import (
	"cmp"
	"hash/maphash"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
)

// A modbusLearner learns what the units at one port hold and refuse. Reads and writes become cells. All
// else is put aside until the end (modbus_section.go), when it is clear what the unit's tables and
// functions explain; only the rest is kept whole.
type modbusLearner struct {
	s         *Service
	units     [256]*modbusUnit
	seed      maphash.Seed
	key       []byte
	asked     map[uint64]uint32          // how often each question was asked
	aside     map[uint64]*modbusQuestion // the questions with exchanges put aside
	order     []*modbusQuestion          // aside, in the order met
	lastReply time.Time
	gateway   bool               // a gateway exception was seen
	itself    *modbusUnit        // found at the end: the device itself, 0 or 255
	umas      string             // the model by UMAS
	prelude   []capture.Exchange // the first ones, until it is clear which identifiers are one unit
	twins     *modbusTwinSearch  // among them; nil: not yet, or none is looked for
	route     [256]*modbusUnit   // identifiers of a unit that has more than one
	named     [256]bool          // exception codes that came with the function
	nameless  [256]bool          // and those that came without
	also      *uint8             // the other identifier of the device itself; nil: it has none
	any       *modbusUnit        // the unit that identifiers address that are nobody's; nil: none does
	held      int                // exchanges that may still be put aside in memory
	in        exchangeReader
	buf       []byte
}

// modbusQuestionsMax bounds the questions that are counted before something does not fit. A client that
// writes changing values asks a new one each time.
const modbusQuestionsMax = 1 << 18

func newModbusLearner(s *Service) learner {
	return &modbusLearner{
		s: s, seed: maphash.MakeSeed(), asked: map[uint64]uint32{}, aside: map[uint64]*modbusQuestion{},
		prelude: make([]capture.Exchange, 0, modbusPrelude), held: modbusHeldMax, in: exchangeReader{spill: s.spill},
	}
}

func (l *modbusLearner) Learn(x *capture.Exchange) {
	if _, ok := x.Request.(modbus.Message); !ok {
		return // a reply whose request was not recorded says nothing
	}
	if l.prelude != nil {
		l.prelude = append(l.prelude, *x)
		switch n := len(l.prelude); {
		case l.twins != nil:
			if l.twins.add(&l.prelude[n-1]) || n == modbusPreludeMost {
				l.begin()
			}
		case n == modbusPrelude:
			if !l.serial() && !l.careless() {
				l.twins = newTwinSearch(l.prelude)
			}
			if l.twins == nil {
				l.begin()
			}
		}
		return
	}
	l.learn(x)
}

// unit is the one that a request addresses.
func (l *modbusLearner) unit(id uint8, x *capture.Exchange) *modbusUnit {
	if u := l.route[id]; u != nil {
		return u
	}
	u := l.units[id]
	if u == nil && l.any != nil && !modbusNobody(x) {
		u = l.any
		l.route[id] = u
	}
	if u == nil {
		u = newModbusUnit(id, l.s.spill)
		u.compareIn(l.s.beside)
		l.units[id] = u
	}
	return u
}

func (l *modbusLearner) learn(x *capture.Exchange) {
	req := x.Request.(modbus.Message)
	id := req.Head().Unit
	u := l.unit(id, x)
	q := l.count(req)
	if len(x.Replies) == 0 && x.Lost {
		u.assume(l.s, x, req)
		return
	}
	if id == 0 && len(x.Replies) == 0 && l.serial() {
		for _, u := range l.units {
			if u != nil && u.id != 0 {
				u.assume(l.s, x, req) // a broadcast
			}
		}
		return
	}
	f := u.function(req)
	f.asked++
	if len(x.Replies) == 0 {
		f.silent++
		if f.firstSilence.IsZero() {
			f.firstSilence = x.At
		}
		l.putAside(q, u, x, req, nil)
		return
	}
	l.lastReply = x.At
	reply, ok := x.Replies[0].(modbus.Message)
	if !ok {
		return
	}
	u.hear(req, reply)
	if e, ok := reply.(*modbus.Exception); ok {
		f.refused(e.Reason)
		if e.Function == 0 && modbusCode(req) != 0 {
			l.nameless[e.Reason] = true
		} else {
			l.named[e.Reason] = true
		}
		l.gateway = l.gateway || e.Reason == modbus.GatewayPathUnavailable || e.Reason == modbus.GatewayTargetNoResponse
		l.putAside(q, u, x, req, reply)
		return
	}
	f.answered++
	allowed := modbus.Refusal(req) == 0 || modbusBeyond(req)
	if len(x.Replies) == 1 && reply.Head().Unit == u.name(req) && allowed && u.observe(l.s, x, req, reply) {
		return
	}
	u.identify(reply)
	l.umas = cmp.Or(umasModel(req, reply), l.umas)
	l.putAside(q, u, x, req, reply)
}

// serial says whether the units are on a serial line, where 0 is everybody.
func (l *modbusLearner) serial() bool { return l.s.Protocol == modbus.RTU{}.Name() }

// count counts an asking, and gives the question's hash.
func (l *modbusLearner) count(req modbus.Message) uint64 {
	l.key = wire.AppendKey(l.key[:0], req)
	h := maphash.Bytes(l.seed, l.key)
	if n, ok := l.asked[h]; ok || len(l.asked) < modbusQuestionsMax {
		l.asked[h] = n + 1
	}
	return h
}

// A modbusFunction counts what became of the requests of one function to one unit.
type modbusFunction struct {
	asked, answered, silent int
	code                    modbus.ExceptionCode // of the refusals, if all have one
	mixed                   bool
	firstSilence            time.Time
}

func (f *modbusFunction) refused(c modbus.ExceptionCode) {
	if f.code == 0 {
		f.code = c
	}
	f.mixed = f.mixed || f.code != c
}

// always is the code with which every request was refused, 0 if not every one was.
func (f *modbusFunction) always() modbus.ExceptionCode {
	if f.answered > 0 || f.silent > 0 || f.mixed {
		return 0
	}
	return f.code
}
