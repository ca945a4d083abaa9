package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/clone"
	"ringer/profiles"
)

func captureCommand() *cli.Command {
	return &cli.Command{
		Name:      "capture",
		Usage:     "recordings in, a profile per device out",
		ArgsUsage: "FILE...",
		Description: strings.TrimSpace(`
Reads pcap and pcapng files (also .gz and .zst; "-" is standard input) or a
network interface, finds the devices that answer in them, and writes a profile
of each: a folder with device.yaml, which people read and edit, and bulk beside
it. Passwords, communities and tokens are replaced by verifiers.

  ringer capture plant.pcapng             into plant.ringer/10.0.0.3, ...
  ringer capture monday.pcap tuesday.pcap.gz -o plant
                                          one profile a device from all files
  ringer capture plant.pcapng --device 10.0.0.3 --port 502 -o plc
  ringer capture plant.pcapng --device 10.0.0.3 -o - > plc.zip
  ringer capture --list plant.pcapng      what is in it, without learning
  ringer capture -i eth0 --for 10m        listen to an interface, as root

A damaged recording gives what could be read, with a warning; the exit status
is 0 if something was learned and 3 if not.`),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the profiles into `DIR`; \"-\": one profile as .zip to standard output"},
			&cli.BoolFlag{Name: "list", Aliases: []string{"l"}, Usage: "show devices, protocols, exchanges, losses and unknown ports; learn nothing"},
			&cli.StringFlag{Name: "interface", Aliases: []string{"i"}, Usage: "listen to the interface `IFACE` (Linux, as root)"},
			&cli.DurationFlag{Name: "for", Usage: "listen for `TIME` (10m); without it until Ctrl-C"},
			&cli.BoolFlag{Name: "merge", Usage: "add to the profiles that are there already"},
			&cli.BoolFlag{Name: "force", Usage: "replace the profiles that are there already"},
			&cli.BoolFlag{Name: "keep-secrets", Usage: "leave passwords, communities and tokens as they were recorded"},
			noCoupleFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print JSON instead of a table"},
		}, selectionFlags()...),
		Action: captureFiles,
	}
}

func captureFiles(c *cli.Context) error {
	files := c.Args().Slice()
	iface := c.String("interface")
	switch {
	case iface != "" && len(files) > 0:
		return usage("capture reads files or an interface, not both: leave out -i %s or %s", iface, strings.Join(files, " "))
	case iface == "" && len(files) == 0:
		return usage("capture wants recordings: ringer capture FILE... (or -i IFACE)")
	case iface == "" && c.IsSet("for"):
		return usage("--for goes with -i: a recording ends by itself")
	case c.Bool("merge") && c.Bool("force"):
		return usage("--merge adds to profiles, --force replaces them: give one of them")
	case c.String("output") == "-" && (c.Bool("merge") || c.Bool("force")):
		return usage("-o - writes to standard output: there is nothing to --merge with or --force")
	}
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	if c.Bool("list") {
		return listRecordings(c, files, sel)
	}
	defer readSparingly()()

	out := c.String("output")
	if out == "" {
		out = outputName(files, iface)
	}
	parent := filepath.Dir(filepath.Clean(out))
	if out == "-" {
		parent = os.TempDir()
	} else if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(parent, ".ringer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	begun := time.Now()
	opt := clone.Options{KeepSecrets: c.Bool("keep-secrets"), NoCouple: c.Bool("no-couple")}
	var devices []*learned
	if iface != "" {
		devices, err = learnInterface(c, iface, work, sel, opt)
	} else {
		devices, err = learnFiles(c, files, work, sel, opt)
	}
	if err != nil {
		return err
	}
	if iface == "" && c.Context.Err() != nil {
		return failure{statusDiffers, errors.New("interrupted: nothing was written")}
	}
	if len(devices) == 0 {
		if iface != "" {
			files = []string{iface}
		}
		return nothingLearned(files)
	}
	if out == "-" {
		return profileToOutput(c, devices)
	}
	if err := publish(c, devices, out); err != nil {
		return err
	}
	sayProofs(c, sel.proofs)
	for _, d := range devices {
		d.sealed = sel.proofs.json(d.server)
	}
	return printLearned(c, devices, since(begun))
}

// outputName is a folder here, named after the first recording: recordings often lie where nobody may write.
func outputName(files []string, iface string) string {
	if iface != "" {
		return iface + ".ringer"
	}
	name := files[0]
	if name == "-" {
		return "stdin.ringer"
	}
	return stem(baseName(name)) + ".ringer"
}

// stem is a file's name without what says of which form it is.
func stem(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	for _, ext := range []string{".pcapng", ".pcap", ".cap"} {
		if s, ok := strings.CutSuffix(name, ext); ok && baseName(s) != "" {
			return s
		}
	}
	return name
}

func learnInterface(c *cli.Context, iface, work string, sel *selection, opt clone.Options) ([]*learned, error) {
	ctx, stop := c.Context, func() {}
	if d := c.Duration("for"); d > 0 {
		ctx, stop = context.WithTimeout(ctx, d)
	}
	defer stop()
	fmt.Fprintf(c.App.ErrWriter, "ringer: listening on %s; Ctrl-C ends\n", iface)
	seq := capture.Live(ctx, iface, sel.options(c, iface))
	opt.Now = time.Now()
	src := clone.Source{
		ID:      "c" + opt.Now.UTC().Format("060102150405"),
		Capture: profiles.Capture{Crawl: "interface " + iface},
	}
	devices, _, err := learnExchanges(sel.weighed(sel.joined(seq, func() {})), func() clone.Source { return src }, work, opt)
	if err != nil && len(devices) > 0 {
		warn(c, "%v; what was read before is kept", err)
		err = nil
	}
	return devices, err
}

// publish moves finished profiles to where they are wanted.
func publish(c *cli.Context, devices []*learned, out string) error {
	for _, d := range devices {
		to := filepath.Join(out, d.ID)
		if _, err := os.Stat(to); err == nil && !c.Bool("force") && !c.Bool("merge") {
			return failure{statusUsage, fmt.Errorf("%s: is there already; --merge adds to it, --force replaces it, -o DIR writes elsewhere", to)}
		}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, d := range devices {
		to := filepath.Join(out, d.ID)
		if _, err := os.Stat(to); err == nil && c.Bool("merge") {
			old := *d
			old.dir = to
			if err := old.join(d); err != nil {
				return err
			}
			d.Device, d.dir = old.Device, to
			continue
		} else if err == nil {
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		if err := os.Rename(d.dir, to); err != nil {
			return err
		}
		d.dir = to
	}
	return nil
}

// profileToOutput writes the only device as a .zip.
func profileToOutput(c *cli.Context, devices []*learned) error {
	if len(devices) > 1 {
		var ids []string
		for _, d := range devices {
			ids = append(ids, d.ID)
		}
		return usage("-o - writes one profile, and there are %d devices: choose one with --device (%s)", len(devices), strings.Join(ids, ", "))
	}
	if isTerminal(c.App.Writer) {
		return usage("-o - writes a .zip: send it to a file, as ringer capture ... -o - > device.zip")
	}
	dev, err := profiles.Load(devices[0].dir)
	if err != nil {
		return err
	}
	defer closeProfiles(dev)
	name := devices[0].dir + ".zip"
	if err := dev.Save(name); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(c.App.Writer, f)
	return err
}

type learnedJSON struct {
	Device    string            `json:"device"`
	Profile   string            `json:"profile"`
	Identity  profiles.Identity `json:"identity"`
	Exchanges int               `json:"exchanges"`
	Services  []serviceJSON     `json:"services"`
	Coupled   []clone.Couple    `json:"coupled,omitempty"`
	Sealed    *sealedJSON       `json:"ipmiSessions,omitempty"`
}

type serviceJSON struct {
	Protocol string `json:"protocol"`
	Port     string `json:"port"`
	Facts    string `json:"facts"`
}

// printLearned shows the profiles that were written. They are read again for it, one by one: a check, too.
func printLearned(c *cli.Context, devices []*learned, took time.Duration) error {
	all := []learnedJSON{}
	t := newTable("device", "protocol", ">port", ">exchanges", "learned")
	for _, d := range devices {
		dev, err := profiles.Load(d.dir)
		if err != nil {
			return err
		}
		j := learnedJSON{dev.ID, d.dir, dev.Identity, d.exchanges, servicesJSON(dev), d.couples, d.sealed}
		closeProfiles(dev)
		name, n := d.ID, count(d.exchanges)
		for _, s := range j.Services {
			t.add(name, s.Protocol, s.Port, n, cut(s.Facts, factsWidth))
			name, n = "", ""
		}
		all = append(all, j)
	}
	if c.Bool("json") {
		return printJSON(c, all)
	}
	if err := t.print(c.App.Writer); err != nil {
		return err
	}
	for _, j := range all {
		if id := nameplate(&j.Identity); id != "" {
			fmt.Fprintf(c.App.Writer, "%s is %s\n", j.Device, id)
		}
		printCoupled(c.App.Writer, j.Device, j.Coupled)
	}
	fmt.Fprintf(c.App.Writer, "%s in %s (%s)\nnext: ringer emulate %s\n",
		plural(len(devices), "profile", "profiles"), filepath.Dir(devices[0].dir), took, devices[0].dir)
	return nil
}

// factsWidth leaves room for the other columns.
const factsWidth = 38

func servicesJSON(d *profiles.Device) []serviceJSON {
	all := []serviceJSON{}
	for i := range d.Services {
		s := &d.Services[i]
		all = append(all, serviceJSON{s.Protocol, s.Common().Port.String(), facts(d, s)})
	}
	return all
}
