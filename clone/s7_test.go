package clone_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/profiles"
	"ringer/testdata/expected"
)

// s7Halves learns the first and the second half of what one CPU was asked.
func s7Halves(t *testing.T, file string) (a, b *profiles.Device) {
	t.Helper()
	var xs []capture.Exchange
	for _, x := range recorded(t, file, "s7") {
		if len(xs) == 0 || x.Server == xs[0].Server {
			xs = append(xs, x)
		}
	}
	half := len(xs) / 2
	return learnPart(t, "c00000001", xs[:half]), learnPart(t, "c00000002", xs[half:])
}

func TestS7MergeHasNoOrder(t *testing.T) {
	for _, file := range []string{"s7comm/Plant1_S7comm.pcap", "s7comm/s7comm_reading_plc_status.pcap", "s7comm/wincc_s400_production.pcapng"} {
		a, b := s7Halves(t, file)
		var texts [2]string
		for i, pair := range [][2]*profiles.Device{{a, b}, {b, a}} {
			m, conflicts, err := profiles.Merge(pair[0], pair[1])
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if len(conflicts) > 0 {
				t.Logf("%s: %v", file, conflicts)
			}
			y, err := m.YAML()
			if err != nil {
				t.Fatal(err)
			}
			s := m.Services[0].Section.(*profiles.S7)
			for _, name := range slices.Sorted(maps.Keys(s.Areas)) {
				if area := s.Areas[name]; area.Image != "" {
					image, err := m.ReadFile(area.Image, 1<<16)
					if err != nil {
						t.Fatal(err)
					}
					y = append(append(y, name...), image...)
				}
			}
			for _, name := range s.Samples {
				samples, err := m.ReadFile(name, 1<<24)
				if err != nil {
					t.Fatal(err)
				}
				y = append(y, samples...)
			}
			if err := m.Validate(); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			texts[i] = string(y)
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: merged one way it is\n%.3000s\nthe other way\n%.3000s", file, texts[0], texts[1])
		}
	}
}

// TestS7LearnsWhatTheDissectorRead compares profiles with an independent dissector's tables: memory as it
// was read last, status lists, and the name plate.
func TestS7LearnsWhatTheDissectorRead(t *testing.T) {
	for _, file := range []string{
		"s7comm/snap7_s300_everything.pcapng", "s7comm/s7comm_reading_plc_status.pcap", "s7comm/Plant1_S7comm.pcap",
		"s7comm/wincc_s400_production.pcapng", "mixed/plant1-mb2.pcap", "nasty/s7comm_plus-linux-cooked.pcap",
	} {
		devices := s7Devices(t, file)
		bytesSeen, listsSeen := 0, 0
		for server, want := range s7Read(t, file) {
			dev := devices[server]
			if dev == nil {
				t.Errorf("%s: nothing was learned of %s", file, server)
				continue
			}
			got := s7Known(t, dev)
			for cell, v := range want {
				if !bytes.Equal(got[cell], v) {
					t.Errorf("%s: %s %s is %x, the dissector read %x", file, server, cell, got[cell], v)
				}
				if strings.HasPrefix(cell, "szl") {
					listsSeen++
				} else {
					bytesSeen++
				}
			}
		}
		t.Logf("%s: %d bytes of memory and %d status lists are as the dissector read them", file, bytesSeen, listsSeen)
	}
	for file, want := range map[string]profiles.Identity{
		"s7comm/snap7_s300_everything.pcapng": {Vendor: "Siemens", Model: "CPU 315-2 PN/DP", Order: "6ES7 315-2EH14-0AB0", Firmware: "V3.2.7",
			Hardware: "3", Serial: "S C-B1U393142011", Name: "S7300/ET200M station_1", Role: "plc"},
		"s7comm/s7comm_reading_plc_status.pcap": {Vendor: "Siemens", Model: "IM151-8 PN/DP CPU", Order: "6ES7 151-8AB01-0AB0", Firmware: "V3.2.6",
			Hardware: "3", Serial: "S C-C6TW74882012", Name: "IM151-8-CPU", Role: "plc"},
	} {
		for _, dev := range s7Devices(t, file) {
			if dev.Identity != want {
				t.Errorf("%s: is %+v, want %+v", file, dev.Identity, want)
			}
		}
	}
}

func s7Devices(t *testing.T, file string) map[string]*profiles.Device {
	t.Helper()
	all := map[string][]capture.Exchange{}
	for _, x := range recorded(t, file, "s7") {
		all[x.Server.String()] = append(all[x.Server.String()], x)
	}
	devices := map[string]*profiles.Device{}
	for server, xs := range all {
		devices[server] = learnPart(t, "c00000001", xs)
	}
	return devices
}

// s7Read is what the table of a capture says each device held last, as cells by server.
func s7Read(t *testing.T, file string) map[string]map[string][]byte {
	t.Helper()
	cells := map[string]map[string][]byte{}
	for _, row := range expected.Rows(t, sharedCaptures, file, "s7comm") {
		if cells[row["server"]] == nil {
			cells[row["server"]] = map[string][]byte{}
		}
		s7Row(t, cells[row["server"]], row)
	}
	return cells
}

func s7Row(t *testing.T, cells map[string][]byte, row map[string]string) {
	t.Helper()
	req, err := hex.DecodeString(row["req_s7"])
	rsp, err2 := hex.DecodeString(row["rsp_s7"])
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if len(req) == 0 || len(rsp) == 0 {
		return
	}
	if id := row["szl_id"]; id != "" && req[4] == rsp[4] && row["error"] == "0x0000" && len(req) == 26 && req[14] == 0x11 && rsp[19] == 0 {
		list := "szl " + strings.ToUpper(id) + "/" + strings.ToUpper(row["szl_index"])
		cells[list] = rsp[26:]
		return
	}
	if row["rosctr"] != "1" || row["function"] != "0x04" && row["function"] != "0x05" {
		return
	}
	message := func(b []byte) wire.Message {
		_, m, err := s7comm.Protocol{}.New().Next(wire.Client, append([]byte{3, 0, byte((len(b) + 7) >> 8), byte(len(b) + 7), 2, 0xf0, 0x80}, b...), true)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var items []s7comm.Item
	var values []s7comm.Value
	switch q := message(req).(type) {
	case *s7comm.ReadVar:
		items, values = q.Items, message(rsp).(*s7comm.ReadVarReply).Values
	case *s7comm.WriteVar:
		items, values = q.Items, q.Values
		for i, code := range message(rsp).(*s7comm.WriteVarReply).ReturnCodes {
			values[i].ReturnCode = code
		}
	}
	for i := range items {
		it, v := &items[i], &values[i]
		for d := v.Data; len(it.Ranges) > 0 && len(d) > 0; it.Ranges = it.Ranges[1:] { // a return code and the bytes of each
			x := it.Ranges[0]
			for k := range int(x.Size) {
				cells[profiles.S7Byte("DB", x.DB, int(x.Start)+k)] = d[1+k : 2+k]
			}
			d = d[1+int(x.Size):]
		}
		if it.Syntax != s7comm.SyntaxAny || v.ReturnCode != s7comm.CodeSuccess {
			continue
		}
		offset, _, _ := it.Span()
		if it.TransportSize == s7comm.SizeBit {
			name, b := profiles.S7Byte(it.Area.String(), it.DB, offset), byte(0)
			if was := cells[name]; was != nil {
				b = was[0]
			}
			cells[name] = []byte{b&^(1<<it.Bit()) | v.Data[0]&1<<it.Bit()}
			continue
		}
		for k := range v.Data {
			cells[profiles.S7Byte(it.Area.String(), it.DB, offset+k)] = v.Data[k : k+1]
		}
	}
}

// s7Known is what a profile says its device held last, as cells.
func s7Known(t *testing.T, dev *profiles.Device) map[string][]byte {
	t.Helper()
	cells := map[string][]byte{}
	s := dev.Services[0].Section.(*profiles.S7)
	for name, area := range s.Areas {
		image := make([]byte, area.Size*2)
		if area.Image != "" {
			b, err := dev.ReadFile(area.Image, 1<<16)
			if err != nil {
				t.Fatal(err)
			}
			copy(image, b)
		}
		for i := range image {
			cells[fmt.Sprintf("%s.%d", name, i)] = image[i : i+1]
		}
	}
	for list, file := range s.SZL {
		if b, err := dev.ReadFile(file, 1<<16); err == nil {
			cells["szl "+list] = b
		}
	}
	for _, name := range s.Samples {
		f, err := dev.Files.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		err = profiles.ReadSamples(f, func(cell string, _ *profiles.Dynamics, track profiles.Track) error {
			if v := track.Last().Value; strings.HasPrefix(cell, "szl ") {
				a, err := profiles.ParseS7Answer(v)
				cells[cell] = a.Data
				return err
			}
			cells[cell] = track.Last().Value
			return nil
		})
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return cells
}

// BenchmarkS7Learn learns one exchange.
func BenchmarkS7Learn(b *testing.B) {
	xs := recorded(b, "s7comm/Plant1_S7comm.pcap", "s7")
	l := clone.NewLearning(clone.Source{ID: "c00000001"}, clone.Options{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.Add(&xs[i%len(xs)])
	}
}
