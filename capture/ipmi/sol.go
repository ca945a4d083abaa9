package ipmi

import "ringer/capture/wire"

// SOL is a piece of a serial console in a session (section 15.9).
type SOL struct {
	RMCP      `wire:"-"`
	Session   `wire:"-"`
	Sequence  uint8  `wire:"count"` // 0: nothing but an acknowledgement
	AckOf     uint8  `wire:"count"`
	Accepted  uint8  `wire:"count"` // characters
	Operation uint8  // or status
	Text      []byte `show:"text"`
}

// Class: what is typed on a console may do anything.
func (*SOL) Class() (string, wire.Effect) { return "SOL", wire.Control }

func readSOL(head RMCP, s Session, b []byte) wire.Message {
	if len(b) < 4 {
		return nil
	}
	return &SOL{head, s, b[0], b[1], b[2], b[3], append([]byte(nil), b[4:]...)}
}

func (m *SOL) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*SOL) payload() Payload { return PayloadSOL }
func (m *SOL) appendPayload(b []byte) ([]byte, error) {
	return append(append(b, m.Sequence, m.AckOf, m.Accepted, m.Operation), m.Text...), nil
}
