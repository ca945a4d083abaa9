package clone

import (
	"slices"
	"strconv"
	"strings"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
)

const (
	ipmiThisChannel = 0x0e // the one that is asked on
	ipmiExtended    = 0x80 // also what IPMI 2.0 adds
	// ipmiListMost bounds lists that come in parts.
	ipmiListMost = 64
)

// anybody asks what is told without a password.
func (a *ipmiTour) anybody() error {
	a.v.Expect("ipmi", 1)
	if _, err := a.talk.ask(a.ctx, a.ping()); a.end(err) != nil {
		return err
	}
	if err := a.capabilities(); err != nil {
		return err
	}
	if a.told.plus {
		var err error
		if a.told.suites, err = a.cipherSuites(ipmiThisChannel); err != nil {
			return err
		}
	}
	if _, err := a.ask(ipmi.App, 0x37); err != nil {
		return err
	}
	if a.told.plus {
		return a.handshakes()
	}
	return nil
}

// capabilities asks for the kinds of authentication, as clients do: for each privilege, with and without
// those of IPMI 2.0 (section 22.13).
func (a *ipmiTour) capabilities() error {
	heard := false
	for _, channel := range []byte{ipmiThisChannel | ipmiExtended, ipmiThisChannel, 1} {
		for _, privilege := range []byte{4, 3, 2, 1, 5} {
			r, err := a.ask(ipmi.App, 0x38, channel, privilege)
			if err != nil {
				return err
			}
			heard = heard || r.ok()
			if !r.has(4) {
				continue
			}
			a.told.auth |= r.data[1] & 0x3f
			if channel&ipmiExtended != 0 && r.data[1]&0x80 != 0 && r.data[3]&2 != 0 {
				a.told.plus = true
			}
			if r.data[2]&3 != 0 {
				a.v.Remark("ipmi", Suspicious, "lets in who says no name")
			}
		}
	}
	versions := "IPMI 1.5"
	if a.told.plus {
		versions = "IPMI 2.0"
		if a.told.auth != 0 {
			versions = "IPMI 1.5 and 2.0"
		}
	}
	if heard {
		a.v.Remark("ipmi", Fact, "speaks %s", versions)
	}
	return nil
}

// cipherSuites asks for the list of a channel, in both forms, sixteen bytes at a time (section 22.15).
func (a *ipmiTour) cipherSuites(channel byte) (suites []uint8, err error) {
	var list []byte
	for _, form := range []byte{ipmiExtended, 0} {
		for i := range byte(ipmiListMost) {
			r, err := a.ask(ipmi.App, 0x54, channel, 0, form|i)
			if err != nil {
				return nil, err
			}
			if !r.has(1) {
				break
			}
			if form != 0 {
				list = append(list, r.data[1:]...)
			}
			if len(r.data) < 17 {
				break
			}
		}
	}
	for len(list) > 0 {
		b := list
		if list = list[1:]; b[0] == 0xc0 && len(b) > 4 { // standard suites; 0xc1 are those of the maker
			if _, ok := ipmi.Suite(b[1]); ok && !slices.Contains(suites, b[1]) {
				suites = append(suites, b[1])
			}
			list = b[5:]
		}
	}
	if channel == ipmiThisChannel && len(suites) > 0 {
		var names []string
		for _, n := range suites {
			names = append(names, strconv.Itoa(int(n)))
		}
		a.v.Remark("ipmi", Fact, "cipher suites %s", strings.Join(names, ", "))
		if slices.Contains(suites, 0) {
			a.v.Remark("ipmi", Suspicious, "lists cipher suite 0, which asks for no password")
		}
	}
	return suites, nil
}

// handshakes begins one with each suite that is listed, and with one that is not, as a user that nobody has,
// and one with no name. None is ended with a password: they show who is let try. Suites signed with plain MD5
// are left alone: no client uses them, and OpenIPMI's server falls over when such a handshake ends.
func (a *ipmiTour) handshakes() error {
	plainMD5 := func(n uint8) bool {
		s, _ := ipmi.Suite(n)
		return s.Integrity == ipmi.IntegrityMD5
	}
	suites := slices.DeleteFunc(slices.Clone(a.told.suites), plainMD5)
	if len(suites) == 0 {
		suites = []uint8{3, 17}
	}
	for n := range uint8(20) {
		if !slices.Contains(suites, n) && !plainMD5(n) {
			suites = append(suites, n)
			break
		}
	}
	good := uint8(3)
	for _, n := range suites {
		opened, err := a.stranger(n, ipmiStranger)
		if err != nil {
			return err
		}
		if opened {
			good = n
		}
		if opened && n == 0 {
			a.v.Remark("ipmi", Suspicious, "begins sessions of cipher suite 0, which asks for no password")
		}
	}
	_, err := a.stranger(good, "")
	return err
}

// stranger begins a handshake, names a user, and gives up.
func (a *ipmiTour) stranger(suite uint8, name string) (opened bool, err error) {
	for _, live := range []bool{false, true} {
		stale, opened, err := a.strange(suite, name, live)
		if err != nil || !stale {
			return opened, err
		}
	}
	return false, nil
}

// strange does that once. Stale: the session was only remembered, and what follows it was not.
func (a *ipmiTour) strange(suite uint8, name string, live bool) (stale, opened bool, err error) {
	console, err := a.mint()
	if err != nil {
		return false, false, err
	}
	q := &ipmi.OpenSession{RMCP: ipmiHead(), Session: ipmi.Session{Format: ipmi.FormatRMCPPlus}, Tag: a.nextTag(), Console: console}
	q.Algorithms, _ = ipmi.Suite(suite)
	var remembered bool
	ask := func(q wire.Message, live bool) (wire.Message, error) {
		a.v.Expect("ipmi", 1)
		b, err := q.Append(nil)
		if err != nil {
			return nil, err
		}
		replies, err := a.talk.askBy(a.ctx, func() ([]wire.Message, error) {
			a.talk.line.opening = live
			defer func() { a.talk.line.opening = false }()
			return a.talk.ask1(b)
		})
		if err != nil {
			return nil, a.end(err)
		}
		remembered = a.talk.line.told
		return replies[0], nil
	}
	reply, err := ask(q, live)
	r, ok := reply.(*ipmi.OpenSessionReply)
	if err != nil || !ok || r.Status != ipmi.StatusOK {
		return false, false, err
	}
	known := remembered
	first := &ipmi.RAKP1{RMCP: q.RMCP, Session: q.Session, Tag: a.nextTag(), BMC: r.BMC, Role: ipmiAdministrator | ipmi.NameOnly, User: ipmi.Name(name)}
	if err := a.fresh(first.Random[:]); err != nil {
		return false, true, err
	}
	reply, err = ask(first, live)
	second, ok := reply.(*ipmi.RAKP2)
	if err != nil || !ok {
		return false, true, err
	}
	if second.Status == ipmi.InvalidSessionID && known && !remembered {
		return true, true, nil
	}
	if second.Status == ipmi.StatusOK && name == "" {
		a.v.Remark("ipmi", Suspicious, "a user without a name may log in")
	}
	if second.Status == ipmi.StatusOK && name == ipmiStranger {
		a.v.Remark("ipmi", Fact, "goes on with a user that nobody has, as if there were one")
	}
	if second.Status != ipmi.StatusOK || remembered {
		return false, true, nil
	}
	end, err := (&ipmi.RAKP3{RMCP: q.RMCP, Session: q.Session, Tag: a.nextTag(), Status: ipmi.InvalidIntegrityCheck, BMC: r.BMC}).Append(nil)
	if err == nil {
		_, err = a.talk.line.Write(end) // nobody answers that
	}
	return false, true, err
}
