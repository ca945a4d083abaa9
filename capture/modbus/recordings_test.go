package modbus

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"testing"

	"ringer/capture/wire"
	"ringer/testdata/expected"
)

// Every PDU that an independent dissector found in the captures decodes and encodes to the same bytes,
// behind an MBAP header and in an RTU frame.
func TestRecordings(t *testing.T) {
	expected.Tables(t, "../../../shared/captures", "modbus", func(t *testing.T, rows []map[string]string) {
		var count, raw int
		for _, row := range rows {
			id, _ := strconv.Atoi(row["trans_id"])
			unit, _ := strconv.Atoi(row["unit"])
			var open []wire.Message
			for _, from := range []wire.Side{wire.Client, wire.Server} {
				pdu := unhex(t, row[map[wire.Side]string{wire.Client: "req_pdu", wire.Server: "rsp_pdu"}[from]])
				if len(pdu) < 1 || len(pdu) == 1 && from == wire.Server {
					continue // the dissector cut it, see the captures' README
				}
				m := roundTrip(t, from, uint16(id), uint8(unit), pdu)
				count++
				if r, ok := m.(*Raw); ok {
					raw++
					if r.Function > 0 && r.Function <= WriteSingleRegister {
						t.Errorf("frame %s: %x is raw", row["req_frame"], pdu)
					}
				}
				if q, ok := m.(*ReadRequest); ok && row["address"] != strconv.Itoa(int(q.Address)) {
					t.Errorf("frame %s: address %d, want %s", row["req_frame"], q.Address, row["address"])
				}
				if e, ok := m.(*Exception); ok && row["exception"] != strconv.Itoa(int(e.Reason)) {
					t.Errorf("frame %s: exception %d, want %s", row["rsp_frame"], e.Reason, row["exception"])
				}
				if from == wire.Client {
					open = []wire.Message{m}
				} else if i, _ := (&conn{}).Match(open, m); len(open) > 0 && i != 0 && pdu[0]&0x7F == byte(open[0].(Message).Code()) {
					t.Errorf("frame %s: the reply does not match its request", row["req_frame"])
				}
			}
		}
		t.Logf("%d messages, %d of them raw", count, raw)
	})
}

func roundTrip(t *testing.T, from wire.Side, id uint16, unit uint8, pdu []byte) wire.Message {
	t.Helper()
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(pdu)+1))
	b = append(append(b, unit), pdu...)
	n, m, err := Protocol{}.New().Next(from, b, false)
	if err != nil || n != len(b) {
		t.Fatalf("%x: took %d, error %v", b, n, err)
	}
	if out, err := m.Append(nil); err != nil || !bytes.Equal(out, b) {
		t.Fatalf("%x encodes to %x, error %v", b, out, err)
	}
	return m
}
