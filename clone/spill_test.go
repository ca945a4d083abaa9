package clone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// floods are exchanges that teach something new each time.
var floods = map[string]func(n int, each func(x *capture.Exchange)){
	"registers": func(n int, each func(x *capture.Exchange)) {
		reply := &modbus.ReadRegistersResponse{Header: modbus.Header{Unit: 1}, Function: modbus.ReadHoldingRegisters, Registers: make([]byte, 100)}
		x := flood(modbus.Protocol{})
		x.Request = &modbus.ReadRequest{Header: modbus.Header{Unit: 1}, Function: modbus.ReadHoldingRegisters, Quantity: 50}
		x.Replies = []wire.Message{reply}
		for i := range n {
			x.At = x.At.Add(time.Second)
			for k := 0; k < len(reply.Registers); k += 2 {
				binary.BigEndian.PutUint16(reply.Registers[k:], uint16(i*(k+1)))
			}
			each(x)
		}
	},
	// One question with another answer each time, and questions that are asked once.
	"vendor function": func(n int, each func(x *capture.Exchange)) {
		for i := range n {
			x := flood(modbus.Protocol{})
			x.At = x.At.Add(time.Duration(i) * time.Second)
			data := fmt.Appendf(nil, "%0100d", i)
			ask := &modbus.Raw{Header: modbus.Header{Unit: 1, Transaction: uint16(i)}, Function: 100, Data: []byte("same")}
			if i%5 == 0 {
				ask.Data = data
			}
			x.Request = ask
			x.Replies = []wire.Message{&modbus.Raw{Header: ask.Header, Function: 100, Data: append([]byte{1}, data...)}}
			each(x)
		}
	},
	"recorded only": func(n int, each func(x *capture.Exchange)) {
		for i := range n {
			x := flood(plain{})
			x.At = x.At.Add(time.Duration(i) * time.Second)
			x.Request, x.Replies = messageBytes("ask"), []wire.Message{messageBytes(fmt.Sprintf("%0200d", i))}
			each(x)
		}
	},
}

// plain is a protocol that has no learner.
type plain struct{ modbus.Protocol }

func (plain) Name() string { return "plain" }

func flood(p wire.Protocol) *capture.Exchange {
	return &capture.Exchange{
		At: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Latency: time.Millisecond, Protocol: p, Conn: 1,
		Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp",
	}
}

// What learning keeps in memory does not grow with what is learned.
func TestLearningIsBounded(t *testing.T) {
	const bound = 12 << 20
	for name, exchanges := range floods {
		t.Run(name, func(t *testing.T) {
			l := NewLearning(Source{ID: "c1"}, Options{})
			before := heap()
			exchanges(60_000, l.Add)
			grown := heap() - before
			t.Logf("%d bytes in memory, %d in the file", grown, l.spill.Size())
			if grown > bound {
				t.Errorf("%d bytes in memory, at most %d", grown, bound)
			}
			if l.spill.Size() < 9<<20 {
				t.Errorf("only %d bytes are out of memory: the flood is too small for this test", l.spill.Size())
			}
			dir := t.TempDir()
			if dev := finish(t, l, dir); len(dev.Services) != 1 {
				t.Errorf("%d services", len(dev.Services))
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func finish(t *testing.T, l *Learning, dir string) *profiles.Device {
	t.Helper()
	dev := &profiles.Device{ID: "device"}
	if err := finishInto(l, dev, dir); err != nil {
		t.Fatal(err)
	}
	return dev
}

func finishInto(l *Learning, dev *profiles.Device, dir string) error {
	folder, err := profiles.OpenFolder(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := l.Finish(&Output{dev, folder.Create}); err != nil {
		return err
	}
	dev.Files = folder
	return dev.Save(dir)
}

// spilling learns with next to nothing in memory.
func spilling() *Learning {
	l := NewLearning(Source{ID: "c1"}, Options{Salt: []byte("salt")})
	l.spill = profiles.SmallSpill(8, 100)
	for _, name := range []string{"modbus", "modbus-rtu"} {
		l.made[name] = func(s *Service) learner {
			m := newModbusLearner(s).(*modbusLearner)
			m.held = 0
			return m
		}
	}
	return l
}

// inMemory learns without a file.
func inMemory() *Learning {
	l := NewLearning(Source{ID: "c1"}, Options{Salt: []byte("salt")})
	l.spill = profiles.SmallSpill(1<<40, 1<<40)
	return l
}

func TestSpilledLearningIsTheSame(t *testing.T) {
	for name, exchanges := range floods {
		t.Run(name, func(t *testing.T) {
			compareLearning(t, func(add func(*capture.Exchange)) { exchanges(300, add) })
		})
	}
	const captures = "../../shared/captures"
	if _, err := os.Stat(captures); err != nil {
		t.Skipf("%s is absent: it has the real captures", captures)
	}
	err := filepath.WalkDir(captures, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(filepath.Ext(name), "cap") {
			return err
		}
		if info, err := e.Info(); err != nil || info.Size() > 1<<20 {
			return err
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			servers := map[netip.Addr]bool{}
			read := func(each func(x *capture.Exchange)) {
				f, err := os.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				for x, err := range capture.Exchanges(f, capture.Options{Name: name, Warn: func(error) {}}) {
					if err == nil {
						each(&x)
					}
				}
			}
			read(func(x *capture.Exchange) { servers[x.Server.Addr()] = true })
			for server := range servers {
				compareLearning(t, func(add func(*capture.Exchange)) {
					read(func(x *capture.Exchange) {
						if x.Server.Addr() == server {
							add(x)
						}
					})
				})
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func compareLearning(t *testing.T, exchanges func(add func(*capture.Exchange))) {
	t.Helper()
	var files [2]map[string]string
	for i, l := range []*Learning{inMemory(), spilling()} {
		exchanges(l.Add)
		dir := t.TempDir()
		finish(t, l, dir)
		files[i] = contents(t, dir)
	}
	for name := range maps.Keys(files[0]) {
		if files[0][name] != files[1][name] {
			t.Errorf("%s differs: %s", name, cmp.Diff(files[0][name], files[1][name]))
		}
	}
	if len(files[0]) != len(files[1]) {
		t.Errorf("%d files, want %d", len(files[1]), len(files[0]))
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		files[strings.TrimPrefix(name, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Where there is no place for the temporary file, Finish says so and what to do.
func TestLearningWithoutDisk(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	l := spilling()
	floods["registers"](300, l.Add)
	err := l.Finish(&Output{&profiles.Device{ID: "device"}, func(string) (io.WriteCloser, error) { return nil, errors.New("nothing is to be written") }})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), "absent") {
		t.Errorf("Finish says %v", err)
	}
}
