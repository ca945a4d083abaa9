package clone

import (
	"bufio"
	"bytes"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
)

// The text that FreeIPMI's tools print with --debug: each packet has a title between two rules, then sections
// under headings of their own, then a line for each field with its value and width in bits, the least
// significant first. Bytes stand in lines of up to eight.
var (
	debugRule  = regexp.MustCompile(`^=+$`)
	debugUnder = regexp.MustCompile(`^-+$`)
	debugTitle = regexp.MustCompile(`^(?:IPMI|RMCP) .*(Request|Response|Ping|Pong)$`)
	debugField = regexp.MustCompile(`^\[ *([0-9A-F]+)h\] = (\S+)\[ *(\d+)b\]$`)
	debugArray = regexp.MustCompile(`^\[ *BYTE ARRAY \.\.\. *\] = (\S+)\[ *(\d+)B\]$`)
	debugBytes = regexp.MustCompile(`^\[ ((?:[0-9A-F]{2}h )+)\]$`)
	debugHost  = regexp.MustCompile(`^(\S+): (.*)$`)
)

// A debugPacket is a packet of the text.
type debugPacket struct {
	line     int // of its title
	from     wire.Side
	sections []debugSection
}

type debugSection struct {
	name  string
	bytes []byte
	bits  uint64 // of the byte that is not complete
	n     int
	named map[string][]byte // arrays
}

// put adds the bits of a field.
func (s *debugSection) put(v uint64, width int) {
	for range width {
		s.bits |= v & 1 << s.n
		v >>= 1
		if s.n++; s.n == 8 {
			s.bytes, s.bits, s.n = append(s.bytes, byte(s.bits)), 0, 0
		}
	}
}

// debug reads the text, and pairs what is in it.
func (f *IPMIFile) debug() iter.Seq2[capture.Exchange, error] {
	packets, err := debugPackets(f.Data)
	if err != nil {
		return failing("%w", err)
	}
	if len(packets) == 0 {
		return failing("line 1: none of the packets that --debug prints is in it")
	}
	return func(yield func(capture.Exchange, error) bool) {
		conn := ipmi.Protocol{}.New()
		var open wire.Message
		n, at := 0, 0
		flush := func(replies ...wire.Message) bool {
			x := f.met(n, open, replies...)
			x.Packets = [2]int{at, at}
			open = nil
			n++
			return yield(x, nil)
		}
		for i, p := range packets {
			b, err := p.datagram()
			if err != nil {
				yield(capture.Exchange{}, err)
				return
			}
			_, m, err := conn.Next(p.from, b, true)
			if err != nil || m == nil {
				yield(capture.Exchange{}, fmt.Errorf("line %d: the packet is none of IPMI", p.line))
				return
			}
			if p.from == wire.Client {
				if open != nil && !flush() {
					return
				}
				open, at = m, i+1
				continue
			}
			if open == nil {
				continue
			}
			if k, _ := conn.Match([]wire.Message{open}, m); k == 0 && !flush(m) {
				return
			}
		}
		if open != nil {
			flush()
		}
	}
}

// debugPackets cuts the text into packets. Other lines are what the tool says beside.
func debugPackets(text []byte) (packets []debugPacket, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<16)
	var p *debugPacket
	var heading, host, array string
	left := 0 // bytes of the array that are to come
	end := func(n int) error {
		if left > 0 {
			return fmt.Errorf("line %d: %s: %d bytes are missing", n, array, left)
		}
		return nil
	}
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimRight(lines.Text(), "\r ")
		if m := debugHost.FindStringSubmatch(line); m != nil && (strings.HasPrefix(m[2], "[") || debugTitle.MatchString(m[2]) || debugRule.MatchString(m[2]) || debugUnder.MatchString(m[2]) || strings.HasSuffix(m[2], ":")) {
			if host != "" && m[1] != host {
				return nil, fmt.Errorf("line %d: a packet of %s, and those before are of %s: want one controller", n, m[1], host)
			}
			host, line = m[1], m[2]
		}
		if m := debugBytes.FindStringSubmatch(line); m != nil && left > 0 {
			s := &p.sections[len(p.sections)-1]
			for _, h := range strings.Fields(m[1]) {
				v, err := strconv.ParseUint(strings.TrimSuffix(h, "h"), 16, 8)
				if err != nil || left == 0 {
					return nil, fmt.Errorf("line %d: %s: more bytes than it says", n, array)
				}
				s.put(v, 8)
				s.named[array] = append(s.named[array], byte(v))
				left--
			}
			continue
		}
		if err := end(n); err != nil {
			return nil, err
		}
		switch m := debugTitle.FindStringSubmatch(line); {
		case m != nil:
			packets = append(packets, debugPacket{line: n, from: wire.Server})
			if p = &packets[len(packets)-1]; m[1] == "Request" || m[1] == "Ping" {
				p.from = wire.Client
			}
			continue
		case p == nil, debugRule.MatchString(line):
			continue
		case debugUnder.MatchString(line):
			p.sections = append(p.sections, debugSection{name: heading, named: map[string][]byte{}})
			continue
		case strings.HasSuffix(line, ":"):
			heading = strings.TrimSuffix(line, ":")
			continue
		}
		if len(p.sections) == 0 {
			continue
		}
		s := &p.sections[len(p.sections)-1]
		if m := debugField.FindStringSubmatch(line); m != nil {
			v, err := strconv.ParseUint(m[1], 16, 64)
			width, _ := strconv.Atoi(m[3])
			if err != nil || width > 64 || width < 64 && v>>width != 0 {
				return nil, fmt.Errorf("line %d: %s: %sh in %s bits", n, m[2], m[1], m[3])
			}
			s.put(v, width)
		} else if m := debugArray.FindStringSubmatch(line); m != nil {
			array = m[1]
			if left, err = strconv.Atoi(m[2]); err != nil || left > 1<<16 {
				return nil, fmt.Errorf("line %d: %s: %s bytes", n, array, m[2])
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return packets, end(n)
}

// datagram is the packet as it was sent, but for what secured it.
func (p *debugPacket) datagram() (b []byte, err error) {
	for _, s := range p.sections {
		if s.n != 0 {
			return nil, fmt.Errorf("line %d: %s: its fields are no whole bytes", p.line, s.name)
		}
		if s.name != "IPMI RMCPPLUS Session Header" {
			continue
		}
		const head = 12
		if len(s.bytes) < head {
			return nil, fmt.Errorf("line %d: %s: %d bytes, want %d", p.line, s.name, len(s.bytes), head)
		}
		for _, body := range p.sections {
			if body.name != "IPMI RMCPPLUS Payload" {
				continue
			}
			data, ok := body.named["payload_data"]
			if !ok {
				data = body.bytes
			}
			h := bytes.Clone(s.bytes[:head])
			h[1] &= 0x3f // neither encrypted nor authenticated any more
			h[10], h[11] = byte(len(data)), byte(len(data)>>8)
			b = append([]byte{6, 0, ipmi.NoAck, byte(ipmi.ClassIPMI)}, h...)
			return append(b, data...), nil
		}
		return nil, fmt.Errorf("line %d: a packet without a payload", p.line)
	}
	for _, s := range p.sections {
		b = append(b, s.bytes...)
	}
	return b, nil
}
