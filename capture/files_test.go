package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"ringer/capture/wire"
)

// A frameAt is a frame to be put into a file.
type frameAt struct {
	at   time.Time
	data []byte
}

// conversation is a request and its reply, at times that need microseconds, or nanoseconds.
func conversation(unit time.Duration) []frameAt {
	at := time.Unix(1700000000, 0).UTC()
	s := newScript()
	f := func(after time.Duration, from int, seq, ack uint32, flags byte, data string) frameAt {
		src, dst := s.a, s.b
		if from == 1 {
			src, dst = s.b, s.a
		}
		return frameAt{at.Add(after), ethernet(etherIPv4, tcp4(src, dst, seq, ack, flags, data))}
	}
	return []frameAt{
		f(0, 0, 100, 0, flagSYN, ""),
		f(unit, 1, 300, 101, flagSYN|flagACK, ""),
		f(3*unit, 0, 101, 301, flagACK, "q1\n"),
		f(7*unit, 1, 301, 104, flagACK, "a1\n"),
	}
}

func classic(order binary.AppendByteOrder, magic uint32, unit time.Duration, frames []frameAt) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	for _, v := range []uint32{0, 0, 65535, linkEthernet} {
		b = order.AppendUint32(b, v)
	}
	for _, f := range frames {
		b = order.AppendUint32(b, uint32(f.at.Unix()))
		b = order.AppendUint32(b, uint32(f.at.Nanosecond()/int(unit)))
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(f.data))), uint32(len(f.data)))
		if magic == 0xa1b2cd34 {
			b = append(b, 1, 0, 0, 0, 8, 0, 0, 0)
		}
		b = append(b, f.data...)
	}
	return b
}

// An ngFile writes pcapng blocks in either byte order.
type ngFile struct {
	order binary.AppendByteOrder
	b     []byte
}

func (f *ngFile) block(kind uint32, body ...[]byte) {
	content := join(body...)
	for len(content)%4 != 0 {
		content = append(content, 0)
	}
	n := uint32(12 + len(content))
	f.b = f.order.AppendUint32(f.order.AppendUint32(f.b, kind), n)
	f.b = append(f.b, content...)
	f.b = f.order.AppendUint32(f.b, n)
}

func (f *ngFile) u32(v ...uint32) []byte {
	var b []byte
	for _, x := range v {
		b = f.order.AppendUint32(b, x)
	}
	return b
}

func (f *ngFile) option(code uint16, v []byte) []byte {
	b := f.order.AppendUint16(f.order.AppendUint16(nil, code), uint16(len(v)))
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (f *ngFile) section() {
	f.block(blockSection, f.u32(byteOrderMagic), f.order.AppendUint16(f.order.AppendUint16(nil, 1), 0), f.u32(math.MaxUint32, math.MaxUint32),
		f.option(4, []byte("made by hand")))
}

func (f *ngFile) describe(link uint16, options ...[]byte) {
	f.block(blockInterface, f.order.AppendUint16(f.order.AppendUint16(nil, link), 0), f.u32(0), join(options...))
}

func (f *ngFile) enhanced(iface uint32, ticks uint64, data []byte, options ...[]byte) {
	n := uint32(len(data))
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	f.block(blockEnhanced, f.u32(iface, uint32(ticks>>32), uint32(ticks), n, n), data, join(options...))
}

func TestFiles(t *testing.T) {
	micro, nano := conversation(time.Microsecond), conversation(time.Nanosecond)
	le, be := binary.LittleEndian, binary.BigEndian
	type file struct {
		name string
		data []byte
		unit time.Duration
		note string
	}
	files := []file{
		{"pcap, microseconds", classic(le, 0xa1b2c3d4, time.Microsecond, micro), time.Microsecond, ""},
		{"pcap, microseconds, big-endian", classic(be, 0xa1b2c3d4, time.Microsecond, micro), time.Microsecond, ""},
		{"pcap, nanoseconds", classic(le, 0xa1b23c4d, time.Nanosecond, nano), time.Nanosecond, ""},
		{"pcap, nanoseconds, big-endian", classic(be, 0xa1b23c4d, time.Nanosecond, nano), time.Nanosecond, ""},
		{"pcap, modified", classic(le, 0xa1b2cd34, time.Microsecond, micro), time.Microsecond, ""},
		{"pcap, modified, big-endian", classic(be, 0xa1b2cd34, time.Microsecond, micro), time.Microsecond, ""},
	}
	for _, order := range []binary.AppendByteOrder{le, be} {
		add := func(name string, unit time.Duration, note string, write func(f *ngFile)) {
			f := &ngFile{order: order}
			f.section()
			write(f)
			files = append(files, file{fmt.Sprintf("pcapng, %s, %v", name, order), f.b, unit, note})
		}
		add("default resolution", time.Microsecond, "", func(f *ngFile) {
			f.describe(linkEthernet)
			for _, x := range micro {
				f.enhanced(0, uint64(x.at.UnixMicro()), x.data)
			}
		})
		add("nanoseconds, comment, unknown options", time.Nanosecond, "the first question", func(f *ngFile) {
			f.describe(linkEthernet, f.option(2, []byte("eth0")), f.option(optResol, []byte{9}), f.option(optEnd, nil))
			for i, x := range nano {
				if i == 2 {
					f.enhanced(0, uint64(x.at.UnixNano()), x.data, f.option(2, []byte{1, 0, 0, 0}), f.option(optComment, []byte("the first question")), f.option(optComment, []byte("another")), f.option(optEnd, nil))
				} else {
					f.enhanced(0, uint64(x.at.UnixNano()), x.data)
				}
			}
		})
		add("resolution 2^-30 with offset", 0, "", func(f *ngFile) {
			var offset []byte
			offset = order.AppendUint64(offset, uint64(1600000000))
			f.describe(linkEthernet, f.option(optResol, []byte{0x80 | 30}), f.option(optOffset, offset), f.option(optEnd, nil))
			for _, x := range nano {
				since := x.at.Sub(time.Unix(1600000000, 0))
				f.enhanced(0, uint64(since/time.Second)<<30|uint64(since%time.Second)*(1<<30)/1e9, x.data)
			}
		})
		add("seconds", 0, "", func(f *ngFile) {
			f.describe(linkEthernet, f.option(optResol, []byte{0}))
			for _, x := range nano {
				f.enhanced(0, uint64(x.at.Unix()), x.data)
			}
		})
		add("two interfaces, two sections, unknown blocks", time.Microsecond, "", func(f *ngFile) {
			f.describe(linkRaw)
			f.describe(linkEthernet, f.option(optResol, []byte{9}))
			f.block(0x0bad, []byte("whatever it is"))
			f.enhanced(1, uint64(micro[0].at.UnixNano()), micro[0].data)
			f.block(blockNames, f.u32(0))
			f.enhanced(0, uint64(micro[1].at.UnixMicro()), micro[1].data[14:])
			f.section()
			f.describe(linkEthernet)
			f.enhanced(0, uint64(micro[2].at.UnixMicro()), micro[2].data)
			f.block(blockSecrets, f.u32(0x544c534b, 4), []byte("none"))
			other := &ngFile{order: le}
			if order == le {
				other.order = be
			}
			other.section()
			other.describe(linkEthernet)
			other.enhanced(0, uint64(micro[3].at.UnixMicro()), micro[3].data)
			f.b = append(f.b, other.b...)
		})
		add("obsolete packet blocks", time.Microsecond, "", func(f *ngFile) {
			f.describe(linkEthernet)
			for _, x := range micro {
				us := uint64(x.at.UnixMicro())
				n := uint32(len(x.data))
				f.block(blockPacket, order.AppendUint16(order.AppendUint16(nil, 0), 3), f.u32(uint32(us>>32), uint32(us), n, n), x.data)
			}
		})
		add("simple packet blocks", -1, "", func(f *ngFile) {
			f.describe(linkEthernet)
			for _, x := range micro {
				f.block(blockSimple, f.u32(uint32(len(x.data))), x.data)
			}
		})
		add("a large block of no interest", time.Microsecond, "", func(f *ngFile) {
			f.describe(linkEthernet)
			f.block(0x0bad, make([]byte, 3*peekMax))
			for _, x := range micro {
				f.enhanced(0, uint64(x.at.UnixMicro()), x.data)
			}
		})
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(files[0].data)
	z.Close()
	files = append(files, file{"gzip", zipped.Bytes(), time.Microsecond, ""})
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, file{"zstd", enc.EncodeAll(files[6].data, nil), time.Microsecond, ""})

	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.pcap")
			if err := os.WriteFile(path, f.data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, got := range [][]Exchange{all(t, f.data, Options{Protocols: []wire.Protocol{lines{}}}), read(t, path, Options{Protocols: []wire.Protocol{lines{}}})} {
				if len(got) != 1 || show(got[0]) != "q1>a1" || got[0].Packets != [2]int{3, 4} || got[0].Note != f.note {
					t.Fatalf("read %+v", got)
				}
				if f.unit > 0 && (!got[0].At.Equal(time.Unix(1700000000, 0).Add(3*f.unit)) || got[0].Latency != 4*f.unit) {
					t.Errorf("at %v, latency %v", got[0].At, got[0].Latency)
				}
				if f.unit == 0 && got[0].At.Unix() != 1700000000 {
					t.Errorf("at %v", got[0].At)
				}
			}
		})
	}
}

// TestDamage: what comes before the damage is read, and the warning names the packet.
func TestDamage(t *testing.T) {
	micro := conversation(time.Microsecond)
	pcap := classic(binary.LittleEndian, 0xa1b2c3d4, time.Microsecond, append(micro, micro...))
	ng := &ngFile{order: binary.LittleEndian}
	ng.section()
	ng.describe(linkEthernet)
	starts := []int{}
	for _, x := range append(micro[:3:3], micro[0], micro[0], micro[3]) {
		starts = append(starts, len(ng.b))
		ng.enhanced(0, uint64(x.at.UnixMicro()), x.data)
	}
	edit := func(b []byte, at int, v ...byte) []byte {
		b = append([]byte(nil), b...)
		copy(b[at:], v)
		return b
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(pcap)
	z.Close()
	for _, x := range []struct {
		name string
		data []byte
		want string // exchanges
		warn string // the first
	}{
		{"cut inside a packet", pcap[:len(pcap)-5], "q1>a1", "packet 8"},
		{"cut inside a packet header", pcap[:len(pcap)-len(micro[3].data)-5], "q1>a1", "packet 8"},
		{"absurd length", edit(pcap, 24+4*16+len(micro[0].data)+len(micro[1].data)+len(micro[2].data)+len(micro[3].data)+8, 0xff, 0xff, 0xff, 0x7f), "q1>a1", "packet 5"},
		{"gzip cut", zipped.Bytes()[:zipped.Len()-12], "", "packet"},
		{"pcapng cut inside a block", ng.b[:len(ng.b)-5], "q1> lost", "packet 5"},
		{"pcapng, absurd block length", edit(ng.b, starts[3]+4, 0xff, 0xff, 0xff, 0x7f), "q1>a1", "packet 3"},
		{"pcapng, block length too small", edit(ng.b, starts[3]+4, 4), "q1>a1", "packet 3"},
		{"pcapng, lengths differ", edit(ng.b, starts[4]-4, 0), "q1>a1", "packet 3"},
		{"pcapng, garbage between", join(ng.b[:starts[4]], bytes.Repeat([]byte{0xab}, 3*peekMax), ng.b[starts[4]:]), "q1>a1", "packet 4"},
		{"pcapng, no such interface", edit(ng.b, starts[3]+8, 9), "q1>a1", "packet 4"},
	} {
		t.Run(x.name, func(t *testing.T) {
			var warnings, got []string
			opt := Options{Name: "damaged.pcap", Protocols: []wire.Protocol{lines{}}, Warn: func(err error) { warnings = append(warnings, err.Error()) }}
			for _, e := range all(t, x.data, opt) {
				got = append(got, show(e))
			}
			if s := strings.Join(got, ", "); x.want != "" && s != x.want {
				t.Errorf("read %s, want %s", s, x.want)
			}
			if len(warnings) == 0 || !strings.HasPrefix(warnings[0], "damaged.pcap: ") || !strings.Contains(warnings[0], x.warn) {
				t.Errorf("warned %q, want %q", warnings, x.warn)
			}
			// Without somebody to warn, it is an error at the end.
			opt.Warn = nil
			n := 0
			var last error
			for _, err := range Exchanges(bytes.NewReader(x.data), opt) {
				if last != nil {
					t.Error("something behind the error")
				}
				if last = err; err == nil {
					n++
				}
			}
			var damage *DamageError
			if n != len(got) || !errors.As(last, &damage) || damage.Packet == 0 || strings.Count(last.Error(), "damaged.pcap") != 1 {
				t.Errorf("%d exchanges, then %v", n, last)
			}
		})
	}
}

func TestNotCaptures(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "short": "abc", "text": "this is a text file and no capture at all", "pcap without header": "\xd4\xc3\xb2\xa1\x02\x00",
		"broken gzip": "\x1f\x8b\x08\x00 not really",
	} {
		n := 0
		for _, err := range Exchanges(strings.NewReader(data), Options{Name: "x.bin", Warn: func(error) {}}) {
			if n++; err == nil || !strings.HasPrefix(err.Error(), "x.bin: ") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d results", name, n)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder opened")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
