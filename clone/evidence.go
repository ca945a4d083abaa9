package clone

import (
	"encoding/binary"
	"strconv"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// evidenceFile holds where each fact was seen first: one JSON object a line,
// {"fact":"modbus-502 u1 holding 40","cap":"c9f2c1a00","pkt":[1042,1044]}.
const evidenceFile = "evidence.jsonl"

// Facts are kept in a track: each is a run of its own, two numbers of packets and the name.
type evidence struct {
	capture string
	facts   profiles.Track
	buf     []byte
}

func newEvidence(spill *profiles.Spill) *evidence {
	e := &evidence{}
	e.facts.SpillTo(spill)
	return e
}

// Saw records that an exchange showed a fact for the first time. The name begins with what the fact is
// about, as the profile writes it.
func (s *Service) Saw(name string, x *capture.Exchange) {
	e := s.evidence
	e.buf = binary.AppendVarint(e.buf[:0], int64(x.Packets[0]))
	e.buf = binary.AppendVarint(e.buf, int64(x.Packets[1]))
	e.buf = append(e.buf, name...)
	e.facts.Add(e.buf, true)
}

func writeEvidence(out *Output, all []*evidence) error {
	f := out.bulk(evidenceFile)
	var b []byte
	for _, e := range all {
		for c := e.facts.Cursor(); ; {
			r, ok := c.Next()
			if !ok {
				break
			}
			first, n := binary.Varint(r.Value)
			last, m := binary.Varint(r.Value[n:])
			b = wire.AppendQuoted(append(b[:0], `{"fact":`...), string(r.Value[n+m:]))
			b = wire.AppendQuoted(append(b, `,"cap":`...), e.capture)
			b = strconv.AppendInt(append(b, `,"pkt":[`...), first, 10)
			b = strconv.AppendInt(append(b, ','), last, 10)
			b = append(b, "]}\n"...)
			f.Write(b)
		}
	}
	var err error
	out.Device.Evidence, err = f.close()
	return err
}
