package main

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/capture/ipmi"
	"ringer/clone"
)

const (
	envIPMIPassword = "RINGER_IPMI_PASSWORD"
	envIPMIKG       = "RINGER_IPMI_KG"
)

// ipmiAsker asks management controllers.
func ipmiAsker() asker {
	return asker{
		name:  "ipmi",
		usage: "ask a management controller (BMC): what it tells anybody, and as a user its sensors, records, events and configuration",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Usage: "log in as `NAME`, with --password"},
			&cli.StringFlag{Name: "password", EnvVars: []string{envIPMIPassword}, Usage: "and with `PASSWORD`, or @FILE that holds it; the environment hides it, too"},
			&cli.StringFlag{Name: "kg", EnvVars: []string{envIPMIKG}, Usage: "the controller's own key is `KEY`, or @FILE that holds it"},
			&cli.IntFlag{Name: "suite", Usage: "log in with cipher suite `N`", DefaultText: "the best that is listed"},
			&cli.StringFlag{Name: "privilege", Usage: "ask for the privilege `LEVEL`: user, operator or administrator", DefaultText: "administrator, or less where that is refused"},
			&cli.IntFlag{Name: "events", Usage: "read at most `N` events of the log", DefaultText: "65536"},
			&cli.IntFlag{Name: "samples", Usage: "read sensors `N` times, to see what moves", DefaultText: "5"},
			&cli.DurationFlag{Name: "every", Usage: "wait `TIME` between them", DefaultText: "2s"},
		},
		scan: scanIPMI,
	}
}

// ipmiLevels are the privileges that a session may have.
var ipmiLevels = map[string]uint8{"user": 2, "operator": 3, "administrator": 4}

func scanIPMI(c *cli.Context) (clone.Scanner, error) {
	s := &clone.IPMIScan{}
	alone := c.Command.Name == "ipmi"
	password, err := secretOf("password", c.String("password"))
	if err != nil {
		return nil, err
	}
	if s.KG, err = secretOf("kg", c.String("kg")); err != nil {
		return nil, err
	}
	name := c.String("user")
	switch given := c.IsSet("password"); {
	case name != "" && alone && !given:
		return nil, usage("--user goes with --password @FILE, or the password in %s", envIPMIPassword)
	case name == "" && alone && given && os.Getenv(envIPMIPassword) == "":
		return nil, usage("--password goes with --user")
	case given && (name != "" && !strings.Contains(name, ":") || alone && c.IsSet("user")):
		s.User = &ipmi.User{Name: name, Password: password} // a name with a password in it is for another protocol
	}
	if c.IsSet("suite") {
		n := c.Int("suite")
		if n < 0 || n > 19 {
			return nil, usage("--suite %d: want 0 to 19", n)
		}
		suite := uint8(n)
		s.Suite = &suite
	}
	if c.IsSet("privilege") {
		level, ok := ipmiLevels[c.String("privilege")]
		if !ok {
			return nil, usage("--privilege %s: want user, operator or administrator", c.String("privilege"))
		}
		s.Privilege = level
	}
	if err := setPositive(c, map[string]any{"events": &s.Events, "samples": &s.Samples, "every": &s.Every}); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, usage("%v", err)
	}
	return s, nil
}
