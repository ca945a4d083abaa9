package main

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// s7Asker asks S7 CPUs.
func s7Asker() asker {
	return asker{
		name:  "s7",
		usage: "ask a SIMATIC CPU: status lists, blocks, memory",
		flags: []cli.Flag{
			&cli.IntFlag{Name: "rack", Usage: "connect to the CPU in rack `N`", DefaultText: "0"},
			&cli.IntFlag{Name: "slot", Usage: "connect to the CPU in slot `N`", DefaultText: "0 to 3"},
			&cli.StringSliceFlag{Name: "tsap", Usage: "connect by the TSAPs `LOCAL:REMOTE`, in hexadecimal as 1000:1001, or texts (repeat)"},
			&cli.BoolFlag{Name: "search", Usage: "try every slot of every rack"},
			&cli.StringFlag{Name: "dbs", Usage: "look for the data blocks `FROM-TO` where the CPU does not list them", DefaultText: "1-1000"},
			&cli.BoolFlag{Name: "blocks", Usage: "upload the blocks of the program, too; this only reads"},
			&cli.IntFlag{Name: "samples", Usage: "read memory `N` times, to see what moves", DefaultText: "5"},
			&cli.DurationFlag{Name: "every", Usage: "wait `TIME` between them", DefaultText: "2s"},
		},
		scan: scanS7,
	}
}

func scanS7(c *cli.Context) (clone.Scanner, error) {
	s := &clone.S7Scan{Search: c.Bool("search"), Blocks: c.Bool("blocks")}
	if err := setPositive(c, map[string]any{"samples": &s.Samples, "every": &s.Every}); err != nil {
		return nil, err
	}
	if c.IsSet("rack") || c.IsSet("slot") {
		rack, slot := c.Int("rack"), c.Int("slot")
		if rack < 0 || rack > 7 || slot < 0 || slot > 31 {
			return nil, usage("--rack %d --slot %d: want racks 0 to 7 and slots 0 to 31", rack, slot)
		}
		if slots := []int{2, 1, 0, 3}; !c.IsSet("slot") {
			for _, slot := range slots {
				s.TSAPs = append(s.TSAPs, clone.S7SlotTSAP(rack, slot))
			}
		} else {
			s.TSAPs = append(s.TSAPs, clone.S7SlotTSAP(rack, slot))
		}
	}
	for _, text := range c.StringSlice("tsap") {
		local, remote, ok := strings.Cut(text, ":")
		if !ok || local == "" || remote == "" {
			return nil, usage("--tsap %s: want LOCAL:REMOTE, as 1000:1001", text)
		}
		s.TSAPs = append(s.TSAPs, clone.S7TSAP{Local: tsapBytes(local), Remote: tsapBytes(remote)})
	}
	if len(s.TSAPs) > 0 && s.Search {
		return nil, usage("--search goes without --rack, --slot and --tsap")
	}
	if text := c.String("dbs"); text != "" {
		from, to, two := strings.Cut(text, "-")
		if !two {
			to = from
		}
		var err, err2 error
		s.DBs[0], err = strconv.Atoi(from)
		if s.DBs[1], err2 = strconv.Atoi(to); err != nil || err2 != nil {
			return nil, usage("--dbs %s: want numbers of data blocks, as 1-1000", text)
		}
	}
	if err := s.Check(); err != nil {
		return nil, usage("%v", err)
	}
	return s, nil
}

// tsapBytes reads a TSAP: four hexadecimal digits, with or without a point between, else a text.
func tsapBytes(s string) []byte {
	if digits := strings.Replace(s, ".", "", 1); len(digits) == 4 {
		if b, err := hex.DecodeString(digits); err == nil {
			return b
		}
	}
	return []byte(s)
}
