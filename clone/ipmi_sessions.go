package clone

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// ipmiSessions is what handshakes show: which suites and kinds of authentication open a session, who is
// known, and how others are refused.
type ipmiSessions struct {
	guid      *[16]byte
	reserved  uint16
	opened    []uint8 // suites
	refused   map[uint8]bool
	listed    []byte // records of suites, as they are given sixteen bytes at a time
	auth      byte   // kinds of authentication that are offered
	names     map[string]bool
	anonymous bool
	codes     profiles.IPMIRefuse
	most      int
	offers    *uint8
	brief     bool
	answered  map[uint8]bool // whether anything was, in sessions of a suite
	asking    map[uint64]ipmiAsking
	passwords map[string]string // proven, by name
}

// ipmiAsking is the handshake of a pair of peers.
type ipmiAsking struct {
	user   string
	random [16]byte
	suite  uint8
	plus   bool
}

// ipmiAskingMax bounds the pairs of peers, and the handshakes that are recognised.
const ipmiAskingMax = 1 << 10

func newIPMISessions() ipmiSessions {
	return ipmiSessions{
		refused: map[uint8]bool{}, answered: map[uint8]bool{}, names: map[string]bool{}, asking: map[uint64]ipmiAsking{}, passwords: map[string]string{},
	}
}

func ipmiCode(s ipmi.Status) *uint8 {
	c := uint8(s)
	return &c
}

// openSession learns which suites there are. How one is refused is kept whole.
func (l *ipmiLearner) openSession(x *capture.Exchange, q *ipmi.OpenSession, reply wire.Message) bool {
	r, ok := reply.(*ipmi.OpenSessionReply)
	if !ok {
		return false
	}
	n, standard := q.Algorithms.Number()
	if r.Status != ipmi.StatusOK {
		if standard {
			l.sessions.refused[n] = true
		}
		switch r.Status {
		case ipmi.NoResources, ipmi.NoResourcesForRole:
			return true // that there was no room is no trait
		}
		l.sessions.codes.Suite = ipmiCode(r.Status)
		return false
	}
	if standard && !slices.Contains(l.sessions.opened, n) {
		l.sessions.opened = append(l.sessions.opened, n)
	}
	if q.MaxRole == 0 && r.MaxRole != ipmiAdministrator {
		l.sessions.offers = &r.MaxRole
	}
	if standard && len(l.sessions.asking) < ipmiAskingMax {
		l.sessions.asking[x.Conn] = ipmiAsking{suite: n, plus: true}
	}
	return standard
}

func (l *ipmiLearner) rakp1(x *capture.Exchange, q *ipmi.RAKP1, reply wire.Message) bool {
	s := &l.sessions
	if len(s.asking) < ipmiAskingMax {
		a := s.asking[x.Conn]
		a.user, a.random = string(q.User), q.Random
		s.asking[x.Conn] = a
	}
	r, ok := reply.(*ipmi.RAKP2)
	switch {
	case reply == nil:
		s.codes.UnknownUser = ipmiCode(ipmi.StatusOK)
		return true
	case !ok:
		return false
	case r.Status == ipmi.StatusOK && !r.Short:
		if len(s.names) < ipmiAskingMax {
			s.names[string(q.User)] = true
		}
		s.anonymous = s.anonymous || len(q.User) == 0
		s.guid, s.reserved = &r.GUID, r.Reserved
		return true
	case r.Status == ipmi.UnauthorizedName, r.Status == ipmi.InvalidNameLength, r.Status == ipmi.IllegalParameter:
		s.codes.UnknownUser, s.codes.Full = ipmiCode(r.Status), s.codes.Full || !r.Short
		return true
	}
	return r.Status == ipmi.UnauthorizedRole || r.Status == ipmi.InvalidSessionID
}

// rakp3 learns how the handshake ends. A handshake is known again by the console's random number, so that
// who replays it meets the same end; neither the controller's number nor any code is kept, from which the
// password could be found.
func (l *ipmiLearner) rakp3(x *capture.Exchange, q *ipmi.RAKP3, reply wire.Message) bool {
	r, ok := reply.(*ipmi.RAKP4)
	if !ok && reply != nil {
		return false
	}
	if q.Status != ipmi.StatusOK {
		return reply == nil
	}
	a, known := l.sessions.asking[x.Conn]
	switch {
	case reply == nil:
		l.sessions.codes.WrongPassword = ipmiCode(ipmi.StatusOK)
	case r.Status == ipmi.InvalidSessionID, r.Status == ipmi.NoResources:
		return true
	case r.Status != ipmi.StatusOK:
		l.sessions.codes.WrongPassword = ipmiCode(r.Status)
	}
	if known {
		var v []byte
		if r != nil {
			v = []byte{byte(r.Status)}
		}
		l.sample(&l.outside, profiles.IPMIHandshake+hex.EncodeToString(a.random[:]), v, x)
	}
	return true
}

// proved notes the password that a message of a session was verified with.
func (s *ipmiSessions) proved(conn uint64, h *ipmi.Session) {
	password, ok := h.Password()
	if a, known := s.asking[conn]; ok && known && len(s.passwords) < ipmiAskingMax {
		s.passwords[a.user] = password
	}
}

// heard notes whether sessions of a cipher suite are answered: some controllers open them, and then are silent.
func (s *ipmiSessions) heard(conn uint64, h *ipmi.Session, answered bool) {
	if a := s.asking[conn]; a.plus && h.Format == ipmi.FormatRMCPPlus {
		s.answered[a.suite] = s.answered[a.suite] || answered
	}
}

// session learns from the commands that are about sessions; true: the decoy answers them by itself.
func (l *ipmiLearner) session(x *capture.Exchange, q *ipmi.Command, r *ipmi.Reply) bool {
	s := &l.sessions
	switch b := q.Body.(type) {
	case *ipmi.GetAuthCapabilities:
		if c, ok := r.Body.(*ipmi.GetAuthCapabilitiesReply); ok && r.Code == ipmi.CodeOK {
			s.auth |= c.Types & 0x3f
			s.anonymous = s.anonymous || c.Status&3 != 0
		}
	case *ipmi.GetCipherSuites:
		if c, ok := r.Body.(*ipmi.GetCipherSuitesReply); ok && r.Code == ipmi.CodeOK && b.Index&0x80 != 0 {
			if at := int(b.Index&0x3f) * 16; at == len(s.listed) || at < len(s.listed) {
				s.listed = append(s.listed[:at], c.Records...)
			}
		}
	case *ipmi.GetSessionChallenge:
		name := string(bytes.TrimRight(b.User[:], "\x00"))
		if r.Code == ipmi.CodeOK {
			s.names[name] = true
			s.anonymous = s.anonymous || name == ""
			s.asking[x.Conn] = ipmiAsking{user: name}
		}
		return true
	case *ipmi.ActivateSession:
		return q.Session.ID != 0 && r.Code == ipmi.CodeOK
	case *ipmi.SetSessionPrivilege:
		return q.Session.ID != 0 && r.Code == ipmi.CodeOK
	case *ipmi.CloseSession:
		return q.Session.ID != 0
	case *ipmi.GetSessionInfo:
		if c, ok := r.Body.(*ipmi.GetSessionInfoReply); ok && r.Code == ipmi.CodeOK {
			s.most = max(s.most, int(c.Possible&0x3f))
			s.brief = s.brief || len(c.Rest) == briefInfo
			return q.Session.ID != 0
		}
	}
	return false
}

// briefInfo is how much is said of a session without its peer: user, privilege and channel (section 22.20).
const briefInfo = 3

// suites are those that open a session: the ones that are listed, and not seen refused, and those that did.
func (s *ipmiSessions) suites() (all []uint8) {
	for b := s.listed; len(b) > 0; {
		n, id := 2, byte(0)
		switch {
		case b[0] == 0xc0 && len(b) > 2:
			id = b[1]
		case b[0] == 0xc1 && len(b) > 5:
			n, id = 5, 0xff
		default:
			b = b[1:]
			continue
		}
		if _, ok := ipmi.Suite(id); ok && !s.refused[id] && !slices.Contains(all, id) {
			all = append(all, id)
		}
		b = b[n:]
	}
	for _, id := range slices.Sorted(slices.Values(s.opened)) {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// finish fills the section with what is known of sessions and users.
func (l *ipmiLearner) finishSessions(sec *profiles.IPMI, out *Output) {
	s := &l.sessions
	if s.guid != nil {
		sec.GUID = profiles.FormatGUID(*s.guid)
	}
	sec.Reserved, sec.Ciphers = s.reserved, s.suites()
	for _, name := range profiles.IPMIAuth {
		if f := profiles.IPMIFormats[name]; s.auth&(1<<f) != 0 {
			sec.Auth = append(sec.Auth, name)
		}
	}
	sec.Sessions, sec.Anonymous, sec.Offers, sec.BriefInfo = s.most, s.anonymous, s.offers, s.brief
	for _, suite := range slices.Sorted(maps.Keys(s.answered)) {
		if !s.answered[suite] {
			sec.Mute = append(sec.Mute, suite)
		}
	}
	if c := s.codes; c.Full || c.UnknownUser != nil && *c.UnknownUser != uint8(ipmi.UnauthorizedName) ||
		c.WrongPassword != nil && *c.WrongPassword != uint8(ipmi.InvalidIntegrityCheck) || c.Suite != nil && *c.Suite != uint8(ipmi.NoMatchingCipherSuite) {
		sec.Refuse = &c
	}
	for _, name := range slices.Sorted(maps.Keys(s.names)) {
		l.giveSlot(name)
	}
	for slot, u := range l.users {
		if u.Name == "" && (slot > 1 || u.Disabled || !s.anonymous) {
			delete(l.users, slot)
		}
	}
	if len(l.users) > 0 {
		sec.Users = l.users
	}
	l.accounts(out)
}

// giveSlot gives a user whose slot nobody asked for one that is free: the first is that without a name.
func (l *ipmiLearner) giveSlot(name string) {
	for _, u := range l.users {
		if u.Name == name {
			return
		}
	}
	slot := uint8(2)
	if name == "" {
		slot = 1
	}
	for ; slot < 64; slot++ {
		if u, taken := l.users[slot]; !taken || u.Name == "" {
			l.users[slot] = profiles.IPMIUser{Name: name}
			return
		}
	}
}

// accounts puts the users on the device's list. Their passwords stay out of it unless secrets are kept.
func (l *ipmiLearner) accounts(out *Output) {
	dev := out.Device
	for _, slot := range slices.Sorted(maps.Keys(l.users)) {
		name := l.users[slot].Name
		if name == "" {
			continue
		}
		i := slices.IndexFunc(dev.Accounts, func(a profiles.Account) bool { return a.Name == name })
		if i < 0 {
			dev.Accounts = append(dev.Accounts, profiles.Account{Name: name})
			i = len(dev.Accounts) - 1
		}
		if password, ok := l.sessions.passwords[name]; ok {
			if l.s.Options.KeepSecrets {
				dev.Accounts[i].Bait = password
			} else {
				l.secrets = true
			}
		}
	}
	slices.SortFunc(dev.Accounts, func(a, b profiles.Account) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
}
