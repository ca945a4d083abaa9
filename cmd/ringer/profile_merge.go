package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/profiles"
)

func profileMergeCommand() *cli.Command {
	return &cli.Command{
		Name: "merge", Usage: "make one profile of several of the same device", ArgsUsage: "PROFILE PROFILE...",
		Description: strings.TrimSpace(`
What was recorded first is older, whatever order the profiles are given in;
where two say different things the newer one is kept, and told on standard
error.

  ringer profile merge monday.ringer/plc tuesday.ringer/plc -o plc
  ringer profile merge a.zip b.zip c.zip -o all.zip`),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the profile to `DIR` (or FILE.zip)", Required: false},
			&cli.BoolFlag{Name: "force", Usage: "replace what is there already"},
		},
		Action: mergeProfiles,
	}
}

func mergeProfiles(c *cli.Context) error {
	if c.Args().Len() < 2 {
		return usage("profile merge wants two profiles or more")
	}
	devices, from, err := loadProfiles(c.Args().Slice())
	if err != nil {
		return err
	}
	defer closeProfiles(devices...)
	if len(devices) < 2 {
		return usage("profile merge wants two profiles or more")
	}
	merged := devices[0]
	for i, d := range devices[1:] {
		next, conflicts, err := profiles.Merge(merged, d)
		if err != nil {
			return failure{statusInput, fmt.Errorf("%s: %w", from[i+1], err)}
		}
		for _, k := range conflicts {
			warn(c, "%s", k)
		}
		merged = next
	}
	return saveProfile(c, merged)
}

// saveProfile writes a profile to where -o says.
func saveProfile(c *cli.Context, d *profiles.Device) error {
	out := c.String("output")
	if out == "" {
		return usage("where to? -o DIR or -o FILE.zip")
	}
	if _, err := os.Stat(out); err == nil {
		if !c.Bool("force") {
			return usage("%s: is there already; --force replaces it", out)
		}
		old := out + ".old"
		if err := os.Rename(out, old); err != nil {
			return err
		}
		defer os.RemoveAll(old)
	}
	if err := d.Save(out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s written to %s\n", d.ID, out)
	return err
}
