package clone

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"ringer/profiles"
)

// Each scan takes its samples in a time of its own, and what moves alike in two protocols cannot be told from
// them: that takes readings of both at nearly the same time (couple.go). So at the end, when all scans of a
// device are over, what they saw moving is read again together, one protocol right after the other, and that
// some dozen times.

// A follower reads what its scan saw moving once more, in as few questions as the protocol has for it. It asks
// on a connection of its own, and hangs up between two readings: a device has few.
type follower struct {
	protocol  string
	port      profiles.Port
	moved     int // how many of its cells were seen to move; the others may
	questions int // of one reading
	handshake int // questions that each of its connections begins with
	read      func(ctx context.Context) error
	hangUp    func()
}

const (
	// togetherMost questions are asked for one reading of one service.
	togetherMost = 8
	// togetherRest questions are worth asking for what did not move yet.
	togetherRest = 4
)

// follow leaves with the visit how what moves is read again.
func (v *Visit) follow(f follower) {
	if f.questions == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.followers = append(v.followers, f)
}

// Together reads what moves in all protocols so many times, each time in all of them right after each other.
// It comes after the scans. A device that moves in one protocol only is not asked.
func (v *Visit) Together(ctx context.Context, rounds int, every time.Duration) error {
	v.mu.Lock()
	all := slices.Clone(v.followers)
	v.mu.Unlock()
	if !worthwhile(all) {
		return nil
	}
	// Those that shake hands first come first: the others' readings are nearer to theirs so.
	slices.SortFunc(all, func(a, b follower) int {
		return cmp.Or(-cmp.Compare(a.handshake, b.handshake), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.port.Number, b.port.Number))
	})
	for _, f := range all {
		v.Expect(f.protocol, rounds*f.questions)
	}
	took := 0
	for round := range rounds {
		begun, before := time.Now(), v.questions()
		v.pace.atOnce(took)
		turns := v.pace.turns()
		for i := range all {
			if err := v.readOn(ctx, &all[i]); err != nil {
				return err
			}
		}
		took = v.pace.turns() - turns
		if !worthwhile(all) {
			return nil
		}
		if round == rounds-1 || v.questions() == before { // what is remembered was waited for then
			continue
		}
		wait := every - time.Since(begun)
		if c := v.Care; c.Time > 0 && wait > c.Time-time.Since(v.pace.began) {
			v.Remark("", NotThere, "no time is left for more than %d of %d readings of all protocols together", round+1, rounds)
			return nil
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// readOn reads one protocol once. One that does not answer any more is not asked again.
func (v *Visit) readOn(ctx context.Context, f *follower) error {
	if f.read == nil {
		return nil
	}
	err := f.read(ctx)
	f.hangUp()
	var stopped *Stopped
	switch {
	case err == nil, errors.Is(err, ErrSilent):
		return nil
	case ctx.Err() != nil, errors.As(err, &stopped):
		return err
	}
	v.Remark(f.protocol, Suspicious, "port %s: what moves could not be read again together with other protocols: %v", f.port, err)
	f.read = nil
	return nil
}

// worthwhile says whether there are two protocols, and something moves.
func worthwhile(all []follower) bool {
	moved := 0
	protocols := map[string]bool{}
	for _, f := range all {
		if f.read != nil {
			moved += f.moved
			protocols[f.protocol] = true
		}
	}
	return moved > 0 && len(protocols) > 1
}
