package snmp_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/testdata/expected"
)

// recordings are the real captures that hold SNMP.
var recordings = []string{
	"snmp/ndpi-snmp.pcap", "snmp/snmp_usm.pcap", "snmp/snmpv1_get.pcap", "snmp/snmpv3-auth-md5-nopriv.pcap",
	"snmp/snmpv3-auth-sha1-aes128.pcap", "snmp/snmpwalk-short.pcap", "mms/Sample_File_MMS_and_GOOSE.pcap",
}

// datagram is the payload of one UDP packet from or to the ports of SNMP.
type datagram struct {
	packet  int
	payload []byte
}

func datagrams(t *testing.T, name string) []datagram {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../../shared/captures", name))
	if err != nil {
		t.Skipf("the real captures are not here: %v", err)
	}
	var src gopacket.PacketDataSource
	var link layers.LinkType
	if ng, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions); err == nil {
		src, link = ng, ng.LinkType()
	} else {
		r, err := pcapgo.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		src, link = r, r.LinkType()
	}
	var out []datagram
	for n := 1; ; n++ {
		data, _, err := src.ReadPacketData()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		u, ok := gopacket.NewPacket(data, link, gopacket.Default).Layer(layers.LayerTypeUDP).(*layers.UDP)
		if ok && (u.SrcPort == 161 || u.DstPort == 161 || u.SrcPort == 162 || u.DstPort == 162) {
			out = append(out, datagram{n, u.Payload})
		}
	}
}

// TestRecordingsRoundTrip decodes every datagram of the real captures and encodes it again.
func TestRecordingsRoundTrip(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			types := map[string]int{}
			for _, d := range datagrams(t, name) {
				n, m, err := new(snmp.Conn).Next(wire.Client, d.payload, true)
				if err != nil || n != len(d.payload) {
					t.Errorf("packet %d: took %d of %d bytes: %v", d.packet, n, len(d.payload), err)
					continue
				}
				if raw, ok := m.(*snmp.Raw); ok {
					t.Errorf("packet %d: not understood: %x", d.packet, raw.Bytes)
				}
				if got, err := m.Append(nil); err != nil || !bytes.Equal(got, d.payload) {
					t.Errorf("packet %d: read\n%s\nwrote\n%s", d.packet, hex.EncodeToString(d.payload), hex.EncodeToString(got))
				}
				class, _ := wire.Class(m)
				types[class]++
			}
			if len(types) == 0 {
				t.Error("no messages")
			}
			t.Log(types)
		})
	}
}

// TestRecordingsEqualTables compares every message that is not encrypted with what an independent
// dissector says it holds.
func TestRecordingsEqualTables(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			rows := map[int][]map[string]string{}
			for _, row := range expected.Rows(t, "../../../shared/captures", name, "snmp") {
				frame, _ := strconv.Atoi(row["frame"])
				rows[frame] = append(rows[frame], row)
			}
			compared := 0
			for _, d := range datagrams(t, name) {
				_, m, err := new(snmp.Conn).Next(wire.Client, d.payload, true)
				if err != nil {
					t.Fatal(err)
				}
				got := tableRows(m)
				if got == nil {
					continue
				}
				compared += len(got)
				if want := rows[d.packet]; len(want) != len(got) {
					t.Errorf("packet %d: %d variables, want %d", d.packet, len(got), len(want))
					continue
				}
				for i, row := range rows[d.packet] {
					var want []string
					for _, column := range []string{"version", "community", "engine_id", "pdu", "request_id", "error_status", "error_index", "oid", "value_hex"} {
						want = append(want, row[column])
					}
					if !slices.Equal(got[i], want) {
						t.Errorf("packet %d:\ngot  %q\nwant %q", d.packet, got[i], want)
					}
				}
			}
			t.Logf("%d rows compared", compared)
		})
	}
}

// tableRows is a message as the tables show it: version, community or user, engine id, pdu, request id,
// error status and index, then a variable a row.
func tableRows(m wire.Message) (rows [][]string) {
	var head []string
	var list []snmp.VarBind
	pdu := func(p snmp.PDU) {
		status, index := fmt.Sprint(int64(p.ErrorStatus)), fmt.Sprint(p.ErrorIndex)
		kind := p.Type.String()
		if p.Type == snmp.TrapV2 {
			kind = "trap-v2"
		}
		head = append(head, kind, fmt.Sprint(p.RequestID), status, index)
		list = p.VarBinds
	}
	switch m := m.(type) {
	case *snmp.CommunityMessage:
		head = []string{m.Version.String(), m.Community.String(), ""}
		pdu(m.PDU)
	case *snmp.TrapMessage:
		head = []string{m.Version.String(), m.Community.String(), "", "trap-v1", "", "", ""}
		list = m.VarBinds
	case *snmp.V3Message:
		if m.ScopedPDU == nil {
			return nil
		}
		head = []string{"v3", m.USM.UserName.String(), hex.EncodeToString(m.USM.EngineID)}
		pdu(m.PDU)
	}
	for _, v := range list {
		rows = append(rows, append(slices.Clone(head), v.OID.String(), hex.EncodeToString(v.Value.Content())))
	}
	if len(list) == 0 {
		rows = append(rows, append(head, "", ""))
	}
	return rows
}
