package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

func httpAsker() asker {
	return asker{
		// Certificates are not verified: they are what is to be learned.
		name: "http", usage: "crawl a web server, plain or within TLS (1.0 to 1.3, any certificate), and learn its pages and manners",
		flags: []cli.Flag{
			&cli.IntFlag{Name: "pages", Usage: "ask for at most `N` pages and files", Value: 1000},
			&cli.IntFlag{Name: "depth", Usage: "follow links `N` deep", Value: 12},
			&cli.IntFlag{Name: "variants", Usage: "ask for at most `N` queries of one path", Value: 8},
			&cli.StringFlag{Name: "max-body", Usage: "cut bodies off at `SIZE`; what is cut off is not learned", Value: "8MB"},
			&cli.IntFlag{Name: "samples", Usage: "ask `N` times for pages that change", Value: 6},
			&cli.DurationFlag{Name: "every", Usage: "with `TIME` between", Value: 2 * time.Second},
			&cli.StringFlag{Name: "user", Usage: "log in as `NAME:PASSWORD`, or NAME:@FILE that holds the password, after a round without (Basic; Digest with MD5 or SHA-256)"},
			&cli.StringSliceFlag{Name: "cookie", Usage: "log in with the cookie `NAME=VALUE`, or @FILE that holds it (repeat)"},
			&cli.StringSliceFlag{Name: "header", Usage: "log in with the header `\"NAME: VALUE\"`, or @FILE that holds it (repeat)"},
			&cli.StringSliceFlag{Name: "start", Usage: "begin at `PATH`, too, which no page may link to (repeat); it is asked for even if it looks like an action"},
			&cli.BoolFlag{Name: "robots", Usage: "keep away from what robots.txt disallows; its entries are asked for otherwise"},
			&cli.BoolFlag{Name: "ask-actions", Usage: "ask for paths that look like actions, too (logout, reboot, save, cmd=): it may change the device"},
			&cli.StringFlag{Name: "agent", Usage: "call ringer `TEXT` in User-Agent", DefaultText: "Mozilla/5.0 (compatible; ringer)"},
		},
		scan: func(c *cli.Context) (clone.Scanner, error) {
			s := &clone.HTTPCrawl{
				Robots: c.Bool("robots"), AskActions: c.Bool("ask-actions"), Start: c.StringSlice("start"), Agent: c.String("agent"),
			}
			for flag, to := range map[string]*[]string{"cookie": &s.Cookies, "header": &s.Headers} {
				for _, text := range c.StringSlice(flag) {
					text, err := secretOf(flag, text)
					if err != nil {
						return nil, err
					}
					*to = append(*to, text)
				}
			}
			if err := setPositive(c, map[string]any{"pages": &s.Pages, "depth": &s.Depth, "variants": &s.Variants, "samples": &s.Samples, "every": &s.Every}); err != nil {
				return nil, err
			}
			if c.IsSet("max-body") {
				size, err := parseSize(c.String("max-body"))
				if err != nil || size < 1 || size > 1<<30 {
					return nil, usage("--max-body %s: want a size up to 1GB, as 8MB", c.String("max-body"))
				}
				s.MaxBody = int(size)
			}
			// Without a password it is for another protocol.
			if name, password, is := strings.Cut(c.String("user"), ":"); is {
				password, err := secretOf("user", password)
				if err != nil {
					return nil, err
				}
				s.User = name + ":" + password
			} else if c.Command.Name == "http" {
				s.User = name
			}
			if err := s.Check(); err != nil {
				return nil, usage("--%v", err)
			}
			return s, nil
		},
	}
}
