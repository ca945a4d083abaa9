package ipmi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"ringer/capture/wire"
)

// A resumed session stands in the place of a recorded one, in the conversation that a Conn follows.
type resumed struct {
	recorded, id uint32 // by which the two controllers know it
	// The sequence numbers of the last recorded command, and of the last that was sent.
	recordedSequence, sequence uint32
	begun                      bool
}

// resumed finds what stands in the place of a recorded session.
func (c *Conn) resumed(recorded uint32) *resumed {
	for i := len(c.resume) - 1; i >= 0; i-- {
		if c.resume[i].recorded == recorded {
			return c.resume[i]
		}
	}
	return nil
}

func (c *Conn) addResumed(n *resumed) {
	if len(c.resume) >= handshakesMax {
		c.resume = append(c.resume[:0], c.resume[1:]...)
	}
	c.resume = append(c.resume, n)
}

var (
	errNotUser    = errors.New("ipmi: RAKP 2 is not signed with the user's password")
	errNotSession = errors.New("ipmi: not signed with the key of the session")
)

// Said notes the sessions that the controller opens in the place of recorded ones.
func (c *Conn) Said(want, got wire.Message, _ time.Duration) error {
	switch w := want.(type) {
	case *OpenSessionReply:
		if g, ok := got.(*OpenSessionReply); ok && w.Status == StatusOK && g.Status == StatusOK {
			c.addResumed(&resumed{recorded: w.BMC, id: g.BMC})
		}
		return nil
	case *RAKP2:
		if g, ok := got.(*RAKP2); ok && w.Proven() && g.Status == StatusOK && !g.Proven() {
			return errNotUser
		}
		return nil
	case *RAKP4:
		if g, ok := got.(*RAKP4); ok && w.Proven() && g.Status == StatusOK && !g.Proven() {
			return errNotSession
		}
		return nil
	case *Reply:
		if g, ok := got.(*Reply); ok {
			c.said15(w.Body, g.Body)
		}
	}
	w, ok := want.(inSession)
	g, also := got.(inSession)
	if ok && also && w.InSession().Proven() && !g.InSession().Proven() {
		return errNotSession
	}
	return nil
}

// said15 notes sessions of IPMI 1.5.
func (c *Conn) said15(want, got Body) {
	switch w := want.(type) {
	case *GetSessionChallengeReply:
		if g, ok := got.(*GetSessionChallengeReply); ok {
			c.addResumed(&resumed{recorded: w.ID, id: g.ID})
		}
	case *ActivateSessionReply:
		if g, ok := got.(*ActivateSessionReply); ok {
			c.addResumed(&resumed{recorded: w.ID, id: g.ID, recordedSequence: w.Sequence - 1, sequence: g.Sequence - 1, begun: true})
		}
	}
}

// Fit puts a recorded request into the session that stands in the place of its own: under that one's id, with
// its next sequence number, signed and encrypted with its key. What the fields of a request name, the tags
// say. What the recorded console minted, its own id and random number, is as good as any. A code that was
// wrong stays wrong, and what was sealed with a key that is not known stays as it is.
func (c *Conn) Fit(req wire.Message, _ time.Duration) error {
	switch m := req.(type) {
	case *RAKP3:
		c.fitRAKP3(m)
		return nil
	case *Command:
		c.fitBody(m.Body)
	}
	m, ok := req.(inSession)
	if !ok || m.InSession().ID == 0 {
		return nil
	}
	h := m.InSession()
	n := c.resumed(h.ID)
	if n == nil {
		if h.Proven() {
			return fmt.Errorf("ipmi: session %08x is not open here", h.ID)
		}
		return nil
	}
	h.ID = n.id
	n.number(h)
	if !h.Proven() || h.Format != FormatRMCPPlus {
		return nil // in IPMI 1.5 the password is the key
	}
	k := c.sessions.secret(wire.Client, h.ID)
	if k == nil {
		return fmt.Errorf("ipmi: session %08x is open here, and its key is not known", n.id)
	}
	h.SealWith(k, h.seal.iv[:])
	return nil
}

// fitBody names the session that a command is about.
func (c *Conn) fitBody(body Body) {
	switch b := body.(type) {
	case *CloseSession:
		if n := c.resumed(b.ID); n != nil {
			b.ID = n.id
		}
	case *GetSessionInfo:
		if b.Index != sessionByID || len(b.Rest) < 4 {
			return
		}
		if n := c.resumed(binary.LittleEndian.Uint32(b.Rest)); n != nil {
			binary.LittleEndian.PutUint32(b.Rest, n.id)
		}
	}
}

// sessionByID as the index of get session info: an id follows (section 22.20).
const sessionByID = 0xff

// fitRAKP3 shows this controller that the console knows the password, if the recorded one did.
func (c *Conn) fitRAKP3(m *RAKP3) {
	n := c.sessions.find(func(n *session) bool { return n.BMC == m.BMC })
	password, proven := m.Password()
	if n == nil || !proven {
		return
	}
	if n.proven { // RAKP 2 says which of the user's passwords is that of this controller
		password = n.password
	}
	m.Code = n.RAKP3Code(password)
}

// number gives a command the sequence number that is next. One that had been used in the recording has been
// used here; numbers that were left out are not, since not all that was recorded need have been asked.
func (n *resumed) number(h *Session) {
	if h.Sequence == 0 {
		return
	}
	if !n.begun {
		n.begun, n.recordedSequence, n.sequence = true, h.Sequence-1, h.Sequence-1
	}
	if back := int32(n.recordedSequence - h.Sequence); back >= 0 {
		h.Sequence = n.sequence - uint32(back)
		return
	}
	n.recordedSequence = h.Sequence
	n.sequence = max(1, n.sequence+1)
	h.Sequence = n.sequence
}
