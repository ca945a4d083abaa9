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
			if err := setPositive(c, map[string]any{"resources": &s.Resources, "samples": &s.Samples, "every": &s.Every}); err != nil {
				return nil, err
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
