package profiles

import (
	"fmt"
	"strconv"
	"strings"
)

// A Port is where a service listens: "502", or with its transport "161/udp".
type Port struct {
	Number uint16
	UDP    bool
}

// ParsePort reads "502", "502/tcp" or "161/udp".
func ParsePort(s string) (Port, error) {
	n, t, named := strings.Cut(s, "/")
	v, err := strconv.ParseUint(n, 10, 16)
	if err != nil || v == 0 {
		return Port{}, fmt.Errorf("port %q: want a number from 1 to 65535, with /udp behind it for UDP", s)
	}
	switch {
	case !named, t == "tcp":
		return Port{uint16(v), false}, nil
	case t == "udp":
		return Port{uint16(v), true}, nil
	}
	return Port{}, fmt.Errorf("port %q: want /tcp or /udp", s)
}

func (p Port) String() string {
	if p.UDP {
		return strconv.Itoa(int(p.Number)) + "/udp"
	}
	return strconv.Itoa(int(p.Number))
}

// Network is "tcp" or "udp".
func (p Port) Network() string {
	if p.UDP {
		return "udp"
	}
	return "tcp"
}
