package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/emulate"
)

type servedJSON struct {
	Device   string `json:"device"`
	Protocol string `json:"protocol"`
	Network  string `json:"network"`
	Port     uint16 `json:"port"` // the device's own
	Address  string `json:"address"`
}

// printServed shows what is served where, and what to try from another terminal.
func printServed(c *cli.Context, decoy *emulate.Decoy) error {
	rows := decoy.Table()
	if c.Bool("json") {
		all := []servedJSON{}
		for _, r := range rows {
			all = append(all, servedJSON{r.Device, r.Protocol, r.Network, r.Port, r.Address.String()})
		}
		return printJSON(c, all)
	}
	w := c.App.Writer
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
	commands := toTry(rows)
	if len(commands) > 0 {
		fmt.Fprintln(w, "\ntry from another terminal:")
		for _, line := range commands {
			fmt.Fprintln(w, "  "+line)
		}
	}
	_, err := fmt.Fprintln(w, "\nserving; Ctrl-C ends")
	return err
}

const tryMax = 8

// toTry gives commands of common clients for the first service of each protocol.
func toTry(rows []emulate.Listening) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range rows {
		ask := clients[r.Protocol]
		if ask == nil || seen[r.Protocol] || len(out) >= tryMax {
			continue
		}
		seen[r.Protocol] = true
		out = append(out, ask(r)...)
	}
	return out
}

// clients are the commands that ask a service something, by protocol.
var clients = map[string]func(emulate.Listening) []string{
	"modbus": func(l emulate.Listening) []string {
		host, port := hostPort(l)
		return []string{
			fmt.Sprintf("mbpoll -m tcp -p %s -a 1 -t 4 -0 -r 0 -c 4 -1 %s", port, host),
			nmap(l, "modbus-discover", ""),
		}
	},
	"s7": func(l emulate.Listening) []string { return []string{nmap(l, "s7-info", "")} },
	"snmp": func(l emulate.Listening) []string {
		return []string{fmt.Sprintf("snmpwalk -v2c -c public udp:%s system", brackets(l))}
	},
	"http": func(l emulate.Listening) []string {
		return []string{fmt.Sprintf("curl -i http://%s/", brackets(l))}
	},
}

func hostPort(l emulate.Listening) (host, port string) {
	return l.Address.Addr().String(), strconv.Itoa(int(l.Address.Port()))
}

func brackets(l emulate.Listening) string {
	host, port := hostPort(l)
	return net.JoinHostPort(host, port)
}

// nmap runs a script against a port that may not be the usual one: a "+" makes it run all the same.
func nmap(l emulate.Listening, script, more string) string {
	host, port := hostPort(l)
	six := ""
	if strings.Contains(host, ":") {
		six = "-6 "
	}
	if l.Address.Port() != l.Port {
		script = "+" + script
	}
	return strings.TrimSpace(fmt.Sprintf("nmap %s-Pn -p %s --script %s %s%s", six, port, script, host, more))
}
