package clone

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/profiles"
)

// What an independent dissector found in the recordings is what profiles hold: of every property that was read,
// the last value in the table is the value in the profile, and the values in their order are its samples.
func TestBACnetExpected(t *testing.T) {
	const shared = "../../shared/captures"
	tables, _ := filepath.Glob(filepath.Join(shared, "expected", "bacnet__*.bacnet.tsv*"))
	if len(tables) == 0 {
		t.Skipf("no tables in %s/expected", shared)
	}
	rows, all := 0, 0
	for _, table := range tables {
		name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(table), "bacnet__"), ".bacnet.tsv")
		want, written := bacnetTable(t, table)
		got := bacnetLearnedOf(t, filepath.Join(shared, "bacnet", name))
		for cell, values := range want {
			rows += len(values)
			if all++; written[cell] {
				continue // what was read is then what was written, too: the tests of replay have that
			}
			if got[cell] == nil { // asked for as whichever device it is, and learned as the device that it is
				cell = strings.Replace(cell, "device,4194303", "device,500", 1)
			}
			if a, b := strings.Join(collapse(values), " "), strings.Join(collapse(got[cell]), " "); a != b {
				t.Errorf("%s: %s: the table has %.200s, the profile %.200s", name, cell, a, b)
			}
		}
	}
	if all < 500 || rows < 1700 {
		t.Errorf("only %d reads of %d properties in the tables", rows, all)
	}
	t.Logf("%d tables: %d reads of %d properties", len(tables), rows, all)
}

func collapse(list []string) (out []string) {
	for i, s := range list {
		if i == 0 || list[i-1] != s {
			out = append(out, s)
		}
	}
	return out
}

// bacnetTable reads the answers to ReadProperty in a table, by server and cell, and which cells were written.
// The bytes are taken apart here, without the codec.
func bacnetTable(t *testing.T, file string) (values map[string][]string, written map[string]bool) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	values, written = map[string][]string{}, map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	column := map[string]int{}
	for i, name := range strings.Split(lines.Text(), "\t") {
		column[name] = i
	}
	for lines.Scan() {
		row := strings.Split(lines.Text(), "\t")
		at := func(name string) string {
			if i := column[name]; i < len(row) {
				return row[i]
			}
			return ""
		}
		server, err := netip.ParseAddrPort(at("dst"))
		if err != nil || at("apdu_type") != "0" {
			continue // between stations of another link
		}
		req, _ := hex.DecodeString(at("req_apdu"))
		if at("dnet") != "" {
			continue
		}
		switch at("service") {
		case "15":
			if object, property, index, _, ok := readReference(req[min(4, len(req)):]); ok {
				written[bacnetPlace(server, object, property, index)] = true
			}
		case "12":
			ack, _ := hex.DecodeString(at("rsp_apdu"))
			if len(req) < 4 || len(ack) < 3 || ack[0] != 0x30 {
				continue
			}
			object, property, index, rest, ok := readReference(ack[3:])
			if ok && len(rest) >= 2 && rest[0] == 0x3e && rest[len(rest)-1] == 0x3f {
				place := bacnetPlace(server, object, property, index)
				values[place] = append(values[place], hex.EncodeToString(rest[1:len(rest)-1]))
			}
		}
	}
	return values, written
}

func bacnetPlace(server netip.AddrPort, object, property uint32, index int) string {
	return server.Addr().String() + " " + profiles.BACnetCell{Object: bacnet.ObjectID(object), Property: bacnet.PropertyID(property), Index: index}.String()
}

// readReference takes an object, a property and perhaps an index from the beginning of parameters.
func readReference(b []byte) (object, property uint32, index int, rest []byte, ok bool) {
	number := func(tag byte) (uint32, bool) {
		if len(b) == 0 || b[0]>>4 != tag || b[0]&0x08 == 0 || b[0]&7 == 0 || b[0]&7 > 4 || len(b) < 1+int(b[0]&7) {
			return 0, false
		}
		var v [4]byte
		n := int(b[0] & 7)
		copy(v[4-n:], b[1:1+n])
		b = b[1+n:]
		return binary.BigEndian.Uint32(v[:]), true
	}
	if object, ok = number(0); !ok {
		return
	}
	if property, ok = number(1); !ok {
		return
	}
	index = -1
	if i, indexed := number(2); indexed {
		index = int(i)
	}
	return object, property, index, b, true
}

// bacnetLearnedOf learns a recording and gives the samples of every cell that were read, by server.
func bacnetLearnedOf(t *testing.T, file string) map[string][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	learning := map[netip.Addr]*Learning{}
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err != nil {
			break // some end in the middle of a packet
		}
		if x.Protocol == nil || x.Protocol.Name() != "bacnet" {
			continue
		}
		a := x.Server.Addr().Unmap()
		if learning[a] == nil {
			learning[a] = NewLearning(Source{ID: "c1"}, Options{})
		}
		learning[a].Add(&x)
	}
	out := map[string][]string{}
	for a, l := range learning {
		bulk := map[string]*strings.Builder{}
		dev := &profiles.Device{}
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
			if err := profiles.ReadBACnetValues(strings.NewReader(bulk[s.Values].String()), func(cell string, sample []byte) error {
				if sample[0] == profiles.BACnetHolds {
					out[a.String()+" "+cell] = []string{hex.EncodeToString(sample[1:])}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for _, name := range s.Samples {
				if err := profiles.ReadSamples(bytes.NewBufferString(bulk[name].String()), func(cell string, _ *profiles.Dynamics, track profiles.Track) error {
					var list []string
					for c := track.Cursor(); ; {
						r, ok := c.Next()
						if !ok {
							break
						}
						if len(r.Value) > 0 && r.Value[0] == profiles.BACnetHolds {
							list = append(list, hex.EncodeToString(r.Value[1:]))
						}
					}
					out[a.String()+" "+cell] = list
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return out
}
