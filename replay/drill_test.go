package replay

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// drill is a toy protocol of text lines: "<id> <question> [handle]" asks, "<id> <value> [handle] {name=value}"
// answers. Ids are echoed, handles are minted by the replies to "open" and named by later questions.
type drill struct{}

func (drill) Name() string    { return "drill" }
func (drill) Ports() []string { return []string{"tcp/7"} }
func (drill) New() wire.Conn  { return &drillConn{} }

// Opening: a session begins with "hello".
func (drill) Opening(first wire.Message) []wire.Message {
	if q := first.(*question); q.Text == "hello" || !strings.HasPrefix(q.Text, "in-session") {
		return nil
	}
	return []wire.Message{&question{ID: 99, Text: "hello"}}
}

type drillConn struct{ wire.Plain }

type question struct {
	ID     int `wire:"echo"`
	Text   string
	Handle string `wire:"echo"`
}

type reply struct {
	ID      int `wire:"echo"`
	Value   string
	Handle  string `wire:"minted"`
	Headers []header
}

type header struct {
	Name  string `wire:"id,fold"`
	Value string
}

func (q *question) Append(b []byte) ([]byte, error) {
	return fmt.Appendf(b, "%d %s %s\n", q.ID, q.Text, q.Handle), nil
}

func (q *question) Class() (string, wire.Effect) {
	switch {
	case strings.HasPrefix(q.Text, "set"):
		return "set", wire.Write
	case strings.HasPrefix(q.Text, "stop"):
		return "stop", wire.Control
	}
	return "get", wire.Read
}

func (r *reply) Append(b []byte) ([]byte, error) {
	b = fmt.Appendf(b, "%d %s %s", r.ID, r.Value, r.Handle)
	for _, h := range r.Headers {
		b = fmt.Appendf(b, " %s=%s", h.Name, h.Value)
	}
	return append(b, '\n'), nil
}

func (c *drillConn) Next(from wire.Side, b []byte, _ bool) (int, wire.Message, error) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return 0, nil, nil
	}
	f := strings.Split(string(b[:i]), " ")
	if len(f) < 3 {
		return 0, nil, fmt.Errorf("drill: %q", b[:i])
	}
	id, err := strconv.Atoi(f[0])
	if err != nil {
		return 0, nil, fmt.Errorf("drill: %q", b[:i])
	}
	if from == wire.Client {
		return i + 1, &question{id, f[1], f[2]}, nil
	}
	r := &reply{ID: id, Value: f[1], Handle: f[2]}
	for _, h := range f[3:] {
		name, value, _ := strings.Cut(h, "=")
		r.Headers = append(r.Headers, header{name, value})
	}
	return i + 1, r, nil
}

// Match: id 0 is said unasked.
func (c *drillConn) Match(open []wire.Message, r wire.Message) (int, bool) {
	if x, ok := r.(*reply); ok && x.ID == 0 {
		return -1, true
	}
	return c.Plain.Match(open, r)
}

var (
	server = netip.MustParseAddrPort("10.0.0.3:7")
	client = netip.MustParseAddrPort("10.0.0.9:1234")
	start  = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
)

// asked makes an exchange of the connection conn, at a number of milliseconds, answered after latency
// milliseconds. A nil reply is silence.
func asked(conn uint64, at, latency int, q *question, replies ...wire.Message) capture.Exchange {
	x := capture.Exchange{
		At: start.Add(time.Duration(at) * time.Millisecond), Client: client, Server: server, Transport: "tcp", Conn: conn,
		Protocol: drill{}, Replies: replies, Packets: [2]int{at + 1, at + 2},
	}
	if q != nil {
		x.Request = q
	}
	if len(replies) > 0 {
		x.Latency = time.Duration(latency) * time.Millisecond
	}
	return x
}

func sequence(xs []capture.Exchange) iter.Seq2[capture.Exchange, error] {
	return func(yield func(capture.Exchange, error) bool) {
		for _, x := range xs {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// fake is a target that hears requests and answers with a function; late answers come from goroutines.
type fake struct {
	immediate bool
	log       []string
	dials     int
	dialErr   error
	answer    func(l *fakeLink, q *question)
	greet     func(l *fakeLink)
}

type fakeLink struct {
	drillConn
	fake   *fake
	number int
	hear   func(Said)
}

func (f *fake) At(time.Time)    {}
func (f *fake) Immediate() bool { return f.immediate }

func (f *fake) Dial(_ context.Context, _ *capture.Exchange, hear func(Said)) (Link, error) {
	if f.dialErr != nil {
		return nil, f.dialErr
	}
	f.dials++
	l := &fakeLink{fake: f, number: f.dials, hear: hear}
	f.log = append(f.log, fmt.Sprintf("dial %d", l.number))
	if f.greet != nil {
		f.greet(l)
	}
	return l, nil
}

func (l *fakeLink) Send(m wire.Message) (wire.Message, error) {
	q := m.(*question)
	l.fake.log = append(l.fake.log, strings.TrimSpace(fmt.Sprintf("%d: %d %s %s", l.number, q.ID, q.Text, q.Handle)))
	l.fake.answer(l, q)
	return m, nil
}

func (l *fakeLink) Follow(func(wire.Follower)) bool { return false }

func (l *fakeLink) Close() error {
	l.fake.log = append(l.fake.log, fmt.Sprintf("close %d", l.number))
	return nil
}

func (l *fakeLink) say(r *reply) {
	raw, _ := r.Append(nil)
	l.hear(Said{Message: r, Raw: raw, At: time.Now()})
}

// echo answers every question with its own text.
func echo(l *fakeLink, q *question) { l.say(&reply{ID: q.ID, Value: q.Text}) }

func study(xs []capture.Exchange) *Study {
	s := NewStudy()
	for i := range xs {
		s.Add(&xs[i])
	}
	return s
}

// verdicts plays xs and gives what became of them, by packet number.
func play(t interface{ Fatal(...any) }, f Target, xs []capture.Exchange, opt Options) []Result {
	opt.Study = study(xs)
	var out []Result
	for r, err := range Play(context.Background(), f, sequence(xs), opt) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func verdicts(rs []Result) string {
	var s []string
	for _, r := range rs {
		s = append(s, fmt.Sprintf("%d %s", r.Exchange.Packets[0], r.Verdict))
	}
	return strings.Join(s, ", ")
}
