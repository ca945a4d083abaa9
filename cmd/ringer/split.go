package main

import (
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"ringer/capture"
	"ringer/clone"
	"ringer/profiles"
	"ringer/replay"
)

// splitWanted is the part of the answers that must have the recorded structure.
const splitWanted = .99

// replaySplit learns from the first part of a recording and asks the second, in this process.
func replaySplit(p *playing, part float64) error {
	if part <= 0 || part >= 1 {
		return usage("--split %g: want a part between 0 and 1, as 0.5", part)
	}
	at := int(part * float64(p.study.Exchanges))
	split := &replay.Split{}
	dir, err := os.MkdirTemp("", "ringer-")
	if err != nil {
		return err
	}
	p.done = append(p.done, func() { os.RemoveAll(dir) })
	source := func() clone.Source {
		return clone.Source{ID: "c0", Capture: profiles.Capture{File: baseName(p.name)}}
	}
	learned, _, err := learnExchanges(p.part(0, at, func(x *capture.Exchange) { split.Learned(x) }), source, dir, clone.Options{KeepSecrets: true})
	if err != nil {
		return err
	}
	var devices []*profiles.Device
	p.done = append(p.done, func() { closeProfiles(devices...) })
	for _, l := range learned {
		dev, err := profiles.Load(l.dir)
		if err != nil {
			return err
		}
		devices = append(devices, dev)
	}
	for x, err := range p.part(at, at+1, nil) {
		if err == nil {
			split.Cut = x.At
		}
	}
	target, err := p.inside(devices)
	if err != nil {
		return err
	}
	// The device had been asked the first part before it was asked the second: so is the decoy.
	for r, err := range replay.Play(p.c.Context, target, p.part(0, -1, nil), replay.Options{Study: p.study}) {
		if err != nil {
			return err
		}
		if !r.Exchange.At.Before(split.Cut) {
			split.Add(&r)
		}
	}
	return p.printSplit(split)
}

// part gives the exchanges from one index to another, -1 being the end.
func (p *playing) part(from, to int, each func(*capture.Exchange)) iter.Seq2[capture.Exchange, error] {
	return func(yield func(capture.Exchange, error) bool) {
		i := -1
		for x, err := range p.exchanges(false) {
			if err == nil {
				if i++; i < from {
					continue
				}
				if to >= 0 && i >= to {
					return
				}
				if each != nil {
					each(&x)
				}
			}
			if !yield(x, err) {
				return
			}
		}
	}
}

func (p *playing) printSplit(s *replay.Split) error {
	w := p.c.App.Writer
	if p.c.Bool("json") {
		if err := printJSON(p.c, s); err != nil {
			return err
		}
	} else {
		printSplitTable(w, s, p.c.Int("show"))
	}
	switch {
	case s.Known == 0:
		return differs("%s: nothing of the second part was asked in the first", p.name)
	case s.Share() < splitWanted:
		return differs("%s: %.2f %% of the answers have the recorded structure, fewer than %.0f %%", p.name, s.Share()*100, splitWanted*100)
	}
	return nil
}

func printSplitTable(w io.Writer, s *replay.Split, show int) {
	fmt.Fprintf(w, "learned from %s until %s, then asked %s: %s had been asked before\n",
		plural(s.First, "request", "requests"), s.Cut.UTC().Format(time.DateTime), count(s.Second), count(s.Known+s.Lost+s.Silent))
	if s.Lost > 0 {
		fmt.Fprintf(w, "%s not compared, as the recording lost the answer\n", plural(s.Lost, "is", "are"))
	}
	if s.Silent > 0 {
		fmt.Fprintf(w, "%s not compared, as the device did not answer\n", plural(s.Silent, "is", "are"))
	}
	t := newTable("protocol", "request", ">asked again", ">same structure", ">same values")
	for _, row := range s.Rows {
		t.add(row.Protocol, row.Class, count(row.Known), count(row.Same), count(row.Equal))
	}
	t.add("", "total", count(s.Known), fmt.Sprintf("%s (%.2f %%)", count(s.Same), s.Share()*100), count(s.Equal))
	t.print(w)
	for i, d := range s.Different {
		if i == show {
			fmt.Fprintf(w, "and %s\n", plural(len(s.Different)-i, "more", "more"))
			break
		}
		fmt.Fprintf(w, "packet %d, %s:\n  want %s\n  got  %s\n", d.Packet, d.Class, cut(d.Want, 300), cut(d.Got, 300))
	}
}
