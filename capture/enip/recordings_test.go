package enip

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"testing"

	"ringer/testdata/expected"
)

// Every CIP message that an independent dissector found in the captures decodes and encodes to the same
// bytes, and says the status that the dissector read.
func TestRecordings(t *testing.T) {
	expected.Tables(t, "../../../shared/captures", "enip", func(t *testing.T, rows []map[string]string) {
		var count, plain int
		for _, row := range rows {
			asked, _ := hex.DecodeString(row["req_cip"])
			got, _ := hex.DecodeString(row["rsp_cip"])
			q, ok := ReadRequest(asked)
			if !ok {
				if len(asked) > 0 {
					t.Errorf("frame %s: %x is no request", row["req_frame"], asked)
				}
				continue
			}
			if again := q.Append(nil); !bytes.Equal(again, asked) {
				t.Errorf("frame %s: %x is written as %x", row["req_frame"], asked, again)
			}
			if service, _ := strconv.ParseUint(row["cip_service"], 0, 8); Service(service) != q.Service {
				t.Errorf("frame %s: service %s, want %s", row["req_frame"], q.Service, row["cip_service"])
			}
			count++
			if q.kind() != kindPlain && q.Data != nil {
				plain++
			}
			if len(got) == 0 {
				continue
			}
			m, ok := ReadResponse(got, &q)
			if !ok {
				t.Errorf("frame %s: %x is no response", row["rsp_frame"], got)
				continue
			}
			if again := m.Append(nil); !bytes.Equal(again, got) {
				t.Errorf("frame %s: %x is written as %x", row["rsp_frame"], got, again)
			}
			if status, _ := strconv.ParseUint(row["cip_status"], 0, 8); uint8(status) != m.Status {
				t.Errorf("frame %s: status %d, want %s", row["rsp_frame"], m.Status, row["cip_status"])
			}
			count++
		}
		t.Logf("%d messages, %d that could not be taken apart", count, plain)
		if plain > 0 {
			t.Errorf("%d messages could not be taken apart", plain)
		}
	})
}
