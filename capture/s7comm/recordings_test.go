package s7comm

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"ringer/capture/wire"
	"ringer/testdata/expected"
)

// recorded calls each for every PDU of the tables that an independent dissector made of the captures.
func recorded(t *testing.T, each func(file, column string, row int, pdu []byte)) {
	expected.Tables(t, "../../../shared/captures", "s7comm", func(t *testing.T, rows []map[string]string) {
		for i, row := range rows {
			for _, column := range []string{"req_s7", "rsp_s7"} {
				pdu, err := hex.DecodeString(row[column])
				if err != nil {
					t.Fatal(err)
				}
				if len(pdu) > 0 {
					each(t.Name(), column, i+1, pdu)
				}
			}
		}
	})
}

func TestRecordingsRoundTrip(t *testing.T) {
	kinds, total := map[string]int{}, 0
	c := &Conn{}
	recorded(t, func(file, column string, row int, pdu []byte) {
		b := append(append([]byte(nil), dataHead[:]...), pdu...)
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
		from := wire.Client
		if column == "rsp_s7" {
			from = wire.Server
		}
		n, m, err := c.Next(from, b, false)
		if err != nil || n != len(b) {
			t.Fatalf("%s row %d: took %d of %d bytes: %v", file, row, n, len(b), err)
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s row %d: written again as %x (%v), read from %x", file, row, again, err, b)
		}
		kinds[fmt.Sprintf("%T", m)]++
		total++
		if _, ok := m.(*Unknown); ok {
			t.Errorf("%s row %d: unknown PDU %x", file, row, pdu)
		}
		if j, ok := m.(*Job); ok {
			t.Errorf("%s row %d: raw job %x", file, row, j.Parameter)
		}
	})
	t.Logf("%d PDUs: %v", total, kinds)
}
