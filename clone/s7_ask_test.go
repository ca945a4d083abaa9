package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// scan asks the CPU, and gives what was said and learned.
func (c *fakeCPU) scan(t *testing.T, s *S7Scan, change func(*Visit)) (*Visit, []byte, error) {
	t.Helper()
	if s.Every == 0 {
		s.Every = time.Millisecond
	}
	return scanOnly(t, s, c.port, change)
}

// A bulk holds the files of a profile.
type bulk map[string]*bytes.Buffer

type bulkFile struct{ *bytes.Buffer }

func (bulkFile) Close() error { return nil }

// learned is the section that some evidence teaches, and the files beside it.
func s7Learned(t *testing.T, evidence []byte) (*profiles.S7, bulk) {
	t.Helper()
	return learnedFrom[*profiles.S7](t, exchangesOf(t, evidence), Options{})
}

// s7Reads are the functions that may leave a scan.
var s7Reads = []string{"connect", "setup communication", "read szl", "read clock", "list blocks", "list blocks of type", "get block info", "read variable"}

func TestS7ScanOnlyReads(t *testing.T) {
	c := newFakeCPU(t)
	v, evidence, err := c.scan(t, &S7Scan{Blocks: true, Search: true}, nil)
	if err != nil {
		t.Fatal(err, v.Remarks())
	}
	uploads := []string{"start upload", "upload", "end upload"}
	seen := map[string]int{}
	for _, m := range c.asked {
		name, effect := wire.Class(m)
		if seen[name]++; effect != wire.Read || !slices.Contains(append(uploads, s7Reads...), name) {
			t.Errorf("%s, a %v, was asked: %+v", name, effect, m)
		}
	}
	for _, name := range append(uploads, s7Reads...) {
		if seen[name] == 0 {
			t.Errorf("%s was not asked", name)
		}
	}
	for _, x := range exchangesOf(t, evidence) {
		if _, effect := wire.Class(x.Request); effect != wire.Read {
			t.Errorf("the evidence has %T", x.Request)
		}
	}
	c.mu.Lock()
	c.asked = nil
	c.mu.Unlock()
	if _, _, err := c.scan(t, &S7Scan{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.asked {
		if name, _ := wire.Class(m); !slices.Contains(s7Reads, name) {
			t.Errorf("%s was asked without --blocks", name)
		}
	}
}

func TestS7ScanLearnsAll(t *testing.T) {
	c := newFakeCPU(t)
	v, evidence, err := c.scan(t, &S7Scan{Blocks: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, files := s7Learned(t, evidence)
	sizes := map[string]int{}
	for name, a := range s.Areas {
		sizes[name] = a.Size
	}
	if got := fmt.Sprint(sizes); got != "map[DB1:38 DB7:1500 I:128 M:256 T:32]" {
		t.Errorf("areas are %s", got)
	}
	for name, want := range map[string][]byte{"DB1": c.areas[s7Area{s7comm.AreaDB, 1}], "DB7": c.areas[s7Area{s7comm.AreaDB, 7}]} {
		if got := files[s.Areas[name].Image].Bytes(); !bytes.Equal(got, want) || s.Areas[name].Known != nil {
			t.Errorf("%s is %q, known %v", name, got, s.Areas[name].Known)
		}
	}
	for q, want := range c.lists {
		name := fmt.Sprintf("%04X/%04X", q.ID, q.Index)
		if got := files[s.SZL[name]]; got == nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("list %s is %v", name, got)
		}
	}
	if got := strings.Join(s.TSAP.Accept, " "); got != "rack0slot2" || s.TSAP.Reason != 3 || s.TSAP.PDU != 240 || s.TSAP.Jobs != 1 {
		t.Errorf("TSAPs: %+v", s.TSAP)
	}
	if s.Refuse != (profiles.S7Refusals{Area: "0A000000", SZL: "D401"}) {
		t.Errorf("refuses by %+v", s.Refuse)
	}
	samples := files[s.Samples[0]].String()
	for _, want := range []string{"block _0800001A", "block _0A00007A", "userdata 3/3 ff09 3041303030303741"} {
		if !strings.Contains(samples, want) {
			t.Errorf("there is no sample of %s", want)
		}
	}
	if strings.Contains(samples, "item read") {
		t.Errorf("refusals are kept one by one:\n%s", samples)
	}
	for name := range files {
		if strings.HasPrefix(name, "recordings/") {
			t.Errorf("messages are kept whole: %s", name)
		}
	}
	for _, want := range []string{"refuses rack 0 slot 1, rack 0 slot 0, rack 0 slot 3, rack 7 slot 31 by a disconnect request", "6ES7 315-2EH14-0AB0, V3.2.6", "blocks: 1 OB, 2 DB", "memory: M 0-255, I 0-127, T 0-31"} {
		if !remarked(v, want) {
			t.Errorf("no remark says %q: %v", want, v.Remarks())
		}
	}
}

// TestS7ScanSeesWhatMoves: a number that moves is asked for by itself, so that its way can be followed.
func TestS7ScanSeesWhatMoves(t *testing.T) {
	c := newFakeCPU(t)
	db := c.areas[s7Area{s7comm.AreaDB, 7}]
	c.odd = func(n int, _ wire.Message) (o fakeOddity) {
		db[101], db[100] = byte(n), byte(n>>8)
		return o
	}
	v, evidence, err := c.scan(t, &S7Scan{Samples: 8}, nil)
	if err != nil || !remarked(v, "1 places in memory move") {
		t.Fatal(err, v.Remarks())
	}
	s, files := s7Learned(t, evidence)
	if samples := files[s.Samples[0]].String(); !strings.Contains(samples, "DB7.101\t") || !strings.Contains(samples, "DB7.100:u16\t") {
		t.Errorf("samples:\n%s", samples)
	}
}

// TestS7ExtentsNeedFewQuestions: an item tells one bit, and an end that may be at 65536 places takes 16 of them.
func TestS7ExtentsNeedFewQuestions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, single := range []bool{false, true} {
		for range 5 {
			c := newFakeCPU(t)
			c.single = single
			c.blocks, c.areas = nil, map[s7Area][]byte{}
			want := map[string]int{}
			for _, area := range []s7comm.Area{s7comm.AreaFlags, s7comm.AreaInputs, s7comm.AreaOutputs} {
				c.areas[s7Area{area: area}] = make([]byte, 1+r.IntN(1<<(4+r.IntN(13))))
				want[s7Area{area: area}.String()] = len(c.areas[s7Area{area: area}])
			}
			for range 6 {
				a := s7Area{s7comm.AreaDB, uint16(1 + r.IntN(30))}
				c.areas[a] = make([]byte, 1+r.IntN(4000))
				want[a.String()] = len(c.areas[a])
			}
			s := &S7Scan{DBs: [2]int{1, 30}, Samples: 1}
			if _, _, err := c.scan(t, s, nil); err != nil {
				t.Fatal(err)
			}
			questions, contents := 0, 0
			for _, m := range c.asked {
				if q, ok := m.(*s7comm.ReadVar); ok {
					if questions++; slices.ContainsFunc(q.Items, func(i s7comm.Item) bool { return i.Count > 1 }) {
						contents++
					}
				}
			}
			questions -= contents
			// 5 areas and 30 blocks that may be there take one item each, then each of those found 16.
			items, most := 35+len(want)*16, 0
			if most = 2 * items; !single {
				most = 2*items/18 + 10
			}
			if questions > most {
				t.Errorf("%d areas: %d questions, more than %d", len(want), questions, most)
			}
			t.Logf("single %v, %d areas of %v: %d questions for their ends, %d for their contents", single, len(want), want, questions, contents)
		}
	}
}

func TestS7ScanOfDevicesThatKeepTheirMemory(t *testing.T) {
	c := newFakeCPU(t)
	c.off = true
	v, _, err := c.scan(t, &S7Scan{}, nil)
	if err != nil || !remarked(v, "reading variables: error 8104") {
		t.Error(err, v.Remarks())
	}
	reads := 0
	for _, m := range c.asked {
		if _, ok := m.(*s7comm.ReadVar); ok {
			reads++
		}
	}
	if reads > 10 {
		t.Errorf("was asked for variables %d times", reads)
	}

	c = newFakeCPU(t)
	c.odd = func(_ int, m wire.Message) (o fakeOddity) {
		if _, ok := m.(*s7comm.SetupCommunication); ok {
			o.say = []byte{3, 0, 0, 11, 2, 0xF0, 0x80, 0x72, 1, 0, 0}
		}
		return o
	}
	if v, _, err = c.scan(t, &S7Scan{}, nil); !errors.Is(err, errNoSession) || !remarked(v, "speaks S7comm-plus only") {
		t.Error(err, v.Remarks())
	}
	if err := (&S7Scan{}).Probe(t.Context(), NewVisit(netip.MustParseAddr("127.0.0.1"), "", quick, capture.NewTap(io.Discard, time.Now)), c.port); !errors.Is(err, ErrNotSpoken) {
		t.Errorf("probing gives %v", err)
	}
}

// TestS7ScanOfOddDevices: whatever a device does, the scan ends, and what was learned counts.
func TestS7ScanOfOddDevices(t *testing.T) {
	endless := func(q *s7comm.Userdata) []byte {
		r := &s7comm.UserdataReply{Header: q.Header, Function: q.Function, Sequence: 1, Continuation: s7comm.Continuation{DataUnitReference: 5, More: 1},
			Envelope: s7comm.Envelope{ReturnCode: 0xFF, TransportSize: 9, Length: 40}, Data: make([]byte, 40)}
		b, _ := r.Append(nil)
		return b
	}
	for _, x := range []struct {
		name   string
		change func(c *fakeCPU)
		most   int // questions
		remark string
		fails  error
		whole  bool // nothing is missing from what is learned
	}{
		{"drops every third question", func(c *fakeCPU) {
			c.odd = func(n int, _ wire.Message) fakeOddity { return fakeOddity{silent: n%3 == 0} }
		}, 600, "blocks: 1 OB, 2 DB", nil, true},
		{"answers late", func(c *fakeCPU) {
			c.odd = func(n int, _ wire.Message) (o fakeOddity) {
				if n%10 == 0 {
					o.wait = quick.Timeout * 5 / 4
				}
				return o
			}
		}, 600, "blocks: 1 OB, 2 DB", nil, true},
		{"resets after the connect", func(c *fakeCPU) {
			c.odd = func(_ int, m wire.Message) fakeOddity {
				_, connect := m.(*s7comm.ConnectRequest)
				return fakeOddity{hangUp: !connect}
			}
		}, 100, "", errNoSession, false},
		{"resets now and then", func(c *fakeCPU) {
			c.odd = func(n int, m wire.Message) fakeOddity {
				_, connect := m.(*s7comm.ConnectRequest)
				return fakeOddity{hangUp: !connect && n%20 == 0}
			}
		}, 600, "blocks: 1 OB, 2 DB", nil, true},
		{"fragments without an end", func(c *fakeCPU) {
			c.odd = func(_ int, m wire.Message) (o fakeOddity) {
				if q, ok := m.(*s7comm.Userdata); ok && q.Group == s7comm.GroupCPU {
					o.say = endless(q)
				}
				return o
			}
		}, 3000, "has no end after 512 parts", nil, false},
		{"a list of 10,000 lists", func(c *fakeCPU) {
			z := s7comm.SZL{RecordLength: 2, Count: 10000}
			for n := range 10000 {
				z.Data = append(z.Data, byte(n>>8), byte(n))
			}
			c.lists[s7comm.SZLRequest{}] = z.Append(nil)
		}, 12000, "lists 10000 system status lists; the first 1024 are read", nil, false},
		{"blocks that repeat", func(c *fakeCPU) {
			for range 300 {
				c.blocks['A'] = append(c.blocks['A'], 1, 7)
			}
		}, 600, "list of DB: repeats numbers", nil, true},
		{"answers nothing but the connecting", func(c *fakeCPU) {
			c.odd = func(_ int, m wire.Message) fakeOddity {
				switch m.(type) {
				case *s7comm.ConnectRequest, *s7comm.SetupCommunication:
					return fakeOddity{}
				}
				return fakeOddity{silent: true}
			}
		}, 100, "reading variables: no answer", nil, false},
		{"garbles", func(c *fakeCPU) {
			c.odd = func(n int, m wire.Message) (o fakeOddity) {
				if _, ok := m.(*s7comm.ReadVar); ok {
					o.say = []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
				}
				return o
			}
		}, 700, "reading variables: no answer", nil, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := newFakeCPU(t)
			x.change(c)
			v, evidence, err := c.scan(t, &S7Scan{Samples: 2}, nil)
			if !errors.Is(err, x.fails) {
				t.Errorf("ended with %v, want %v", err, x.fails)
			}
			if x.remark != "" && !remarked(v, x.remark) {
				t.Errorf("no remark says %q: %v", x.remark, v.Remarks())
			}
			c.mu.Lock()
			asked := len(c.asked)
			c.mu.Unlock()
			if asked > x.most {
				t.Errorf("%d questions, more than %d", asked, x.most)
			}
			s, _ := s7Learned(t, evidence)
			if x.whole && len(s.Areas) != 5 {
				t.Errorf("learned %d areas", len(s.Areas))
			}
			t.Logf("%d questions, %v", asked, err)
		})
	}
}

// TestS7ScanGoesOn: an interrupted scan that is resumed asks nothing twice but what belongs to a connection, and
// learns what an uninterrupted one does.
func TestS7ScanGoesOn(t *testing.T) {
	scan := func() *S7Scan { return &S7Scan{Blocks: true, Samples: 3} }
	c := newFakeCPU(t)
	_, evidence, err := c.scan(t, scan(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := s7Text(t, evidence)
	all := len(c.asked)
	for stop := 3; stop < all; stop += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		c := newFakeCPU(t)
		c.odd = func(n int, _ wire.Message) (o fakeOddity) {
			if n == stop {
				cancel()
				o.silent = true
			}
			return o
		}
		first := &bytes.Buffer{}
		v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", quick, capture.NewTap(first, time.Now))
		s := scan()
		s.Every = time.Millisecond
		if err := s.Scan(ctx, v, c.port); err == nil {
			t.Fatal("was not interrupted")
		}
		cancel()
		m := remembering(t, exchangesOf(t, first.Bytes()))
		c.odd = nil
		_, rest, err := c.scan(t, scan(), func(v *Visit) { v.Memory = m })
		m.Close()
		if err != nil {
			t.Fatalf("stopped at %d: %v", stop, err)
		}
		// Beside a handshake, what is asked again is the question that had no answer, and an answer in parts.
		if n := len(c.asked); n > all+10 {
			t.Errorf("stopped at %d, %d questions were asked instead of %d", stop, n, all)
		}
		whole := append(bytes.Clone(first.Bytes()), rest...)
		if got := s7Text(t, whole); got != want {
			t.Errorf("stopped at %d, learned\n%s\ninstead of\n%s", stop, firstDifference(got, want), firstDifference(want, got))
		}
	}
}

// s7Text is what some evidence teaches, but for the clock, and for how often a number of the CPU's own was seen.
func s7Text(t *testing.T, evidence []byte) string {
	s, files := s7Learned(t, evidence)
	s.Clock, s.Latency = nil, nil
	ports, times := regexp.MustCompile(`s7-\d+-`), regexp.MustCompile(`\*\d+`)
	var out strings.Builder
	fmt.Fprintf(&out, "%+v %v\n", s.TSAP, s.Refuse)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range files {
			if name != evidenceFile && !yield(name) {
				return
			}
		}
	}) {
		for line := range strings.SplitSeq(files[name].String(), "\n") {
			if !strings.HasPrefix(line, "userdata 7/1") && !strings.HasPrefix(line, "sequence") && !strings.HasPrefix(line, "part") {
				fmt.Fprintf(&out, "%s %q\n", ports.ReplaceAllString(name, "s7-"), times.ReplaceAllString(line, ""))
			}
		}
	}
	return out.String()
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return fmt.Sprintf("%.300s", x[i])
		}
	}
	return "(the beginning of the other)"
}
