package replay

import (
	"net/netip"

	"ringer/capture/wire"
)

// lent pairs the texts that a recorded server handed out with those that the target handed out in their place.
// Requests show the target's, and what the target says is compared with the recorded ones in it.
type lent map[netip.AddrPort][]lentText

type lentText struct{ recorded, got string }

const (
	// lentMost is how many texts are known of a server: the newest.
	lentMost = 64
	// lentLeast is how long a text is, at least: a shorter one may stand for something else.
	lentLeast = 6
)

// learn pairs what two replies hand out.
func (t lent) learn(server netip.AddrPort, want, got wire.Message) {
	w, ok := want.(wire.Lender)
	g, ok2 := got.(wire.Lender)
	if !ok || !ok2 {
		return
	}
	var recorded map[string]string
	w.Lends(func(name, text string) {
		if recorded == nil {
			recorded = map[string]string{}
		}
		recorded[name] = text
	})
	if recorded == nil {
		return
	}
	g.Lends(func(name, text string) {
		was := recorded[name]
		if was == text || len(was) < lentLeast || len(text) < lentLeast {
			return
		}
		if len(t[server]) >= lentMost {
			t[server] = t[server][1:]
		}
		t[server] = append(t[server], lentText{was, text})
	})
}

// substitute has a request show the target's texts.
func (t lent) substitute(server netip.AddrPort, req wire.Message) {
	if b, ok := req.(wire.Bearer); ok {
		for _, x := range t[server] {
			b.Rename(x.recorded, x.got)
		}
	}
}

// back puts the recorded texts into what the target says.
func (t lent) back(server netip.AddrPort, s *Said) {
	if b, ok := s.Message.(wire.Bearer); ok {
		for _, x := range t[server] {
			s.Renamed = b.Rename(x.got, x.recorded) || s.Renamed
		}
	}
}
