package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng, section 4).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockNames     = 4
	blockStats     = 5
	blockEnhanced  = 6
	blockSecrets   = 10

	byteOrderMagic = 0x1a2b3c4d

	interfaceMax = 1 << 16 // per section
)

// Options: those of every block, of the interface description, of the interface statistics.
const (
	optEnd       = 0
	optComment   = 1
	optResol     = 9
	optOffset    = 14
	optStatsEnd  = 3
	optNoteLimit = 4 << 10
)

type pcapng struct {
	r          *bufio.Reader
	warn       func(error)
	big        bool
	interfaces []pcapngInterface
	number     int
	offset     int64
	skip       int
	until      int64
	ended      bool
	keyLog     func(line string) // nil: nobody wants secrets
}

type pcapngInterface struct {
	link   uint16
	snap   int
	resol  uint64 // ticks a second
	offset int64  // seconds
}

func (i *pcapngInterface) time(ticks uint64) int64 {
	switch i.resol {
	case 1e6:
		return i.offset*1e9 + int64(ticks)*1000
	case 1e9:
		return i.offset*1e9 + int64(ticks)
	}
	hi, lo := bits.Mul64(ticks%i.resol, 1e9)
	frac, _ := bits.Div64(hi, lo, i.resol)
	return (i.offset+int64(ticks/i.resol))*1e9 + int64(frac)
}

func (s *pcapng) endTime() int64 { return s.until }

func (s *pcapng) uint32(b []byte) uint32 {
	if s.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (s *pcapng) uint16(b []byte) uint16 {
	if s.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (s *pcapng) next(p *packet) error {
	for !s.ended {
		if s.skip > 0 {
			n, err := s.r.Discard(s.skip)
			s.offset += int64(n)
			s.skip -= n
			if err != nil {
				return s.end("inside", err)
			}
		}
		h, err := s.r.Peek(12)
		if err != nil {
			if len(h) == 0 && err == io.EOF {
				s.ended = true
				return io.EOF
			}
			return s.end("at", err)
		}
		if binary.BigEndian.Uint32(h) == blockSection && !s.byteOrder(h[8:]) {
			if err := s.resynchronise(fmt.Errorf("a section without byte order magic")); err != nil {
				return err
			}
			continue
		}
		kind, length := s.uint32(h), int(s.uint32(h[4:]))
		if length < 12 || length%4 != 0 || length > peekMax && carries(kind) {
			if err := s.resynchronise(fmt.Errorf("a block of type %d and %d bytes", kind, length)); err != nil {
				return err
			}
			continue
		}
		if length > peekMax && kind == blockSecrets {
			if err := s.longSecrets(length); err != nil {
				return s.end("inside", err)
			}
			continue
		}
		if length > peekMax {
			s.skip = length // nothing we would look at
			continue
		}
		b, err := s.r.Peek(length)
		if err != nil {
			return s.end("inside", err)
		}
		if s.uint32(b[length-4:]) != uint32(length) {
			if err := s.resynchronise(fmt.Errorf("a block that does not end as it begins")); err != nil {
				return err
			}
			continue
		}
		s.skip = length
		ok, err := s.block(kind, b[8:length-4], p)
		if err != nil {
			s.warn(&DamageError{Packet: s.number, Err: fmt.Errorf("packet %d left out: %w", s.number, err)})
		}
		if ok && err == nil {
			return nil
		}
	}
	return io.EOF
}

// carries says whether a block of this type is read.
func carries(kind uint32) bool {
	switch kind {
	case blockSection, blockInterface, blockPacket, blockSimple, blockStats, blockEnhanced:
		return true
	}
	return false
}

func (s *pcapng) byteOrder(b []byte) bool {
	switch {
	case binary.LittleEndian.Uint32(b) == byteOrderMagic:
		s.big = false
	case binary.BigEndian.Uint32(b) == byteOrderMagic:
		s.big = true
	default:
		return false
	}
	return true
}

// block reads the body of a block; ok means that it held a packet.
func (s *pcapng) block(kind uint32, b []byte, p *packet) (ok bool, err error) {
	switch kind {
	case blockSection:
		s.interfaces = s.interfaces[:0]
	case blockInterface:
		if len(b) < 8 || len(s.interfaces) >= interfaceMax {
			return false, nil
		}
		i := pcapngInterface{link: s.uint16(b), snap: int(s.uint32(b[4:])), resol: 1e6}
		s.options(b[8:], func(code uint16, v []byte) {
			switch {
			case code == optResol && len(v) > 0:
				i.resol = resolution(v[0])
			case code == optOffset && len(v) == 8:
				if s.big {
					i.offset = int64(binary.BigEndian.Uint64(v))
				} else {
					i.offset = int64(binary.LittleEndian.Uint64(v))
				}
			}
		})
		s.interfaces = append(s.interfaces, i)
	case blockStats:
		if len(b) < 12 || int(s.uint32(b)) >= len(s.interfaces) {
			return false, nil
		}
		i := &s.interfaces[s.uint32(b)]
		s.options(b[12:], func(code uint16, v []byte) {
			if code == optStatsEnd && len(v) == 8 {
				s.until = max(s.until, i.time(uint64(s.uint32(v))<<32|uint64(s.uint32(v[4:]))))
			}
		})
	case blockEnhanced:
		s.number++
		if len(b) < 20 {
			return false, fmt.Errorf("block cut short")
		}
		return true, s.packet(p, int(s.uint32(b)), b[4:], true)
	case blockPacket:
		s.number++
		if len(b) < 20 {
			return false, fmt.Errorf("block cut short")
		}
		return true, s.packet(p, int(s.uint16(b)), b[4:], true)
	case blockSecrets:
		if len(b) >= 8 && s.uint32(b) == secretsTLSLog {
			s.secrets(bytes.NewReader(b[8:min(len(b), 8+int(s.uint32(b[4:])))]))
		}
	case blockSimple:
		s.number++
		if len(b) < 4 {
			return false, fmt.Errorf("block cut short")
		}
		return true, s.packet(p, 0, b, false)
	}
	return false, nil
}

func (s *pcapng) logKeys(line func(string)) { s.keyLog = line }

// secrets reads the lines of a key log (draft-ietf-opsawg-pcapng, section 4.7).
func (s *pcapng) secrets(r io.Reader) {
	lines := bufio.NewScanner(r)
	for s.keyLog != nil && lines.Scan() {
		s.keyLog(lines.Text())
	}
}

// longSecrets reads a block of secrets that is too long to be looked at as a whole.
func (s *pcapng) longSecrets(length int) error {
	h, err := s.r.Peek(16)
	if err != nil {
		return err
	}
	kind, size := s.uint32(h[8:]), int64(s.uint32(h[12:]))
	s.r.Discard(16)
	s.offset += 16
	s.skip = length - 16
	body := &io.LimitedReader{R: s.r, N: min(size, int64(s.skip))}
	whole := body.N
	if kind == secretsTLSLog {
		s.secrets(body)
	}
	read := whole - body.N
	s.offset += read
	s.skip -= int(read)
	return nil
}

// packet reads a packet; b begins at the time stamp, or at the length on the wire where there is none.
func (s *pcapng) packet(p *packet, iface int, b []byte, stamped bool) error {
	if iface >= len(s.interfaces) {
		return fmt.Errorf("interface %d is not described", iface)
	}
	i := &s.interfaces[iface]
	p.number, p.link, p.note = s.number, i.link, ""
	var captured int
	if stamped {
		p.at = i.time(uint64(s.uint32(b))<<32 | uint64(s.uint32(b[4:])))
		captured, p.length = int(s.uint32(b[8:])), int(s.uint32(b[12:]))
		b = b[16:]
	} else { // a simple packet has no time: that of the packet before it is as near as can be
		p.length = int(s.uint32(b))
		b = b[4:]
		captured = min(p.length, len(b))
		if i.snap > 0 {
			captured = min(captured, i.snap)
		}
	}
	if captured > len(b) {
		return fmt.Errorf("%d bytes do not fit into the block", captured)
	}
	p.data, p.length = b[:captured], max(captured, p.length)
	if end := (captured + 3) &^ 3; stamped && end+4 <= len(b) {
		s.options(b[end:], func(code uint16, v []byte) {
			if code == optComment && p.note == "" {
				p.note = string(v[:min(len(v), optNoteLimit)])
			}
		})
	}
	return nil
}

func (s *pcapng) options(b []byte, visit func(code uint16, v []byte)) {
	for len(b) >= 4 {
		code, n := s.uint16(b), int(s.uint16(b[2:]))
		b = b[4:]
		if code == optEnd || n > len(b) {
			return
		}
		visit(code, b[:n])
		b = b[min((n+3)&^3, len(b)):]
	}
}

// resolution reads if_tsresol: a negative power of ten, or of two if the highest bit is set.
func resolution(v byte) uint64 {
	if v&0x80 != 0 {
		return 1 << min(v&0x7f, 63)
	}
	r := uint64(1)
	for range min(v, 19) {
		r *= 10
	}
	return r
}

// resynchronise looks for the next block that begins and ends alike, and says what was skipped.
func (s *pcapng) resynchronise(why error) error {
	from, skipped := s.offset, 0
	for {
		b, err := s.r.Peek(peekMax)
		for i := 4; i+12 <= len(b); i += 4 {
			if !s.plausible(b[i:]) {
				continue
			}
			s.skip = i
			s.warn(&DamageError{Packet: s.number + 1, Err: fmt.Errorf("damaged behind packet %d (%w at byte %d): %d bytes skipped", s.number, why, from, skipped+i)})
			return nil
		}
		if err != nil || len(b) < peekMax {
			s.ended = true
			s.warn(&DamageError{Packet: s.number + 1, Err: fmt.Errorf("damaged behind packet %d, nothing after it was read: %w at byte %d", s.number, why, from)})
			return io.EOF
		}
		// A block may lie across the end of what was seen.
		n, _ := s.r.Discard(len(b) / 2 &^ 3)
		s.offset += int64(n)
		skipped += n
	}
}

func (s *pcapng) plausible(b []byte) bool {
	if binary.BigEndian.Uint32(b) == blockSection {
		return binary.LittleEndian.Uint32(b[8:]) == byteOrderMagic || binary.BigEndian.Uint32(b[8:]) == byteOrderMagic
	}
	switch s.uint32(b) {
	case blockInterface, blockPacket, blockSimple, blockNames, blockStats, blockEnhanced, blockSecrets:
	default:
		return false
	}
	n := int(s.uint32(b[4:]))
	return n >= 12 && n%4 == 0 && n <= len(b) && s.uint32(b[n-4:]) == uint32(n)
}

func (s *pcapng) end(where string, err error) error {
	s.ended = true
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	s.warn(&DamageError{Packet: s.number + 1, Err: fmt.Errorf("damaged %s the block behind packet %d, nothing after it was read: %w", where, s.number, err)})
	return io.EOF
}
