package replay

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/capture/wire"
)

func reportOf(t *testing.T, f Target, xs []capture.Exchange, accept *Accept, opt Options) *Report {
	t.Helper()
	report := &Report{Accept: accept}
	for _, r := range play(t, f, xs, opt) {
		report.Add(&r)
	}
	report.Finish()
	return report
}

func wrong(l *fakeLink, q *question) {
	if q.Text == "a" {
		l.say(&reply{ID: q.ID, Value: "z"})
		return
	}
	echo(l, q)
}

var three = []capture.Exchange{
	asked(1, 0, 4, q(1, "a"), r(1, "a")), asked(1, 10, 4, q(2, "b"), r(2, "b")), asked(1, 20, 4, q(3, "set=1"), r(3, "set=1")),
}

func TestReport(t *testing.T) {
	report := reportOf(t, &fake{immediate: true, answer: wrong}, three, nil, Options{})
	var b strings.Builder
	for _, row := range report.Rows {
		fmt.Fprintf(&b, "%s %s %s: asked %d equal %d different %d, recorded %s\n",
			row.Device, row.Protocol, row.Class, row.Asked, row.Equal, row.Different, row.Recorded.P50.Round(1e6))
	}
	want := "10.0.0.3 drill get: asked 2 equal 1 different 1, recorded 4ms\n10.0.0.3 drill set: asked 1 equal 1 different 0, recorded 4ms\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if len(report.Differences) != 1 {
		t.Fatalf("%+v", report.Differences)
	}
	d := report.Differences[0]
	if d.Packet != 1 || d.Difference != (wire.Difference{Path: "Value", Want: "a", Got: "z"}) {
		t.Errorf("%+v", d)
	}
	if f := report.Failures(); len(f) != 1 || f[0] != "1 answer differs" {
		t.Error(f)
	}
}

func TestNothingAskedIsNoSuccess(t *testing.T) {
	all := Options{Withhold: func(*capture.Exchange, wire.Effect) bool { return true }}
	report := reportOf(t, &fake{immediate: true, answer: echo}, three, nil, all)
	if f := report.Failures(); len(f) != 1 || f[0] != "nothing was asked" {
		t.Error(f)
	}
	if total := report.Total(); total.Withheld != 3 || total.Asked != 0 {
		t.Errorf("%+v", total)
	}
}

func TestTooMuchMasked(t *testing.T) {
	report := &Report{Fields: 100, MaskedThere: 5, Rows: []*Row{{Asked: 1, Masked: 1}}}
	if f := report.Failures(); len(f) != 0 {
		t.Error(f)
	}
	report.MaskedThere = 6
	if f := report.Failures(); len(f) != 1 || !strings.Contains(f[0], "6.0 %") {
		t.Error(f)
	}
}

func TestAccept(t *testing.T) {
	report := reportOf(t, &fake{immediate: true, answer: wrong}, three, nil, Options{})
	var list bytes.Buffer
	if err := WriteAccept(&list, report.Differences); err != nil {
		t.Fatal(err)
	}
	want := acceptHead + "drill\tget\tValue\ta\tz\n"
	if list.String() != want {
		t.Errorf("got %q", list.String())
	}
	for _, text := range []string{want, "drill\t*\tVal*\t*\t*\n", "# all\n\n*\t*\t*\t*\t*\r\n"} {
		accept, err := ReadAccept(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		report := reportOf(t, &fake{immediate: true, answer: wrong}, three, accept, Options{})
		if total := report.Total(); len(report.Failures()) > 0 || total.Accepted != 1 || total.Asked != 3 || len(report.Differences) > 0 {
			t.Errorf("%q: %v %+v", text, report.Failures(), total)
		}
		if len(accept.Unused()) > 0 {
			t.Error(accept.Unused())
		}
	}
	other, err := ReadAccept(strings.NewReader("drill\tget\tValue\ta\ty\n"))
	if err != nil {
		t.Fatal(err)
	}
	if report := reportOf(t, &fake{immediate: true, answer: wrong}, three, other, Options{}); len(report.Failures()) != 1 {
		t.Error(report.Failures())
	}
	if u := other.Unused(); len(u) != 1 || !strings.HasPrefix(u[0], "line 1: ") {
		t.Error(u)
	}
	if _, err := ReadAccept(strings.NewReader("#\ndrill\tget\n")); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Error(err)
	}
}

func TestJUnit(t *testing.T) {
	report := reportOf(t, &fake{immediate: true, answer: wrong}, three, nil, Options{})
	var b bytes.Buffer
	if err := report.WriteJUnit(&b, "plant.pcapng"); err != nil {
		t.Fatal(err)
	}
	var back junitSuites
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Tests != 3 || back.Failures != 2 || len(back.Suites) != 2 {
		t.Fatalf("%s", b.String())
	}
	c := back.Suites[0].Cases[0]
	if c.Name != "get" || c.Failure == nil || !strings.Contains(c.Failure.Text, "packet 1: Value: want a, got z") {
		t.Errorf("%+v", c)
	}
	if back.Suites[0].Cases[1].Failure != nil {
		t.Error("set did not differ")
	}
}

type statusCode uint8

type page struct {
	ID     uint16 `wire:"echo"`
	Status int
	Length int
	Kind   statusCode
	Body   []byte
	Items  []item
	Data   []byte
	Any    any
}

type item struct {
	Name  string
	Error uint8
}

func (*page) Append(b []byte) ([]byte, error) { return b, nil }

func TestShape(t *testing.T) {
	base := page{1, 200, 5, 3, []byte("hello"), []item{{"a", 0}}, []byte{1, 2}, uint8(1)}
	same := page{2, 200, 9, 3, []byte("something else"), []item{{"b", 0}}, []byte{7, 8}, uint8(2)}
	if a, b := Shape(&base), Shape(&same); a != b {
		t.Errorf("%s\n%s", a, b)
	}
	for name, change := range map[string]func(*page){
		"status":    func(p *page) { p.Status = 404 },
		"named":     func(p *page) { p.Kind = 4 },
		"items":     func(p *page) { p.Items = append(p.Items, item{}) },
		"an error":  func(p *page) { p.Items = []item{{"a", 5}} },
		"cells":     func(p *page) { p.Data = []byte{1} },
		"no value":  func(p *page) { p.Any = nil },
		"a pointer": func(p *page) { p.Any = &item{} },
	} {
		p := base
		change(&p)
		if Shape(&base) == Shape(&p) {
			t.Errorf("%s: the same shape %s", name, Shape(&p))
		}
	}
	if a, b := Shape(&page{}), Shape(&reply{}); a == b {
		t.Error(a)
	}
}
