package ipmi

import (
	"errors"
	"slices"
	"testing"

	"ringer/capture/wire"
)

// TestResumedNumbers: what was in order stays so, what was used before has been, and gaps are closed.
func TestResumedNumbers(t *testing.T) {
	for _, x := range []struct {
		name       string
		from       resumed
		were, want []uint32
	}{
		{"RMCP+ goes on as it began", resumed{}, []uint32{3, 4, 40, 41}, []uint32{3, 4, 5, 6}},
		{"again, and late", resumed{}, []uint32{1, 2, 3, 3, 1, 4}, []uint32{1, 2, 3, 3, 1, 4}},
		{"after what was not asked", resumed{}, []uint32{1, 20, 20, 21}, []uint32{1, 2, 2, 3}},
		{"IPMI 1.5 begins where it is told", resumed{begun: true, recordedSequence: 99, sequence: 6}, []uint32{100, 101}, []uint32{7, 8}},
		{"across the end", resumed{begun: true, recordedSequence: 0xfffffffe, sequence: 9}, []uint32{0xffffffff, 1, 2}, []uint32{10, 11, 12}},
		{"none", resumed{}, []uint32{0, 0}, []uint32{0, 0}},
	} {
		var got []uint32
		for _, n := range x.were {
			h := Session{Sequence: n}
			x.from.number(&h)
			got = append(got, h.Sequence)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %d become %d, want %d", x.name, x.were, got, x.want)
		}
	}
}

// TestUnproven: an answer that is not signed as the recorded one was is told from one that is.
func TestUnproven(t *testing.T) {
	proven := Session{seal: seal{secret: &Secret{}}}
	for _, x := range []struct {
		name      string
		want, got wire.Message
		err       error
	}{
		{"a reply", &Reply{Session: proven}, &Reply{Session: proven}, nil},
		{"a reply, not signed", &Reply{Session: proven}, &Reply{}, errNotSession},
		{"neither", &Reply{}, &Reply{}, nil},
		{"sealed", &Reply{Session: proven}, &Sealed{}, errNotSession},
		{"RAKP 2", &RAKP2{Session: proven}, &RAKP2{}, errNotUser},
		{"RAKP 2 refused", &RAKP2{Session: proven}, &RAKP2{Status: UnauthorizedName}, nil},
		{"RAKP 4", &RAKP4{Session: proven}, &RAKP4{}, errNotSession},
	} {
		if err := NewConn(nil).Said(x.want, x.got, 0); !errors.Is(err, x.err) {
			t.Errorf("%s: %v, want %v", x.name, err, x.err)
		}
	}
}

// TestNotOpen: a command of a session that nothing stands in the place of is not sent; what was no proven part
// of any is.
func TestNotOpen(t *testing.T) {
	proven := Session{Format: FormatRMCPPlus, ID: 7, Sequence: 1, Authenticated: true, seal: seal{secret: &Secret{}}}
	c := NewConn(&Keys{})
	if err := c.Fit(&Command{Session: proven}, 0); err == nil {
		t.Error("a proven command was fitted into no session")
	}
	c.addResumed(&resumed{recorded: 7, id: 8})
	if err := c.Fit(&Command{Session: proven}, 0); err == nil {
		t.Error("a proven command was fitted into a session without a key")
	}
	m := &Command{Session: Session{Format: FormatRMCPPlus, ID: 7, Sequence: 5}, Body: &CloseSession{ID: 7}}
	if err := c.Fit(m, 0); err != nil || m.Session.ID != 8 || m.Body.(*CloseSession).ID != 8 {
		t.Errorf("%+v: %v", m, err)
	}
	stray := &Command{Session: Session{Format: FormatMD5, ID: 9, Sequence: 5}}
	if err := c.Fit(stray, 0); err != nil || stray.Session.ID != 9 {
		t.Errorf("%+v: %v", stray, err)
	}
}
