package clone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// SNMPWalk asks an agent for all its variables: in every version that it answers, for each community and
// user it is given. What moves is asked again a little later. How the agent refuses is asked, too, but
// nothing is ever set.
type SNMPWalk struct {
	Communities []string    // none: public
	Users       []snmp.User // of SNMPv3
	Context     string      // of SNMPv3
	Roots       []string    // only these subtrees; none: all there is
	Most        int         // variables for each who asks; 0: a million

	Snapshots int           // after the walk; 0: one, negative: none
	Every     time.Duration // between them; 0: 5 s

	MIBs string // a directory of MIB files, for names in remarks; "": none
}

const (
	snmpMost     = 1_000_000
	snmpEvery    = 5 * time.Second
	snmpStranger = "ringer-stranger" // a community and a user that nobody has
)

// Keys are those of the users.
func (s *SNMPWalk) Keys() *capture.Keys { return &capture.Keys{SNMP: s.Users} }

// Protocol is SNMP with the keys of the users, if they are sound.
func (s *SNMPWalk) Protocol() wire.Protocol {
	if keys, err := snmp.NewKeys(s.Users...); err == nil && len(s.Users) > 0 {
		return snmp.Protocol{Keys: keys}
	}
	return snmp.Protocol{}
}

// Check says what is wrong with the options.
func (s *SNMPWalk) Check() error {
	for _, c := range s.Communities {
		if len(c) > 127 {
			return fmt.Errorf("a community of %d bytes: want 127 or less", len(c))
		}
	}
	for i := range s.Users {
		if err := s.Users[i].Check(); err != nil {
			return err
		}
	}
	for _, r := range s.Roots {
		if _, err := snmp.ParseOID(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *SNMPWalk) communities() []string {
	if len(s.Communities) == 0 && len(s.Users) == 0 {
		return []string{"public"}
	}
	return s.Communities
}

// snapshots is how many there are.
func (s *SNMPWalk) snapshots() int {
	switch {
	case s.Snapshots < 0:
		return 0
	case s.Snapshots == 0:
		return 1
	}
	return s.Snapshots
}

func (s *SNMPWalk) every() time.Duration {
	if s.Every <= 0 {
		return snmpEvery
	}
	return s.Every
}

// Plan tells what would be asked. An agent of a few hundred variables takes some ten questions to walk.
func (s *SNMPWalk) Plan(Care) []Step {
	n := len(s.communities())
	return []Step{
		{"versions, communities, users", 2*n + 2 + len(s.Users), 2*n + 3 + 2*len(s.Users)},
		{"walk (GETBULK, GETNEXT)", n + len(s.Users), 0},
		{"what is not there", 0, snmpMannersMost * (2*n + len(s.Users))},
		{"snapshots of what moves (GET)", s.snapshots(), 0},
	}
}

// counted is what was counted in a protocol so far.
func (v *Visit) counted(protocol string) Tally {
	for _, t := range v.Tallies() {
		if t.Protocol == protocol {
			return t
		}
	}
	return Tally{}
}

// Probe asks for sysUpTime, and then who the SNMPv3 engine is. The port of notifications is not asked: what
// listens there does not answer.
func (s *SNMPWalk) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	if !port.UDP || port.Number == 162 {
		return ErrNotSpoken
	}
	t := s.talk(ctx, v, port)
	defer t.close()
	ask := func(a *snmpAsking) (bool, error) {
		_, err := t.untilAnswered(ctx, 0, func() ([]wire.Message, error) { return a.once(a.get(snmpUptime)) })
		return spoken(err)
	}
	for _, version := range []snmp.Version{snmp.V2c, snmp.V1} {
		for _, c := range s.communities() {
			if found, err := ask(t.community(version, c)); found || err != nil {
				return err
			}
		}
	}
	if found, err := ask(t.user(snmp.User{Name: snmpStranger})); found || err != nil {
		return err
	}
	return ErrNotSpoken
}

// snmpUptime is sysUpTime.0, which every agent has (RFC 3418).
var snmpUptime = snmpClocks[0].oid

// Scan asks all there is to ask.
func (s *SNMPWalk) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	t := s.talk(ctx, v, port)
	defer t.close()
	names := snmpNames{}
	if s.MIBs != "" {
		var err error
		if names, err = readMIBs(s.MIBs); err != nil {
			v.Remark("snmp", Suspicious, "--mib-dir: %v", err)
		}
	}
	answering, err := s.who(ctx, t)
	if err != nil {
		return err
	}
	defer func() {
		for _, w := range answering {
			w.close()
		}
	}()
	var most *snmpTour
	for _, w := range answering {
		if w.skip {
			continue
		}
		w.names = names
		if err := w.walk(ctx, s); err != nil {
			return err
		}
		if most == nil || w.seen > most.seen {
			most = w
		}
	}
	for _, w := range answering {
		if err := w.manners(ctx, most); err != nil {
			return err
		}
	}
	if err := s.strangers(ctx, t, answering); err != nil {
		return err
	}
	if err := s.again(ctx, most); err != nil {
		return err
	}
	most.follow()
	return nil
}

// who finds out which versions, communities and users are answered. A community that is answered in both
// versions is walked in the second.
func (s *SNMPWalk) who(ctx context.Context, t *snmpTalk) (answering []*snmpTour, err error) {
	answered := map[snmp.Version]int{}
	meet := func(a *snmpAsking, skip bool) (bool, error) {
		t.v.Expect("snmp", 1)
		pdu, err := a.ask(ctx, 1, a.get(snmpUptime))
		switch {
		case errors.Is(err, ErrGone) && len(answering) == 0:
			return false, nil // nobody has answered yet: it may be the community
		case err != nil && !goOn(err):
			return false, err
		case err != nil:
			return false, nil
		case pdu.Type == snmp.Report:
			t.v.Remark("snmp", NotThere, "%s: refused: %s", a.who, snmpReportName(pdu))
			return false, nil
		}
		answered[a.version]++
		answering = append(answering, &snmpTour{snmpAsking: a, skip: skip})
		return true, nil
	}
	list := s.communities()
	for _, c := range list {
		newer, err := meet(t.community(snmp.V2c, c), false)
		if err == nil {
			_, err = meet(t.community(snmp.V1, c), newer)
		}
		if err != nil {
			return answering, err
		}
	}
	for _, u := range s.Users {
		if _, err := meet(t.user(u), false); err != nil {
			return answering, err
		}
	}
	if len(answering) == 0 {
		if !t.met {
			return nil, fmt.Errorf("%w: neither v1, v2c nor v3 is answered; another community may be", ErrNotSpoken)
		}
		t.v.Remark("snmp", NotThere, "nobody who was asked for is let in: there is more to learn with --community or --user")
	}
	var speaks []string
	for _, version := range []snmp.Version{snmp.V1, snmp.V2c, snmp.V3} {
		if answered[version] > 0 {
			speaks = append(speaks, version.String())
		} else if version != snmp.V3 && len(answering) > 0 && len(list) > 0 {
			t.v.Remark("snmp", NotThere, "%v is not answered", version)
		}
	}
	if n := answered[snmp.V1] + answered[snmp.V2c]; n > 0 && n < 2*len(list) && len(list) > 1 {
		t.v.Remark("snmp", Fact, "%d of %d communities are answered", max(answered[snmp.V1], answered[snmp.V2c]), len(list))
	}
	if len(speaks) > 0 {
		t.v.Remark("snmp", Fact, "speaks %s", strings.Join(speaks, ", "))
	}
	return answering, nil
}

// strangers asks once as a community and as a user that nobody has. Silence is the rule for the first; the
// second is told the engine, too.
func (s *SNMPWalk) strangers(ctx context.Context, t *snmpTalk, answering []*snmpTour) error {
	var asks []*snmpAsking
	for _, version := range []snmp.Version{snmp.V2c, snmp.V1} {
		if slices.ContainsFunc(answering, func(w *snmpTour) bool { return w.version == version }) {
			asks = append(asks, t.community(version, snmpStranger))
			break
		}
	}
	asks = append(asks, t.user(snmp.User{Name: snmpStranger}))
	for _, a := range asks {
		t.v.Expect("snmp", 1)
		var pdu *snmp.PDU
		replies, err := t.untilAnswered(ctx, 0, func() ([]wire.Message, error) { return a.once(a.get(snmpUptime)) })
		if err == nil {
			pdu, err = snmpPDU(replies)
		}
		switch {
		case err != nil && !goOn(err):
			return err
		case err != nil && a.version == snmp.V3:
			t.v.Remark("snmp", NotThere, "v3 is not answered")
		case err != nil:
		case a.version != snmp.V3:
			t.v.Remark("snmp", Suspicious, "answers a community that nobody has: any will do")
		case pdu.Type == snmp.Response:
			t.v.Remark("snmp", Suspicious, "v3: answers a user that nobody has")
		}
		if id := a.engineID(); err == nil && id != "" {
			t.v.Remark("snmp", Fact, "v3: engine %x", id)
		}
	}
	return nil
}

// snmpReports are the names of what an engine reports (RFC 3414, section 5).
var snmpReports = []struct {
	oid  snmp.OID
	name string
}{
	{snmp.UnsupportedSecLevels, "the user has another security level"},
	{snmp.NotInTimeWindows, "not in the time window"},
	{snmp.UnknownUserNames, "the user is not known"},
	{snmp.UnknownEngineIDs, "the engine is not known"},
	{snmp.WrongDigests, "the digest is wrong: another authentication password or protocol"},
	{snmp.DecryptionErrors, "it cannot be decrypted: another privacy password or protocol"},
	{snmp.UnknownContexts, "the context is not known"},
}

func snmpReportName(pdu *snmp.PDU) string {
	if len(pdu.VarBinds) == 0 {
		return "a report that says nothing"
	}
	for _, r := range snmpReports {
		if pdu.VarBinds[0].OID.Equal(r.oid) {
			return r.name
		}
	}
	return pdu.VarBinds[0].OID.String()
}
