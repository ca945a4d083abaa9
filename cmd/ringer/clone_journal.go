package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/profiles"
)

// A journal is the recording of a clone while it is made: every packet goes to a file and, by a follower, to
// learning, which reads it as it would read the file. An interrupted clone leaves the file, and --resume
// goes on with it.
type journal struct {
	c      *cli.Context
	name   string // of the file
	keep   bool   // it is wanted as evidence
	keys   *capture.Keys
	speaks []wire.Protocol
	out    string // where the profiles go
	made   bool   // this clone made out
	work   string // where they are made
	file   *os.File
	tap    *capture.Tap
	memory *clone.Memory
	grown  *follower

	done    chan struct{} // learning is over
	learned []*learned
	err     error
	resumed time.Time // when the interrupted clone began; zero: this is none
}

// journalName is the file of a clone that nobody wants as evidence.
const journalName = ".clone.pcapng"

func openJournal(c *cli.Context, targets []target, scanners []clone.Scanner) (*journal, error) {
	keys := &capture.Keys{}
	for _, s := range scanners {
		if h, ok := s.(clone.KeyHolder); ok {
			if k := h.Keys(); k != nil {
				keys.SNMP = append(keys.SNMP, k.SNMP...)
				keys.IPMI.Users = append(keys.IPMI.Users, k.IPMI.Users...)
				keys.IPMI.KG = append(keys.IPMI.KG, k.IPMI.KG...)
			}
		}
	}
	speaks, err := keys.Protocols()
	if err != nil {
		return nil, usage("%v", err)
	}
	j := &journal{c: c, name: c.String("evidence"), out: cloneOutput(c, targets), done: make(chan struct{}), keys: keys, speaks: speaks}
	j.keep = j.name != ""
	if j.out == "-" {
		return nil, usage("-o - is of capture: clone keeps its journal beside the profiles")
	}
	if !j.keep {
		j.name = filepath.Join(j.out, journalName)
	}
	resume := c.Bool("resume")
	switch {
	case resume && !existing(j.name):
		return nil, failure{statusUsage, fmt.Errorf("%s: there is no interrupted clone; leave out --resume", j.name)}
	case !resume && existing(j.name) && !c.Bool("force"):
		if j.keep {
			return nil, failure{statusUsage, fmt.Errorf("%s: is there already; --resume goes on with it, --force begins anew", j.name)}
		}
		return nil, failure{statusUsage, fmt.Errorf("%s: a clone was interrupted; --resume goes on with it, --force begins anew", j.out)}
	case !resume:
		if err := os.Remove(j.name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	j.made = !existing(j.out)
	if err := os.MkdirAll(j.out, 0o755); err != nil {
		return nil, err
	}
	// What a clone that was killed left there belongs to this journal.
	j.work = filepath.Join(j.out, ".work-of-"+strings.TrimPrefix(baseName(j.name), "."))
	if err := os.RemoveAll(j.work); err != nil {
		return nil, err
	}
	if err := os.Mkdir(j.work, 0o755); err != nil {
		j.close()
		return nil, err
	}
	// The file holds communities and passwords as they were sent.
	if j.file, err = os.OpenFile(j.name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		j.close()
		return nil, failure{statusInput, err}
	}
	if err := j.begin(resume); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// begin opens the tap, and lets learning read it from the beginning of the file on.
func (j *journal) begin(resume bool) error {
	grown := follow(j.file)
	tap, err := capture.ResumeTap(j.file, grown, time.Now)
	if err != nil {
		return failure{statusInput, err}
	}
	j.tap = tap
	whole, err := j.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	grown.end = whole
	if resume {
		seq := capture.Exchanges(io.NewSectionReader(j.file, 0, whole), j.options())
		j.memory, err = clone.NewMemory(func(yield func(capture.Exchange, error) bool) {
			for x, err := range seq {
				if err == nil && j.resumed.IsZero() {
					j.resumed = x.At
				}
				if !yield(x, err) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
	}
	j.grown = grown
	go func() {
		defer close(j.done)
		h := sha256.New()
		all := io.TeeReader(j.grown, h)
		source := func() clone.Source {
			io.Copy(io.Discard, all)
			sum := hex.EncodeToString(h.Sum(nil))
			src := clone.Source{ID: "c" + sum[:8], Capture: profiles.Capture{Crawl: "ringer clone", SHA256: sum}}
			if j.keep {
				src.Capture.File = baseName(j.name)
			}
			return src
		}
		opt := clone.Options{KeepSecrets: j.c.Bool("keep-secrets"), NoCouple: j.c.Bool("no-couple"), Now: time.Now()}
		answered := map[netip.Addr]bool{}
		seq := func(yield func(capture.Exchange, error) bool) {
			for x, err := range capture.Exchanges(all, j.options()) {
				if err == nil && len(x.Replies) > 0 {
					answered[x.Server.Addr().Unmap()] = true
				}
				if !yield(x, err) {
					return
				}
			}
		}
		j.learned, _, j.err = learnExchanges(seq, source, j.work, opt)
		// That nobody answers is something to learn from a recording, but no device to those who look for one.
		j.learned = slices.DeleteFunc(j.learned, func(d *learned) bool { return !answered[d.server] })
		j.grown.leave(j.err) // a scan whose answers nobody learns from is to end
	}()
	return nil
}

// options of reading the journal: unlike a recording, it is read to its end when the user interrupts.
func (j *journal) options() capture.Options {
	return capture.Options{Name: j.name, Keys: j.keys, Warn: func(err error) { warn(j.c, "%v", err) }}
}

// visit begins the visit of a target.
func (j *journal) visit(t target, care clone.Care) *clone.Visit {
	v := clone.NewVisit(t.addr, t.name, care, j.tap)
	v.Memory = j.memory
	v.Keys = func(p wire.Protocol) wire.Protocol {
		for _, q := range j.speaks {
			if q.Name() == p.Name() {
				return q
			}
		}
		return p
	}
	return v
}

// finish ends the recording and moves what was learned from it to where it is wanted. The file of a clone
// that is complete goes, unless it is evidence; so does one of which nothing was learned.
func (j *journal) finish(complete bool) ([]*learned, error) {
	if err := j.tap.Close(); err != nil && j.err == nil {
		j.err = fmt.Errorf("%s: %w", j.name, err)
	}
	j.grown.Close()
	<-j.done
	if j.err != nil && len(j.learned) == 0 && !errors.Is(j.err, io.ErrClosedPipe) {
		return nil, j.err
	}
	if err := j.publish(complete); err != nil {
		return nil, err
	}
	if nothing := len(j.learned) == 0 && j.c.Context.Err() == nil; (complete || nothing) && !j.keep {
		if err := os.Remove(j.name); err != nil {
			return nil, err
		}
	}
	return j.learned, nil
}

// publish puts the profiles in place: into those that are there, or instead of what the same clone left
// when it was interrupted.
func (j *journal) publish(complete bool) error {
	for _, d := range j.learned {
		to := filepath.Join(j.out, d.ID)
		if existing(to) && !j.c.Bool("force") && !j.left(to) {
			if !complete {
				warn(j.c, "%s: is there from before, and is added to when the clone is complete", to)
				d.dir = to
				continue
			}
			old := *d
			old.dir = to
			if err := old.join(d); err != nil {
				return err
			}
			d.Device, d.dir = old.Device, to
			continue
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := os.Rename(d.dir, to); err != nil {
			return err
		}
		d.dir = to
	}
	return nil
}

// left says whether a profile is what this clone left when it was interrupted.
func (j *journal) left(dir string) bool {
	dev, err := profiles.Load(dir)
	if err != nil || j.resumed.IsZero() {
		return false
	}
	defer closeProfiles(dev)
	if len(dev.Captures) != 1 {
		return false
	}
	for _, k := range dev.Captures {
		return strings.HasPrefix(k.Crawl, "ringer clone") && !k.From.Before(j.resumed)
	}
	return false
}

func (j *journal) close() {
	if j.grown != nil {
		j.grown.Close()
		<-j.done
	}
	if j.memory != nil {
		j.memory.Close()
	}
	if j.file != nil {
		if info, err := j.file.Stat(); err == nil && info.Size() == 0 {
			os.Remove(j.name) // nothing to go on with
		}
		j.file.Close()
	}
	os.RemoveAll(j.work)
	if j.made {
		os.Remove(j.out) // unless there is something in it
	}
}
