package emulate

import (
	"strings"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// The texts of DCMI, the asset tag and the controller's name, are read in pieces (DCMI v1.5, sections 6.4.2
// and 6.4.6): what was recorded of them answers other pieces, too.

const (
	dcmiGetTag  = 0x06
	dcmiSetTag  = 0x08
	dcmiGetName = 0x09
	dcmiSetName = 0x0a
	dcmiTextMax = 64
	dcmiPiece   = 16
)

// loadTexts puts together the pieces that were recorded.
func (s *ipmiService) loadTexts() {
	s.texts = map[uint8][]byte{}
	for cell, c := range s.cells {
		t, ask, ok, _ := profiles.ParseIPMICell(cell)
		if !ok || t.NetFn != ipmi.Group || t.Cmd != dcmiGetTag && t.Cmd != dcmiGetName || len(ask) != 3 ||
			ask[0] != ipmi.DCMIGroup || strings.HasPrefix(cell, profiles.IPMIOutside) {
			continue
		}
		v, _ := c.Peek(s.st)
		if len(v) < 3 || v[0] != byte(ipmi.CodeOK) || v[2] > dcmiTextMax {
			continue
		}
		text := s.texts[t.Cmd]
		if text == nil {
			text = make([]byte, v[2])
		}
		if int(ask[1]) < len(text) {
			copy(text[ask[1]:], v[3:])
		}
		s.texts[t.Cmd] = text
	}
}

// text answers for the texts.
func (s *ipmiService) text(q *ipmi.Command, data []byte) (ipmi.Code, ipmi.Body, bool) {
	if q.NetFn != ipmi.Group || len(data) < 3 || data[0] != ipmi.DCMIGroup {
		return 0, nil, false
	}
	cmd := q.Cmd
	switch cmd {
	case dcmiSetTag:
		cmd = dcmiGetTag
	case dcmiSetName:
		cmd = dcmiGetName
	}
	text, ok := s.texts[cmd]
	if !ok {
		return 0, nil, false
	}
	at, n := int(data[1]), int(data[2])
	switch {
	case n > dcmiPiece || at+n > dcmiTextMax:
		return ipmi.ParameterOutOfRange, nil, true
	case cmd == q.Cmd && at > len(text):
		return ipmi.ParameterOutOfRange, nil, true
	case cmd == q.Cmd:
		return ipmi.CodeOK, ipmi.Data(append([]byte{ipmi.DCMIGroup, byte(len(text))}, text[at:min(at+n, len(text))]...)), true
	case len(data) != 3+n:
		return ipmi.DataLengthInvalid, nil, true
	}
	changed := append([]byte(nil), text[:min(at, len(text))]...)
	for len(changed) < at {
		changed = append(changed, 0)
	}
	s.texts[cmd] = append(changed, data[3:]...)
	return ipmi.CodeOK, ipmi.Data{ipmi.DCMIGroup, byte(len(s.texts[cmd]))}, true
}
