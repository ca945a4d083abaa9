package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/emulate"
	"ringer/profiles"
)

func profileCommand() *cli.Command {
	return &cli.Command{
		Name:  "profile",
		Usage: "show, check, merge, compare, redact, import and export profiles",
		Description: strings.TrimSpace(`
A profile is a folder with a device.yaml, a .zip of it, or the device.yaml
itself.

  ringer profile show plant.ringer/10.0.0.3
  ringer profile validate plant.ringer/*
  ringer profile merge monday.ringer/plc tuesday.ringer/plc -o plc
  ringer profile diff plc-old plc-new
  ringer profile redact plc -o plc-public
  ringer profile import --from redfish-mockup mockup -o server`),
		Subcommands: []*cli.Command{
			{
				Name: "show", Usage: "what a profile says, in brief", ArgsUsage: "PROFILE...",
				Description: "  ringer profile show plant.ringer/10.0.0.3\n  ringer profile show plc.zip --json",
				Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
				Action:      showProfiles,
			},
			{
				Name: "validate", Usage: "check profiles and what they name", ArgsUsage: "PROFILE...",
				Description: "Every fault is told with file and line; the exit status is 1 if there is one.\n\n  ringer profile validate plant.ringer/*",
				Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
				Action:      validateProfiles,
			},
			profileMergeCommand(), profileDiffCommand(), profileRedactCommand(), profileImportCommand(), profileExportCommand(),
		},
	}
}

// loadProfiles loads profiles, and folders of profiles.
func loadProfiles(names []string) ([]*profiles.Device, []string, error) {
	var devices []*profiles.Device
	var from []string
	for _, name := range names {
		found, ok, err := profilesIn(name)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			return nil, nil, failure{statusInput, fmt.Errorf("%s: is no profile; want a folder with a %s, a .zip of it, or a YAML file", name, profiles.DeviceFile)}
		}
		for _, p := range found {
			dev, err := profiles.Load(p)
			if err != nil {
				closeProfiles(devices...)
				return nil, nil, inputError(err)
			}
			devices = append(devices, dev)
			from = append(from, p)
		}
	}
	return devices, from, nil
}

func showProfiles(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usage("profile show wants a PROFILE")
	}
	devices, from, err := loadProfiles(c.Args().Slice())
	if err != nil {
		return err
	}
	defer closeProfiles(devices...)
	if c.Bool("json") {
		all := []learnedJSON{}
		for i, d := range devices {
			all = append(all, learnedJSON{Device: d.ID, Profile: from[i], Identity: d.Identity, Services: servicesJSON(d)})
		}
		return printJSON(c, all)
	}
	for i, d := range devices {
		if i > 0 {
			fmt.Fprintln(c.App.Writer)
		}
		if err := showProfile(c, d); err != nil {
			return err
		}
	}
	return nil
}

func showProfile(c *cli.Context, d *profiles.Device) error {
	w := c.App.Writer
	fmt.Fprint(w, d.ID)
	if id := nameplate(&d.Identity); id != "" {
		fmt.Fprint(w, ": "+id)
	}
	fmt.Fprintln(w)
	for _, id := range sortedKeys(d.Captures) {
		s := d.Captures[id]
		what := s.File
		if s.Crawl != "" {
			what = s.Crawl
		}
		fmt.Fprintf(w, "learned from %s", what)
		if s.Server != "" {
			fmt.Fprintf(w, " (%s there)", s.Server)
		}
		if !s.From.IsZero() {
			fmt.Fprintf(w, ", %s to %s", s.From.UTC().Format("2006-01-02 15:04:05"), s.To.UTC().Format("2006-01-02 15:04:05"))
		}
		fmt.Fprintln(w)
	}
	t := newTable("protocol", ">port", "known")
	for i := range d.Services {
		s := &d.Services[i]
		t.add(s.Protocol, s.Common().Port.String(), facts(d, s))
	}
	if err := t.print(w); err != nil {
		return err
	}
	if len(d.Points) > 0 {
		t := newTable("point", "type", "value", "unit", "moves", "writable")
		for _, name := range sortedKeys(d.Points) {
			p := d.Points[name]
			value, moves, writable := "", "", "no"
			if p.Value != nil {
				value = fmt.Sprint(p.Value)
			}
			if p.Dynamics != nil {
				moves = p.Dynamics.Kind()
			}
			if p.Write != nil {
				writable = "yes"
			}
			t.add(name, p.Type, cut(value, 24), p.Unit, moves, writable)
		}
		fmt.Fprintln(w)
		if err := t.without("unit", "moves").print(w); err != nil {
			return err
		}
	}
	for _, r := range d.Redactions {
		fmt.Fprintf(w, "redacted: %s (%s)\n", r.What, r.How)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

type validJSON struct {
	Profile string   `json:"profile"`
	Device  string   `json:"device,omitempty"`
	Errors  []string `json:"errors"`
}

func validateProfiles(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usage("profile validate wants a PROFILE")
	}
	var all []validJSON
	bad := 0
	for _, name := range c.Args().Slice() {
		found, ok, err := profilesIn(name)
		if err != nil {
			return err
		}
		if !ok {
			found = []string{name}
		}
		for _, p := range found {
			v := validate(p)
			if len(v.Errors) > 0 {
				bad++
			}
			all = append(all, v)
		}
	}
	if c.Bool("json") {
		if err := printJSON(c, all); err != nil {
			return err
		}
	} else {
		for _, v := range all {
			if len(v.Errors) == 0 {
				fmt.Fprintf(c.App.Writer, "%s: fine\n", v.Profile)
			}
			for _, e := range v.Errors {
				fmt.Fprintln(c.App.Writer, e)
			}
		}
	}
	if bad > 0 {
		return differs("%s", plural(bad, "profile has faults", "profiles have faults"))
	}
	return nil
}

// validate loads a profile and opens its services, as emulate would.
func validate(name string) validJSON {
	v := validJSON{Profile: name, Errors: []string{}}
	dev, err := profiles.Load(name)
	if err == nil {
		v.Device = dev.ID
		defer closeProfiles(dev)
		err = openServices(dev)
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	var many profiles.Errors
	if errors.As(err, &many) {
		for _, e := range many {
			v.Errors = append(v.Errors, e.Error())
		}
	} else if err != nil {
		v.Errors = append(v.Errors, inputError(err).Error())
	}
	return v
}

func openServices(dev *profiles.Device) error {
	st, err := emulate.NewState(dev, emulate.Settings{})
	if err != nil {
		return err
	}
	var errs []error
	for i := range dev.Services {
		s := &dev.Services[i]
		p := protocolNamed(s.Protocol)
		if p == nil {
			errs = append(errs, fmt.Errorf("service %s on port %s: ringer does not know this protocol; it knows %s", s.Protocol, s.Common().Port, protocolNames()))
			continue
		}
		if _, err := emulate.Open(st, dev, s, p); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
