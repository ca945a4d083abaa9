package main

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"ringer/profiles"
)

// facts says in few words what a profile knows of a service.
func facts(dev *profiles.Device, s *profiles.Service) string {
	var parts []string
	say := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, plural(n, one, many))
		}
	}
	switch p := s.Section.(type) {
	case *profiles.Modbus:
		cells := p.ModbusUnit.Registers
		for _, u := range p.Units.Map {
			cells = append(cells[:len(cells):len(cells)], u.Registers...)
		}
		registers, coils := 0, 0
		for _, c := range cells {
			for _, span := range []*profiles.ModbusSpan{c.Holding, c.Input} {
				registers += spanLength(span)
			}
			for _, span := range []*profiles.ModbusSpan{c.Coil, c.Discrete} {
				coils += spanLength(span)
			}
		}
		say(len(p.Units.Map), "unit", "units")
		say(registers, "register", "registers")
		say(coils, "bit", "bits")
	case *profiles.S7:
		say(len(p.Areas), "area", "areas")
		say(len(p.SZL), "SZL", "SZLs")
		say(len(p.Blocks), "block", "blocks")
	case *profiles.SNMP:
		say(lines(dev, p.Walk), "object", "objects")
		say(len(p.Communities), "community", "communities")
		say(len(p.Users), "user", "users")
	case *profiles.HTTP:
		say(len(p.Routes), "file of routes", "files of routes")
		if p.Root != "" {
			parts = append(parts, "pages in "+p.Root)
		}
		if p.Redfish != nil {
			say(resources(dev, p.Redfish.Root), "Redfish resource", "Redfish resources")
		}
	}
	c := s.Common()
	if t := c.TLS; t != nil && len(t.Chain) > 0 {
		parts = append(parts, "TLS as "+t.Chain[0].Subject)
	} else if t != nil {
		parts = append(parts, "TLS")
	}
	say(movingCells(dev, c), "moving", "moving")
	say(len(c.Recordings), "recording", "recordings")
	return strings.Join(parts, ", ")
}

func spanLength(s *profiles.ModbusSpan) int {
	if s == nil {
		return 0
	}
	return int(s.Last) - int(s.First) + 1
}

// resources counts the resources of a Redfish tree.
func resources(dev *profiles.Device, root string) (n int) {
	if dev.Files == nil {
		return 0
	}
	err := fs.WalkDir(dev.Files, path.Clean(root), func(name string, e fs.DirEntry, err error) error {
		if base := path.Base(name); err == nil && (base == profiles.RedfishBody || base == profiles.RedfishXML) {
			n++
		}
		return err
	})
	if err != nil {
		return 0
	}
	return n
}

// countMax bounds the bulk that is read only to be counted.
const countMax = 64 << 20

// lines counts the lines of a bulk file.
func lines(dev *profiles.Device, name string) int {
	if name == "" || dev.Files == nil {
		return 0
	}
	b, err := dev.ReadFile(name, countMax)
	if err != nil {
		return 0
	}
	return strings.Count(string(b), "\n")
}

// movingCells counts the cells that have samples.
func movingCells(dev *profiles.Device, c *profiles.Common) (n int) {
	for _, name := range c.Samples {
		n += lines(dev, name)
	}
	return n
}

// nameplate is what an identity says, in one line.
func nameplate(id *profiles.Identity) string {
	var parts []string
	for _, p := range []struct{ word, value string }{
		{"", id.Vendor}, {"", id.Model}, {"", id.Order}, {"firmware ", id.Firmware}, {"serial ", id.Serial}, {"named ", id.Name},
	} {
		if p.value != "" {
			parts = append(parts, fmt.Sprint(p.word, p.value))
		}
	}
	return strings.Join(parts, ", ")
}
