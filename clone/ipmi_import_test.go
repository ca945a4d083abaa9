package clone

import (
	"bytes"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ringer/profiles"
)

// imported learns from a file, and gives the files of the profile by their names without the capture's.
func imported(t *testing.T, format string, data []byte) (*profiles.IPMI, map[string]string, error) {
	t.Helper()
	f := &IPMIFile{Data: data, From: netip.MustParseAddrPort("127.0.0.1:623"), FRU: 7}
	l := NewLearning(Source{ID: "c1"}, Options{})
	for x, err := range IPMIFiles()[format](f) {
		if err != nil {
			return nil, nil, err
		}
		l.Add(&x)
	}
	dev := &profiles.Device{ID: "d"}
	files := map[string]*bytes.Buffer{}
	err := l.Finish(&Output{Device: dev, Create: func(name string) (io.WriteCloser, error) {
		b := &bytes.Buffer{}
		files[strings.ReplaceAll(name, "-c1", "")] = b
		return snmpFile{b}, nil
	}})
	if err != nil || len(dev.Services) != 1 {
		t.Fatalf("%v, %d services", err, len(dev.Services))
	}
	texts := map[string]string{}
	for name, b := range files {
		texts[name] = b.String()
	}
	return dev.Services[0].Section.(*profiles.IPMI), texts, nil
}

func TestIPMIFiles(t *testing.T) {
	inventory := append([]byte{1, 0, 0, 0, 0, 0, 0, 0xff}, bytes.Repeat([]byte("twelve bytes"), 40)...)
	for _, k := range []struct {
		format, file string
		data         []byte
	}{
		{"ipmitool-sdr", "ipmi/sdr.bin", bytes.Join(bmcSDR, nil)},
		{"ipmitool-sel", "ipmi/sel.bin", bytes.Join([][]byte{bmcSEL[0][:16], bmcSEL[1][:16]}, nil)},
		{"ipmitool-fru", "ipmi/fru7.bin", inventory},
	} {
		_, files, err := imported(t, k.format, k.data)
		if err != nil {
			t.Errorf("%s: %v", k.format, err)
		} else if files[k.file] != string(k.data) {
			t.Errorf("%s: %x, want %x", k.format, files[k.file], k.data)
		}
	}
}

// debugText is as FreeIPMI's tools print it, with what a tool says beside.
const debugText = `bmc: =====================================================
bmc: IPMI 1.5 Get Channel Authentication Capabilities Request
bmc: =====================================================
bmc: RMCP Header:
bmc: ------------
bmc: [               6h] = version[ 8b]
bmc: [               0h] = reserved[ 8b]
bmc: [              FFh] = sequence_number[ 8b]
bmc: [               7h] = message_class.class[ 5b]
bmc: [               0h] = message_class.reserved[ 2b]
bmc: [               0h] = message_class.ack[ 1b]
bmc: IPMI Session Header:
bmc: --------------------
bmc: [               0h] = authentication_type[ 8b]
bmc: [               0h] = session_sequence_number[32b]
bmc: [               0h] = session_id[32b]
bmc: [               9h] = ipmi_msg_len[ 8b]
bmc: IPMI Message Header:
bmc: --------------------
bmc: [              20h] = rs_addr[ 8b]
bmc: [               0h] = rs_lun[ 2b]
bmc: [               6h] = net_fn[ 6b]
bmc: [              C8h] = checksum1[ 8b]
bmc: [              81h] = rq_addr[ 8b]
bmc: [               0h] = rq_lun[ 2b]
bmc: [              39h] = rq_seq[ 6b]
bmc: IPMI Command Data:
bmc: ------------------
bmc: [              38h] = cmd[ 8b]
bmc: [               Eh] = channel_number[ 4b]
bmc: [               0h] = reserved1[ 3b]
bmc: [               1h] = get_ipmi_v2.0_extended_data[ 1b]
bmc: [               4h] = maximum_privilege_level[ 4b]
bmc: [               0h] = reserved2[ 4b]
bmc: IPMI Trailer:
bmc: --------------
bmc: [              D1h] = checksum2[ 8b]
a line of the tool's own
bmc: =====================================================
bmc: IPMI 2.0 Get Device ID Request
bmc: =====================================================
bmc: IPMI RMCPPLUS Session Header:
bmc: -----------------------------
bmc: [               6h] = authentication_type[ 4b]
bmc: [               0h] = reserved1[ 4b]
bmc: [               0h] = payload_type[ 6b]
bmc: [               1h] = payload_type.authenticated[ 1b]
bmc: [               1h] = payload_type.encrypted[ 1b]
bmc: [            2A82h] = session_id[32b]
bmc: [               2h] = session_sequence_number[32b]
bmc: [              20h] = ipmi_payload_len[16b]
bmc: IPMI RMCPPLUS Payload:
bmc: ----------------------
bmc: [  BYTE ARRAY ... ] = confidentiality_header[16B]
bmc: [ FEh 31h 8Bh 6Bh D5h DFh 4Ah EDh ]
bmc: [ BBh BDh 04h 1Eh C5h 8Ch F3h CBh ]
bmc: [  BYTE ARRAY ... ] = payload_data[ 7B]
bmc: [ 20h 18h C8h 81h ECh 01h 92h ]
bmc: =====================================================
bmc: IPMI 2.0 Get Device ID Response
bmc: =====================================================
bmc: IPMI RMCPPLUS Session Header:
bmc: -----------------------------
bmc: [               6h] = authentication_type[ 4b]
bmc: [               0h] = reserved1[ 4b]
bmc: [               0h] = payload_type[ 6b]
bmc: [               1h] = payload_type.authenticated[ 1b]
bmc: [               1h] = payload_type.encrypted[ 1b]
bmc: [        70317898h] = session_id[32b]
bmc: [               2h] = session_sequence_number[32b]
bmc: [              30h] = ipmi_payload_len[16b]
bmc: IPMI RMCPPLUS Payload:
bmc: ----------------------
bmc: [  BYTE ARRAY ... ] = payload_data[23B]
bmc: [ 81h 1Ch 63h 20h ECh 01h 00h 20h ]
bmc: [ 03h 09h 08h 02h 9Fh 91h 12h 00h ]
bmc: [ 02h 0Fh 00h 00h 00h 00h 6Ah ]
`

func TestIPMIDebugText(t *testing.T) {
	_, files, err := imported(t, "freeipmi-debug", []byte(debugText))
	if err != nil {
		t.Fatal(err)
	}
	got := files["samples/ipmi-623.tsv"]
	for _, want := range []string{"0638:8e04\t\t-\n", "0601:\t\t0020030908029f911200020f00000000\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

func TestIPMIFilesThatAreNone(t *testing.T) {
	sdr := bytes.Join(bmcSDR, nil)
	twice := append(slices.Clone(sdr), bmcSDR[0]...)
	for _, k := range []struct {
		format string
		data   []byte
		want   string
	}{
		{"ipmitool-sdr", nil, "no sensor data record"},
		{"ipmitool-sdr", sdr[:len(sdr)-1], "offset 85: a record of 17 bytes, and 16 are left"},
		{"ipmitool-sdr", []byte("no record at all"), "offset 2: a record of version 0x20"},
		{"ipmitool-sdr", sdr[:3], "offset 0: 3 bytes are left"},
		{"ipmitool-sdr", twice, "offset 102: record 0001 is there twice"},
		{"ipmitool-sel", bmcSEL[0][:15], "offset 0: 15 bytes are left"},
		{"ipmitool-sel", nil, "no event"},
		{"ipmitool-sel", make([]byte, 16), "offset 0: event 0000"},
		{"ipmitool-fru", make([]byte, 7), "offset 7: an inventory has a header"},
		{"ipmitool-fru", make([]byte, 64), "offset 0: no header"},
		{"ipmitool-fru", make([]byte, 1<<17), "offset 65535: an inventory has up to"},
		{"freeipmi-debug", []byte("nothing\n"), "line 1: none of the packets"},
		{"freeipmi-debug", []byte(strings.Replace(debugText, "= net_fn[ 6b]", "= net_fn[ 2b]", 1)), "line 22: net_fn: 6h in 2 bits"},
		{"freeipmi-debug", []byte(strings.Replace(debugText, "= net_fn[ 6b]", "= net_fn[ 7b]", 1)), "line 2: IPMI Message Header: its fields are no whole bytes"},
		{"freeipmi-debug", []byte(strings.Replace(debugText, "payload_data[ 7B]", "payload_data[ 9B]", 1)), "payload_data: 2 bytes are missing"},
		{"freeipmi-debug", []byte(strings.Replace(debugText, "payload_data[ 7B]", "payload_data[ 6B]", 1)), "payload_data: more bytes"},
		{"freeipmi-debug", []byte(strings.Replace(debugText, "bmc: [ 20h 18h", "other: [ 20h 18h", 1)), "a packet of other"},
		{"freeipmi-debug", []byte(strings.Replace(debugText, "version[ 8b]", "version[ 16b]", 1)), "line 2: the packet is none of IPMI"},
	} {
		if _, _, err := imported(t, k.format, k.data); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s of %d bytes: %v, want %q", k.format, len(k.data), err, k.want)
		}
	}
}

func FuzzIPMIFiles(f *testing.F) {
	f.Add("freeipmi-debug", []byte(debugText))
	f.Add("ipmitool-sdr", bytes.Join(bmcSDR, nil))
	f.Add("ipmitool-sel", bmcSEL[0][:16])
	f.Add("ipmitool-fru", []byte{1, 0, 0, 0, 0, 0, 0, 0xff})
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		read := IPMIFiles()[format]
		if read == nil {
			return
		}
		l := NewLearning(Source{ID: "c1"}, Options{})
		for x, err := range read(&IPMIFile{Data: data, From: netip.MustParseAddrPort("127.0.0.1:623")}) {
			if err == nil {
				l.Add(&x)
			}
		}
		dev := &profiles.Device{ID: "d"}
		l.Finish(&Output{Device: dev, Create: func(string) (io.WriteCloser, error) { return snmpFile{&bytes.Buffer{}}, nil }})
	})
}
