package clone

import (
	"context"
	"fmt"

	"ringer/capture/snmp"
)

// An snmpTour is the walk of one who asks: from the first variable to the last, with as many in an answer as
// the agent gives. Where the agent is confused it is asked variable by variable, and what it cannot pass is
// stepped over. Only the place is kept in memory, and in a file what will be asked again.
type snmpTour struct {
	*snmpAsking
	skip  bool // another one sees the same
	names snmpNames

	at     snmp.OID   // what is asked next lies behind it
	root   snmp.OID   // and below it; nil: all
	starts []snmp.OID // other places to begin at, if the agent does not take the first
	rows   snmpRows
	step   int // variables to ask one by one before GETBULK is tried again
	falls  int // how often GETBULK failed
	level  int // how many numbers to go up when stepping over
	over   int // how often something was stepped over
	lone   int // GETBULKs that brought one variable instead of several
	bulks  int // GETBULKs that were answered
	odd    []snmpOdd

	seen, asked int
	known       []snmp.OID // the first variables
	last        snmp.OID
	moving      *snmpMoving
	moved, may  []snmp.OID // the first numbers that were seen to move, and those that may
}

const (
	// snmpOverMax is how often a walk steps over what an agent cannot pass.
	snmpOverMax = 64
	// snmpBeyond is larger than any number that is used: what lies behind it is not below its parent.
	snmpBeyond = 1<<31 - 1
	snmpKnown  = 3
	// snmpLone GETBULKs with but one variable each, or snmpFalls without any, and the agent is asked by GETNEXT.
	snmpLone  = 2
	snmpFalls = 3
)

// An snmpOdd is something wrong with the agent, where first, and how often.
type snmpOdd struct {
	text  string
	at    snmp.OID
	times int
}

// say notes what is wrong at the place.
func (w *snmpTour) say(text string) {
	for i := range w.odd {
		if w.odd[i].text == text {
			w.odd[i].times++
			return
		}
	}
	w.odd = append(w.odd, snmpOdd{text, w.at, 1})
}

func (w *snmpTour) remarkOdd() {
	for _, o := range w.odd {
		more := ""
		if o.times > 1 {
			more = fmt.Sprintf(", and %d times more", o.times-1)
		}
		w.v.Remark("snmp", Suspicious, "%s: %s at %s%s", w.who, o.text, w.names.of(o.at), more)
	}
}

func (w *snmpTour) close() { w.moving.close() }

// walk goes over all roots.
func (w *snmpTour) walk(ctx context.Context, s *SNMPWalk) error {
	w.moving = newSNMPMoving()
	w.rows = newSNMPRows()
	roots := []snmp.OID{nil}
	if len(s.Roots) > 0 {
		roots = nil
		for _, r := range s.Roots {
			o, err := snmp.ParseOID(r)
			if err != nil {
				return err
			}
			roots = append(roots, o)
		}
	}
	most := s.Most
	if most <= 0 {
		most = snmpMost
	}
	defer w.remarkOdd()
	for _, r := range roots {
		if done, err := w.below(ctx, r, most); err != nil {
			w.v.Remark("snmp", Suspicious, "%s: the walk was cut off after %d variables, at %s", w.who, w.seen, w.names.of(w.at))
			return err
		} else if !done {
			w.v.Remark("snmp", Suspicious, "%s: the walk does not end: left after %d variables, at %s", w.who, w.seen, w.names.of(w.at))
			break
		}
	}
	w.v.Remark("snmp", Fact, "%s: %d variables in %d questions", w.who, w.seen, w.asked)
	return w.moving.err()
}

// below goes over what lies below a root; nil: over all. done: to its end.
func (w *snmpTour) below(ctx context.Context, root snmp.OID, most int) (done bool, err error) {
	w.root, w.at, w.level, w.starts = root, root, 0, nil
	if root == nil {
		w.at, w.starts = snmp.OID{0}, []snmp.OID{{40}, {0x2b}, {0x2b, 6, 1}} // 0.0, 1.0, 1.3, 1.3.6.1
	} else {
		w.v.Expect("snmp", 1) // it may be a variable itself
		w.asked++
		switch pdu, err := w.ask(ctx, 1, w.get(root)); {
		case err != nil && !goOn(err):
			return false, err
		case err == nil && pdu.Type == snmp.Response && pdu.ErrorStatus == snmp.NoError:
			for _, b := range pdu.VarBinds {
				if b.OID.Equal(root) && !b.Value.Type.Exception() {
					w.saw(root, b.Value)
				}
			}
		}
	}
	for !done && w.seen < most {
		w.v.Expect("snmp", 1)
		if done, err = w.next(ctx); err != nil {
			return false, err
		}
	}
	return done, nil
}

func (w *snmpTour) saw(o snmp.OID, v snmp.Value) {
	w.last = o
	if len(w.known) < snmpKnown {
		w.known = append(w.known, o)
	}
	w.moving.add(o, v)
	w.seen++
}

// next asks what lies behind the place.
func (w *snmpTour) next(ctx context.Context) (done bool, err error) {
	bulk := w.version != snmp.V1 && w.step == 0
	question, n := w.getNext(w.at), 1
	if bulk {
		n = w.rows.n
		question = w.getBulk(0, n, w.at)
	}
	w.asked++
	pdu, err := w.ask(ctx, n, question)
	if w.step > 0 {
		w.step--
	}
	switch {
	case err != nil && !goOn(err):
		return true, err
	case err != nil && bulk && w.rows.less() && w.bulks > 0:
		return false, nil // it may be the size
	case err != nil && bulk:
		return w.fall("does not answer GETBULK")
	case err != nil:
		return w.stepOver("does not answer")
	case pdu.Type == snmp.Report:
		w.v.Remark("snmp", Suspicious, "%s: refused: %s", w.who, snmpReportName(pdu))
		return true, nil
	}
	if bulk {
		w.bulks++
	}
	switch e := pdu.ErrorStatus; {
	case e == snmp.NoError:
	case e == snmp.NoSuchName:
		return true, nil // the end of version 1, and of agents that use its errors
	case e == snmp.TooBig && bulk && w.rows.less():
		return false, nil
	case e == snmp.AuthorizationError && w.seen == 0:
		w.v.Remark("snmp", NotThere, "%s: may not see anything", w.who)
		return true, nil
	case bulk:
		return w.fall("answers GETBULK with " + e.String())
	default:
		return w.stepOver("answers " + e.String())
	}
	got, end, odd := w.take(pdu.VarBinds)
	if got > 0 {
		w.level = 0
	}
	switch {
	case end:
		return true, nil
	case odd != "" && bulk:
		return w.fall(odd)
	case odd != "":
		return w.stepOver(odd)
	}
	if bulk {
		w.rows.got(n, got, w.size)
		if got > 1 {
			w.lone = 0
		} else if n > 1 {
			w.lone++
		}
		if w.lone == snmpLone {
			w.step = snmpMost
			w.say("answers GETBULK with one variable only")
		}
	}
	return false, nil
}

// take goes on over the variables of an answer. end: they are all there are; odd: what is wrong behind those
// that it took.
func (w *snmpTour) take(list []snmp.VarBind) (got int, end bool, odd string) {
	if len(list) == 0 {
		return 0, false, "answers without a variable"
	}
	for i := range list {
		b := &list[i]
		o := b.OID.Canonical()
		switch {
		case b.Value.Type == snmp.EndOfMibView:
			return got, true, ""
		case len(o) == 0 || o.Compare(w.at) <= 0:
			return got, false, "goes back, its variables do not increase,"
		case !o.HasPrefix(w.root):
			return got, true, ""
		}
		w.at = append(snmp.OID(nil), o...)
		if b.Value.Type.Exception() {
			return got, false, "answers " + b.Value.Type.String() + " to what comes next"
		}
		w.saw(w.at, b.Value)
		got++
	}
	return got, false, ""
}

// fall leaves GETBULK for a while, longer each time.
func (w *snmpTour) fall(odd string) (done bool, err error) {
	w.say(odd)
	w.step = 4 << min(w.falls, 16)
	if w.falls++; w.falls >= snmpFalls && w.bulks == 0 {
		w.step = snmpMost
	}
	return false, nil
}

// stepOver goes on behind what the agent cannot pass: behind all below the variable, behind the next one of
// its row of instances, and then, until there is something, behind all below its parent, its parent's parent,
// and so on.
func (w *snmpTour) stepOver(odd string) (done bool, err error) {
	w.say(odd)
	if w.over++; w.over > snmpOverMax {
		w.v.Remark("snmp", Suspicious, "%s: the walk was given up at %s, after %d variables", w.who, w.names.of(w.at), w.seen)
		return true, nil
	}
	if w.seen == 0 && len(w.starts) > 0 {
		w.at, w.starts = w.starts[0], w.starts[1:]
		return false, nil
	}
	from := w.last
	if from == nil || w.at.Compare(from) < 0 {
		from = w.at
	}
	for {
		o := snmpUp(from, max(0, w.level-1))
		if len(o) < 2 || w.root != nil && !o.HasPrefix(w.root) {
			return true, nil
		}
		if w.level == 1 {
			o = snmpSibling(o)
		} else {
			o = o.Child(snmpBeyond)
		}
		if w.level++; o.Compare(w.at) > 0 {
			w.at = o
			return false, nil
		}
	}
}

// snmpUp is o without its last numbers.
func snmpUp(o snmp.OID, numbers int) snmp.OID {
	for ; numbers > 0 && len(o) > 0; numbers-- {
		i := len(o) - 1
		for i > 0 && o[i-1] >= 0x80 {
			i--
		}
		o = o[:i]
	}
	return o
}

// snmpSibling is o with a last number that is larger by one.
func snmpSibling(o snmp.OID) snmp.OID {
	parent := snmpUp(o, 1)
	var last uint64
	for _, x := range o[len(parent):] {
		last = last<<7 | uint64(x&0x7f)
	}
	return parent.Child(uint32(min(last+1, 1<<32-1)))
}

// snmpRows is how many variables GETBULK asks for: more as long as the agent gives them all, and no more than
// it gives where it cuts.
type snmpRows struct {
	n, most int
	cut     int  // where the last answer was cut
	bytes   int  // how large an answer was that was cut by its size; 0: none was
	lost    bool // the bound is there because answers did not come
	good    int  // answers since
}

const (
	snmpRowsFirst = 10
	snmpRowsCalm  = 32
)

func newSNMPRows() snmpRows { return snmpRows{n: snmpRowsFirst, most: snmpBulkUsual} }

// less asks for less after an answer that did not come or was too big. false: there is no less.
func (r *snmpRows) less() bool {
	if r.n <= 1 {
		return false
	}
	r.n = max(1, r.n/2)
	r.most, r.lost, r.good = r.n, true, 0
	return true
}

// got takes how many variables of how many came, and in how many bytes.
func (r *snmpRows) got(asked, got, bytes int) {
	switch {
	case got >= asked:
		if r.good++; r.lost && r.good >= snmpRowsCalm {
			r.good, r.most = 0, min(2*r.most, snmpBulkUsual)
		}
		r.n = min(2*asked, r.most)
		if r.bytes > 0 {
			r.n = min(r.n, max(1, r.bytes*got/max(1, bytes)*15/16))
		}
	case got > 0:
		switch {
		case got == r.cut: // by their number
			r.most = got
		case r.cut > 0: // by their size
			r.bytes = max(r.bytes, bytes)
		}
		r.cut, r.n = got, got
	}
}
