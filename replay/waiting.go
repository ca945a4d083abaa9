package replay

import (
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// What the player waits for, and for how long.

// pace waits for the time at which the recording sent the request.
func (p *player) pace(x *capture.Exchange) {
	if p.opt.Speed <= 0 || p.target.Immediate() {
		return
	}
	due := p.started.Add(time.Duration(float64(x.At.Sub(p.first)) / p.opt.Speed))
	for p.ctx.Err() == nil && time.Now().Before(due) {
		p.read(due)
		p.decide()
	}
}

// waitFor reads until all has come that had come before x in the recording.
func (p *player) waitFor(x *capture.Exchange) {
	if p.target.Immediate() {
		return
	}
	for p.ctx.Err() == nil {
		until := time.Time{}
		hold := func(t time.Time) {
			if until.IsZero() || t.Before(until) {
				until = t
			}
		}
		for _, a := range p.pending {
			switch {
			case len(a.x.Replies) > 0 && len(a.got) == 0 && !a.x.At.Add(a.x.Latency).After(x.At):
				hold(a.deadline)
			case len(a.x.Replies) > 0 && len(a.got) > 0 && !a.last:
				if t := a.got[len(a.got)-1].At.Add(settle); t.After(time.Now()) {
					hold(t)
				}
			case a.x.Conn != x.Conn && len(a.got) == 0:
				// Both are to come to the target in the order in which they were sent, though on two
				// connections: an answer says that the first has, else it is given some time.
				if t := a.sent.Add(settle); t.After(time.Now()) {
					hold(t)
				}
			case a.x.Conn == x.Conn && len(a.x.Replies) == 0 && x.Request != nil && wire.Answers(a.x.Request, x.Request):
				// Nothing would tell a late answer to a from the answer to x.
				hold(a.deadline)
			}
		}
		if until.IsZero() && len(p.pending) < pendingMax {
			return
		}
		if until.IsZero() {
			until = p.pending[0].deadline
		}
		p.read(until)
		p.decide()
	}
}

// due says whether there is nothing more to wait for.
func (p *player) due(a *ask) bool {
	return a.last || p.target.Immediate() || !time.Now().Before(a.deadline)
}

// decide judges the requests that are due.
func (p *player) decide() {
	kept := p.pending[:0]
	for _, a := range p.pending {
		if !p.due(a) {
			kept = append(kept, a)
			continue
		}
		for i, b := range a.line.asks {
			if a == b {
				a.line.forget(i)
				break
			}
		}
		if a.opening {
			continue
		}
		if len(a.got) == 0 && len(a.x.Replies) > 0 {
			p.unanswered[a.x.Server]++
		}
		r := p.opt.Study.judge(&a.x, a.got, a.line.err)
		if a.unproven != nil && r.Verdict <= Different {
			r.Verdict = Different
			r.Differences = append(r.Differences, wire.Difference{Path: "session", Want: "proven", Got: a.unproven.Error()})
		}
		if len(a.got) > 0 {
			r.Latency = a.got[0].At.Sub(a.sent)
		}
		p.done = append(p.done, r)
	}
	clear(p.pending[len(kept):])
	p.pending = kept
}
