package clone

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/profiles"
)

// An interrupted scan that is resumed asks nothing twice, and ends as one that was not interrupted.
func TestModbusScanResumes(t *testing.T) {
	t.Parallel()
	newPLC := func() *fakePLC {
		return (&fakePLC{units: map[uint8]*[4][]modbusRun{1: &modbusPLCTables, 3: &modbusPLCTables}, absent: 11, identity: modbusPLCIdentity,
			has: []modbus.Function{modbus.EncapsulatedInterface}}).listen(t)
	}
	scan := &ModbusScanner{Samples: 3, Every: time.Millisecond}
	whole, care := newPLC(), fast
	care.Timeout = 10 * time.Second
	_, all, err := scanModbus(t, scan, whole, care, nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := whole.questions()
	want, files := modbusLearned(t, all)
	if len(want.Recordings) > 0 {
		for x := range capture.Exchanges(files[want.Recordings[0]], capture.Options{}) {
			t.Errorf("kept whole: %+v: %+v", x.Request, x.Replies)
		}
	}
	for _, after := range []int{1, 9, 300, len(asked) - 5} {
		d := newPLC()
		ctx, cancel := context.WithCancel(t.Context())
		d.before = func(n int, _ modbus.Message) []byte {
			if n == after {
				cancel()
			}
			return nil
		}
		_, first, err := scanModbusFor(ctx, t, scan, d, care, nil)
		if err == nil {
			t.Fatalf("after %d: not interrupted", after)
		}
		first = slices.DeleteFunc(first, func(x capture.Exchange) bool { return len(x.Replies) == 0 }) // as the journal does
		m := remembering(t, first)
		before := len(d.questions())
		_, rest, err := scanModbus(t, scan, d, care, m)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := d.questions()
		if open := before - len(first); open > 1 {
			t.Errorf("after %d: %d questions were open", after, open)
		} else if open == 1 { // it is asked again, of right
			got = slices.Delete(got, before-1, before)
		}
		if d := cmp.Diff(asked, got); d != "" {
			t.Errorf("after %d: questions (-whole +resumed):\n%s", after, d)
		}
		section, _ := modbusLearned(t, append(first, rest...))
		section.Common, want.Common = profiles.Common{}, profiles.Common{}
		if d := cmp.Diff(want, section, cmp.Transformer("block", func(c profiles.ModbusCells) profiles.ModbusCells {
			c.Block = c.Block[strings.LastIndex(c.Block, "-")+1:]
			return c
		})); d != "" {
			t.Errorf("after %d: section (-whole +resumed):\n%s", after, d)
		}
	}
}
