package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/capture/wire"
)

// selectionFlags narrow what is read of a recording.
func selectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "device", Usage: "only the device at `IP` (repeat for more)"},
		&cli.StringSliceFlag{Name: "port", Usage: "only the devices' port `N`, or N=PROTOCOL to say what is spoken there (repeat for more)"},
		&cli.StringFlag{Name: "from", Usage: "only packets from `TIME` on, as 2026-03-02T08:00:00Z"},
		&cli.StringFlag{Name: "to", Usage: "only packets before `TIME`"},
		&cli.StringFlag{Name: "keys", Usage: "open what is encrypted with the keys in `FILE`: lines \"snmp USER AUTH PASSWORD [PRIV PASSWORD]\", \"ipmi USER PASSWORD\" or \"ipmi-kg KEY\", or those of an NSS key log (SSLKEYLOGFILE)"},
		&cli.StringSliceFlag{Name: "same", Usage: "`A,B` are addresses of one device (repeat for more devices)"},
	}
}

// A selection is what of a recording is wanted.
type selection struct {
	devices  []netip.Addr
	ports    []uint16
	force    map[uint16]wire.Protocol
	from, to time.Time
	same     map[netip.Addr]netip.Addr // to the first address of the device
	keys     *capture.Keys             // nil: none were given
	speaks   []wire.Protocol           // with the keys that were given
	proofs   proofs                    // what those were found to be worth
}

func newSelection(c *cli.Context) (*selection, error) {
	s := &selection{same: map[netip.Addr]netip.Addr{}}
	var err error
	if s.keys, s.speaks, err = readKeys(c); err != nil {
		return nil, err
	}
	for _, text := range c.StringSlice("same") {
		var first netip.Addr
		for part := range strings.SplitSeq(text, ",") {
			a, err := netip.ParseAddr(strings.TrimSpace(part))
			if err != nil {
				return nil, usage("--same %s: %q is no address; want two or more with commas between, as 10.0.0.1,10.0.1.1", text, part)
			}
			if a = a.Unmap(); !first.IsValid() {
				first = a
			} else {
				s.same[a] = first
			}
		}
	}
	for _, text := range c.StringSlice("device") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, usage("--device %s: want the device's IP address in the recording; ringer capture --list shows them", text)
		}
		a = a.Unmap()
		s.devices = append(s.devices, a)
		for other, first := range s.same {
			if first == a {
				s.devices = append(s.devices, other)
			} else if other == a {
				s.devices = append(s.devices, first)
			}
		}
	}
	for _, text := range c.StringSlice("port") {
		number, name, forced := strings.Cut(text, "=")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return nil, usage("--port %s: want a number from 1 to 65535, or a number and a protocol as 5020=modbus", text)
		}
		if !forced {
			s.ports = append(s.ports, uint16(n))
			continue
		}
		p := named(s.speaks, name)
		if p == nil {
			return nil, usage("--port %s: ringer does not know the protocol %q; it knows %s", text, name, protocolNames())
		}
		if s.force == nil {
			s.force = map[uint16]wire.Protocol{}
		}
		s.force[uint16(n)] = p
	}
	if s.from, err = parseWhen(c.String("from"), time.Now()); err != nil {
		return nil, usage("--from %s: %v", c.String("from"), err)
	}
	if s.to, err = parseWhen(c.String("to"), time.Now()); err != nil {
		return nil, usage("--to %s: %v", c.String("to"), err)
	}
	return s, nil
}

func protocolNamed(name string) wire.Protocol { return named(capture.Protocols(), name) }

func protocolNames() string {
	var names []string
	for _, p := range capture.Protocols() {
		names = append(names, p.Name())
	}
	return strings.Join(names, ", ")
}

// A recording is an opened file.
type recording struct {
	io.Reader
	name string
	size int64 // 0: not known
	file *os.File
}

// openRecording opens a file, or standard input under the name "-".
func openRecording(c *cli.Context, name string) (*recording, error) {
	if name == "-" {
		return &recording{Reader: c.App.Reader, name: "standard input"}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, inputError(err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: is a folder; give the recordings in it, as %s/*.pcap*", name, strings.TrimRight(name, "/"))
	}
	if err != nil {
		f.Close()
		return nil, failure{statusInput, err}
	}
	r := &recording{Reader: f, name: name, file: f}
	if info.Mode().IsRegular() {
		r.size = info.Size()
	}
	return r, nil
}

func (r *recording) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// exchanges reads the recording; what is damaged is said and the rest is read.
func (s *selection) exchanges(c *cli.Context, r *recording, survey *capture.Survey) iter.Seq2[capture.Exchange, error] {
	p := startProgress(c, "reading "+baseName(r.name), r.size, bytesText)
	opt := s.options(c, r.name)
	opt.Survey = survey
	return s.weighed(s.joined(capture.Exchanges(p.reader(r), opt), p.end))
}

func (s *selection) options(c *cli.Context, name string) capture.Options {
	return capture.Options{
		Name: name, Devices: s.devices, Ports: s.ports, ForcePort: s.force, From: s.from, To: s.to, Context: c.Context,
		Protocols: s.speaks, Keys: s.keys,
		Warn: func(err error) { warn(c, "%v", err) },
	}
}

// joined gives addresses of one device the first of them.
func (s *selection) joined(seq iter.Seq2[capture.Exchange, error], end func()) iter.Seq2[capture.Exchange, error] {
	return func(yield func(capture.Exchange, error) bool) {
		defer end()
		for x, err := range seq {
			if len(s.same) > 0 && err == nil {
				if first, ok := s.same[x.Server.Addr()]; ok {
					x.Server = netip.AddrPortFrom(first, x.Server.Port())
				}
			}
			if !yield(x, err) {
				return
			}
		}
	}
}

func baseName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func warn(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, "ringer: warning: "+format+"\n", args...)
}

// inputError says what could not be read, and with a file that is not there nothing more.
func inputError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("%s: there is no such file", p.Path)
		case errors.Is(err, fs.ErrPermission):
			err = fmt.Errorf("%s: may not be read (permission denied)", p.Path)
		}
	}
	return failure{statusInput, err}
}
