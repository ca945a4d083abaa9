package clone

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakeCPU answers S7 from memory, lists and blocks; odd changes how.
type fakeCPU struct {
	port   profiles.Port
	slots  []byte
	areas  map[s7Area][]byte
	lists  map[s7comm.SZLRequest][]byte
	blocks map[byte][]uint16
	pdu    int
	single bool // takes one item a job
	off    bool // lets memory not be read
	odd    func(n int, m wire.Message) fakeOddity

	mu    sync.Mutex
	asked []wire.Message
}

// A fakeOddity is what a device does instead of answering.
type fakeOddity struct {
	silent, hangUp bool
	wait           time.Duration
	say            []byte // instead of the answer
}

func newFakeCPU(t *testing.T) *fakeCPU {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	szl := func(id, index uint16, records ...string) []byte {
		z := s7comm.SZL{ID: id, Index: index, RecordLength: uint16(len(records[0])), Count: uint16(len(records)), Data: []byte(strings.Join(records, ""))}
		return z.Append(nil)
	}
	c := &fakeCPU{port: profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}, slots: []byte{2}, pdu: 240,
		areas: map[s7Area][]byte{
			{area: s7comm.AreaFlags}: make([]byte, 256), {area: s7comm.AreaInputs}: make([]byte, 128), {area: s7comm.AreaTimers}: make([]byte, 64),
			{s7comm.AreaDB, 1}: []byte("what is in data block 1, and it is odd"), {s7comm.AreaDB, 7}: bytes.Repeat([]byte("0123456789abcde"), 100),
		},
		lists: map[s7comm.SZLRequest][]byte{
			{}:                     szl(0, 0, "\x00\x00", "\x00\x11", "\x0F\x11", "\x01\x31", "\x04\x24"),
			{ID: 0x11}:             szl(0x11, 0, "\x00\x016ES7 315-2EH14-0AB0 \x00\xC0\x00\x03\x00\x01", "\x00\x07                    \x00\xC0V\x03\x02\x06"),
			{ID: 0x0F11}:           szl(0x0F11, 0, strings.Repeat("x", 28)),
			{ID: 0x0131, Index: 1}: szl(0x131, 1, "\x00\x01"+strings.Repeat("c", 38)),
			{ID: 0x0131, Index: 3}: szl(0x131, 3, "\x00\x03"+strings.Repeat("d", 38)),
			{ID: 0x0424}:           szl(0x424, 0, "\x51\x44\xFF\x08"+strings.Repeat("\x00", 16)),
			{ID: 0x00A0}:           szl(0xA0, 0, strings.Repeat("event              .", 30), strings.Repeat("event              .", 30)),
		},
		blocks: map[byte][]uint16{'8': {1}, 'A': {1, 7}},
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	return c
}

func (c *fakeCPU) serve(conn net.Conn) {
	defer conn.Close()
	codec := s7comm.Protocol{}.New()
	var pending []byte // of an answer in parts
	var b []byte
	in := make([]byte, 4096)
	for {
		n, m, err := codec.Next(wire.Client, b, false)
		if err != nil {
			return
		}
		if n == 0 {
			got, err := conn.Read(in)
			if err != nil {
				return
			}
			b = append(b, in[:got]...)
			continue
		}
		b = b[n:]
		c.mu.Lock()
		c.asked = append(c.asked, m)
		var o fakeOddity
		if c.odd != nil {
			o = c.odd(len(c.asked), m)
		}
		reply := c.answer(m, &pending)
		c.mu.Unlock()
		time.Sleep(o.wait)
		if o.hangUp {
			conn.(*net.TCPConn).SetLinger(0)
			return
		}
		if o.silent {
			continue
		}
		said := o.say
		if said == nil {
			if said, err = reply.Append(nil); err != nil {
				panic(err)
			}
		}
		if _, err := conn.Write(said); err != nil {
			return
		}
	}
}

func (c *fakeCPU) answer(m wire.Message, pending *[]byte) wire.Message {
	switch q := m.(type) {
	case *s7comm.ConnectRequest:
		if t := q.CalledTSAP(); len(t) != 2 || !slices.Contains(c.slots, t[1]) {
			return &s7comm.Disconnect{DestinationReference: q.SourceReference, Reason: 3}
		}
		return q.Confirm(7, 1024, false)
	case *s7comm.SetupCommunication:
		return &s7comm.SetupCommunicationReply{Header: q.Header, MaxAmQCalling: 1, MaxAmQCalled: 1, PDULength: uint16(min(c.pdu, int(q.PDULength)))}
	case *s7comm.ReadVar:
		return c.read(q)
	case *s7comm.Userdata:
		return c.userdata(q, pending)
	case *s7comm.StartUpload:
		var n int
		fmt.Sscanf(q.Filename[3:8], "%d", &n)
		if !slices.Contains(c.blocks[q.Filename[2]], uint16(n)) {
			return &s7comm.AckData{Header: q.Header, Result: s7comm.Result{ErrorClass: 0xD2, ErrorCode: 9}}
		}
		*pending = nil
		return &s7comm.StartUploadReply{Header: q.Header, Unknown: 0x100, UploadID: 9, Length: "0000300"}
	case *s7comm.Upload:
		*pending = append(*pending, 'x')
		return &s7comm.UploadReply{Header: q.Header, Status: uint8(len(*pending) % 2), Unknown: 0xFB, Part: bytes.Repeat([]byte{byte(len(*pending))}, 150)}
	case *s7comm.EndUpload:
		*pending = nil
		return &s7comm.AckData{Header: q.Header, Parameter: []byte{s7comm.FuncEndUpload}}
	}
	panic(fmt.Sprintf("asked %T", m))
}

func (c *fakeCPU) read(q *s7comm.ReadVar) wire.Message {
	if c.off || c.single && len(q.Items) > 1 {
		return &s7comm.AckData{Header: q.Header, Result: s7comm.Result{ErrorClass: 0x81, ErrorCode: 4}}
	}
	r := &s7comm.ReadVarReply{Header: q.Header}
	size := 14
	for i := range q.Items {
		it := &q.Items[i]
		memory, there := c.areas[areaOf(it.Area, it.DB)]
		offset, n, _ := it.Span()
		v := s7comm.Value{ReturnCode: s7comm.CodeOutOfRange}
		switch {
		case !there:
			v.ReturnCode = s7comm.CodeNotExisting
		case offset+n <= len(memory):
			v = s7comm.Bytes(it.ValueSize(), memory[offset:offset+n])
		}
		r.Values = append(r.Values, v)
		size += 4 + (len(v.Data)+1)&^1
	}
	if size > c.pdu {
		return &s7comm.AckData{Header: q.Header, Result: s7comm.Result{ErrorClass: 0x85}}
	}
	return r
}

func (c *fakeCPU) userdata(q *s7comm.Userdata, pending *[]byte) wire.Message {
	r := &s7comm.UserdataReply{Header: q.Header, Function: q.Function, Sequence: 1, Envelope: s7comm.Envelope{ReturnCode: 0x0A}}
	var data []byte
	switch {
	case q.Continues():
		data, r.DataUnitReference = *pending, 5
	case q.SZL != nil:
		data = c.lists[*q.SZL]
		r.Error = 0xD401
	case q.Group == s7comm.GroupTime:
		clock := s7comm.ClockAt(time.Now())
		r.Clock, r.Envelope = &clock, s7comm.Envelope{ReturnCode: 0xFF, TransportSize: 9, Length: 10}
		return r
	case q.Subfunction == s7comm.BlockList:
		for _, t := range profiles.BlockTypes {
			data = append(data, '0', t.Code, 0, byte(len(c.blocks[t.Code])))
		}
	case q.Subfunction == s7comm.BlockListOfType:
		for _, n := range c.blocks[q.Data[1]] {
			data = append(data, byte(n>>8), byte(n), 0x22, 1)
		}
		r.Error = 0xD20E
	case q.Subfunction == s7comm.BlockInfo:
		var n int
		fmt.Sscanf(string(q.Data[2:7]), "%d", &n)
		if slices.Contains(c.blocks[q.Data[1]], uint16(n)) {
			size := len(c.areas[s7Area{s7comm.AreaDB, uint16(n)}])
			data = make([]byte, 78)
			data[s7InfoSize], data[s7InfoSize+1] = byte(size>>8), byte(size)
		}
		r.Error = 0xD209
	}
	if data == nil {
		return r
	}
	part := c.pdu - 26
	if len(data) > part {
		*pending = data[part:]
		data, r.More, r.DataUnitReference = data[:part], 1, 5
	}
	r.Error, r.Data, r.Envelope = 0, data, s7comm.Envelope{ReturnCode: 0xFF, TransportSize: 9, Length: uint16(len(data))}
	return r
}
