package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// modbusAsker asks in Modbus.
func modbusAsker() asker {
	return asker{
		name:  "modbus",
		usage: "ask units, functions, identification and registers by Modbus/TCP, or RTU frames over TCP",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "units", Usage: "ask unit identifiers `IDS` (1,17 or 1-247); without it 1, 255, 0 and some more, and those up to 247 until many in a row are silent"},
			&cli.IntFlag{Name: "samples", Usage: "read what was found `N` times again, to see what changes", DefaultText: "10"},
			&cli.DurationFlag{Name: "every", Usage: "with `TIME` between", DefaultText: "1s"},
			&cli.BoolFlag{Name: "quick", Usage: "look for registers only where most devices have some: 0, usual bases (1000, 4096, 40000 …), and near those found"},
			&cli.BoolFlag{Name: "full", Usage: "ask every address of every table, some hours at --care gentle; without it each 100th and each 256th, which misses short ranges that begin elsewhere"},
			&cli.BoolFlag{Name: "beyond", Usage: "try to read more at once than the specification allows"},
			&cli.BoolFlag{Name: "rtu", Usage: "RTU frames over TCP; without it they are tried where Modbus/TCP is not answered"},
		},
		scan: func(c *cli.Context) (clone.Scanner, error) {
			s := &clone.ModbusScanner{RTU: c.Bool("rtu"), Full: c.Bool("full"), Quick: c.Bool("quick"), Beyond: c.Bool("beyond")}
			if err := setPositive(c, map[string]any{"samples": &s.Samples, "every": &s.Every}); err != nil {
				return nil, err
			}
			if s.Full && s.Quick {
				return nil, usage("--full and --quick exclude each other")
			}
			var err error
			if s.Units, err = parseUnits(c.String("units")); err != nil {
				return nil, usage("--units %v", err)
			}
			return s, nil
		},
	}
}

// parseUnits reads a list of unit identifiers: 1,17,20-29.
func parseUnits(text string) (ids []uint8, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, is := strings.Cut(strings.TrimSpace(part), "-")
		if !is {
			last = first
		}
		f, err1 := strconv.ParseUint(first, 10, 8)
		l, err2 := strconv.ParseUint(last, 10, 8)
		if err1 != nil || err2 != nil || f > l {
			return nil, fmt.Errorf("%q: want identifiers from 0 to 255, as 1,17 or 1-247", part)
		}
		for id := f; id <= l; id++ {
			if !slices.Contains(ids, uint8(id)) {
				ids = append(ids, uint8(id))
			}
		}
	}
	return ids, nil
}
