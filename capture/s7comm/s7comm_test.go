package s7comm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"ringer/capture/wire"
)

// messages are whole messages in hex, with what they must be read as. Most are from the captures.
var messages = []struct {
	name, hex string
	want      wire.Message
}{
	{"connect request", "0300001611e00000000a00c1020100c2020102c0010a", &ConnectRequest{0, 10, Connection{
		Parameters: []Parameter{{ParamCallingTSAP, []byte{1, 0}}, {ParamCalledTSAP, []byte{1, 2}}, {ParamTPDUSize, []byte{10}}}}}},
	{"connect confirm", "0300001611d0000a000300c0010ac1020100c2020102", &ConnectConfirm{10, 3, Connection{
		Parameters: []Parameter{{ParamTPDUSize, []byte{10}}, {ParamCallingTSAP, []byte{1, 0}}, {ParamCalledTSAP, []byte{1, 2}}}}}},
	{"connect request with unknown parameter and user data", "0300001109e00000000140870155aabbcc", &ConnectRequest{0, 1, Connection{
		ClassOption: 0x40, Rest: nil, Parameters: []Parameter{{0x87, []byte{0x55}}}, Data: []byte{0xaa, 0xbb, 0xcc}}}},
	{"connect request with broken parameter", "0300000e09e00000000100c205 01", nil},
	{"disconnect", "0300000b0680000a000003", nil},
	{"disconnect request with data", "0300000d06800001000280aabb", &Disconnect{DestinationReference: 1, SourceReference: 2, Reason: 0x80, Data: []byte{0xaa, 0xbb}}},
	{"disconnect confirm", "0300000a05c000010002", &DisconnectConfirm{DestinationReference: 1, SourceReference: 2}},
	{"TPDU error", "0300000d08700001 02c1020100", &TPDUError{DestinationReference: 1, Cause: 2, Rest: []byte{0xc1, 2, 1, 0}}},
	{"expedited data", "0300000a0410000180aa", &OtherTPDU{Code: 0x10, Head: []byte{0, 1, 0x80}, Data: []byte{0xaa}}},
	{"setup communication", "0300001902f08032010000020000080000f0000001000101e0", &SetupCommunication{
		Header: Header{Reference: 0x200}, MaxAmQCalling: 1, MaxAmQCalled: 1, PDULength: 480}},
	{"setup communication in two TPDUs, the first empty", "0300000702f0000300001902f08032010000020000080000f0000001000101e0", &SetupCommunication{
		Header:        Header{Reference: 0x200, Carriage: Carriage{[]TPDU{{}, {Size: 18}}}},
		MaxAmQCalling: 1, MaxAmQCalled: 1, PDULength: 480}},
	{"setup communication cut in the middle", "0300000b02f000320100000300001502f081020000080000f0000001000101e0", &SetupCommunication{
		Header:        Header{Reference: 0x200, Carriage: Carriage{[]TPDU{{Size: 4}, {Size: 14, Number: 1}}}},
		MaxAmQCalling: 1, MaxAmQCalled: 1, PDULength: 480}},
	{"setup communication reply", "0300001b02f080320300000200000800000000f0000001000100f0", &SetupCommunicationReply{
		Header: Header{Reference: 0x200}, MaxAmQCalling: 1, MaxAmQCalled: 1, PDULength: 240}},
	{"read DB bit and word", "0300002b02f080320100000009001a00000402120a10010001001984000003120a10040002001884000008", &ReadVar{Header: Header{Reference: 9},
		Items: []Item{{Syntax: SyntaxAny, TransportSize: SizeBit, Count: 1, DB: 25, Area: AreaDB, Address: 3}, {Syntax: SyntaxAny, TransportSize: SizeWord, Count: 2, DB: 24, Area: AreaDB, Address: 8}}}},
	{"read reply with fill byte", "0300002002f0803203000000090002000b00000402ff04000801 00ff04000802", &ReadVarReply{Header: Header{Reference: 9},
		Values: []Value{{CodeSuccess, DataWord, 8, []byte{1}, 0}, {CodeSuccess, DataWord, 8, []byte{2}, 0}}}},
	{"read reply with a refusal that has a length, and with anything as fill byte", "0300002802f0803203000000070002001300000404ff0400084f80050000040a000004ff0400080f", &ReadVarReply{Header: Header{Reference: 7},
		Values: []Value{{CodeSuccess, DataWord, 8, []byte{0x4f}, 0x80}, {CodeOutOfRange, 0, 4, nil, 0}, {CodeNotExisting, 0, 4, nil, 0}, {CodeSuccess, DataWord, 8, []byte{0x0f}, 0}}}},
	{"read reply with refusal", "0300001d02f08032030000000900020008000004020a000000ff030001", nil},
	{"read DBREAD items", "0300002602f0803201000011000015000004011211b00302007c003c04008b019402008c006c", &ReadVar{Header: Header{Reference: 0x1100},
		Items: []Item{{Syntax: SyntaxDBRead, Ranges: []DBRange{{2, 124, 60}, {4, 139, 404}, {2, 140, 108}}}}}},
	{"read NCK", "0300001d02f08032010000000100 0c0000040112088241000100027f01", &ReadVar{Header: Header{Reference: 1},
		Items: []Item{{Syntax: SyntaxNCK, NCK: &NCK{0x41, 1, 2, 0x7f, 1}}}}},
	{"read two odd items, filled", "0300002402f080320100000001001400000402 1207b0010100010002 00 1206b2ffaabbccdd", nil},
	{"write bit", "0300002402f080320100000001000e00050501120a1001000103e8840000050003000100", &WriteVar{Header: Header{Reference: 1},
		Items:  []Item{{Syntax: SyntaxAny, TransportSize: SizeBit, Count: 1, DB: 1000, Area: AreaDB, Address: 5}},
		Values: []Value{{0, DataBit, 1, []byte{0}, 0}}}},
	{"write reply", "0300001702f0803203000000010002000200000502ff0a", &WriteVarReply{Header: Header{Reference: 1}, ReturnCodes: []byte{CodeSuccess, CodeNotExisting}}},
	{"job with error reply", "0300001302f080320300000001000000008104", &AckData{Header: Header{Reference: 1}, Result: Result{0x81, 4}}},
	{"ack", "0300001402f08032020000001e0001000000 0028", &Ack{Header: Header{Reference: 0x1e}, Parameter: []byte{0x28}}},
	{"start upload", "0300002302f080320100000800001200001d00000000000000095f3042303030303041", &StartUpload{Header: Header{Reference: 0x800}, Filename: "_0B00000A"}},
	{"start upload reply", "0300002302f0803203000008000010000000001d000100000000070730303030323136", &StartUploadReply{Header: Header{Reference: 0x800}, Unknown: 0x100, UploadID: 7, Length: "0000216"}},
	{"upload", "0300001902f080320100000900000800001e00000000000007", &Upload{Header: Header{Reference: 0x900}, UploadID: 7}},
	{"upload reply", "0300001b02f080320300000900000200060000 1e00 000200fb7070", &UploadReply{Header: Header{Reference: 0x900}, Unknown: 0xfb, Part: []byte{0x70, 0x70}}},
	{"end upload", "0300001902f080320100000a00000800001f00000000000007", &EndUpload{Header: Header{Reference: 0xa00}, UploadID: 7}},
	{"end upload reply", "0300001402f080320300000a000001000000001f", &AckData{Header: Header{Reference: 0xa00}, Parameter: []byte{0x1f}}},
	{"request download", "0300003102f08032010000010000200000 1a00010000000000095f30413030303031500d31303030313432303030303330", &RequestDownload{
		Header: Header{Reference: 0x100}, Transfer: Transfer{Unknown: 0x100}, Filename: "_0A00001P", Lengths: "1000142000030"}},
	{"download block", "0300002302f08032010000010000120000 1b00000000000000095f3041303030303150", &DownloadBlock{Header: Header{Reference: 0x100}, Filename: "_0A00001P"}},
	{"end download", "0300002302f08032010000010000120000 1c00000000000000095f3041303030303150", &EndDownload{Header: Header{Reference: 0x100}, Filename: "_0A00001P"}},
	{"start the CPU warm", "0300002502f0803201000000050014000028000000000000fd000009505f50524f4752414d", &PLCControl{
		Header: Header{Reference: 5}, Unknown: []byte{0, 0, 0, 0, 0, 0, 0xfd}, Service: "P_PROGRAM"}},
	{"start the CPU cold", "0300002702f0803201000000050016000028000000000000fd0002432009505f50524f4752414d", &PLCControl{
		Header: Header{Reference: 5}, Unknown: []byte{0, 0, 0, 0, 0, 0, 0xfd}, Argument: []byte("C "), Service: "P_PROGRAM"}},
	{"stop the CPU", "0300002102f080320100001c000010000029000000000009505f50524f4752414d", &PLCStop{Header: Header{Reference: 0x1c00}, Unknown: make([]byte, 5), Service: "P_PROGRAM"}},
	{"unknown function", "0300001402f0803201000000070003000055aabb", &Job{Header: Header{Reference: 7}, Parameter: []byte{0x55, 0xaa, 0xbb}}},
	{"read szl", "0300002102f080320700000100000800080001120411440100ff09000400110000", &Userdata{Header: Header{Reference: 0x100}, Function: Function{GroupCPU, CPUReadSZL},
		Envelope: Envelope{0xff, 9, 4}, SZL: &SZLRequest{ID: 0x11}}},
	{"read szl, next part", "0300002102f080320700000500000c0004000112081244010100000000 0a000000", &Userdata{Header: Header{Reference: 0x500}, Function: Function{GroupCPU, CPUReadSZL},
		Sequence: 1, Next: &Continuation{}, Envelope: Envelope{ReturnCode: 0x0a}}},
	{"read szl refused", "0300002102f080320700000c00000c000400011208128401010000d4020a000000", &UserdataReply{Header: Header{Reference: 0xc00}, Function: Function{GroupCPU, CPUReadSZL},
		Sequence: 1, Continuation: Continuation{Error: 0xd402}, Envelope: Envelope{ReturnCode: 0x0a}}},
	{"szl, first part", "0300002502f080320700000300000c0008000112081284010103010000ff09000401320004", &UserdataReply{Header: Header{Reference: 0x300}, Function: Function{GroupCPU, CPUReadSZL},
		Sequence: 1, Continuation: Continuation{DataUnitReference: 3, More: 1}, Envelope: Envelope{0xff, 9, 4}, Data: []byte{1, 0x32, 0, 4}}},
	{"clock", "0300002b02f080320700003300000c000e000112081287010200000000ff09000a00191408201205361124", &UserdataReply{Header: Header{Reference: 0x3300}, Function: Function{GroupTime, TimeRead},
		Sequence: 2, Envelope: Envelope{0xff, 9, 10}, Clock: &Clock{0, [9]byte{0x19, 0x14, 8, 0x20, 0x12, 5, 0x36, 0x11, 0x24}}}},
	{"cyclic data", "0300003202f080320700000000000c0015000112081202050300000000ff0900110001ff09000bff000000000000ff000000", &UserdataPush{Function: Function{GroupCyclic, CyclicMemory},
		Sequence: 3, Parts: &Continuation{}, Envelope: Envelope{0xff, 9, 17}, Data: mustHex("0001ff09000bff000000000000ff000000")}},
	{"alarm, short head", "0300001e02f080320700000000000800050001120411040500ff09000194", nil},
	{"userdata with odd head", "0300001b02f0803207000000010006000400011202114301 0a000000", &Unknown{Payload: mustHex("32070000000100060004000112021143010a000000")}},
	{"header that lies", "0300001302f080320100000001ff0000000401", nil},
	{"empty data TPDU", "0300000702f080", &Unknown{}},
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// fixed is the hex of a message with the TPKT length set right, so that the table can be read.
func fixed(s string) []byte {
	b := mustHex(s)
	if int(b[2])<<8|int(b[3]) > len(b) || b[4] == 2 && b[6]&0x80 != 0 {
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
	}
	return b
}

func TestMessages(t *testing.T) {
	for _, x := range messages {
		t.Run(x.name, func(t *testing.T) {
			b := fixed(x.hex)
			n, m, err := (&Conn{}).Next(wire.Client, b, false)
			if err != nil || n != len(b) {
				t.Fatalf("Next took %d of %d bytes: %v", n, len(b), err)
			}
			if x.want != nil && !reflect.DeepEqual(show(m), show(x.want)) {
				t.Errorf("read\n%s\nwant\n%s", show(m), show(x.want))
			}
			if x.want == nil {
				if _, ok := m.(*Unknown); ok && x.name != "header that lies" {
					t.Errorf("read as unknown: %s", show(m))
				}
			}
			again, err := m.Append(nil)
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("written again as\n%x\nwant\n%x\n%v", again, b, err)
			}
			for cut := range b {
				if n, m, err := (&Conn{}).Next(wire.Client, b[:cut], false); n != 0 || m != nil || err != nil {
					t.Fatalf("%d of %d bytes: n %d, %v, %v", cut, len(b), n, m, err)
				}
			}
		})
	}
}

func show(m wire.Message) string { return string(wire.AppendJSON(nil, m)) }

func TestReuseReadsTheSame(t *testing.T) {
	c := &Conn{}
	c.Reuse()
	for _, x := range messages {
		b := fixed(x.hex)
		n, m, err := c.Next(wire.Client, b, false)
		if err != nil || n != len(b) {
			t.Fatalf("%s: took %d of %d bytes: %v", x.name, n, len(b), err)
		}
		_, plain, _ := (&Conn{}).Next(wire.Client, b, false)
		if wire.Key(m) != wire.Key(plain) {
			t.Errorf("%s: key\n%q\nwant\n%q", x.name, wire.Key(m), wire.Key(plain))
		}
	}
}

func TestOthersOnThePort(t *testing.T) {
	for _, x := range []struct {
		hex  string
		want error
	}{
		{"0300000d02f08072010000", ErrPlus},
		{"0300000a02f0800d0102", ErrMMS},
		{"0300000702f0000300000a02f080720102", ErrPlus},
	} {
		b := fixed(x.hex)
		if n, m, err := (&Conn{}).Next(wire.Client, b, false); !errors.Is(err, x.want) || n != 0 || m != nil {
			t.Errorf("%s: %d, %v, %v; want %v", x.hex, n, m, err, x.want)
		}
	}
	for _, s := range []string{"474554", "0300000302", "0200001611", "0300001611a0000000", "03000016ff", "0300000802f0805531"} {
		if n, m, err := (&Conn{}).Next(wire.Client, mustHex(s), false); err == nil {
			t.Errorf("%s: taken for ours: %d, %v", s, n, m)
		}
	}
}

func TestEmptyTPDUBeforeTheEnd(t *testing.T) {
	b := mustHex("0300000702f000")
	if n, m, err := (&Conn{}).Next(wire.Client, b, true); n != len(b) || m != nil || err != nil {
		t.Errorf("took %d: %v, %v", n, m, err)
	}
}

func TestResynchronise(t *testing.T) {
	whole := fixed("0300001902f08032010000020000080000f0000001000101e0")
	for cut := range whole {
		c := &Conn{}
		c.Lost(wire.Client, -1)
		b := append(append([]byte(nil), whole[cut:]...), whole...)
		var got []wire.Message
		for len(b) > 0 {
			n, m, err := c.Next(wire.Client, b, true)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if n == 0 {
				break
			}
			if m != nil {
				got = append(got, m)
			}
			b = b[n:]
		}
		want := 1
		if cut == 0 {
			want = 2
		}
		if len(got) != want {
			t.Errorf("cut at %d: %d messages, want %d", cut, len(got), want)
		}
	}
}

func TestMatch(t *testing.T) {
	read := func(s string) wire.Message {
		_, m, err := (&Conn{}).Next(wire.Client, fixed(s), false)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	c := &Conn{}
	connect, setup := read(messages[0].hex), read("0300001902f08032010000020000080000f0000001000101e0")
	part := read("0300001b02f080320300000200000200060000 1b01 000200fb7070") // the client's answer to a job of the controller
	open := []wire.Message{connect, setup, read("0300002102f080320700000100000800080001120411440100ff09000400110000"), part}
	for _, x := range []struct {
		reply string
		want  int
	}{
		{messages[1].hex, 0},
		{"0300001b02f080320300000200000800000000f0000001000100f0", 1},
		{"0300002102f080320700000100000c000400011208128401010000d4020a000000", 2},
		{"0300002102f080320700000900000c000400011208128401010000d4020a000000", -1},
		{"0300003202f080320700000200000c0015000112081202050300000000ff0900110001ff09000bff000000000000ff000000", -1},
		{"0300002302f080320100000200001200001b00000000000000095f3041303030303150", 3},
	} {
		if i, last := c.Match(open, read(x.reply)); i != x.want || !last {
			t.Errorf("%s: answers %d, last %v; want %d", x.reply, i, last, x.want)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, x := range messages {
		f.Add(fixed(x.hex), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, lost bool) {
		c, hot := &Conn{}, &Conn{}
		hot.Reuse()
		if lost {
			c.Lost(wire.Client, 1)
			hot.Lost(wire.Client, 1)
		}
		n, m, err := c.Next(wire.Client, b, false)
		if n < 0 || n > len(b) || err != nil && n != 0 || m != nil && n == 0 {
			t.Fatalf("n %d of %d, %v, %v", n, len(b), m, err)
		}
		hn, hm, herr := hot.Next(wire.Client, b, false)
		if hn != n || (hm == nil) != (m == nil) || (herr == nil) != (err == nil) {
			t.Fatalf("with reuse: n %d, %v, %v; without: %d, %v, %v", hn, hm, herr, n, m, err)
		}
		if m == nil {
			return
		}
		again, err := m.Append(nil)
		if err != nil || !bytes.Equal(again, b[:n]) {
			t.Fatalf("%s\nwritten as %x (%v)\nread from %x", show(m), again, err, b[:n])
		}
		wire.Key(m)
		wire.Class(m)
		for cut := range n {
			if !lost {
				if k, m, err := (&Conn{}).Next(wire.Client, b[:cut], false); k != 0 || m != nil || err != nil {
					t.Fatalf("%d of %d bytes: n %d, %v, %v", cut, n, k, m, err)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"read DB bit and word", "write bit", "read szl"} {
		for _, x := range messages {
			if x.name != name {
				continue
			}
			raw := fixed(x.hex)
			b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
				c := &Conn{}
				c.Reuse()
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := c.Next(wire.Client, raw, false); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEncodeReadReply(b *testing.B) {
	m := &ReadVarReply{Values: []Value{Bytes(DataWord, make([]byte, 64))}}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = m.Append(buf[:0])
	}
}
