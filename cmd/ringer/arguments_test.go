package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestArrange(t *testing.T) {
	app := newApp()
	for in, want := range map[string]string{
		"ringer emulate a.pcap --bind 127.0.0.9":           "ringer emulate --bind 127.0.0.9 -- a.pcap",
		"ringer emulate --bind 127.0.0.9 a.pcap":           "ringer emulate --bind 127.0.0.9 -- a.pcap",
		"ringer emulate a.pcap --bind=127.0.0.9 b.pcap":    "ringer emulate --bind=127.0.0.9 -- a.pcap b.pcap",
		"ringer emulate a.pcap --json b.pcap":              "ringer emulate --json -- a.pcap b.pcap",
		"ringer emulate a.pcap -json b.pcap":               "ringer emulate -json -- a.pcap b.pcap",
		"ringer capture -o - a.pcap":                       "ringer capture -o - -- a.pcap",
		"ringer capture a.pcap -o -":                       "ringer capture -o - -- a.pcap",
		"ringer capture - -o x":                            "ringer capture -o x -- -",
		"ringer capture a.pcap --nonsense b":               "ringer capture --nonsense -- a.pcap b",
		"ringer capture -- --odd-name.pcap":                "ringer capture -- --odd-name.pcap",
		"ringer capture --list -- -x --list":               "ringer capture --list -- -x --list",
		"ringer profile merge a b -o c":                    "ringer profile merge -o c -- a b",
		"ringer profile":                                   "ringer profile",
		"ringer clone 10.0.0.3 --care lab":                 "ringer clone --care lab -- 10.0.0.3",
		"ringer clone snmp 10.0.0.3 --care lab":            "ringer clone snmp --care lab -- 10.0.0.3",
		"ringer nonsense --bind x":                         "ringer nonsense --bind x",
		"ringer --help":                                    "ringer --help",
		"ringer":                                           "ringer",
		"ringer capture a.pcap --port":                     "ringer capture --port -- a.pcap",
		"ringer replay a --port-offset -5 --against x":     "ringer replay --port-offset -5 --against x -- a",
		"ringer events --generate-bash-completion f -f":    "ringer events --generate-bash-completion f -f",
		"ringer emulate a.pcap --map x=127.0.0.3,y --json": "ringer emulate --map x=127.0.0.3,y --json -- a.pcap",
	} {
		got := strings.Join(arrange(app, strings.Fields(in)), " ")
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// TestFlagValues: values with commas survive, before and after arguments.
func TestFlagValues(t *testing.T) {
	var same, files []string
	app := newApp()
	app.Commands = []*cli.Command{{
		Name:  "try",
		Flags: []cli.Flag{&cli.StringSliceFlag{Name: "same"}},
		Action: func(c *cli.Context) error {
			same, files = c.StringSlice("same"), c.Args().Slice()
			return nil
		},
	}}
	args := arrange(app, strings.Fields("ringer try a.pcap --same 10.0.0.1,10.0.0.2 b.pcap --same x,y"))
	if err := app.Run(args); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(same, []string{"10.0.0.1,10.0.0.2", "x,y"}) || !slices.Equal(files, []string{"a.pcap", "b.pcap"}) {
		t.Errorf("same %q, files %q", same, files)
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "17": 17, "4KB": 4 << 10, "64MB": 64 << 20, "64 mb": 64 << 20, "1G": 1 << 30, "2MiB": 2 << 20} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "MB", "-1", "1.5MB", "4 potatoes", "10TB"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("%q: %d", in, got)
		}
	}
}
