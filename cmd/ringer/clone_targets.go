package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/clone"
	"ringer/profiles"
)

// A target is a device that is to be asked.
type target struct {
	name    string // as it was given
	addr    netip.Addr
	port    profiles.Port // of "10.0.0.3:5020"; 0: the usual ones
	network string        // that it is of, if one was given
}

// targetsMax bounds how many devices one run asks.
const targetsMax = 1 << 16

// readTargets reads addresses, names, networks and files of them.
func readTargets(ctx context.Context, args []string) ([]target, error) {
	var all []target
	seen := map[netip.AddrPort]bool{}
	add := func(found []target) error {
		for _, t := range found {
			k := netip.AddrPortFrom(t.addr, t.port.Number)
			if !seen[k] {
				seen[k] = true
				all = append(all, t)
			}
		}
		if len(all) > targetsMax {
			return usage("more than %d targets at once: give smaller networks", targetsMax)
		}
		return nil
	}
	for _, a := range args {
		found, err := readTarget(ctx, a)
		if err != nil {
			info, serr := os.Stat(a)
			if serr != nil || info.IsDir() {
				return nil, err
			}
			if found, err = readTargetFile(ctx, a); err != nil {
				return nil, err
			}
		}
		if err := add(found); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readTargetFile(ctx context.Context, name string) ([]target, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, inputError(err)
	}
	defer f.Close()
	var all []target
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		found, err := readTarget(ctx, text)
		if err != nil {
			return nil, failure{statusInput, fmt.Errorf("%s:%d: %w", name, n, err)}
		}
		all = append(all, found...)
	}
	if err := lines.Err(); err != nil {
		return nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
	}
	if len(all) == 0 {
		return nil, failure{statusInput, fmt.Errorf("%s: no targets in it; want an address, name or network a line", name)}
	}
	return all, nil
}

// readTarget reads "10.0.0.3", "10.0.0.3:5020", "[::1]:502", "plc.example", "10.0.0.0/28".
func readTarget(ctx context.Context, text string) ([]target, error) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return networkTargets(text, network)
	}
	host, number := text, ""
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return []target{{name: text, addr: a.Unmap()}}, nil
	}
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, number = h, p
	}
	t := target{name: host}
	if number != "" {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return nil, usage("target %s: want a port from 1 to 65535 behind the colon", text)
		}
		t.port.Number = uint16(n)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		t.addr = a.Unmap()
		return []target{t}, nil
	}
	if host == "" || strings.ContainsAny(host, "/ \\") {
		return nil, usage("target %s: want an address, a name, a network such as 10.0.0.0/28, or a file of them", text)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return nil, failure{statusInput, fmt.Errorf("target %s: no address is known for this name (%v), and there is no such file", text, err)}
	}
	t.addr = addrs[0].Unmap()
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			t.addr = a
			break
		}
	}
	return []target{t}, nil
}

// networkTargets lists the hosts of a network, without the addresses of an IPv4 network and of its broadcasts.
func networkTargets(text string, network netip.Prefix) ([]target, error) {
	network = network.Masked()
	bits := network.Addr().BitLen() - network.Bits()
	if bits > 16 {
		return nil, usage("target %s: more than %d addresses; give smaller networks", text, targetsMax)
	}
	var all []target
	n := 1 << bits
	a := network.Addr()
	for i := range n {
		if !a.Is4() || bits < 2 || i > 0 && i < n-1 {
			all = append(all, target{name: a.String(), addr: a, network: network.String()})
		}
		a = a.Next()
	}
	return all, nil
}

// candidates reads --ports.
func candidates(c *cli.Context) ([]clone.Candidate, error) {
	var all []clone.Candidate
	for _, flag := range c.StringSlice("ports") {
		for text := range strings.SplitSeq(flag, ",") {
			text = strings.TrimSpace(text)
			number, name, named := strings.Cut(text, "=")
			port, err := profiles.ParsePort(number)
			if err != nil || port.Number == 0 {
				return nil, usage("--ports %s: want a number, N/udp or N=PROTOCOL, as 8080 or 5020=modbus", text)
			}
			k := clone.Candidate{Port: port, Protocol: name}
			if named {
				p := protocolNamed(name)
				if p == nil {
					return nil, usage("--ports %s: ringer does not know the protocol %q; it knows %s", text, name, protocolNames())
				}
				if !slices.ContainsFunc(askers(), func(a asker) bool { return a.name == name }) {
					return nil, usage("--ports %s: %s cannot be asked; what can: %s", text, name, askerNames(askers()))
				}
				k.Port.UDP = k.Port.UDP || strings.HasPrefix(p.Ports()[0], "udp/")
			}
			all = append(all, k)
		}
	}
	return all, nil
}
