// Package clone makes profiles: it asks live devices, and learns from exchanges, be they asked or recorded.
//
// Every protocol has one learner. What its cells cannot express is kept whole by a Recorder (recorder.go),
// which is also all there is to protocols without a learner of their own.
package clone

import (
	"fmt"
	"io"
	"iter"
	"time"

	"ringer/capture"
	"ringer/profiles"
)

// A learner gathers what the exchanges of one service of one device say.
type learner interface {
	// Learn takes the exchanges in the order asked. x.Request is nil for what was said unasked.
	Learn(x *capture.Exchange)
	// Finish gives the service's section and writes its bulk. A nil section: there was nothing to learn.
	Finish(out *Output) (profiles.Section, error)
}

// A newLearner makes the learner of a service. rec keeps what is not expressed in cells.
type newLearner func(s *Service) learner

// learners lists the protocols that learn more than recordings.
func learners() map[string]newLearner {
	return map[string]newLearner{
		"bacnet":     newBACnetLearner,
		"http":       newHTTPLearner,
		"ipmi":       newIPMILearner,
		"s7":         newS7Learner,
		"snmp":       newSNMPLearner,
		"enip":       newENIPLearner,
		"modbus":     newModbusLearner,
		"modbus-rtu": newModbusLearner,
	}
}

// A Service is what learners know of what they learn about.
type Service struct {
	Protocol string
	Port     profiles.Port
	Capture  string // the capture's id, for names of bulk files: "modbus-502-" + Capture
	Record   *Recorder
	Options  *Options
	latency  map[string]*profiles.Sketch
	evidence *evidence
	spill    *profiles.Spill // takes what is too much for memory
	beside   *beside         // what is compared with other services
	twin     bool            // over UDP, and the same is served on that port over TCP
}

// Name is a stem for the names of the service's bulk files.
func (s *Service) Name() string {
	if s.twin {
		return fmt.Sprintf("%s-%dudp-%s", s.Protocol, s.Port.Number, s.Capture)
	}
	return fmt.Sprintf("%s-%d-%s", s.Protocol, s.Port.Number, s.Capture)
}

// Options say how to learn.
type Options struct {
	KeepSecrets bool      // leave passwords, communities and tokens as they were seen
	Salt        []byte    // of the verifiers; empty: random
	Now         time.Time // when a live scan was made; zero for captures
	NoCouple    bool      // what moves alike in two protocols stays two things
}

// Learn learns one device from all exchanges of seq, which are its own.
func Learn(dev *profiles.Device, seq iter.Seq2[capture.Exchange, error], src Source, opt Options, create func(string) (io.WriteCloser, error)) error {
	l := NewLearning(src, opt)
	var damage error
	for x, err := range seq {
		if err != nil {
			damage = err
			continue
		}
		l.Add(&x)
	}
	if err := l.Finish(&Output{dev, create}); err != nil {
		return err
	}
	return damage
}
