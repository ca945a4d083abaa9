package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// An asker is a protocol that ringer clone can ask in: ringer clone NAME TARGET.
type asker struct {
	name, usage string
	flags       []cli.Flag
	scan        func(*cli.Context) (clone.Scanner, error)
}

// askers lists them, in the order in which a device is asked.
func askers() []asker {
	return []asker{redfishAsker(), httpAsker(), s7Asker(), snmpAsker(), modbusAsker(), bacnetAsker(), ipmiAsker(), enipAsker()}
}

func cloneCommand() *cli.Command {
	all := askers()
	var subcommands []*cli.Command
	flags := append(cloneFlags(), sharedFlags()...)
	for _, a := range all {
		own := append(slices.Clone(a.flags), cloneFlags()...)
		subcommands = append(subcommands, &cli.Command{
			Name: a.name, Usage: a.usage, ArgsUsage: "TARGET...",
			Description: fmt.Sprintf("Asks one protocol, and adds to the profile in -o if there is one. A target is an\naddress, with a port where that is not the usual one, a name, a network or a file of them.\n\n  ringer clone %s 10.0.0.3 -o plant\n  ringer clone %s 10.0.0.3:%s --care normal", a.name, a.name, examplePort(a.name)),
			Flags:       own,
			Action:      func(c *cli.Context) error { return cloneTargets(c, []asker{a}) },
		})
		flags = withFlags(flags, a.flags)
	}
	return &cli.Command{
		Name:      "clone",
		Usage:     "ask live devices, a profile per device out",
		ArgsUsage: "TARGET...",
		Description: strings.TrimSpace(`
Finds which protocols a device speaks, asks it in each, and writes a profile, as
capture does of a recording. Only ask devices that are yours. A scan only reads:
nothing that writes, controls, resets or clears is ever sent. It asks gently
unless --care says otherwise, backs off when the device has trouble, and stops
when the device slows down or falls silent; what was learned until then is kept.

A target is an address, a name, a network (10.0.0.0/28), or a file with one
target a line.

  ringer clone 10.0.0.3                   into 10.0.0.3.ringer/10.0.0.3
  ringer clone 10.0.0.3 --dry-run         what would be asked, and how long it takes
  ringer clone 10.0.0.3 --only snmp,http --ports 8080
  ringer clone plants.txt -o plants --evidence plants.pcapng
  ringer clone 10.0.0.3 --resume          go on where the last one was interrupted,
                                          or was ended by its limits
  ringer clone snmp 10.0.0.3 --community plant -o 10.0.0.3.ringer
  ringer clone --proxy 127.0.0.1:5020=10.0.0.3:502 -o plc
                                          learn from what others ask

Exit status: 0 if profiles were learned, 1 if there is more to ask, since it was
interrupted or ended by its limits, 3 if nothing answered.`),
		Flags:       flags,
		Subcommands: subcommands,
		Action:      func(c *cli.Context) error { return cloneTargets(c, all) },
	}
}

// sharedFlags are those that mean the same in several protocols, for the help of all of them.
func sharedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "samples", Usage: "ask `N` times for what may change, in each protocol", DefaultText: "by protocol"},
		&cli.DurationFlag{Name: "every", Usage: "with `TIME` between", DefaultText: "by protocol"},
		&cli.IntFlag{Name: "together", Usage: "at the end, read what moves in all protocols together `N` times, --every TIME, to find values that several of them show; 0: do not", Value: togetherTimes, DefaultText: "30, every 4s"},
		&cli.StringFlag{Name: "user", Usage: "log in to web pages as `NAME:PASSWORD`, or NAME:@FILE that holds the password; without a colon, ask as NAME in SNMPv3"},
	}
}

// withFlags adds flags whose names are not taken yet.
func withFlags(flags, more []cli.Flag) []cli.Flag {
	for _, f := range more {
		if !slices.ContainsFunc(flags, func(g cli.Flag) bool { return g.Names()[0] == f.Names()[0] }) {
			flags = append(flags, f)
		}
	}
	return flags
}

func cloneFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the profiles into `DIR`, or add to those that are there", DefaultText: "TARGET.ringer"},
		&cli.StringFlag{Name: "only", Usage: "ask only in these protocols: `NAMES` with commas between"},
		&cli.StringSliceFlag{Name: "ports", Usage: "look at port `N`, too; N=PROTOCOL says what is spoken there, N/udp a port of datagrams (repeat, or commas between)"},
		&cli.StringFlag{Name: "care", Usage: "`HOW` hard to ask: gentle, normal or lab", Value: "gentle"},
		&cli.Float64Flag{Name: "rate", Usage: "at most `N` questions a second to one device", DefaultText: "by --care"},
		&cli.IntFlag{Name: "connections", Usage: "at most `N` connections to one device at once", DefaultText: "by --care"},
		&cli.DurationFlag{Name: "timeout", Usage: "wait `TIME` for an answer", DefaultText: "by --care"},
		&cli.DurationFlag{Name: "time", Usage: "stop after `TIME`", DefaultText: "by --care"},
		&cli.StringFlag{Name: "bytes", Usage: "stop after `SIZE` both ways (100MB)", DefaultText: "by --care"},
		&cli.StringFlag{Name: "evidence", Usage: "keep every question and answer as packets in `FILE`.pcapng; it holds the secrets that were used"},
		&cli.BoolFlag{Name: "resume", Usage: "go on with an interrupted clone; what is known is not asked again"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print how many questions of each kind would be asked, and ask nothing"},
		&cli.StringSliceFlag{Name: "proxy", Usage: "`LISTEN=TARGET`: stand between clients and a device, pass every byte on, and learn (repeat; LISTEN/udp for datagrams)"},
		&cli.StringFlag{Name: "proxy-cert", Usage: "answer the proxy's TLS clients with the certificate in `FILE`"},
		&cli.StringFlag{Name: "proxy-key", Usage: "and its private key in `FILE`"},
		&cli.DurationFlag{Name: "for", Usage: "end the proxy after `TIME`; without it at Ctrl-C"},
		&cli.BoolFlag{Name: "force", Usage: "replace the profiles that are there already"},
		&cli.BoolFlag{Name: "keep-secrets", Usage: "leave passwords, communities and tokens in the profile as they are"},
		noCoupleFlag(),
		&cli.BoolFlag{Name: "json", Usage: "print JSON instead of tables"},
	}
}

// examplePort is a port of a protocol, for the help.
func examplePort(name string) string {
	if name == "redfish" {
		return "443"
	}
	if p := protocolNamed(name); p != nil {
		if _, number, ok := strings.Cut(p.Ports()[0], "/"); ok {
			return number
		}
	}
	return "1234"
}

func cloneTargets(c *cli.Context, all []asker) error {
	if len(c.StringSlice("proxy")) > 0 {
		return cloneByProxy(c)
	}
	if c.Args().Len() == 0 {
		return usage("clone wants a target: ringer clone ADDRESS (or --proxy LISTEN=TARGET)")
	}
	for _, f := range []string{"proxy-cert", "proxy-key", "for"} {
		if c.IsSet(f) {
			return usage("--%s goes with --proxy", f)
		}
	}
	care, err := careOf(c)
	if err != nil {
		return err
	}
	scanners, err := scannersOf(c, all)
	if err != nil {
		return err
	}
	ports, err := candidates(c)
	if err != nil {
		return err
	}
	targets, err := readTargets(c.Context, c.Args().Slice())
	if err != nil {
		return err
	}
	together, err := togetherOf(c)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return printPlan(c, scanners, targets, care, together)
	}
	j, err := openJournal(c, targets, scanners)
	if err != nil {
		return err
	}
	defer j.close()
	begun := time.Now()
	show := startCloneProgress(c)
	summaries := askAll(c.Context, j, targets, scanners, ports, care, together, show)
	show.end()
	devices, err := j.finish(c.Context.Err() == nil && endedBy(summaries) == "")
	if err != nil {
		return err
	}
	return printCloned(c, j, devices, summaries, since(begun))
}

// careOf is the preset, with what flags change.
func careOf(c *cli.Context) (clone.Care, error) {
	care, err := clone.CareNamed(c.String("care"))
	if err != nil {
		return care, usage("--care: %v", err)
	}
	if c.IsSet("rate") {
		if care.Rate = c.Float64("rate"); care.Rate <= 0 {
			return care, usage("--rate %g: want more than 0 questions a second", care.Rate)
		}
	}
	if err := setPositive(c, map[string]any{"connections": &care.Connections, "timeout": &care.Timeout, "time": &care.Time}); err != nil {
		return care, err
	}
	if c.IsSet("bytes") {
		if care.Bytes, err = parseSize(c.String("bytes")); err != nil {
			return care, usage("--bytes %s: %v", c.String("bytes"), err)
		}
	}
	return care, nil
}

// setPositive takes counts and times from flags. Only what was set: among the flags of all protocols, another's
// default may go by the same name.
func setPositive(c *cli.Context, flags map[string]any) error {
	for name, to := range flags {
		if !c.IsSet(name) {
			continue
		}
		switch to := to.(type) {
		case *int:
			if *to = c.Int(name); *to < 1 {
				return usage("--%s %d: want 1 or more", name, *to)
			}
		case *time.Duration:
			if *to = c.Duration(name); *to <= 0 {
				return usage("--%s %v: want a time above 0, as 5s", name, *to)
			}
		}
	}
	return nil
}

// together is how often, and with what time between, what moves is read in all protocols together.
type together struct {
	times int
	every time.Duration
}

// Two minutes: values that change every few seconds change some twenty times then, which it takes to tell them from
// others (clone/couple_agree.go).
const (
	togetherTimes = 30
	togetherEvery = 4 * time.Second
)

// togetherOf reads the options. One protocol has nothing to be read together with.
func togetherOf(c *cli.Context) (t together, err error) {
	t = together{c.Int("together"), togetherEvery}
	if t.times < 0 {
		return t, usage("--together %d: want how often, or 0 for not at all", t.times)
	}
	if c.IsSet("every") {
		t.every = c.Duration("every")
	}
	if c.Bool("no-couple") {
		t.times = 0
	}
	return t, nil
}

// scannersOf makes the scanners that are wanted.
func scannersOf(c *cli.Context, all []asker) ([]clone.Scanner, error) {
	var only []string
	if text := c.String("only"); text != "" {
		for name := range strings.SplitSeq(text, ",") {
			name = strings.TrimSpace(name)
			if !slices.ContainsFunc(all, func(a asker) bool { return a.name == name }) {
				return nil, usage("--only %s: %q cannot be asked; what can: %s", text, name, askerNames(all))
			}
			only = append(only, name)
		}
	}
	var scanners []clone.Scanner
	for _, a := range all {
		if len(only) > 0 && !slices.Contains(only, a.name) {
			continue
		}
		s, err := a.scan(c)
		if err != nil {
			return nil, err
		}
		scanners = append(scanners, s)
	}
	return scanners, nil
}

func askerNames(all []asker) string {
	var names []string
	for _, a := range all {
		names = append(names, a.name)
	}
	return strings.Join(names, ", ")
}

// A cloneSummary is what asking one device came to.
type cloneSummary struct {
	Target  string         `json:"target"`
	Address string         `json:"address"`
	Tallies []clone.Tally  `json:"protocols"`
	Remarks []clone.Remark `json:"remarks"`
	Stopped string         `json:"stopped,omitempty"`
}

// endedBy is why a device was not asked all there is to ask; "": all were.
func endedBy(summaries []cloneSummary) string {
	for _, s := range summaries {
		if s.Stopped != "" {
			return s.Target + ": " + s.Stopped
		}
	}
	return ""
}

// devicesAtOnce bounds how many devices of a network are asked side by side.
const devicesAtOnce = 16

// askAll asks every target; what is said goes to the journal.
func askAll(ctx context.Context, j *journal, targets []target, scanners []clone.Scanner, ports []clone.Candidate, care clone.Care, together together, show *cloneProgress) []cloneSummary {
	summaries := make([]cloneSummary, len(targets))
	room := make(chan struct{}, devicesAtOnce)
	var all sync.WaitGroup
	for i, t := range targets {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-room }()
			v := j.visit(t, care)
			show.watch(v)
			err := askInTime(ctx, v, t, scanners, ports, together)
			show.leave(v)
			s := cloneSummary{Target: t.name, Address: t.addr.String(), Tallies: v.Tallies(), Remarks: v.Remarks()}
			if err != nil && ctx.Err() == nil {
				s.Stopped = err.Error()
			}
			summaries[i] = s
		})
	}
	all.Wait()
	return slices.DeleteFunc(summaries, func(s cloneSummary) bool { return s.Address == "" })
}

// askInTime ends when the time that the care allows is over.
func askInTime(ctx context.Context, v *clone.Visit, t target, scanners []clone.Scanner, ports []clone.Candidate, together together) error {
	within, cancel := v.Within(ctx)
	defer cancel()
	err := askDevice(within, v, t, scanners, ports)
	if err == nil && within.Err() == nil {
		err = v.Together(within, together.times, together.every)
	}
	if within.Err() != nil {
		return context.Cause(within)
	}
	return err
}

// askDevice finds what a device speaks, and asks it in each protocol: side by side where the care allows more
// than one connection.
func askDevice(ctx context.Context, v *clone.Visit, t target, scanners []clone.Scanner, ports []clone.Candidate) error {
	if t.port.Number != 0 {
		named := clone.Candidate{Port: t.port}
		if len(scanners) == 1 {
			named.Protocol = scanners[0].Protocol().Name()
			named.Port.UDP = strings.HasPrefix(scanners[0].Protocol().Ports()[0], "udp/")
		}
		ports = append([]clone.Candidate{named}, ports...)
	}
	found, err := clone.Find(ctx, v, scanners, ports, t.port.Number == 0)
	if err != nil {
		return err
	}
	room := make(chan struct{}, max(1, v.Care.Connections))
	errs := make([]error, len(found))
	var all sync.WaitGroup
	for i, e := range found {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			errs[i] = e.Scanner.Scan(ctx, v, e.Port)
		})
	}
	all.Wait()
	for i, err := range errs {
		var stopped *clone.Stopped
		switch {
		case err == nil || ctx.Err() != nil:
			errs[i] = nil
		case !errors.As(err, &stopped):
			v.Remark(found[i].Scanner.Protocol().Name(), clone.Suspicious, "port %s: ended early: %v", found[i].Port, err)
			errs[i] = nil
		}
	}
	for _, err := range errs {
		if err != nil {
			return err // one visit stops once
		}
	}
	return nil
}

// cloneOutput is where the profiles go unless -o says.
func cloneOutput(c *cli.Context, targets []target) string {
	if out := c.String("output"); out != "" {
		return out
	}
	name := "clone"
	if c.Args().Len() > 0 {
		name = strings.NewReplacer("/", "-", ":", "-", "%", "-").Replace(filepath.Base(c.Args().First()))
		if strings.Contains(c.Args().First(), "/") && len(targets) > 0 && targets[0].network != "" {
			name = strings.ReplaceAll(targets[0].network, "/", "-")
		}
	}
	return stemOfList(name) + ".ringer"
}

func stemOfList(name string) string { return strings.TrimSuffix(name, ".txt") }

// existing says whether a file is there.
func existing(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
