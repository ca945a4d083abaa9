package clone

import (
	"bufio"
	"strconv"

	"ringer/capture"
	"ringer/capture/wire"
)

// evidenceFile holds where each fact was seen first: one JSON object a line,
// {"fact":"modbus-502 u1 holding 40","cap":"c9f2c1a00","pkt":[1042,1044]}.
const evidenceFile = "evidence.jsonl"

type evidence struct {
	capture string
	facts   []fact
}

type fact struct {
	name    string
	packets [2]int
}

// Saw records that an exchange showed a fact for the first time. The name begins with what the fact is
// about, as the profile writes it.
func (s *Service) Saw(name string, x *capture.Exchange) {
	s.evidence.facts = append(s.evidence.facts, fact{name, x.Packets})
}

func writeEvidence(out *Output, all []*evidence) error {
	n := 0
	for _, e := range all {
		n += len(e.facts)
	}
	if n == 0 {
		return nil
	}
	f, err := out.Create(evidenceFile)
	if err != nil {
		return err
	}
	out.Device.Evidence = evidenceFile
	w := bufio.NewWriter(f)
	var b []byte
	for _, e := range all {
		for _, x := range e.facts {
			b = wire.AppendQuoted(append(b[:0], `{"fact":`...), x.name)
			b = wire.AppendQuoted(append(b, `,"cap":`...), e.capture)
			b = strconv.AppendInt(append(b, `,"pkt":[`...), int64(x.packets[0]), 10)
			b = strconv.AppendInt(append(b, ','), int64(x.packets[1]), 10)
			b = append(b, "]}\n"...)
			if _, err := w.Write(b); err != nil {
				f.Close()
				return err
			}
		}
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
