package profiles

import (
	"encoding/hex"
	"fmt"
	"strings"

	"ringer/capture/ipmi"
)

// The cells of a management controller are what it answers. Their values are a completion code and the data
// behind it; an empty value is silence. The names:
//
//	0638:8e04          the command 38 of the network function 06 with the data 8e 04, in a session
//	outside 0601:      the same without a session, where the controller answers otherwise
//	ping               the presence ping; the value is what the pong says behind its length
//	rakp 00…           a recorded handshake, by the console's random number; the value is the status that
//	                   ended it
//
// Reservations in the data are zero.

// IPMIOutside begins the names of cells that are asked without a session.
const IPMIOutside = "outside "

// IPMIHandshake begins the names of cells of recorded handshakes.
const IPMIHandshake = "rakp "

// IPMIPing is the cell of the presence ping.
const IPMIPing = "ping"

// IPMICell names the cell of a command.
func IPMICell(t ipmi.Target, data []byte) string {
	return string(AppendIPMICell(nil, t, data))
}

// AppendIPMICell appends the name.
func AppendIPMICell(b []byte, t ipmi.Target, data []byte) []byte {
	b = hex.AppendEncode(b, []byte{byte(t.NetFn), t.Cmd})
	return hex.AppendEncode(append(b, ':'), data)
}

// ParseIPMICell reads the name of a command's cell. Other names give false.
func ParseIPMICell(cell string) (t ipmi.Target, data []byte, ok bool, err error) {
	if cell == IPMIPing || strings.HasPrefix(cell, IPMIHandshake) {
		return t, nil, false, nil
	}
	head, rest, colon := strings.Cut(strings.TrimPrefix(cell, IPMIOutside), ":")
	b, err1 := hex.DecodeString(head)
	data, err2 := hex.DecodeString(rest)
	if !colon || err1 != nil || err2 != nil || len(b) != 2 {
		return t, nil, false, fmt.Errorf("cell %q: want NETFN CMD:DATA in hexadecimal, as 0638:8e04", cell)
	}
	return ipmi.Target{NetFn: ipmi.NetFn(b[0]), Cmd: b[1]}, data, true, nil
}

// IPMINumber says where in the value of a cell the number is that moves by itself, and how many bytes it
// has, the least first: readings, clocks, counters of hours, watts.
func IPMINumber(t ipmi.Target, data []byte) (at, size int) {
	switch {
	case t.NetFn == ipmi.Sensor && t.Cmd == 0x2d:
		return 1, 1
	case t.NetFn == ipmi.Storage && (t.Cmd == 0x48 || t.Cmd == 0x28):
		return 1, 4
	case t.NetFn == ipmi.Chassis && t.Cmd == 0x0f:
		return 2, 4
	case t.NetFn == ipmi.Group && t.Cmd == 0x02 && len(data) > 0 && data[0] == ipmi.DCMIGroup:
		return 2, 2
	}
	return 0, 0
}
