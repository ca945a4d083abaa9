package clone

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakeBMC is a management controller with a few sensors, and with bad habits.
type fakeBMC struct {
	old     bool                                          // it speaks IPMI 1.5 only
	full    int                                           // so many handshakes are refused for want of room
	most    int                                           // bytes of a record at once; 0: any
	limit   uint8                                         // privilege of the user; 0: administrator
	kg      string                                        // its own key
	endless bool                                          // records have no end
	cancel  int                                           // reservations are canceled so often
	habit   func(n int, reply *ipmi.Reply) *ipmi.Reply    // changes the answer to the n-th command in sessions
	garble  func(n int, b []byte) (out []byte, late bool) // changes the answer to the n-th datagram; nil: none

	port     profiles.Port
	mu       sync.Mutex
	asked    []string
	n, in    int // datagrams, commands in sessions
	sessions map[uint32]*fakeSession
	readings int
	reserved uint16
}

type fakeSession struct {
	ipmi.Handshake
	id     uint32
	format ipmi.Format
	secret *ipmi.Secret
	open   bool
	seen   map[uint32]bool
	sent   uint32
}

const (
	bmcUser     = "ADMIN"
	bmcPassword = "swordfish"
)

// The records of the controller: a full one, a compact one that stands for two sensors, and a locator of an
// inventory.
var (
	bmcSDR = [][]byte{
		append([]byte{1, 0, 0x51, 1, 48, 0x20, 0, 1, 7, 1, 0x7f, 0x68, 1, 1}, make([]byte, 39)...),
		append([]byte{2, 0, 0x51, 2, 27, 0x20, 0, 0x10, 7, 1, 0x67, 0x40, 8, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, make([]byte, 8)...),
		{9, 0, 0x51, 0x11, 12, 0x20, 33, 0x80, 0, 0, 0x10, 0, 7, 1, 0, 0xc1, 'F'},
	}
	bmcSEL = [][]byte{
		{1, 0, 2, 0, 0, 0, 0x60, 0x20, 0, 4, 1, 1, 1, 0x59, 1, 1},
		{2, 0, 2, 9, 0, 0, 0x60, 0x20, 0, 4, 1, 1, 0x81, 0x59, 1, 1},
	}
	bmcFRU = []byte(strings.Repeat("an inventory of 150 bytes ....", 5))
)

func (d *fakeBMC) listen(t *testing.T) *fakeBMC {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	d.port = profiles.Port{Number: uint16(pc.LocalAddr().(*net.UDPAddr).Port), UDP: true}
	d.sessions = map[uint32]*fakeSession{}
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			out, late := d.answer(b[:n])
			if out == nil {
				continue
			}
			if late {
				time.AfterFunc(ipmiQuick.Timeout+20*time.Millisecond, func() { pc.WriteTo(out, from) })
				continue
			}
			pc.WriteTo(out, from)
		}
	}()
	return d
}

func (d *fakeBMC) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func (d *fakeBMC) answer(b []byte) (out []byte, late bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lookup := func(id uint32) *ipmi.Secret {
		if s := d.sessions[id]; s != nil {
			return s.secret
		}
		return nil
	}
	_, m, err := ipmi.Protocol{Secret: lookup}.New().Next(wire.Client, b, true)
	if err != nil {
		return nil, false
	}
	d.n++
	reply := d.reply(m)
	if reply == nil {
		return nil, false
	}
	if out, err = reply.Append(nil); err != nil {
		panic(err)
	}
	if d.garble != nil {
		return d.garble(d.n, out)
	}
	return out, false
}

func (d *fakeBMC) reply(m wire.Message) wire.Message {
	plus := ipmi.Session{Format: ipmi.FormatRMCPPlus}
	switch q := m.(type) {
	case *ipmi.Ping:
		d.asked = append(d.asked, "ping")
		return &ipmi.Pong{RMCP: q.RMCP, Tag: q.Tag, Enterprise: 4542, Entities: 0x81, Unused: make([]byte, 6)}
	case *ipmi.OpenSession:
		n, _ := q.Number()
		r := &ipmi.OpenSessionReply{RMCP: q.RMCP, Session: plus, Tag: q.Tag, Console: q.Console, Algorithms: q.Algorithms}
		switch {
		case n != 3 && n != 17:
			r.Status, r.Short = ipmi.NoMatchingCipherSuite, true
		case d.full > 0:
			d.full--
			r.Status, r.Short = ipmi.NoResources, true
		default:
			s := d.begin()
			s.format, s.Console, s.BMC, s.Algorithms = ipmi.FormatRMCPPlus, q.Console, s.id, q.Algorithms
			r.BMC = s.id
		}
		d.asked = append(d.asked, fmt.Sprintf("open %d %v", n, r.Status))
		return r
	case *ipmi.RAKP1:
		s := d.sessions[q.BMC]
		r := &ipmi.RAKP2{RMCP: q.RMCP, Session: plus, Tag: q.Tag, Short: true}
		limit := max(d.limit, 1)
		if d.limit == 0 {
			limit = 4
		}
		switch {
		case s == nil || s.open:
			r.Status = ipmi.InvalidSessionID
		case string(q.User) != bmcUser:
			r.Console, r.Status = s.Console, ipmi.UnauthorizedName
			delete(d.sessions, q.BMC)
		case q.Role&0xf > limit:
			r.Console, r.Status = s.Console, ipmi.UnauthorizedRole
			delete(d.sessions, q.BMC)
		default:
			r.Console, r.Short = s.Console, false
			s.ConsoleRandom, s.Role, s.User = q.Random, q.Role, q.User
			binary.LittleEndian.PutUint32(s.BMCRandom[:], q.BMC)
			s.GUID = [16]byte{1, 2, 3}
			s.secret = s.Secret(bmcPassword, d.kg)
			r.Random, r.GUID, r.Code = s.BMCRandom, s.GUID, s.RAKP2Code(bmcPassword)
		}
		d.asked = append(d.asked, fmt.Sprintf("user %q %v", q.User, r.Status))
		return r
	case *ipmi.RAKP3:
		s := d.sessions[q.BMC]
		d.asked = append(d.asked, fmt.Sprintf("proof %v", q.Status))
		if s == nil || q.Status != ipmi.StatusOK {
			delete(d.sessions, q.BMC)
			return nil
		}
		r := &ipmi.RAKP4{RMCP: q.RMCP, Session: plus, Tag: q.Tag, Console: s.Console}
		if !hmac.Equal(q.Code, s.RAKP3Code(bmcPassword)) {
			r.Status = ipmi.InvalidIntegrityCheck
			return r
		}
		s.open, r.Check = true, s.RAKP4Check(s.secret)
		return r
	case *ipmi.Command:
		return d.command(q)
	}
	return nil
}

func (d *fakeBMC) begin() *fakeSession {
	s := &fakeSession{id: uint32(0x1000 + 2*d.n), seen: map[uint32]bool{}}
	d.sessions[s.id] = s
	return s
}

func (d *fakeBMC) command(q *ipmi.Command) wire.Message {
	data := q.Data(nil)
	s := d.sessions[q.ID]
	if q.ID == 0 || s == nil {
		d.asked = append(d.asked, fmt.Sprintf("out %x%02x:%x", uint8(q.NetFn), q.Cmd, data))
		return d.outside(q, data)
	}
	if !s.open && q.NetFn == ipmi.App && q.Cmd == 0x3a && q.Proven() {
		s.open, s.sent = true, 100
		body := binary.LittleEndian.AppendUint32([]byte{byte(s.format)}, s.id)
		r := q.Answer(ipmi.CodeOK, ipmi.Data(append(binary.LittleEndian.AppendUint32(body, 7), 4)))
		return d.seal(s, r)
	}
	if !s.open || !q.Proven() || s.seen[q.Session.Sequence] {
		return nil
	}
	s.seen[q.Session.Sequence] = true
	d.in++
	key := slices.Clone(data)
	if q.NetFn == ipmi.Storage && (q.Cmd == 0x23 || q.Cmd == 0x43) {
		key[0], key[1] = 0, 0
	}
	d.asked = append(d.asked, fmt.Sprintf("in %x%02x:%x", uint8(q.NetFn), q.Cmd, key))
	code, body := d.inside(q, data)
	r := q.Answer(code, ipmi.Data(body))
	if d.habit != nil {
		if r = d.habit(d.in, r); r == nil {
			return nil
		}
	}
	return d.seal(s, r)
}

func (d *fakeBMC) seal(s *fakeSession, r *ipmi.Reply) wire.Message {
	s.sent++
	r.Session = ipmi.Session{Format: s.format, Sequence: s.sent, ID: s.id}
	if s.format == ipmi.FormatRMCPPlus {
		r.Session.ID, r.Authenticated, r.Encrypted = s.Console, true, true
	}
	r.Session.SealWith(s.secret, make([]byte, 16))
	return r
}

// outside answers commands outside of sessions.
func (d *fakeBMC) outside(q *ipmi.Command, data []byte) wire.Message {
	answer := func(code ipmi.Code, b ...byte) wire.Message { return q.Answer(code, ipmi.Data(b)) }
	switch {
	case q.NetFn != ipmi.App:
	case q.Cmd == 0x38 && d.old:
		return answer(0, 1, 0x04, 4, 0, 0, 0, 0, 0)
	case q.Cmd == 0x38 && data[0]&0x80 != 0:
		return answer(0, 1, 0x80, 4, 2, 0, 0, 0, 0)
	case q.Cmd == 0x38:
		return answer(0, 1, 0, 4, 0, 0, 0, 0, 0)
	case q.Cmd == 0x54 && !d.old:
		list := []byte{0xc0, 3, 1, 0x41, 0x81, 0xc0, 17, 3, 0x44, 0x81}
		if data[2]&0x80 == 0 {
			list = []byte{1, 3, 0x41, 0x44, 0x81}
		}
		return answer(0, append([]byte{1}, list...)...)
	case q.Cmd == 0x39 && string(data[1:1+len(bmcUser)]) == bmcUser:
		s := d.begin()
		s.format = ipmi.Format(data[0])
		s.secret = ipmi.Secret15(s.format, bmcPassword)
		return answer(0, append(binary.LittleEndian.AppendUint32(nil, s.id), make([]byte, 16)...)...)
	}
	return answer(ipmi.InsufficientPrivilege)
}

// inside answers them in one.
func (d *fakeBMC) inside(q *ipmi.Command, data []byte) (ipmi.Code, []byte) {
	switch q.NetFn {
	case ipmi.App:
		switch q.Cmd {
		case 0x01:
			return 0, []byte{0x20, 1, 3, 0x21, 2, 0xbf, 0x57, 1, 0, 7, 0}
		case 0x3b:
			return 0, data
		case 0x3c:
			delete(d.sessions, binary.LittleEndian.Uint32(data))
			return 0, nil
		case 0x42:
			if data[0] == 1 {
				return 0, []byte{1, 4, 1, 0x80, 0xf2, 0x1b, 0, 0, 0}
			}
			return ipmi.InvalidField, nil
		case 0x44:
			return 0, []byte{2, 1, 0, 0x34}
		case 0x46:
			name := make([]byte, 16)
			if data[0] == 2 {
				copy(name, bmcUser)
			}
			return 0, name
		}
	case ipmi.Transport:
		switch {
		case q.Cmd == 0x02 && data[1] == 17:
			return 0, []byte{0x11, 2}
		case q.Cmd == 0x02 && (data[1] == 3 || data[1] == 18 && data[2] <= 2):
			return 0, []byte{0x11, 10, 0, 0, data[2]}
		case q.Cmd == 0x02:
			return 0x80, nil
		}
	case ipmi.Storage:
		return d.storage(q.Cmd, data)
	case ipmi.Sensor:
		switch {
		case q.Cmd == 0x2d && (data[0] == 1 || data[0] == 0x10 || data[0] == 0x11):
			d.readings++
			return 0, []byte{byte(20 + d.readings), 0xc0, 0xc0}
		case q.Cmd == 0x27 && data[0] == 1:
			return 0, []byte{0x3f, 1, 2, 3, 4, 5, 6}
		}
	}
	return ipmi.InvalidCommand, nil
}

func (d *fakeBMC) storage(cmd uint8, data []byte) (ipmi.Code, []byte) {
	records := func(list [][]byte) (ipmi.Code, []byte) {
		id, offset, count := binary.LittleEndian.Uint16(data[2:]), int(data[4]), int(data[5])
		if offset > 0 && (d.cancel > 0 || binary.LittleEndian.Uint16(data) != d.reserved) {
			d.cancel--
			return ipmi.ReservationCanceled, nil
		}
		if d.endless && cmd == 0x23 {
			return 0, append([]byte{byte(id + 1), byte((id + 1) >> 8)}, []byte{byte(id), byte(id >> 8), 0x51, 0xc0, 0}[:min(5, count)]...)
		}
		for i, r := range list {
			if id != binary.LittleEndian.Uint16(r) && (id != 0 || i > 0) {
				continue
			}
			if count == 0xff {
				count = len(r) - offset
			} else if d.most > 0 && count > d.most {
				return ipmi.CannotReturnSo, nil
			}
			next := []byte{0xff, 0xff}
			if i+1 < len(list) {
				next = list[i+1][:2]
			}
			return 0, append(slices.Clone(next), r[offset:min(len(r), offset+count)]...)
		}
		return ipmi.NotPresent, nil
	}
	switch cmd {
	case 0x20:
		return 0, []byte{0x51, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
	case 0x22, 0x42:
		d.reserved++
		return 0, binary.LittleEndian.AppendUint16(nil, d.reserved)
	case 0x23:
		return records(bmcSDR)
	case 0x40:
		return 0, []byte{0x51, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
	case 0x43:
		return records(bmcSEL)
	case 0x10, 0x11:
		if data[0] != 33 {
			return ipmi.NotPresent, nil
		}
		if cmd == 0x10 {
			return 0, []byte{byte(len(bmcFRU)), 0, 0}
		}
		at, n := int(binary.LittleEndian.Uint16(data[1:])), int(data[3])
		if n > 20 {
			return ipmi.DataLengthInvalid, nil
		}
		part := bmcFRU[at:min(len(bmcFRU), at+n)]
		return 0, append([]byte{byte(len(part))}, part...)
	}
	return ipmi.InvalidCommand, nil
}
