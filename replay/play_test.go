package replay

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

func r(id int, value string) *reply             { return &reply{ID: id, Value: value} }
func q(id int, text string) *question           { return &question{ID: id, Text: text} }
func opened(id int, handle string) *reply       { return &reply{ID: id, Value: "open", Handle: handle} }
func within(id int, t, handle string) *question { return &question{id, t, handle} }

func TestPipelinedRequestsStayPipelined(t *testing.T) {
	// The recording sent 2 before the answer to 1 came, and 3 after it.
	xs := []capture.Exchange{
		asked(1, 0, 50, q(1, "a"), r(1, "a")),
		asked(1, 10, 60, q(2, "b"), r(2, "b")),
		asked(1, 100, 10, q(3, "c"), r(3, "c")),
	}
	var open, most int
	var held []func()
	f := &fake{}
	f.answer = func(l *fakeLink, q *question) {
		if open++; open > most {
			most = open
		}
		held = append(held, func() { echo(l, q) })
		if q.ID == 2 || q.ID == 3 {
			for _, answer := range held {
				answer()
				open--
			}
			held = nil
		}
	}
	if got := verdicts(play(t, f, xs, Options{})); got != "1 equal, 11 equal, 101 equal" {
		t.Error(got)
	}
	if most != 2 {
		t.Errorf("%d requests were open at once, want 2", most)
	}
}

func TestRequestsWaitForEarlierAnswersOnOtherConnections(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 5, q(1, "set=1"), r(1, "set=1")),
		asked(2, 10, 5, q(1, "a"), r(1, "a")),
	}
	done := false
	f := &fake{}
	f.answer = func(l *fakeLink, q *question) {
		if l.number == 2 {
			if !done {
				t.Error("the second connection asked before the first was answered")
			}
			echo(l, q)
			return
		}
		go func() {
			time.Sleep(50 * time.Millisecond)
			done = true
			echo(l, q)
		}()
	}
	if got := verdicts(play(t, f, xs, Options{})); got != "1 equal, 11 equal" {
		t.Error(got)
	}
}

func TestSilence(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 0, q(1, "nobody")),
		asked(1, 1, 0, q(2, "somebody")),
		asked(1, 2, 5, q(3, "a"), r(3, "a")),
		asked(1, 10, 5, q(4, "b"), r(4, "b")),
	}
	lost := asked(1, 20, 0, q(5, "c"))
	lost.Lost = true
	xs = append(xs, lost)
	f := &fake{answer: func(l *fakeLink, q *question) {
		if q.Text == "somebody" || q.Text == "a" || q.Text == "c" {
			echo(l, q)
		}
	}}
	rs := play(t, f, xs, Options{Timeout: 50 * time.Millisecond, Quiet: 30 * time.Millisecond})
	slices.SortFunc(rs, func(a, b Result) int { return a.Exchange.Packets[0] - b.Exchange.Packets[0] })
	if got := verdicts(rs); got != "1 equal, 2 different, 3 equal, 11 no answer, 21 lost" {
		t.Error(got)
	}
	if d := rs[1].Differences; len(d) != 1 || d[0].Want != "silence" || !strings.Contains(d[0].Got, "somebody") {
		t.Errorf("%+v", d)
	}
}

func TestHandlesFollowTheTarget(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 1, q(1, "open"), opened(1, "H1")),
		asked(1, 10, 1, within(2, "read", "H1"), r(2, "read")),
		asked(1, 20, 1, within(3, "read", "H7"), r(3, "read")),
	}
	f := &fake{answer: func(l *fakeLink, q *question) {
		if q.Text == "open" {
			l.say(opened(q.ID, "T9"))
			return
		}
		echo(l, q)
	}}
	rs := play(t, f, xs, Options{})
	if got := verdicts(rs); got != "1 masked, 11 equal, 21 equal" {
		t.Error(got)
	}
	if m := rs[0].Masks; len(m) != 1 || m[0] != (wire.Mask{Path: "Handle", Why: "minted"}) {
		t.Errorf("%+v", m)
	}
	want := "dial 1|1: 1 open|1: 2 read T9|1: 3 read H7|close 1"
	if got := strings.Join(f.log, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestStreamsJoinedInTheMiddleAreOpened(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 1, q(1, "in-session"), r(1, "in-session")),
		asked(2, 10, 1, q(1, "hello"), r(1, "hello")),
		asked(2, 20, 1, q(2, "in-session"), r(2, "in-session")),
	}
	f := &fake{answer: echo}
	if got := verdicts(play(t, f, xs, Options{})); got != "1 equal, 11 equal, 21 equal" {
		t.Error(got)
	}
	// The opening is the recorded one of the other connection: its id is 1, not 99.
	want := []string{"dial 1", "1: 1 hello", "1: 1 in-session"}
	if len(f.log) < 3 || !slices.Equal(f.log[:3], want) {
		t.Errorf("got %q, want it to begin with %q", f.log, want)
	}
	if n := strings.Count(strings.Join(f.log, "|"), "hello"); n != 2 {
		t.Errorf("hello was said %d times, want 2: %q", n, f.log)
	}
}

func TestHungUpConnectionsAreDialledAgain(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 1, q(1, "a"), r(1, "a")),
		asked(1, 10, 1, q(2, "b"), r(2, "b")),
		asked(1, 20, 1, q(3, "c"), r(3, "c")),
	}
	f := &fake{answer: func(l *fakeLink, q *question) {
		if q.Text == "b" {
			l.hear(Said{Err: io.EOF, At: time.Now()})
			return
		}
		echo(l, q)
	}}
	rs := play(t, f, xs, Options{})
	if got := verdicts(rs); got != "1 equal, 11 no answer, 21 equal" {
		t.Error(got)
	}
	if !errors.Is(rs[1].Err, errHungUp) {
		t.Error(rs[1].Err)
	}
	if f.dials != 2 {
		t.Errorf("dialled %d times, want 2", f.dials)
	}
}

func TestNobodyThere(t *testing.T) {
	xs := []capture.Exchange{asked(1, 0, 1, q(1, "a"), r(1, "a")), asked(1, 5, 0, q(2, "silent"))}
	rs := play(t, &fake{dialErr: errors.New("connection refused")}, xs, Options{})
	if got := verdicts(rs); got != "1 no answer, 6 no answer" {
		t.Error(got) // silence of a target that is not there is no success either
	}
}

func TestUnasked(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 0, nil, r(0, "welcome")),
		asked(1, 5, 1, q(1, "a"), r(1, "a")),
		asked(1, 10, 0, nil, r(0, "push")),
		asked(1, 20, 0, nil, r(0, "never")),
	}
	f := &fake{immediate: true, answer: func(l *fakeLink, q *question) {
		echo(l, q)
		l.say(r(0, "once-more"))
		l.say(r(0, "push"))
	}}
	f.greet = func(l *fakeLink) { l.say(r(0, "welcome")) }
	if got := verdicts(play(t, f, xs, Options{})); got != "1 equal, 6 equal, 11 equal, 21 unsaid" {
		t.Error(got)
	}
	f.greet = func(l *fakeLink) { l.say(r(0, "go-away")) }
	if got := verdicts(play(t, f, xs[:1], Options{})); got != "1 different" {
		t.Error(got)
	}
	f.greet = nil // and what the recorded device never says unasked is a difference
	if got := verdicts(play(t, f, xs[1:2], Options{})); got != "6 equal, 0 different, 0 different" {
		t.Error(got)
	}
}

func TestWithheldRequestsAreNotSent(t *testing.T) {
	xs := []capture.Exchange{
		asked(1, 0, 1, q(1, "a"), r(1, "a")),
		asked(1, 5, 1, q(2, "set=1"), r(2, "set=1")),
		asked(1, 9, 1, q(3, "stop"), r(3, "stop")),
	}
	f := &fake{answer: echo}
	rs := play(t, f, xs, Options{Withhold: func(_ *capture.Exchange, e wire.Effect) bool { return e != wire.Read }})
	if got := verdicts(rs); got != "1 equal, 6 withheld, 10 withheld" && got != "6 withheld, 10 withheld, 1 equal" {
		t.Error(got)
	}
	for _, l := range f.log {
		if strings.Contains(l, "set") || strings.Contains(l, "stop") {
			t.Errorf("sent %q", l)
		}
	}
}

func TestLearnedMasks(t *testing.T) {
	dated := func(id int, date, kind string) *reply {
		return &reply{ID: id, Value: "page", Headers: []header{{"Date", date}, {"Kind", kind}}}
	}
	xs := []capture.Exchange{
		asked(1, 0, 1, q(1, "x"), dated(1, "monday", "plain")),
		asked(1, 10, 1, q(2, "x"), dated(2, "tuesday", "plain")),
	}
	answer := func(kind string) func(*fakeLink, *question) {
		return func(l *fakeLink, q *question) { l.say(dated(q.ID, "friday", kind)) }
	}
	rs := play(t, &fake{immediate: true, answer: answer("plain")}, xs, Options{})
	if got := verdicts(rs); got != "1 masked, 11 masked" {
		t.Error(got)
	}
	if m := rs[0].Masks; len(m) != 1 || m[0] != (wire.Mask{Path: "Headers[date].Value", Why: "learned"}) {
		t.Errorf("%+v", m)
	}
	rs = play(t, &fake{immediate: true, answer: answer("fancy")}, xs, Options{})
	if got := verdicts(rs); got != "1 different, 11 different" {
		t.Error(got) // Kind never varied
	}
	// Answers to two questions may differ in what belongs to the questions.
	two := []capture.Exchange{
		asked(1, 0, 1, q(1, "x"), dated(1, "monday", "plain")), asked(1, 10, 1, q(2, "y"), dated(2, "tuesday", "plain")),
	}
	rs = play(t, &fake{immediate: true, answer: answer("plain")}, two, Options{})
	if got := verdicts(rs); got != "1 different, 11 different" {
		t.Error(got)
	}
	// What changed once in many askings does not vary by itself.
	var many []capture.Exchange
	for i := range 10 {
		date := "monday"
		if i > 4 {
			date = "tuesday"
		}
		many = append(many, asked(1, 2000*i, 1, q(i+1, "x"), dated(i+1, date, "plain")))
	}
	for _, r := range play(t, &fake{immediate: true, answer: answer("plain")}, many, Options{}) {
		if r.Verdict != Different {
			t.Errorf("packet %d: %s", r.Exchange.Packets[0], r.Verdict)
		}
	}
	// One observation is not enough, and values without a name of their own are never masked.
	rs = play(t, &fake{immediate: true, answer: answer("plain")}, xs[:1], Options{})
	if got := verdicts(rs); got != "1 different" {
		t.Error(got)
	}
	moved := []capture.Exchange{
		asked(1, 0, 1, q(1, "x"), r(1, "1")), asked(1, 10, 1, q(2, "x"), r(2, "2")),
	}
	rs = play(t, &fake{immediate: true, answer: func(l *fakeLink, q *question) { l.say(r(q.ID, "3")) }}, moved, Options{})
	if got := verdicts(rs); got != "1 different, 11 different" {
		t.Error(got)
	}
}

func TestSpeed(t *testing.T) {
	xs := []capture.Exchange{asked(1, 0, 1, q(1, "a"), r(1, "a")), asked(1, 200, 1, q(2, "b"), r(2, "b"))}
	begun := time.Now()
	play(t, &fake{answer: echo}, xs, Options{Speed: 2})
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("took %s at twice the recorded speed, want 100ms at least", took)
	}
}
