package clone

import (
	"cmp"
	"fmt"
	"slices"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A Source is the recording or crawl that exchanges come from.
type Source struct {
	ID      string // its id in the profile
	Capture profiles.Capture
}

// A Learning is one device being learned from one source: exchanges go in as they are read.
type Learning struct {
	src      Source
	opt      Options
	services map[serviceKey]*serviceLearning
	made     map[string]newLearner
	spill    *profiles.Spill // of all services; Finish closes it
	turns    turns
	packets  [2]int // the first and the last one of the recording
	coupled  []*coupled
	couples  []Couple
}

type serviceKey struct {
	port      uint16
	transport string
	protocol  string
}

type serviceLearning struct {
	Service
	learner learner
	spoke   bool // the device ever said anything
	tls     tlsLearning
}

// NewLearning begins to learn a device.
func NewLearning(src Source, opt Options) *Learning {
	return &Learning{src: src, opt: opt, services: map[serviceKey]*serviceLearning{}, made: learners(), spill: profiles.NewSpill()}
}

// From says what the exchanges were from, where that is known only after they were read: a recording is
// called by its content.
func (l *Learning) From(src Source) {
	src.Capture.From, src.Capture.To = l.src.Capture.From, l.src.Capture.To
	l.src = src
}

// Add learns from one exchange. Exchanges come in the order asked.
func (l *Learning) Add(x *capture.Exchange) {
	k := serviceKey{x.Server.Port(), x.Transport, x.Protocol.Name()}
	s := l.services[k]
	if s == nil {
		s = &serviceLearning{Service: Service{
			Protocol: k.protocol, Port: profiles.Port{Number: k.port, UDP: k.transport == "udp"},
			Record: newRecorder(x.Protocol, l.spill), Options: &l.opt,
			latency: map[string]*profiles.Sketch{}, evidence: newEvidence(l.spill), spill: l.spill,
		}}
		if !l.opt.NoCouple {
			s.beside = &beside{turns: &l.turns}
		}
		if n, ok := l.made[k.protocol]; ok {
			s.learner = n(&s.Service)
		} else {
			s.learner = onlyRecorded{s.Record}
		}
		l.services[k] = s
	}
	if c := &l.src.Capture; !x.At.IsZero() {
		if c.From.IsZero() || x.At.Before(c.From) {
			c.From = x.At.UTC()
		}
		if x.At.After(c.To) {
			c.To = x.At.UTC()
		}
	}
	if x.Request != nil && len(x.Replies) > 0 && x.Latency > 0 {
		class, _ := wire.Class(x.Request)
		q := s.latency[class]
		if q == nil {
			q = &profiles.Sketch{}
			s.latency[class] = q
		}
		q.Add(x.Latency)
	}
	if x.TLS != nil {
		s.tls.add(x.TLS)
	}
	s.spoke = s.spoke || len(x.Replies) > 0
	l.turns.take(&s.Service, x.At)
	if l.packets[0] == 0 || x.Packets[0] < l.packets[0] {
		l.packets[0] = x.Packets[0]
	}
	l.packets[1] = max(l.packets[1], x.Packets[1])
	s.learner.Learn(x)
}

// Finish adds what was learned to the device and writes its bulk. The Learning is of no use afterwards.
func (l *Learning) Finish(out *Output) error {
	defer l.spill.Close()
	if err := l.spill.Err(); err != nil {
		return err
	}
	if err := l.finish(out); err != nil {
		return err
	}
	return l.spill.Err() // of reading
}

func (l *Learning) finish(out *Output) error {
	dev := out.Device
	if dev.APIVersion == "" {
		dev.APIVersion, dev.Kind = profiles.APIVersion, profiles.Kind
	}
	keys := make([]serviceKey, 0, len(l.services))
	for k := range l.services {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b serviceKey) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.transport, b.transport), cmp.Compare(a.protocol, b.protocol))
	})
	speaks := false
	for _, s := range l.services {
		speaks = speaks || s.spoke
	}
	var facts []*evidence
	all := make([]*serviceLearning, len(keys))
	for i, k := range keys {
		all[i] = l.services[k]
	}
	l.couple(all)
	sections := map[*Service]profiles.Section{}
	for _, k := range keys {
		s := l.services[k]
		if !s.spoke && speaks {
			continue // that something was asked is no sign of a service; of a device that never answers, it is all there is
		}
		s.Capture, s.evidence.capture = l.src.ID, l.src.ID
		s.twin = s.Port.UDP && l.services[serviceKey{k.port, "tcp", k.protocol}] != nil
		section, err := s.learner.Finish(out)
		if err != nil {
			return fmt.Errorf("learning %s on port %s: %w", k.protocol, s.Port, err)
		}
		if section == nil {
			continue
		}
		sections[&s.Service] = section
		svc := profiles.Service{Protocol: k.protocol, Section: section}
		c := svc.Common()
		c.Port = s.Port
		if name, err := s.Record.finish(out, s.Name()); err != nil {
			return err
		} else if name != "" {
			c.Recordings = append(c.Recordings, name)
		}
		if c.TLS, err = s.tls.finish(out, s.Name()); err != nil {
			return fmt.Errorf("learning %s on port %s: %w", k.protocol, s.Port, err)
		}
		for class, q := range s.latency {
			if c.Latency == nil {
				c.Latency = map[string]profiles.Latency{}
			}
			c.Latency[class] = q.Latency()
		}
		dev.Services = append(dev.Services, svc)
		facts = append(facts, s.evidence)
	}
	l.placed(dev, sections)
	l.coupledHost(dev, sections)
	if dev.Captures == nil {
		dev.Captures = map[string]profiles.Capture{}
	}
	dev.Captures[l.src.ID] = l.src.Capture
	return writeEvidence(out, facts)
}

// onlyRecorded learns a protocol that has no cells.
type onlyRecorded struct{ rec *Recorder }

func (o onlyRecorded) Learn(x *capture.Exchange) { o.rec.Keep(x) }
func (o onlyRecorded) Finish(*Output) (profiles.Section, error) {
	if o.rec.Len() == 0 {
		return nil, nil
	}
	return &profiles.Recorded{}, nil
}
