package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// enipAsker asks devices of EtherNet/IP.
func enipAsker() asker {
	return asker{
		name:  "enip",
		usage: "ask a device of EtherNet/IP: its objects, its tags and what they hold",
		flags: []cli.Flag{
			&cli.IntFlag{Name: "slot", Usage: "ask the module in slot `N` of the backplane, too", DefaultText: "0"},
			&cli.StringSliceFlag{Name: "way", Usage: "ask the module at `PORT/LINK`, too, as 1/3; ports after each other with + between (repeat)"},
			&cli.StringSliceFlag{Name: "classes", Usage: "ask for the classes `FROM-TO`, too, as 0x300-0x3ff (repeat, or commas between)"},
			&cli.StringSliceFlag{Name: "tag", Usage: "read tag `NAME`, too, or NAME*COUNT of its elements, where the device lists none (repeat)"},
			&cli.IntFlag{Name: "tags", Usage: "read at most `N` tags", DefaultText: "20000"},
			&cli.IntFlag{Name: "samples", Usage: "read tags `N` times, to see what moves", DefaultText: "5"},
			&cli.DurationFlag{Name: "every", Usage: "wait `TIME` between them", DefaultText: "2s"},
		},
		scan: scanENIP,
	}
}

func scanENIP(c *cli.Context) (clone.Scanner, error) {
	s := &clone.ENIPScan{Tags: c.StringSlice("tag")}
	if err := setPositive(c, map[string]any{"samples": &s.Samples, "tags": &s.TagsMost, "every": &s.Every}); err != nil {
		return nil, err
	}
	if c.IsSet("slot") {
		slot := c.Int("slot")
		if slot < 0 || slot > 255 {
			return nil, usage("--slot %d: want 0 to 255", slot)
		}
		s.Ways = append(s.Ways, fmt.Sprintf("1/%d", slot))
	}
	for _, text := range c.StringSlice("way") {
		s.Ways = append(s.Ways, strings.ReplaceAll(text, "+", ","))
	}
	for _, text := range c.StringSlice("classes") {
		from, to, two := strings.Cut(text, "-")
		if !two {
			to = from
		}
		a, err := strconv.ParseUint(from, 0, 16)
		b, err2 := strconv.ParseUint(to, 0, 16)
		if err != nil || err2 != nil {
			return nil, usage("--classes %s: want numbers of classes, as 0x300-0x3ff", text)
		}
		s.Classes = append(s.Classes, [2]uint32{uint32(a), uint32(b)})
	}
	if err := s.Check(); err != nil {
		return nil, usage("%v", err)
	}
	return s, nil
}
