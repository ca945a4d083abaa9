package profiles

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"ringer/capture/snmp"
)

// SNMPRec is the format of a file of SNMP variables, that of snmpsim: a line each,
//
//	1.3.6.1.2.1.1.5.0|4|pump-3
//	1.3.6.1.2.1.2.2.1.6.1|4x|00163e010203
//
// OID, tag and value. The tag is the number of the type (2 INTEGER, 4 OCTET STRING, 5 NULL, 6 OBJECT
// IDENTIFIER, 64 IpAddress, 65 Counter32, 66 Gauge32, 67 TimeTicks, 68 Opaque, 70 Counter64; 128, 129 and
// 130 say that the device answers noSuchObject, noSuchInstance, endOfMibView). With an x behind the tag the value
// is the content in hexadecimal. Lines that begin with # are comments.

// snmpLineMax bounds a line: a value fits a datagram, in hexadecimal.
const snmpLineMax = 1 << 18

// ReadSNMPRec calls each for every line. oid and content are valid only during the call. Errors name
// the line.
func ReadSNMPRec(r io.Reader, each func(oid snmp.OID, tag snmp.Type, content []byte) error) error {
	br := bufio.NewReaderSize(r, snmpLineMax)
	var oid snmp.OID
	var content []byte
	for line := 1; ; line++ {
		b, err := br.ReadSlice('\n')
		if len(b) == 0 && err == io.EOF {
			return nil
		}
		if err == bufio.ErrBufferFull {
			return fmt.Errorf("line %d: longer than %d bytes", line, snmpLineMax)
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("line %d: %w", line, err)
		}
		b = bytes.TrimRight(b, "\r\n")
		if len(b) == 0 || b[0] == '#' {
			continue
		}
		var tag snmp.Type
		if oid, tag, content, err = parseSNMPRec(b, oid[:0], content[:0]); err == nil {
			err = each(oid, tag, content)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func parseSNMPRec(b, oid, content []byte) (snmp.OID, snmp.Type, []byte, error) {
	i := bytes.IndexByte(b, '|')
	j := bytes.IndexByte(b[i+1:], '|') + i + 1
	if i < 0 || j <= i {
		return nil, 0, nil, fmt.Errorf("%q: want OID|tag|value (is it the rest of the line before it?)", cut(b))
	}
	o, err := snmp.AppendOID(oid, b[:i])
	if err != nil {
		return nil, 0, nil, err
	}
	tag, value := b[i+1:j], b[j+1:]
	isHex := len(tag) > 1 && tag[len(tag)-1] == 'x'
	if isHex {
		tag = tag[:len(tag)-1]
	}
	n := 0
	for _, c := range tag {
		if c < '0' || c > '9' || n > 255 {
			n = 256
			break
		}
		n = n*10 + int(c-'0')
	}
	if len(tag) == 0 || n > 255 || n&0x1f == 0x1f {
		if bytes.IndexByte(tag, ':') >= 0 {
			return nil, 0, nil, fmt.Errorf("%s: tag %q names a variation module: values that move belong into a samples file", o, tag)
		}
		return nil, 0, nil, fmt.Errorf("%s: %q is not a tag: want a number up to 255, with x behind it for hexadecimal", o, cut(b[i+1:j]))
	}
	t := snmp.Type(n)
	if isHex {
		k := len(content)
		content = append(content, make([]byte, len(value)/2)...)
		if _, err := hex.Decode(content[k:], value); err != nil {
			return nil, 0, nil, fmt.Errorf("%s: value %q: want pairs of hexadecimal digits", o, cut(value))
		}
		return o, t, content, nil
	}
	content, err = appendSNMPValue(content, t, value)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("%s: %w", o, err)
	}
	return o, t, content, nil
}

var errSNMPHex = errors.New("a value of this tag is only read in hexadecimal: put an x behind the tag")

// appendSNMPValue appends the content that the plain text of a value stands for.
func appendSNMPValue(b []byte, t snmp.Type, s []byte) ([]byte, error) {
	switch t {
	case snmp.TypeOctetString:
		return append(b, s...), nil
	case snmp.TypeNull, snmp.NoSuchObject, snmp.NoSuchInstance, snmp.EndOfMibView:
		return b, nil
	case snmp.TypeInteger:
		neg, s := len(s) > 0 && s[0] == '-', bytes.TrimPrefix(s, []byte("-"))
		n, ok := decimal(s)
		if !ok || n > 1<<31 || n == 1<<31 && !neg {
			return nil, fmt.Errorf("value %q: want a number from -2147483648 to 2147483647", cut(s))
		}
		if neg {
			return snmp.AppendInt(b, -int64(n)), nil
		}
		return snmp.AppendInt(b, int64(n)), nil
	case snmp.TypeCounter64:
		n, ok := decimal(s)
		if !ok {
			return nil, fmt.Errorf("value %q: want a number from 0 to 18446744073709551615", cut(s))
		}
		return snmp.AppendUint(b, n), nil
	case snmp.TypeCounter32, snmp.TypeGauge32, snmp.TypeTimeTicks, snmp.TypeUInteger32:
		n, ok := decimal(s)
		if !ok || n > 1<<32-1 {
			return nil, fmt.Errorf("value %q: want a number from 0 to 4294967295", cut(s))
		}
		return snmp.AppendUint(b, n), nil
	case snmp.TypeOID:
		return snmp.AppendOID(b, s)
	case snmp.TypeIPAddress:
		a, err := netip.ParseAddr(string(s))
		if err != nil || !a.Is4() {
			return nil, fmt.Errorf("value %q: want an address like 192.0.2.1", cut(s))
		}
		x := a.As4()
		return append(b, x[:]...), nil
	}
	if len(s) == 0 {
		return b, nil
	}
	return nil, errSNMPHex
}

func decimal(s []byte) (n uint64, ok bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	for _, c := range s {
		if c < '0' || c > '9' || n > (1<<64-1)/10 || n == (1<<64-1)/10 && c > '5' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// cut shortens a text for a message.
func cut(b []byte) []byte {
	if len(b) > 60 {
		return append(b[:60:60], "…"...)
	}
	return b
}

// AppendSNMPRec appends the line of a variable. What its text would not give back, byte for byte, is
// written in hexadecimal.
func AppendSNMPRec(b []byte, oid snmp.OID, tag snmp.Type, content []byte) []byte {
	b = append(oid.AppendText(b), '|')
	b = strconv.AppendUint(b, uint64(tag), 10)
	mark := len(b)
	b = appendSNMPText(append(b, '|'), tag, content)
	if again, err := appendSNMPValue(nil, tag, b[mark+1:]); err == nil && bytes.Equal(again, content) && plainText(b[mark+1:]) {
		return append(b, '\n')
	}
	return append(hex.AppendEncode(append(b[:mark], 'x', '|'), content), '\n')
}

func appendSNMPText(b []byte, tag snmp.Type, content []byte) []byte {
	v := snmp.NewValue(tag, content)
	if n, ok := v.Int(); ok {
		return strconv.AppendInt(b, n, 10)
	}
	if n, ok := v.Uint(); ok {
		return strconv.AppendUint(b, n, 10)
	}
	switch {
	case tag == snmp.TypeOctetString:
		return append(b, content...)
	case tag == snmp.TypeOID && snmp.OID(content).Valid():
		return snmp.OID(content).AppendText(b)
	case tag == snmp.TypeIPAddress && len(content) == 4:
		return netip.AddrFrom4([4]byte(content)).AppendTo(b)
	}
	return b
}

// plainText says whether a text survives a text editor.
func plainText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) == 0 || b[0] != ' ' && b[len(b)-1] != ' '
}
