package clone

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"time"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
)

// IPMIFiles lists the formats of files that other tools make of a management controller, and what reads
// them: as the exchanges in which the controller said what is in them.
func IPMIFiles() map[string]func(f *IPMIFile) iter.Seq2[capture.Exchange, error] {
	return map[string]func(f *IPMIFile) iter.Seq2[capture.Exchange, error]{
		"ipmitool-sdr":   (*IPMIFile).sdr,
		"ipmitool-fru":   (*IPMIFile).fru,
		"ipmitool-sel":   (*IPMIFile).sel,
		"freeipmi-debug": (*IPMIFile).debug,
	}
}

// An IPMIFile is a file of another tool.
type IPMIFile struct {
	Data []byte
	At   time.Time      // when it was made
	From netip.AddrPort // the controller
	FRU  uint8          // whose inventory it is, which the file does not say
}

// IPMIFileMax bounds a file.
const IPMIFileMax = 64 << 20

// ipmiApart is the time between two exchanges of a file that gives none.
const ipmiApart = time.Millisecond

// exchange is one in which a command was answered, in a session.
func (f *IPMIFile) exchange(n int, t ipmi.Target, data, answer []byte) (x capture.Exchange, err error) {
	session := ipmi.Session{Format: ipmi.FormatRMCPPlus, ID: 1}
	link := ipmi.Link{To: ipmi.BMCAddress, From: ipmi.RemoteAddress, Seq: uint8(n) & 0x3f}
	q := &ipmi.Command{RMCP: ipmiHead(), Session: session, Link: link, Target: t, Body: ipmi.Data(data)}
	r := q.Answer(ipmi.CodeOK, ipmi.Data(answer))
	r.Session = session
	req, err := ipmiAgain(wire.Client, q)
	if err != nil {
		return x, err
	}
	reply, err := ipmiAgain(wire.Server, r)
	return f.met(n, req, reply), err
}

// ipmiAgain reads a message as it would be read of a recording: its data become typed.
func ipmiAgain(from wire.Side, m wire.Message) (wire.Message, error) {
	b, err := m.Append(nil)
	if err != nil {
		return nil, err
	}
	_, m, err = ipmi.Protocol{}.New().Next(from, b, true)
	return m, err
}

func (f *IPMIFile) met(n int, req wire.Message, replies ...wire.Message) capture.Exchange {
	return capture.Exchange{
		At: f.At.Add(time.Duration(n) * ipmiApart), Client: netip.AddrPortFrom(f.From.Addr(), 1), Server: f.From, Transport: "udp", Conn: 1,
		Protocol: ipmi.Protocol{}, Request: req, Replies: replies,
	}
}

// chain gives records as the answers to who reads them one after the other.
func (f *IPMIFile) chain(t ipmi.Target, records [][]byte) iter.Seq2[capture.Exchange, error] {
	return func(yield func(capture.Exchange, error) bool) {
		for i, r := range records {
			id, next := []byte{0, 0}, []byte{0xff, 0xff}
			if i > 0 {
				id = r[:2]
			}
			if i+1 < len(records) {
				next = records[i+1][:2]
			}
			x, err := f.exchange(i, t, []byte{0, 0, id[0], id[1], 0, 0xff}, append(next[:2:2], r...))
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
}

func failing(format string, args ...any) iter.Seq2[capture.Exchange, error] {
	return func(yield func(capture.Exchange, error) bool) { yield(capture.Exchange{}, fmt.Errorf(format, args...)) }
}

// sdrVersion is that of the records of IPMI 1.5 and 2.0 (section 43.1).
const sdrVersion = 0x51

// sdr reads what "ipmitool sdr dump" writes: the records as they are, one behind the other.
func (f *IPMIFile) sdr() iter.Seq2[capture.Exchange, error] {
	var records [][]byte
	seen := map[uint16]bool{}
	for at := 0; at < len(f.Data); {
		b := f.Data[at:]
		switch {
		case len(b) < sdrHead:
			return failing("offset %d: %d bytes are left, and the header of a sensor data record has %d", at, len(b), sdrHead)
		case b[2] != sdrVersion:
			return failing("offset %d: a record of version %#02x, want %#02x: this is no dump of sensor data records", at+2, b[2], sdrVersion)
		case len(b) < sdrSize(b):
			return failing("offset %d: a record of %d bytes, and %d are left", at, sdrSize(b), len(b))
		}
		if id := binary.LittleEndian.Uint16(b); seen[id] || id == 0xffff {
			return failing("offset %d: record %04x is there twice, or has no number", at, id)
		} else {
			seen[id] = true
		}
		records = append(records, b[:sdrSize(b)])
		at += sdrSize(b)
	}
	if len(records) == 0 {
		return failing("no sensor data record is in it")
	}
	return f.chain(ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x23}, records)
}

// sel reads what "ipmitool sel writeraw" writes: entries of sixteen bytes.
func (f *IPMIFile) sel() iter.Seq2[capture.Exchange, error] {
	var records [][]byte
	seen := map[uint16]bool{}
	for at := 0; at < len(f.Data); at += selSize(nil) {
		b := f.Data[at:]
		if len(b) < selSize(nil) {
			return failing("offset %d: %d bytes are left, and an event has %d", at, len(b), selSize(nil))
		}
		id := binary.LittleEndian.Uint16(b)
		if seen[id] || id == 0 || id == 0xffff {
			return failing("offset %d: event %04x is there twice, or has no number", at, id)
		}
		seen[id] = true
		records = append(records, b[:selSize(nil)])
	}
	if len(records) == 0 {
		return failing("no event is in it")
	}
	return f.chain(ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x43}, records)
}

// fru reads what "ipmitool fru read" writes: an inventory as it is.
func (f *IPMIFile) fru() iter.Seq2[capture.Exchange, error] {
	const head, part = 8, 128
	switch {
	case len(f.Data) < head:
		return failing("offset %d: an inventory has a header of %d bytes", len(f.Data), head)
	case len(f.Data) > ipmiImageMax-1:
		return failing("offset %d: an inventory has up to %d bytes", ipmiImageMax-1, ipmiImageMax-1)
	}
	sum := byte(0)
	for _, b := range f.Data[:head] {
		sum += b
	}
	if f.Data[0]&0xf != 1 || sum != 0 {
		return failing("offset 0: no header of an inventory: want version 1, and bytes that add up to 0")
	}
	return func(yield func(capture.Exchange, error) bool) {
		size := uint16(len(f.Data))
		x, err := f.exchange(0, ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x10}, []byte{f.FRU}, []byte{byte(size), byte(size >> 8), 0})
		for n, at := 1, 0; ; n++ {
			if !yield(x, err) || err != nil || at >= len(f.Data) {
				return
			}
			b := f.Data[at:min(len(f.Data), at+part)]
			x, err = f.exchange(n, ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x11}, []byte{f.FRU, byte(at), byte(at >> 8), byte(len(b))}, append([]byte{byte(len(b))}, b...))
			at += len(b)
		}
	}
}

// ReadIPMIFile reads a file of another tool, of no more than IPMIFileMax bytes.
func ReadIPMIFile(r io.Reader) (*IPMIFile, error) {
	b, err := io.ReadAll(io.LimitReader(r, IPMIFileMax+1))
	if err == nil && len(b) > IPMIFileMax {
		err = fmt.Errorf("more than %d MB", IPMIFileMax>>20)
	}
	return &IPMIFile{Data: b}, err
}
