package modbus

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringer/capture/wire"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// messages are checked both ways. The examples of the specification's chapter 6 are among them.
var messages = []struct {
	name string
	rtu  bool
	from wire.Side
	hex  string
	want wire.Message
}{
	{"read coils", false, wire.Client, "0001 0000 0006 11 01 0013 0013",
		&ReadRequest{Header{Transaction: 1, Unit: 0x11}, ReadCoils, 0x13, 0x13}},
	{"coils", false, wire.Server, "0001 0000 0006 11 01 03 cd6b05",
		&ReadBitsResponse{Header{Transaction: 1, Unit: 0x11}, ReadCoils, []byte{0xCD, 0x6B, 0x05}}},
	{"read discrete inputs", false, wire.Client, "0002 0000 0006 01 02 00c4 0016",
		&ReadRequest{Header{Transaction: 2, Unit: 1}, ReadDiscreteInputs, 0xC4, 0x16}},
	{"discrete inputs", false, wire.Server, "0002 0000 0006 01 02 03 acdb35",
		&ReadBitsResponse{Header{Transaction: 2, Unit: 1}, ReadDiscreteInputs, []byte{0xAC, 0xDB, 0x35}}},
	{"read holding registers", false, wire.Client, "0003 0000 0006 ff 03 006b 0003",
		&ReadRequest{Header{Transaction: 3, Unit: 0xFF}, ReadHoldingRegisters, 0x6B, 3}},
	{"holding registers", false, wire.Server, "0003 0000 0009 ff 03 06 022b 0000 0064",
		&ReadRegistersResponse{Header{Transaction: 3, Unit: 0xFF}, ReadHoldingRegisters, []byte{2, 0x2B, 0, 0, 0, 0x64}}},
	{"holding registers with a tail", false, wire.Server, "0003 0000 0006 ff 03 02 022b 99",
		&ReadRegistersResponse{Header{Transaction: 3, Unit: 0xFF, Trailing: []byte{0x99}}, ReadHoldingRegisters, []byte{2, 0x2B}}},
	{"more holding registers than are allowed", false, wire.Server, "0003 0000 00ff ff 03 fc " + strings.Repeat("01", 252),
		&ReadRegistersResponse{Header{Transaction: 3, Unit: 0xFF}, ReadHoldingRegisters, bytes.Repeat([]byte{1}, 252)}},
	{"holding registers, count too high", false, wire.Server, "0003 0000 0005 ff 03 04 022b",
		&Raw{Header{Transaction: 3, Unit: 0xFF}, ReadHoldingRegisters, []byte{4, 2, 0x2B}}},
	{"read input registers", false, wire.Client, "0004 0000 0006 00 04 0008 0001",
		&ReadRequest{Header{Transaction: 4}, ReadInputRegisters, 8, 1}},
	{"input registers", false, wire.Server, "0004 0000 0005 00 04 02 000a",
		&ReadRegistersResponse{Header{Transaction: 4}, ReadInputRegisters, []byte{0, 10}}},
	{"read cut short", false, wire.Client, "0004 0000 0004 00 04 0008",
		&Raw{Header{Transaction: 4}, ReadInputRegisters, []byte{0, 8}}},
	{"write single coil", false, wire.Client, "0005 0000 0006 01 05 00ac ff00",
		&WriteSingle{Header{Transaction: 5, Unit: 1}, WriteSingleCoil, 0xAC, 0xFF00}},
	{"wrote single coil", false, wire.Server, "0005 0000 0006 01 05 00ac ff00",
		&WriteSingle{Header{Transaction: 5, Unit: 1}, WriteSingleCoil, 0xAC, 0xFF00}},
	{"write single register, two bytes too many", false, wire.Client, "0000 0000 0008 01 06 0000 0000 0000",
		&WriteSingle{Header{Unit: 1, Trailing: []byte{0, 0}}, WriteSingleRegister, 0, 0}},
	{"read exception status", false, wire.Client, "0007 0000 0002 01 07",
		&Simple{Header{Transaction: 7, Unit: 1}, ReadExceptionStatus}},
	{"exception status", false, wire.Server, "0007 0000 0003 01 07 6d",
		&ExceptionStatus{Header{Transaction: 7, Unit: 1}, 0x6D}},
	{"return query data", false, wire.Client, "0008 0000 0006 01 08 0000 a537",
		&Diagnostic{Header{Transaction: 8, Unit: 1}, ReturnQueryData, []byte{0xA5, 0x37}}},
	{"bus message count", false, wire.Server, "0008 0000 0006 01 08 000b 0102",
		&Diagnostic{Header{Transaction: 8, Unit: 1}, ReturnBusMessageCount, []byte{1, 2}}},
	{"get comm event counter", false, wire.Client, "000b 0000 0002 01 0b",
		&Simple{Header{Transaction: 11, Unit: 1}, GetCommEventCounter}},
	{"comm event counter", false, wire.Server, "000b 0000 0006 01 0b ffff 0108",
		&CommEventCounter{Header{Transaction: 11, Unit: 1}, 0xFFFF, 0x108}},
	{"get comm event log", false, wire.Client, "000c 0000 0002 01 0c",
		&Simple{Header{Transaction: 12, Unit: 1}, GetCommEventLog}},
	{"comm event log", false, wire.Server, "000c 0000 000b 01 0c 08 0000 0108 0121 2000",
		&CommEventLog{Header{Transaction: 12, Unit: 1}, 0, 0x108, 0x121, []byte{0x20, 0}}},
	{"write multiple coils", false, wire.Client, "000f 0000 0009 01 0f 0013 000a 02 cd01",
		&WriteMultipleRequest{Header{Transaction: 15, Unit: 1}, WriteMultipleCoils, 0x13, 10, []byte{0xCD, 1}}},
	{"wrote multiple coils", false, wire.Server, "000f 0000 0006 01 0f 0013 000a",
		&WriteMultipleResponse{Header{Transaction: 15, Unit: 1}, WriteMultipleCoils, 0x13, 10}},
	{"write multiple registers", false, wire.Client, "0010 0000 000b 01 10 0001 0002 04 000a 0102",
		&WriteMultipleRequest{Header{Transaction: 16, Unit: 1}, WriteMultipleRegisters, 1, 2, []byte{0, 10, 1, 2}}},
	{"write multiple registers cut short", false, wire.Client, "0010 0000 0009 01 10 0001 0002 04 000a",
		&Raw{Header{Transaction: 16, Unit: 1}, WriteMultipleRegisters, []byte{0, 1, 0, 2, 4, 0, 10}}},
	{"wrote multiple registers", false, wire.Server, "0010 0000 0006 01 10 0001 0002",
		&WriteMultipleResponse{Header{Transaction: 16, Unit: 1}, WriteMultipleRegisters, 1, 2}},
	{"report server id", false, wire.Client, "0011 0000 0002 01 11",
		&Simple{Header{Transaction: 17, Unit: 1}, ReportServerID}},
	{"server id", false, wire.Server, "0011 0000 0007 01 11 04 42ff 3132",
		&ServerID{Header{Transaction: 17, Unit: 1}, []byte{0x42, 0xFF, '1', '2'}}},
	{"read file record", false, wire.Client, "0014 0000 0011 01 14 0e 06 0004 0001 0002 06 0003 0009 0002",
		&ReadFileRecordRequest{Header{Transaction: 20, Unit: 1}, []RecordRange{{6, 4, 1, 2}, {6, 3, 9, 2}}}},
	{"file record", false, wire.Server, "0014 0000 000f 01 14 0c 05 06 0dfe 0020 05 06 33cd 0040",
		&ReadFileRecordResponse{Header{Transaction: 20, Unit: 1}, []RecordPart{{6, []byte{0x0D, 0xFE, 0, 0x20}}, {6, []byte{0x33, 0xCD, 0, 0x40}}}}},
	{"read file record of nothing", false, wire.Client, "0014 0000 0003 01 14 00",
		&ReadFileRecordRequest{Header: Header{Transaction: 20, Unit: 1}}},
	{"write file record", false, wire.Client, "0015 0000 0010 01 15 0d 06 0004 0007 0003 06af 04be 100d",
		&FileRecordWrite{Header{Transaction: 21, Unit: 1}, []RecordWrite{{6, 4, 7, []byte{6, 0xAF, 4, 0xBE, 0x10, 0x0D}}}}},
	{"wrote file record", false, wire.Server, "0015 0000 0010 01 15 0d 06 0004 0007 0003 06af 04be 100d",
		&FileRecordWrite{Header{Transaction: 21, Unit: 1}, []RecordWrite{{6, 4, 7, []byte{6, 0xAF, 4, 0xBE, 0x10, 0x0D}}}}},
	{"mask write register", false, wire.Client, "0016 0000 0008 01 16 0004 00f2 0025",
		&MaskWrite{Header{Transaction: 22, Unit: 1}, 4, 0xF2, 0x25}},
	{"read/write multiple registers", false, wire.Client, "0017 0000 0011 01 17 0003 0006 000e 0003 06 00ff 00ff 00ff",
		&ReadWriteRequest{Header{Transaction: 23, Unit: 1}, 3, 6, 14, 3, []byte{0, 255, 0, 255, 0, 255}}},
	{"read and wrote", false, wire.Server, "0017 0000 0005 01 17 02 00fe",
		&ReadRegistersResponse{Header{Transaction: 23, Unit: 1}, ReadWriteMultipleRegisters, []byte{0, 0xFE}}},
	{"read fifo queue", false, wire.Client, "0018 0000 0004 01 18 04de",
		&FIFORequest{Header{Transaction: 24, Unit: 1}, 0x4DE}},
	{"fifo queue", false, wire.Server, "0018 0000 000a 01 18 0006 0002 01b8 1284",
		&FIFOResponse{Header{Transaction: 24, Unit: 1}, []byte{1, 0xB8, 0x12, 0x84}}},
	{"canopen", false, wire.Client, "002b 0000 0005 01 2b 0d 0102",
		&GeneralReference{Header{Transaction: 43, Unit: 1}, []byte{1, 2}}},
	{"read device identification", false, wire.Client, "002b 0000 0005 01 2b 0e 01 00",
		&ReadDeviceIDRequest{Header{Transaction: 43, Unit: 1}, BasicIdentification, VendorName}},
	{"device identification", false, wire.Server, "002b 0000 0011 01 2b 0e 01 81 ff 02 02 00 03 414243 01 02 5831",
		&ReadDeviceIDResponse{Header{Transaction: 43, Unit: 1}, BasicIdentification, 0x81, 0xFF, 2, []Object{{0, []byte("ABC")}, {1, []byte("X1")}}}},
	{"unknown MEI type", false, wire.Client, "002b 0000 0005 01 2b 0f 01 00",
		&Raw{Header{Transaction: 43, Unit: 1}, EncapsulatedInterface, []byte{0x0F, 1, 0}}},
	{"exception", false, wire.Server, "0001 0000 0003 0a 81 0b",
		&Exception{Header{Transaction: 1, Unit: 10}, ReadCoils, GatewayTargetNoResponse}},
	{"exception with a tail", false, wire.Server, "0001 0000 0004 0a 81 06 00",
		&Exception{Header{Transaction: 1, Unit: 10, Trailing: []byte{0}}, ReadCoils, ServerDeviceBusy}},
	{"UMAS", false, wire.Client, "0000 0000 0004 00 5a 00 02",
		&Raw{Header{}, 0x5A, []byte{0, 2}}},
	{"function 0", false, wire.Client, "0000 0000 0006 01 00 0000 0000",
		&Raw{Header{Unit: 1}, 0, []byte{0, 0, 0, 0}}},
	{"rtu read", true, wire.Client, "11 03 006b 0003 7687",
		&ReadRequest{Header{Framing: RTUOverTCP, Unit: 0x11}, ReadHoldingRegisters, 0x6B, 3}},
	{"rtu registers", true, wire.Server, "11 03 06 ae41 5652 4340 49ad",
		&ReadRegistersResponse{Header{Framing: RTUOverTCP, Unit: 0x11}, ReadHoldingRegisters, []byte{0xAE, 0x41, 0x56, 0x52, 0x43, 0x40}}},
	{"rtu write multiple", true, wire.Client, "11 10 0001 0002 04 000a 0102 c6f0",
		&WriteMultipleRequest{Header{Framing: RTUOverTCP, Unit: 0x11}, WriteMultipleRegisters, 1, 2, []byte{0, 10, 1, 2}}},
	{"rtu exception", true, wire.Server, "0a 81 02 b053",
		&Exception{Header{Framing: RTUOverTCP, Unit: 10}, ReadCoils, IllegalDataAddress}},
}

func protocol(rtu bool) wire.Protocol {
	if rtu {
		return RTU{}
	}
	return Protocol{}
}

func TestMessages(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.hex)
			n, m, err := protocol(tt.rtu).New().Next(tt.from, b, false)
			if err != nil || n != len(b) {
				t.Fatalf("took %d of %d bytes, error %v", n, len(b), err)
			}
			if d := cmp.Diff(tt.want, m); d != "" {
				t.Errorf("decoded (-want +got):\n%s", d)
			}
			out, err := tt.want.Append([]byte("x"))
			if err != nil || !bytes.Equal(out[1:], b) {
				t.Errorf("encoded %x, want %x, error %v", out[1:], b, err)
			}
			for i := range b {
				if n, m, err := protocol(tt.rtu).New().Next(tt.from, b[:i], false); n != 0 || m != nil || err != nil {
					t.Errorf("first %d bytes: took %d, message %v, error %v", i, n, m, err)
				}
			}
			if m.(Message).Code()&exceptionBit != 0 {
				t.Error("function code has the exception bit")
			}
			reused := protocol(tt.rtu).New()
			reused.(wire.Reuser).Reuse()
			if _, r, _ := reused.Next(tt.from, b, false); cmp.Diff(m, r) != "" {
				t.Errorf("decoded in place (-fresh +in place):\n%s", cmp.Diff(m, r))
			}
		})
	}
}

// Keys that messages build themselves tell apart the same questions as keys made by the tags.
func TestKeys(t *testing.T) {
	byTags := func(m wire.Message) string { return wire.Key(struct{ wire.Message }{m}) }
	for _, a := range messages {
		for _, b := range messages {
			if a.from != wire.Client || b.from != wire.Client || reflect.TypeOf(a.want) != reflect.TypeOf(b.want) {
				continue
			}
			if got, want := wire.Key(a.want) == wire.Key(b.want), byTags(a.want) == byTags(b.want); got != want {
				t.Errorf("%s and %s: keys equal: %v, by tags: %v", a.name, b.name, got, want)
			}
		}
	}
	a := &ReadRequest{Header{Transaction: 1, Unit: 2}, ReadCoils, 3, 4}
	b := &ReadRequest{Header{Transaction: 9, Unit: 2, Framing: RTUOverTCP}, ReadCoils, 3, 4}
	if wire.Key(a) != wire.Key(b) {
		t.Error("transaction or framing is part of the key")
	}
}

func TestNotModbus(t *testing.T) {
	for _, s := range []string{
		"0001 0001 0006 01 03 0000 0001", // protocol identifier
		"0001 01", "0001 0001",
		"0001 0000 0001 01", "0001 0000 0000", // no function
		"0001 0000 00ff 01 03 0000 0001", // longer than any PDU
		"0001 0000 0901 01 5a",
		"474554202f20485454502f312e310d0a",
		"0300 0016 11e0 0000 0001 00",
	} {
		if n, m, err := (Protocol{}).New().Next(wire.Client, unhex(t, s), false); err == nil {
			t.Errorf("%s: took %d, message %v, no error", s, n, m)
		}
	}
	for _, s := range []string{"11 03 006b 0003 7688", "0001 0000 0006 01 03 0000 0001", "5a5a00000000"} {
		if n, m, err := (RTU{}).New().Next(wire.Client, unhex(t, s), false); err == nil {
			t.Errorf("rtu: %s: took %d, message %v, no error", s, n, m)
		}
	}
}

func TestSeveralInOne(t *testing.T) {
	b := unhex(t, "0001 0000 0006 11 01 0013 0013 0002 0000 0006 01 02 00c4 0016 0003 0000")
	c := Protocol{}.New()
	var got []uint16
	for {
		n, m, err := c.Next(wire.Client, b, false)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		got = append(got, m.(Message).Head().Transaction)
		b = b[n:]
	}
	if d := cmp.Diff([]uint16{1, 2}, got); d != "" || len(b) != 4 {
		t.Errorf("%s, %d bytes left", d, len(b))
	}
}

func TestLost(t *testing.T) {
	for _, tt := range []struct {
		rtu     bool
		b       string
		skipped int
	}{
		{false, "0002 0000 0006 01 02 00c4 0016", 0},
		{false, "00 0102 0304 0002 0000 0006 01 03 00c4 0016 0003 0000 0006 01 03 0000 0001", 5},
		{false, "0000 0000 0000 0000 0006 0002 0000 0006 01 03 00c4 0016", 10},
		{true, "00 0102 0304 11 03 006b 0003 7687", 5},
	} {
		c := protocol(tt.rtu).New()
		c.Lost(wire.Client, -1)
		b, skipped := unhex(t, tt.b), 0
		for {
			n, m, err := c.Next(wire.Client, b, false)
			if err != nil || n == 0 {
				t.Fatalf("%s: at %d: took %d, error %v", tt.b, skipped, n, err)
			}
			if m != nil {
				break
			}
			skipped += n
			b = b[n:]
		}
		if skipped != tt.skipped {
			t.Errorf("%s: skipped %d, want %d", tt.b, skipped, tt.skipped)
		}
	}
}

// In service a frame with a wrong CRC is ignored, and unknown functions are read.
func TestRTUInService(t *testing.T) {
	c := RTU{}.New()
	c.(wire.Reuser).Reuse()
	if n, m, err := c.Next(wire.Client, unhex(t, "11 03 006b 0003 7688"), false); n != 8 || m != nil || err != nil {
		t.Errorf("wrong CRC: took %d, message %v, error %v", n, m, err)
	}
	want := &Raw{Header{Framing: RTUOverTCP, Unit: 17}, 0x5A, []byte{0, 2}}
	b, _ := want.Append(nil)
	n, m, err := c.Next(wire.Client, append(b, 1, 2), false)
	if d := cmp.Diff(wire.Message(want), m); n != len(b) || err != nil || d != "" {
		t.Errorf("took %d, error %v, %s", n, err, d)
	}
}

func TestMatch(t *testing.T) {
	read := func(transaction uint16, unit uint8, f Function, quantity uint16) wire.Message {
		return &ReadRequest{Header{Transaction: transaction, Unit: unit}, f, 0, quantity}
	}
	regs := func(transaction uint16, unit uint8, n int) wire.Message {
		return &ReadRegistersResponse{Header{Transaction: transaction, Unit: unit}, ReadHoldingRegisters, make([]byte, 2*n)}
	}
	open := []wire.Message{read(1, 1, ReadHoldingRegisters, 1), read(2, 1, ReadHoldingRegisters, 1), read(0, 1, ReadHoldingRegisters, 5), read(0, 1, ReadHoldingRegisters, 2), read(9, 7, ReadHoldingRegisters, 2)}
	for _, tt := range []struct {
		name  string
		reply wire.Message
		want  int
	}{
		{"by transaction", regs(2, 1, 1), 1},
		{"by size where transactions are alike", regs(0, 1, 2), 3},
		{"first in, first out", &Exception{Header{Unit: 1}, ReadHoldingRegisters, 2}, 2},
		{"another unit", regs(9, 1, 2), 4},
		{"another function", &Exception{Header{Transaction: 1, Unit: 1}, ReadCoils, 2}, -1},
		{"a refusal without the function", &Exception{Header{Transaction: 2, Unit: 1}, 0, GatewayTargetNoResponse}, 1},
		{"another transaction", regs(77, 1, 1), -1},
	} {
		if i, _ := (Protocol{}).New().Match(open, tt.reply); i != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, i, tt.want)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, m := range messages {
		f.Add(unhex(f, m.hex), bool(m.from), m.rtu, uint8(len(m.hex)/3))
	}
	f.Fuzz(func(t *testing.T, b []byte, from, rtu bool, cut uint8) {
		whole, parts := protocol(rtu).New(), protocol(rtu).New()
		rest := b
		for len(rest) > 0 {
			n, m, err := whole.Next(wire.Side(from), rest, true)
			if n < 0 || n > len(rest) || err != nil && (n != 0 || m != nil) {
				t.Fatalf("took %d of %d, message %v, error %v", n, len(rest), m, err)
			}
			if i := int(cut); i < n && m != nil {
				if k, early, err := parts.Next(wire.Side(from), rest[:i], false); k != 0 || early != nil || err != nil {
					t.Fatalf("first %d of %d bytes: took %d, message %v, error %v", i, n, k, early, err)
				}
			}
			if k, _, _ := parts.Next(wire.Side(from), rest, false); k != n {
				t.Fatalf("took %d bytes, before the end of the stream %d", n, k)
			}
			if m == nil {
				break
			}
			out, err := m.Append(nil)
			if err != nil || !bytes.Equal(out, rest[:n]) {
				t.Fatalf("%x decodes to %#v, which encodes to %x (error %v)", rest[:n], m, out, err)
			}
			wire.Key(m)
			wire.AppendJSON(nil, m)
			rest = rest[n:]
		}
		c := protocol(rtu).New()
		c.Lost(wire.Side(from), -1)
		for rest = b; len(rest) > 0; {
			n, _, err := c.Next(wire.Side(from), rest, true)
			if err != nil || n == 0 {
				break
			}
			rest = rest[n:]
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	request := unhex(b, "0003 0000 0006 ff 03 006b 0010")
	for _, reuse := range []bool{false, true} {
		b.Run(map[bool]string{false: "fresh", true: "in place"}[reuse], func(b *testing.B) {
			c := Protocol{}.New()
			if reuse {
				c.(wire.Reuser).Reuse()
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Next(wire.Client, request, false)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	m := &ReadRegistersResponse{Header{Transaction: 3, Unit: 0xFF}, ReadHoldingRegisters, make([]byte, 32)}
	buf := make([]byte, 0, 300)
	b.ReportAllocs()
	for b.Loop() {
		m.Append(buf)
	}
}
