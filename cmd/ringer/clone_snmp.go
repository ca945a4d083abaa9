package main

import (
	"bufio"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/capture/snmp"
	"ringer/clone"
)

// Secrets may come from the environment or from a file, so that they do not show in the list of processes.
const (
	envCommunity    = "RINGER_COMMUNITY"
	envAuthPassword = "RINGER_AUTH_PASSWORD"
	envPrivPassword = "RINGER_PRIV_PASSWORD"
)

func snmpAsker() asker {
	return asker{
		name: "snmp", usage: "walk an agent of SNMP v1, v2c or v3, and learn its variables and manners",
		flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "community", EnvVars: []string{envCommunity}, Usage: "ask as community `NAME`, or @FILE that holds it (repeat)", DefaultText: "public"},
			&cli.StringFlag{Name: "user", Usage: "ask as `NAME` in SNMPv3, too; without --community only in SNMPv3"},
			&cli.StringFlag{Name: "auth-protocol", Usage: "sign with `NAME`: " + strings.Join(snmp.AuthNames(), ", "), DefaultText: "SHA"},
			&cli.StringFlag{Name: "auth-password", EnvVars: []string{envAuthPassword}, Usage: "and with `PASSWORD`, or @FILE that holds it; the environment hides it, too"},
			&cli.StringFlag{Name: "priv-protocol", Usage: "encrypt with `NAME`: " + strings.Join(snmp.PrivNames(), ", "), DefaultText: "AES-128"},
			&cli.StringFlag{Name: "priv-password", EnvVars: []string{envPrivPassword}, Usage: "and with `PASSWORD`, or @FILE that holds it"},
			&cli.StringFlag{Name: "context", Usage: "ask in context `NAME` of SNMPv3"},
			&cli.StringSliceFlag{Name: "root", Usage: "walk below `OID` only (repeat)", DefaultText: "all"},
			&cli.IntFlag{Name: "most", Usage: "leave a walk after `N` variables", DefaultText: "1000000"},
			&cli.IntFlag{Name: "snapshots", Usage: "ask what may move `N` times again after the walk", DefaultText: "1"},
			&cli.DurationFlag{Name: "every", Usage: "with `TIME` between", DefaultText: "5s"},
			&cli.StringFlag{Name: "mib-dir", Usage: "name variables in remarks as the MIB files in `DIR` do"},
		},
		scan: scanOfSNMP,
	}
}

func scanOfSNMP(c *cli.Context) (clone.Scanner, error) {
	s := &clone.SNMPWalk{Context: c.String("context"), Roots: c.StringSlice("root"), MIBs: c.String("mib-dir")}
	for _, text := range c.StringSlice("community") {
		name, err := secretOf("community", text)
		if err != nil {
			return nil, err
		}
		s.Communities = append(s.Communities, name)
	}
	if name := c.String("user"); name != "" && (c.Command.Name == "snmp" || !strings.Contains(name, ":")) {
		u, err := snmpUser(c, name)
		if err != nil {
			return nil, err
		}
		s.Users = append(s.Users, u)
	} else {
		for _, f := range []string{"auth-protocol", "auth-password", "priv-protocol", "priv-password", "context"} {
			if c.IsSet(f) && os.Getenv(envOf[f]) == "" {
				return nil, usage("--%s goes with --user", f)
			}
		}
	}
	if err := setPositive(c, map[string]any{"most": &s.Most, "every": &s.Every}); err != nil {
		return nil, err
	}
	if c.IsSet("snapshots") {
		switch n := c.Int("snapshots"); {
		case n < 0:
			return nil, usage("--snapshots %d: want 0 or more", n)
		case n == 0:
			s.Snapshots = -1
		default:
			s.Snapshots = n
		}
	}
	if err := s.Check(); err != nil {
		return nil, usage("%v", err)
	}
	return s, nil
}

var envOf = map[string]string{"auth-password": envAuthPassword, "priv-password": envPrivPassword}

// snmpUser is the user of the flags. What has a password has a protocol.
func snmpUser(c *cli.Context, name string) (u snmp.User, err error) {
	u.Name = name
	if u.AuthPassword, err = secretOf("auth-password", c.String("auth-password")); err != nil {
		return u, err
	}
	if u.PrivPassword, err = secretOf("priv-password", c.String("priv-password")); err != nil {
		return u, err
	}
	if u.AuthPassword != "" || c.IsSet("auth-protocol") {
		u.Auth = snmp.SHA1
	}
	if u.PrivPassword != "" || c.IsSet("priv-protocol") {
		u.Priv = snmp.AES128
	}
	if c.IsSet("auth-protocol") {
		if u.Auth, err = snmp.ParseAuth(c.String("auth-protocol")); err != nil {
			return u, usage("--auth-protocol: %v", err)
		}
	}
	if c.IsSet("priv-protocol") {
		if u.Priv, err = snmp.ParsePriv(c.String("priv-protocol")); err != nil {
			return u, usage("--priv-protocol: %v", err)
		}
	}
	return u, nil
}

// secretOf is the text of a flag, or the first line of the file that it names behind an @; @@ is an @.
func secretOf(flag, text string) (string, error) {
	name, file := strings.CutPrefix(text, "@")
	if !file || strings.HasPrefix(name, "@") {
		return name, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", inputError(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	if !lines.Scan() || lines.Text() == "" {
		return "", usage("--%s @%s: the file's first line is empty", flag, name)
	}
	return lines.Text(), nil
}
