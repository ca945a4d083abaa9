package snmp

import (
	"encoding/binary"
	"time"
)

// DateAndTime reads the textual convention of that name (RFC 2579): eight octets, or eleven with the
// offset from UTC.
func DateAndTime(b []byte) (t time.Time, ok bool) {
	if len(b) != 8 && len(b) != 11 || b[2] < 1 || b[2] > 12 || b[3] < 1 || b[3] > 31 || b[4] > 23 || b[5] > 59 || b[6] > 60 || b[7] > 9 {
		return t, false
	}
	zone := time.UTC
	if len(b) == 11 {
		offset := int(b[9])*3600 + int(b[10])*60
		if b[8] == '-' {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	return time.Date(int(binary.BigEndian.Uint16(b)), time.Month(b[2]), int(b[3]), int(b[4]), int(b[5]), int(b[6]), int(b[7])*1e8, zone), true
}

// AppendDateAndTime appends a time in the form of like: with or without an offset from UTC, and with the
// same one.
func AppendDateAndTime(b []byte, t time.Time, like []byte) []byte {
	if l, ok := DateAndTime(like); ok {
		t = t.In(l.Location())
	}
	b = binary.BigEndian.AppendUint16(b, uint16(t.Year()))
	b = append(b, byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), byte(t.Nanosecond()/1e8))
	if len(like) == 11 {
		b = append(b, like[8:]...)
	}
	return b
}
