package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// TestFrames compares every packet with the dissector's table of frames: its time, its lengths, and the
// innermost TCP or UDP header.
func TestFrames(t *testing.T) {
	frames, headers := 0, 0
	eachRecording(t, func(t *testing.T, path, name string) {
		rows := table(t, name+".frames")
		for _, r := range rows {
			if r["frame.time_epoch"] == "" {
				return // packets without a time, and blocks that the dissector counts as packets
			}
		}
		if rows == nil {
			return
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s, stop, err := newSource(f, func(err error) { t.Log(err) })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		var p packet
		var got []string
		u := unwrapper{clock: func() int64 { return p.at }}
		u.deliver = func(ip *ipPacket) {
			b := ip.payload
			if len(b) < 8 {
				return
			}
			from, to := netip.AddrFrom16(ip.src).Unmap(), netip.AddrFrom16(ip.dst).Unmap()
			h := fmt.Sprintf("%v:%d>%v:%d", from, binary.BigEndian.Uint16(b), to, binary.BigEndian.Uint16(b[2:]))
			if ip.protocol == 6 {
				h += fmt.Sprintf(" seq %d", binary.BigEndian.Uint32(b[4:]))
			}
			got = append(got, h)
		}
		bad := 0
		for _, r := range rows {
			if err := s.next(&p); err != nil {
				t.Fatalf("packet %s: %v", r["frame.number"], err)
			}
			frames++
			got = got[:0]
			u.packet(p.link, p.data)
			stamp := fmt.Sprintf("%d.%09d", p.at/1e9, p.at%1e9)
			if stamp != r["frame.time_epoch"] || strconv.Itoa(p.length) != r["frame.len"] || strconv.Itoa(len(p.data)) != r["frame.cap_len"] || strconv.Itoa(p.number) != r["frame.number"] {
				t.Errorf("packet %d at %s, %d of %d bytes; the table has %s at %s, %s of %s", p.number, stamp, len(p.data), p.length, r["frame.number"], r["frame.time_epoch"], r["frame.cap_len"], r["frame.len"])
			}
			last := func(field string) string { return field[strings.LastIndexByte(field, ',')+1:] }
			src, dst := r["ip.src"]+r["ipv6.src"], r["ip.dst"]+r["ipv6.dst"]
			if r["ip.src"] != "" && r["ipv6.src"] != "" {
				src, dst = r["ipv6.src"], r["ipv6.dst"]
			}
			want := ""
			if port := last(r["tcp.srcport"]); port != "" && r["tcp.seq_raw"] != "" {
				want = fmt.Sprintf("%s:%s>%s:%s seq %s", last(src), port, last(dst), last(r["tcp.dstport"]), last(r["tcp.seq_raw"]))
			} else if port := last(r["udp.srcport"]); port != "" {
				want = fmt.Sprintf("%s:%s>%s:%s", last(src), port, last(dst), last(r["udp.dstport"]))
			}
			if want == "" || strings.Contains(r["frame.protocols"], "icmp") {
				continue
			}
			headers++
			if strings.Contains(r["frame.protocols"], "gre") { // the table has the outer addresses
				want = ports(want)
				for i := range got {
					got[i] = ports(got[i])
				}
			}
			if len(got) != 1 || got[0] != want {
				if bad++; bad < 5 {
					t.Errorf("packet %d: %v, the table has %s (%s)", p.number, got, want, r["frame.protocols"])
				}
			}
		}
		if bad >= 5 {
			t.Errorf("%d packets differ", bad)
		}
	})
	t.Logf("%d frames, %d TCP and UDP headers", frames, headers)
}

// ports leaves the addresses out.
func ports(header string) string {
	from, to, _ := strings.Cut(header, ">")
	return from[strings.LastIndexByte(from, ':'):] + ">" + to[strings.IndexByte(to, ':'):]
}
