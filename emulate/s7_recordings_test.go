package emulate_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/s7comm"
	"ringer/emulate"
	"ringer/profiles"
	"ringer/testdata/expected"
)

// s7Captures are the captures that hold S7 with both directions.
var s7Captures = []string{
	"s7comm/snap7_s300_everything.pcapng", "s7comm/step7_s300_readDiagData.pcapng", "s7comm/wincc_s400_production.pcapng",
	"s7comm/s7comm_reading_plc_status.pcap", "s7comm/s7comm_program_blocklist_onlineview.pcap", "s7comm/Plant1_S7comm.pcap",
	"mixed/plant1-mb2.pcap", "nasty/s7comm_plus-linux-cooked.pcap",
}

// An s7Decoy is a controller in this process.
type s7Decoy struct{ *decoy }

func newS7Decoy(t testing.TB, dev *profiles.Device) s7Decoy {
	t.Helper()
	return s7Decoy{openDecoy(t, dev, emulate.Settings{}, s7comm.Protocol{})}
}

func (d s7Decoy) dial() *link { return d.decoy.dial("s7") }

func TestS7RecordingsAnswerAsRecorded(t *testing.T) {
	playRecordings(t, s7Captures, false, s7comm.Protocol{})
}

// TestS7TablesAnswerAsRecorded asks what an independent dissector read, on one connection of its own.
func TestS7TablesAnswerAsRecorded(t *testing.T) {
	for _, file := range s7Captures {
		all := exchanges(t, file, s7comm.Protocol{})
		rows := expected.Rows(t, sharedCaptures, file, "s7comm")
		for _, server := range servers(all) {
			t.Run(filepath.Base(file)+"/"+server.Addr().String(), func(t *testing.T) {
				l := newS7Decoy(t, learned(t, all[server])).dial()
				tsap := "0102"
				if strings.Contains(file, "linux-cooked") {
					tsap = "0101"
				}
				if cc := l.ask(t, unhex(t, "0300001611e00000000100c0010ac1020100c202"+tsap)); len(cc) != 22 {
					t.Fatalf("connection refused: %x", cc)
				}
				l.ask(t, unhex(t, "0300001902f08032010000ffff00080000f0000001000101e0"))
				var seen tally
				for _, r := range rows {
					if r["server"] != server.String() || r["req_s7"] == "" {
						continue
					}
					req := unhex(t, r["req_s7"])
					got := l.ask(t, append([]byte{3, 0, byte((len(req) + 7) >> 8), byte(len(req) + 7), 2, 0xf0, 0x80}, req...))
					if r["rsp_s7"] == "" {
						continue
					}
					want := unhex(t, r["rsp_s7"])
					seen.row(t, len(got) > 7 && bytes.Equal(got[7:], want), "frame %s: %x\nwant %x\ngot  %x", r["req_frame"], req, want, got[min(7, len(got)):])
				}
				seen.check(t, server.String())
			})
		}
	}
}
