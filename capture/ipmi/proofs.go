package ipmi

import (
	"bytes"
	"slices"
	"strings"

	"ringer/capture/wire"
)

// A Proof says what a secret was found to be.
type Proof string

const (
	Unknown Proof = "unknown" // it is wanted, and was not given
	Wrong   Proof = "wrong"   // what was given is another one
	Right   Proof = "proven"
)

// Proofs say what secrets were found to be worth to the recorded sessions of one controller.
type Proofs struct {
	Sealed   int         `json:"sealed"`          // datagrams that stay unread
	Verified int         `json:"verified"`        // datagrams that bear the signature of their session
	Users    []UserProof `json:"users,omitempty"` // who logged in, by name
	KG       Proof       `json:"kg,omitempty"`    // the controller's own key; empty: it has none, or nobody logged in

	keys   *Keys
	asking map[uint64]Name // the users of challenges, by pairs of peers
}

// A UserProof is that of a user's password.
type UserProof struct {
	Name     string `json:"name"`
	Password Proof  `json:"password"`
	Plus     bool   `json:"rmcpPlus"` // RAKP 2 says so; else the first signature of a session of IPMI 1.5
}

// proofsMax bounds the users that are told, and the challenges that are remembered.
const proofsMax = 1 << 10

// NewProofs weighs keys.
func NewProofs(keys *Keys) *Proofs { return &Proofs{keys: keys, asking: map[uint64]Name{}} }

// Add takes what was asked by a pair of peers, and the answers.
func (p *Proofs) Add(conn uint64, req wire.Message, replies []wire.Message) {
	p.weigh(req)
	for _, m := range replies {
		p.weigh(m)
		p.handshake(conn, req, m)
	}
}

func (p *Proofs) weigh(m wire.Message) {
	if s, ok := m.(*Sealed); ok && s.Encrypted {
		p.Sealed++
	}
	if s, ok := m.(inSession); ok && s.InSession().Proven() {
		p.Verified++
	}
}

func (p *Proofs) handshake(conn uint64, req, reply wire.Message) {
	switch r := reply.(type) {
	case *RAKP2:
		if q, ok := req.(*RAKP1); ok && r.Status == StatusOK && len(r.Code) > 0 {
			p.user(q.User, r.Proven(), true)
		}
	case *RAKP4:
		q, ok := req.(*RAKP3)
		switch {
		case !ok || r.Status != StatusOK || len(r.Check) == 0 || !q.Proven():
		case !r.Proven() && p.KG != Right:
			if p.KG = Unknown; p.keys != nil && len(p.keys.KG) > 0 {
				p.KG = Wrong
			}
		case r.Proven() && r.seal.secret.kg:
			p.KG = Right
		}
	case *Reply:
		q, ok := req.(*Command)
		if !ok || r.Code != CodeOK {
			return
		}
		switch b := q.Body.(type) {
		case *GetSessionChallenge:
			if len(p.asking) < proofsMax {
				p.asking[conn] = bytes.TrimRight(b.User[:], "\x00")
			}
		case *ActivateSession:
			if name, ok := p.asking[conn]; ok && q.Format != FormatNone {
				p.user(name, q.Proven(), false)
			}
		}
	}
}

// user notes whether the password of a user is right. One that was proven once is. That another user's opens a
// session of IPMI 1.5 proves nothing of sessions that are sealed.
func (p *Proofs) user(name Name, proven, plus bool) {
	proof := Unknown
	if _, given := p.keys.Password(string(name)); given && proven {
		proof = Right
	} else if given {
		proof = Wrong
	}
	i, found := slices.BinarySearchFunc(p.Users, string(name), func(u UserProof, name string) int { return strings.Compare(u.Name, name) })
	switch {
	case found && p.Users[i].Password != Right:
		p.Users[i].Password, p.Users[i].Plus = proof, plus
	case !found && len(p.Users) < proofsMax:
		p.Users = slices.Insert(p.Users, i, UserProof{string(name), proof, plus})
	}
}

// Wanted are the lines of a file of keys that would open more, with the names of who they are wanted of.
func (p *Proofs) Wanted() (lines []string) {
	for _, u := range p.Users {
		if u.Password != Right {
			lines = append(lines, "ipmi "+quoted(u.Name)+" PASSWORD")
		}
	}
	if p.KG == Unknown || p.KG == Wrong {
		lines = append(lines, "ipmi-kg KEY")
	}
	return lines
}

// quoted is a name as a file of keys has it.
func quoted(name string) string {
	if name != "" && !strings.ContainsAny(name, " \t\"'#") {
		return name
	}
	return `"` + name + `"`
}
