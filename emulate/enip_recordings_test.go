package emulate_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/testdata/expected"
)

// enipCaptures are the captures that hold requests without a connection, which can be asked anew.
var enipCaptures = []string{
	"enip/CL5000EIP-IPAddressChangeAttempt.pcap", "enip/CL5000EIP-SoftwareUpload.pcap", "enip/Plant1_EthernetIP.pcap",
	"enip/cip_only.pcap", "mixed/plant1-mb2.pcap",
}

// TestENIPTablesAnswerAsRecorded asks what an independent dissector read, in a session of its own.
func TestENIPTablesAnswerAsRecorded(t *testing.T) {
	for _, file := range enipCaptures {
		all := exchanges(t, file, enip.Protocol{})
		rows := expected.Rows(t, sharedCaptures, file, "enip")
		for _, server := range servers(all) {
			t.Run(filepath.Base(file)+"/"+server.Addr().String(), func(t *testing.T) {
				d := newENIPDecoy(t, learned(t, all[server]))
				if d.services["44818"] == nil {
					t.Skip("not asked over TCP")
				}
				l := d.dial("44818")
				d.handle = l.answer(t, d.request(t, "register", "")).Messages[0].(*enip.RegisterSessionReply).Session
				var seen tally
				for _, r := range rows {
					if r["server"] != server.String() || r["command"] != "0x006f" || r["req_cip"] == "" {
						continue
					}
					a := l.answer(t, d.request(t, "rr", r["req_cip"]))
					if r["rsp_cip"] == "" { // the device was silent, or the dissector missed what it said: either takes its place
						continue
					}
					var got []byte
					if m, ok := first(a.Messages).(*enip.UnconnectedReply); ok {
						if o := m.Response.Open; o != nil { // the id is the device's choice
							o.OT = 0
						}
						got = m.Response.Append(nil)
					}
					want := unhex(t, r["rsp_cip"])
					if len(want) > 8 && want[0] == 0xd4 && want[2] == 0 {
						clear(want[4:8])
					}
					seen.row(t, bytes.Equal(got, want), "frame %s: %s\nwant %x\ngot  %x", r["req_frame"], r["req_cip"], want, got)
				}
				seen.check(t, server.String())
			})
		}
	}
}

func first(ms []wire.Message) wire.Message {
	if len(ms) == 0 {
		return nil
	}
	return ms[0]
}
