package main

import (
	"strconv"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// bacnetAsker asks BACnet/IP devices.
func bacnetAsker() asker {
	return asker{
		name:  "bacnet",
		usage: "ask a BACnet device, and those behind it: all properties of all objects",
		flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "network", Usage: "there is a network `N` behind the device, too (repeat)"},
			&cli.StringSliceFlag{Name: "station", Usage: "there is a device `NETWORK:MAC` behind it, too, as 3:6c (repeat)"},
			&cli.IntFlag{Name: "objects", Usage: "ask at most `N` objects of a device", DefaultText: "10000"},
			&cli.IntFlag{Name: "records", Usage: "read at most `N` records of a log", DefaultText: "1000"},
			&cli.BoolFlag{Name: "files", Usage: "read files, too"},
			&cli.IntFlag{Name: "samples", Usage: "read present values `N` times, to see what moves", DefaultText: "5"},
			&cli.DurationFlag{Name: "every", Usage: "wait `TIME` between them", DefaultText: "2s"},
		},
		scan: scanBACnet,
	}
}

func scanBACnet(c *cli.Context) (clone.Scanner, error) {
	s := &clone.BACnetScan{Stations: c.StringSlice("station"), Files: c.Bool("files")}
	for _, text := range c.StringSlice("network") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, usage("--network %s: want a number from 1 to 65534", text)
		}
		s.Networks = append(s.Networks, uint16(n))
	}
	if err := setPositive(c, map[string]any{"objects": &s.Objects, "records": &s.Records, "samples": &s.Samples, "every": &s.Every}); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, usage("%v", err)
	}
	return s, nil
}
