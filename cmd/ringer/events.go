package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/emulate"
)

func eventsCommand() *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "look at what visitors did",
		ArgsUsage: "FILE",
		Description: strings.TrimSpace(`
Prints the event log of a decoy for people: a line for each request, with who
asked, what, and what the decoy answered. FILE is what "emulate --events FILE"
writes; "-" is standard input.

  ringer events events.jsonl
  ringer events events.jsonl --follow --origin refused
  ringer events events.jsonl --protocol modbus --src 10.1.0.0/16 --since 1h
  ringer events events.jsonl --json | jq .request      filtered, as they are`),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with what is added to the file, until Ctrl-C"},
			&cli.StringSliceFlag{Name: "protocol", Usage: "only events of `NAME` (repeat for more)"},
			&cli.StringSliceFlag{Name: "device", Usage: "only events of the device `ID` (repeat for more)"},
			&cli.StringSliceFlag{Name: "src", Usage: "only visitors from `ADDR` or prefix (repeat for more)"},
			&cli.StringSliceFlag{Name: "origin", Usage: "only answers from `ORIGIN`: point, recorded, modelled or refused"},
			&cli.StringSliceFlag{Name: "kind", Usage: "only events of `KIND`: connect, disconnect, request, push, malformed, limit, failure, lost"},
			&cli.StringFlag{Name: "since", Usage: "only events from `WHEN` on: a time (2026-03-02T08:00:00Z) or how long ago (90m)"},
			&cli.BoolFlag{Name: "full", Usage: "do not shorten requests and answers"},
			&cli.BoolFlag{Name: "json", Usage: "print the events as JSON lines"},
		},
		Action: showEvents,
	}
}

type eventFilter struct {
	protocols, devices, origins, kinds []string
	sources                            []netip.Prefix
	since                              time.Time
}

func showEvents(c *cli.Context) error {
	if c.Args().Len() != 1 {
		return usage("events wants one FILE, as \"ringer emulate --events FILE\" writes it")
	}
	name := c.Args().First()
	f, err := newEventFilter(c, time.Now())
	if err != nil {
		return err
	}
	if c.Bool("follow") {
		if name == "-" {
			return usage("--follow wants a file, not standard input: leave --follow out, reading goes on until the input ends")
		}
		return printEvents(c, name, emulate.FollowEvents(c.Context, name, false), f)
	}
	if name == "-" {
		return printEvents(c, "standard input", emulate.ReadEvents(c.App.Reader), f)
	}
	r, err := os.Open(name)
	if err != nil {
		return inputError(err)
	}
	defer r.Close()
	return printEvents(c, name, emulate.ReadEvents(r), f)
}

func newEventFilter(c *cli.Context, now time.Time) (*eventFilter, error) {
	f := &eventFilter{
		protocols: c.StringSlice("protocol"), devices: c.StringSlice("device"),
		origins: c.StringSlice("origin"), kinds: c.StringSlice("kind"),
	}
	for _, o := range f.origins {
		if !slices.Contains([]string{"point", "recorded", "modelled", "refused"}, o) {
			return nil, usage("--origin %s: want point, recorded, modelled or refused", o)
		}
	}
	for _, k := range f.kinds {
		if !slices.Contains([]string{"connect", "disconnect", "request", "push", "malformed", "limit", "failure", "lost"}, k) {
			return nil, usage("--kind %s: want connect, disconnect, request, push, malformed, limit, failure or lost", k)
		}
	}
	for _, s := range c.StringSlice("src") {
		p, err := parsePrefix(s)
		if err != nil {
			return nil, usage("--src %s: want an address or a prefix such as 10.1.0.0/16", s)
		}
		f.sources = append(f.sources, p)
	}
	var err error
	f.since, err = parseWhen(c.String("since"), now)
	if err != nil {
		return nil, usage("--since %s: %v", c.String("since"), err)
	}
	return f, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// parseWhen reads a time, or how long before now it was.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("want a time such as 2026-03-02T08:00:00Z (UTC unless it says otherwise), or a duration such as 90m")
}

func (f *eventFilter) wants(e *emulate.Event) bool {
	if len(f.protocols) > 0 && !slices.Contains(f.protocols, e.Protocol) ||
		len(f.devices) > 0 && !slices.Contains(f.devices, e.Device) ||
		len(f.origins) > 0 && !slices.Contains(f.origins, e.From) ||
		len(f.kinds) > 0 && !slices.Contains(f.kinds, string(e.Kind)) ||
		!f.since.IsZero() && e.Time.Before(f.since) {
		return false
	}
	if len(f.sources) == 0 {
		return true
	}
	return slices.ContainsFunc(f.sources, func(p netip.Prefix) bool { return p.Contains(e.SrcIP.Unmap()) })
}

func printEvents(c *cli.Context, name string, events func(func(emulate.Event, error) bool), f *eventFilter) error {
	w := c.App.Writer
	width := eventWidth
	if c.Bool("full") {
		width = 1 << 20
	}
	bad, firstBad := 0, error(nil)
	shown := 0
	for e, err := range events {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				return inputError(err)
			}
			if bad++; firstBad == nil {
				firstBad = err
			}
			continue
		}
		if !f.wants(&e) {
			continue
		}
		shown++
		if c.Bool("json") {
			b, err := json.Marshal(e)
			if err != nil {
				return err
			}
			if _, err := w.Write(append(b, '\n')); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintln(w, eventLine(&e, width)); err != nil {
			return err
		}
	}
	if bad > 0 {
		text := fmt.Sprintf("%s: %v", name, firstBad)
		if bad > 1 {
			text += fmt.Sprintf(" (and %s more)", plural(bad-1, "line", "lines"))
		}
		if shown == 0 {
			return failure{statusInput, errors.New(text + ": this is no event log")}
		}
		warn(c, "%s: passed over", text)
	}
	return nil
}
