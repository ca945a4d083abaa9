package clone

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// Finish writes memory as images and extents, constant status lists as files, and what moved as samples.
func (l *s7Learner) Finish(out *Output) (profiles.Section, error) {
	for _, id := range l.ended {
		l.forget(id)
	}
	section := &profiles.S7{TSAP: l.tsap, Password: l.secret}
	if l.secret != "" && !l.s.Options.KeepSecrets {
		out.Redact("S7 password", "verifier")
	} else if l.scrub && !l.s.Options.KeepSecrets {
		out.Redact("S7 password", "removed")
	}
	l.finishTSAPs(section)
	if l.clock {
		section.Clock = &profiles.S7Clock{Skew: l.skew.Round(time.Millisecond)}
	}
	l.identify(out.Device)
	l.finishRefusals(section)
	if err := l.finishLists(out, section); err != nil {
		return nil, err
	}
	return section, l.finishSamples(out, section)
}

func (l *s7Learner) finishTSAPs(section *profiles.S7) {
	var refused bool
	for t, accepted := range l.tsaps {
		if accepted {
			section.TSAP.Accept = append(section.TSAP.Accept, t)
		}
		refused = refused || !accepted
	}
	slices.Sort(section.TSAP.Accept)
	for t := range l.lost {
		if !l.tsaps[t] && section.TSAP.Refuse == "" {
			section.TSAP.Refuse, refused = "close", true
		}
	}
	if l.tsaps[s7NoRack] && len(section.TSAP.Accept) > 1 && !refused {
		section.TSAP.Accept = []string{profiles.AnyTSAP}
	}
	if section.TSAP.Refuse == "disconnect" {
		section.TSAP.Refuse = "" // as if nothing were said
	}
	if section.TSAP.PDU == 0 {
		for _, n := range []int{240, 480, 960} { // what CPUs offer
			if section.TSAP.PDU = n; n >= l.pduSeen {
				break
			}
		}
		section.TSAP.PDU = max(section.TSAP.PDU, l.pduSeen)
	}
	if t := l.cells["reference"]; t != nil && !t.Moved() {
		v := t.Last().Value
		section.TSAP.Reference = uint16(v[0])<<8 | uint16(v[1])
		delete(l.cells, "reference")
	}
}

// s7NoRack is a slot that no rack has: whoever connects to it connects to any.
const s7NoRack = "rack7slot31"

// finishLists writes the status lists that never changed as files of their own.
func (l *s7Learner) finishLists(out *Output, section *profiles.S7) error {
	for _, name := range l.order {
		t := l.cells[name]
		list, ok := strings.CutPrefix(name, "szl ")
		if !ok || t == nil || t.Moved() {
			continue
		}
		a, err := profiles.ParseS7Answer(t.Last().Value)
		if err != nil || a.More || int(a.Part) != 0 && int(a.Part) != section.TSAP.PDU-s7ListHead {
			continue
		}
		value := profiles.FormatSZLError(a)
		switch {
		case value != "":
		case a.Error == 0 && a.ReturnCode == s7comm.CodeSuccess && a.TransportSize == s7comm.DataOctets && len(a.Data) >= 8:
			value = fmt.Sprintf("szl/%s-%s.bin", l.s.Name(), strings.ReplaceAll(list, "/", "-"))
			if err := out.file(value, a.Data); err != nil {
				return err
			}
		default:
			continue
		}
		if section.SZL == nil {
			section.SZL = map[string]string{}
		}
		section.SZL[list] = value
		delete(l.cells, name)
	}
	return nil
}

// s7ListHead is what a PDU with userdata has beside the data.
const s7ListHead = 26

// finishSamples writes the images of areas, and the samples of what moved.
func (l *s7Learner) finishSamples(out *Output, section *profiles.S7) error {
	f := out.samples(l.s.Name())
	l.finishNumbers(f)
	if err := l.finishAreas(out, section, f); err != nil {
		return err
	}
	for _, name := range l.order {
		if t := l.cells[name]; t != nil {
			f.add(name, nil, t)
		}
	}
	var err error
	section.Samples, err = f.close()
	return err
}

func (l *s7Learner) finishAreas(out *Output, section *profiles.S7, f *sampleFile) error {
	areas := make([]s7Area, 0, len(l.memory))
	for a := range l.memory {
		areas = append(areas, a)
	}
	slices.SortFunc(areas, func(a, b s7Area) int { return cmp.Or(cmp.Compare(a.area, b.area), cmp.Compare(a.db, b.db)) })
	for _, a := range areas {
		m := l.memory[a]
		image := make([]byte, m.end)
		var known []string
		from := -1
		for offset := range m.end + 1 {
			var t *profiles.Track
			if p := m.pages[offset/s7Page]; p != nil {
				t = &p[offset%s7Page]
			}
			if t == nil || t.Runs() == 0 {
				if from >= 0 {
					known = append(known, span(from, offset-1))
				}
				from = -1
				continue
			}
			if from < 0 {
				from = offset
			}
			image[offset] = t.Last().Value[0]
			if t.Moved() {
				f.add(fmt.Sprintf("%s.%d", a, offset), m.goesOn(offset), t)
			}
		}
		area := &profiles.S7Area{Size: m.end, Known: known}
		if len(known) == 1 && known[0] == span(0, m.end-1) {
			area.Known = nil
		}
		if a.area.Counted() {
			area.Size = (m.end + 1) / 2
		}
		if len(bytes.Trim(image, "\x00")) > 0 {
			area.Image = fmt.Sprintf("blocks/%s-%s.bin", l.s.Name(), a)
			if err := out.file(area.Image, image); err != nil {
				return err
			}
		}
		if section.Areas == nil {
			section.Areas = map[string]*profiles.S7Area{}
		}
		section.Areas[a.String()] = area
	}
	return nil
}

func span(from, to int) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d-%d", from, to)
}
