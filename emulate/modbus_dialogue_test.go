package emulate_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// Dialogues are files of requests (>>> unit: PDU in hexadecimal) and what comes back (<<<, with its
// origin behind). "+ 10s" lets time pass; "point = value" writes a point as another protocol would;
// "point ?" shows one. -update writes the answers.
func TestModbusDialogues(t *testing.T) {
	for _, name := range []string{"plc", "gateway", "serial"} {
		t.Run(name, func(t *testing.T) {
			dev, err := profiles.Load(filepath.Join("testdata/modbus", name))
			if err != nil {
				t.Fatal(err)
			}
			checkDialogue(t, filepath.Join("testdata/modbus", name+".txt"), func(text string) string { return modbusDialogue(t, dev, text) })
		})
	}
}

func modbusDialogue(t *testing.T, dev *profiles.Device, text string) string {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var p wire.Protocol = modbus.Protocol{}
	if dev.Services[0].Protocol == "modbus-rtu" {
		p = modbus.RTU{}
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], p)
	if err != nil {
		t.Fatal(err)
	}
	session, conn := service.Open(emulate.Peer{}), p.New()
	conn.(wire.Reuser).Reuse()
	var out strings.Builder
	id := uint16(0)
	for _, line := range strings.SplitAfter(text, "\n") {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "<<<"):
			continue
		case strings.HasPrefix(line, ">>>"):
			id++
			out.WriteString(line)
			m := modbusRequest(t, conn, p, id, line)
			out.WriteString(modbusAnswer(t, session.Answer(m), p, id))
			continue
		case len(words) == 2 && words[0] == "+":
			d, err := time.ParseDuration(words[1])
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
		case len(words) >= 2 && words[1] == "?":
			point, err := st.Point(words[0])
			if err != nil {
				t.Fatal(err)
			}
			line = words[0] + " ? " + point.Text() + "\n"
		case len(words) == 3 && words[1] == "=":
			point, err := st.Point(words[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := point.Set(emulate.TextValue(words[2])); err != nil {
				t.Fatal(err)
			}
		}
		out.WriteString(line)
	}
	return out.String()
}

func modbusRequest(t *testing.T, conn wire.Conn, p wire.Protocol, id uint16, line string) wire.Message {
	t.Helper()
	unit, rest, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, ">>>")), ":")
	n, err := strconv.ParseUint(unit, 10, 8)
	pdu, err2 := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
	if err != nil || err2 != nil {
		t.Fatalf("%q: want >>> unit: PDU", line)
	}
	raw := &modbus.Raw{Header: modbus.Header{Transaction: id, Unit: uint8(n)}, Function: modbus.Function(pdu[0]), Data: pdu[1:]}
	if p.Name() == "modbus-rtu" {
		raw.Header = modbus.Header{Framing: modbus.RTUOverTCP, Unit: uint8(n)}
	}
	b, _ := raw.Append(nil)
	k, m, err := conn.Next(wire.Client, b, false)
	if err != nil || k != len(b) {
		t.Fatalf("%q: took %d of %d bytes, error %v", line, k, len(b), err)
	}
	return m
}

func modbusAnswer(t *testing.T, a emulate.Answer, p wire.Protocol, id uint16) string {
	t.Helper()
	wait := ""
	if a.Wait > 0 {
		wait = fmt.Sprintf(", after %v", a.Wait)
	}
	if len(a.Messages) == 0 {
		return fmt.Sprintf("<<< silence (%v%s)\n", a.From, wait)
	}
	b, err := a.Messages[0].Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name() == "modbus-rtu" {
		m, _, err := p.New().Next(wire.Server, b, false)
		if err != nil || m != len(b) {
			t.Fatalf("%x is not a frame: %v", b, err)
		}
		return fmt.Sprintf("<<< %d: % x (%v%s)\n", b[0], b[1:len(b)-2], a.From, wait)
	}
	if !bytes.Equal(b[:4], []byte{byte(id >> 8), byte(id), 0, 0}) || int(b[5]) != len(b)-6 {
		t.Fatalf("header % x", b[:7])
	}
	return fmt.Sprintf("<<< %d: % x (%v%s)\n", b[6], b[7:], a.From, wait)
}
