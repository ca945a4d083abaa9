package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/clone"
	"ringer/profiles"
)

// ipmiFileFormats are the names of the formats of files that other tools make of a management controller.
func ipmiFileFormats() []string { return slices.Sorted(maps.Keys(clone.IPMIFiles())) }

// importIPMI learns from the files as from recordings: into a profile of its own, or into one that is there.
func importIPMI(c *cli.Context, format string) error {
	into := c.String("into")
	switch {
	case c.Args().Len() != 1:
		return usage("profile import --from %s wants one file", format)
	case into != "" && c.String("output") != "":
		return usage("--into %s: what is imported goes there; leave out -o", into)
	case into == "" && c.String("output") == "":
		return usage("where to? -o DIR, -o FILE.zip, or --into PROFILE")
	case c.IsSet("fru") && format != "ipmitool-fru":
		return usage("--fru goes with --from ipmitool-fru")
	case c.Int("fru") < 0 || c.Int("fru") > 254:
		return usage("--fru %d: want 0 to 254", c.Int("fru"))
	}
	port := profiles.Port{Number: 623, UDP: true}
	id := cmp.Or(c.String("id"), stemOf(c.Args().First()))
	if into != "" {
		old, err := profiles.Load(into)
		if err != nil {
			return failure{statusInput, err}
		}
		id, port = old.ID, ipmiPort(old, port)
		closeProfiles(old)
		if s, err := os.Stat(into); err != nil || !s.IsDir() {
			return usage("--into %s: want a profile that is a folder", into)
		}
	}
	made, err := os.MkdirTemp(filepath.Dir(filepath.Clean(cmp.Or(into, c.String("output")))), ".ringer-import-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	dir := filepath.Join(made, "profile")
	dev, err := learnIPMIFile(c.Args().First(), format, uint8(c.Int("fru")), id, port, dir)
	if err != nil {
		return err
	}
	defer closeProfiles(dev)
	if into == "" {
		return saveProfile(c, dev)
	}
	closeProfiles(dev)
	dev.Files = nil
	old := &learned{Device: dev, dir: into}
	if err := old.join(&learned{Device: dev, dir: dir}); err != nil {
		return failure{statusInput, err}
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s added to %s\n", c.Args().First(), into)
	return err
}

// ipmiPort is the port of the controller in a profile.
func ipmiPort(d *profiles.Device, usual profiles.Port) profiles.Port {
	for _, s := range d.Services {
		if sec, ok := s.Section.(*profiles.IPMI); ok {
			return sec.Port
		}
	}
	return usual
}

// stemOf names a device by a file.
func stemOf(name string) string {
	base := filepath.Base(name)
	return cmp.Or(strings.TrimSuffix(base, filepath.Ext(base)), "bmc")
}

// learnIPMIFile makes a profile in a folder of what a file says.
func learnIPMIFile(name, format string, fru uint8, id string, port profiles.Port, dir string) (*profiles.Device, error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, inputError(err)
	}
	defer in.Close()
	file, err := clone.ReadIPMIFile(in)
	if err != nil {
		return nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
	}
	if s, err := in.Stat(); err == nil {
		file.At = s.ModTime()
	}
	file.FRU, file.From = fru, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port.Number)
	sum := sha256.Sum256(file.Data)
	text := hex.EncodeToString(sum[:])
	source := clone.Source{ID: "c" + text[:8], Capture: profiles.Capture{File: baseName(name), SHA256: text}}
	l := clone.NewLearning(source, clone.Options{})
	for x, err := range clone.IPMIFiles()[format](file) {
		if err != nil {
			return nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
		}
		l.Add(&x)
	}
	folder, err := profiles.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	dev := &profiles.Device{ID: id, Files: folder}
	if err = l.Finish(&clone.Output{Device: dev, Create: folder.Create}); err == nil {
		err = dev.Save(dir)
	}
	if err != nil {
		folder.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return dev, nil
}
