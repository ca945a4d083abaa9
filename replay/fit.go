package replay

import (
	"net/netip"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// A saying is the last reply of a recorded server, and the target's in its place. Links that are opened later
// begin with it: who the server is, and its clock, is the same on all of them.
type saying struct {
	want, got wire.Message
	ahead     time.Duration
}

// fit makes a recorded request one that the target takes: the tags of the messages say which handles it
// names, and the protocol's Conn knows what else it takes.
func (p *player) fit(l *line, x *capture.Exchange) (err error) {
	p.handles.substitute(x)
	p.lent.substitute(x.Server, x.Request)
	l.link.Follow(func(f wire.Follower) { err = f.Fit(x.Request, p.ahead(x.At, time.Now())) })
	return err
}

// pair takes what the target says in the place of a recorded reply.
func (p *player) pair(a *ask, want wire.Message, s Said) {
	x := &a.x
	p.handles.learn(x.Server, want, s.Message)
	p.lent.learn(x.Server, want, s.Message)
	a.line.link.Follow(func(f wire.Follower) {
		said := saying{want, s.Message, p.ahead(x.At.Add(x.Latency), s.At)}
		p.said[x.Server] = said
		if err := f.Said(said.want, said.got, said.ahead); err != nil {
			a.unproven = err
		}
	})
}

// begin tells a new link what was said on others.
func (p *player) begin(l *line, server netip.AddrPort) {
	if said, ok := p.said[server]; ok {
		l.link.Follow(func(f wire.Follower) { f.Said(said.want, said.got, said.ahead) })
	}
}

// ahead is how much more time has gone by in the recording than here. A target that is in the recording's
// time is always level with it.
func (p *player) ahead(recorded, now time.Time) time.Duration {
	if p.target.Immediate() {
		return 0
	}
	return recorded.Sub(p.first) - now.Sub(p.started)
}
