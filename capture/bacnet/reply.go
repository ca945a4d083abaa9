package bacnet

import (
	"bytes"

	"ringer/capture/wire"
)

// Reply is the way back of a request: a unicast to who asked, by way of the router if there is one.
func Reply(q *Header) (h Header) {
	h.Link.Function = OriginalUnicast
	if s, ok := q.Network.From(); ok {
		h.Network.To(s)
	}
	if d := q.Network.Destination; q.Network.Routed() && d.Network != EveryNetwork && len(d.MAC) > 0 {
		h.Network.ComesFrom(d)
	}
	return h
}

// Equal says whether two headers say the same, hop counts aside.
func (h *Header) Equal(other *Header) bool {
	return h.Link.Function == other.Link.Function && h.Link.wrong == other.Link.wrong && h.Network.Control == other.Network.Control &&
		h.Network.Destination.Equal(&other.Network.Destination) && h.Network.Source.Equal(&other.Network.Source)
}

func (s *Station) Equal(other *Station) bool {
	return s.Network == other.Network && bytes.Equal(s.MAC, other.MAC)
}

// Password is what a request to silence or restart a device carries; nil: nothing.
func Password(m *ConfirmedRequest) *Text {
	switch p := m.Parameters.(type) {
	case *CommunicationControlRequest:
		return p.Password
	case *ReinitializeRequest:
		return p.Password
	}
	return nil
}

// WithPassword is the request with another password.
func WithPassword(m *ConfirmedRequest, password Text) *ConfirmedRequest {
	n := *m
	switch p := m.Parameters.(type) {
	case *CommunicationControlRequest:
		q := *p
		q.Password = &password
		n.Parameters = &q
	case *ReinitializeRequest:
		q := *p
		q.Password = &password
		n.Parameters = &q
	}
	return &n
}

// AppendTextContent appends an application-tagged character string.
func AppendTextContent(b []byte, t Text) []byte { return appendContent(b, uint8(TagText), false, t) }

// HasForm says whether the parameters of a service's requests are known.
func HasForm(s ConfirmedService) bool { return s.forms().request != nil }

// Understood is a request's parameters also where they are not encoded in the shortest way, which Opaque
// keeps as they are.
func Understood(q wire.Message) wire.Message {
	switch m := q.(type) {
	case *ConfirmedRequest:
		if p := understood(m.Parameters, m.Service.forms().request); p != nil && !m.Segmented {
			n := *m
			n.Parameters = p
			return &n
		}
	case *UnconfirmedRequest:
		if p := understood(m.Parameters, m.Service.form()); p != nil {
			n := *m
			n.Parameters = p
			return &n
		}
	}
	return q
}

func understood(p Parameters, form func() Parameters) Parameters {
	o, ok := p.(*Opaque)
	if !ok || form == nil {
		return nil
	}
	if q := form(); readParameters(*o, q) {
		return q
	}
	return nil
}
