package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/profiles"
)

const redfishMockup = "redfish-mockup"

func profileImportCommand() *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "make a profile of what other tools recorded", ArgsUsage: "--from FORMAT SOURCE -o PROFILE",
		Description: strings.TrimSpace(`
redfish-mockup is a folder, or a .zip of one, in the DMTF's mockup layout, with
or without the folders redfish/v1 at its top. Who may log in is then said in
the profile's accounts.

ipmitool-sdr, ipmitool-sel and ipmitool-fru are what ipmitool's "sdr dump", "sel
writeraw" and "fru read" write, freeipmi-debug is what FreeIPMI's tools print with
--debug. What is in them is learned as from a recording, into a profile of its own
or, with --into, into one that is there.

  ringer profile import --from redfish-mockup ./mockup -o server
  ringer profile import --from redfish-mockup DSP2043_2024.1.zip -o server.zip
  ringer profile import --from ipmitool-sdr sdr.dump -o server
  ringer profile import --from ipmitool-fru --fru 1 psu.bin --into server`),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "`FORMAT` of the source: " + strings.Join(importFormats(), ", "), Required: true},
			&cli.StringFlag{Name: "id", Usage: "`NAME` of the device"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the profile to `DIR` (or FILE.zip)"},
			&cli.StringFlag{Name: "into", Usage: "add to `PROFILE` (of a management controller's files)"},
			&cli.IntFlag{Name: "fru", Usage: "the inventory is number `N`"},
			&cli.BoolFlag{Name: "force", Usage: "replace what is there already"},
		},
		Action: importProfile,
	}
}

// importFormats are the names of all formats.
func importFormats() []string { return append([]string{redfishMockup}, ipmiFileFormats()...) }

func importProfile(c *cli.Context) error {
	f := c.String("from")
	switch {
	case slices.Contains(ipmiFileFormats(), f):
		return importIPMI(c, f)
	case f != redfishMockup:
		return usage("--from %s: want %s", f, strings.Join(importFormats(), ", "))
	case c.IsSet("into") || c.IsSet("fru"):
		return usage("--into and --fru go with the files of a management controller")
	}
	if c.Args().Len() != 1 {
		return usage("profile import wants one folder or .zip")
	}
	if c.String("output") == "" {
		return usage("where to? -o DIR or -o FILE.zip")
	}
	made, err := os.MkdirTemp("", "ringer-import-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	folder, err := profiles.OpenFolder(made)
	if err != nil {
		return err
	}
	defer folder.Close()
	dev, err := profiles.ImportMockup(c.Args().First(), folder.Create)
	if err != nil {
		return failure{statusInput, err}
	}
	dev.Files = folder
	if id := c.String("id"); id != "" {
		dev.ID = id
	}
	return saveProfile(c, dev)
}

func profileExportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write a part of a profile for other tools", ArgsUsage: "--to FORMAT PROFILE -o DIR",
		Description: strings.TrimSpace(`
redfish-mockup is the tree of a Redfish service in the DMTF's mockup layout,
which the Redfish Mockup Server serves.

  ringer profile export --to redfish-mockup server -o mockup`),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "`FORMAT` to write: " + redfishMockup, Required: true},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to the folder `DIR`"},
			&cli.BoolFlag{Name: "force", Usage: "replace what is there already"},
		},
		Action: exportProfile,
	}
}

func exportProfile(c *cli.Context) error {
	if f := c.String("to"); f != redfishMockup {
		return usage("--to %s: want %s", f, redfishMockup)
	}
	if c.Args().Len() != 1 {
		return usage("profile export wants one PROFILE")
	}
	out := c.String("output")
	if out == "" {
		return usage("where to? -o DIR")
	}
	devices, from, err := loadProfiles(c.Args().Slice())
	if err != nil {
		return err
	}
	defer closeProfiles(devices...)
	if len(devices) != 1 {
		return usage("profile export wants one profile, and there are %d in %s", len(devices), c.Args().First())
	}
	if _, err := os.Stat(out); err == nil {
		if !c.Bool("force") {
			return usage("%s: is there already; --force replaces it", out)
		}
	}
	made, err := os.MkdirTemp(filepath.Dir(filepath.Clean(out)), ".ringer-export-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	if err := os.Chmod(made, 0o755); err != nil {
		return err
	}
	folder, err := profiles.OpenFolder(made)
	if err != nil {
		return err
	}
	err = profiles.ExportMockup(devices[0], folder.Create)
	folder.Close()
	if err != nil {
		return failure{statusInput, fmt.Errorf("%s: %w", from[0], err)}
	}
	old := out + ".old"
	if _, err := os.Stat(out); err == nil {
		if err := os.Rename(out, old); err != nil {
			return err
		}
		defer os.RemoveAll(old)
	}
	if err := os.Rename(made, out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s written to %s\n", devices[0].ID, out)
	return err
}
