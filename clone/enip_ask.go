package clone

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/profiles"
)

// ENIPScan asks a device of EtherNet/IP for all that can be read: what it lists (enip_ask_lists.go), its
// objects and those of modules behind it (enip_ask_objects.go), its tags with their structures
// (enip_ask_tags.go), and what they hold, several times, so that what moves is seen to move
// (enip_ask_values.go). It asks without connections.
type ENIPScan struct {
	Ways     []string      // to modules, as PORT/LINK with commas between; nil: 1/0, slot 0 of the backplane
	Classes  [][2]uint32   // from, to: classes beside the usual ones and those that the device lists
	Tags     []string      // beside those that it lists: NAME, or NAME*COUNT elements
	TagsMost int           // tags asked for at most; 0: 20000
	Samples  int           // how often tags are read; 0: 5
	Every    time.Duration // between them; 0: 2 s
}

const (
	enipTagsMost    = 20000
	enipSamples     = 5
	enipEvery       = 2 * time.Second
	enipClassesMost = 4096
)

// Protocol is what it asks in.
func (s *ENIPScan) Protocol() wire.Protocol { return enip.Protocol{} }

// Ports are those that answer questions; I/O data have one of their own.
func (s *ENIPScan) Ports() []profiles.Port {
	return []profiles.Port{{Number: 44818}, {Number: 44818, UDP: true}}
}

// Check says what is wrong with the options.
func (s *ENIPScan) Check() error {
	for _, w := range s.Ways {
		if _, err := parseENIPWay(w); err != nil {
			return err
		}
	}
	n := uint64(0)
	for _, c := range s.Classes {
		if c[0] == 0 || c[0] > c[1] || c[1] > 0xFFFF {
			return fmt.Errorf("classes %d to %d: want numbers from 1 to 65535", c[0], c[1])
		}
		n += uint64(c[1] - c[0] + 1)
	}
	if n > enipClassesMost {
		return fmt.Errorf("%d classes are more than %d", n, enipClassesMost)
	}
	for _, t := range s.Tags {
		if _, _, err := parseENIPTag(t); err != nil {
			return err
		}
	}
	return nil
}

// parseENIPWay reads a way: ports with what is there, as 1/0 or 1/3,2/192.168.1.5.
func parseENIPWay(text string) (p enip.Path, err error) {
	for hop := range strings.SplitSeq(text, ",") {
		port, link, ok := strings.Cut(hop, "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || !ok || n == 0 || n > 14 || link == "" || len(link) > 64 {
			return nil, fmt.Errorf("way %q: want PORT/LINK, as 1/0 for slot 0 of the backplane", text)
		}
		if slot, err := strconv.ParseUint(link, 10, 8); err == nil {
			p = append(p, byte(n), byte(slot))
			continue
		}
		p = append(append(p, byte(n)|0x10, byte(len(link))), link...)
		if len(link)%2 == 1 {
			p = append(p, 0)
		}
	}
	if len(p) > 255 {
		return nil, fmt.Errorf("way %q is too long", text)
	}
	return p, nil
}

// parseENIPTag reads NAME or NAME*COUNT.
func parseENIPTag(text string) (p enip.Path, count int, err error) {
	name, times, counted := strings.Cut(text, "*")
	if count = 1; counted {
		if count, err = strconv.Atoi(times); err != nil || count < 1 || count > 0xFFFF {
			return nil, 0, fmt.Errorf("tag %q: want NAME or NAME*COUNT, as COUNTS*10", text)
		}
	}
	if p, err = enipTagPath(name); err != nil {
		return nil, 0, fmt.Errorf("tag %q: %w", text, err)
	}
	return p, count, nil
}

var errENIPTagName = errors.New("want a name, as LEVEL, COUNTS[3] or TANK.level")

// enipTagPath is the path of a tag or a part of it.
func enipTagPath(name string) (p enip.Path, err error) {
	base, rest := enip.CutTag(name)
	program, tag, inside := strings.Cut(base, ".")
	if !inside {
		tag = base
	} else {
		p = p.AppendSymbol(program)
	}
	for part := range strings.SplitSeq(tag+rest, ".") {
		symbol, index, indexed := strings.Cut(part, "[")
		if symbol == "" || !enipNamed(symbol) {
			return nil, errENIPTagName
		}
		p = p.AppendSymbol(symbol)
		if !indexed {
			continue
		}
		numbers := enipIndex(strings.TrimSuffix(index, "]"))
		if len(numbers) == 0 || !strings.HasSuffix(index, "]") {
			return nil, errENIPTagName
		}
		for _, n := range numbers {
			p = p.AppendLogical(enip.SegmentMember, n)
		}
	}
	if len(p) > 500 {
		return nil, errENIPTagName
	}
	return p, nil
}

// options fills in what was left to the scan.
func (s *ENIPScan) options() ENIPScan {
	o := *s
	if o.Ways == nil {
		o.Ways = []string{"1/0"}
	}
	o.TagsMost = cmp.Or(max(o.TagsMost, 0), enipTagsMost)
	o.Samples = cmp.Or(max(o.Samples, 0), enipSamples)
	o.Every = cmp.Or(max(o.Every, 0), enipEvery)
	return o
}

// Plan says what is asked of a device.
func (s *ENIPScan) Plan(Care) []Step {
	o := s.options()
	classes := len(enipClasses)
	for _, c := range o.Classes {
		classes += int(c[1] - c[0] + 1)
	}
	return []Step{
		{"list identity, list services, list interfaces", 3, 6},
		{"identity", 1 + len(o.Ways), 0},
		{"get attributes of classes", 2 * classes, 0},
		{"get attributes of instances", 0, 0},
		{"list symbols", 1, 0},
		{"read templates", 0, 0},
		{fmt.Sprintf("read tags; again %d times, every %v", o.Samples-1, o.Every), len(o.Tags), 0},
	}
}

// Probe asks who is there.
func (s *ENIPScan) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	k := v.talk(enip.Protocol{}, port, talkOptions{})
	defer k.close()
	replies, err := k.ask(ctx, &enip.List{Header: enip.Header{Context: enip.Context{1}}, Command: enip.ListIdentity})
	switch {
	case err == nil:
		for _, m := range replies {
			if _, ok := m.(*enip.ListIdentityReply); ok {
				return nil
			}
		}
		return ErrNotSpoken
	case goOn(err), errors.Is(err, ErrGone):
		return ErrNotSpoken
	}
	return err
}

// Scan asks. Over UDP devices only list.
func (s *ENIPScan) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	a := &enipAsking{ENIPScan: s.options(), ctx: ctx, v: v}
	a.talk = v.talk(enip.Protocol{}, port, talkOptions{})
	defer func() { a.talk.close() }()
	if err := a.lists(); err != nil || port.UDP {
		return err
	}
	a.talk.close()
	a.talk = v.talk(enip.Protocol{}, port, talkOptions{open: a.register})
	for _, step := range []func() error{a.modules, a.objects, a.symbols, a.templates, a.values} {
		if err := step(); err != nil {
			return err
		}
	}
	a.follow()
	return nil
}

// enipAsking is one scan of one device.
type enipAsking struct {
	ENIPScan
	ctx     context.Context
	v       *Visit
	talk    *talk
	session uint32
	count   uint64 // of questions, by which their answers are known
	life    []byte // what the device answers without a session

	way    enip.Path              // of what is asked now; nil: of the device itself
	found  []enipWayed            // what answers, and where
	files  map[uint32]enipAskFile // of the module that is asked now
	tagWay enip.Path
	tags   []enipAskTag
	known  map[uint16]bool // templates that are in todo, or were asked
	todo   []uint16
	asked  int64 // questions, when the last sample was taken
}

// enipWayed is a module with the way to it.
type enipWayed struct {
	way      enip.Path
	name     string // of the way
	identity []byte
}

const enipName = "enip"

func (a *enipAsking) remark(kind Kind, format string, args ...any) {
	a.v.Remark(enipName, kind, format, args...)
}
func (a *enipAsking) expect(n int) { a.v.Expect(enipName, n) }

// header is that of the next question.
func (a *enipAsking) header() enip.Header {
	a.count++
	h := enip.Header{Session: a.session}
	binary.LittleEndian.PutUint64(h.Context[:], a.count)
	return h
}

var errENIPSession = errors.New("enip: the device grants no session")

// register begins a session on a fresh connection.
func (a *enipAsking) register(ctx context.Context, t *talk) error {
	b, err := (&enip.RegisterSession{Header: enip.Header{Context: enip.Context{2}}, Version: 1}).Append(nil)
	if err != nil {
		return err
	}
	replies, err := t.ask1(b)
	if err != nil {
		return err
	}
	r, ok := replies[0].(*enip.RegisterSessionReply)
	if !ok || r.Status != enip.StatusSuccess {
		return errENIPSession
	}
	a.session = r.Session
	return nil
}

// ask asks one request on the way that is asked now. nil without an error: it had no answer, and the scan
// goes on.
func (a *enipAsking) ask(q enip.Request) (*enip.Response, error) {
	service := q.Service
	if a.way != nil {
		q = enip.Request{Service: enip.UnconnectedSendService, Path: enip.ObjectPath(enip.ClassConnectionManager, 1),
			Send: &enip.UnconnectedSend{Priority: 7, Timeout: 249, Request: q, Route: a.way}}
	}
	m := &enip.Unconnected{Timeout: 5, Request: q}
	m.Header = a.header()
	replies, err := a.talk.askBy(a.ctx, func() ([]wire.Message, error) {
		m.Session = a.session // it may be another connection than the last time
		b, err := m.Append(nil)
		if err != nil {
			return nil, err
		}
		return a.talk.ask1(b)
	})
	if a.life != nil && err == nil {
		a.talk.good = a.life
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrGone) || !goOn(err):
		return nil, err
	default:
		return nil, nil
	}
	r, ok := replies[0].(*enip.UnconnectedReply)
	if !ok || r.Status != 0 || r.Response.Service != service && r.Response.Service != enip.UnconnectedSendService {
		return nil, nil
	}
	return &r.Response, nil
}

// failed says whether the Connection Manager answered for what could not be reached.
func enipFailed(q enip.Service, r *enip.Response) bool { return r.Service != q }
