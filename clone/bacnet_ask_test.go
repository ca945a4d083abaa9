package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakeBACnet is a device with a few objects, and with bad habits.
type fakeBACnet struct {
	objects int                              // analog inputs
	size    int                              // bytes of a segment; 0: it knows no segments
	endless bool                             // segments have no end
	refuses []bacnet.ConfirmedService        // with a Reject
	silent  []bacnet.ConfirmedService        // not answered
	list    func(n uint32) bacnet.Value      // elements of the object list; nil: as they are
	habit   func(n int, b [][]byte) [][]byte // changes what the n-th question is answered

	mu     sync.Mutex
	asked  []string
	left   []wire.Message // segments not sent
	last   *bacnet.ComplexAck
	port   profiles.Port
	values int
}

func (d *fakeBACnet) listen(t *testing.T) *fakeBACnet {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	d.port = profiles.Port{Number: uint16(pc.LocalAddr().(*net.UDPAddr).Port), UDP: true}
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, m, err := bacnet.Protocol{}.New().Next(wire.Client, b[:n], true)
			if err != nil {
				continue
			}
			for _, a := range d.answer(m) {
				pc.WriteTo(a, from)
			}
		}
	}()
	return d
}

func (d *fakeBACnet) answer(req wire.Message) (out [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, string(wire.AppendKey(nil, req)))
	for _, m := range d.reply(req) {
		b, err := m.Append(nil)
		if err != nil {
			panic(err)
		}
		out = append(out, b)
	}
	if d.habit != nil {
		out = d.habit(len(d.asked), out)
	}
	return out
}

func (d *fakeBACnet) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func (d *fakeBACnet) reply(req wire.Message) []wire.Message {
	switch q := req.(type) {
	case *bacnet.SegmentAck:
		if last := d.last; d.endless && last != nil {
			var out []wire.Message
			for i := range q.Window {
				more := *last
				more.More, more.Sequence = true, q.Sequence+1+i
				out = append(out, &more)
			}
			return out
		}
		n := min(len(d.left), int(q.Window))
		out := d.left[:n]
		d.left = d.left[n:]
		return out
	case *bacnet.LinkMessage:
		m := &bacnet.LinkMessage{Result: bacnet.ReadBroadcastTableNAK}
		return []wire.Message{m}
	case *bacnet.ConfirmedRequest:
		h := bacnet.Reply(&q.Header)
		if slices.Contains(d.silent, q.Service) {
			return nil
		}
		if slices.Contains(d.refuses, q.Service) {
			return []wire.Message{&bacnet.Reject{Header: h, InvokeID: q.InvokeID, Reason: bacnet.RejectUnrecognizedService}}
		}
		var ack bacnet.Parameters
		switch p := q.Parameters.(type) {
		case *bacnet.ReadPropertyRequest:
			v, pair := d.value(p.Object, p.Property, p.Index)
			if pair != nil {
				return []wire.Message{&bacnet.Error{Header: h, InvokeID: q.InvokeID, Service: q.Service, Parameters: pair}}
			}
			o := p.Object
			if o == bacnetAnyDevice {
				o = fakeDeviceID
			}
			ack = &bacnet.ReadPropertyAck{Object: o, Property: p.Property, Index: p.Index, Value: v}
		case *bacnet.ReadPropertyMultipleRequest:
			a := &bacnet.ReadPropertyMultipleAck{}
			for _, spec := range p.Objects {
				r := bacnet.ReadAccessResult{Object: spec.Object}
				for _, ref := range spec.Properties {
					list := []bacnet.PropertyID{ref.Property}
					if ref.Property == bacnet.PropAll {
						list = d.properties(spec.Object)
					}
					for _, p := range list {
						result := bacnet.ReadResult{Property: p, Index: ref.Index}
						if v, pair := d.value(spec.Object, p, ref.Index); pair != nil {
							result.Error = pair
						} else {
							result.Value = &v
						}
						r.Properties = append(r.Properties, result)
					}
				}
				a.Objects = append(a.Objects, r)
			}
			ack = a
		case *bacnet.ReadRangeRequest:
			const most = 7
			a := &bacnet.ReadRangeAck{Object: p.Object, Property: p.Property}
			for i := p.ByPosition.First; i <= 20 && a.Count < most && int32(a.Count) < p.ByPosition.Count; i++ {
				a.Items = bacnet.AppendUnsigned(a.Items, uint64(i))
				a.Count++
			}
			last := p.ByPosition.First+a.Count > 20
			a.Flags = bacnet.NewBitString([]bool{p.ByPosition.First == 1, last, !last})
			ack = a
		case *bacnet.EventInformationRequest:
			ack = &bacnet.EventInformationAck{Events: []bacnet.EventSummary{}}
		default:
			return []wire.Message{&bacnet.Reject{Header: h, InvokeID: q.InvokeID, Reason: bacnet.RejectUnrecognizedService}}
		}
		return d.result(q, h, ack)
	}
	return nil
}

// result is an answer, in segments where it is long.
func (d *fakeBACnet) result(q *bacnet.ConfirmedRequest, h bacnet.Header, p bacnet.Parameters) []wire.Message {
	whole := bacnet.AppendParameters(nil, p)
	switch {
	case d.size == 0 && len(whole) > 200:
		return []wire.Message{&bacnet.Abort{Header: h, Server: true, InvokeID: q.InvokeID, Reason: bacnet.AbortSegmentationNotSupported}}
	case d.size == 0 || len(whole) <= d.size:
		return []wire.Message{&bacnet.ComplexAck{Header: h, InvokeID: q.InvokeID, Service: q.Service, Parameters: p}}
	}
	d.left = nil
	for i := 0; len(whole) > 0; i++ {
		part := bacnet.Opaque(whole[:min(d.size, len(whole))])
		whole = whole[len(part):]
		d.left = append(d.left, &bacnet.ComplexAck{Header: h, Segmented: true, More: len(whole) > 0, InvokeID: q.InvokeID,
			Sequence: uint8(i), Window: 4, Service: q.Service, Parameters: &part})
	}
	first := d.left[0].(*bacnet.ComplexAck)
	d.last, d.left = first, d.left[1:]
	return []wire.Message{first}
}

var (
	fakeDeviceID = bacnet.Object(bacnet.ObjectDevice, 7)
	fakeLog      = bacnet.Object(bacnet.ObjectTrendLog, 1)
)

func (d *fakeBACnet) properties(o bacnet.ObjectID) []bacnet.PropertyID {
	list := []bacnet.PropertyID{bacnet.PropObjectIdentifier, bacnet.PropObjectName, bacnet.PropObjectType}
	switch o.Type() {
	case bacnet.ObjectDevice:
		return append(list, bacnet.PropObjectList, bacnet.PropMaxAPDULengthAccepted)
	case bacnet.ObjectAnalogInput:
		return append(list, bacnet.PropPresentValue, 9999)
	}
	return list
}

func (d *fakeBACnet) value(o bacnet.ObjectID, p bacnet.PropertyID, index *uint32) (bacnet.Value, *bacnet.ErrorPair) {
	if o == bacnetAnyDevice {
		o = fakeDeviceID
	}
	if o != fakeDeviceID && o != fakeLog && (o.Type() != bacnet.ObjectAnalogInput || int(o.Instance()) >= d.objects) {
		return nil, &bacnet.ErrorPair{Class: bacnet.ClassObject, Code: bacnet.CodeUnknownObject}
	}
	if p == bacnet.PropPropertyList {
		var v bacnet.Value
		for _, p := range d.properties(o)[3:] {
			v = bacnet.AppendEnumerated(v, uint64(p))
		}
		return v, nil
	}
	if !slices.Contains(d.properties(o), p) {
		return nil, &bacnet.ErrorPair{Class: bacnet.ClassProperty, Code: bacnet.CodeUnknownProperty}
	}
	var list []bacnet.ObjectID
	switch p {
	case bacnet.PropObjectIdentifier:
		return bacnet.AppendObject(nil, o), nil
	case bacnet.PropObjectName:
		return bacnet.AppendText(nil, "the "+o.String()), nil
	case bacnet.PropObjectType:
		return bacnet.AppendEnumerated(nil, uint64(o.Type())), nil
	case bacnet.PropMaxAPDULengthAccepted:
		return bacnet.AppendUnsigned(nil, 480), nil
	case bacnet.PropPresentValue:
		d.values++
		return bacnet.AppendReal(nil, uint32(0x42000000+d.values<<8)), nil
	case 9999:
		return bacnet.AppendText(nil, "ours"), nil
	case bacnet.PropObjectList:
		list = []bacnet.ObjectID{fakeDeviceID, fakeLog}
		for i := range d.objects {
			list = append(list, bacnet.Object(bacnet.ObjectAnalogInput, uint32(i)))
		}
	}
	switch {
	case d.list != nil && index == nil:
		return bytes.Repeat([]byte{0xc4, 0, 0, 0, 0}, 100), nil // too long for one answer
	case d.list != nil:
		return d.list(*index), nil
	case index == nil:
		var v bacnet.Value
		for _, o := range list {
			v = bacnet.AppendObject(v, o)
		}
		return v, nil
	case *index == 0:
		return bacnet.AppendUnsigned(nil, uint64(len(list))), nil
	case int(*index) > len(list):
		return nil, &bacnet.ErrorPair{Class: bacnet.ClassProperty, Code: bacnet.CodeInvalidArrayIndex}
	}
	return bacnet.AppendObject(nil, list[*index-1]), nil
}

// scanBACnet scans a fake device and gives what was learned of it: the lines of its values.
func scanBACnet(t *testing.T, d *fakeBACnet, s *BACnetScan, change func(*Visit)) (values string, evidence []byte, v *Visit, err error) {
	t.Helper()
	out := &bytes.Buffer{}
	v = NewVisit(netip.MustParseAddr("127.0.0.1"), "", quick, capture.NewTap(out, time.Now))
	v.Care.Slower, v.Care.Timeout = 1000, 60*time.Millisecond
	if change != nil {
		change(v)
	}
	s.Every = time.Millisecond
	err = s.Scan(t.Context(), v, d.port)
	v.Tap.Close()
	return learnedBACnet(t, exchangesOf(t, out.Bytes())), out.Bytes(), v, err
}

func learnedBACnet(t *testing.T, all []capture.Exchange) string {
	t.Helper()
	l := NewLearning(Source{ID: "c1"}, Options{})
	for _, x := range all {
		l.Add(&x)
	}
	bulk := map[string]*strings.Builder{}
	dev := &profiles.Device{}
	if err := l.Finish(&Output{dev, func(name string) (io.WriteCloser, error) {
		bulk[name] = &strings.Builder{}
		return bacnetBulk{bulk[name]}, nil
	}}); err != nil {
		t.Fatal(err)
	}
	if len(dev.Services) == 0 {
		return ""
	}
	if b := bulk[dev.Services[0].Section.(*profiles.BACnet).Values]; b != nil {
		return b.String()
	}
	return ""
}

// The same device is learned whole, whatever it knows of the services and however its answers come.
func TestScanBACnet(t *testing.T) {
	for name, d := range map[string]*fakeBACnet{
		"in segments":           {objects: 60, size: 100},
		"without segments":      {objects: 60},
		"without RPM":           {objects: 60, refuses: []bacnet.ConfirmedService{bacnet.ReadPropertyMultiple}},
		"silent to RPM":         {objects: 60, silent: []bacnet.ConfirmedService{bacnet.ReadPropertyMultiple}},
		"drops every third":     {objects: 60, size: 100, habit: everyThird},
		"says everything twice": {objects: 60, size: 100, habit: func(_ int, b [][]byte) [][]byte { return append(b, b...) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.listen(t)
			values, evidence, v, err := scanBACnet(t, d, &BACnetScan{Samples: 2}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range d.objects {
				for _, p := range []string{"object-name\ttext \"the analog-input,%d\"", "present-value\treal ", "9999\ttext \"ours\"", "object-type\tenum 0"} {
					line := fmt.Sprintf("analog-input,%d "+p, i, i)
					line, _, _ = strings.Cut(line, "%!(EXTRA")
					if !strings.Contains(values, "\n"+line) && !strings.HasPrefix(values, line) {
						t.Fatalf("%q is missing in\n%s", line, values)
					}
				}
			}
			log := "trend-log,1 log-buffer\t"
			for i := range 20 {
				log += fmt.Sprintf("unsigned %d ", i+1)
			}
			for _, line := range []string{"device,7 object-list[0]\tunsigned 62", "device,7 4194303\t!error property unknown-property",
				"analog-input,4194302 present-value\t!error object unknown-object", strings.TrimSpace(log)} {
				if !strings.Contains(values, line+"\n") {
					t.Errorf("%q is missing in\n%s", line, values)
				}
			}
			onlyReads(t, evidence)
			if len(v.Remarks()) == 0 {
				t.Error("nothing is remarked")
			}
		})
	}
}

func everyThird(n int, b [][]byte) [][]byte {
	if n%3 == 0 {
		return nil
	}
	return b
}

// onlyReads checks that nothing was said to the device but what the scan may say.
func onlyReads(t *testing.T, evidence []byte) {
	t.Helper()
	for _, x := range exchangesOf(t, evidence) {
		if x.Request == nil {
			continue
		}
		class, effect := wire.Class(x.Request)
		switch class {
		case "read property", "read property multiple", "read range", "atomic read file", "get alarm summary", "get event information",
			"who is", "who is router", "what is network number", "initialize routing table", "read broadcast table", "read foreign devices",
			"segment ack", "abort":
		default:
			t.Errorf("the scan said %q", class)
		}
		if m, ok := x.Request.(*bacnet.NetworkMessage); effect != wire.Read || ok && len(m.Ports) > 0 {
			t.Errorf("%q is a %v", class, effect)
		}
	}
}

// Lists without an end, and answers of another kind, end the scan in time.
func TestScanBACnetHostile(t *testing.T) {
	for name, d := range map[string]*fakeBACnet{
		"endless object list": {list: func(n uint32) bacnet.Value {
			if n == 0 {
				return bacnet.AppendUnsigned(nil, 1<<32-1)
			}
			return bacnet.AppendObject(nil, bacnet.Object(bacnet.ObjectAnalogInput, n))
		}},
		"the same object again and again": {list: func(n uint32) bacnet.Value {
			if n == 0 {
				return bacnet.AppendUnsigned(nil, 1<<32-1)
			}
			return bacnet.AppendObject(nil, fakeDeviceID)
		}},
		"endless segments": {objects: 2, size: 50, endless: true},
		"garbles": {objects: 2, habit: func(n int, b [][]byte) [][]byte {
			for _, x := range b {
				x[len(x)/2] ^= byte(n)
			}
			return b
		}},
		"says nothing": {habit: func(int, [][]byte) [][]byte { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.listen(t)
			begun := time.Now()
			_, evidence, v, err := scanBACnet(t, d, &BACnetScan{Objects: 50, Samples: 1}, nil)
			if err != nil && !errors.Is(err, ErrGone) {
				t.Fatal(err)
			}
			if n := len(d.questions()); n > 3000 || time.Since(begun) > time.Minute {
				t.Errorf("%d questions in %v", n, time.Since(begun))
			}
			onlyReads(t, evidence)
			if strings.HasPrefix(name, "endless") && !slices.ContainsFunc(v.Remarks(), func(r Remark) bool { return r.Kind == Suspicious }) {
				t.Errorf("nothing suspicious is remarked: %v", v.Remarks())
			}
		})
	}
}

// A scan that is resumed asks nothing twice that was answered, and comes to the same.
func TestScanBACnetResumes(t *testing.T) {
	t.Parallel()
	scan := func(ctx context.Context, d *fakeBACnet, m *Memory) ([]capture.Exchange, error) {
		out := &bytes.Buffer{}
		v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", quick, capture.NewTap(out, time.Now))
		v.Care.Slower, v.Care.Timeout, v.Memory = 1000, 60*time.Millisecond, m
		err := (&BACnetScan{Samples: 2, Every: time.Millisecond}).Scan(ctx, v, d.port)
		v.Tap.Close()
		return exchangesOf(t, out.Bytes()), err
	}
	whole := (&fakeBACnet{objects: 20, size: 100}).listen(t)
	all, err := scan(t.Context(), whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := learnedBACnet(t, all)
	asked := whole.questions()
	for _, after := range []int{3, 14, 30, len(asked) - 2} {
		ctx, cancel := context.WithCancel(t.Context())
		d := &fakeBACnet{objects: 20, size: 100}
		d.habit = func(n int, b [][]byte) [][]byte {
			if n == after {
				cancel()
			}
			return b
		}
		first, err := scan(ctx, d.listen(t), nil)
		if err == nil {
			t.Fatalf("after %d: not interrupted", after)
		}
		first = slices.DeleteFunc(first, func(x capture.Exchange) bool { return len(x.Replies) == 0 }) // as the journal does
		m := remembering(t, first)
		rest, err := scan(t.Context(), d, m)
		m.Close()
		if err != nil {
			t.Fatalf("after %d: %v", after, err)
		}
		// Present values move with every reading, and the question that was interrupted is asked once more.
		still := func(s string) string {
			return regexp.MustCompile(`(present-value\treal) .*`).ReplaceAllString(s, "$1")
		}
		if diff := cmp.Diff(still(want), still(learnedBACnet(t, append(first, rest...)))); diff != "" {
			t.Errorf("after %d: %s", after, diff)
		}
		if n := len(d.questions()); n > len(asked)+20 {
			t.Errorf("after %d: %d questions, want about %d", after, n, len(asked))
		}
		answered := map[string]int{}
		for _, x := range append(first, rest...) {
			if _, ack := x.Request.(*bacnet.SegmentAck); len(x.Replies) > 0 && !ack {
				answered[string(wire.AppendKey(nil, x.Request))]++
			}
		}
		for _, x := range all {
			if len(x.Replies) > 0 {
				answered[string(wire.AppendKey(nil, x.Request))]--
			}
		}
		for q, n := range answered {
			if n > 0 {
				t.Errorf("after %d: %q was answered %d times too often", after, q, n)
			}
		}
	}
}
