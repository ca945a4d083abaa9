package clone

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// following gives a visit with followers that note who was read.
func following(t *testing.T, all ...follower) (*Visit, *[]string) {
	v, _, _ := visiting(t)
	var read []string
	for _, f := range all {
		then := f.read
		f.questions, f.hangUp = max(f.questions, 1), func() { read = append(read, "-") }
		f.read = func(ctx context.Context) error {
			read = append(read, f.protocol)
			v.count(f.protocol, func(t *Tally) { t.Asked++ })
			if then != nil {
				return then(ctx)
			}
			return nil
		}
		v.follow(f)
	}
	return v, &read
}

func TestTogether(t *testing.T) {
	garbled := func(context.Context) error { return ErrGone }
	silent := func(context.Context) error { return ErrSilent }
	for _, test := range []struct {
		name string
		all  []follower
		want string
	}{
		{"in turns, handshakes first", []follower{{protocol: "http", moved: 1}, {protocol: "s7", moved: 2, handshake: 2}}, "s7 - http - s7 - http - s7 - http -"},
		{"what may move, too", []follower{{protocol: "http", moved: 1}, {protocol: "snmp"}}, "http - snmp - http - snmp - http - snmp -"},
		{"one protocol only", []follower{{protocol: "http", moved: 1}, {protocol: "http", moved: 1, port: profiles.Port{Number: 443}}}, ""},
		{"nothing moves", []follower{{protocol: "http"}, {protocol: "snmp"}}, ""},
		{"silence", []follower{{protocol: "http", moved: 1}, {protocol: "snmp", read: silent}}, "http - snmp - http - snmp - http - snmp -"},
		{"one is gone", []follower{{protocol: "http", moved: 1}, {protocol: "snmp", moved: 1, read: garbled}}, "http - snmp -"},
		{"one of three is gone", []follower{{protocol: "http", moved: 1}, {protocol: "modbus", read: garbled}, {protocol: "snmp", moved: 1}},
			"http - modbus - snmp - http - snmp - http - snmp -"},
	} {
		v, read := following(t, test.all...)
		if err := v.Together(t.Context(), 3, time.Millisecond); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := strings.Join(*read, " "); got != test.want {
			t.Errorf("%s: read %s, want %s", test.name, got, test.want)
		}
	}
}

// What is read together stays within the budget: what stops a visit stops it, and what has no time is left.
func TestTogetherInTime(t *testing.T) {
	var v *Visit
	v, read := following(t, follower{protocol: "http", moved: 1}, follower{protocol: "snmp", read: func(context.Context) error { return v.Stop("enough") }})
	var stopped *Stopped
	if err := v.Together(t.Context(), 3, time.Millisecond); !errors.As(err, &stopped) || len(*read) != 4 {
		t.Errorf("%v after %v", err, *read)
	}
	v, read = following(t, follower{protocol: "http", moved: 1}, follower{protocol: "snmp"})
	if err := v.Together(t.Context(), 30, 2*quick.Time); err != nil || len(*read) != 4 {
		t.Errorf("%v after %v", err, *read)
	}
	if !slices.ContainsFunc(v.Remarks(), func(r Remark) bool { return strings.Contains(r.Text, "1 of 30") }) {
		t.Errorf("nothing is said of it: %v", v.Remarks())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Together(ctx, 2, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it is cancelled", err)
	}
}

// Turns that need not keep their distance are no more than may be taken in a second, and those behind them wait
// as if they had kept it.
func TestPaceAtOnce(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPace(Care{Rate: 10}, func() time.Time { return now }, func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil })
	take := func(n int) time.Duration {
		begun := now
		for range n {
			if err := p.turn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return now.Sub(begun)
	}
	now = now.Add(time.Minute)
	p.atOnce(8)
	if d := take(8); d != 0 {
		t.Errorf("8 of 10 a second take %v", d)
	}
	if d := take(1); d != 800*time.Millisecond {
		t.Errorf("the next one waits %v", d)
	}
	p.atOnce(8) // nothing was left alone
	if d := take(2); d < 200*time.Millisecond {
		t.Errorf("right behind others 2 take %v", d)
	}
	now = now.Add(time.Minute)
	p.atOnce(11)
	if d := take(11); d != time.Second {
		t.Errorf("11 of 10 a second take %v", d)
	}
	now = now.Add(time.Minute)
	p.trouble()
	p.atOnce(5)
	if d := take(5); d != 800*time.Millisecond {
		t.Errorf("5 to a device in trouble take %v", d)
	}
	if n := p.turns(); n != 27 {
		t.Errorf("%d turns were taken", n)
	}
}

// A Modbus scan leaves the registers that moved, and the others where all are few.
func TestModbusFollows(t *testing.T) {
	count := byte(0)
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) {
		a := holding(b)
		end := int(b[8])<<8 + int(b[9]) + int(b[11])
		switch {
		case b[7] != 3:
			return []byte{b[0], b[1], 0, 0, 0, 3, b[6], b[7] | 0x80, 1}, true
		case b[10] != 0 || end > 200:
			return []byte{b[0], b[1], 0, 0, 0, 3, b[6], b[7] | 0x80, 2}, true
		case b[8] == 0 && b[9] == 0:
			count++
			a[10] = count
		}
		return a, true
	})
	v, _, _ := visiting(t)
	v.Care.Timeout = 20 * time.Millisecond
	s := &ModbusScanner{Units: []uint8{1}, Quick: true, Samples: 2, Every: time.Millisecond}
	if err := s.Scan(t.Context(), v, d.port); err != nil {
		t.Fatal(err)
	}
	if len(v.followers) != 1 || v.followers[0].moved != 1 || v.followers[0].questions != 2 {
		t.Fatalf("%+v", v.followers)
	}
	for len(d.asked) > 0 {
		<-d.asked
	}
	if err := v.followers[0].read(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.followers[0].hangUp()
	for _, want := range [][2]int{{0, 125}, {125, 75}} {
		b := <-d.asked
		if first, n := int(b[8])<<8+int(b[9]), int(b[11]); b[7] != byte(modbus.ReadHoldingRegisters) || first != want[0] || n != want[1] {
			t.Errorf("asked for %d from %d on, want %d from %d on", n, first, want[1], want[0])
		}
	}
}
