package main

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/capture/ipmi"
)

// proofs are what keys were found to be worth, by device.
type proofs map[netip.Addr]*ipmi.Proofs

// proofsMax bounds the devices that they are kept of.
const proofsMax = 1 << 12

// weighed passes exchanges on, and weighs the keys of the sessions in them.
func (s *selection) weighed(seq iter.Seq2[capture.Exchange, error]) iter.Seq2[capture.Exchange, error] {
	if s.proofs == nil {
		s.proofs = proofs{}
	}
	return func(yield func(capture.Exchange, error) bool) {
		for x, err := range seq {
			if err == nil && x.Protocol.Name() == (ipmi.Protocol{}).Name() {
				if p := s.proofsOf(x.Server.Addr().Unmap()); p != nil {
					p.Add(x.Conn, x.Request, x.Replies)
				}
			}
			if !yield(x, err) {
				return
			}
		}
	}
}

func (s *selection) proofsOf(device netip.Addr) *ipmi.Proofs {
	p := s.proofs[device]
	if p == nil && len(s.proofs) < proofsMax {
		var keys *ipmi.Keys
		if s.keys != nil {
			keys = &s.keys.IPMI
		}
		p = ipmi.NewProofs(keys)
		s.proofs[device] = p
	}
	return p
}

// proven are the secrets that were found to be right; warnings say which are not, and what stays sealed.
func (p proofs) proven() (all []string) {
	for _, device := range slices.SortedFunc(maps.Keys(p), netip.Addr.Compare) {
		for _, u := range p[device].Users {
			if u.Password == ipmi.Right {
				all = append(all, fmt.Sprintf("%s: the password of ipmi user %q is proven", device, u.Name))
			}
		}
		if p[device].KG == ipmi.Right {
			all = append(all, fmt.Sprintf("%s: the controller's ipmi-kg is proven", device))
		}
	}
	return all
}

func (p proofs) warnings() (all []string) {
	for _, device := range slices.SortedFunc(maps.Keys(p), netip.Addr.Compare) {
		of := p[device]
		for _, u := range of.Users {
			if u.Password == ipmi.Wrong {
				by := "the session that it opened"
				if u.Plus {
					by = "RAKP 2"
				}
				all = append(all, fmt.Sprintf("%s: the password of ipmi user %q is wrong: %s is not signed with it", device, u.Name, by))
			}
		}
		if of.KG == ipmi.Wrong {
			all = append(all, fmt.Sprintf("%s: no ipmi-kg that was given is that of the controller: RAKP 4 is not signed with it", device))
		}
		wanted := of.Wanted()
		for i := range wanted {
			wanted[i] = `"` + strings.ReplaceAll(wanted[i], `"`, `'`) + `"`
		}
		with := "; --keys FILE with " + strings.Join(wanted, " and ") + " opens them"
		switch {
		case of.Sealed > 0 && len(wanted) > 0:
			all = append(all, fmt.Sprintf("%s: %s of IPMI sessions stay sealed: what is in them is not learned%s", device, plural(of.Sealed, "datagram", "datagrams"), with))
		case of.Sealed > 0:
			all = append(all, fmt.Sprintf("%s: %s of IPMI sessions stay sealed: the recording does not show how these began", device, plural(of.Sealed, "datagram", "datagrams")))
		}
	}
	return all
}

// sayProofs tells what keys were worth.
func sayProofs(c *cli.Context, p proofs) {
	for _, text := range p.proven() {
		fmt.Fprintf(c.App.ErrWriter, "ringer: %s\n", text)
	}
	for _, text := range p.warnings() {
		warn(c, "%s", text)
	}
}

// A sealedJSON is what the keys were worth to one device.
type sealedJSON struct {
	*ipmi.Proofs
	Wanted []string `json:"wanted,omitempty"` // lines for --keys that would open more
}

func (p proofs) json(device netip.Addr) *sealedJSON {
	of := p[device]
	if of == nil || of.Sealed == 0 && len(of.Users) == 0 {
		return nil
	}
	return &sealedJSON{of, of.Wanted()}
}
