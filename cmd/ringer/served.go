package main

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/emulate"
	"ringer/profiles"
)

type servedJSON struct {
	Device   string `json:"device"`
	Protocol string `json:"protocol"`
	Network  string `json:"network"`
	Port     uint16 `json:"port"` // the device's own
	Address  string `json:"address"`
}

// printServed shows what is served where, and what to try from another terminal.
func printServed(c *cli.Context, decoy *emulate.Decoy, devices []*profiles.Device) error {
	rows := decoy.Table()
	w := c.App.Writer
	if c.String("events") == "-" { // standard output is for the events alone
		w = c.App.ErrWriter
	} else if c.Bool("json") {
		all := []servedJSON{}
		for _, r := range rows {
			all = append(all, servedJSON{r.Device, r.Protocol, r.Network, r.Port, r.Address.String()})
		}
		return printJSON(c, all)
	}
	t := newTable("device", "protocol", "served at", "for port")
	last := ""
	for _, r := range rows {
		name := r.Device
		if name == last {
			name = ""
		}
		last = r.Device
		at, own := r.Address.String(), strconv.Itoa(int(r.Port))
		if r.Network == "udp" {
			at, own = at+"/udp", own+"/udp"
		}
		if r.Address.Port() == r.Port {
			own = ""
		}
		t.add(name, r.Protocol, at, own)
	}
	if err := t.without("for port").print(w); err != nil {
		return err
	}
	if offset, why := decoy.Offset(); why != nil {
		fmt.Fprintf(w, "ports are moved by %d, because %v\n", offset, why)
	}
	commands := toTry(rows, devices)
	if len(commands) > 0 {
		fmt.Fprintln(w, "\ntry from another terminal:")
		for _, line := range commands {
			fmt.Fprintln(w, "  "+line)
		}
	}
	if name := c.String("events"); name != "none" && name != "" && name != "-" {
		fmt.Fprintf(w, "\nwhat visitors do goes to %s:\n  ringer events %s --follow\n", name, shellWord(name))
	}
	_, err := fmt.Fprintln(w, "\nserving; Ctrl-C ends")
	return err
}

// toTry gives commands of common clients for the first service of each protocol.
func toTry(rows []emulate.Listening, devices []*profiles.Device) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.Protocol] {
			continue
		}
		seen[r.Protocol] = true
		out = append(out, askWith(r, sectionOf(r, devices))...)
	}
	return out
}

func sectionOf(l emulate.Listening, devices []*profiles.Device) profiles.Section {
	for _, d := range devices {
		for _, s := range d.Services {
			if p := s.Common().Port; d.ID == l.Device && s.Protocol == l.Protocol && p.Number == l.Port && p.Network() == l.Network {
				return s.Section
			}
		}
	}
	return nil
}

// askWith gives the commands that ask a service something.
func askWith(l emulate.Listening, section profiles.Section) []string {
	host, port := l.Address.Addr().String(), strconv.Itoa(int(l.Address.Port()))
	at := net.JoinHostPort(host, port)
	switch s := section.(type) {
	case *profiles.Modbus:
		if l.Protocol != "modbus" {
			return nil
		}
		return []string{modbusPoll(s, host, port), nmap(l, "modbus-discover")}
	case *profiles.S7:
		return []string{nmap(l, "s7-info")}
	case *profiles.SNMP:
		if community := openCommunity(s); community != "" {
			return []string{fmt.Sprintf("snmpwalk -v2c -c %s udp:%s", shellWord(community), at)}
		}
		return []string{nmap(l, "snmp-info")}
	case *profiles.HTTP:
		if s.TLS != nil {
			return []string{fmt.Sprintf("curl -k -i https://%s/", strings.TrimSuffix(at, ":443"))}
		}
		return []string{fmt.Sprintf("curl -i http://%s/", strings.TrimSuffix(at, ":80"))}
	}
	return nil
}

// modbusPoll reads what the profile knows first: mbpoll counts types 0 coils, 1 discrete inputs, 3 input
// and 4 holding registers.
func modbusPoll(s *profiles.Modbus, host, port string) string {
	unit, cells := uint8(255), s.Registers // the device itself
	switch {
	case len(cells) == 0 && len(s.Units.Map) > 0:
		for id, u := range s.Units.Map {
			if len(u.Registers) > 0 && id <= unit {
				unit, cells = id, u.Registers
			}
		}
	case slices.Contains(s.Units.Also, 1) || s.Units.Any:
		unit = 1
	case s.Units.Mode == "serial" && len(s.Units.Also) > 0:
		unit = s.Units.Also[0]
	}
	kind, span := firstSpan(cells)
	return fmt.Sprintf("mbpoll -m tcp -p %s -a %d -t %d -0 -r %d -c %d -1 %s", port, unit, kind, span.First, min(spanLength(&span), 4), host)
}

func firstSpan(cells []profiles.ModbusCells) (kind int, span profiles.ModbusSpan) {
	for _, c := range cells {
		switch {
		case c.Holding != nil:
			return 4, *c.Holding
		case c.Input != nil:
			return 3, *c.Input
		case c.Coil != nil:
			return 0, *c.Coil
		case c.Discrete != nil:
			return 1, *c.Discrete
		}
	}
	return 4, profiles.ModbusSpan{Last: 3}
}

// openCommunity is a community that the profile has in the clear, "public" before all others.
func openCommunity(s *profiles.SNMP) string {
	names := sortedKeys(s.Communities)
	if slices.Contains(names, "public") {
		return "public"
	}
	for _, n := range names {
		if !profiles.IsVerifier(n) {
			return n
		}
	}
	return ""
}

// shellWord puts a text between quotes if a shell would not take it as one word.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// nmap runs a script against a port; a "+" makes it run on one that is not the usual one.
func nmap(l emulate.Listening, script string) string {
	host := l.Address.Addr().String()
	var flags string
	if strings.Contains(host, ":") {
		flags = "-6 "
	}
	if l.Network == "udp" {
		flags += "-sU "
	}
	if l.Address.Port() != l.Port {
		script = "+" + script
	}
	return fmt.Sprintf("nmap %s-Pn -p %d --script %s %s", flags, l.Address.Port(), script, host)
}
