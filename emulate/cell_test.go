package emulate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ringer/profiles"
)

func trackOf(t *testing.T, s string) *profiles.Track {
	t.Helper()
	track, err := profiles.ParseTrack(s)
	if err != nil {
		t.Fatal(err)
	}
	return &track
}

func TestCell(t *testing.T) {
	counter := &profiles.Dynamics{Counter: &profiles.Counter{Rate: 1}}
	for _, c := range []struct {
		name, track string
		dynamics    *profiles.Dynamics
		model       bool
		// r reads, p peeks, =0102 writes, e ends, s lets a second pass
		does string
		// what reads and peeks give; a write gives w or W: as recorded
		want string
	}{
		{"plays what was seen", "0011*3 0012", nil, false, "rrrr", "0011 0011 0011 0012"},
		{"stays at the end", "0011 0012", nil, false, "rrrr", "0011 0012 0012m 0012m"},
		{"peeking takes no sample", "0011 0012", nil, false, "pprpr", "0011 0011 0011 0012 0012"},
		{"goes on from the last sample", "00fe 00ff", counter, false, "rrsrsssr", "00fe 00ff 0100m 0103m"},
		{"begins anew in its width", "fe ff", counter, false, "rrsr", "fe ff 00m"},
		{"awaits the recorded write", "01 =02 02*2 05", nil, false, "rrr=02rrrr", "01 01 01 W 02 02 05 05m"},
		{"another write ends the recording", "01 =02 02*2 05", nil, false, "r=03rr", "01 w 03m 03m"},
		{"an early write ends the recording", "01*9 =02 07", nil, false, "r=02rr", "01 w 02m 02m"},
		{"two writes of one value", "01 =02 =02 02 =03", nil, false, "r=02=02r=03r", "01 W W 02 W 03m"},
		{"a write ends the motion", "01 02", counter, false, "rrs=07sr", "01 02 w 07m"},
		{"a recorded write at the end stays", "01 =02", counter, false, "r=02sssr", "01 W 02m"},
		{"ends where it is", "01 02 03", nil, false, "rer", "01 01m"},
		{"the model starts with the last sample", "01 02 03", counter, true, "rsr", "03m 04m"},
		{"the model without dynamics", "01 =02 03", nil, true, "rr", "03m 03m"},
		{"values of any length", "- 68656c6c6f", nil, false, "rrr", "- 68656c6c6f 68656c6c6fm"},
	} {
		w := &stopwatch{someday}
		set := Settings{Now: w.now}
		if c.model {
			set.Values = Model
		}
		st, err := NewState(&profiles.Device{}, set)
		if err != nil {
			t.Fatal(err)
		}
		cell, err := st.NewCell("c", trackOf(t, c.track), c.dynamics)
		if err != nil {
			t.Fatal(err)
		}
		if got := play(t, st, w, cell, c.does); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func play(t *testing.T, st *State, w *stopwatch, cell *Cell, does string) (got string) {
	say := func(s string) {
		if got != "" {
			got += " "
		}
		got += s
	}
	reading := func(b []byte, o Origin) {
		s := fmt.Sprintf("%x", b)
		if s == "" {
			s = "-"
		}
		if o == Modelled {
			s += "m"
		}
		say(s)
	}
	for i := 0; i < len(does); i++ {
		switch does[i] {
		case 'r':
			reading(cell.Read(st))
		case 'p':
			reading(cell.Peek(st))
		case 's':
			w.t = w.t.Add(time.Second)
		case 'e':
			cell.End(st)
		case '=':
			var v byte
			if _, err := fmt.Sscanf(does[i+1:i+3], "%02x", &v); err != nil {
				t.Fatal(err)
			}
			i += 2
			if cell.Write(st, []byte{v}) {
				say("W")
			} else {
				say("w")
			}
		}
	}
	return got
}

// Asking in the order of the recording gives the recording.
func TestCellRepeatsAnyRecording(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		type event struct {
			value []byte
			write bool
		}
		var track profiles.Track
		var events []event
		for range 1 + r.IntN(40) {
			e := event{[]byte{byte(r.IntN(3))}, r.IntN(4) == 0}
			events = append(events, e)
			track.Add(e.value, e.write)
		}
		st, _ := newTestState(t, nil)
		cell, err := st.NewCell("c", &track, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			if e.write {
				if !cell.Write(st, e.value) {
					t.Fatalf("%s: event %d: the recorded write of %x is not known", track.String(), i, e.value)
				}
			} else if v, _ := cell.Read(st); string(v) != string(e.value) {
				t.Fatalf("%s: event %d: read %x, want %x", track.String(), i, v, e.value)
			}
		}
		if !cell.Live() {
			t.Fatalf("%s: the recording has not ended", track.String())
		}
	}
}

// A sample may have more in it than the number: the dynamics go on from the number, with either kind of values.
func TestCellWithACodeOfItsOwn(t *testing.T) {
	for _, values := range []Values{FromRecording, Model} {
		w := &stopwatch{someday}
		st, err := NewState(&profiles.Device{}, Settings{Now: w.now, Values: values})
		if err != nil {
			t.Fatal(err)
		}
		cell, err := st.NewCell("c", trackOf(t, "4105 4109"), &profiles.Dynamics{Counter: &profiles.Counter{Rate: 1}})
		if err != nil {
			t.Fatal(err)
		}
		cell.Decode = func(b []byte) uint64 { return uint64(b[1]) }
		cell.Encode = func(dst []byte, v Value) []byte { return append(dst, 0x41, byte(v.Uint())) }
		for values == FromRecording && !cell.Live() {
			cell.Read(st)
		}
		w.t = w.t.Add(2 * time.Second)
		if v, _ := cell.Read(st); fmt.Sprintf("%x", v) != "410b" {
			t.Errorf("values %d: two seconds after 4109 it is %x", values, v)
		}
	}
}

func TestLivingCellAllocatesNothing(t *testing.T) {
	st, w := newTestState(t, nil)
	cell, err := st.NewCell("c", trackOf(t, "0001 0002"), &profiles.Dynamics{Counter: &profiles.Counter{Rate: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		w.t = w.t.Add(time.Second)
		cell.Read(st)
	}); n != 0 {
		t.Errorf("%v allocations a reading", n)
	}
}
