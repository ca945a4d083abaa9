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
}

// learnFile learns every device in a recording and saves each under dir, in a folder named after it. A
// recording that seen has, by its content, gives nothing.
func learnFile(c *cli.Context, name, dir string, sel *selection, opt clone.Options, seen map[string]string) ([]*learned, error) {
	r, err := openRecording(c, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	src, err := sourceOf(r)
	if err != nil {
		return nil, failure{statusInput, err}
	}
	if hash := src.Capture.SHA256; hash != "" {
		if other, twice := seen[hash]; twice {
			warn(c, "%s: is the same recording as %s, and is learned once", name, other)
			return nil, nil
		}
		seen[hash] = name
	}
	return learnExchanges(sel.exchanges(c, r, nil), src, dir, opt)
}

// sourceOf names a recording by its content, so that the same one is not learned twice.
func sourceOf(r *recording) (clone.Source, error) {
	src := clone.Source{ID: "c0", Capture: profiles.Capture{File: baseName(r.name)}}
	if r.file == nil || r.size == 0 {
		return src, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, r.file); err != nil {
		return src, fmt.Errorf("%s: %w", r.name, err)
	}
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return src, fmt.Errorf("%s: %w", r.name, err)
	}
	src.Capture.SHA256 = hex.EncodeToString(h.Sum(nil))
	src.ID = "c" + src.Capture.SHA256[:8]
	return src, nil
}

// learnExchanges is learnFile without the file. What could not be read ends it with an error only if
// nothing was learned before.
func learnExchanges(seq iter.Seq2[capture.Exchange, error], src clone.Source, dir string, opt clone.Options) ([]*learned, error) {
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
			own := src
			own.Capture.Server = addr.String()
			l = &learning{Learning: clone.NewLearning(own, opt)}
			devices[addr] = l
		}
		l.n++
		l.Add(&x)
	}
	if damage != nil && len(devices) == 0 {
		return nil, failure{statusInput, damage}
	}
	addrs := make([]netip.Addr, 0, len(devices))
	for a := range devices {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	var out []*learned
	for _, a := range addrs {
		l := devices[a]
		d, err := saveLearned(l.Learning, a, dir)
		if err != nil {
			return nil, err
		}
		if d != nil {
			d.exchanges = l.n
			out = append(out, d)
		}
		delete(devices, a)
	}
	return out, damage
}

// deviceName is the id of a device that is known by its address.
func deviceName(a netip.Addr) string {
	return strings.NewReplacer(":", "-", "%", "-").Replace(a.String())
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
	return &learned{Device: dev, dir: path, server: a}, nil
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
