package main

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/profiles"
)

func profileDiffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Usage: "what two profiles say differently", ArgsUsage: "OLD NEW",
		Description: strings.TrimSpace(`
A line for each difference: + is only in NEW, - only in OLD, ~ changed. Files
beside the device.yaml are compared, too.

  ringer profile diff plc-old plc-new

Exit status 1 if the profiles differ.`),
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: diffProfiles,
	}
}

func diffProfiles(c *cli.Context) error {
	if c.Args().Len() != 2 {
		return usage("profile diff wants two profiles: OLD NEW")
	}
	devices, from, err := loadProfiles(c.Args().Slice())
	if err != nil {
		return err
	}
	defer closeProfiles(devices...)
	if len(devices) != 2 {
		return usage("profile diff wants two profiles, and there are %d in %s", len(devices), strings.Join(c.Args().Slice(), " and "))
	}
	changes, err := profiles.Diff(devices[0], devices[1])
	if err != nil {
		return failure{statusInput, err}
	}
	if c.Bool("json") {
		if err := printJSON(c, append([]profiles.Change{}, changes...)); err != nil {
			return err
		}
	} else {
		for _, x := range changes {
			fmt.Fprintln(c.App.Writer, x)
		}
	}
	if len(changes) > 0 {
		return differs("%s and %s: %s", from[0], from[1], plural(len(changes), "difference", "differences"))
	}
	return nil
}

func profileRedactCommand() *cli.Command {
	return &cli.Command{
		Name: "redact", Usage: "take out what the device's owner may not want to show", ArgsUsage: "PROFILE",
		Description: strings.TrimSpace(`
Serial numbers, names and addresses become others of the same form, everywhere
in the profile; passwords and communities become verifiers, so that the decoy
goes on answering to them. With the same --salt the same ones come out, so that
several profiles still fit together.

  ringer profile redact plc -o plc-public
  ringer profile redact plc -o plc-public --what identity --salt "my plant"`),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the profile to `DIR` (or FILE.zip)"},
			&cli.StringSliceFlag{Name: "what", Usage: "take out `KIND`: identity, addresses or secrets (repeat for more; without it all)"},
			&cli.StringFlag{Name: "salt", Usage: "make the same replacements in every profile that is given the same `TEXT`", DefaultText: "random"},
			&cli.BoolFlag{Name: "force", Usage: "replace what is there already"},
		},
		Action: redactProfile,
	}
}

func redactProfile(c *cli.Context) error {
	if c.Args().Len() != 1 {
		return usage("profile redact wants one PROFILE")
	}
	if c.String("output") == "" {
		return usage("where to? -o DIR or -o FILE.zip")
	}
	devices, from, err := loadProfiles(c.Args().Slice())
	if err != nil {
		return err
	}
	defer closeProfiles(devices...)
	if len(devices) != 1 {
		return usage("profile redact wants one profile, and there are %d in %s", len(devices), c.Args().First())
	}
	salt := []byte(c.String("salt"))
	if len(salt) == 0 {
		salt = make([]byte, 16)
		rand.Read(salt)
	}
	redacted, left, err := profiles.Redact(devices[0], salt, c.StringSlice("what")...)
	if err != nil {
		return usage("%s: %v", from[0], err)
	}
	for _, name := range left {
		warn(c, "%s: may still hold something that was to go; look into it", name)
	}
	return saveProfile(c, redacted)
}
