package clone

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// A fakeENIP is a device of EtherNet/IP on loopback: the controller with tags that decoys are tested with, which
// can be made odd.
type fakeENIP struct {
	port  profiles.Port
	mu    sync.Mutex
	asked []wire.Message
	// odd changes what the n-th question, from 1 on, gets; nil: nothing. Hanging up is ok false.
	odd func(n int, q wire.Message, answer []byte) (say []byte, ok bool)
}

func newFakeENIP(t *testing.T, odd func(n int, q wire.Message, answer []byte) ([]byte, bool)) *fakeENIP {
	t.Helper()
	return newFakeENIPOf(t, "tags.yaml", odd)
}

// newFakeENIPOf is a device of one of the profiles that decoys are tested with.
func newFakeENIPOf(t *testing.T, name string, odd func(n int, q wire.Message, answer []byte) ([]byte, bool)) *fakeENIP {
	t.Helper()
	const dir = "../emulate/testdata/enip"
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	dev, err := profiles.Parse(text, name, os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	st, err := emulate.NewState(dev, emulate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], enip.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := &fakeENIP{odd: odd, port: profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.serve(c, service)
		}
	}()
	return d
}

func (d *fakeENIP) serve(c net.Conn, service emulate.Service) {
	defer c.Close()
	session := service.Open(emulate.Peer{Remote: c.RemoteAddr().(*net.TCPAddr).AddrPort(), Local: c.LocalAddr().(*net.TCPAddr).AddrPort()})
	conn := enip.Protocol{}.New()
	var b []byte
	in := make([]byte, 4096)
	for {
		n, m, err := conn.Next(wire.Client, b, false)
		if err != nil {
			return
		}
		if n == 0 {
			k, err := c.Read(in)
			if err != nil {
				return
			}
			b = append(b, in[:k]...)
			continue
		}
		b = b[n:]
		d.mu.Lock()
		d.asked = append(d.asked, m)
		count := len(d.asked)
		var say []byte
		for _, r := range session.Answer(m).Messages {
			say, _ = r.Append(say)
		}
		d.mu.Unlock()
		ok := true
		if d.odd != nil {
			say, ok = d.odd(count, m, say)
		}
		c.Write(say)
		if !ok {
			return
		}
	}
}

// scan asks the device, and gives what was said.
func (d *fakeENIP) scan(t *testing.T, s *ENIPScan, change func(*Visit)) (*Visit, []byte, error) {
	t.Helper()
	if s.Every == 0 {
		s.Every = time.Millisecond
	}
	return scanOnly(t, s, d.port, change)
}

// enipLearned is the section that some evidence teaches.
func enipLearned(t *testing.T, evidence []byte) *profiles.ENIP {
	t.Helper()
	s, _ := enipLearnedFiles(t, evidence)
	return s
}

// enipLearnedFiles gives the bulk files beside it.
func enipLearnedFiles(t *testing.T, evidence []byte) (*profiles.ENIP, bulk) {
	t.Helper()
	return learnedFrom[*profiles.ENIP](t, exchangesOf(t, evidence), Options{})
}

// TestENIPScanUploads: the file that describes a device is uploaded whole, and learned; nobody is left uploading.
func TestENIPScanUploads(t *testing.T) {
	d := newFakeENIPOf(t, "slc.yaml", nil)
	v, evidence, err := d.scan(t, &ENIPScan{}, nil)
	if err != nil {
		t.Fatal(err, v.Remarks())
	}
	for _, m := range d.asked {
		if name, effect := wire.Class(m); effect != wire.Read {
			t.Errorf("%s is a %v", name, effect)
		}
	}
	want, err := os.ReadFile("../emulate/testdata/enip/device.eds")
	if err != nil {
		t.Fatal(err)
	}
	s, files := enipLearnedFiles(t, evidence)
	if len(s.Files) != 1 || s.Files[0].ID != 200 || s.Files[0].Transfer != 64 {
		t.Fatalf("files %+v", s.Files)
	}
	if got := files[s.Files[0].Content]; got == nil || got.String() != string(want) {
		t.Errorf("%s holds %q", s.Files[0].Content, got)
	}
}

// enipTagsOf names the tags that are known.
func enipTagsOf(s *profiles.ENIP) (names []string) {
	for _, t := range s.Tags {
		if t.Type != "" {
			names = append(names, t.Name+" "+t.Type)
		}
	}
	slices.Sort(names)
	return names
}

var enipTagsThere = []string{"BATCH STRING", "COUNT DINT", "COUNTS DINT", "FLAGS DWORD", "GRID INT", "LEVEL REAL", "LONG DINT",
	"Program:Main.STEP INT", "SERIAL LINT", "TANK1 Tank", "TANKS Tank"}

// enipReads are the questions that may leave a scan.
var enipReads = []string{"list identity", "list services", "list interfaces", "register session", "get attributes all", "get attribute single",
	"get attribute list", "get instance attribute list", "read tag", "read tag fragmented"}

func TestENIPScanOnlyReads(t *testing.T) {
	d := newFakeENIP(t, nil)
	v, evidence, err := d.scan(t, &ENIPScan{Ways: []string{"1/0", "1/3,2/10.0.0.7"}, Classes: [][2]uint32{{0x300, 0x30F}}, Tags: []string{"NOPE", "COUNTS[2]*3"}}, nil)
	if err != nil {
		t.Fatal(err, v.Remarks())
	}
	seen := map[string]int{}
	for _, m := range d.asked {
		name, effect := wire.Class(m)
		seen[name]++
		if effect != wire.Read || !slices.Contains(enipReads, name) {
			t.Errorf("%s is a %v", name, effect)
		}
		if q, ok := m.(*enip.Unconnected); ok && q.Request.Open != nil {
			t.Error("a connection was opened")
		}
	}
	for _, name := range enipReads {
		if seen[name] == 0 {
			t.Errorf("%s was never asked", name)
		}
	}
	if n := len(d.asked); n > 500 {
		t.Errorf("%d questions: %v", n, seen)
	}
	if got := enipTagsOf(enipLearned(t, evidence)); !slices.Equal(got, enipTagsThere) {
		t.Errorf("tags %q", got)
	}
}

// A device that leaves out answers, or hangs up, is learned whole all the same.
func TestENIPScanOfOddDevices(t *testing.T) {
	for name, odd := range map[string]func(n int, q wire.Message, answer []byte) ([]byte, bool){
		"drops every third": func(n int, q wire.Message, answer []byte) ([]byte, bool) {
			if n%3 == 0 {
				return nil, true
			}
			return answer, true
		},
		"hangs up after every fifth": func(n int, q wire.Message, answer []byte) ([]byte, bool) {
			return answer, n%5 != 0
		},
		"hangs up instead of every seventh": func(n int, q wire.Message, answer []byte) ([]byte, bool) {
			if n%7 == 0 {
				return nil, false
			}
			return answer, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeENIP(t, odd)
			v, evidence, err := d.scan(t, &ENIPScan{Samples: 1, Ways: []string{}}, func(v *Visit) {
				v.Care.Timeout, v.Care.Again = 30*time.Millisecond, 2
				v.pace = newPace(v.Care, time.Now, func(context.Context, time.Duration) error { return nil }) // it backs off: that is tested elsewhere
			})
			if err != nil {
				t.Fatal(err, v.Remarks())
			}
			if got := enipTagsOf(enipLearned(t, evidence)); !slices.Equal(got, enipTagsThere) {
				t.Errorf("tags %q", got)
			}
		})
	}
}

// Lists and answers that have no end are left.
func TestENIPScanLeavesTheEndless(t *testing.T) {
	for name, c := range map[string]struct {
		remark string
		answer func(q *enip.Request, instance uint32) *enip.Response
	}{
		"symbols for ever": {"has no end", func(q *enip.Request, instance uint32) *enip.Response {
			if q.Service != enip.GetInstanceAttributeList {
				return nil
			}
			numbers, _ := enip.AttributeNumbers(q.Data)
			b := []byte{byte(instance), byte(instance >> 8), byte(instance >> 16), 0, 3, 0, 'T', byte('a' + instance/26%26), byte('a' + instance%26)}
			b = append(b, 0xC4, 0)
			for _, n := range numbers[2:] {
				b = append(b, make([]byte, enip.SymbolAttributeSize(n))...)
			}
			return &enip.Response{Service: q.Service, Status: enip.PartialTransfer, Data: b}
		}},
		"the same symbols again": {"does not go on", func(q *enip.Request, instance uint32) *enip.Response {
			if q.Service != enip.GetInstanceAttributeList {
				return nil
			}
			return &enip.Response{Service: q.Service, Status: enip.PartialTransfer, Data: []byte{}}
		}},
		"a tag for ever": {"the answer has no end", func(q *enip.Request, instance uint32) *enip.Response {
			if name, ok := enip.TagName(q.Path); !ok || name != "COUNT" || q.Service != enip.ReadTag && q.Service != enip.ReadTagFragmented {
				return nil
			}
			return &enip.Response{Service: q.Service, Status: enip.PartialTransfer, Data: append([]byte{0xC4, 0}, make([]byte, 40000)...)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeENIP(t, func(n int, m wire.Message, answer []byte) ([]byte, bool) {
				q, ok := m.(*enip.Unconnected)
				if !ok {
					return answer, true
				}
				instance := uint32(0)
				if target, ok := q.Request.Path.Target(); ok {
					instance = target.Instance
				}
				if r := c.answer(&q.Request, instance); r != nil {
					answer, _ = (&enip.UnconnectedReply{Header: q.Header, Timeout: q.Timeout, Response: *r}).Append(nil)
				}
				return answer, true
			})
			v, _, err := d.scan(t, &ENIPScan{Samples: 1, Ways: []string{}, TagsMost: 300}, nil)
			if err != nil {
				t.Fatal(err, v.Remarks())
			}
			if !slices.ContainsFunc(v.Remarks(), func(r Remark) bool { return r.Kind == Suspicious && strings.Contains(r.Text, c.remark) }) {
				t.Errorf("remarks %v", v.Remarks())
			}
			if n := len(d.asked); n > 1500 {
				t.Errorf("%d questions", n)
			}
		})
	}
}

// A scan that is interrupted and run again asks nothing twice, and teaches the same.
func TestENIPScanResumes(t *testing.T) {
	whole := newFakeENIP(t, nil)
	_, all, err := whole.scan(t, &ENIPScan{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := enipLearned(t, all)
	for _, after := range []int{7, 90, 200, len(whole.asked) - 5} {
		ctx, cancel := context.WithCancel(t.Context())
		d := newFakeENIP(t, func(n int, _ wire.Message, answer []byte) ([]byte, bool) {
			if n == after {
				cancel()
				return nil, true
			}
			return answer, true
		})
		evidence := &bytes.Buffer{}
		first := NewVisit(netip.MustParseAddr("127.0.0.1"), "", quick, capture.NewTap(evidence, time.Now))
		if err := (&ENIPScan{Every: time.Millisecond}).Scan(ctx, first, d.port); err == nil {
			t.Fatal("it was not interrupted")
		}
		first.Tap.Close()
		m := remembering(t, exchangesOf(t, evidence.Bytes()))
		before := len(d.asked)
		v, second, err := d.scan(t, &ENIPScan{}, func(v *Visit) { v.Memory = m })
		m.Close()
		if err != nil {
			t.Fatal(err, v.Remarks())
		}
		if n := len(d.asked); n > len(whole.asked)+6 { // sessions, and what was under way
			t.Errorf("after %d: %d and %d questions, all in one are %d", after, before, n-before, len(whole.asked))
		}
		got := enipLearned(t, append(bytes.Clone(evidence.Bytes()), second...))
		got.Common, want.Common = profiles.Common{}, profiles.Common{}
		for _, s := range got.Types { // the name of its file has the port
			s.Definition = want.Types["Tank"].Definition
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("after %d: section (-whole +resumed):\n%s", after, d)
		}
	}
}
