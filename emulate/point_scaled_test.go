package emulate

import (
	"errors"
	"testing"

	"ringer/profiles"
)

// TestScaledPoint: a view shows its point at a scale, and writes go through to it.
func TestScaledPoint(t *testing.T) {
	low, high := 0., 4.
	st, err := NewState(&profiles.Device{Points: map[string]*profiles.Point{
		"level": {Type: "f32", Value: 2.41, Write: &profiles.WriteRule{Min: &low, Max: &high}},
		"name":  {Type: "text", Value: "x"},
	}}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	level, _ := st.Point("level")
	view, err := st.Point("level*-100+1")
	if err != nil {
		t.Fatal(err)
	}
	if got := view.Get().Int(); got != -240 {
		t.Errorf("the view shows %d, want -240", got)
	}
	if err := view.Set(IntValue(-299)); err != nil {
		t.Fatal(err)
	}
	if got := level.Get().Float(); got != 3 || view.Writes() != 1 || level.Writes() != 1 {
		t.Errorf("level is %v after %d writes, want 3 after 1", got, level.Writes())
	}
	if err := view.Set(IntValue(-500)); !errors.Is(err, ErrRange) {
		t.Errorf("beyond the point's range: %v", err)
	}
	for _, ref := range []string{"level*", "level*0", "level*x", "level*NaN", "level*2+", "depth*2", "name*2"} {
		if _, err := st.Point(ref); err == nil {
			t.Errorf("%q is taken for a point", ref)
		}
	}
}
