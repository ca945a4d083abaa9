package clone

import (
	"encoding/hex"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Files are learned from what is read and written of them, in bytes and in records, of devices behind a router,
// too; a file that was longer before is as long as it was last.
func TestLearnBACnetFiles(t *testing.T) {
	l := NewLearning(Source{ID: "c1"}, Options{})
	at := time.Unix(1e9, 0).UTC()
	say := func(service bacnet.ConfirmedService, station *bacnet.Station, q, a bacnet.Parameters) {
		req := &bacnet.ConfirmedRequest{MaxAPDU: 5, Service: service, Parameters: q}
		req.Link.Function = bacnet.OriginalUnicast
		if station != nil {
			req.Network.To(*station)
		}
		at = at.Add(time.Second)
		l.Add(&capture.Exchange{At: at, Protocol: bacnet.Protocol{}, Transport: "udp",
			Client: netip.MustParseAddrPort("10.0.0.9:47808"), Server: netip.MustParseAddrPort("10.0.0.1:47808"),
			Request: req, Replies: []wire.Message{&bacnet.ComplexAck{Header: bacnet.Reply(&req.Header), Service: service, Parameters: a}}})
	}
	file := func(n uint32) bacnet.ObjectID { return bacnet.Object(bacnet.ObjectFile, n) }
	read := func(n uint32, start int32, data string, end bool, behind *bacnet.Station) {
		say(bacnet.AtomicReadFile, behind, &bacnet.ReadFileRequest{File: file(n), Stream: &bacnet.FileRange{Start: start, Count: 100}},
			&bacnet.ReadFileAck{EndOfFile: end, Stream: &bacnet.FileData{Start: start, Data: []byte(data)}})
	}
	records := func(list ...string) (out []bacnet.FileRecord) {
		for _, s := range list {
			out = append(out, bacnet.FileRecord{Data: []byte(s)})
		}
		return out
	}
	readRecords := func(n uint32, start int32, end bool, list ...string) {
		r := records(list...)
		say(bacnet.AtomicReadFile, nil, &bacnet.ReadFileRequest{File: file(n), Record: &bacnet.FileRange{Start: start, Count: 9}},
			&bacnet.ReadFileAck{EndOfFile: end, Record: &bacnet.FileRecords{Start: start, Count: uint32(len(r)), Records: r}})
	}
	read(1, 0, "abc", false, nil)
	read(1, 3, "def", true, nil)
	read(1, 9, "lost", true, nil) // what is between is not known
	read(2, 0, "a long log", true, nil)
	read(2, 0, "short", true, nil)
	read(3, 0, "of a VAV", true, &bacnet.Station{Network: 3, MAC: []byte{0x6c}})
	readRecords(4, 0, false, "one", "two\xff")
	readRecords(4, 2, true, "three \"3\"")
	readRecords(5, 0, true, "a", "b", "c")
	readRecords(5, 0, true, "d")
	start := int32(1)
	say(bacnet.AtomicWriteFile, nil, &bacnet.WriteFileRequest{File: file(1), Stream: &bacnet.FileData{Start: 1, Data: []byte("X")}}, &bacnet.WriteFileAck{Stream: &start})
	say(bacnet.AtomicWriteFile, nil, &bacnet.WriteFileRequest{File: file(5), Record: &bacnet.FileRecords{Start: -1, Count: 1, Records: records("e")}}, &bacnet.WriteFileAck{Record: &start})
	bulk := map[string]*strings.Builder{}
	dev := &profiles.Device{}
	if err := l.Finish(&Output{dev, func(name string) (io.WriteCloser, error) {
		bulk[name] = &strings.Builder{}
		return bacnetBulk{bulk[name]}, nil
	}}); err != nil {
		t.Fatal(err)
	}
	s := dev.Services[0].Section.(*profiles.BACnet)
	var got []string
	for _, files := range []map[uint32]string{s.Files, s.Records, s.Routed["3:6c"].Files} {
		for _, n := range slices.Sorted(maps.Keys(files)) {
			got = append(got, files[n]+" "+bulk[files[n]].String())
		}
	}
	want := []string{
		"bacnet/bacnet-47808-c1-file-1.bin aXcdef", "bacnet/bacnet-47808-c1-file-2.bin short",
		"bacnet/bacnet-47808-c1-file-4.txt \"one\"\n74776fff\n\"three \\\"3\\\"\"\n", "bacnet/bacnet-47808-c1-file-5.txt \"d\"\n\"e\"\n",
		"bacnet/bacnet-47808-c1-3-6c-file-3.bin of a VAV",
	}
	if !slices.Equal(got, want) {
		t.Errorf("learned %q, want %q", got, want)
	}
}

// Whatever is recorded, learning ends with a profile.
func FuzzLearnBACnet(f *testing.F) {
	for _, pair := range [][2]string{
		{"810b00081001001008", "810b00140100 1000c4020000072201e091032118"},
		{"810a001101040005010c0c000000011955", "810a00170100 30010c0c0000000119553e4442c800003f"},
		{"810a001301040205020e0c020000641e09081f", "810a001d010030020e0c020000641e294d4e7503004142 4f1f"},
		{"810a00150104000513 06c4028000010e310021050f", "810a001901003013 06110e310065036162630f"},
		{"810a00150104000513 06c4028000021e310021051f", "810a001d010030130610 1e310021026203616263 620161 1f"},
		{"810a001901040005120f0c0040000119553e4442c800003f4908", "810a000901002012 0f"},
		{"810a001701040005121a0c0500000119833e210231023f", "810a0020010030121a0c0500000119833a05a049025e44000000015f"},
		{"810a001501040005161109013d0500736563", "810a000901002016 11"},
	} {
		q, _ := hex.DecodeString(strings.ReplaceAll(pair[0], " ", ""))
		a, _ := hex.DecodeString(strings.ReplaceAll(pair[1], " ", ""))
		f.Add(q, a, []byte{})
		f.Add(a, q, a)
	}
	f.Fuzz(func(t *testing.T, request, first, second []byte) {
		read := func(b []byte) wire.Message {
			if len(b) > 4 {
				b = slices.Clone(b)
				b[2], b[3] = byte(len(b)>>8), byte(len(b))
			}
			_, m, err := bacnet.Protocol{}.New().Next(wire.Server, b, true)
			if err != nil {
				return nil
			}
			return m
		}
		l := NewLearning(Source{ID: "c1"}, Options{})
		x := capture.Exchange{At: time.Unix(1e9, 0), Protocol: bacnet.Protocol{}, Transport: "udp", Conn: 1,
			Client: netip.MustParseAddrPort("10.0.0.9:47808"), Server: netip.MustParseAddrPort("10.0.0.1:47808"), Request: read(request)}
		for _, b := range [][]byte{first, second} {
			if m := read(b); m != nil {
				x.Replies = append(x.Replies, m)
			}
		}
		for range 3 { // the same in other words, too: what was asked is also said unasked
			y := x
			l.Add(&y)
			x.At = x.At.Add(time.Second)
		}
		y := x
		y.Request = nil
		l.Add(&y)
		bulk := map[string]*strings.Builder{}
		dev := &profiles.Device{ID: "fuzzed"}
		if err := l.Finish(&Output{dev, func(name string) (io.WriteCloser, error) {
			bulk[name] = &strings.Builder{}
			return bacnetBulk{bulk[name]}, nil
		}}); err != nil {
			t.Fatal(err)
		}
		for i := range dev.Services {
			s, ok := dev.Services[i].Section.(*profiles.BACnet)
			if !ok || s.Values == "" {
				continue
			}
			if err := profiles.ReadBACnetValues(strings.NewReader(bulk[s.Values].String()), func(cell string, _ []byte) error {
				_, err := profiles.ParseBACnetCell(cell)
				return err
			}); err != nil {
				t.Errorf("what was learned cannot be read again: %v", err)
			}
		}
	})
}
