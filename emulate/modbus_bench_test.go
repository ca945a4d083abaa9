package emulate_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// modbusHot are the requests that a polled device gets all day.
var modbusHot = []struct{ name, hex string }{
	{"10 registers", "0001 0000 0006 01 03 0064 000a"},
	{"125 registers", "0001 0000 0006 01 03 0137 007d"},
	{"a point of two registers", "0001 0000 0006 01 03 0000 0002"},
	{"a moving register", "0001 0000 0006 01 03 0015 0001"},
	{"16 coils", "0001 0000 0006 01 01 0001 0010"},
	{"2000 coils", "0001 0000 0006 01 01 0001 07d0"},
	{"write a register", "0001 0000 0006 01 06 0064 1234"},
	{"write 2 registers", "0001 0000 000b 01 10 0064 0002 04 11223344"},
	{"an exception", "0001 0000 0006 01 03 ffff 0001"},
}

// modbusTurn decodes, answers and encodes one request, as the serving engine does.
func modbusTurn(t testing.TB, request string) func() {
	dev, err := profiles.Load("testdata/modbus/plc")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], modbus.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	session, conn := service.Open(emulate.Peer{}), modbus.Protocol{}.New()
	conn.(wire.Reuser).Reuse()
	b, err := hex.DecodeString(strings.ReplaceAll(request, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, 512)
	return func() {
		_, m, err := conn.Next(wire.Client, b, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range session.Answer(m).Messages {
			if out, err = r.Append(out[:0]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestModbusAnswersWithoutAllocating(t *testing.T) {
	for _, r := range modbusHot {
		turn := modbusTurn(t, r.hex)
		for range 10 {
			turn() // recordings play to their end
		}
		if n := testing.AllocsPerRun(100, turn); n != 0 {
			t.Errorf("%s: %v allocations", r.name, n)
		}
	}
}

func BenchmarkModbusAnswer(b *testing.B) {
	for _, r := range modbusHot {
		b.Run(r.name, func(b *testing.B) {
			turn := modbusTurn(b, r.hex)
			b.ReportAllocs()
			for b.Loop() {
				turn()
			}
		})
	}
}
