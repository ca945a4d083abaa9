package emulate

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An snmpService is an agent. Its variables are shared by all who ask.
type snmpService struct {
	st      *State
	sec     *profiles.SNMP
	proto   wire.Protocol
	tree    snmpTree
	cells   map[int]*snmpCell
	script  *Script
	speaks  [4]bool // by version
	names   []*snmpAsker
	users   []*snmpAsker
	special map[string]*Cell // the engine's clock and its reports, as recorded

	engine   snmpEngine
	writable []snmp.OID
	refuse   []snmpRefusal
	maxSize  int
	bulkMax  int
}

// An snmpAsker is a community or a user of SNMPv3: who may see and do what.
type snmpAsker struct {
	name   string // as the profile has it: a verifier, or in the clear
	write  bool
	view   []snmp.OID
	hidden []snmp.OID

	// Of a user.
	level    string
	keyed    bool // its key is known
	denied   bool // whatever it signs is signed wrongly
	encrypts bool // and can encrypt
	note     string
	account  *account // nil: the device has none of that name
}

// An snmpRefusal is the error that setting a variable, or one below it, gives.
type snmpRefusal struct {
	root   snmp.OID
	status snmp.ErrorStatus
}

// snmpMaxSize is the largest message: what a UDP datagram takes. snmpBulkMax is the number of variables
// at which net-snmp, the most common agent, ends an answer to GETBULK.
const (
	snmpMaxSize = 65507
	snmpBulkMax = 100
)

func openSNMP(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	sec, ok := svc.Section.(*profiles.SNMP)
	if !ok {
		return openRecorded(st, dev, svc, p)
	}
	s := &snmpService{st: st, sec: sec, proto: p, tree: newSNMPTree(), special: map[string]*Cell{}, maxSize: sec.MaxSize, bulkMax: sec.BulkMax}
	if s.maxSize == 0 {
		s.maxSize = snmpMaxSize
	}
	if s.bulkMax == 0 {
		s.bulkMax = snmpBulkMax
	}
	for _, v := range []snmp.Version{snmp.V1, snmp.V2c, snmp.V3} {
		s.speaks[v] = sec.Speaks(v)
	}
	if sec.Walk != "" {
		f, err := dev.Files.Open(path.Clean(sec.Walk))
		if err != nil {
			return nil, fmt.Errorf("walk: %w", err)
		}
		err = s.tree.read(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("walk %s: %w", sec.Walk, err)
		}
	}
	if err := s.loadCells(dev); err != nil {
		return nil, err
	}
	if err := s.loadRules(); err != nil {
		return nil, err
	}
	if err := s.loadEngine(); err != nil {
		return nil, err
	}
	if err := s.loadUsers(); err != nil {
		return nil, err
	}
	var err error
	if s.script, err = NewScript(dev, svc, s.proto); err != nil {
		return nil, err
	}
	return s, nil
}

// loadRules reads who may do what.
func (s *snmpService) loadRules() error {
	var err error
	for _, name := range slices.Sorted(maps.Keys(s.sec.Communities)) {
		c := s.sec.Communities[name]
		a := &snmpAsker{name: name, write: c.Access == "rw"}
		if a.view, err = snmpOIDs(c.View); err != nil {
			return fmt.Errorf("communities: view: %w", err)
		}
		if a.hidden, err = snmpOIDs(c.Hidden); err != nil {
			return fmt.Errorf("communities: hidden: %w", err)
		}
		s.names = append(s.names, a)
	}
	if s.writable, err = snmpOIDs(s.sec.Writable); err != nil {
		return fmt.Errorf("writable: %w", err)
	}
	for o, name := range s.sec.Refuse {
		root, err := snmp.ParseOID(o)
		if err != nil {
			return fmt.Errorf("refuse: %w", err)
		}
		for e := snmp.TooBig; e <= snmp.InconsistentName; e++ {
			if e.String() == name {
				s.refuse = append(s.refuse, snmpRefusal{root, e})
			}
		}
	}
	return nil
}

func snmpOIDs(list []string) (out []snmp.OID, err error) {
	for _, x := range list {
		o, err := snmp.ParseOID(x)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (s *snmpService) Protocol() wire.Protocol { return s.proto }

func (s *snmpService) Open(Peer) Session {
	n := &snmpSession{s: s}
	n.messages[0] = &n.reply
	return n
}

// sees says whether a variable is in the asker's view.
func (a *snmpAsker) sees(o snmp.OID) bool {
	if len(a.view) > 0 && !snmpBelow(o, a.view) {
		return false
	}
	return len(a.hidden) == 0 || !snmpBelow(o, a.hidden)
}

func snmpBelow(o snmp.OID, roots []snmp.OID) bool {
	for _, r := range roots {
		if o.HasPrefix(r) {
			return true
		}
	}
	return false
}

// An snmpSession answers one manager.
type snmpSession struct {
	Quiet
	s         *snmpService
	community []byte // the last one that was right, and whose it is
	asker     *snmpAsker
	names     []string // what recordings call it
	near      int      // the variable told last
	reply     snmp.CommunityMessage
	v3        *snmpV3Reply
	messages  [1]wire.Message
	columns   []snmpColumn
}

func (n *snmpSession) Answer(req wire.Message) Answer {
	switch m := req.(type) {
	case *snmp.CommunityMessage:
		return n.answer(m)
	case *snmp.V3Message:
		return n.answerV3(m)
	}
	return Answer{}
}

// answer answers SNMPv1 and SNMPv2c: wrong communities, versions that are not spoken, notifications and
// responses meet silence.
func (n *snmpSession) answer(m *snmp.CommunityMessage) Answer {
	if !n.s.speaks[m.Version] || !n.identify(m.Community) {
		return Answer{}
	}
	if !n.s.script.Empty() {
		if a, found := n.recorded(m); found {
			return a
		}
	}
	n.reply.Version, n.reply.Community = m.Version, m.Community
	n.reply.UseLongLengths(n.s.sec.LongLengths)
	q := snmpQuery{snmpSession: n, version: m.Version, asker: n.asker, room: n.s.maxSize - snmpEnvelope - len(m.Community)}
	if !q.answer(&m.PDU, &n.reply.PDU) {
		return Answer{}
	}
	return Answer{Messages: n.messages[:], From: q.from}
}

// identify finds out whose community it is. Profiles that were merged may have it under several
// verifiers: then it may do what any of them may.
func (n *snmpSession) identify(community []byte) bool {
	if n.asker != nil && string(community) == string(n.community) {
		return true
	}
	var found *snmpAsker
	var names []string
	for _, a := range n.s.names {
		if profiles.Verify(a.name, community) {
			names = append(names, a.name)
			if found == nil || a.write && !found.write {
				found = a
			}
		}
	}
	for _, a := range n.s.names {
		if found == nil && a.name == profiles.SNMPAnyone {
			found, names = a, append(names, a.name)
		}
	}
	if found == nil {
		return false
	}
	if !slices.Contains(names, string(community)) {
		names = append(names, string(community)) // recordings from before the profile was redacted
	}
	n.asker, n.names, n.community = found, names, append(n.community[:0], community...)
	return true
}

// recorded answers from whole messages. In recordings the community is called as the profile calls it.
func (n *snmpSession) recorded(m *snmp.CommunityMessage) (Answer, bool) {
	community := m.Community
	for _, name := range n.names {
		m.Community = snmp.Community(name)
		replies, found := n.s.script.Ask(m)
		m.Community = community
		for _, r := range replies {
			if c, ok := r.(*snmp.CommunityMessage); ok && string(c.Community) == name {
				c.Community = community
			}
		}
		if found {
			return Answer{Messages: replies, From: Recorded}, true
		}
	}
	return Answer{}, false
}
