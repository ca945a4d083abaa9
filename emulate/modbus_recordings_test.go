package emulate_test

import (
	"bytes"
	"path/filepath"
	"strconv"
	"testing"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/testdata/expected"
)

// modbusCaptures are the captures that hold Modbus with both directions.
var modbusCaptures = []string{
	"modbus/quickdraw-part1.pcap", "modbus/quickdraw-part2.pcap", "modbus/modicon-quantum-umas.pcap",
	"modbus/lemay-6rtu-characterization.pcap", "modbus/zeek-modbusBig.pcap", "modbus/icsnpp-modbus_example.pcap",
	"mixed/plant1-mb2.pcap", "mixed/s4-modicon-plc.pcap", "nasty/modbus-every-packet-twice.pcap", "nasty/modbus-fuzz-72.pcap",
}

var modbusFramings = []wire.Protocol{modbus.Protocol{}, modbus.RTU{}}

// Capture, emulate, replay: whoever asks in the recorded order gets the recorded answers, byte for byte.
func TestModbusRecordings(t *testing.T) {
	playRecordings(t, modbusCaptures, true, modbusFramings...)
}

// The questions of an independent dissector's tables, all on one connection, get the answers in the
// tables. A row is missed where the dissector lost track of the capture; see the captures' README.
func TestModbusTables(t *testing.T) {
	for _, file := range modbusCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := exchanges(t, file, modbusFramings...)
			rows := expected.Rows(t, sharedCaptures, file, "modbus")
			for _, server := range servers(all) {
				var seen tally
				var l *link
				for _, r := range rows {
					if r["server"] != server.String() || r["req_pdu"] == "" {
						continue
					}
					if l == nil {
						l = openDecoy(t, learned(t, all[server]), emulate.Settings{}, modbusFramings...).dial("modbus")
					}
					unit, _ := strconv.Atoi(r["unit"])
					pdu := unhex(t, r["req_pdu"])
					head := []byte{0, byte(seen.asked), 0, 0, 0, byte(len(pdu) + 1), byte(unit)}
					got := l.ask(t, append(head, pdu...))
					if r["rsp_pdu"] == "" {
						continue
					}
					seen.row(t, len(got) > 7 && bytes.Equal(got[7:], unhex(t, r["rsp_pdu"])) && got[6] == byte(unit),
						"%s frame %s: asked %s\nwant %s\ngot  %x", server, r["req_frame"], r["req_pdu"], r["rsp_pdu"], got)
				}
				seen.check(t, server.String())
			}
		})
	}
}
