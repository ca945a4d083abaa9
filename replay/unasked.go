package replay

import "ringer/capture"

// What a device says unasked comes when it comes: how often, and in which order with other things, is
// chance. So each such message is compared with an equal one, if there is one among the next unaskedWindow
// that the recording or the target has on the connection. A recorded one that finds none was not said
// (Unsaid); one of the target's is a difference only if the recorded device never says such things. Only
// greetings, which come before the first request, have their place.
type unasked struct {
	wanted []*ask // recorded, not heard yet
	heard  []Said // heard, not recorded yet
	begun  bool   // a request was sent: no greetings any more
}

const unaskedWindow = 64

// expect files what the recorded device said unasked; overhear what the target does.
func (p *player) expect(l *line, x *capture.Exchange) {
	u := &l.unasked
	for i, s := range u.heard {
		if r := p.opt.Study.judge(x, []Said{s}, nil); r.Verdict <= Masked || !u.begun {
			u.heard = append(u.heard[:i:i], u.heard[i+1:]...)
			p.done = append(p.done, r)
			return
		}
	}
	u.wanted = append(u.wanted, &ask{x: *x, line: l, greeting: !u.begun})
	if len(u.wanted) > unaskedWindow {
		p.giveUp(l, 1, 0)
	}
}

func (p *player) overhear(l *line, s Said) {
	u := &l.unasked
	for i, a := range u.wanted {
		if r := p.opt.Study.judge(&a.x, []Said{s}, nil); r.Verdict <= Masked || a.greeting {
			u.wanted = append(u.wanted[:i:i], u.wanted[i+1:]...)
			p.done = append(p.done, r)
			return
		}
	}
	u.heard = append(u.heard, s)
	if len(u.heard) > unaskedWindow {
		p.giveUp(l, 0, 1)
	}
}

// giveUp judges the oldest of what found no counterpart.
func (p *player) giveUp(l *line, wanted, heard int) {
	u := &l.unasked
	for _, a := range u.wanted[:wanted] {
		p.done = append(p.done, p.opt.Study.judge(&a.x, nil, l.err))
	}
	for _, s := range u.heard[:heard] {
		if p.opt.Study.saysUnasked(l.x.Server, s.Message) {
			continue
		}
		x := l.x
		x.Request, x.Replies, x.Packets, x.Lost = nil, nil, [2]int{}, false
		p.done = append(p.done, p.opt.Study.judge(&x, []Said{s}, nil))
	}
	u.wanted, u.heard = u.wanted[wanted:], u.heard[heard:]
}
