package main

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/clone"
	"ringer/profiles"
)

// A learned device is a profile made from recordings.
type learned struct {
	*profiles.Device
	dir       string
	server    netip.Addr
	exchanges int
	couples   []clone.Couple // values that it shows in two protocols
	sealed    *sealedJSON    // what keys were worth to its sessions; nil: it has none
}

// learnFile learns every device in a recording and saves each under dir, in a folder named after it. A
// recording that seen has, by its content, gives nothing.
func learnFile(c *cli.Context, name, dir string, sel *selection, opt clone.Options, seen map[string]string) ([]*learned, error) {
	r, err := openRecording(c, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := sha256.New()
	r.Reader = io.TeeReader(r.Reader, h)
	var unread error
	source := func() clone.Source {
		_, unread = io.Copy(io.Discard, r) // what lies behind damage is part of the content, too
		sum := hex.EncodeToString(h.Sum(nil))
		return clone.Source{ID: "c" + sum[:8], Capture: profiles.Capture{File: baseName(r.name), SHA256: sum}}
	}
	found, src, err := learnExchanges(sel.exchanges(c, r, nil), source, dir, opt)
	if unread != nil {
		return found, failure{statusInput, fmt.Errorf("%s: %w", r.name, unread)}
	}
	if other, twice := seen[src.ID]; twice {
		warn(c, "%s: is the same recording as %s, and is learned once", name, other)
		return nil, nil
	}
	seen[src.ID] = name
	return found, err
}

// learnExchanges is learnFile without the file; source is asked for at the end. What could not be read ends
// it with an error only if nothing was learned before.
func learnExchanges(seq iter.Seq2[capture.Exchange, error], source func() clone.Source, dir string, opt clone.Options) ([]*learned, clone.Source, error) {
	type learning struct {
		*clone.Learning
		n int
	}
	devices := map[netip.Addr]*learning{}
	var damage error
	for x, err := range seq {
		if err != nil {
			damage = err
			continue
		}
		addr := x.Server.Addr().Unmap()
		l := devices[addr]
		if l == nil {
			l = &learning{Learning: clone.NewLearning(clone.Source{}, opt)}
			devices[addr] = l
		}
		l.n++
		l.Add(&x)
	}
	src := source()
	if damage != nil && len(devices) == 0 {
		return nil, src, failure{statusInput, damage}
	}
	addrs := make([]netip.Addr, 0, len(devices))
	for a := range devices {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	var out []*learned
	for _, a := range addrs {
		l := devices[a]
		own := src
		own.Capture.Server = a.String()
		l.From(own)
		d, err := saveLearned(l.Learning, a, dir)
		if err != nil {
			return nil, src, err
		}
		if d != nil {
			d.exchanges = l.n
			out = append(out, d)
		}
		delete(devices, a)
	}
	return out, src, damage
}

// deviceName is the id of a device that is known by its address.
func deviceName(a netip.Addr) string {
	name := strings.NewReplacer(":", "-", "%", "-").Replace(a.String())
	if name[0] == '-' { // "::1" must not look like a flag
		name = "0" + name
	}
	return name
}

func saveLearned(l *clone.Learning, a netip.Addr, dir string) (*learned, error) {
	dev := &profiles.Device{ID: deviceName(a)}
	path := filepath.Join(dir, dev.ID)
	folder, err := profiles.OpenFolder(path)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	if err := l.Finish(&clone.Output{Device: dev, Create: folder.Create}); err != nil {
		return nil, fmt.Errorf("%s: %w", dev.ID, err)
	}
	if len(dev.Services) == 0 {
		return nil, os.RemoveAll(path)
	}
	dev.Files = folder
	if err := dev.Save(path); err != nil {
		return nil, err
	}
	dev.Files = nil
	return &learned{Device: dev, dir: path, server: a, couples: l.Couples()}, nil
}

// learnFiles learns from several recordings: a device that is in more than one has what they all show.
func learnFiles(c *cli.Context, names []string, dir string, sel *selection, opt clone.Options) ([]*learned, error) {
	byID := map[string]*learned{}
	seen := map[string]string{}
	if len(opt.Salt) == 0 { // one for all files, so that the same secret is the same in all of them
		opt.Salt = make([]byte, 8)
		rand.Read(opt.Salt)
	}
	for i, name := range names {
		into := dir
		if i > 0 {
			into = filepath.Join(dir, fmt.Sprintf(".more-%d", i))
		}
		found, err := learnFile(c, name, into, sel, opt, seen)
		if err != nil && len(found) == 0 {
			return nil, err
		}
		if err != nil {
			warn(c, "%v; what was read before is kept", err)
		}
		for _, d := range found {
			if byID[d.ID] == nil {
				if i > 0 {
					to := filepath.Join(dir, d.ID)
					if err := os.Rename(d.dir, to); err != nil {
						return nil, err
					}
					d.dir = to
				}
				byID[d.ID] = d
				continue
			}
			if err := byID[d.ID].join(d); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			if err := os.RemoveAll(into); err != nil {
				return nil, err
			}
		}
	}
	var out []*learned
	for _, d := range byID {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *learned) int { return cmp.Or(a.server.Compare(b.server), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// join merges what another recording showed of the same device. What they say differently is no matter for
// a warning: it is one device at two times.
func (d *learned) join(other *learned) error {
	a, err := profiles.Load(d.dir)
	if err != nil {
		return err
	}
	defer closeProfiles(a)
	b, err := profiles.Load(other.dir)
	if err != nil {
		return err
	}
	defer closeProfiles(b)
	merged, _, err := profiles.Merge(a, b)
	if err != nil {
		return fmt.Errorf("%s: %w", d.ID, err)
	}
	next := d.dir + ".merged"
	if err := merged.Save(next); err != nil {
		return fmt.Errorf("%s: %w", d.ID, err)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return err
	}
	if err := os.Rename(next, d.dir); err != nil {
		return err
	}
	d.Device, merged.Files = merged, nil
	d.exchanges += other.exchanges
	d.couples = append(d.couples, other.couples...)
	return nil
}

func closeProfiles(devices ...*profiles.Device) {
	for _, d := range devices {
		if c, ok := d.Files.(io.Closer); ok {
			c.Close()
		}
	}
}

// nothingLearned explains why a recording gave no profile.
func nothingLearned(names []string) error {
	return failure{statusInput, errors.New(strings.Join(names, ", ") + ": nothing that ringer speaks is in it; ringer capture --list shows what is")}
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }
