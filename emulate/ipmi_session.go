package emulate

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An ipmiSession is one session, of IPMI 1.5 or RMCP+, or its handshake.
type ipmiSession struct {
	ipmi.Handshake
	format  ipmi.Format
	id      uint32 // by which the controller knows it
	user    *ipmiUser
	secret  *ipmi.Secret
	open    bool
	role    uint8 // the privilege it has now
	most    uint8 // and may have
	peer    Peer
	heard   time.Time
	opened  time.Time
	sent    uint32 // sequence number of the last message to the console
	seen    uint32 // the highest from it
	window  uint32 // which of those before it came
	begun   bool   // any came
	handle  uint8
	signs   bool // messages are authenticated
	hides   bool // and encrypted
	mute    bool // and not answered
	last    ipmiLast
	console *ipmiConsole
	attempt []byte // the last message of the handshake, and its answer, in case it comes again
	answer  wire.Message
	random  [16]byte // the challenge of IPMI 1.5
}

// ipmiLast is the last command of a session: one that comes again is not carried out again.
type ipmiLast struct {
	seq    uint8
	ask    []byte
	at     time.Time
	code   ipmi.Code
	said   []byte
	silent bool
}

const (
	// ipmiIdle ends a session in which nothing is said (section 6.12.15).
	ipmiIdle = 60 * time.Second
	// ipmiAgain is how long a command may come again.
	ipmiAgain = 2 * time.Second
	// ipmiAhead is how far sequence numbers may jump ahead in RMCP+, ipmiAhead15 in IPMI 1.5 (section 6.12.13).
	ipmiAhead   = 15
	ipmiAhead15 = 8
)

// ipmiSecrets are the secrets of sessions, by the ids that the controller gave them. The log of events reads
// with them, too, while sessions come and go: those of the sessions that ended last are kept.
type ipmiSecrets struct {
	mu    sync.RWMutex
	byID  map[uint32]*ipmi.Secret
	ended []uint32
}

// ipmiEnded is how many secrets of sessions that ended are kept.
const ipmiEnded = 64

func (k *ipmiSecrets) get(id uint32) *ipmi.Secret {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byID[id]
}

func (k *ipmiSecrets) put(id uint32, secret *ipmi.Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID == nil {
		k.byID = map[uint32]*ipmi.Secret{}
	}
	k.byID[id] = secret
}

func (k *ipmiSecrets) end(id uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID[id] == nil {
		return
	}
	if k.ended = append(k.ended, id); len(k.ended) > ipmiEnded {
		delete(k.byID, k.ended[0])
		k.ended = append(k.ended[:0], k.ended[1:]...)
	}
}

// expire forgets sessions in which nothing is said any more.
func (s *ipmiService) expire() {
	now := s.now()
	for id, n := range s.sessions {
		if now.Sub(n.heard) > ipmiIdle {
			s.end(id)
		}
	}
}

func (s *ipmiService) end(id uint32) {
	if n := s.sessions[id]; n != nil {
		delete(s.sessions, id)
		s.secrets.end(id)
	}
}

// room makes a place for a handshake: of too many that are not open, the oldest goes. No open session ever
// makes way.
func (s *ipmiService) room() bool {
	s.expire()
	opening, active := 0, 0
	var oldest *ipmiSession
	for _, n := range s.sessions {
		if n.open {
			active++
			continue
		}
		if opening++; oldest == nil || n.opened.Before(oldest.opened) {
			oldest = n
		}
	}
	if active >= s.most {
		return false
	}
	if opening >= ipmiOpening {
		s.end(oldest.id)
	}
	return true
}

// begin makes a session, with an id that is not in use.
func (s *ipmiService) begin(p Peer) *ipmiSession {
	var b [4]byte
	n := &ipmiSession{peer: p, opened: s.now(), heard: s.now()}
	for n.id == 0 || s.sessions[n.id] != nil || s.secrets.get(n.id) != nil {
		s.fresh(b[:])
		n.id = binary.LittleEndian.Uint32(b[:])
	}
	s.sessions[n.id] = n
	return n
}

// active lists the open sessions, the oldest first.
func (s *ipmiService) active() []*ipmiSession {
	var all []*ipmiSession
	for _, n := range s.sessions {
		if n.open {
			all = append(all, n)
		}
	}
	for i := range all {
		for k := i; k > 0 && all[k].handle < all[k-1].handle; k-- {
			all[k], all[k-1] = all[k-1], all[k]
		}
	}
	return all
}

// handles gives an open session the lowest handle that is free.
func (s *ipmiService) giveHandle(n *ipmiSession) {
	for h := uint8(1); ; h++ {
		taken := false
		for _, o := range s.sessions {
			taken = taken || o != n && o.open && o.handle == h
		}
		if !taken {
			n.handle = h
			return
		}
	}
}

func ipmiHead() ipmi.RMCP {
	return ipmi.RMCP{Version: 6, RMCPSequence: ipmi.NoAck, Class: ipmi.ClassIPMI}
}

var ipmiOutside = ipmi.Session{Format: ipmi.FormatRMCPPlus}

// openSession answers the first message of an RMCP+ handshake (section 13.18).
func (p *ipmiPeer) openSession(m *ipmi.OpenSession) wire.Message {
	s := p.s
	r := &ipmi.OpenSessionReply{RMCP: ipmiHead(), Session: ipmiOutside, Tag: m.Tag, Console: m.Console, MaxRole: m.MaxRole, Algorithms: m.Algorithms}
	allowed := false
	for _, a := range s.suites {
		allowed = allowed || a == m.Algorithms
	}
	switch {
	case !allowed:
		r.Status = s.refusal(s.sec.Refuse, refuseSuite)
	case !s.room():
		r.Status = ipmi.NoResources
	}
	if r.Status != ipmi.StatusOK {
		if replies, found := s.script.Ask(m); found && len(replies) > 0 {
			if said, ok := replies[0].(*ipmi.OpenSessionReply); ok {
				said.Tag, said.Console = m.Tag, m.Console
				return said
			}
		}
		r.Short, r.MaxRole = true, 0
		return r
	}
	n := s.begin(p.peer)
	n.format = ipmi.FormatRMCPPlus
	n.Console, n.BMC, n.Algorithms, n.GUID = m.Console, n.id, m.Algorithms, s.guid
	suite, standard := m.Algorithms.Number()
	n.mute = standard && slices.Contains(s.sec.Mute, suite)
	if r.MaxRole == 0 {
		r.MaxRole = ipmiAdministrator
		if s.sec.Offers != nil {
			r.MaxRole = *s.sec.Offers
		}
	}
	r.BMC = n.id
	return r
}

// find gives the handshake that a message is about, and the answer that it had before, if it comes again.
func (p *ipmiPeer) find(id uint32, m wire.Message) (n *ipmiSession, before wire.Message) {
	n = p.s.sessions[id]
	if n == nil || n.format != ipmi.FormatRMCPPlus {
		return nil, nil
	}
	b, _ := m.Append(nil)
	if n.answer != nil && bytes.Equal(b, n.attempt) {
		return n, n.answer
	}
	if n.open {
		return nil, nil
	}
	n.attempt = b
	return n, nil
}

// rakp1 answers the console's name and random number with the controller's (section 13.21).
func (p *ipmiPeer) rakp1(m *ipmi.RAKP1) (answer wire.Message, note string) {
	s := p.s
	r := &ipmi.RAKP2{RMCP: ipmiHead(), Session: ipmiOutside, Tag: m.Tag, Reserved: s.sec.Reserved, Short: true}
	n, before := p.find(m.BMC, m)
	switch {
	case n == nil:
		r.Status = ipmi.InvalidSessionID
		return r, ""
	case before != nil:
		return before, ""
	}
	r.Console = n.Console
	role := m.Role & 0xf
	n.Role, n.User, n.ConsoleRandom = m.Role, m.User, m.Random
	n.user = s.userNamed(string(m.User))
	switch {
	case n.user == nil:
		r.Status, note = s.refusal(s.sec.Refuse, refuseUser), "unknown user"
		s.log.refused()
	case role > n.user.limit:
		r.Status, note = ipmi.UnauthorizedRole, "more privilege than the user has"
	}
	if r.Status != ipmi.StatusOK || n.user == nil {
		s.end(n.id)
		if r.Status == ipmi.StatusOK { // silence
			return nil, note
		}
		if n.user == nil && s.sec.Refuse != nil && s.sec.Refuse.Full {
			s.fresh(r.Random[:])
			r.Short, r.GUID, r.Code = false, n.GUID, n.RAKP2Code(string(r.Random[:]))
		}
		return r, note
	}
	s.fresh(n.BMCRandom[:])
	secret := n.user.secret
	if !n.user.known || n.user.denied { // nobody has this password
		var b [10]byte
		s.fresh(b[:])
		secret = string(b[:])
	}
	n.secret = n.Secret(secret, "")
	s.secrets.put(n.id, n.secret)
	r.Short, r.Random, r.GUID = false, n.BMCRandom, n.GUID
	r.Code = n.RAKP2Code(secret)
	n.random = [16]byte{}
	n.expect(n.RAKP3Code(secret))
	n.answer = r
	return r, ""
}

// expect keeps what RAKP 3 has to show.
func (n *ipmiSession) expect(code []byte) { n.last.ask = code }

// rakp3 opens the session, if the console knows the password (section 13.23).
func (p *ipmiPeer) rakp3(m *ipmi.RAKP3) (answer wire.Message, note string) {
	s := p.s
	r := &ipmi.RAKP4{RMCP: ipmiHead(), Session: ipmiOutside, Tag: m.Tag, Reserved: s.sec.Reserved}
	n, before := p.find(m.BMC, m)
	switch {
	case n == nil || n.user == nil:
		r.Status = ipmi.InvalidSessionID
		return r, ""
	case before != nil:
		return before, ""
	}
	r.Console = n.Console
	if m.Status != ipmi.StatusOK {
		s.end(n.id)
		return nil, "the console gives up: " + m.Status.String()
	}
	if status, ok := s.replayed(n); ok && !n.user.known {
		s.end(n.id)
		if r.Status = status; status == ipmi.StatusOK {
			r.Check = make([]byte, len(n.RAKP4Check(n.secret)))
			s.fresh(r.Check)
		}
		return r, "a recorded handshake"
	}
	if !hmac.Equal(m.Code, n.last.ask) || n.Auth == ipmi.AuthNone && n.user.denied {
		s.end(n.id)
		s.log.refused()
		if r.Status = s.refusal(s.sec.Refuse, refusePassword); r.Status == ipmi.StatusOK {
			return nil, "wrong password"
		}
		return r, "wrong password"
	}
	if len(s.active()) >= s.most {
		s.end(n.id)
		r.Status = ipmi.NoResources
		return r, ""
	}
	n.open, n.last = true, ipmiLast{}
	n.most = min(n.user.limit, ipmiAdministrator)
	if role := n.Role & 0xf; role != 0 {
		n.most = min(n.most, role)
	}
	n.role = min(n.most, ipmiUserRole)
	n.signs, n.hides = n.Integrity != ipmi.IntegrityNone, n.Confidentiality != ipmi.CryptNone
	s.giveHandle(n)
	r.Check = n.RAKP4Check(n.secret)
	n.answer = r
	return r, n.user.login()
}

// replayed says how a handshake of a recording ended. Nobody knows the keys of the session that it opened:
// what was said in it is in the recording.
func (s *ipmiService) replayed(n *ipmiSession) (ipmi.Status, bool) {
	c := s.cells[profiles.IPMIHandshake+hex.EncodeToString(n.ConsoleRandom[:])]
	if c == nil {
		return 0, false
	}
	v, _ := c.Peek(s.st)
	if len(v) == 0 {
		return 0, false
	}
	return ipmi.Status(v[0]), true
}

func (u *ipmiUser) login() string {
	if u.bait {
		return "bait: logged in as " + u.name
	}
	return "logged in as " + u.name
}

// A refuse is what a handshake may be refused for.
type refuse uint8

const (
	refuseUser refuse = iota
	refusePassword
	refuseSuite
)

// userNamed finds who may log in over LAN.
func (s *ipmiService) userNamed(name string) *ipmiUser {
	for _, u := range s.users {
		if u.name == name && u.enabled && u.limit != ipmiNoAccess && (name != "" || s.sec.Anonymous) {
			return u
		}
	}
	return nil
}

// takes says whether a sequence number is one that is to be listened to (section 6.12.13).
func (n *ipmiSession) takes(seq uint32) bool {
	ahead := uint32(ipmiAhead)
	if n.format != ipmi.FormatRMCPPlus {
		ahead = ipmiAhead15
	}
	switch d := seq - n.seen; {
	case !n.begun:
		n.begun, n.seen, n.window = true, seq, 1
		return true
	case d == 0:
		return false
	case d <= ahead:
		n.seen, n.window = seq, n.window<<d|1
		return true
	default:
		back := n.seen - seq
		if back > ahead || n.window&(1<<back) != 0 {
			return false
		}
		n.window |= 1 << back
		return true
	}
}

// seal makes an answer one of the session.
func (s *ipmiService) seal(n *ipmiSession, h *ipmi.Session) {
	n.sent++
	if n.sent == 0 {
		n.sent = 1
	}
	*h = ipmi.Session{Format: n.format, Sequence: n.sent}
	if n.format != ipmi.FormatRMCPPlus {
		h.ID = n.id
		h.SealWith(n.secret, nil)
		return
	}
	h.ID, h.Authenticated, h.Encrypted = n.Console, n.signs, n.hides
	if n.hides {
		s.fresh(s.iv[:])
	}
	h.SealWith(n.secret, s.iv[:])
}
