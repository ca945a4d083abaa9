package clone

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An ipmiTour is one scan of one controller, outside of sessions or in one.
type ipmiTour struct {
	IPMIScan
	ctx  context.Context
	v    *Visit
	talk *talk

	told ipmiTold
	in   *ipmiConsole // the session that is open; nil: none, or only a remembered one
	role uint8        // that is asked for: less than what was wanted, if that is refused
	seq  uint8        // of the last command
	tag  uint8        // of the last message of a handshake

	chans  []ipmiChannel
	found  []ipmiRecord // sensor data records
	fruIDs map[uint8]bool
}

// ipmiTold is what is told to anybody, as far as asking on needs it.
type ipmiTold struct {
	suites []uint8 // that are listed
	plus   bool    // IPMI 2.0 is spoken
	auth   uint8   // kinds of authentication of IPMI 1.5
}

// An ipmiConsole is our end of a session.
type ipmiConsole struct {
	format        ipmi.Format
	id, console   uint32 // by which the controller knows it, and by which we do
	sequence      uint32
	secret        *ipmi.Secret
	signed, crypt bool
}

// What ends a log-in that it is no use to repeat.
var (
	errIPMIPassword = errors.New("the password is not the user's")
	errIPMIKG       = errors.New("the controller has a key of its own, and --kg is not it")
)

// asking begins to ask. Inside: in a session, which is opened anew whenever it is lost.
func (s *IPMIScan) asking(ctx context.Context, v *Visit, port profiles.Port, inside bool) *ipmiTour {
	a := &ipmiTour{IPMIScan: s.options(), ctx: ctx, v: v, fruIDs: map[uint8]bool{}}
	a.role = a.Privilege
	opt := talkOptions{}
	if inside {
		opt.open = a.open
	}
	a.talk = v.talk(s.Protocol(), port, opt)
	return a
}

// secret is that of our session, for the codec: what goes out is judged by what it says, and the answers are
// verified.
func (a *ipmiTour) secret(id uint32) *ipmi.Secret {
	if a.in != nil && (id == a.in.id || id == a.in.console) {
		return a.in.secret
	}
	return nil
}

func (a *ipmiTour) fresh(b []byte) error {
	_, err := io.ReadFull(a.Random, b)
	return err
}

// mint is a number that is not zero.
func (a *ipmiTour) mint() (uint32, error) {
	var b [4]byte
	err := a.fresh(b[:])
	return binary.LittleEndian.Uint32(b[:]) | 1, err
}

func ipmiHead() ipmi.RMCP {
	return ipmi.RMCP{Version: 6, RMCPSequence: ipmi.NoAck, Class: ipmi.ClassIPMI}
}

// command builds a command, for the session that is open. Each asking is a packet of its own: a controller
// drops those whose number it has seen.
func (a *ipmiTour) command(in *ipmiConsole, seq uint8, t ipmi.Target, data []byte) (*ipmi.Command, error) {
	c := &ipmi.Command{
		RMCP: ipmiHead(), Link: ipmi.Link{To: ipmi.BMCAddress, From: ipmi.RemoteAddress, Seq: seq}, Target: t, Body: ipmi.Data(data),
	}
	if in == nil {
		return c, nil
	}
	in.sequence = max(1, in.sequence+1)
	c.Session = ipmi.Session{Format: in.format, Sequence: in.sequence, ID: in.id, Authenticated: in.signed, Encrypted: in.crypt}
	var iv [16]byte
	err := a.fresh(iv[:])
	c.Session.SealWith(in.secret, iv[:])
	return c, err
}

// outside builds a command that belongs to no session.
func (a *ipmiTour) outside(n ipmi.NetFn, cmd uint8, data ...byte) *ipmi.Command {
	c, _ := a.command(nil, a.next(), ipmi.Target{NetFn: n, Cmd: cmd}, data)
	return c
}

func (a *ipmiTour) next() uint8 {
	a.seq = (a.seq + 1) & 0x3f
	return a.seq
}

func (a *ipmiTour) nextTag() uint8 {
	a.tag = (a.tag + 1) & 0x7f
	return a.tag
}

func (a *ipmiTour) ping() *ipmi.Ping {
	head := ipmiHead()
	head.Class = ipmi.ClassASF
	return &ipmi.Ping{RMCP: head, Tag: a.nextTag()}
}

// once asks once, whatever comes of it.
func (a *ipmiTour) once(q wire.Message) ([]wire.Message, error) {
	return a.talk.once(a.ctx, q)
}

// An ipmiAnswer is the answer to a command. None was heard: the controller is silent, or talks nonsense.
type ipmiAnswer struct {
	heard bool
	code  ipmi.Code
	data  []byte
}

func (r ipmiAnswer) ok() bool { return r.heard && r.code == ipmi.CodeOK }

// has says whether the command was carried out, and gave at least so many bytes.
func (r ipmiAnswer) has(n int) bool { return r.ok() && len(r.data) >= n }

// missing says whether there is no such command.
func (r ipmiAnswer) missing() bool {
	return r.heard && (r.code == ipmi.InvalidCommand || r.code == ipmi.InvalidForLUN)
}

// ask asks a command. The error is one that ends the scan.
func (a *ipmiTour) ask(n ipmi.NetFn, cmd uint8, data ...byte) (ipmiAnswer, error) {
	return a.askTo(ipmi.Target{NetFn: n, Cmd: cmd}, data...)
}

// askTo asks a command of a group, and a unit in it. If a session is silent, it may be lost: then it is asked
// in another.
func (a *ipmiTour) askTo(t ipmi.Target, data ...byte) (r ipmiAnswer, err error) {
	a.v.Expect("ipmi", 1)
	r, err = a.asked(t, data)
	if a.talk.open == nil || !errors.Is(err, ErrSilent) {
		return r, a.end(err)
	}
	if _, err = a.asked(ipmi.Target{NetFn: ipmi.App, Cmd: 0x01}, nil); !errors.Is(err, ErrSilent) {
		return r, a.end(err)
	}
	a.talk.close()
	r, err = a.asked(t, data)
	return r, a.end(err)
}

// end leaves only errors that end the scan.
func (a *ipmiTour) end(err error) error {
	if goOn(err) {
		return nil
	}
	return err
}

func (a *ipmiTour) asked(t ipmi.Target, data []byte) (r ipmiAnswer, err error) {
	seq := a.next()
	alive, err := a.outside(ipmi.App, 0x38, ipmiThisChannel|ipmiExtended, ipmiAdministrator).Append(nil)
	if err != nil {
		return r, err
	}
	replies, err := a.talk.askBy(a.ctx, func() ([]wire.Message, error) {
		replies, err := a.sealed(seq, t, data)
		a.talk.sent = alive // which is answered in no session, too
		return replies, err
	})
	if err != nil {
		return r, err
	}
	if reply, ok := replies[0].(*ipmi.Reply); ok {
		return ipmiAnswer{true, reply.Code, reply.Data(nil)}, nil
	}
	return r, ErrGarbled
}

// sealed asks a command once. What is not sealed as the session wants is not its answer.
func (a *ipmiTour) sealed(seq uint8, t ipmi.Target, data []byte) ([]wire.Message, error) {
	c, err := a.command(a.in, seq, t, data)
	if err != nil {
		return nil, err
	}
	b, err := c.Append(nil)
	if err != nil {
		return nil, err
	}
	replies, err := a.talk.ask1(b)
	if err != nil || a.in == nil {
		return replies, err
	}
	if r, ok := replies[0].(*ipmi.Reply); ok && !a.talk.line.told && a.in.seals() && (r.ID != a.in.reply() || !r.Proven()) {
		a.v.Remark("ipmi", Suspicious, "an answer is not signed with the session's key")
		return nil, ErrGarbled
	}
	return replies, nil
}

func (n *ipmiConsole) seals() bool {
	return n.signed || n.crypt || n.format == ipmi.FormatMD5 || n.format == ipmi.FormatMD2
}

// reply is the id that answers bear.
func (n *ipmiConsole) reply() uint32 {
	if n.format == ipmi.FormatRMCPPlus {
		return n.console
	}
	return n.id
}

// open logs in. Where answers are only remembered, there is no session: what is not remembered wants a
// connection that has one.
func (a *ipmiTour) open(ctx context.Context, t *talk) error {
	lookup := ipmi.Protocol{Secret: a.secret}
	t.conn, t.line.conn, a.in = lookup.New(), lookup.New(), nil
	if t.line.inner == nil {
		t.line.remember = true
		return nil
	}
	for try := 1; ; try++ {
		err := a.handshake(t)
		var refused *ipmiRefused
		if !errors.As(err, &refused) || try > ipmiLogins {
			return err
		}
		switch refused.status {
		case ipmi.NoResources, ipmi.NoResourcesForRole: // others are logged in, or were
			if err := sleep(ctx, time.Duration(try)*a.v.Care.Timeout/2); err != nil {
				return err
			}
		case ipmi.UnauthorizedRole, ipmi.InvalidRole:
			if a.role <= 2 {
				return err
			}
			a.role--
		default:
			return err
		}
	}
}

// ipmiLogins is how often a log-in is tried that is refused for lack of room, or with less privilege.
const ipmiLogins = 4

// ipmiRefused is a handshake that the controller ended.
type ipmiRefused struct {
	step   string
	status ipmi.Status
}

func (e *ipmiRefused) Error() string { return fmt.Sprintf("log-in: %s: %v", e.step, e.status) }

func (a *ipmiTour) handshake(t *talk) error {
	if !a.told.plus && a.Suite == nil {
		return a.handshake15(t)
	}
	return a.handshake20(t)
}

// handshake20 opens a session of RMCP+ (section 13.15).
func (a *ipmiTour) handshake20(t *talk) error {
	suite := a.suite()
	h := ipmi.Handshake{Role: a.role | ipmi.NameOnly, User: ipmi.Name(a.User.Name)}
	h.Algorithms, _ = ipmi.Suite(suite)
	var err error
	if h.Console, err = a.mint(); err != nil {
		return err
	}
	if err := a.fresh(h.ConsoleRandom[:]); err != nil {
		return err
	}
	outside := ipmi.Session{Format: ipmi.FormatRMCPPlus}
	opened, err := ipmiStep[*ipmi.OpenSessionReply](a, t, &ipmi.OpenSession{
		RMCP: ipmiHead(), Session: outside, Tag: a.nextTag(), Console: h.Console, Algorithms: h.Algorithms,
	})
	switch {
	case err != nil:
		return err
	case opened.Status != ipmi.StatusOK:
		return &ipmiRefused{fmt.Sprintf("cipher suite %d", suite), opened.Status}
	}
	h.BMC = opened.BMC
	if !opened.Short && opened.Algorithms != h.Algorithms {
		return &ipmiRefused{fmt.Sprintf("cipher suite %d is answered with another", suite), ipmi.NoMatchingCipherSuite}
	}
	second, err := ipmiStep[*ipmi.RAKP2](a, t, &ipmi.RAKP1{
		RMCP: ipmiHead(), Session: outside, Tag: a.nextTag(), BMC: h.BMC, Random: h.ConsoleRandom, Role: h.Role, User: h.User,
	})
	switch {
	case err != nil:
		return err
	case second.Status != ipmi.StatusOK || second.Short:
		return &ipmiRefused{"user " + a.User.Name, second.Status}
	}
	h.BMCRandom, h.GUID = second.Random, second.GUID
	third := &ipmi.RAKP3{RMCP: ipmiHead(), Session: outside, Tag: a.nextTag(), BMC: h.BMC, Code: h.RAKP3Code(a.User.Password)}
	if !hmac.Equal(h.RAKP2Code(a.User.Password), second.Code) {
		third.Status, third.Code = ipmi.InvalidIntegrityCheck, nil // so that it does not wait for us
		return a.giveUp(t, third)
	}
	fourth, err := ipmiStep[*ipmi.RAKP4](a, t, third)
	switch {
	case err != nil:
		return err
	case fourth.Status != ipmi.StatusOK:
		return &ipmiRefused{"user " + a.User.Name, fourth.Status}
	}
	in := &ipmiConsole{
		format: ipmi.FormatRMCPPlus, id: h.BMC, console: h.Console, secret: h.Secret(a.User.Password, a.KG),
		signed: h.Integrity != ipmi.IntegrityNone, crypt: h.Confidentiality != ipmi.CryptNone,
	}
	if !hmac.Equal(h.RAKP4Check(in.secret), fourth.Check) {
		return errIPMIKG
	}
	a.in = in
	return a.privilege(t)
}

// giveUp ends a handshake. Nobody answers that.
func (a *ipmiTour) giveUp(t *talk, m *ipmi.RAKP3) error {
	b, err := m.Append(nil)
	if err == nil {
		_, err = t.line.Write(b)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("user %s: %w", a.User.Name, errIPMIPassword)
}

// ipmiStep asks a message of the handshake, and again when there is no answer.
func ipmiStep[R wire.Message](a *ipmiTour, t *talk, q wire.Message) (answer R, err error) {
	b, err := q.Append(nil)
	if err != nil {
		return answer, err
	}
	var replies []wire.Message
	for try := 0; try <= max(1, a.v.Care.Again); try++ {
		t.line.again = try > 0
		if replies, err = t.ask1(b); !errors.Is(err, ErrSilent) {
			break
		}
	}
	if err != nil {
		return answer, err
	}
	answer, ok := replies[0].(R)
	if !ok {
		return answer, ErrGarbled
	}
	return answer, nil
}

// suite is the cipher suite to log in with.
func (a *ipmiTour) suite() uint8 {
	if a.Suite != nil {
		return *a.Suite
	}
	for _, best := range []uint8{17, 3, 8, 12, 16, 2, 7, 11} {
		for _, n := range a.told.suites {
			if n == best {
				return n
			}
		}
	}
	return 3 // which every controller has to have (section 22.15.2)
}

// privilege raises what the session may do to what was asked for (section 22.18), or to what is allowed.
func (a *ipmiTour) privilege(t *talk) error {
	for role := a.role; role >= 2; role-- {
		r, err := ipmiStep[*ipmi.Reply](a, t, ipmiSealed{a, ipmi.Target{NetFn: ipmi.App, Cmd: 0x3b}, []byte{role}, a.next()})
		switch {
		case err != nil:
			return err
		case r.Code == ipmi.CodeOK:
			a.role = role
			return nil
		}
	}
	return nil // the session has what it begins with
}

// ipmiSealed is a command of the session, as it is asked within the handshake.
type ipmiSealed struct {
	a    *ipmiTour
	t    ipmi.Target
	data []byte
	seq  uint8
}

func (m ipmiSealed) Append(b []byte) ([]byte, error) {
	c, err := m.a.command(m.a.in, m.seq, m.t, m.data)
	if err != nil {
		return nil, err
	}
	return c.Append(b)
}

// handshake15 opens a session of IPMI 1.5 (section 13.14).
func (a *ipmiTour) handshake15(t *talk) error {
	format := ipmi.FormatNone
	for _, f := range []ipmi.Format{ipmi.FormatMD5, ipmi.FormatMD2, ipmi.FormatPassword} {
		if a.told.auth&(1<<f) != 0 {
			format = f
			break
		}
	}
	var name [16]byte
	copy(name[:], a.User.Name)
	challenge, err := ipmiStep[*ipmi.Reply](a, t, a.outside(ipmi.App, 0x39, append([]byte{byte(format)}, name[:]...)...))
	if err != nil {
		return err
	}
	c, ok := challenge.Body.(*ipmi.GetSessionChallengeReply)
	if !ok || challenge.Code != ipmi.CodeOK {
		return fmt.Errorf("log-in: user %s: %v", a.User.Name, challenge.Code)
	}
	first, err := a.mint()
	if err != nil {
		return err
	}
	in := &ipmiConsole{format: format, id: c.ID}
	if format != ipmi.FormatNone {
		in.secret = ipmi.Secret15(format, a.User.Password)
	}
	a.in = in
	data := append([]byte{byte(format), a.role}, c.Challenge[:]...)
	activate, err := a.command(in, a.next(), ipmi.Target{NetFn: ipmi.App, Cmd: 0x3a}, binary.LittleEndian.AppendUint32(data, first))
	if err != nil {
		return err
	}
	activate.Session.Sequence = 0
	r, err := ipmiStep[*ipmi.Reply](a, t, activate)
	if err != nil {
		return err
	}
	b, ok := r.Body.(*ipmi.ActivateSessionReply)
	switch {
	case r.Code == 0x81 || r.Code == 0x82:
		return &ipmiRefused{"user " + a.User.Name, ipmi.NoResources}
	case r.Code == 0x86:
		return &ipmiRefused{"user " + a.User.Name, ipmi.UnauthorizedRole}
	case !ok || r.Code != ipmi.CodeOK:
		return fmt.Errorf("user %s: %w: %v", a.User.Name, errIPMIPassword, r.Code)
	}
	if in.format = ipmi.Format(b.Format & 0xf); in.format == ipmi.FormatNone {
		in.secret = nil
	}
	in.id, in.sequence = b.ID, b.Sequence-1
	return a.privilege(t)
}

// login opens the session, if only to say that it could not be.
func (a *ipmiTour) login() error {
	r, err := a.ask(ipmi.App, 0x01)
	if err != nil || !r.heard {
		return err
	}
	switch {
	case a.told.plus || a.Suite != nil:
		a.v.Remark("ipmi", Fact, "logged in as %s, cipher suite %d, privilege %s", a.User.Name, a.suite(), profiles.IPMIPrivilegeName(a.role))
	default:
		a.v.Remark("ipmi", Fact, "logged in as %s, IPMI 1.5, privilege %s", a.User.Name, profiles.IPMIPrivilegeName(a.role))
	}
	return nil
}

// logout closes the session, if one is open.
func (a *ipmiTour) logout() error {
	if a.in == nil || a.talk.line == nil || a.talk.line.inner == nil {
		return nil
	}
	_, err := a.once(ipmiSealed{a, ipmi.Target{NetFn: ipmi.App, Cmd: 0x3c}, binary.LittleEndian.AppendUint32(nil, a.in.id), a.next()})
	a.in = nil
	return a.end(err)
}
