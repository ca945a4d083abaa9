package clone

import (
	"bytes"
	"context"
	"slices"
	"time"

	"ringer/capture/bacnet"
)

// A bacnetValueSize is about what a present value takes in an answer, with all that is around it.
const bacnetValueSize = 24

// again reads the present values of all objects several times.
func (a *bacnetAsking) again(all []*bacnetTour) error {
	began := time.Now()
	for range a.Samples {
		// What the Memory knows was waited for then.
		if asked := a.v.counted(bacnetName).Asked; asked > a.asked {
			wait := a.Every - time.Since(began)
			if c := a.v.Care; c.Time > 0 && wait > c.Time-time.Since(a.v.pace.began) {
				a.remark(NotThere, "no time is left for more samples")
				return nil
			}
			if err := sleep(a.ctx, wait); err != nil {
				return err
			}
			a.asked = asked
		}
		began = time.Now()
		for _, t := range all {
			if err := t.sample(); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample reads the present values of a device once.
func (t *bacnetTour) sample() error {
	var objects []bacnet.ObjectID
	for _, o := range t.objects {
		if slices.Contains(t.has[o].properties, bacnet.PropPresentValue) {
			objects = append(objects, o)
		}
	}
	return t.values(objects)
}

// values reads the present values of objects, and notes which moved.
func (t *bacnetTour) values(objects []bacnet.ObjectID) error {
	value := []bacnet.PropertyReference{{Property: bacnet.PropPresentValue}}
	if t.sampled == 0 {
		t.sampled = max(1, t.size/bacnetValueSize)
	}
	for len(objects) > 0 {
		n := min(t.sampled, len(objects))
		if n > 1 && !t.noMultiple && t.serves(bacnet.ReadPropertyMultiple) {
			var specs []bacnet.ReadAccessSpecification
			for _, o := range objects[:n] {
				specs = append(specs, bacnet.ReadAccessSpecification{Object: o, Properties: value})
			}
			got, said, err := t.multiple(specs)
			if err != nil {
				return err
			}
			if len(got) == 0 && said.answered {
				t.sampled = n / 2
				continue
			}
			if len(got) == n {
				for i, o := range objects[:n] {
					t.has[o].note(got[i].value)
				}
			}
			objects = objects[n:]
			continue
		}
		v, _, err := t.read(objects[0], bacnet.PropPresentValue, nil)
		if err != nil {
			return err
		}
		t.has[objects[0]].note(&v)
		objects = objects[1:]
	}
	return nil
}

func (h *bacnetHas) note(v *bacnet.Value) {
	if v == nil || len(*v) == 0 {
		return
	}
	h.moves = h.moves || h.last != nil && !bytes.Equal(h.last, *v)
	h.last = bytes.Clone(*v)
}

// follow leaves the present values that moved to be read with other protocols.
func (a *bacnetAsking) follow(all []*bacnetTour) {
	var moved [][]bacnet.ObjectID // of each tour
	objects, questions := 0, 0
	for _, t := range all {
		each := 1
		if !t.noMultiple && t.serves(bacnet.ReadPropertyMultiple) {
			each = max(1, t.sampled)
		}
		var some []bacnet.ObjectID
		for _, o := range t.objects {
			if t.has[o].moves && len(some) < (togetherMost-questions)*each {
				some = append(some, o)
			}
		}
		moved = append(moved, some)
		objects, questions = objects+len(some), questions+(len(some)+each-1)/each
	}
	a.v.follow(follower{protocol: bacnetName, port: a.talk.port, moved: objects, questions: questions, hangUp: a.talk.close, read: func(context.Context) error {
		for i, t := range all {
			if err := t.values(moved[i]); err != nil {
				return err
			}
		}
		return nil
	}})
}

// summary says what the device has.
func (t *bacnetTour) summary() {
	if len(t.objects) == 0 {
		return
	}
	name := t.device.String()
	if t.station != nil {
		name = t.name + ": " + name
	}
	t.remark(Found, "%s: %d objects, %d properties", name, len(t.objects), t.count)
}
