package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A packet is one frame of a recording. Its bytes are valid until the next one is read.
type packet struct {
	data   []byte
	length int   // on the wire; more than len(data) if the snap length cut it
	at     int64 // nanoseconds since 1970
	number int   // from 1, as dissectors count
	link   uint16
	note   string // the packet's comment (pcapng)
}

// A source yields the packets of a recording. Errors other than io.EOF are final; what is merely
// damaged goes to the warn function that the source was made with.
type source interface {
	next(*packet) error
}

// A keyLogger is a source that may have secrets of TLS connections in it, as lines of a key log.
type keyLogger interface{ logKeys(line func(string)) }

// endTimer is a source that knows until when was recorded, though no packet came.
type endTimer interface{ endTime() int64 }

const (
	// peekMax bounds a packet with its header and options: libpcap's largest snap length is 256 KiB.
	peekMax   = 512 << 10
	packetMax = 256 << 10
	// zstdMax bounds the window of a zstd stream.
	zstdMax = 32 << 20
)

var errNotCapture = errors.New("neither pcap nor pcapng")

// Open opens a recording: a file, or standard input if name is "-". What is compressed with gzip or
// zstd is decompressed.
func Open(name string) (io.ReadCloser, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		if st, err := f.Stat(); err == nil && st.IsDir() {
			f.Close()
			return nil, fmt.Errorf("%s: is a directory", name)
		}
	}
	r, stop, err := decompress(bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &openFile{Reader: r, file: f, stop: stop}, nil
}

type openFile struct {
	io.Reader
	file *os.File
	stop func()
}

func (o *openFile) Close() error {
	o.stop()
	return o.file.Close()
}

// decompress tells by the first bytes whether r is compressed.
func decompress(r *bufio.Reader) (io.Reader, func(), error) {
	nothing := func() {}
	head, _ := r.Peek(4)
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nothing, fmt.Errorf("gzip: %w", err)
		}
		return z, nothing, nil
	case len(head) == 4 && binary.LittleEndian.Uint32(head) == 0xfd2fb528:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdMax))
		if err != nil {
			return nil, nothing, fmt.Errorf("zstd: %w", err)
		}
		return z, z.Close, nil
	}
	return r, nothing, nil
}

// newSource finds out what r is. warn is told of damage that reading can go on after, and of the
// damage that ends it.
func newSource(r io.Reader, warn func(error)) (source, func(), error) {
	plain, stop, err := decompress(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, stop, err
	}
	b := bufio.NewReaderSize(plain, peekMax)
	head, err := b.Peek(24)
	if len(head) < 4 {
		if err == io.EOF || err == io.ErrUnexpectedEOF || err == nil {
			return nil, stop, fmt.Errorf("%w: %d bytes", errNotCapture, len(head))
		}
		return nil, stop, err
	}
	if binary.BigEndian.Uint32(head) == blockSection {
		return &pcapng{r: b, warn: warn}, stop, nil
	}
	if len(head) < 24 {
		return nil, stop, fmt.Errorf("%w: %d bytes", errNotCapture, len(head))
	}
	s := &pcap{r: b, warn: warn, order: binary.LittleEndian, unit: 1000, header: 16}
	for _, s.order = range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch s.order.Uint32(head) {
		case 0xa1b2c3d4:
		case 0xa1b23c4d:
			s.unit = 1
		case 0xa1b2cd34:
			s.header = 24
		default:
			continue
		}
		s.link = uint16(s.order.Uint32(head[20:])) // the upper half says whether frames end with a checksum
		s.order2 = s.order == binary.BigEndian
		_, err = b.Discard(24)
		return s, stop, err
	}
	return nil, stop, fmt.Errorf("%w: it begins with % x", errNotCapture, head[:4])
}

// pcap reads the classic format (draft-ietf-opsawg-pcap), in microseconds or nanoseconds, and the form
// with longer packet headers that Alexey Kuznetzov's patched libpcap wrote.
type pcap struct {
	r      *bufio.Reader
	warn   func(error)
	order  binary.ByteOrder
	order2 bool // big-endian: order, without the call through the interface
	unit   int64
	header int
	link   uint16
	number int
	skip   int // what the last packet still occupies of the buffer
	ended  bool
}

func (s *pcap) uint32(b []byte) uint32 {
	if s.order2 {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (s *pcap) next(p *packet) error {
	if s.ended {
		return io.EOF
	}
	if s.skip > 0 {
		s.r.Discard(s.skip)
		s.skip = 0
	}
	h, err := s.r.Peek(s.header)
	if err != nil {
		return s.end(len(h), "in the header of", err)
	}
	captured, length := int(s.uint32(h[8:])), int(s.uint32(h[12:]))
	if captured > packetMax {
		return s.end(len(h), "at", fmt.Errorf("a length of %d bytes", captured))
	}
	sec, frac := int64(s.uint32(h)), int64(s.uint32(h[4:]))
	b, err := s.r.Peek(s.header + captured)
	if err != nil {
		return s.end(len(b), "inside", err)
	}
	s.skip = len(b)
	s.number++
	p.data, p.length = b[s.header:], max(length, captured)
	p.at = sec*1e9 + frac*s.unit
	p.number, p.link, p.note = s.number, s.link, ""
	return nil
}

// end says where reading stopped, unless that is simply the end of the file.
func (s *pcap) end(left int, where string, err error) error {
	s.ended = true
	if left == 0 && err == io.EOF {
		return io.EOF
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	s.warn(&DamageError{Packet: s.number + 1, Err: fmt.Errorf("damaged %s packet %d, nothing after it was read: %w", where, s.number+1, err)})
	return io.EOF
}

// A DamageError says where a recording is damaged. What came before it was read.
type DamageError struct {
	Name   string // of the file
	Packet int    // the first that could not be read
	Err    error
}

func (e *DamageError) Error() string {
	if e.Name == "" {
		return e.Err.Error()
	}
	return e.Name + ": " + e.Err.Error()
}

func (e *DamageError) Unwrap() error { return e.Err }
