package profiles

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ringer/capture/bacnet"
)

// A sample of a cell is a byte that says what the device answered, and the answer. BACnetHolds is followed by
// the value; the refusals by error class and code as they are encoded, or by the reason's number.
const (
	BACnetDone    = byte(bacnet.SimpleAckType) << 4
	BACnetHolds   = byte(bacnet.ComplexAckType) << 4
	BACnetError   = byte(bacnet.ErrorType) << 4
	BACnetReject  = byte(bacnet.RejectType) << 4
	BACnetAbort   = byte(bacnet.AbortType) << 4
	BACnetWritten = byte(0xf0) // somebody wrote it: the priority (0: none was given), and the value
)

// A file of values has a line for every cell: its name, a tab, and its value in words (bacnet.ParseValue) or,
// after a "!", why there is none: "!error property unknown-property", "!reject 9", "!abort 4"; "#" begins a
// comment line.

// AppendBACnetValue appends the line of a cell.
func AppendBACnetValue(b []byte, cell string, sample []byte) []byte {
	b = append(append(b, cell...), '\t')
	if len(sample) > 0 {
		switch rest := sample[1:]; sample[0] {
		case BACnetHolds:
			b = bacnet.Value(rest).AppendText(b)
		case BACnetDone:
			b = append(b, "!done"...)
		case BACnetError:
			e := bacnet.Value(rest).Elements()
			if len(e) == 2 {
				class, _ := e[0].Unsigned()
				code, _ := e[1].Unsigned()
				b = append(b, "!error "+bacnet.ErrorPair{Class: bacnet.ErrorClass(class), Code: bacnet.ErrorCode(code)}.String()...)
			} else {
				b = fmt.Appendf(b, "!error hex %x", rest)
			}
		case BACnetReject, BACnetAbort:
			name := "reject"
			if sample[0] == BACnetAbort {
				name = "abort"
			}
			b = fmt.Appendf(b, "!%s %d", name, rest[0])
		}
	}
	return append(b, '\n')
}

// ReadBACnetValues calls each for every line of a file of values. Errors name the line.
func ReadBACnetValues(r io.Reader, each func(cell string, sample []byte) error) error {
	return eachCell(r, "value", func(cell, text string) error {
		sample, err := parseBACnetSample(text)
		if err != nil {
			return err
		}
		return each(cell, sample)
	})
}

func parseBACnetSample(text string) ([]byte, error) {
	why, refused := strings.CutPrefix(text, "!")
	if !refused {
		v, err := bacnet.ParseValue(text)
		return append([]byte{BACnetHolds}, v...), err
	}
	words := strings.Fields(why)
	switch {
	case len(words) == 1 && words[0] == "done":
		return []byte{BACnetDone}, nil
	case len(words) == 3 && words[0] == "error" && words[1] == "hex":
		v, err := bacnet.ParseValue("hex " + words[2])
		return append([]byte{BACnetError}, v...), err
	case len(words) == 3 && words[0] == "error":
		class, err := bacnet.ParseErrorClass(words[1])
		if err != nil {
			return nil, err
		}
		code, err := bacnet.ParseErrorCode(words[2])
		return BACnetErrorSample(class, code), err
	case len(words) == 2 && (words[0] == "reject" || words[0] == "abort"):
		n, err := strconv.ParseUint(words[1], 10, 8)
		kind := BACnetReject
		if words[0] == "abort" {
			kind = BACnetAbort
		}
		return []byte{kind, byte(n)}, err
	}
	return nil, fmt.Errorf("%q: want !error CLASS CODE, !reject REASON or !abort REASON", text)
}

// BACnetErrorSample is the sample of a cell that is refused with an error.
func BACnetErrorSample(class bacnet.ErrorClass, code bacnet.ErrorCode) []byte {
	return bacnet.AppendEnumerated(bacnet.AppendEnumerated([]byte{BACnetError}, uint64(class)), uint64(code))
}

// AppendBACnetRecord appends the line of a record of a file: as a quoted text, or in hexadecimal where it is none.
func AppendBACnetRecord(b, record []byte) []byte {
	quoted := strconv.AppendQuote(nil, string(record))
	if back, err := strconv.Unquote(string(quoted)); !utf8.Valid(record) || err != nil || back != string(record) {
		return append(hex.AppendEncode(b, record), '\n')
	}
	return append(append(b, quoted...), '\n')
}

// ReadBACnetRecords reads what AppendBACnetRecord writes. Errors name the line.
func ReadBACnetRecords(b []byte) (records [][]byte, err error) {
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		var record []byte
		if strings.HasPrefix(line, `"`) {
			var text string
			text, err = strconv.Unquote(line)
			record = []byte(text)
		} else {
			record, err = hex.DecodeString(line)
		}
		if err != nil || line == "" {
			return nil, fmt.Errorf("line %d: %q is no record: want a quoted text, or bytes in hexadecimal", n, line)
		}
		records = append(records, record)
	}
	return records, nil
}

// ReadValues reads the file of values of a section.
func (s *BACnet) ReadValues(d *Device, each func(cell string, sample []byte) error) error {
	if s.Values == "" {
		return nil
	}
	f, err := d.Files.Open(path.Clean(s.Values))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ReadBACnetValues(f, each); err != nil {
		return fmt.Errorf("%s: %w", s.Values, err)
	}
	return nil
}

// Merge unites what both profiles know of properties; what holds different values in them has moved.
func (s *BACnet) Merge(newer Section, m *Merging) error {
	n := newer.(*BACnet)
	older, later := map[string][]byte{}, map[string][]byte{}
	for _, x := range []struct {
		s    *BACnet
		d    *Device
		into map[string][]byte
	}{{s, m.Older, older}, {n, m.Newer, later}} {
		if err := x.s.ReadValues(x.d, func(cell string, sample []byte) error {
			x.into[cell] = sample
			return nil
		}); err != nil {
			return err
		}
	}
	files := []string{s.Values, n.Values}
	s.Values, n.Values = "", ""
	m.Fields(s, n)
	last, err := m.Settle(&s.Samples, older, later)
	if err != nil || files[0] == "" && files[1] == "" {
		return err
	}
	for cell, v := range later {
		older[cell] = v
	}
	for cell, v := range last {
		if _, known := older[cell]; known && len(v) > 0 && v[0] != BACnetWritten {
			older[cell] = v
		}
	}
	m.Drop(files[0])
	m.Drop(files[1])
	var out bytes.Buffer
	for _, cell := range slices.SortedFunc(maps.Keys(older), natural) {
		out.Write(AppendBACnetValue(nil, cell, older[cell]))
	}
	s.Values = "bacnet/" + m.Name() + ".tsv"
	m.Write(s.Values, out.Bytes())
	return nil
}

// ParseBACnetPeer reads an entry of the broadcast distribution table: 10.0.0.1:47808/255.255.255.255.
func ParseBACnetPeer(s string) (p bacnet.BroadcastPeer, err error) {
	address, mask, ok := strings.Cut(s, "/")
	if p.Address, err = netip.ParseAddrPort(address); err == nil && !p.Address.Addr().Is4() {
		err = fmt.Errorf("%s is not an address of four bytes", address)
	}
	if m, e := netip.ParseAddr(mask); ok && err == nil && (e != nil || !m.Is4()) {
		err = fmt.Errorf("%q is not a mask", mask)
	} else if ok && err == nil {
		p.Mask = m.As4()
	} else {
		p.Mask = [4]byte{255, 255, 255, 255}
	}
	return p, err
}

// BACnetPeer writes what ParseBACnetPeer reads.
func BACnetPeer(p bacnet.BroadcastPeer) string {
	return p.Address.String() + "/" + netip.AddrFrom4(p.Mask).String()
}
