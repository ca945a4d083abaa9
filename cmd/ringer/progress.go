package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"
)

// A progress is a line on a terminal that says how far work has come, once it has taken a second.
type progress struct {
	w     io.Writer
	title string
	total int64 // 0: not known
	unit  func(int64) string
	done  atomic.Int64
	stop  chan struct{}
	gone  chan struct{}
}

// startProgress shows nothing unless standard error is a terminal.
func startProgress(c *cli.Context, title string, total int64, unit func(int64) string) *progress {
	p := &progress{w: c.App.ErrWriter, title: title, total: total, unit: unit}
	if isTerminal(c.App.ErrWriter) {
		p.stop, p.gone = make(chan struct{}), make(chan struct{})
		go p.show()
	}
	return p
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) add(n int) { p.done.Add(int64(n)) }

func (p *progress) show() {
	defer close(p.gone)
	shown := false
	for wait := time.Second; ; wait = 200 * time.Millisecond {
		select {
		case <-p.stop:
			if shown {
				fmt.Fprint(p.w, "\r\x1b[K")
			}
			return
		case <-time.After(wait):
		}
		shown = true
		fmt.Fprint(p.w, "\r"+noWrap+p.line()+"\x1b[K"+wrap)
	}
}

// With wrapping off, a terminal cuts a line at its edge (ECMA-48 private mode DECAWM): the next goes over it.
const (
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

const barWidth = 24

func (p *progress) line() string {
	done := p.done.Load()
	if p.total <= 0 {
		return fmt.Sprintf("%s: %s", p.title, p.unit(done))
	}
	part := min(float64(done)/float64(p.total), 1)
	bar := make([]rune, barWidth)
	for i := range bar {
		bar[i] = '░'
		if float64(i) < part*barWidth {
			bar[i] = '█'
		}
	}
	return fmt.Sprintf("%s %s %3.0f %%  %s of %s", p.title, string(bar), part*100, p.unit(done), p.unit(p.total))
}

// end takes the line away.
func (p *progress) end() {
	if p.stop != nil {
		close(p.stop)
		<-p.gone
		p.stop = nil
	}
}

// reader counts what is read.
func (p *progress) reader(r io.Reader) io.Reader { return countingReader{r, p} }

type countingReader struct {
	io.Reader
	p *progress
}

func (r countingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.add(n)
	return n, err
}
