package profiles

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTrackText(t *testing.T) {
	for _, s := range []string{"", "0011", "0011*3 =0012 0012", "-", "-*2 =- 00", "=01 =01", "ff*18446744", strings.Repeat("aa ", 500) + "bb"} {
		track, err := ParseTrack(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		want := strings.TrimSpace(s)
		if strings.HasPrefix(s, "aa aa") {
			want = "aa*500 bb" // equal readings are one run
		}
		if got := track.String(); got != want {
			t.Errorf("%q comes back as %q", want, got)
		}
	}
	for _, s := range []string{"0", "xy", "00*", "00*0", "00*-1", "00*x", "=", "*3", "00 *3", "00*99999999999999999999"} {
		if track, err := ParseTrack(s); err == nil {
			t.Errorf("%q is read as %q", s, track.String())
		}
	}
}

// A track says what was added, in order, in however many pieces.
func TestTrackKeepsWhatWasSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var whole, first, second Track
		var want []string
		n, cut := r.IntN(60), r.IntN(60)
		for i := range n {
			v := bytes.Repeat([]byte{byte(r.IntN(2))}, r.IntN(3))
			write := r.IntN(5) == 0
			whole.Add(v, write)
			if i < cut {
				first.Add(v, write)
			} else {
				second.Add(v, write)
			}
			want = append(want, fmt.Sprintf("%x %v", v, write))
		}
		first.Append(&second)
		parsed, err := ParseTrack(whole.String())
		if err != nil {
			t.Fatal(err)
		}
		for what, track := range map[string]*Track{"whole": &whole, "joined": &first, "parsed": &parsed} {
			var got []string
			for c := track.Cursor(); ; {
				run, ok := c.Next()
				if !ok {
					break
				}
				for range run.N {
					got = append(got, fmt.Sprintf("%x %v", run.Value, run.Write))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s", what, diff)
			}
			if moved := track.Moved(); moved != (track.Runs() > 1 || strings.HasPrefix(track.String(), "=")) {
				t.Fatalf("%s: moved %v", track.String(), moved)
			}
		}
	}
}

// A register that changes with every reading costs four bytes a change.
func TestTrackIsSmall(t *testing.T) {
	var track Track
	for i := range 100000 {
		track.Add([]byte{byte(i >> 8), byte(i)}, false)
	}
	if n := track.Size(); n > 100000*6 {
		t.Errorf("%d bytes for 100000 changes", n)
	}
}

func TestSamplesFile(t *testing.T) {
	low := 0.
	dynamics := []*Dynamics{
		nil,
		{Counter: &Counter{Rate: 3, Jitter: .5, Wrap: 100}},
		{Clock: &Clock{Unit: 10 * time.Millisecond, Since: "boot", Uptime: 41 * day}},
		{Walk: &Walk{Mean: 2.4, Tau: 3 * time.Minute, SD: .06, Min: &low}},
		{Dwell: &Dwell{States: []DwellState{{1, 14 * time.Minute}, {0, 9 * time.Minute}}, SD: .3}},
		{Series: &Series{Every: time.Second, Values: []float64{1, 2.5, -3e9}}},
	}
	var out bytes.Buffer
	w := NewSampleWriter(&out)
	var want []string
	for i, d := range dynamics {
		track, err := ParseTrack("0011*3 =0012 0012")
		if err != nil {
			t.Fatal(err)
		}
		cell := fmt.Sprintf("cell %d", i)
		if err := w.Write(cell, d, &track); err != nil {
			t.Fatal(err)
		}
		want = append(want, cell)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := ReadSamples(strings.NewReader("# a comment\n\n"+out.String()), func(cell string, d *Dynamics, track Track) error {
		if diff := cmp.Diff(dynamics[len(got)], d); diff != "" {
			t.Errorf("%s: %s", cell, diff)
		}
		if s := track.String(); s != "0011*3 =0012 0012" {
			t.Errorf("%s: %s", cell, s)
		}
		got = append(got, cell)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"a\t\t00\nb\t00\n":                       "line 2: cell b: want dynamics and values with a tab between",
		"a\t\t00\nb\t\t0\n":                      `line 2: cell b: run "0": want bytes in hexadecimal`,
		"a\t{counter: {rte: 3}}\t00\n":           `line 1: cell a: unknown key "rte" in counter: did you mean "rate"?`,
		"a\t{counter: {rate: 3}, const: {}\t0\n": "line 1: cell a: ",
	} {
		if err := ReadSamples(strings.NewReader(text), func(string, *Dynamics, Track) error { return nil }); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzParseTrack(f *testing.F) {
	f.Add("0011*3 =0012 0012")
	f.Add("-*2 =-")
	f.Fuzz(func(t *testing.T, s string) {
		track, err := ParseTrack(s)
		if err != nil {
			return
		}
		text := track.String()
		again, err := ParseTrack(text)
		if err != nil || again.String() != text {
			t.Errorf("%q comes back as %q, %v", text, again.String(), err)
		}
	})
}

func TestVerifier(t *testing.T) {
	v := NewVerifier([]byte("secret"), []byte("salt"))
	for secret, want := range map[string]bool{"secret": true, "Secret": false, "": false} {
		if Verify(v, []byte(secret)) != want {
			t.Errorf("%q against %s: want %v", secret, v, want)
		}
	}
	if !IsVerifier(v) || IsVerifier("public") || IsVerifier("sha256:00:11") || !Verify("public", []byte("public")) || Verify("public", []byte("x")) {
		t.Error("a secret in the clear is taken for a verifier, or is not compared")
	}
}

func TestParsePort(t *testing.T) {
	for s, want := range map[string]Port{"502": {502, false}, "502/tcp": {502, false}, "161/udp": {161, true}, "65535": {65535, false}} {
		if p, err := ParsePort(s); err != nil || p != want {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "0", "65536", "x", "502/sctp", "-1", "502/"} {
		if p, err := ParsePort(s); err == nil {
			t.Errorf("%q is read as %v", s, p)
		}
	}
}
