package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
	"ringer/replay"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "ask again what a recording asked, and compare the answers",
		ArgsUsage: "CAPTURE",
		Description: strings.TrimSpace(`
Plays the clients of a recording against a target and compares every answer
with the recorded one, field by field; what may differ (clocks, handles) is
masked, and the report says how often. A target outside loopback is only read
from, unless --allow-writes says otherwise.

  ringer replay plant.pcapng --against plant.ringer
                                    profiles, in this process
  ringer replay plant.pcapng --device 10.0.0.3 --target 127.0.0.2
  ringer replay plant.pcapng --map 10.0.0.3=127.0.0.2 --map 10.0.0.8=127.0.0.3
  ringer emulate plant.ringer --json > decoy.json &
  ringer replay plant.pcapng --decoy decoy.json      all that is served there
  ringer replay plant.pcapng --target 192.0.2.7 --speed recorded
  ringer replay plant.pcapng --against plc.zip --junit result.xml
  ringer replay plant.pcapng --against plc.zip --write-accept known.tsv
  ringer replay plant.pcapng --against plc.zip --accept known.tsv
                                    what is known to differ does not fail
  ringer replay plant.pcapng --split 0.5
                                    learn from the first half, ask the second

Exit status: 0 if everything that was recorded came again, 1 if an answer
differs or is missing, if more than 5 % of the fields had to be masked, or if
nothing was asked.`),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "target", Aliases: []string{"t"}, Usage: "ask the device at `ADDR`"},
			&cli.StringSliceFlag{Name: "map", Usage: "ask in the place of a recorded device: `RECORDED=ADDR` (repeat for more)"},
			&cli.StringFlag{Name: "decoy", Usage: "ask the decoys in `FILE`, which \"ringer emulate --json\" printed"},
			&cli.IntFlag{Name: "port-offset", Usage: "add `N` to the recorded ports"},
			&cli.StringSliceFlag{Name: "map-port", Usage: "ask a protocol on another port: `PROTOCOL=N` (repeat for more)"},
			&cli.StringSliceFlag{Name: "against", Usage: "ask a `PROFILE` (or a recording) in this process, without sockets (repeat for more)"},
			&cli.Float64Flag{Name: "split", Usage: "learn from the first `PART` (0.5: half), ask the rest, and compare the structure of answers"},
			&cli.StringFlag{Name: "speed", Usage: "`SPEED`: max, recorded, or how many times as fast as recorded", Value: "max"},
			&cli.StringFlag{Name: "values", Usage: "`WHICH` values --against gives: as \"recorded\" first, or by the \"model\"", Value: "recorded"},
			&cli.DurationFlag{Name: "timeout", Usage: "wait for an answer for `TIME`", Value: 2 * time.Second},
			&cli.BoolFlag{Name: "allow-writes", Usage: "send writes and control requests to a target outside loopback, too"},
			&cli.StringFlag{Name: "accept", Usage: "`FILE` of known differences that do not fail"},
			&cli.StringFlag{Name: "write-accept", Usage: "write the differences to `FILE`, for --accept"},
			&cli.StringFlag{Name: "junit", Usage: "write the report to `FILE` for continuous integration"},
			&cli.IntFlag{Name: "show", Usage: "print at most `N` differences", Value: 20},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
		}, selectionFlags()...),
		Action: replayRecording,
	}
}

func replayRecording(c *cli.Context) error {
	if c.Args().Len() != 1 {
		return usage("replay wants one recording: ringer replay CAPTURE --target ADDR, or --against PROFILE")
	}
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	speed, err := parseSpeed(c.String("speed"))
	if err != nil {
		return err
	}
	ways := 0
	for _, set := range []bool{c.IsSet("target") || c.IsSet("map"), c.IsSet("decoy"), c.IsSet("against"), c.IsSet("split")} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return usage("whom to ask? --target ADDR (or --map RECORDED=ADDR), --decoy FILE, --against PROFILE, or --split 0.5: give one of them")
	}
	if found, isProfile, _ := profilesIn(c.Args().First()); isProfile && len(found) > 0 {
		return usage("%[1]s: is a profile, and replay plays a recording: ringer replay CAPTURE --against %[1]s", c.Args().First())
	}
	p := &playing{c: c, name: c.Args().First(), sel: sel}
	defer p.close()
	if err := p.open(); err != nil {
		return err
	}
	if c.IsSet("split") {
		return replaySplit(p, c.Float64("split"))
	}
	accept, err := readAccept(c.String("accept"))
	if err != nil {
		return err
	}
	opt := replay.Options{Speed: speed, Timeout: c.Duration("timeout"), Study: p.study}
	target, err := p.target(&opt)
	if err != nil {
		return err
	}
	report := &replay.Report{Accept: accept, Warnings: p.sel.proofs.warnings()}
	if err := p.play(target, opt, report); err != nil {
		return err
	}
	return finishReplay(c, p.name, report, accept)
}

// parseSpeed reads how fast to ask: 0 is as fast as possible.
func parseSpeed(s string) (float64, error) {
	switch s {
	case "max":
		return 0, nil
	case "recorded":
		return 1, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || f <= 0 || f > 1e6 {
		return 0, usage("--speed %s: want max, recorded, or how many times as fast as recorded", s)
	}
	return f, nil
}

// A playing is a recording that is read twice: studied, then played.
type playing struct {
	c     *cli.Context
	name  string
	sel   *selection
	file  string // where to read it; a copy if it came on standard input
	study *replay.Study
	done  []func()
}

func (p *playing) close() {
	for _, f := range slices.Backward(p.done) {
		f()
	}
}

func (p *playing) open() error {
	p.file = p.name
	if p.name == "-" {
		f, err := os.CreateTemp("", "ringer-*.pcap")
		if err != nil {
			return err
		}
		p.done = append(p.done, func() { os.Remove(f.Name()) })
		_, err = io.Copy(f, p.c.App.Reader)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		p.file = f.Name()
	}
	p.study = replay.NewStudy()
	for x, err := range p.exchanges(true) {
		if err != nil {
			if p.study.Exchanges == 0 {
				return failure{statusInput, err}
			}
			warn(p.c, "%v; what was read before is played", err)
			continue
		}
		p.study.Add(&x)
	}
	if p.study.Exchanges == 0 {
		return nothingLearned([]string{p.name})
	}
	return nil
}

// exchanges reads the recording. Damage is said the first time only.
func (p *playing) exchanges(first bool) iter.Seq2[capture.Exchange, error] {
	return func(yield func(capture.Exchange, error) bool) {
		r, err := openRecording(p.c, p.file)
		if err != nil {
			yield(capture.Exchange{}, err)
			return
		}
		defer r.Close()
		opt := p.sel.options(p.c, p.name)
		var src io.Reader = r
		end := func() {}
		if first {
			bar := startProgress(p.c, "studying "+baseName(p.name), r.size, bytesText)
			src, end = bar.reader(r), bar.end
		} else {
			opt.Warn = func(error) {}
		}
		seq := p.sel.joined(capture.Exchanges(src, opt), end)
		if first {
			seq = p.sel.weighed(seq)
		}
		for x, err := range seq {
			if err != nil && !first {
				continue
			}
			if !yield(x, err) {
				return
			}
		}
	}
}

// target is who is asked, and what is withheld from it.
func (p *playing) target(opt *replay.Options) (replay.Target, error) {
	if p.c.IsSet("against") {
		devices, done, err := openDevices(p.c, p.c.StringSlice("against"))
		p.done = append(p.done, done)
		if err != nil {
			return nil, err
		}
		for _, d := range devices {
			p.study.Profile(d)
		}
		return p.inside(devices)
	}
	if p.c.IsSet("decoy") {
		return decoyTarget(p.c, opt)
	}
	return p.sockets(opt)
}

func (p *playing) inside(devices []*profiles.Device) (replay.Target, error) {
	set := emulate.Settings{}
	switch v := p.c.String("values"); v {
	case "recorded":
	case "model":
		set.Values = emulate.Model
	default:
		return nil, usage("--values %s: want recorded or model", v)
	}
	t, err := replay.NewInside(devices, p.sel.speaks, set, p.study.From)
	if err != nil {
		return nil, failure{statusInput, err}
	}
	return t, nil
}

func (p *playing) sockets(opt *replay.Options) (replay.Target, error) {
	c := p.c
	servers := map[netip.Addr]bool{}
	byName := map[string]netip.Addr{}
	for s := range p.study.Servers {
		a := s.Addr().Unmap()
		servers[a] = true
		byName[a.String()], byName[deviceName(a)] = a, a
	}
	mapped, err := parseMap(c.StringSlice("map"))
	if err != nil {
		return nil, err
	}
	byRecorded := map[netip.Addr]netip.Addr{}
	for name, to := range mapped {
		from, ok := byName[name]
		if !ok {
			return nil, usage("--map %s=%s: there is no device %s in %s; ringer capture --list shows them", name, to, name, p.name)
		}
		byRecorded[from] = to
	}
	if c.IsSet("target") {
		to, err := resolve(c.String("target"))
		if err != nil {
			return nil, err
		}
		if len(servers) > 1 && len(byRecorded) == 0 {
			var names []string
			for s := range servers {
				names = append(names, s.String())
			}
			slices.Sort(names)
			return nil, usage("there are %d devices in %s: say which with --device, or where each is with --map RECORDED=ADDR (%s)", len(servers), p.name, strings.Join(names, ", "))
		}
		for s := range servers {
			if _, ok := byRecorded[s]; !ok {
				byRecorded[s] = to
			}
		}
	}
	ports, err := parsePorts(c.StringSlice("map-port"))
	if err != nil {
		return nil, err
	}
	offset := c.Int("port-offset")
	if !c.Bool("allow-writes") {
		opt.Withhold = func(x *capture.Exchange, effect wire.Effect) bool {
			return effect != wire.Read && !byRecorded[x.Server.Addr().Unmap()].IsLoopback()
		}
	}
	return &replay.Sockets{
		Dialer: &net.Dialer{Timeout: c.Duration("timeout")},
		Addr: func(server netip.AddrPort, _, protocol string) (netip.AddrPort, bool) {
			a, ok := byRecorded[server.Addr().Unmap()]
			port := int(server.Port()) + offset
			if n, mapped := ports[protocol]; mapped {
				port = int(n)
			}
			return netip.AddrPortFrom(a, uint16(port)), ok && port > 0 && port < 1<<16
		},
	}, nil
}

func resolve(host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap(), nil
	}
	addrs, err := net.LookupHost(host)
	if err != nil || len(addrs) == 0 {
		return netip.Addr{}, usage("--target %s: want an address (ports are the recorded ones; see --port-offset and --map-port)", host)
	}
	return netip.ParseAddr(addrs[0])
}

// play asks everything and sums it up.
func (p *playing) play(target replay.Target, opt replay.Options, report *replay.Report) error {
	bar := startProgress(p.c, "asking", int64(p.study.Exchanges), func(n int64) string { return count(int(n)) })
	defer bar.end()
	for r, err := range replay.Play(p.c.Context, target, p.exchanges(false), opt) {
		if err != nil {
			if p.c.Context.Err() != nil {
				report.Warnings = append(report.Warnings, "interrupted: the rest was not asked")
				break
			}
			return err
		}
		bar.add(1)
		report.Add(&r)
	}
	report.Finish()
	return nil
}

func readAccept(name string) (*replay.Accept, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, inputError(err)
	}
	defer f.Close()
	a, err := replay.ReadAccept(f)
	if err != nil {
		return nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
	}
	return a, nil
}
