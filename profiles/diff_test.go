package profiles

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	a := made(t, `
identity: {vendor: ACME, firmware: V1}
points: {level: {type: f32}, pump: {type: bool}}
accounts: [{name: admin, policy: deny}, {name: guest}]
services:
  - modbus: {port: 502, units: {mode: tcp}, registers: [{holding: 0-1, point: level}, {coil: 3, values: [1]}]}
  - profinet: {port: 34964/udp, recordings: [r.pcapng]}
`, map[string]string{"r.pcapng": "recorded", "old.bin": "12"})
	b := made(t, `
identity: {vendor: ACME, firmware: V2, serial: "7"}
points: {level: {type: f64}, pump: {type: bool}}
accounts: [{name: guest}, {name: admin, policy: accept}]
services:
  - profinet: {port: 34964/udp, recordings: [r.pcapng], latency: {read: {p50: 1ms, p90: 2ms, p99: 3ms}}}
  - modbus: {port: 502, units: {mode: serial, also: [1]}, registers: [{coil: 3, values: [0]}, {holding: 0-3, point: level}]}
  - http: {port: 80}
`, map[string]string{"r.pcapng": "recoded", "new.bin": "123"})
	changes, err := Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := `~ identity.firmware: V1 -> V2
+ identity.serial: "7"
~ points.level.type: f32 -> f64
~ accounts[admin].policy: deny -> accept
~ services[modbus-502].modbus.units.mode: tcp -> serial
+ services[modbus-502].modbus.units.also: [1]
- services[modbus-502].modbus.registers[holding 0-1]: {holding: 0-1, point: level}
~ services[modbus-502].modbus.registers[coil 3].values: [1] -> [0]
+ services[modbus-502].modbus.registers[holding 0-3]: {holding: 0-3, point: level}
+ services[profinet-34964/udp].profinet.latency: {read: {p50: 1ms, p90: 2ms, p99: 3ms}}
+ services[http-80]: {http: {port: 80}}
- file old.bin: 2 bytes
~ file r.pcapng: 8 bytes -> 7 bytes, differs from byte 4
+ file new.bin: 3 bytes
`
	if diff := cmp.Diff(want, Lines(changes)); diff != "" {
		t.Error(diff)
	}
	if same, err := Diff(a, a); err != nil || len(same) > 0 {
		t.Errorf("a profile differs from itself: %v, %v", same, err)
	}
}
