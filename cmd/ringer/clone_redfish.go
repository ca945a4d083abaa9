package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

func redfishAsker() asker {
	return asker{
		name: "redfish", usage: "walk over a Redfish service from its service root, and learn its resources, headers and times",
		flags: []cli.Flag{
			&cli.IntFlag{Name: "resources", Usage: "ask for at most `N` resources", Value: 4000},
			&cli.IntFlag{Name: "samples", Usage: "ask `N` times for pages and resources that change", DefaultText: "6, 4 of Redfish"},
			&cli.DurationFlag{Name: "every", Usage: "with `TIME` between", Value: 2 * time.Second},
			&cli.StringFlag{Name: "user", Usage: "ask as `NAME:PASSWORD`, with Basic credentials in every request; no session is opened"},
		},
		scan: func(c *cli.Context) (clone.Scanner, error) {
			alone := c.Command.Name == "redfish"
			s := &clone.RedfishCrawl{}
			for name, n := range map[string]*int{"resources": &s.Resources, "samples": &s.Samples} {
				if c.IsSet(name) {
					if *n = c.Int(name); *n < 1 {
						return nil, usage("--%s %d: want 1 or more", name, *n)
					}
				}
			}
			if c.IsSet("every") {
				if s.Every = c.Duration("every"); s.Every <= 0 {
					return nil, usage("--every %v: want a time above 0, as 2s", s.Every)
				}
			}
			if user := c.String("user"); strings.Contains(user, ":") || alone {
				s.User = user // without a password it is for another protocol
			}
			if err := s.Check(); err != nil {
				return nil, usage("--%v", err)
			}
			if !alone { // what is beside it on the port
				site, err := httpAsker().scan(c)
				if err != nil {
					return nil, err
				}
				s.Site, _ = site.(*clone.HTTPCrawl)
			}
			return s, nil
		},
	}
}
