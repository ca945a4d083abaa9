package capture

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// A Survey is what is in a recording, without learning from it: which devices speak what, how much of it
// is there, and what was not understood.
type Survey struct {
	Files    []string   `json:"files,omitempty"`
	Packets  int64      `json:"packets"`
	Bytes    int64      `json:"bytes"`
	First    time.Time  `json:"first,omitzero"`
	Last     time.Time  `json:"last,omitzero"`
	Services []*Service `json:"services"`
	Unknown  []*Service `json:"unknown,omitempty"`

	Fragments    int64    `json:"fragments,omitempty"`    // of IP packets
	UnknownLinks int64    `json:"unknownLinks,omitempty"` // packets of a link type that is not read
	Warnings     []string `json:"warnings,omitempty"`

	index map[serviceKey]*Service
}

// A Service is a port of a device, and what it speaks there.
type Service struct {
	Device        netip.Addr `json:"device"`
	Transport     string     `json:"transport"`
	Port          uint16     `json:"port"`
	Protocol      string     `json:"protocol,omitempty"` // of an unknown one: what it looks like, or what usually uses the port ("dnp3?")
	Connections   int64      `json:"connections"`
	Clients       int        `json:"clients"`
	Exchanges     int64      `json:"exchanges,omitempty"`
	Unanswered    int64      `json:"unanswered,omitempty"` // the device was silent
	Unasked       int64      `json:"unasked,omitempty"`    // the device spoke first
	Lost          int64      `json:"lost,omitempty"`       // exchanges whose replies or requests are not in the recording
	LostBytes     int64      `json:"lostBytes,omitempty"`
	NotUnderstood int64      `json:"notUnderstood,omitempty"` // times that bytes were not of the protocol
	FromClients   int64      `json:"fromClients"`             // bytes
	FromDevice    int64      `json:"fromDevice"`
	First         time.Time  `json:"first"`
	Last          time.Time  `json:"last"`

	TLS *Secured `json:"tls,omitempty"` // nil: spoken in the clear

	clients map[netip.Addr]struct{}
}

type serviceKey struct {
	server   netip.AddrPort
	udp      bool
	protocol string
	known    bool
}

const (
	servicesMax = 16384 // beyond, unknown ports are not listed one by one
	clientsMax  = 1024
	warningsMax = 100
)

func (s *Survey) start(name string) {
	if name != "" {
		s.Files = append(s.Files, name)
	}
}

func (s *Survey) packet(p *packet) {
	s.Packets++
	s.Bytes += int64(p.length)
	if t := time.Unix(0, p.at).UTC(); s.First.IsZero() || t.Before(s.First) {
		s.First = t
	}
	if t := time.Unix(0, p.at).UTC(); t.After(s.Last) {
		s.Last = t
	}
}

func (s *Survey) warning(err error) {
	if len(s.Warnings) < warningsMax {
		s.Warnings = append(s.Warnings, err.Error())
	}
}

// service is the entry of a flow whose protocol is decided, nil without a survey.
func (s *Survey) service(f *flow) *Service {
	if s == nil {
		return nil
	}
	return s.entry(f, f.talk.server, f.talk.protocol.Name(), true)
}

func (s *Survey) entry(f *flow, server int, protocol string, known bool) *Service {
	k := serviceKey{f.addrs[server], f.key.udp, protocol, known}
	if f.notifies {
		k.server = netip.AddrPortFrom(k.server.Addr(), portNotifications)
	}
	e := s.index[k]
	if e == nil {
		if !known && len(s.index) >= servicesMax {
			return nil
		}
		e = &Service{Device: k.server.Addr(), Transport: f.transport(), Port: k.server.Port(), Protocol: protocol, clients: map[netip.Addr]struct{}{}}
		if s.index == nil {
			s.index = map[serviceKey]*Service{}
		}
		s.index[k] = e
		if known {
			s.Services = append(s.Services, e)
		} else {
			s.Unknown = append(s.Unknown, e)
		}
	}
	e.Connections++
	if len(e.clients) < clientsMax {
		e.clients[f.addrs[1-server].Addr()] = struct{}{}
		e.Clients = len(e.clients)
	}
	return e
}

// count adds a complete exchange to its service.
func (f *flow) count(e *Exchange) {
	s := f.entry
	if s == nil {
		return
	}
	switch {
	case e.Lost:
		s.Lost++
	case e.Request == nil:
		s.Unasked++
	default:
		s.Exchanges++
		if len(e.Replies) == 0 {
			s.Unanswered++
		}
	}
	s.seen(e.At)
}

func (s *Service) seen(t time.Time) {
	if s.First.IsZero() || t.Before(s.First) {
		s.First = t
	}
	if t.After(s.Last) {
		s.Last = t
	}
}

// account adds what is known of a flow when it ends.
func (f *flow) account() {
	s := f.a.survey
	if s == nil || f.payload[0]+f.payload[1] == 0 {
		return
	}
	e, server := f.entry, 0
	if f.toAll && e == nil {
		return
	}
	if f.talk != nil {
		server = f.talk.server
		e.NotUnderstood += int64(f.talk.errors)
	} else if e == nil {
		if server = f.likelyServer(); !f.a.wantedServer(f.addrs[server]) {
			return
		}
		if e = s.entry(f, server, f.guess(server), false); e == nil {
			return
		}
		e.seen(time.Unix(0, f.lastAt).UTC())
	}
	e.FromClients += f.payload[1-server]
	e.FromDevice += f.payload[server]
	e.LostBytes += f.gaps
	if f.tls != nil {
		e.secured(f.tls)
	}
	f.payload, f.gaps, f.entry = [2]int64{}, 0, nil
}

func (s *Survey) finish(a *assembly) {
	s.Fragments += a.unwrap.stats.fragmented
	for _, n := range a.unwrap.unknown {
		s.UnknownLinks += n
	}
	for _, list := range [][]*Service{s.Services, s.Unknown} {
		slices.SortFunc(list, func(x, y *Service) int {
			return cmp.Or(x.Device.Compare(y.Device), cmp.Compare(x.Transport, y.Transport), cmp.Compare(x.Port, y.Port), cmp.Compare(x.Protocol, y.Protocol))
		})
	}
}
