package profiles

import (
	"testing"
)

const example = `apiVersion: ringer/v1
kind: Device
id: water-plc-3
identity: {vendor: Siemens, model: CPU 1214C DC/DC/DC, order: 6ES7 214-1AG40-0XB0, firmware: V4.5.2}
captures:
  c1: {file: plant.pcapng, sha256: 9f2c, from: 2026-03-02T08:00:00Z, to: 2026-03-02T12:00:00Z}
points:
  flow: {type: f32, dynamics: {sine: {mean: 18, amp: 6, period: 24h, phase: 7h}}}
  hours: {type: u32, dynamics: {counter: {start: 18233, rate: 1/h}}}
  level: {type: f32, unit: m, dynamics: {walk: {mean: 2.4, sd: 0.06, min: 0, max: 4, step: 0.01}}}
  uptime: {type: u32, dynamics: {clock: {unit: 10ms, since: boot, uptime: 41d3h}}}
services:
  - recordedonly:
      port: 34964/udp
      recordings: [recordings/x.pcapng]
      latency: {any: {p50: 4.1ms, p90: 7.8ms, p99: 19ms}}
`

func TestLoadSave(t *testing.T) {
	dev, err := Parse([]byte(example), "x.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := dev.YAML()
	t.Logf("%s %v", b, err)
}
