package clone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A ModbusScanner asks which units there are, what they say of themselves, which functions they have, where their
// tables lie, and how what they hold changes. Of the functions it uses only those that read: 1 to 4, 7, 8 with
// sub-function 0, 11, 12, 17, 20, 24 and 43/14.
type ModbusScanner struct {
	Units   []uint8       // to ask; nil: what answers of 1, 255, 0 and the rest
	RTU     bool          // RTU frames only; else they are tried where Modbus/TCP is not answered
	Full    bool          // ask every address of every table
	Quick   bool          // look only where most devices have something
	Beyond  bool          // try reads of more than the specification allows
	Samples int           // how often what is held is read again; 0: 10 times
	Every   time.Duration // from one sample to the next; 0: a second
}

// What a scan does unless told otherwise. Halves of wide numbers show in no fewer samples (modbus_pairs.go).
const (
	modbusSamples = 10
	modbusEvery   = time.Second
)

func (s *ModbusScanner) samples() int { return cmp.Or(s.Samples, modbusSamples) }

func (s *ModbusScanner) Protocol() wire.Protocol {
	if s.RTU {
		return modbus.RTU{}
	}
	return modbus.Protocol{}
}

func (s *ModbusScanner) Plan(Care) []Step {
	units := Step{Kind: "unit identifiers", Least: modbusUnitsFirst, Most: 247 + 3}
	if s.Units != nil {
		units.Least, units.Most = len(s.Units), len(s.Units)
	}
	there := len(modbusUsual())
	if !s.Quick {
		there += len(modbusGrid(s.Full))
	}
	return []Step{
		units,
		{Kind: "identification and functions, a unit", Least: len(modbusFunctionQuestions()) + 1, Most: len(modbusFunctionQuestions()) + 3*modbusStreamMost + modbusObjectsMost + 1},
		{Kind: "where the tables lie, a unit", Least: 4, Most: 4 * there},
		{Kind: "what they hold", Most: 0},
		{Kind: "samples, a range", Least: 0, Most: s.samples()},
	}
}

// Probe asks for one holding register.
func (s *ModbusScanner) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	a, err := s.begin(ctx, v, port)
	if a != nil {
		a.k.close()
	}
	return err
}

// begin finds out in which frames the device talks, by asking units that may be there.
func (s *ModbusScanner) begin(ctx context.Context, v *Visit, port profiles.Port) (*modbusAsking, error) {
	for _, p := range []wire.Protocol{modbus.Protocol{}, modbus.RTU{}} {
		if s.RTU && p != (modbus.RTU{}) {
			continue
		}
		a := &modbusAsking{s: s, v: v, p: p, name: p.Name()}
		a.k = v.talk(p, port, talkOptions{unasked: a.unasked})
		a.limits = [2]modbusLimit{{most: modbus.MaxReadBits, all: modbusBitsAtAll}, {most: modbus.MaxReadRegisters, all: modbusRegistersAtAll}}
		units := []uint8{1, 255}
		if s.Units != nil {
			units = s.Units[:min(len(s.Units), 2)]
		}
		for _, id := range units {
			_, err := a.ask(ctx, modbusReadCells(id, profiles.ModbusHoldings, 0, 1))
			if err == nil || a.stray {
				return a, nil
			}
			if !goOn(err) && !errors.Is(err, ErrGone) {
				a.k.close()
				return nil, err
			}
			if !errors.Is(err, ErrSilent) {
				break
			}
		}
		a.k.close()
	}
	return nil, ErrNotSpoken
}

// Scan asks.
func (s *ModbusScanner) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	a, err := s.begin(ctx, v, port)
	if err != nil {
		return err
	}
	defer a.k.close()
	ids, err := a.findUnits(ctx)
	if err != nil {
		return err
	}
	var units []*modbusAsked
	for _, id := range ids {
		units = append(units, &modbusAsked{id: id})
	}
	defer a.report(&units)
	for i := 0; i < len(units); i++ {
		u := units[i]
		v, err := a.alias(ctx, u, units[:i])
		if err != nil {
			return err
		}
		if v != nil {
			a.v.Remark(a.name, Fact, "units %d and %d are one: what they hold was asked for once", v.id, u.id)
			units = slices.Delete(units, i, i+1)
			i--
			continue
		}
		if err := a.identify(ctx, u); err != nil {
			return err
		}
		if err := a.functions(ctx, u); err != nil {
			return err
		}
		if err := a.findRanges(ctx, u, units, false); err != nil {
			return err
		}
	}
	if err := a.sample(ctx, units); err != nil {
		return err
	}
	if !s.Quick {
		if err := a.lookEverywhere(ctx, units); err != nil {
			return err
		}
	}
	a.follow(units)
	return nil
}

// lookEverywhere looks for ranges all over the tables, and samples the units that have more than was known.
func (a *modbusAsking) lookEverywhere(ctx context.Context, units []*modbusAsked) error {
	for _, u := range units {
		before := u.cells()
		if err := a.findRanges(ctx, u, units, true); err != nil {
			return err
		}
		u.sampled = u.sampled && u.cells() == before
	}
	return a.sample(ctx, units)
}

// follow leaves the blocks of registers that moved to be read with other protocols, and the others where all are few.
// Bits are no numbers.
func (a *modbusAsking) follow(units []*modbusAsked) {
	var moved, rest []*modbusBlock
	for _, u := range units {
		for _, b := range u.blocks {
			switch {
			case u.gone || b.table < profiles.ModbusHoldings:
			case b.moved:
				moved = append(moved, b)
			default:
				rest = append(rest, b)
			}
		}
	}
	all := moved[:min(len(moved), togetherMost)]
	if len(all)+len(rest) <= togetherRest {
		all = append(all, rest...)
	}
	a.v.follow(follower{protocol: a.name, port: a.k.port, moved: len(moved), questions: len(all), hangUp: a.k.close, read: func(ctx context.Context) error {
		for _, b := range all {
			if _, err := a.read(ctx, b.u, b.table, b.first, b.n); err != nil {
				return err
			}
		}
		return nil
	}})
}

// A modbusAsking is one scan.
type modbusAsking struct {
	s      *ModbusScanner
	v      *Visit
	k      *talk
	p      wire.Protocol
	name   string
	limits [2]modbusLimit // of bits and registers

	transaction uint16
	last        modbus.Function // that was asked for
	still       bool            // the device gives no transaction but 0 back
	stray       bool            // an answer with another transaction came
	answered    bool            // any question
	asked       int
	expected    int
}

// A modbusAsked is what the scan found of one unit.
type modbusAsked struct {
	id      uint8
	gone    bool // it does not answer any more, or is busy for good
	busy    int  // questions in a row that it was too busy for
	tables  [4]*modbusSearch
	lacks   [4]bool // the function of a table
	sampled bool
	blocks  []*modbusBlock // the reads of a sample
	like    *modbusAsked   // another unit with the same ranges
}

// A modbusBlock is what is read at once of what a unit holds.
type modbusBlock struct {
	u               *modbusAsked
	table, first, n int
	last            []byte
	moved           bool
}

func (u *modbusAsked) cells() (n int) {
	for _, t := range u.tables {
		if t != nil {
			n += t.held.count()
		}
	}
	return n
}

// modbusReadCells asks for cells of a table.
func modbusReadCells(unit uint8, table, first, n int) *modbus.ReadRequest {
	return &modbus.ReadRequest{Header: modbus.Header{Unit: unit}, Function: modbus.Function(table + 1), Address: uint16(first), Quantity: uint16(n)}
}

const (
	// modbusBusyMost is how often a unit that is busy is asked again, each time after twice the wait.
	modbusBusyMost = 4
	modbusBusyWait = 250 * time.Millisecond
	// modbusOddMost questions in a row that a unit is silent to, or too busy for, and it is left alone.
	modbusOddMost = 3
)

// ask asks one unit. A unit that says it is busy is asked again, a little later.
func (a *modbusAsking) ask(ctx context.Context, m modbus.Message) (modbus.Message, error) {
	for try := 0; ; try++ {
		reply, err := a.askOnce(ctx, m)
		e, refused := reply.(*modbus.Exception)
		if err != nil || !refused || e.Reason != modbus.ServerDeviceBusy && e.Reason != modbus.Acknowledge || try == modbusBusyMost {
			return reply, err
		}
		a.v.Remark(a.name, Suspicious, "unit %d: is busy at times (%v)", m.Head().Unit, e.Reason)
		if a.k.line != nil && a.k.line.inner != nil { // it was not remembered
			if err := sleep(ctx, modbusBusyWait<<try); err != nil {
				return nil, err
			}
		}
	}
}

func (a *modbusAsking) askOnce(ctx context.Context, m modbus.Message) (modbus.Message, error) {
	h := m.Head()
	h.Transaction, h.Framing = 0, modbus.TCP
	if a.p == (modbus.RTU{}) {
		h.Framing = modbus.RTUOverTCP
	} else if !a.still {
		a.transaction++
		h.Transaction = a.transaction
	}
	a.asked++
	a.last = m.Code()
	stray := a.stray
	a.stray = false
	replies, err := a.k.ask(ctx, m)
	switch {
	case err == nil:
	case errors.Is(err, ErrSilent) && a.stray && !stray && !a.still: // perhaps it gives none back
		a.still = true
		reply, err := a.askOnce(ctx, m)
		a.still, a.stray = err == nil, true
		return reply, err
	case err == ErrGone && !a.answered:
		return nil, ErrSilent // nobody was there yet
	default:
		return nil, err
	}
	reply, ok := replies[0].(modbus.Message)
	if !ok {
		return nil, ErrGarbled
	}
	a.answered = true
	if r := reply.Head(); r.Unit != h.Unit {
		a.v.Remark(a.name, Suspicious, "unit %d: answers as unit %d", h.Unit, r.Unit)
	} else if len(r.Trailing) > 0 {
		a.v.Remark(a.name, Suspicious, "unit %d: answers end with bytes that do not belong there", h.Unit)
	}
	return reply, nil
}

// unasked takes what answers no question.
func (a *modbusAsking) unasked(m wire.Message) {
	r, ok := m.(modbus.Message)
	if !ok {
		return
	}
	if a.p == (modbus.Protocol{}) && r.Code() == a.last {
		a.stray = true
		a.v.Remark(a.name, Suspicious, "answers with transactions that were not asked, as %d", r.Head().Transaction)
		return
	}
	a.v.Remark(a.name, Suspicious, "unit %d: answers with another function than was asked, as %v", r.Head().Unit, r.Code())
}

// live is how many questions went to the device.
func (a *modbusAsking) live() (n int64) {
	for _, t := range a.v.Tallies() {
		if t.Protocol == a.name {
			n = t.Asked
		}
	}
	return n
}

// expect says that so many questions come next.
func (a *modbusAsking) expect(n int) {
	a.v.Expect(a.name, a.asked+n-a.expected)
	a.expected = a.asked + n
}

// A modbusAnswer is what a read came to: how many cells it gave, or why none.
type modbusAnswer struct {
	got   int
	code  modbus.ExceptionCode // 0: none, or silence
	data  []byte
	empty bool // an answer, with no cells
}

// odd says that an answer says nothing of the addresses.
func (r *modbusAnswer) odd() bool {
	switch r.code {
	case modbus.Acknowledge, modbus.ServerDeviceBusy, modbus.GatewayPathUnavailable, modbus.GatewayTargetNoResponse, 0:
		return r.got == 0 && !r.empty
	}
	return false
}

// read reads cells of a unit. Errors end the scan.
func (a *modbusAsking) read(ctx context.Context, u *modbusAsked, table, first, n int) (r modbusAnswer, err error) {
	reply, err := a.ask(ctx, modbusReadCells(u.id, table, first, n))
	if err != nil {
		if goOn(err) {
			a.v.Remark(a.name, Suspicious, "unit %d: %v to some reads of %s", u.id, err, modbusTableNames[table])
			err = nil
		}
		u.strange(true)
		return r, err
	}
	size := 0
	switch m := reply.(type) {
	case *modbus.Exception:
		r.code = m.Reason
	case *modbus.ReadBitsResponse:
		r.got, r.data, size = 8*len(m.Bits), m.Bits, (n+7)/8
	case *modbus.ReadRegistersResponse:
		r.got, r.data, size = len(m.Registers)/2, m.Registers, 2*n
	}
	r.empty = r.code == 0 && size > 0 && len(r.data) == 0
	switch {
	case r.code == 0 && r.got == 0 && !r.empty:
		a.v.Remark(a.name, Suspicious, "unit %d: answers that are no answers to reads of %s", u.id, modbusTableNames[table])
	case r.code == 0 && len(r.data) < size:
		a.v.Remark(a.name, Suspicious, "unit %d: short answers to reads of %s", u.id, modbusTableNames[table])
	case r.code == 0 && len(r.data) > size:
		a.v.Remark(a.name, Suspicious, "unit %d: answers with more %s than were asked", u.id, modbusTableNames[table])
	case r.odd():
		a.v.Remark(a.name, Suspicious, "unit %d: %v to some reads of %s", u.id, r.code, modbusTableNames[table])
	}
	r.got = min(r.got, n)
	u.strange(r.odd())
	return r, nil
}

// strange counts what says nothing of the unit; too much of it in a row, and it is left alone.
func (u *modbusAsked) strange(is bool) {
	if u.busy++; !is {
		u.busy = 0
	}
}

// modbusTableNames are for people.
var modbusTableNames = [...]string{"coils", "discrete inputs", "holding registers", "input registers"}

// report says what was found, as far as it went.
func (a *modbusAsking) report(units *[]*modbusAsked) {
	total, tables := 0, 0
	for _, u := range *units {
		for table, t := range u.tables {
			switch {
			case u.lacks[table]:
				a.v.Remark(a.name, NotThere, "unit %d: %s", u.id, modbusTableNames[table])
			case t != nil:
				total += t.asked
				tables++
				if t.held.count() > 0 {
					a.v.Remark(a.name, Found, "unit %d: %s %s", u.id, modbusTableNames[table], modbusSpanList(t.held.runs()))
				} else {
					a.v.Remark(a.name, Fact, "unit %d: no %s found where it was asked", u.id, modbusTableNames[table])
				}
				t.remarks(a, u.id, table)
			}
		}
	}
	if tables > 0 {
		a.v.Remark(a.name, Fact, "%d questions found the ranges of %d tables", total, tables)
	}
	for i, what := range []string{"coils or discrete inputs", "registers"} {
		if l := a.limits[i]; l.found {
			a.v.Remark(a.name, Fact, "reads of at most %d %s", l.most, what)
		}
	}
}

// modbusSpanList writes ranges for people.
func modbusSpanList(runs []modbusRun) string {
	const most = 8
	b, n := "", 0
	for i, r := range runs {
		n += r.end - r.first
		if i < most {
			b += fmt.Sprintf("%s%v", when(i > 0, ", "), profiles.ModbusSpan{First: uint16(r.first), Last: uint16(r.end - 1)})
		}
	}
	if more := len(runs) - most; more > 0 {
		b += fmt.Sprintf(" and %d more ranges", more)
	}
	return fmt.Sprintf("%s (%d)", b, n)
}

func when(is bool, s string) string {
	if is {
		return s
	}
	return ""
}

// sample reads what the units hold again, as often as is wanted. What did not change in two samples of a unit that
// holds much is not read any more.
func (a *modbusAsking) sample(ctx context.Context, units []*modbusAsked) error {
	var blocks []*modbusBlock
	for _, u := range units {
		if u.sampled || u.gone {
			continue
		}
		u.sampled, u.blocks = true, nil
		for table, t := range u.tables {
			if t == nil {
				continue
			}
			for _, r := range t.blocks() {
				u.blocks = append(u.blocks, &modbusBlock{u: u, table: table, first: r.first, n: r.end - r.first})
			}
		}
		blocks = append(blocks, u.blocks...)
	}
	if len(blocks) == 0 {
		return nil
	}
	for pass := range a.s.samples() {
		asked := a.live()
		a.expect(len(blocks) * (a.s.samples() - pass))
		begun := time.Now()
		for _, b := range blocks {
			if b.u.gone {
				continue
			}
			r, err := a.read(ctx, b.u, b.table, b.first, b.n)
			if err != nil {
				return err
			}
			b.u.gone = b.u.busy >= modbusOddMost
			b.moved = b.moved || b.last != nil && !slices.Equal(b.last, r.data)
			if r.data != nil {
				b.last = r.data
			}
		}
		if pass == 1 && len(blocks) > modbusBlocksMost {
			blocks = slices.DeleteFunc(blocks, func(b *modbusBlock) bool { return !b.moved })
		}
		if pass < a.s.samples()-1 && a.live() > asked { // else they are remembered
			if err := sleep(ctx, cmp.Or(a.s.Every, modbusEvery)-time.Since(begun)); err != nil {
				return err
			}
		}
	}
	return nil
}

// modbusBlocksMost reads make a sample; of more only those whose values move are read more than twice.
const modbusBlocksMost = 64
