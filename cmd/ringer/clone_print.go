package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// questionWidth is what a kind of question takes of a terminal's columns.
const questionWidth = 50

// printPlan shows what would be asked. Nothing is sent for it.
func printPlan(c *cli.Context, scanners []clone.Scanner, targets []target, care clone.Care, together together) error {
	type row struct {
		Protocol string `json:"protocol"`
		Kind     string `json:"kind"`
		Least    int    `json:"least"`
		Most     int    `json:"most,omitempty"` // 0: as many as the device has
	}
	rows := []row{}
	least, most, open := 0, 0, false
	t := newTable("protocol", "question", ">at least", ">at most")
	for _, s := range scanners {
		name := s.Protocol().Name()
		for _, step := range s.Plan(care) {
			rows = append(rows, row{name, step.Kind, step.Least, step.Most})
			top := count(step.Most)
			if step.Most == 0 {
				top, open = "all", true
			}
			least, most = least+step.Least, most+max(step.Most, step.Least)
			first := []string{name, "", count(step.Least), top}
			for _, line := range wrapped(step.Kind, questionWidth) {
				first[1] = line
				t.add(first...)
				first = []string{"", "", "", ""}
			}
		}
	}
	if together.times > 0 && len(scanners) > 1 {
		kind := fmt.Sprintf("what moves, together, %d times, every %v", together.times, together.every)
		rows = append(rows, row{"all", kind, 0, 0})
		t.add("all", kind, "0", "all")
	}
	if c.Bool("json") {
		return printJSON(c, map[string]any{"targets": len(targets), "care": care.Name, "questions": rows, "least": least, "most": most, "unbounded": open, "limit": care.Time.String()})
	}
	if err := t.print(c.App.Writer); err != nil {
		return err
	}
	w := &strings.Builder{}
	fmt.Fprintf(w, "to each of %s, if it speaks all of these: %s questions or more", plural(len(targets), "target", "targets"), count(least))
	if care.Rate > 0 {
		per := func(n int) time.Duration {
			return time.Duration(float64(n) / care.Rate * float64(time.Second)).Round(time.Second)
		}
		fmt.Fprintf(w, ", at %g a second (--care %s) %v", care.Rate, care.Name, per(least))
		if most > least {
			fmt.Fprintf(w, " to %v", per(most))
		}
		if open {
			fmt.Fprint(w, " and more for a device that has much")
		}
	} else {
		fmt.Fprintf(w, ", as fast as it answers (--care %s)", care.Name)
	}
	fmt.Fprintf(w, "; it ends after %v in any case. Nothing was sent.", care.Time)
	_, err := fmt.Fprintf(c.App.Writer, "\n%s\n", strings.Join(wrapped(w.String(), 79), "\n"))
	return err
}

// printCloned shows what was asked, what there is to say about it, and the profiles.
func printCloned(c *cli.Context, j *journal, devices []*learned, summaries []cloneSummary, took time.Duration) error {
	interrupted := c.Context.Err() != nil
	if c.Bool("json") {
		all := struct {
			Devices []cloneSummary `json:"devices"`
			Learned []string       `json:"profiles"`
			Coupled []clone.Couple `json:"coupled,omitempty"`
			Resume  bool           `json:"interrupted,omitempty"`
		}{summaries, []string{}, nil, interrupted || endedBy(summaries) != ""}
		for _, d := range devices {
			all.Learned = append(all.Learned, d.dir)
			all.Coupled = append(all.Coupled, d.couples...)
		}
		if err := printJSON(c, all); err != nil {
			return err
		}
	} else if err := printSummaries(c, summaries); err != nil {
		return err
	}
	if len(devices) > 0 && !c.Bool("json") {
		fmt.Fprintln(c.App.Writer)
		if err := printLearned(c, devices, took); err != nil {
			return err
		}
		if j.keep {
			fmt.Fprintf(c.App.Writer, "evidence in %s\n", j.name)
		}
	}
	switch {
	case interrupted:
		return differs("interrupted; the same command with --resume goes on")
	case len(devices) == 0:
		var names []string
		for _, s := range summaries {
			names = append(names, s.Target)
		}
		return failure{statusInput, fmt.Errorf("%s: nothing answered in a protocol that was asked", cut(strings.Join(names, ", "), 60))}
	case endedBy(summaries) != "":
		return differs("%s; what was learned is kept, the same command with --resume goes on", endedBy(summaries))
	}
	return nil
}

// remarkWidth is what a remark takes of a terminal's columns.
const remarkWidth = 42

func printSummaries(c *cli.Context, summaries []cloneSummary) error {
	w := c.App.Writer
	asked := newTable("device", "protocol", ">asked", ">answered", ">silent", ">failed", ">known", ">bytes", ">answers in")
	said := newTable("device", "protocol", "", "")
	for _, s := range summaries {
		name := s.Address
		for _, t := range s.Tallies {
			asked.add(name, t.Protocol, number(t.Asked), number(t.Answered), number(t.Silent), number(t.Failed), number(t.Known), bytesText(t.Bytes), short(t.Latency))
			name = ""
		}
		name = s.Address
		for _, kind := range []clone.Kind{clone.Found, clone.Fact, clone.NotThere, clone.Suspicious} {
			for _, r := range s.Remarks {
				if r.Kind == kind {
					first := []string{name, r.Protocol, string(kind)}
					for _, line := range wrapped(r.Text, remarkWidth) {
						said.add(append(first, line)...)
						first = []string{"", "", ""}
					}
					name = ""
				}
			}
		}
		if s.Stopped != "" {
			said.add(name, "", "stopped", s.Stopped)
		}
	}
	if len(asked.rows) > 0 {
		if err := asked.without("silent", "failed", "known").print(w); err != nil {
			return err
		}
	}
	if len(said.rows) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return said.print(w)
}

// A cloneProgress shows on a terminal how far the visits have come.
type cloneProgress struct {
	mu     sync.Mutex
	visits []*clone.Visit
	line   *progress
}

func startCloneProgress(c *cli.Context) *cloneProgress {
	p := &cloneProgress{}
	p.line = startProgress(c, "asking", 0, func(int64) string { return p.text() })
	return p
}

func (p *cloneProgress) watch(v *clone.Visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visits = append(p.visits, v)
}

func (p *cloneProgress) leave(v *clone.Visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.visits {
		if w == v {
			p.visits = append(p.visits[:i], p.visits[i+1:]...)
			return
		}
	}
}

func (p *cloneProgress) end() { p.line.end() }

// progressVisits is how many devices are shown at once.
const progressVisits = 2

// text is one line: per device and protocol the questions, the answers, the rate and the time left.
func (p *cloneProgress) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var parts []string
	for i, v := range p.visits {
		if i == progressVisits {
			parts = append(parts, fmt.Sprintf("and %s", plural(len(p.visits)-i, "device more", "devices more")))
			break
		}
		tallies := v.Tallies()
		if len(tallies) == 0 {
			parts = append(parts, v.Addr.String())
		}
		for k, t := range tallies {
			text := fmt.Sprintf("%s %s asked, %s answered", t.Protocol, number(t.Asked), number(t.Answered))
			if k == 0 {
				text = v.Addr.String() + " " + text
			}
			if spent := time.Since(t.Began).Seconds(); spent > 1 && t.Asked > 0 {
				rate := float64(t.Asked) / spent
				text += fmt.Sprintf(", %.0f/s", rate)
				if left := t.Expected - t.Asked - t.Known; left > 0 {
					text += fmt.Sprintf(", %v left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
				}
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}
