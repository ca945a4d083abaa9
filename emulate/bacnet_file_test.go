package emulate_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// bacnetTold asks a session, and gives in words what it says: of a property its value.
func bacnetTold(t *testing.T, s emulate.Session, service bacnet.ConfirmedService, p bacnet.Parameters) string {
	t.Helper()
	q := &bacnet.ConfirmedRequest{MaxAPDU: 5, InvokeID: 1, Service: service, Parameters: p}
	q.Link.Function, q.Network.Control = bacnet.OriginalUnicast, bacnet.ExpectingReply
	b, err := q.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, m, err := bacnet.Protocol{}.New().Next(wire.Client, b, true)
	if err != nil {
		t.Fatal(err)
	}
	a := s.Answer(m)
	if len(a.Messages) != 1 {
		return fmt.Sprintf("%d answers", len(a.Messages))
	}
	switch r := a.Messages[0].(type) {
	case *bacnet.SimpleAck:
		return "done"
	case *bacnet.ComplexAck:
		if v, ok := r.Parameters.(*bacnet.ReadPropertyAck); ok {
			return v.Value.String()
		}
		text := string(wire.AppendJSON(nil, r))
		_, text, _ = strings.Cut(text, `"Parameters":`)
		return strings.TrimSuffix(text, "}")
	case *bacnet.Error:
		if pair, ok := r.Parameters.(*bacnet.ErrorPair); ok {
			return pair.String()
		}
		return string(wire.AppendJSON(nil, r))
	case *bacnet.Reject:
		return "rejected: " + r.Reason.String()
	case *bacnet.Abort:
		return "aborted: " + r.Reason.String()
	}
	return string(wire.AppendJSON(nil, a.Messages[0]))
}

func bacnetProperty(o bacnet.ObjectID, p bacnet.PropertyID) *bacnet.ReadPropertyRequest {
	return &bacnet.ReadPropertyRequest{Object: o, Property: p}
}

// Files of bytes and of records are read and written as what they are; their sizes follow, and can be written
// themselves.
func TestBACnetFiles(t *testing.T) {
	dev, err := profiles.Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: files\nservices:\n"+
		"- bacnet: {port: 47808/udp, device: 7, values: v.tsv, files: {1: a.bin, 3: a.bin}, records: {2: r.txt}, routed: {\"3:6c\": {device: 8, files: {9: a.bin}}}}\n"),
		"device.yaml", fstest.MapFS{
			"v.tsv": &fstest.MapFile{Data: []byte("file,1 file-size\tunsigned 6\nfile,1 archive\tboolean true\nfile,1 modification-date\tdate 2024-05-01/03 time 00:00:00.00\n" +
				"file,3 read-only\tboolean true\nfile,4 object-name\ttext \"secret\"\nanalog-input,1 present-value\treal 1\n")},
			"a.bin": &fstest.MapFile{Data: []byte("abcdef")},
			"r.txt": &fstest.MapFile{Data: []byte("\"first\"\n00ff\n\"\"\n")},
		})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s := bacnetSessions(t, dev, &now, "10.9.9.9:47808")[0]
	file := func(n uint32) bacnet.ObjectID { return bacnet.Object(bacnet.ObjectFile, n) }
	read := func(n uint32, start int32, count uint32) string {
		return bacnetTold(t, s, bacnet.AtomicReadFile, &bacnet.ReadFileRequest{File: file(n), Stream: &bacnet.FileRange{Start: start, Count: count}})
	}
	records := func(n uint32, start int32, count uint32) string {
		return bacnetTold(t, s, bacnet.AtomicReadFile, &bacnet.ReadFileRequest{File: file(n), Record: &bacnet.FileRange{Start: start, Count: count}})
	}
	write := func(n uint32, start int32, data string) string {
		return bacnetTold(t, s, bacnet.AtomicWriteFile, &bacnet.WriteFileRequest{File: file(n), Stream: &bacnet.FileData{Start: start, Data: []byte(data)}})
	}
	put := func(n uint32, start int32, list ...string) string {
		r := &bacnet.FileRecords{Start: start, Count: uint32(len(list))}
		for _, x := range list {
			r.Records = append(r.Records, bacnet.FileRecord{Data: []byte(x)})
		}
		return bacnetTold(t, s, bacnet.AtomicWriteFile, &bacnet.WriteFileRequest{File: file(n), Record: r})
	}
	property := func(n uint32, p bacnet.PropertyID) string {
		return bacnetTold(t, s, bacnet.ReadProperty, bacnetProperty(file(n), p))
	}
	resize := func(n uint32, p bacnet.PropertyID, size uint64) string {
		return bacnetTold(t, s, bacnet.WriteProperty, &bacnet.WritePropertyRequest{Object: file(n), Property: p, Value: bacnet.AppendUnsigned(nil, size)})
	}
	behind := func() string {
		q := &bacnet.ConfirmedRequest{MaxAPDU: 5, InvokeID: 1, Service: bacnet.AtomicReadFile,
			Parameters: &bacnet.ReadFileRequest{File: file(9), Stream: &bacnet.FileRange{Count: 2}}}
		q.Link.Function = bacnet.OriginalUnicast
		q.Network.To(bacnet.Station{Network: 3, MAC: []byte{0x6c}})
		return string(wire.AppendJSON(nil, s.Answer(q).Messages[0]))
	}
	for i, x := range [][2]string{
		{read(1, 1, 3), `{"Stream":{"Start":1,"Data":"626364"}}`},
		{read(1, 4, 100), `{"EndOfFile":true,"Stream":{"Start":4,"Data":"6566"}}`},
		{read(1, 7, 1), "services invalid-file-start-position"},
		{read(1, -1, 1), "services invalid-file-start-position"},
		{read(2, 0, 1), "services invalid-file-access-method"},
		{read(4, 0, 1), "services file-access-denied"},
		{read(5, 0, 1), "object unknown-object"},
		{bacnetTold(t, s, bacnet.AtomicReadFile, &bacnet.ReadFileRequest{File: bacnet.Object(bacnet.ObjectAnalogInput, 1), Stream: &bacnet.FileRange{}}),
			"services inconsistent-object-type"},
		{bacnetTold(t, s, bacnet.AtomicReadFile, &bacnet.ReadFileRequest{File: file(1)}), "rejected: missing-required-parameter"},
		{records(2, 0, 2), `{"Record":{"Count":2,"Records":[{"Data":"6669727374"},{"Data":"00ff"}]}}`},
		{records(2, 2, 5), `{"EndOfFile":true,"Record":{"Start":2,"Count":1,"Records":[{"Data":""}]}}`},
		{records(2, 3, 1), `{"EndOfFile":true,"Record":{"Start":3}}`},
		{records(2, 4, 1), "services invalid-file-start-position"},
		{records(1, 0, 1), "services invalid-file-access-method"},
		{property(2, bacnet.PropFileAccessMethod), "enum 0"},
		{property(2, bacnet.PropRecordCount), "unsigned 3"},
		{property(2, bacnet.PropFileSize), "unsigned 7"},
		{property(1, bacnet.PropFileAccessMethod), "enum 1"},
		{property(1, bacnet.PropRecordCount), "property unknown-property"},

		{write(1, -1, "gh"), `{"Stream":6}`},
		{write(1, 0, "A"), `{"Stream":0}`},
		{write(1, 9, "x"), "services invalid-file-start-position"},
		{write(3, 0, "x"), "services file-access-denied"},
		{read(1, 0, 100), `{"EndOfFile":true,"Stream":{"Data":"4162636465666768"}}`},
		{property(1, bacnet.PropFileSize), "unsigned 8"},
		{property(1, bacnet.PropArchive), "boolean false"},
		{property(1, bacnet.PropModificationDate), "date 2026-03-02/01 time 08:00:00.00"},
		{put(2, 1, "second", "third", "fourth"), `{"Record":1}`},
		{put(2, -1, "fifth"), `{"Record":4}`},
		{put(2, 9, "x"), "services invalid-file-start-position"},
		{write(2, 0, "x"), "services invalid-file-access-method"},
		{bacnetTold(t, s, bacnet.AtomicWriteFile, &bacnet.WriteFileRequest{File: file(2), Record: &bacnet.FileRecords{Count: 2}}), "rejected: inconsistent-parameters"},
		{records(2, 0, 2), `{"Record":{"Count":2,"Records":[{"Data":"6669727374"},{"Data":"7365636f6e64"}]}}`},
		{property(2, bacnet.PropRecordCount), "unsigned 5"},
		{property(2, bacnet.PropFileSize), "unsigned 27"},

		{resize(1, bacnet.PropFileSize, 2), "done"},
		{read(1, 0, 100), `{"EndOfFile":true,"Stream":{"Data":"4162"}}`},
		{property(1, bacnet.PropFileSize), "unsigned 2"},
		{resize(2, bacnet.PropFileSize, 0), "property write-access-denied"},
		{resize(2, bacnet.PropRecordCount, 1), "done"},
		{records(2, 0, 9), `{"EndOfFile":true,"Record":{"Count":1,"Records":[{"Data":"6669727374"}]}}`},
		{resize(3, bacnet.PropFileSize, 0), "property write-access-denied"},
		{resize(1, bacnet.PropFileSize, 1<<40), "resources no-space-to-write-property"},
		{resize(2, bacnet.PropRecordCount, 1<<19), "resources no-space-to-write-property"},
	} {
		if x[0] != x[1] {
			t.Errorf("%d: %s, want %s", i, x[0], x[1])
		}
	}
	if got := behind(); !strings.Contains(got, `"Stream":{"Data":"6162"}`) {
		t.Errorf("behind the router: %s", got)
	}
	for range 3000 {
		write(1, -1, strings.Repeat("x", 1000))
		put(2, -1, "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "")
	}
	for n, most := range map[uint32]string{1: "unsigned 1048002", 2: "unsigned 5"} {
		if size := property(n, bacnet.PropFileSize); size != most {
			t.Errorf("file %d grew to %s, want %s", n, size, most)
		}
	}
	if n := property(2, bacnet.PropRecordCount); n != "unsigned 32753" {
		t.Errorf("%s records", n)
	}
}
