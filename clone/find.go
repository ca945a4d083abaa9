package clone

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ringer/capture"
	"ringer/profiles"
)

// An Endpoint is a port of a device, with the scanner of what is spoken there.
type Endpoint struct {
	Scanner Scanner
	Port    profiles.Port
}

// A KeyHolder is a Scanner that has secrets: with its keys, what it asks and is told can be read.
type KeyHolder interface{ Keys() *capture.Keys }

// A Candidate is a port to look at; Protocol names what is known to be spoken there, "" what is to be found
// out.
type Candidate struct {
	Port     profiles.Port
	Protocol string
}

// lookFor is how long a connection may take to a port that may not be there.
const lookFor = 1500 * time.Millisecond

// Find asks which of the scanners' protocols are spoken on the ports that are named, and, if usual is set, on
// the scanners' usual ones. Ports that are named are probed by all scanners, the usual ones only by those
// whose they are.
func Find(ctx context.Context, v *Visit, scanners []Scanner, named []Candidate, usual bool) ([]Endpoint, error) {
	var found []Endpoint
	taken := map[profiles.Port]bool{}
	try := func(s Scanner, port profiles.Port) error {
		if taken[port] {
			return nil
		}
		slack := v.pace.slackness()
		err := s.Probe(ctx, v, port)
		var stopped *Stopped
		if errors.Is(err, ErrNotSpoken) {
			v.pace.forgive(slack) // that nobody is there is no trouble of the device
		}
		switch {
		case err == nil:
			taken[port] = true
			found = append(found, Endpoint{s, port})
			v.Remark(s.Protocol().Name(), Found, "on port %s", port)
		case ctx.Err() != nil, errors.As(err, &stopped):
			return err
		}
		return nil
	}
	for _, c := range named {
		if !c.Port.UDP && !v.listens(ctx, c.Port) {
			if c.Protocol != "" {
				v.Remark(c.Protocol, NotThere, "nothing listens on port %s", c.Port)
			}
			continue
		}
		for _, s := range byPort(scanners, c.Port) {
			if name := s.Protocol().Name(); name == c.Protocol || c.Protocol == "" && speaksOver(s, c.Port.UDP) {
				if err := try(s, c.Port); err != nil {
					return found, err
				}
			}
		}
	}
	if !usual {
		return found, ctx.Err()
	}
	done := map[profiles.Port]bool{}
	for _, c := range named {
		done[c.Port] = true
	}
	for _, s := range scanners {
		for _, port := range usualPorts(s) {
			if done[port] || !port.UDP && !v.listens(ctx, port) {
				continue
			}
			if err := try(s, port); err != nil {
				return found, err
			}
		}
	}
	return found, ctx.Err()
}

// byPort gives first the scanners whose usual port it is.
func byPort(scanners []Scanner, port profiles.Port) []Scanner {
	all := slices.Clone(scanners)
	slices.SortStableFunc(all, func(a, b Scanner) int {
		switch x, y := usualPort(a, port), usualPort(b, port); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return all
}

func usualPort(s Scanner, port profiles.Port) bool {
	return slices.Contains(usualPorts(s), port)
}

// usualPorts are those that a scanner names itself, or those of its protocol.
func usualPorts(s Scanner) (all []profiles.Port) {
	if own, ok := s.(interface{ Ports() []profiles.Port }); ok {
		return own.Ports()
	}
	for _, text := range s.Protocol().Ports() {
		if p, err := portOf(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

func speaksOver(s Scanner, udp bool) bool {
	return slices.ContainsFunc(usualPorts(s), func(p profiles.Port) bool { return p.UDP == udp })
}

// portOf reads a port as protocols write it: "tcp/502".
func portOf(text string) (profiles.Port, error) {
	transport, number, _ := strings.Cut(text, "/")
	p, err := profiles.ParsePort(number)
	p.UDP = transport == "udp"
	return p, err
}

// listens says whether a TCP port takes connections.
func (v *Visit) listens(ctx context.Context, port profiles.Port) bool {
	if v.Memory.knows(netip.AddrPortFrom(v.Addr, port.Number)) {
		return true
	}
	if v.pace.turn(ctx) != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, min(lookFor, v.Care.Timeout))
	defer cancel()
	c, err := v.Dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(v.Addr, port.Number).String())
	if err != nil {
		return false
	}
	c.Close()
	return true
}
