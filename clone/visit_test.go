package clone

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakeDevice answers Modbus frames by a function; no answer: silence; nil: it hangs up.
type fakeDevice struct {
	port  profiles.Port
	asked chan []byte
}

func newFakeDevice(t *testing.T, answer func(n int, frame []byte) ([]byte, bool)) *fakeDevice {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := &fakeDevice{port: profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}, asked: make(chan []byte, 1000)}
	go func() {
		n := 0
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 12)
			for {
				if _, err := io.ReadFull(c, b); err != nil {
					break
				}
				d.asked <- bytes.Clone(b)
				n++
				a, stay := answer(n, b)
				c.Write(a)
				if !stay {
					break
				}
			}
			c.Close()
		}
	}()
	return d
}

// holding answers reads of holding registers with the address as value.
func holding(b []byte) []byte {
	n := int(b[11])
	a := []byte{b[0], b[1], 0, 0, 0, byte(3 + 2*n), b[6], b[7], byte(2 * n)}
	for i := range n {
		v := int(b[8])<<8 + int(b[9]) + i
		a = append(a, byte(v>>8), byte(v))
	}
	return a
}

func readHolding(id uint16, address uint16) wire.Message {
	b := []byte{byte(id >> 8), byte(id), 0, 0, 0, 6, 1, 3, byte(address >> 8), byte(address), 0, 2}
	_, m, err := modbus.Protocol{}.New().Next(wire.Client, b, false)
	if err != nil {
		panic(err)
	}
	return m
}

var quick = Care{Name: "test", Connections: 1, Timeout: 150 * time.Millisecond, Again: 1, Silences: 3, Slower: 10, Bytes: 1 << 20, Time: time.Minute}

// visiting gives a visit of a device here, and what it taught when it is over.
func visiting(t *testing.T) (*Visit, func() []capture.Exchange, *bytes.Buffer) {
	evidence := &bytes.Buffer{}
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", quick, capture.NewTap(evidence, time.Now))
	return v, func() []capture.Exchange {
		v.Tap.Close()
		return exchangesOf(t, evidence.Bytes())
	}, evidence
}

// scanOnly scans without looking first, and gives what was said.
func scanOnly(t *testing.T, s Scanner, port profiles.Port, change func(*Visit)) (*Visit, []byte, error) {
	t.Helper()
	evidence := &bytes.Buffer{}
	care := quick
	care.Bytes = 64 << 20
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", care, capture.NewTap(evidence, time.Now))
	if change != nil {
		change(v)
	}
	err := s.Scan(t.Context(), v, port)
	v.Tap.Close()
	return v, evidence.Bytes(), err
}

func exchangesOf(t testing.TB, b []byte) []capture.Exchange { return exchangesWith(t, b, nil) }

// exchangesWith reads what is encrypted, too.
func exchangesWith(t testing.TB, b []byte, keys *capture.Keys) (all []capture.Exchange) {
	t.Helper()
	for x, err := range capture.Exchanges(bytes.NewReader(b), capture.Options{Keys: keys}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// learnedFrom is the section of one kind that exchanges teach, and the files of the profile.
func learnedFrom[S profiles.Section](t testing.TB, all []capture.Exchange, opt Options) (section S, files bulk) {
	t.Helper()
	dev, files := &profiles.Device{ID: "d"}, bulk{}
	err := Learn(dev, func(yield func(capture.Exchange, error) bool) {
		for _, x := range all {
			if !yield(x, nil) {
				return
			}
		}
	}, Source{ID: "c1"}, opt, func(name string) (io.WriteCloser, error) {
		files[name] = &bytes.Buffer{}
		return bulkFile{files[name]}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range dev.Services {
		if section, ok := s.Section.(S); ok {
			return section, files
		}
	}
	t.Fatal("nothing was learned")
	return section, files
}

func TestTalkAsks(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) { return holding(b), true })
	v, exchanges, _ := visiting(t)
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	for i := range uint16(3) {
		replies, err := k.ask(t.Context(), readHolding(i, 100*i))
		if err != nil || len(replies) != 1 {
			t.Fatal(replies, err)
		}
	}
	k.close()
	all := exchanges()
	if len(all) != 3 || len(all[2].Replies) != 1 || all[2].Latency <= 0 || all[2].Lost {
		t.Fatalf("exchanges %+v", all)
	}
	if tally := v.Tallies(); tally[0].Asked != 3 || tally[0].Answered != 3 {
		t.Errorf("tally %+v", tally)
	}
}

func TestLineRefusesWrites(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) { return b, true })
	v, exchanges, _ := visiting(t)
	l, err := v.dial(t.Context(), modbus.Protocol{}, d.port, nil, false, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{
		"\x00\x01\x00\x00\x00\x06\x01\x06\x00\x00\x00\x01", // write single register
		"\x00\x01\x00\x00\x00\x06\x01\x08\x00\x01\x00\x00", // restart communications
		"\x00\x01\x00\x00\x00\x06\x01\x5a\x00\x00\x00\x00", // a function of the vendor
		"not Modbus at all",
	} {
		if _, err := l.Write([]byte(b)); err == nil || !strings.Contains(err.Error(), "refusing") {
			t.Errorf("%q: %v", b, err)
		}
		l.out = nil
	}
	l.Close()
	if n := len(d.asked); n != 0 || len(exchanges()) != 0 {
		t.Errorf("%d questions went out", n)
	}
}

// A question that had no answer is asked again; whichever asking is answered, it counts once.
func TestTalkAsksAgain(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) {
		if n%3 == 0 {
			return []byte{}, true
		}
		return holding(b), true
	})
	v, exchanges, _ := visiting(t)
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	for i := range uint16(6) {
		if _, err := k.ask(t.Context(), readHolding(i, i)); err != nil {
			t.Fatal(i, err)
		}
	}
	k.close()
	all := exchanges()
	if len(all) != 6 {
		t.Fatalf("%d exchanges of 6 questions", len(all))
	}
	for i, x := range all {
		if len(x.Replies) != 1 {
			t.Errorf("exchange %d has no reply", i)
		}
	}
	if n := len(d.asked); n != 8 {
		t.Errorf("%d questions went out, want 8", n)
	}
}

// A device that is silent to some questions is alive; one that is silent to all is gone.
func TestTalkTellsSilenceFromDeath(t *testing.T) {
	dead := false
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) {
		if b[8] == 9 || dead {
			return []byte{}, true
		}
		return holding(b), true
	})
	v, _, _ := visiting(t)
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	defer k.close()
	if _, err := k.ask(t.Context(), readHolding(1, 0)); err != nil {
		t.Fatal(err)
	}
	for i := range uint16(4) {
		if _, err := k.ask(t.Context(), readHolding(2+i, 0x900+i)); !errors.Is(err, ErrSilent) {
			t.Fatal(i, err)
		}
	}
	if _, err := k.ask(t.Context(), readHolding(9, 1)); err != nil {
		t.Fatal(err)
	}
	dead = true
	var err error
	for i := range uint16(3) {
		if _, err = k.ask(t.Context(), readHolding(10+i, i)); err == nil {
			t.Fatal("a dead device answers")
		}
	}
	if !errors.Is(err, ErrGone) {
		t.Errorf("%v, want gone", err)
	}
}

func TestTalkWithADeviceThatHangsUp(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) { return nil, false })
	v, exchanges, _ := visiting(t)
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	var err error
	for i := range uint16(hangUps) {
		_, err = k.ask(t.Context(), readHolding(i, i))
	}
	if !errors.Is(err, ErrGone) {
		t.Errorf("%v, want gone", err)
	}
	for _, x := range exchanges() {
		if !x.Lost {
			t.Errorf("a connection that was cut counts as silence: %+v", x)
		}
	}
}

// remembering is the memory of what was asked before.
func remembering(t testing.TB, asked []capture.Exchange) *Memory {
	t.Helper()
	m, err := NewMemory(func(yield func(capture.Exchange, error) bool) {
		for _, x := range asked {
			if !yield(x, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What an interrupted scan knows is not asked again.
func TestMemoryAnswers(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) { return holding(b), true })
	v, _, evidence := visiting(t)
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	for i := range uint16(3) {
		if _, err := k.ask(t.Context(), readHolding(i, 100*i)); err != nil {
			t.Fatal(err)
		}
	}
	m := remembering(t, exchangesOf(t, evidence.Bytes()))
	defer m.Close()
	k.close()
	v, _, _ = visiting(t)
	v.Memory = m
	k = v.talk(modbus.Protocol{}, d.port, talkOptions{})
	defer k.close()
	for i := range uint16(5) {
		replies, err := k.ask(t.Context(), readHolding(77+i, 100*i))
		if err != nil {
			t.Fatal(i, err)
		}
		got, _ := replies[0].Append(nil)
		if want := holding([]byte{0, 77 + byte(i), 0, 0, 0, 6, 1, 3, byte(100 * i >> 8), byte(100 * i), 0, 2}); !bytes.Equal(got, want) {
			t.Errorf("%d: %x, want %x", i, got, want)
		}
	}
	if n := len(d.asked); n != 5 {
		t.Errorf("%d questions were asked in both, want 3 and 2", n)
	}
	if tally := v.Tallies()[0]; tally.Known != 3 || tally.Asked != 2 {
		t.Errorf("tally %+v", tally)
	}
}

func TestVisitStops(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) { return holding(b), true })
	v, _, _ := visiting(t)
	v.pace.care.Bytes = 100
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	var err error
	for i := range uint16(20) {
		if _, err = k.ask(context.Background(), readHolding(i, i)); err != nil {
			break
		}
	}
	var stopped *Stopped
	if !errors.As(err, &stopped) || !strings.Contains(stopped.Why, "used up") {
		t.Errorf("%v", err)
	}
}

// The time of a visit ends it even while an answer is waited for, and the bytes where they are used up.
func TestVisitEndsInTime(t *testing.T) {
	d := newFakeDevice(t, func(int, []byte) ([]byte, bool) { return nil, true })
	v, _, _ := visiting(t)
	v.Care.Time, v.Care.Timeout = 200*time.Millisecond, 20*time.Second
	ctx, cancel := v.Within(t.Context())
	defer cancel()
	k := v.talk(modbus.Protocol{}, d.port, talkOptions{})
	defer k.close()
	begun := time.Now()
	_, err := k.ask(ctx, readHolding(1, 0))
	var stopped *Stopped
	if took := time.Since(begun); !errors.As(err, &stopped) || took > 5*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

func TestVisitReadsNoMoreThanItMay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Write([]byte("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"))
		c.Write(make([]byte, 1000000))
	}()
	care := quick
	care.Bytes = 1000
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", care, capture.NewTap(io.Discard, time.Now))
	k := v.talk(http.Protocol{}, profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}, talkOptions{})
	defer k.close()
	_, err = k.ask(t.Context(), &http.Request{Method: "GET", Target: "/", Version: "HTTP/1.1"})
	var stopped *Stopped
	if !errors.As(err, &stopped) || v.pace.bytes > care.Bytes+1 {
		t.Errorf("after %d bytes: %v", v.pace.bytes, err)
	}
}

// Client libraries set the deadline before they ask. The time that a question waits for its turn is not the
// device's.
func TestLineWaitsForTheAnswer(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) {
		time.Sleep(20 * time.Millisecond)
		return holding(b), true
	})
	v, _, _ := visiting(t)
	v.pace.care.Rate = 4
	l, err := v.dial(t.Context(), modbus.Protocol{}, d.port, nil, false, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range uint16(3) {
		b, _ := readHolding(i, i).Append(nil)
		l.SetDeadline(time.Now().Add(150 * time.Millisecond))
		if _, err := l.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Read(make([]byte, 100)); err != nil {
			t.Errorf("question %d: %v", i, err)
		}
	}
}

// Where nobody is, the device has no trouble.
func TestFindForgives(t *testing.T) {
	v, _, _ := visiting(t)
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := profiles.Port{Number: uint16(c.LocalAddr().(*net.UDPAddr).Port), UDP: true}
	c.Close() // nobody listens there now
	found, err := Find(t.Context(), v, []Scanner{&SNMPWalk{}, &BACnetScan{}, &IPMIScan{}}, []Candidate{{Port: port}}, false)
	if err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	if s := v.pace.slackness(); s != 1 {
		t.Errorf("it is asked %g times slower after that", s)
	}
}
