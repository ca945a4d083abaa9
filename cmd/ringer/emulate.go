package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

func emulateCommand() *cli.Command {
	return &cli.Command{
		Name:      "emulate",
		Aliases:   []string{"serve"},
		Usage:     "serve every protocol of every device of profiles or recordings",
		ArgsUsage: "PROFILE|CAPTURE...",
		Description: strings.TrimSpace(`
Serves decoys until Ctrl-C. A profile is a folder, a .zip of it or its
device.yaml, or a folder of profiles; a recording is learned first, and its
profile is forgotten afterwards. Every device gets an address of its own, from
127.0.0.2 upwards unless --bind or --map say otherwise, and its own ports;
where those may not be bound, all ports are moved, and the table says where to.

  ringer emulate plant.pcapng
  ringer emulate plant.ringer --port-offset 10000
  ringer emulate plant.ringer/10.0.0.3 --bind 192.0.2.7 --events visitors.jsonl
  ringer emulate plc.zip pump.zip --map plc=192.0.2.7 --map pump=192.0.2.8
  ringer emulate plc.zip --map-port http=8080`),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "bind", Usage: "an `ADDR` for one device, or a prefix such as 192.0.2.0/24 for many"},
			&cli.StringSliceFlag{Name: "map", Usage: "serve a device at an address: `DEVICE=ADDR` (repeat for more)"},
			&cli.StringSliceFlag{Name: "map-port", Usage: "serve a protocol on another port: `PROTOCOL=N`; 0 is any free one (repeat for more)"},
			&cli.IntFlag{Name: "port-offset", Usage: "add `N` to every port", DefaultText: "0, or what it takes to be allowed to bind"},
			&cli.BoolFlag{Name: "broadcast", Usage: "be asked by broadcast, too, and answer so where the device does (BACnet); only on networks where that disturbs nobody"},
			&cli.StringFlag{Name: "timing", Usage: "`WHEN` to answer: after \"recorded\" times, or at once (\"none\")", Value: "recorded"},
			&cli.StringFlag{Name: "values", Usage: "`WHICH` values: as \"recorded\", then modelled; or by the \"model\" from the start", Value: "recorded"},
			&cli.StringFlag{Name: "events", Usage: "write what visitors do to `FILE`, one JSON object a line; \"none\": nowhere; \"-\": standard output", Value: "events.jsonl"},
			&cli.StringFlag{Name: "rotate", Usage: "begin a new event file after `SIZE` (0: never)", Value: "256MB"},
			&cli.Uint64Flag{Name: "seed", Usage: "same seed `N`, same noise", DefaultText: "the profile's"},
			&cli.BoolFlag{Name: "keep-secrets", Usage: "as in capture; a recording that is served at once is always learned so", Hidden: true},
			noCoupleFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print the table as JSON"},
		}, selectionFlags()...),
		Action: emulateDevices,
	}
}

func emulateDevices(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usage("emulate wants profiles or recordings: ringer emulate PROFILE|CAPTURE...")
	}
	if c.Bool("json") && c.String("events") == "-" {
		return usage("--events - takes standard output for the events: leave out --json, or write them to a file")
	}
	opt, err := serveOptions(c)
	if err != nil {
		return err
	}
	_, speaks, err := readKeys(c)
	if err != nil {
		return err
	}
	devices, done, err := openDevices(c, c.Args().Slice())
	defer done()
	if err != nil {
		return err
	}
	if name := c.String("events"); name != "none" && name != "" {
		log, err := openEventLog(c, name)
		if err != nil {
			return err
		}
		defer func() {
			if err := log.Close(); err != nil {
				warn(c, "%v", err)
			}
			if n := log.Lost(); n > 0 {
				warn(c, "%s could not be written to %s", plural(int(n), "event", "events"), name)
			}
		}()
		opt.Events = log
	}
	decoy, err := emulate.Prepare(devices, func(name string) wire.Protocol { return named(speaks, name) }, opt)
	if err != nil {
		return failure{statusInput, err}
	}
	if err := printServed(c, decoy, devices); err != nil {
		decoy.Close()
		return err
	}
	return decoy.Serve(c.Context)
}

func openEventLog(c *cli.Context, name string) (*emulate.EventLog, error) {
	opt := emulate.EventLogOptions{Log: logger(c)}
	if name == "-" {
		return emulate.NewEventLog(c.App.Writer, opt), nil
	}
	size, err := parseSize(c.String("rotate"))
	if err != nil {
		return nil, usage("--rotate %s: %v", c.String("rotate"), err)
	}
	opt.Rotate = size
	log, err := emulate.OpenEvents(name, opt)
	if err != nil {
		return nil, failure{statusInput, fmt.Errorf("%w; --events FILE writes it elsewhere, --events none goes without", err)}
	}
	return log, nil
}

func logger(c *cli.Context) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.String(slog.TimeKey, a.Value.Time().UTC().Format("15:04:05"))
			}
			return a
		},
	}))
}

func serveOptions(c *cli.Context) (emulate.Options, error) {
	opt := emulate.Options{Bind: c.String("bind"), Broadcast: c.Bool("broadcast"), PortOffset: -1, Seed: c.Uint64("seed"), Log: logger(c)}
	if c.IsSet("port-offset") {
		if opt.PortOffset = c.Int("port-offset"); opt.PortOffset < 0 || opt.PortOffset > 65000 {
			return opt, usage("--port-offset %d: want a number from 0 to 65000", opt.PortOffset)
		}
	}
	switch v := c.String("timing"); v {
	case "recorded":
		opt.Timing = emulate.TimingRecorded
	case "none":
		opt.Timing = emulate.TimingNone
	default:
		return opt, usage("--timing %s: want recorded or none", v)
	}
	switch v := c.String("values"); v {
	case "recorded":
		opt.Values = emulate.FromRecording
	case "model":
		opt.Values = emulate.Model
	default:
		return opt, usage("--values %s: want recorded or model", v)
	}
	var err error
	if opt.Map, err = parseMap(c.StringSlice("map")); err != nil {
		return opt, err
	}
	opt.Ports, err = parsePorts(c.StringSlice("map-port"))
	return opt, err
}

// parseMap reads DEVICE=ADDR.
func parseMap(texts []string) (map[string]netip.Addr, error) {
	m := map[string]netip.Addr{}
	for _, text := range texts {
		id, addr, ok := strings.Cut(text, "=")
		a, err := netip.ParseAddr(addr)
		if !ok || err != nil || id == "" {
			return nil, usage("--map %s: want DEVICE=ADDR, as plc=127.0.0.9", text)
		}
		m[id] = a.Unmap()
	}
	return m, nil
}

// parsePorts reads PROTOCOL=N.
func parsePorts(texts []string) (map[string]uint16, error) {
	m := map[string]uint16{}
	for _, text := range texts {
		name, number, ok := strings.Cut(text, "=")
		n, err := strconv.ParseUint(number, 10, 16)
		if !ok || err != nil {
			return nil, usage("--map-port %s: want PROTOCOL=N, as http=8080", text)
		}
		if protocolNamed(name) == nil {
			return nil, usage("--map-port %s: ringer does not know the protocol %q; it knows %s", text, name, protocolNames())
		}
		m[name] = uint16(n)
	}
	return m, nil
}

// parseSize reads "256MB".
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(strings.ToUpper(strings.TrimSpace(s)), "KMGIB ")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(s[len(number):])), "B"), "I")
	shift, ok := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30}[unit]
	n, err := strconv.ParseInt(number, 10, 32)
	if !ok || err != nil || n < 0 {
		return 0, errors.New("want a size such as 64MB")
	}
	return n << shift, nil
}

// openDevices loads profiles, and learns recordings into a folder that done takes away.
func openDevices(c *cli.Context, names []string) (devices []*profiles.Device, done func(), err error) {
	var work string
	done = func() {
		closeProfiles(devices...)
		if work != "" {
			os.RemoveAll(work)
		}
	}
	sel, err := newSelection(c)
	if err != nil {
		return nil, done, err
	}
	var recordings []string
	seen := map[string]string{}
	load := func(name string) error {
		dev, err := profiles.Load(name)
		if err != nil {
			return inputError(err)
		}
		if other, twice := seen[dev.ID]; twice {
			return failure{statusInput, fmt.Errorf("%s and %s are both the device %q: change the id in one of them", other, name, dev.ID)}
		}
		seen[dev.ID] = name
		devices = append(devices, dev)
		return nil
	}
	for _, name := range names {
		found, isProfile, err := profilesIn(name)
		if err != nil {
			return devices, done, err
		}
		if !isProfile {
			recordings = append(recordings, name)
			continue
		}
		for _, p := range found {
			if err := load(p); err != nil {
				return devices, done, err
			}
		}
	}
	if len(recordings) == 0 {
		return devices, done, nil
	}
	if work, err = os.MkdirTemp("", "ringer-"); err != nil { // nobody else may read it: MkdirTemp sees to that
		return devices, done, err
	}
	begun := time.Now()
	restore := readSparingly()
	learned, err := learnFiles(c, recordings, work, sel, clone.Options{KeepSecrets: true, NoCouple: c.Bool("no-couple")})
	restore()
	debug.FreeOSMemory() // learning takes more than serving
	if err != nil {
		return devices, done, err
	}
	if len(learned) == 0 {
		return devices, done, nothingLearned(recordings)
	}
	for _, l := range learned {
		if err := load(l.dir); err != nil {
			return devices, done, err
		}
	}
	fmt.Fprintf(c.App.ErrWriter, "ringer: learned %s in %s\n", plural(len(learned), "device", "devices"), since(begun))
	return devices, done, nil
}

// profilesIn says whether name is a profile or a folder of profiles, and which. All else is a recording.
func profilesIn(name string) (found []string, ok bool, err error) {
	if name == "-" {
		return nil, false, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, false, inputError(err)
	}
	if !info.IsDir() {
		lower := strings.ToLower(name)
		if strings.HasSuffix(lower, ".zip") || strings.HasSuffix(lower, ".yaml") || strings.HasSuffix(lower, ".yml") {
			return []string{name}, true, nil
		}
		return nil, false, nil
	}
	if _, err := os.Stat(name + "/" + profiles.DeviceFile); err == nil {
		return []string{name}, true, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, false, inputError(err)
	}
	for _, e := range entries {
		sub := strings.TrimRight(name, "/") + "/" + e.Name()
		if _, err := os.Stat(sub + "/" + profiles.DeviceFile); err == nil {
			found = append(found, sub)
		} else if strings.HasSuffix(e.Name(), ".zip") {
			found = append(found, sub)
		}
	}
	if len(found) == 0 {
		return nil, false, failure{statusInput, fmt.Errorf("%s: there is no %s in it, nor in the folders in it", name, profiles.DeviceFile)}
	}
	return found, true, nil
}
