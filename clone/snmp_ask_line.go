package clone

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"time"

	"github.com/gosnmp/gosnmp"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An snmpTalk is a talk in which gosnmp builds and sends the questions, and does the SNMPv3 security. What
// the device says is read here: gosnmp does not know every value that agents send.
type snmpTalk struct {
	*talk
	scan *SNMPWalk
	ctx  context.Context

	room    []byte // for a datagram
	waiting []snmpWaiting
	reply   wire.Message  // to the question
	size    int           // of the reply, in bytes
	err     error         // of the line
	strange string        // what came that is no answer
	late    time.Duration // how long a late answer took
	met     bool          // there was an answer to any question
}

// An snmpWaiting is a question that waits for its answer, or waited for it in vain.
type snmpWaiting struct {
	req wire.Message
	key string
	at  time.Time
}

// snmpWaitingMax is how many questions late answers are told by.
const snmpWaitingMax = 8

func (s *SNMPWalk) talk(ctx context.Context, v *Visit, port profiles.Port) *snmpTalk {
	return &snmpTalk{talk: v.talk(s.Protocol(), port, talkOptions{}), scan: s, ctx: ctx, room: make([]byte, 64<<10)}
}

// An snmpAsking is who asks: a community in a version, or a user.
type snmpAsking struct {
	*snmpTalk
	version snmp.Version
	who     string // for remarks, which name no community: it is a secret
	lib     *gosnmp.GoSNMP
	err     error // the library does not take the options
}

func (t *snmpTalk) community(version snmp.Version, name string) *snmpAsking {
	a := &snmpAsking{snmpTalk: t, version: version, who: version.String()}
	if list := t.scan.communities(); len(list) > 1 {
		for i, c := range list {
			if c == name {
				a.who = fmt.Sprintf("%v, community %d", version, i+1)
			}
		}
	}
	return a.with(&gosnmp.GoSNMP{Version: gosnmp.SnmpVersion(version), Community: name})
}

func (t *snmpTalk) user(u snmp.User) *snmpAsking {
	a := &snmpAsking{snmpTalk: t, version: snmp.V3, who: "v3, user " + u.Name}
	flags := gosnmp.NoAuthNoPriv
	usm := &gosnmp.UsmSecurityParameters{UserName: u.Name, AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv}
	if u.Auth != snmp.NoAuth {
		flags = gosnmp.AuthNoPriv
		usm.AuthenticationProtocol, usm.AuthenticationPassphrase = snmpAuths[u.Auth], u.AuthPassword
	}
	if u.Priv != snmp.NoPriv {
		flags = gosnmp.AuthPriv
		usm.PrivacyProtocol, usm.PrivacyPassphrase = snmpPrivs[u.Priv], u.PrivPassword
	}
	return a.with(&gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: flags, SecurityParameters: usm,
		ContextName: t.scan.Context,
	})
}

var (
	snmpAuths = map[snmp.AuthProtocol]gosnmp.SnmpV3AuthProtocol{
		snmp.MD5: gosnmp.MD5, snmp.SHA1: gosnmp.SHA, snmp.SHA224: gosnmp.SHA224, snmp.SHA256: gosnmp.SHA256,
		snmp.SHA384: gosnmp.SHA384, snmp.SHA512: gosnmp.SHA512,
	}
	snmpPrivs = map[snmp.PrivProtocol]gosnmp.SnmpV3PrivProtocol{
		snmp.DES: gosnmp.DES, snmp.AES128: gosnmp.AES, snmp.AES192: gosnmp.AES192, snmp.AES256: gosnmp.AES256,
		snmp.AES192C: gosnmp.AES192C, snmp.AES256C: gosnmp.AES256C,
	}
)

// with makes the library ready. Its buffers come with a socket, which is never used: the line is put in its
// place.
func (a *snmpAsking) with(g *gosnmp.GoSNMP) *snmpAsking {
	g.Target, g.Port, g.Transport = "127.0.0.1", 9, "udp"
	g.Context, g.Timeout, g.Retries, g.MaxOids = a.ctx, a.v.Care.Timeout, 0, snmpBulkUsual
	a.lib = g
	a.err = guarded(func() error {
		if err := g.Connect(); err != nil {
			return err
		}
		return g.Conn.Close()
	})
	g.Conn = snmpConn{a.snmpTalk}
	return a
}

// guarded turns a panic of the library into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gosnmp: %v", p)
		}
	}()
	return f()
}

// engineID is the engine that answered, as far as the library knows it.
func (a *snmpAsking) engineID() string {
	if usm, ok := a.lib.SecurityParameters.(*gosnmp.UsmSecurityParameters); ok {
		return usm.AuthoritativeEngineID
	}
	return ""
}

// Questions.

func (a *snmpAsking) get(list ...snmp.OID) func() error {
	return func() error { _, err := a.lib.Get(snmpDotted(list)); return err }
}

func (a *snmpAsking) getNext(list ...snmp.OID) func() error {
	return func() error { _, err := a.lib.GetNext(snmpDotted(list)); return err }
}

func (a *snmpAsking) getBulk(single, rows int, list ...snmp.OID) func() error {
	return func() error {
		_, err := a.lib.GetBulk(snmpDotted(list), uint8(single), uint32(rows))
		return err
	}
}

func snmpDotted(list []snmp.OID) []string {
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = "." + o.String()
	}
	return names
}

// ask asks until there is an answer. like says how many variables it asks for.
func (a *snmpAsking) ask(ctx context.Context, like int, question func() error) (*snmp.PDU, error) {
	if a.err != nil {
		return nil, a.err
	}
	replies, err := a.askBy(ctx, func() ([]wire.Message, error) {
		a.line.like = bits.Len(uint(like))
		return a.once(question)
	})
	if err != nil {
		return nil, err
	}
	return snmpPDU(replies)
}

// once asks on the line that there is.
func (a *snmpAsking) once(question func() error) ([]wire.Message, error) {
	if a.err != nil {
		return nil, a.err
	}
	t := a.snmpTalk
	t.reply, t.err, t.strange = nil, nil, ""
	a.lib.Timeout = t.patience()
	err := guarded(question)
	switch {
	case t.reply != nil:
		t.met = true
		return []wire.Message{t.reply}, nil // whatever the library made of it
	case t.err != nil:
		if t.strange != "" {
			t.v.Remark("snmp", Suspicious, "%s", t.strange)
		}
		return nil, t.broken(t.err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	return nil, ErrGarbled
}

// patience is how long an answer is waited for. A device that was seen to answer late has more time.
func (t *snmpTalk) patience() time.Duration {
	return min(max(t.v.Care.Timeout, 2*t.late), patience*t.v.Care.Timeout)
}

func snmpPDU(replies []wire.Message) (*snmp.PDU, error) {
	for _, m := range replies {
		switch m := m.(type) {
		case *snmp.CommunityMessage:
			return &m.PDU, nil
		case *snmp.V3Message:
			if m.ScopedPDU != nil {
				return &m.PDU, nil
			}
		}
	}
	return nil, ErrGarbled
}

// An snmpConn is the line as the library sees it: one answer after the other, and nothing else.
type snmpConn struct{ *snmpTalk }

func (c snmpConn) Write(b []byte) (int, error) {
	t := c.snmpTalk
	t.reply = nil
	if _, req, err := t.conn.Next(wire.Client, b, true); err == nil && req != nil {
		if len(t.waiting) == snmpWaitingMax {
			t.waiting = append(t.waiting[:0], t.waiting[1:]...)
		}
		t.waiting = append(t.waiting, snmpWaiting{req, wire.Key(req), time.Now()})
		t.sent = append([]byte(nil), b...)
	}
	n, err := t.line.Write(b)
	if err != nil {
		t.err = err
	}
	return n, err
}

// Read gives what answers the question.
func (c snmpConn) Read(b []byte) (int, error) {
	for {
		whole, err := c.next()
		if err != nil {
			c.err = err
			return 0, err
		}
		if whole != nil {
			return copy(b, whole), nil
		}
	}
}

var errSNMPLate = errors.New("the answer came late")

// next takes a datagram, and gives it if it is what the library waits for. What answers an earlier asking of
// the question is its answer, too, but the library would not have it.
func (t *snmpTalk) next() ([]byte, error) {
	n, err := t.line.Read(t.room)
	if err != nil {
		return nil, err
	}
	_, m, err := t.conn.Next(wire.Server, t.room[:n], true)
	if err != nil {
		t.strange = "answers what is no SNMP"
		return nil, nil
	}
	switch {
	case t.answers(m):
		t.size = n
		return t.room[:n], nil
	case t.reply != nil:
		return nil, errSNMPLate
	}
	return nil, nil
}

// answers takes a message of the device, and says whether it is what the library waits for.
func (t *snmpTalk) answers(m wire.Message) bool {
	for i := len(t.waiting) - 1; i >= 0; i-- {
		w := t.waiting[i]
		if _, raw := m.(*snmp.Raw); raw {
			break
		}
		if k, _ := t.conn.Match([]wire.Message{w.req}, m); k != 0 {
			continue
		}
		last := &t.waiting[len(t.waiting)-1]
		if i == len(t.waiting)-1 {
			t.waiting = t.waiting[:i]
			t.reply = m
			return true
		}
		if d := time.Since(w.at); d > t.v.Care.Timeout {
			t.late = max(t.late, d)
			t.v.Remark("snmp", Suspicious, "answers later than the %v that it is given", t.v.Care.Timeout)
		}
		if w.key == last.key {
			t.reply = m
		}
		t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
		return false
	}
	t.strange = "answers with another request id than that of the question"
	return false
}

func (c snmpConn) Close() error                      { return nil }
func (c snmpConn) LocalAddr() net.Addr               { return c.line.LocalAddr() }
func (c snmpConn) RemoteAddr() net.Addr              { return c.line.RemoteAddr() }
func (c snmpConn) SetDeadline(d time.Time) error     { return c.line.SetReadDeadline(d) }
func (c snmpConn) SetReadDeadline(d time.Time) error { return c.line.SetReadDeadline(d) }
func (c snmpConn) SetWriteDeadline(time.Time) error  { return nil }
