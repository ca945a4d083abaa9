package emulate

import (
	"time"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// ipmiWatchdog is the timer that resets a host which does not reset it (section 27).
type ipmiWatchdog struct {
	known   bool
	set     ipmi.SetWatchdog
	expires time.Time // zero: it stands still
	expired byte      // uses whose time ran out
}

const (
	ipmiWatchdogTick    = 100 * time.Millisecond
	ipmiWatchdogRunning = 0x40
)

func (w *ipmiWatchdog) load(s *ipmiService) {
	if c := s.cells[profiles.IPMICell(ipmi.Target{NetFn: ipmi.App, Cmd: 0x25}, nil)]; c != nil {
		if v, _ := c.Peek(s.st); len(v) >= 9 && v[0] == 0 {
			w.known = true
			w.set = ipmi.SetWatchdog{Use: v[1] &^ ipmiWatchdogRunning, Actions: v[2], PreTimeout: v[3], Countdown: uint16(v[5]) | uint16(v[6])<<8}
		}
	}
}

// run lets the timer come to its end: the host is then reset, or its power changed.
func (w *ipmiWatchdog) run(s *ipmiService) {
	if w.expires.IsZero() || s.now().Before(w.expires) {
		return
	}
	w.expires = time.Time{}
	w.expired |= 1 << (w.set.Use & 7)
	if what, ok := map[byte]byte{1: 3, 2: 0, 3: 2}[w.set.Actions&7]; ok {
		s.chassis.control(s, what)
		s.chassis.cause = 4 // the watchdog
	}
}

func (w *ipmiWatchdog) command(s *ipmiService, q *ipmi.Command) (ipmi.Code, ipmi.Body, bool) {
	if q.NetFn != ipmi.App || !w.known {
		return 0, nil, false
	}
	if b, ok := q.Body.(*ipmi.SetWatchdog); ok {
		w.set, w.expires = *b, time.Time{}
		w.expired &^= b.Expired
		w.set.Use &^= ipmiWatchdogRunning
		return ipmi.CodeOK, nil, true
	}
	switch q.Cmd {
	case 0x22:
		if w.set.Countdown == 0 {
			return ipmi.Code(0x80), nil, true // it was never set
		}
		w.expires = s.now().Add(time.Duration(w.set.Countdown) * ipmiWatchdogTick)
		return ipmi.CodeOK, nil, true
	case 0x25:
		r := &ipmi.GetWatchdogReply{
			Use: w.set.Use, Actions: w.set.Actions, PreTimeout: w.set.PreTimeout, Expired: w.expired, Countdown: w.set.Countdown, Present: w.set.Countdown,
		}
		if !w.expires.IsZero() {
			r.Use |= ipmiWatchdogRunning
			r.Present = uint16(w.expires.Sub(s.now()) / ipmiWatchdogTick)
		}
		return ipmi.CodeOK, r, true
	}
	return 0, nil, false
}
