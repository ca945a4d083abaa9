package emulate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// ReadEvents reads an event log. A line that is no event is an error with its number; reading goes on
// behind it as long as the caller does.
func ReadEvents(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		b := bufio.NewReaderSize(r, 64<<10)
		for n := 1; ; n++ {
			line, err := b.ReadBytes('\n')
			if len(bytes.TrimSpace(line)) > 0 {
				if !yield(parseEvent(line, n)) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("event log: line %d: %w", n, err))
				return
			}
		}
	}
}

func parseEvent(line []byte, n int) (Event, error) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, fmt.Errorf("event log: line %d: %w", n, err)
	}
	return e, nil
}

// followPause is how often a followed file is looked at.
const followPause = 100 * time.Millisecond

// FollowEvents reads a log file from its beginning, or from its end, and then what is added to it, over
// rotations, until ctx ends. Line numbers in errors count from where it began to read.
func FollowEvents(ctx context.Context, path string, fromEnd bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Event{}, fmt.Errorf("event log: %w", err))
			return
		}
		defer func() { f.Close() }()
		if fromEnd {
			if _, err := f.Seek(0, io.SeekEnd); err != nil {
				yield(Event{}, fmt.Errorf("event log: %w", err))
				return
			}
		}
		t := &tail{f: bufio.NewReaderSize(f, 64<<10)}
		for {
			if !t.lines(yield) {
				return
			}
			if next := follower(f, path); next != nil {
				if !t.lines(yield) { // what came between the last look and the rotation
					next.Close()
					return
				}
				f.Close()
				f = next
				t.f.Reset(f)
				t.part = t.part[:0]
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(followPause):
			}
		}
	}
}

// tail reads lines as far as they are complete.
type tail struct {
	f    *bufio.Reader
	part []byte // the beginning of a line whose end is not written yet
	n    int
}

func (t *tail) lines(yield func(Event, error) bool) bool {
	for {
		more, err := t.f.ReadSlice('\n')
		t.part = append(t.part, more...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			yield(Event{}, fmt.Errorf("event log: line %d: %w", t.n+1, err))
			return false
		}
		t.n++
		line := t.part
		t.part = t.part[:0]
		if len(bytes.TrimSpace(line)) > 0 && !yield(parseEvent(line, t.n)) {
			return false
		}
	}
}

// follower opens the file that goes on where f, which was put aside, ends: path, unless that has been
// put aside as well. nil: f is still being written. A file that was cut is read anew.
func follower(f *os.File, path string) *os.File {
	old, err := f.Stat()
	if err != nil {
		return nil
	}
	isOld := func(name string) bool {
		st, err := os.Stat(name)
		return err == nil && os.SameFile(old, st)
	}
	if isOld(path) {
		pos, err := f.Seek(0, io.SeekCurrent)
		if err != nil || old.Size() >= pos {
			return nil
		}
		return openOrNil(path)
	}
	for range 3 { // the files may be moved on while we look
		name, aside := path, 1
		for ; !isOld(asideName(path, aside)); aside++ {
			if _, err := os.Stat(asideName(path, aside)); err != nil {
				return openOrNil(path) // it is not kept any more: what came between is gone
			}
		}
		if aside > 1 {
			name = asideName(path, aside-1)
		}
		next := openOrNil(name)
		if next == nil || isOld(asideName(path, aside)) {
			return next
		}
		next.Close()
	}
	return nil
}

func openOrNil(name string) *os.File {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	return f
}
