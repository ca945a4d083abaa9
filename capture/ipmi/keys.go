package ipmi

import (
	"bytes"
	"crypto/hmac"
	"fmt"

	"ringer/capture/wire"
)

// A User is one whose sessions can be read.
type User struct {
	Name     string
	Password string
}

// KeyMax is how long a controller's key is at most (section 13.33).
const KeyMax = 20

// Check says what is wrong with a user (section 22.30: 16 bytes of name, 20 of password).
func (u User) Check() error {
	if len(u.Name) > 16 {
		return fmt.Errorf("user %q: a name has up to 16 characters", u.Name)
	}
	if len(u.Password) > 20 {
		return fmt.Errorf("user %q: a password has up to 20 characters", u.Name)
	}
	return nil
}

// Keys are what sessions are read with. They are not changed once in use.
type Keys struct {
	Users []User
	KG    []string // keys of controllers
}

// Password is that of the first user of a name. A nil *Keys has none.
func (k *Keys) Password(name string) (password string, ok bool) {
	if k == nil {
		return "", false
	}
	for _, u := range k.Users {
		if u.Name == name {
			return u.Password, true
		}
	}
	return "", false
}

// handshakesMax bounds the sessions that are followed of one pair of peers.
const handshakesMax = 64

// sessions are those of a pair of peers.
type sessions struct {
	list []*session // the newest last
}

// A session is one whose beginning was seen.
type session struct {
	Handshake
	plus     bool
	format   Format // IPMI 1.5
	id       uint32 // IPMI 1.5
	secret   *Secret
	password string
	proven   bool // RAKP 2 or an authentication code showed that the password is right
}

func (s *sessions) add(n *session) {
	if len(s.list) >= handshakesMax {
		s.list = append(s.list[:0], s.list[1:]...)
	}
	s.list = append(s.list, n)
}

// follow learns what a message of RMCP+ shows of its session.
func (s *sessions) follow(keys *Keys, from wire.Side, m wire.Message) {
	switch m := m.(type) {
	case *OpenSession:
		n := &session{plus: true}
		n.Console, n.Algorithms = m.Console, m.Algorithms
		s.add(n)
	case *OpenSessionReply:
		if n := s.find(func(n *session) bool { return n.Console == m.Console }); n != nil && m.Status == StatusOK {
			n.BMC = m.BMC
			if !m.Short {
				n.Algorithms = m.Algorithms
			}
		}
	case *RAKP1:
		if n := s.find(func(n *session) bool { return n.BMC == m.BMC }); n != nil {
			n.ConsoleRandom, n.Role, n.User = m.Random, m.Role, m.User
		}
	case *RAKP2:
		if n := s.find(func(n *session) bool { return n.Console == m.Console }); n != nil && m.Status == StatusOK && !m.Short {
			n.BMCRandom, n.GUID = m.Random, m.GUID
			if n.unlock(keys, m.Code) {
				m.seal = seal{secret: n.secret}
			}
		}
	case *RAKP3:
		if n := s.find(func(n *session) bool { return n.BMC == m.BMC }); n != nil && n.proven && hmac.Equal(n.RAKP3Code(n.password), m.Code) {
			m.seal = seal{secret: n.secret}
		}
	case *RAKP4:
		if n := s.find(func(n *session) bool { return n.Console == m.Console }); n != nil && m.Status == StatusOK && n.settle(keys, m.Check) {
			m.seal = seal{secret: n.secret}
		}
	}
}

func (s *sessions) find(is func(*session) bool) *session {
	for i := len(s.list) - 1; i >= 0; i-- {
		if n := s.list[i]; n.plus && is(n) {
			return n
		}
	}
	return nil
}

// unlock finds the password whose code the controller sent. True: the code shows that it is the right one.
func (n *session) unlock(keys *Keys, code []byte) bool {
	if keys == nil {
		return false
	}
	for _, u := range keys.Users {
		if u.Name != string(n.User) {
			continue
		}
		if n.Auth == AuthNone || hmac.Equal(n.RAKP2Code(u.Password), code) {
			n.password, n.proven = u.Password, n.Auth != AuthNone
			n.secret = n.Secret(u.Password, "")
			return n.proven
		}
	}
	return false
}

// settle finds the controller's key whose check value opens the session. False: it has another.
func (n *session) settle(keys *Keys, check []byte) bool {
	if keys == nil || n.secret == nil || n.Auth == AuthNone {
		return false
	}
	for _, kg := range append([]string{""}, keys.KG...) {
		if s := n.Secret(n.password, kg); hmac.Equal(n.RAKP4Check(s), check) {
			n.secret = s
			return true
		}
	}
	return false
}

// secret is that of a session by the id that its messages bear: that of whom they are sent to.
func (s *sessions) secret(from wire.Side, id uint32) *Secret {
	n := s.find(func(n *session) bool {
		if from == wire.Client {
			return n.BMC == id
		}
		return n.Console == id
	})
	if n == nil {
		return nil
	}
	return n.secret
}

// controllers is the controller's id of a session, from the id that a message bears.
func (s *sessions) controllers(from wire.Side, id uint32) uint32 {
	if from == wire.Client {
		return id
	}
	if n := s.find(func(n *session) bool { return n.Console == id }); n != nil {
		return n.BMC
	}
	return id
}

// follow15 learns what a message of IPMI 1.5 shows of its session, and seals it with the password it bears
// the code of.
func (c *Conn) follow15(m wire.Message, body []byte) {
	h := m.(inSession).InSession()
	if h.Format == FormatNone || len(h.AuthCode) != authCodeSize {
		return
	}
	if c.lookup != nil {
		if k := c.lookup(h.ID); k != nil && k.format == h.Format && bytes.Equal(k.code15(h, body), h.AuthCode) {
			h.seal = seal{secret: k}
		}
		return
	}
	if c.keys == nil {
		return
	}
	for _, n := range c.sessions.list {
		if !n.plus && n.id == h.ID && n.format == h.Format {
			if bytes.Equal(n.secret.code15(h, body), h.AuthCode) {
				h.seal = seal{secret: n.secret}
			}
			return
		}
	}
	for _, u := range c.keys.Users {
		if k := Secret15(h.Format, u.Password); bytes.Equal(k.code15(h, body), h.AuthCode) {
			h.seal = seal{secret: k}
			if h.ID != 0 {
				c.sessions.add(&session{format: h.Format, id: h.ID, secret: k, password: u.Password, proven: true})
			}
			return
		}
	}
}

// SealWith makes Append sign and encrypt what is sent in a session, as its header says. iv is the
// initialization vector of what is encrypted, 16 bytes that are never used twice. A nil secret sends it as
// it is.
func (s *Session) SealWith(k *Secret, iv []byte) {
	s.seal = seal{secret: k}
	copy(s.seal.iv[:], iv)
}

// Proven says whether the message was verified with the secret of its session.
func (s *Session) Proven() bool { return s.seal.secret != nil }

// Password is the password that the message was verified with.
func (s *Session) Password() (password string, proven bool) {
	if s.seal.secret == nil {
		return "", false
	}
	return string(bytes.TrimRight(s.seal.secret.password, "\x00")), true
}
