package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakePLC is a device with units that hold ranges, and with bad habits.
type fakePLC struct {
	p        wire.Protocol
	units    map[uint8]*[4][]modbusRun // by table
	any      *[4][]modbusRun           // what all other identifiers address
	mirrors  map[uint8]uint8           // identifiers that address another's unit
	absent   modbus.ExceptionCode      // for units that are not there; 0: silence
	identity []modbus.Object           // of all units
	has      []modbus.Function
	moves    map[int]bool                           // holding registers that count how often they are read
	habit    func(n int, reply []byte) []byte       // changes answers; empty: silence, nil: it hangs up
	before   func(n int, req modbus.Message) []byte // answers instead; nil: it does not

	mu    sync.Mutex
	reads int
	asked []string // what came, transactions aside
	port  profiles.Port
}

func (d *fakePLC) listen(t *testing.T) *fakePLC {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if d.p == nil {
		d.p = modbus.Protocol{}
	}
	d.port = profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
	return d
}

func (d *fakePLC) serve(c net.Conn) {
	defer c.Close()
	conn := d.p.New()
	var b []byte
	in := make([]byte, 512)
	for {
		n, err := c.Read(in)
		if err != nil {
			return
		}
		b = append(b, in[:n]...)
		for len(b) > 0 {
			n, m, err := conn.Next(wire.Client, b, false)
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			b = b[n:]
			if a := d.answer(m.(modbus.Message)); a == nil {
				return
			} else if len(a) > 0 {
				c.Write(a)
			}
		}
	}
}

func (d *fakePLC) answer(req modbus.Message) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, string(wire.AppendKey(nil, req)))
	n := len(d.asked)
	if d.before != nil {
		if b := d.before(n, req); b != nil {
			return b
		}
	}
	b := []byte{}
	if reply := d.reply(req); reply != nil {
		b, _ = reply.Append(b)
	}
	if d.habit != nil {
		return d.habit(n, b)
	}
	return b
}

func (d *fakePLC) reply(req modbus.Message) modbus.Message {
	h := modbus.Header{Transaction: req.Head().Transaction, Framing: req.Head().Framing, Unit: req.Head().Unit}
	refuse := func(code modbus.ExceptionCode) modbus.Message {
		return &modbus.Exception{Header: h, Function: req.Code(), Reason: code}
	}
	unit := h.Unit
	if as, is := d.mirrors[unit]; is {
		unit = as
	}
	tables := d.units[unit]
	if tables == nil {
		tables = d.any
	}
	if tables == nil {
		if d.absent == 0 {
			return nil
		}
		return refuse(d.absent)
	}
	q, read := req.(*modbus.ReadRequest)
	if !read && !slices.Contains(d.has, req.Code()) {
		return refuse(modbus.IllegalFunction)
	}
	if code := modbus.Refusal(req); code != 0 {
		return refuse(code)
	}
	switch m := req.(type) {
	case *modbus.Diagnostic:
		return &modbus.Diagnostic{Header: h, SubFunction: m.SubFunction, Data: m.Data}
	case *modbus.ReadDeviceIDRequest:
		r := &modbus.ReadDeviceIDResponse{Header: h}
		id := modbus.Identification{Conformity: 0x83, Objects: d.identity}
		if code := id.Answer(m, r); code != 0 {
			return refuse(code)
		}
		return r
	case *modbus.Simple:
		if m.Function == modbus.ReportServerID {
			return &modbus.ServerID{Header: h, Data: []byte("\x01\xffPLC")}
		}
		return &modbus.ExceptionStatus{Header: h, Status: 0x55}
	}
	if !read {
		return refuse(modbus.IllegalDataAddress)
	}
	table := int(q.Function) - 1
	first, end := int(q.Address), int(q.Address)+int(q.Quantity)
	if !slices.ContainsFunc(tables[table], func(r modbusRun) bool { return r.first <= first && end <= r.end }) {
		return refuse(modbus.IllegalDataAddress)
	}
	if table < profiles.ModbusHoldings {
		bits := make([]byte, (end-first+7)/8)
		for a := first; a < end; a++ {
			bits[(a-first)/8] |= byte(a%3%2) << ((a - first) % 8)
		}
		return &modbus.ReadBitsResponse{Header: h, Function: q.Function, Bits: bits}
	}
	var regs []byte
	for a := first; a < end; a++ {
		v := a + int(unit)*7
		if d.any != nil {
			v = a
		}
		if d.moves[a] {
			d.reads++
			v = d.reads
		}
		regs = append(regs, byte(v>>8), byte(v))
	}
	return &modbus.ReadRegistersResponse{Header: h, Function: q.Function, Registers: regs}
}

func (d *fakePLC) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

var modbusPLCTables = [4][]modbusRun{
	{{0, 16}},
	{{0, 40}, {10000, 10008}},
	{{0, 150}, {400, 410}, {4000, 4100}, {4110, 4112}},
	{{0, 150}, {1000, 1002}},
}

var modbusPLCIdentity = []modbus.Object{{ID: 0, Value: []byte("Acme")}, {ID: 1, Value: []byte("AC-1")}, {ID: 2, Value: []byte("V1")},
	{ID: 3, Value: bytes.Repeat([]byte("u"), 200)}, {ID: 4, Value: bytes.Repeat([]byte("n"), 100)}, {ID: 0x80, Value: []byte("x")}}

// scanModbus scans a device, and gives what the evidence teaches.
func scanModbus(t *testing.T, s *ModbusScanner, d *fakePLC, care Care, m *Memory) (*Visit, []capture.Exchange, error) {
	t.Helper()
	return scanModbusFor(t.Context(), t, s, d, care, m)
}

func scanModbusFor(ctx context.Context, t *testing.T, s *ModbusScanner, d *fakePLC, care Care, m *Memory) (*Visit, []capture.Exchange, error) {
	t.Helper()
	var evidence bytes.Buffer
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", care, capture.NewTap(&evidence, time.Now))
	v.Memory = m
	err := s.Probe(ctx, v, d.port)
	if err == nil {
		err = s.Scan(ctx, v, d.port)
	}
	v.Tap.Close()
	return v, exchangesOf(t, evidence.Bytes()), err
}

// learned is the section that exchanges teach.
func modbusLearned(t *testing.T, all []capture.Exchange) (*profiles.Modbus, modbusBulk) {
	t.Helper()
	files := modbusBulk{}
	l := NewLearning(Source{ID: "c1"}, Options{})
	for i := range all {
		l.Add(&all[i])
	}
	dev := &profiles.Device{ID: "d"}
	if err := l.Finish(&Output{dev, files.create}); err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		if m, ok := dev.Services[i].Section.(*profiles.Modbus); ok {
			return m, files
		}
	}
	return nil, files
}

func heldBy(u *profiles.ModbusUnit) (tables [4][]modbusRun) {
	for i := range u.Registers {
		if table, span := u.Registers[i].Range(); u.Registers[i].Fill == nil {
			tables[table] = append(tables[table], modbusRun{int(span.First), int(span.Last) + 1})
		}
	}
	return tables
}

var fast = Care{Name: "test", Connections: 1, Timeout: 60 * time.Millisecond, Again: 1, Silences: 4, Slower: 100, Bytes: 64 << 20, Time: time.Minute}

func remarksOf(v *Visit) string {
	var b strings.Builder
	for _, r := range v.Remarks() {
		fmt.Fprintf(&b, "%s: %s\n", r.Kind, r.Text)
	}
	return b.String()
}

// A scan only reads, by these functions, and finds what there is.
func TestModbusScanOnlyReads(t *testing.T) {
	d := (&fakePLC{any: &modbusPLCTables, identity: modbusPLCIdentity, moves: map[int]bool{405: true},
		has: []modbus.Function{modbus.EncapsulatedInterface, modbus.ReportServerID, modbus.ReadExceptionStatus, modbus.Diagnostics}}).listen(t)
	v, all, err := scanModbus(t, &ModbusScanner{Samples: 10, Every: time.Millisecond, Beyond: true}, d, fast, nil)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []modbus.Function{1, 2, 3, 4, 7, 8, 11, 12, 17, 20, 24, 43}
	units := map[uint8]int{}
	for _, x := range all {
		q, ok := x.Request.(modbus.Message)
		if !ok {
			t.Fatalf("%+v was said unasked", x.Replies)
		}
		if class, effect := wire.Class(q); effect != wire.Read || !slices.Contains(allowed, q.Code()) {
			t.Errorf("%s (%v) was asked", class, effect)
		}
		if m, is := q.(*modbus.Diagnostic); is && m.SubFunction != modbus.ReturnQueryData {
			t.Errorf("function 8 with sub-function %d was asked", m.SubFunction)
		}
		units[q.Head().Unit]++
	}
	for id, n := range units {
		if id != 1 && n != 1 {
			t.Errorf("unit %d was asked %d questions, though it is what unit 1 is", id, n)
		}
	}
	m, files := modbusLearned(t, all)
	if d := cmp.Diff(modbusPLCTables, heldBy(&m.ModbusUnit), cmp.AllowUnexported(modbusRun{})); d != "" {
		t.Errorf("found (-want +got):\n%s", d)
	}
	if !m.Units.Any || len(m.Units.Map) > 0 || m.ServerID == nil || *m.Status != 0x55 || !slices.Equal(m.Functions.Serve, []uint8{8}) {
		t.Errorf("section %+v", m)
	}
	if d := cmp.Diff(map[uint8]string{0x80: "x"}, m.Identify.Objects); d != "" || m.Identify.Conformity != 0x83 {
		t.Errorf("identification %+v", m.Identify)
	}
	if len(m.Recordings) > 0 {
		t.Errorf("whole answers are kept of a device that does as the specification says")
	}
	if len(m.Illegal) > 4*40 {
		t.Errorf("%d ranges of refused addresses", len(m.Illegal))
	}
	if s := files["samples/modbus-"+d.portText()+"-c1.tsv"]; s == nil || !strings.Contains(s.String(), "255/holding/405\t{") || !strings.Contains(s.String(), "\t0001 0002 0003 0004 0005 0006 0007 0008 0009 000a 000b") {
		t.Errorf("samples %v", s)
	}
	for _, want := range []string{"found: unit 1: holding registers 0-149, 400-409, 4000-4099, 4110-4111 (262)",
		"found: unit 1: coils 0-15 (16)", "fact: answers every unit identifier alike", "found: unit 1: device identification \"Acme AC-1 V1\"",
		"questions found the ranges of 4 tables"} {
		if got := remarksOf(v); !strings.Contains(got, want) {
			t.Errorf("no remark %q in\n%s", want, got)
		}
	}
}

func (d *fakePLC) portText() string { return fmt.Sprint(d.port.Number) }

func TestModbusScanFindsUnits(t *testing.T) {
	t.Parallel()
	small := [4][]modbusRun{{}, {}, {{0, 3}}, {}}
	other := [4][]modbusRun{{}, {}, {{100, 103}}, {}}
	for _, tt := range []struct {
		name   string
		device *fakePLC
		scan   ModbusScanner
		want   string // of the learned units
		most   int    // reads of register 0, asked again or by the search for ranges too
	}{
		{"a device that does not look", &fakePLC{any: &small}, ModbusScanner{}, "mode tcp any", 9},
		{"a gateway that says so", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small, 17: &small, 200: &other}, absent: 11}, ModbusScanner{}, "mode gateway map 1 17 200", 260},
		{"a gateway that is silent", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small, 5: &small, 9: &other}}, ModbusScanner{}, "mode tcp map 0- 1 5 9 255-", 50},
		{"a device and a unit behind it", &fakePLC{units: map[uint8]*[4][]modbusRun{0: &small, 255: &small, 3: &other}, absent: 10}, ModbusScanner{}, "mode tcp absent 10 map 3", 260},
		{"one identifier", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small}}, ModbusScanner{}, "mode tcp also [1] map 0- 255-", 35},
		{"those that are named", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small, 77: &small}, absent: 11}, ModbusScanner{Units: []uint8{77}}, "mode tcp also [77]", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := tt.device.listen(t)
			tt.scan.Samples = 1
			_, all, err := scanModbus(t, &tt.scan, d, fast, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := modbusLearned(t, all)
			got := "mode " + m.Units.Mode
			if m.Units.Any {
				got += " any"
			}
			if m.Units.Absent != 0 {
				got += fmt.Sprint(" absent ", m.Units.Absent)
			}
			if m.Units.Also != nil {
				got += fmt.Sprint(" also ", m.Units.Also)
			}
			if len(m.Units.Map) > 0 {
				got += " map"
			}
			for id := range 256 {
				if u := m.Units.Map[uint8(id)]; u != nil {
					got += fmt.Sprint(" ", id)
					if u.Silent {
						got += "-"
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			n := 0
			for _, q := range d.questions() {
				if strings.HasSuffix(q, " 0 1") && strings.HasPrefix(q, "3/") {
					n++
				}
			}
			if n > tt.most {
				t.Errorf("%d questions for unit identifiers, want %d at most", n, tt.most)
			}
			for id, tables := range tt.device.units {
				u := m.Units.Map[id]
				if u == nil {
					u = &m.ModbusUnit
				}
				if tt.scan.Units != nil && !slices.Contains(tt.scan.Units, id) {
					continue
				}
				if got := heldBy(u); !slices.Equal(got[profiles.ModbusHoldings], tables[profiles.ModbusHoldings]) {
					t.Errorf("unit %d: found %v, want %v", id, got, tables)
				}
			}
		})
	}
}

// RTU frames are tried where Modbus/TCP is not answered.
func TestModbusScanOfRTU(t *testing.T) {
	t.Parallel()
	d := (&fakePLC{p: modbus.RTU{}, units: map[uint8]*[4][]modbusRun{1: &modbusPLCTables}}).listen(t)
	for _, s := range []*ModbusScanner{{Samples: 1}, {Samples: 1, RTU: true, Units: []uint8{1}}} {
		_, all, err := scanModbus(t, s, d, fast, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := modbusLearned(t, all)
		if m == nil || m.Units.Mode != "serial" || m.Units.Map[1] == nil {
			t.Fatalf("learned %+v", m)
		}
		if d := cmp.Diff(modbusPLCTables, heldBy(m.Units.Map[1]), cmp.AllowUnexported(modbusRun{})); d != "" {
			t.Errorf("found (-want +got):\n%s", d)
		}
	}
}

// What else listens on a port is not asked twice.
func TestModbusProbeOfAnotherProtocol(t *testing.T) {
	d := (&fakePLC{before: func(int, modbus.Message) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }}).listen(t)
	v, _, err := scanModbus(t, &ModbusScanner{}, d, fast, nil)
	if !errors.Is(err, ErrNotSpoken) {
		t.Errorf("%v", err)
	}
	if n := v.Tallies()[0].Asked; n != 1 {
		t.Errorf("%d questions", n)
	}
}

// Devices with bad habits end a scan in time, with what was learned of them.
func TestModbusScanOfHostileDevices(t *testing.T) {
	t.Parallel()
	tables := [4][]modbusRun{{{0, 8}}, nil, {{0, 40}, {4000, 4004}}, nil}
	exception := func(req modbus.Message, code modbus.ExceptionCode) []byte {
		b, _ := (&modbus.Exception{Header: modbus.Header{Transaction: req.Head().Transaction, Unit: req.Head().Unit}, Function: req.Code(), Reason: code}).Append(nil)
		return b
	}
	hour := fast
	hour.Time = 2 * time.Second
	late := hour
	late.Timeout = 500 * time.Millisecond
	for _, tt := range []struct {
		name   string
		device *fakePLC
		care   Care
		whole  bool   // all is found all the same
		says   string // a remark, or the error
	}{
		{"drops every third question", &fakePLC{habit: func(n int, b []byte) []byte {
			if n%3 == 0 {
				return []byte{}
			}
			return b
		}}, Care{Name: "test", Connections: 1, Timeout: 10 * time.Millisecond, Again: 1, Silences: 4, Slower: 100, Bytes: 64 << 20, Time: time.Minute}, true, ""},
		{"answers late", &fakePLC{habit: func(n int, b []byte) []byte {
			time.Sleep(200 * time.Millisecond)
			return b
		}}, late, false, "the time of 2s is used up"},
		{"resets connections", &fakePLC{habit: func(n int, b []byte) []byte {
			if n%4 == 0 {
				return nil
			}
			return b
		}}, hour, false, "the time of 2s is used up"},
		{"falls silent", &fakePLC{habit: func(n int, b []byte) []byte {
			if n > 100 {
				return []byte{}
			}
			return b
		}}, fast, false, "stopped answering"},
		{"answers garbage to every tenth", &fakePLC{habit: func(n int, b []byte) []byte {
			if n%10 == 0 {
				return []byte("garbage that is no Modbus")
			}
			return b
		}}, fast, false, "the answer is not of the protocol"},
		{"is busy for ever", &fakePLC{before: func(n int, req modbus.Message) []byte {
			if n > 20 {
				return exception(req, modbus.ServerDeviceBusy)
			}
			return nil
		}}, fast, false, "left alone after 3 questions in a row"},
		{"is busy at times", &fakePLC{before: func(n int, req modbus.Message) []byte {
			if n%50 == 0 {
				return exception(req, modbus.ServerDeviceBusy)
			}
			return nil
		}}, fast, true, "is busy at times"},
		{"gives no transaction back", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 1 {
				b[0], b[1] = 0, 0
			}
			return b
		}}, fast, true, "answers with transactions that were not asked, as 0"},
		{"answers as another unit", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 6 {
				b[6] = 9
			}
			return b
		}}, fast, true, "unit 1: answers as unit 9"},
		{"refuses by another exception", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 8 && b[7] == 0x83 && b[8] == 2 {
				b[8] = 4
			}
			return b
		}}, fast, true, "refuses addresses of holding registers with exception 4"},
		{"says nothing of what is not there", &fakePLC{habit: func(n int, b []byte) []byte {
			if len(b) > 8 && b[7] > 0x80 {
				return []byte{}
			}
			return b
		}}, fast, false, "left alone after 3 questions in a row"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.device.any = &tables
			d := tt.device.listen(t)
			begun := time.Now()
			v, all, err := scanModbus(t, &ModbusScanner{Quick: true, Samples: 2, Every: time.Millisecond}, d, tt.care, nil)
			if took := time.Since(begun); took > 40*time.Second {
				t.Errorf("took %v", took)
			}
			if says := remarksOf(v) + fmt.Sprint(err); !strings.Contains(says, tt.says) {
				t.Errorf("want %q in\n%s", tt.says, says)
			}
			m, _ := modbusLearned(t, all)
			if m == nil {
				t.Fatal("nothing was learned")
			}
			if tt.whole {
				if err != nil {
					t.Error(err)
				}
				if d := cmp.Diff(tables, heldBy(&m.ModbusUnit), cmp.AllowUnexported(modbusRun{})); d != "" {
					t.Errorf("found (-want +got):\n%s\n%s", d, remarksOf(v))
				}
			} else if len(m.Registers) == 0 {
				t.Errorf("nothing was found: %s", remarksOf(v))
			}
		})
	}
}

// An interrupted scan that is resumed asks nothing twice, and ends as one that was not interrupted.
func TestModbusScanResumes(t *testing.T) {
	t.Parallel()
	newPLC := func() *fakePLC {
		return (&fakePLC{units: map[uint8]*[4][]modbusRun{1: &modbusPLCTables, 3: &modbusPLCTables}, absent: 11, identity: modbusPLCIdentity,
			has: []modbus.Function{modbus.EncapsulatedInterface}}).listen(t)
	}
	scan := &ModbusScanner{Samples: 3, Every: time.Millisecond}
	whole, care := newPLC(), fast
	care.Timeout = 10 * time.Second
	_, all, err := scanModbus(t, scan, whole, care, nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := whole.questions()
	want, files := modbusLearned(t, all)
	if len(want.Recordings) > 0 {
		for x := range capture.Exchanges(files[want.Recordings[0]], capture.Options{}) {
			t.Errorf("kept whole: %+v: %+v", x.Request, x.Replies)
		}
	}
	for _, after := range []int{1, 9, 300, len(asked) - 5} {
		d := newPLC()
		ctx, cancel := context.WithCancel(t.Context())
		d.before = func(n int, _ modbus.Message) []byte {
			if n == after {
				cancel()
			}
			return nil
		}
		_, first, err := scanModbusFor(ctx, t, scan, d, care, nil)
		if err == nil {
			t.Fatalf("after %d: not interrupted", after)
		}
		first = slices.DeleteFunc(first, func(x capture.Exchange) bool { return len(x.Replies) == 0 }) // as the journal does
		m, err := NewMemory(func(yield func(capture.Exchange, error) bool) {
			for _, x := range first {
				yield(x, nil)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		before := len(d.questions())
		_, rest, err := scanModbus(t, scan, d, care, m)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := d.questions()
		if open := before - len(first); open > 1 {
			t.Errorf("after %d: %d questions were open", after, open)
		} else if open == 1 { // it is asked again, of right
			got = slices.Delete(got, before-1, before)
		}
		if d := cmp.Diff(asked, got); d != "" {
			t.Errorf("after %d: questions (-whole +resumed):\n%s", after, d)
		}
		section, _ := modbusLearned(t, append(first, rest...))
		section.Common, want.Common = profiles.Common{}, profiles.Common{}
		if d := cmp.Diff(want, section, cmp.Transformer("block", func(c profiles.ModbusCells) profiles.ModbusCells {
			c.Block = c.Block[strings.LastIndex(c.Block, "-")+1:]
			return c
		})); d != "" {
			t.Errorf("after %d: section (-whole +resumed):\n%s", after, d)
		}
	}
}
