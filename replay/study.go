package replay

import (
	"hash/maphash"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A Study is what is known of a recording before it is played: where connections end, how their handshakes
// went, and which fields of a device vary by themselves. Add every exchange, then play.
type Study struct {
	Exchanges int
	Requests  int
	Unasked   int
	From, To  time.Time
	Servers   map[netip.AddrPort]string // and what they speak

	unasked  map[unaskedKey]bool
	last     map[uint64]int // index of each connection's last exchange
	begun    map[uint64]int // exchanges of each connection, as long as its opening is of interest
	openings map[netip.AddrPort][]wire.Message
	fields   map[fieldKey]*observation
	glimpses map[uint64]glimpse // by question and field
	volatile map[fieldKey]bool
	seed     maphash.Seed
}

// A fieldKey is a named field of a recorded device, such as Headers[date].Value: the same thing in whatever
// reply it comes. Fields that have no name of their own are never masked: what they hold belongs to the
// question, and a target that asks for leniency there is told no.
type fieldKey struct{ device, protocol, path string }

// An unaskedKey is a kind of message that a server was recorded to say unasked.
type unaskedKey struct {
	server netip.AddrPort
	class  string
}

// An observation of a field counts the pairs of answers to one question in which it could have moved, as
// they were a second or more apart, and those in which it had.
type observation struct{ pairs, differing int }

// A glimpse is what a field held when a question was answered last.
type glimpse struct {
	value uint64
	at    time.Time
}

// fieldsMax bounds the fields that are observed, over all questions.
const fieldsMax = 1 << 18

// NewStudy begins to study.
func NewStudy() *Study {
	return &Study{
		Servers: map[netip.AddrPort]string{}, unasked: map[unaskedKey]bool{}, last: map[uint64]int{}, begun: map[uint64]int{},
		openings: map[netip.AddrPort][]wire.Message{}, fields: map[fieldKey]*observation{}, glimpses: map[uint64]glimpse{},
		volatile: map[fieldKey]bool{}, seed: maphash.MakeSeed(),
	}
}

// Add takes the next exchange of the recording.
func (s *Study) Add(x *capture.Exchange) {
	s.last[x.Conn] = s.Exchanges
	s.Exchanges++
	if s.From.IsZero() || x.At.Before(s.From) {
		s.From = x.At
	}
	if x.At.After(s.To) {
		s.To = x.At
	}
	s.Servers[x.Server] = x.Protocol.Name()
	if x.Request == nil {
		s.Unasked++
		for _, m := range x.Replies {
			class, _ := wire.Class(m)
			s.unasked[unaskedKey{x.Server, class}] = true
		}
	} else {
		s.Requests++
		s.meet(x)
	}
	if x.Request != nil {
		s.observe(x)
	}
}

// openingMax bounds what is kept of the beginning of a connection.
const openingMax = 4

// meet keeps how the first connection to each server began that was recorded from its beginning.
func (s *Study) meet(x *capture.Exchange) {
	o, ok := x.Protocol.(wire.Opener)
	if !ok {
		return
	}
	n := s.begun[x.Conn]
	if n == 0 && (s.openings[x.Server] != nil || len(o.Opening(x.Request)) > 0 || len(x.Replies) == 0) {
		n = -1
	}
	if n < 0 || n == openingMax {
		s.begun[x.Conn] = -1
		return
	}
	s.openings[x.Server] = append(s.openings[x.Server], x.Request)
	s.begun[x.Conn] = n + 1
}

// opening is what has to be asked before x may be, on a new connection: as the recording did it on another
// connection to the same server, else as the protocol does it.
func (s *Study) opening(x *capture.Exchange) []wire.Message {
	o, ok := x.Protocol.(wire.Opener)
	if !ok {
		return nil
	}
	msgs := append([]wire.Message(nil), o.Opening(x.Request)...)
	for i, seen := range s.openings[x.Server] {
		if i < len(msgs) && reflect.TypeOf(seen) == reflect.TypeOf(msgs[i]) && sameClass(seen, msgs[i]) {
			msgs[i] = seen
		}
	}
	return msgs
}

// sameClass says whether two requests are of a kind, where their types hold several.
func sameClass(a, b wire.Message) bool {
	x, _ := wire.Class(a)
	y, _ := wire.Class(b)
	return x == y
}

// named says whether a path leads through a list element that is called by its name.
func named(path string) bool {
	for {
		i := strings.IndexByte(path, '[')
		if i < 0 || i+1 == len(path) {
			return false
		}
		path = path[i+1:]
		number := path[:max(strings.IndexByte(path, ']'), 0)]
		if strings.Trim(number, "0123456789") != "" {
			return true
		}
	}
}

// observe compares the named fields of replies with those of earlier replies to the same question.
func (s *Study) observe(x *capture.Exchange) {
	var question []byte
	for _, m := range x.Replies {
		wire.Fields(m, func(path, tag string, v reflect.Value) {
			if tag != "" || !named(path) {
				return
			}
			if question == nil {
				question = wire.AppendKey([]byte(x.Server.String()+" "), x.Request)
			}
			var h maphash.Hash
			h.SetSeed(s.seed)
			h.Write(question)
			h.WriteString(path)
			key := h.Sum64()
			now := glimpse{maphash.String(s.seed, wire.FieldText(v)), x.At}
			before, again := s.glimpses[key]
			if !again && len(s.glimpses) >= fieldsMax {
				return
			}
			s.glimpses[key] = now
			moved := before.value != now.value
			if !again || !moved && now.at.Sub(before.at) < time.Second {
				return
			}
			k := fieldKey{x.Server.Addr().String(), x.Protocol.Name(), path}
			o := s.fields[k]
			if o == nil {
				o = &observation{}
				s.fields[k] = o
			}
			o.pairs++
			if moved {
				o.differing++
			}
		})
	}
}

// Profile adds the fields that a profile says vary.
func (s *Study) Profile(dev *profiles.Device) {
	for _, c := range dev.Captures {
		for i := range dev.Services {
			svc := &dev.Services[i]
			for _, f := range svc.Common().Volatile {
				s.volatile[fieldKey{c.Server, svc.Protocol, f.Path}] = true
			}
		}
	}
}

// saysUnasked says whether the server was recorded to say such things unasked.
func (s *Study) saysUnasked(server netip.AddrPort, m wire.Message) bool {
	class, _ := wire.Class(m)
	return s.unasked[unaskedKey{server, class}]
}

// mayVary says whether a field was seen to vary by itself: more often than not between two answers to one
// question. A page that was changed once does not make its length vary.
func (s *Study) mayVary(x *capture.Exchange, path string) bool {
	k := fieldKey{x.Server.Addr().String(), x.Protocol.Name(), path}
	o := s.fields[k]
	return s.volatile[k] || o != nil && o.differing > 0 && o.differing*2 >= o.pairs
}

// lastOf is the index of a connection's last exchange; -1: not known.
func (s *Study) lastOf(conn uint64) int {
	if i, ok := s.last[conn]; ok {
		return i
	}
	return -1
}
