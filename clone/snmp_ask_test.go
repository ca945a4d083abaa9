package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An snmpDevice is an agent with variables in order, which answers v1 and v2c.
type snmpDevice struct {
	port profiles.Port
	vars []snmp.VarBind
	most int // variables in an answer to GETBULK
	size int // bytes of an answer, at most; 0: any
	// odd changes what is said to the n-th question; nil: nothing is said.
	odd func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage
	v3  *snmpFakeEngine // nil: v3 is not answered

	anyone bool // any community is answered

	mu    sync.Mutex
	asked []string // the keys of the questions
	ticks uint64
}

// snmpTable is system, and a table of two columns with rows.
func snmpTable(rows int) (list []snmp.VarBind) {
	add := func(o snmp.OID, t snmp.Type, content []byte) {
		list = append(list, snmp.VarBind{OID: o, Value: snmp.NewValue(t, content)})
	}
	system := snmp.OID{0x2b, 6, 1, 2, 1, 1}
	add(system.Child(1).Child(0), snmp.TypeOctetString, []byte("a device"))
	add(system.Child(2).Child(0), snmp.TypeOID, snmp.OID{0x2b, 6, 1, 4, 1, 9})
	add(system.Child(3).Child(0), snmp.TypeTimeTicks, []byte{1, 0})
	entry := snmp.OID{0x2b, 6, 1, 4, 1, 9}.Child(9999).Child(1).Child(1)
	for column := range uint32(2) {
		for row := range rows {
			add(entry.Child(column+1).Child(uint32(row+1)), snmp.TypeCounter32, snmp.AppendUint(nil, uint64(row)*1000))
		}
	}
	return list
}

// between orders what a test does to devices before and after a scan, and what these do in it.
var between sync.RWMutex

func settle() {
	between.Lock()
	defer between.Unlock()
}

func newSNMPDevice(t testing.TB, vars []snmp.VarBind) *snmpDevice {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d := &snmpDevice{port: profiles.Port{Number: uint16(c.LocalAddr().(*net.UDPAddr).Port), UDP: true}, vars: vars, most: 100}
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if out := d.answer(bytes.Clone(b[:n])); out != nil {
				c.WriteTo(out, from)
			}
		}
	}()
	return d
}

func (d *snmpDevice) answer(b []byte) []byte {
	between.RLock()
	defer between.RUnlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	p := snmp.Protocol{}
	if d.v3 != nil {
		p.Keys = d.v3.keys
	}
	_, m, err := p.New().Next(wire.Client, b, true)
	if err != nil {
		return nil
	}
	d.asked = append(d.asked, wire.Key(m))
	if m, ok := m.(*snmp.V3Message); ok && d.v3 != nil {
		return d.v3.answer(d, m)
	}
	req, ok := m.(*snmp.CommunityMessage)
	if !ok || string(req.Community) != "public" && !d.anyone {
		return nil
	}
	reply := &snmp.CommunityMessage{Version: req.Version, Community: req.Community, PDU: snmp.PDU{Type: snmp.Response, RequestID: req.PDU.RequestID}}
	d.fill(req, &reply.PDU)
	for d.size > 0 && len(reply.PDU.VarBinds) > 1 {
		if out, _ := reply.Append(nil); len(out) <= d.size {
			break
		}
		reply.PDU.VarBinds = reply.PDU.VarBinds[:len(reply.PDU.VarBinds)-1]
	}
	if d.odd != nil {
		if reply = d.odd(len(d.asked), req, reply); reply == nil {
			return nil
		}
	}
	out, err := reply.Append(nil)
	if err != nil {
		return nil
	}
	return out
}

func (d *snmpDevice) fill(req *snmp.CommunityMessage, reply *snmp.PDU) {
	old := req.Version == snmp.V1
	fail := func(i int) {
		reply.ErrorStatus, reply.ErrorIndex, reply.VarBinds = snmp.NoSuchName, int64(i+1), req.PDU.VarBinds
	}
	for i, b := range req.PDU.VarBinds {
		switch req.PDU.Type {
		case snmp.GetRequest:
			k, found := d.find(b.OID)
			if !found && old {
				fail(i)
				return
			}
			v := snmp.Value{Type: snmp.NoSuchInstance}
			if found {
				v = d.value(k)
			}
			reply.VarBinds = append(reply.VarBinds, snmp.VarBind{OID: b.OID, Value: v})
		case snmp.GetNextRequest:
			next := d.next(b.OID)
			if next.Value.Type == snmp.EndOfMibView && old {
				fail(i)
				return
			}
			reply.VarBinds = append(reply.VarBinds, next)
		}
	}
	if req.PDU.Type == snmp.GetBulkRequest {
		single := int(req.PDU.NonRepeaters)
		at := []snmp.OID{}
		for i, b := range req.PDU.VarBinds {
			if i < single {
				reply.VarBinds = append(reply.VarBinds, d.next(b.OID))
			} else {
				at = append(at, b.OID)
			}
		}
		for range min(int(req.PDU.MaxRepetitions), max(1, d.most/max(1, len(at)))) {
			ended := true
			for i := range at {
				b := d.next(at[i])
				at[i] = b.OID
				reply.VarBinds = append(reply.VarBinds, b)
				ended = ended && b.Value.Type == snmp.EndOfMibView
			}
			if ended {
				break
			}
		}
	}
}

func (d *snmpDevice) find(o snmp.OID) (int, bool) {
	return sort.Find(len(d.vars), func(i int) int { return o.Compare(d.vars[i].OID) })
}

func (d *snmpDevice) next(o snmp.OID) snmp.VarBind {
	i, found := d.find(o)
	if found {
		i++
	}
	if i == len(d.vars) {
		return snmp.VarBind{OID: o, Value: snmp.Value{Type: snmp.EndOfMibView}}
	}
	return snmp.VarBind{OID: d.vars[i].OID, Value: d.value(i)}
}

func (d *snmpDevice) value(i int) snmp.Value {
	if v := d.vars[i].Value; v.Type != snmp.TypeTimeTicks {
		return v
	}
	d.ticks++
	return snmp.NewValue(snmp.TypeTimeTicks, snmp.AppendUint(nil, 256+d.ticks))
}

// questions are the keys of what was asked, and how often.
func (d *snmpDevice) questions() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]int{}
	for _, k := range d.asked {
		all[k]++
	}
	return all
}

// snmpQuick has little patience.
var snmpQuick = Care{Name: "test", Connections: 1, Timeout: 150 * time.Millisecond, Again: 2, Silences: 4, Slower: 50, Bytes: 64 << 20, Time: time.Minute}

// An snmpScan is what a scan came to.
type snmpScan struct {
	v        *Visit
	err      error
	evidence *bytes.Buffer
	keys     *capture.Keys
}

func scanSNMP(t testing.TB, ctx context.Context, s *SNMPWalk, port profiles.Port, care Care, memory *Memory) *snmpScan {
	t.Helper()
	r := &snmpScan{evidence: &bytes.Buffer{}, keys: s.Keys()}
	r.v = NewVisit(netip.MustParseAddr("127.0.0.1"), "", care, capture.NewTap(r.evidence, time.Now))
	r.v.Memory = memory
	settle()
	r.err = s.Scan(ctx, r.v, port)
	settle()
	r.v.Tap.Close()
	return r
}

// exchanges are those of the evidence.
func (r *snmpScan) exchanges(t testing.TB) (all []capture.Exchange) {
	t.Helper()
	speaks, err := r.keys.Protocols()
	if err != nil {
		t.Fatal(err)
	}
	for x, err := range capture.Exchanges(bytes.NewReader(r.evidence.Bytes()), capture.Options{Protocols: speaks}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// learn gives the section and the files, by kind.
func (r *snmpScan) learn(t testing.TB) (*profiles.SNMP, map[string]string) {
	t.Helper()
	dev := &profiles.Device{ID: "d"}
	files := map[string]*bytes.Buffer{}
	err := Learn(dev, func(yield func(capture.Exchange, error) bool) {
		for _, x := range r.exchanges(t) {
			if !yield(x, nil) {
				return
			}
		}
	}, Source{ID: "c1"}, Options{KeepSecrets: true, Salt: []byte("salt")}, func(name string) (io.WriteCloser, error) {
		files[name] = &bytes.Buffer{}
		return snmpFile{files[name]}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, b := range files {
		kind, _, _ := strings.Cut(name, "/")
		texts[kind] = b.String()
	}
	for _, s := range dev.Services {
		if sec, ok := s.Section.(*profiles.SNMP); ok {
			return sec, texts
		}
	}
	t.Fatal("nothing was learned")
	return nil, nil
}

// readsOnly: nothing but reads went out.
func (r *snmpScan) readsOnly(t testing.TB) {
	t.Helper()
	for _, x := range r.exchanges(t) {
		if x.Request == nil {
			continue
		}
		class, effect := wire.Class(x.Request)
		if effect != wire.Read || !slices.Contains([]string{"get", "getnext", "getbulk", "discovery"}, class) {
			t.Errorf("a %s was sent, which is a %v", class, effect)
		}
	}
}

func (r *snmpScan) remarked(t testing.TB, kind Kind, text string) {
	t.Helper()
	all := r.v.Remarks()
	for _, m := range all {
		if m.Kind == kind && strings.Contains(m.Text, text) {
			return
		}
	}
	t.Errorf("no remark (%s) says %q; there are %d: %v", kind, text, len(all), all[:min(len(all), 10)])
}

func snmprec(vars []snmp.VarBind) string {
	var b []byte
	for _, v := range vars {
		if v.Value.Type != snmp.TypeTimeTicks {
			b = profiles.AppendSNMPRec(b, v.OID, v.Value.Type, v.Value.Content())
		}
	}
	return string(b)
}

// withoutTicks is a walk file without what moves, and without what is not there.
func withoutTicks(walk string) string {
	var b strings.Builder
	for line := range strings.Lines(walk) {
		if !strings.Contains(line, "|67|") && !strings.Contains(line, "|128|") && !strings.Contains(line, "|129|") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestSNMPWalk: all variables are learned, in both versions, with few questions.
func TestSNMPWalk(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(5000))
	r := scanSNMP(t, t.Context(), &SNMPWalk{Every: time.Millisecond}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	sec, files := r.learn(t)
	if got, want := withoutTicks(files["snmp"]), snmprec(d.vars); got != want {
		t.Errorf("the walk has %d bytes, want %d", len(got), len(want))
	}
	snmpWant(t, "versions", sec.Versions, []string{"1", "2c"})
	snmpWant(t, "known", sec.Known, []string{"0.0-end"})
	r.remarked(t, Fact, "v2c: 10003 variables in 103 questions")
	r.remarked(t, Fact, "speaks v1, v2c")
	r.remarked(t, Fact, "1 of 10003 variables that were asked again had moved")
	if tally := r.v.counted("snmp"); tally.Asked > 330 {
		t.Errorf("%d questions", tally.Asked)
	}
}

// TestSNMPWalkV1: an agent of version 1 is walked variable by variable.
func TestSNMPWalkV1(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(20))
	d.odd = func(_ int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
		if req.Version != snmp.V1 {
			return nil
		}
		return reply
	}
	r := scanSNMP(t, t.Context(), &SNMPWalk{Snapshots: 2, Every: time.Millisecond}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	sec, files := r.learn(t)
	if got, want := withoutTicks(files["snmp"]), snmprec(d.vars); got != want {
		t.Errorf("walk:\n%s\nwant\n%s", got, want)
	}
	snmpWant(t, "versions", sec.Versions, []string{"1"})
	r.remarked(t, NotThere, "v2c is not answered")
}

// TestSNMPWalkOfAnyCommunity: an agent that does not look at communities is learned as that.
func TestSNMPWalkOfAnyCommunity(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(2))
	d.anyone = true
	r := scanSNMP(t, t.Context(), &SNMPWalk{Snapshots: -1}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.remarked(t, Suspicious, "any will do")
	sec, _ := r.learn(t)
	snmpWant(t, "communities", sec.Communities, map[string]profiles.SNMPCommunity{"public": {Access: "ro"}, "*": {Access: "ro"}})
}

// TestSNMPWalkOfOddAgents: whatever the agent does, the walk ends, and what can be had is learned.
func TestSNMPWalkOfOddAgents(t *testing.T) {
	at := func(d *snmpDevice, i int) snmp.OID { return d.vars[i].OID }
	for name, c := range map[string]struct {
		odd    func(d *snmpDevice, n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage
		most   int
		size   int
		lose   int // variables that cannot be had
		remark string
	}{
		"drops every third": {odd: func(_ *snmpDevice, n int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if n%3 == 0 {
				return nil
			}
			return reply
		}},
		"cuts by number": {most: 7},
		"cuts by size":   {size: 500},
		"one variable":   {most: 1, remark: "answers GETBULK with one variable only"},
		"no bulk": {odd: func(_ *snmpDevice, _ int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if req.PDU.Type == snmp.GetBulkRequest {
				return nil
			}
			return reply
		}, remark: "does not answer GETBULK"},
		"too big": {odd: func(_ *snmpDevice, _ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if len(reply.PDU.VarBinds) > 12 {
				reply.PDU.ErrorStatus, reply.PDU.VarBinds = snmp.TooBig, nil
			}
			return reply
		}},
		"genErr in a table": {odd: func(d *snmpDevice, _ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			for _, b := range reply.PDU.VarBinds {
				if b.OID.Equal(at(d, 50)) {
					reply.PDU.ErrorStatus, reply.PDU.ErrorIndex = snmp.GenErr, 1
				}
			}
			return reply
		}, lose: 1, remark: "answers genErr"},
		"loops": {odd: func(d *snmpDevice, _ int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			for i := range reply.PDU.VarBinds {
				if b := &reply.PDU.VarBinds[i]; req.PDU.Type != snmp.GetRequest && b.OID.Equal(at(d, 60)) {
					b.OID = at(d, 40)
				}
			}
			return reply
		}, lose: 1, remark: "goes back, its variables do not increase, at "},
		"begins anew at the end": {odd: func(d *snmpDevice, _ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			for i := range reply.PDU.VarBinds {
				if b := &reply.PDU.VarBinds[i]; b.Value.Type == snmp.EndOfMibView {
					*b = d.vars[0]
				}
			}
			return reply
		}, remark: "goes back, its variables do not increase, at "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSNMPDevice(t, snmpTable(100))
			if c.most > 0 {
				d.most = c.most
			}
			d.size = c.size
			if c.odd != nil {
				d.odd = func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage { return c.odd(d, n, req, reply) }
			}
			r := scanSNMP(t, t.Context(), &SNMPWalk{Every: time.Millisecond}, d.port, snmpQuick, nil)
			if r.err != nil {
				t.Fatalf("%v; %v", r.err, r.v.Remarks())
			}
			r.readsOnly(t)
			_, files := r.learn(t)
			got, want := strings.Count(withoutTicks(files["snmp"]), "\n"), strings.Count(snmprec(d.vars), "\n")
			if got < want-c.lose || got > want {
				t.Errorf("%d variables of %d are learned, want %d; %v", got, want, want-c.lose, r.v.Remarks())
			}
			if c.remark != "" {
				r.remarked(t, Suspicious, c.remark)
			}
		})
	}
}

// TestSNMPWalkEnds: a scan of an agent that is of no use ends all the same, and says why.
func TestSNMPWalkEnds(t *testing.T) {
	endless := snmp.OID{0x2b, 6, 1, 4, 1, 9, 1}
	for name, c := range map[string]struct {
		odd    func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage
		most   int
		err    error
		remark string
	}{
		"never ends": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if req.PDU.Type == snmp.GetRequest {
				return reply
			}
			reply.PDU.ErrorStatus, reply.PDU.VarBinds = snmp.NoError, nil
			for i := range max(1, req.PDU.MaxRepetitions) {
				reply.PDU.VarBinds = append(reply.PDU.VarBinds, snmp.VarBind{OID: endless.Child(uint32(n)).Child(uint32(i)), Value: snmp.NewValue(snmp.TypeInteger, []byte{1})})
			}
			return reply
		}, most: 2000, remark: "the walk does not end: left after 20"},
		"always the same": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if req.PDU.Type != snmp.GetRequest {
				reply.PDU.ErrorStatus = snmp.NoError
				reply.PDU.VarBinds = []snmp.VarBind{{OID: endless, Value: snmp.NewValue(snmp.TypeInteger, []byte{1})}}
			}
			return reply
		}, remark: "goes back, its variables do not increase, at "},
		"another id": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			reply.PDU.RequestID++
			return reply
		}, err: ErrNotSpoken, remark: "another request id"},
		"falls silent": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if n > 4 {
				return nil
			}
			return reply
		}, err: ErrGone, remark: "the walk was cut off after"},
		"late": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			time.Sleep(200 * time.Millisecond)
			return reply
		}, remark: "answers later than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSNMPDevice(t, snmpTable(30))
			d.odd = c.odd
			r := scanSNMP(t, t.Context(), &SNMPWalk{Most: c.most, Snapshots: -1}, d.port, snmpQuick, nil)
			if !errors.Is(r.err, c.err) || c.err == nil && r.err != nil {
				t.Errorf("%v, want %v", r.err, c.err)
			}
			r.remarked(t, Suspicious, c.remark)
			r.readsOnly(t)
		})
	}
}

// TestSNMPWalkOfGarbage: what answers is no agent.
func TestSNMPWalkOfGarbage(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		b := make([]byte, 2048)
		for n := 0; ; n++ {
			size, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			switch n % 3 {
			case 0:
				c.WriteTo([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), from)
			case 1:
				c.WriteTo(b[:size/2], from)
			default:
				c.WriteTo(append(bytes.Clone(b[:size-3]), 0xff, 0xff, 0xff), from)
			}
		}
	}()
	port := profiles.Port{Number: uint16(c.LocalAddr().(*net.UDPAddr).Port), UDP: true}
	r := scanSNMP(t, t.Context(), &SNMPWalk{}, port, snmpQuick, nil)
	if !errors.Is(r.err, ErrNotSpoken) {
		t.Errorf("%v, want that it is not spoken", r.err)
	}
	r.remarked(t, Suspicious, "no SNMP")
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", snmpQuick, capture.NewTap(io.Discard, time.Now))
	if err := (&SNMPWalk{}).Probe(t.Context(), v, port); !errors.Is(err, ErrNotSpoken) {
		t.Errorf("probe: %v", err)
	}
	d := newSNMPDevice(t, snmpTable(1))
	err = (&SNMPWalk{}).Probe(t.Context(), v, d.port)
	settle()
	if err != nil || len(d.asked) != 1 {
		t.Errorf("probe of an agent: %v, %d questions", err, len(d.asked))
	}
}

// TestSNMPWalkBudget: when the time is over, the walk is.
func TestSNMPWalkBudget(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(1000))
	care := snmpQuick
	care.Rate, care.Time = 20, 600*time.Millisecond
	r := scanSNMP(t, t.Context(), &SNMPWalk{}, d.port, care, nil)
	var stopped *Stopped
	if !errors.As(r.err, &stopped) {
		t.Errorf("%v, want that it was stopped", r.err)
	}
	r.remarked(t, Suspicious, "the walk was cut off after")
	_, files := r.learn(t)
	if n := strings.Count(files["snmp"], "\n"); n < 100 {
		t.Errorf("%d variables are learned", n)
	}
}

// TestSNMPWalkResumed: what was interrupted goes on without asking twice, and comes to the same.
func TestSNMPWalkResumed(t *testing.T) {
	scan := &SNMPWalk{Every: time.Millisecond}
	whole := newSNMPDevice(t, snmpTable(300))
	want := scanSNMP(t, t.Context(), scan, whole.port, snmpQuick, nil)
	if want.err != nil {
		t.Fatal(want.err)
	}
	section, files := want.learn(t)
	for _, cut := range []int{1, 5, 12, 22, 31} {
		d := newSNMPDevice(t, snmpTable(300))
		ctx, cancel := context.WithCancel(t.Context())
		d.odd = func(n int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if n == cut {
				cancel()
				return nil
			}
			return reply
		}
		first := scanSNMP(t, ctx, scan, d.port, snmpQuick, nil)
		if !errors.Is(first.err, context.Canceled) {
			t.Fatalf("cut at %d: %v", cut, first.err)
		}
		memory, err := NewMemory(func(yield func(capture.Exchange, error) bool) {
			for _, x := range first.exchanges(t) {
				if !yield(x, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		asked := d.questions()
		d.odd = nil
		second := scanSNMP(t, t.Context(), scan, d.port, snmpQuick, memory)
		memory.Close()
		if second.err != nil {
			t.Fatalf("resumed at %d: %v", cut, second.err)
		}
		again := 0
		for k, n := range d.questions() {
			if n > whole.questions()[k] {
				again += n - whole.questions()[k]
			}
		}
		if again > 1 { // that which was cut off
			t.Errorf("cut at %d, after %d: %d questions were asked again", cut, len(asked), again)
		}
		both := &snmpScan{v: second.v, evidence: bytes.NewBuffer(append(bytes.Clone(first.evidence.Bytes()), second.evidence.Bytes()...))}
		s, f := both.learn(t)
		section.Common, s.Common = profiles.Common{}, profiles.Common{}
		section.Samples, s.Samples, section.Walk, s.Walk = nil, nil, "", ""
		snmpWant(t, "section", fmt.Sprintf("%+v", s), fmt.Sprintf("%+v", section))
		snmpWant(t, "walk", withoutTicks(f["snmp"]), withoutTicks(files["snmp"]))
	}
}

// TestSNMPWalkMemory: a walk of 100,000 variables keeps none of them in memory.
func TestSNMPWalkMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("walks 100,000 variables")
	}
	d := newSNMPDevice(t, snmpTable(50000))
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", Care{Name: "test", Connections: 1, Timeout: 2 * time.Second, Again: 1, Silences: 4, Slower: 1000, Time: time.Minute}, capture.NewTap(io.Discard, time.Now))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var most uint64
	n := 0
	d.odd = func(_ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
		if n++; n%500 == 0 {
			d.asked = nil
			if h := heap(); h > most {
				most = h
			}
		}
		return reply
	}
	if err := (&SNMPWalk{Every: time.Millisecond}).Scan(t.Context(), v, d.port); err != nil {
		t.Fatal(err)
	}
	grown := int64(most) - int64(before)
	t.Logf("%d questions, at most %d KiB more on the heap", n, grown>>10)
	if grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func TestSNMPNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "A.txt"), []byte(`
A-MIB DEFINITIONS ::= BEGIN
IMPORTS OBJECT-TYPE, MODULE-IDENTITY FROM SNMPv2-SMI;
internet OBJECT IDENTIFIER ::= { iso org(3) dod(6) 1 }
-- things OBJECT IDENTIFIER ::= { internet 9 }
private OBJECT IDENTIFIER ::= { internet 4 } things OBJECT IDENTIFIER
  ::= { private 1 }
thing MODULE-IDENTITY DESCRIPTION "of { many 1 } -- things,
  ::= { private 7 }" ::= { things 9999 }
thingKind OBJECT-TYPE SYNTAX OBJECT IDENTIFIER ACCESS read-only ::= { thing 2 }
level OBJECT-TYPE
    SYNTAX INTEGER { low(1), high(2) }
    ::= { thing 1 }
orphan OBJECT-TYPE ::= { nobody 1 }
circle OBJECT-TYPE ::= { circle 1 }
END`), 0o644); err != nil {
		t.Fatal(err)
	}
	names, err := readMIBs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for dotted, want := range map[string]string{
		"1.3.6.1.4.1.9999.1.0":   "level.0 (1.3.6.1.4.1.9999.1.0)",
		"1.3.6.1.4.1.9999.2":     "thingKind (1.3.6.1.4.1.9999.2)",
		"1.3.6.1.4.1.9999.300.1": "thing.300.1 (1.3.6.1.4.1.9999.300.1)",
		"1.3.6.1.9.1":            "internet.9.1 (1.3.6.1.9.1)",
		"2.5":                    "2.5",
	} {
		o, _ := snmp.ParseOID(dotted)
		if got := names.of(o); got != want {
			t.Errorf("%s: %s, want %s", dotted, got, want)
		}
	}
}
