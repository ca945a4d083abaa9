package clone

import (
	"slices"

	"ringer/capture/ipmi"
)

// ipmiPlainQuestions are those that each stand for themselves: what the controller is, and how it, the
// chassis and the host are doing.
var ipmiPlainQuestions = []struct {
	netFn ipmi.NetFn
	cmd   uint8
	data  []byte
}{
	{ipmi.App, 0x01, nil},                              // device id
	{ipmi.App, 0x04, nil},                              // self test
	{ipmi.App, 0x07, nil},                              // ACPI power state
	{ipmi.App, 0x08, nil},                              // device GUID
	{ipmi.App, 0x37, nil},                              // system GUID
	{ipmi.App, 0x25, nil},                              // watchdog
	{ipmi.App, 0x2f, nil},                              // global enables
	{ipmi.App, 0x31, nil},                              // message flags
	{ipmi.App, 0x3d, []byte{0}},                        // this session
	{ipmi.App, 0x4a, []byte{1}},                        // consoles in use
	{ipmi.Chassis, 0x00, nil},                          // capabilities
	{ipmi.Chassis, 0x01, nil},                          // status
	{ipmi.Chassis, 0x06, []byte{3}},                    // power restore policies, which this does not change
	{ipmi.Chassis, 0x07, nil},                          // restart cause
	{ipmi.Chassis, 0x0f, nil},                          // hours
	{ipmi.Group, 0x00, []byte{ipmi.PICMGGroup}},        // PICMG, which ipmitool asks everybody
	{ipmi.Group, 0x3e, []byte{ipmi.VITAGroup}},         // and VITA
	{ipmi.App, 0x38, []byte{ipmiThisChannel, 4}},       // as clients ask in a session, too
	{ipmi.App, 0x38, []byte{ipmiThisChannel | 128, 4}}, //
	{ipmi.Sensor, 0x15, nil},                           // last event that was looked at
}

// questions asks them, and the boot options.
func (a *ipmiTour) questions() error {
	for _, q := range ipmiPlainQuestions {
		if _, err := a.ask(q.netFn, q.cmd, q.data...); err != nil {
			return err
		}
	}
	return a.parameters(ipmi.Chassis, 0x09, nil, ipmiBootSets, ipmiSpan{0, 7}, ipmiSpan{96, 127})
}

// An ipmiSpan is a range of parameters: those of the specification, and those of makers.
type ipmiSpan struct{ first, last byte }

// An ipmiSets says which parameters come in sets and blocks. Their count is given by another parameter, or
// they go on until one is refused.
type ipmiSets map[byte]struct {
	count byte // parameter with how many; 0: until one is refused
	mask  byte
	least byte // the first after set 0
	most  byte
	block bool // it comes in blocks, too
}

// The parameters that come in sets (tables 23-4, 28-14, 30-5).
var (
	ipmiBootSets = ipmiSets{7: {most: 1, least: 1, block: true}}
	ipmiLANSets  = ipmiSets{
		18: {count: 17, mask: 0xf, least: 1, most: 15}, 19: {count: 17, mask: 0xf, least: 1, most: 15}, 25: {count: 17, mask: 0xf, least: 1, most: 15},
		56: {least: 1, most: 15}, 57: {least: 1, most: 15}, 59: {least: 1, most: 15}, 60: {least: 1, most: 15},
	}
	ipmiPEFSets = ipmiSets{
		6: {count: 5, mask: 0x7f, least: 1, most: 127}, 7: {count: 5, mask: 0x7f, least: 1, most: 127}, 9: {count: 8, mask: 0x7f, least: 1, most: 127},
		12: {count: 11, mask: 0x7f, least: 1, most: 127}, 13: {count: 11, mask: 0x7f, least: 1, most: 127, block: true},
	}
)

// parameters asks for all parameters of a kind. Data stands before the parameter.
func (a *ipmiTour) parameters(n ipmi.NetFn, cmd uint8, data []byte, sets ipmiSets, spans ...ipmiSpan) error {
	counts := map[byte]byte{}
	for _, s := range spans {
		for p := int(s.first); p <= int(s.last); p++ {
			param := byte(p)
			get := func(set, block byte) (ipmiAnswer, error) {
				return a.ask(n, cmd, append(slices.Clone(data), param, set, block)...)
			}
			r, err := get(0, 0)
			if err != nil {
				return err
			}
			if r.missing() {
				return nil
			}
			if r.has(2) {
				counts[param] = r.data[len(r.data)-1]
			}
			of, some := sets[param]
			if !some || !r.heard {
				continue
			}
			most := of.most
			if of.count != 0 {
				most = min(most, counts[of.count]&of.mask)
			}
			for set := int(of.least); set <= int(most)+1; set++ { // and how it refuses one that is not there
				r, err := get(byte(set), 0)
				if err != nil {
					return err
				}
				if !r.ok() && of.count == 0 {
					break
				}
				for block := byte(1); of.block && block <= ipmiBlocksMost; block++ {
					if r, err = get(byte(set), block); err != nil {
						return err
					}
					if !r.ok() {
						break
					}
				}
			}
		}
	}
	return nil
}

// ipmiBlocksMost is how many blocks a parameter has at most.
const ipmiBlocksMost = 8

// An ipmiChannel is one that is there.
type ipmiChannel struct {
	number byte
	medium byte
}

// mediumLAN is 802.3 LAN (table 6-3); others that have sessions are asked the same.
const ipmiMediumLAN = 4

// channels asks what channels there are, and all about them.
func (a *ipmiTour) channels() error {
	for n := range byte(16) {
		if n == 0x0c || n == 0x0d { // reserved
			continue
		}
		r, err := a.ask(ipmi.App, 0x42, n)
		switch {
		case err != nil:
			return err
		case r.missing():
			return nil
		case !r.has(2) || n == ipmiThisChannel:
			continue
		}
		a.chans = append(a.chans, ipmiChannel{n, r.data[1] & 0x7f})
	}
	for _, c := range a.chans {
		for _, q := range []struct {
			cmd  uint8
			data []byte
		}{
			{0x41, []byte{c.number, 0x40}}, {0x41, []byte{c.number, 0x80}}, // access: kept, and now
			{0x4e, []byte{c.number}},                                                              // payloads
			{0x4f, []byte{c.number, 0}}, {0x4f, []byte{c.number, 1}}, {0x38, []byte{c.number, 4}}, // their versions
		} {
			if _, err := a.ask(ipmi.App, q.cmd, q.data...); err != nil {
				return err
			}
		}
		if c.medium != ipmiMediumLAN {
			continue
		}
		if _, err := a.cipherSuites(c.number); err != nil {
			return err
		}
		if err := a.parameters(ipmi.Transport, 0x02, []byte{c.number}, ipmiLANSets, ipmiSpan{0, 26}, ipmiSpan{50, 67}, ipmiSpan{192, 255}); err != nil {
			return err
		}
		if err := a.parameters(ipmi.Transport, 0x22, []byte{c.number}, nil, ipmiSpan{0, 8}); err != nil {
			return err
		}
		if _, err := a.ask(ipmi.Transport, 0x04, c.number, 0); err != nil { // statistics, not cleared
			return err
		}
	}
	return a.parameters(ipmi.Transport, 0x22, []byte{ipmiThisChannel}, nil, ipmiSpan{0, 8})
}

// users asks for the slots of users: their names, and what they may do on each channel.
func (a *ipmiTour) users() error {
	lan := []byte{ipmiThisChannel}
	for _, c := range a.chans {
		if c.medium == ipmiMediumLAN {
			lan = append(lan, c.number)
		}
	}
	most, named := byte(0), 0
	for _, channel := range lan {
		slots := byte(1)
		for slot := byte(1); slot <= slots; slot++ {
			r, err := a.ask(ipmi.App, 0x44, channel, slot)
			if err != nil {
				return err
			}
			if r.missing() {
				return nil
			}
			if r.has(4) && slot == 1 {
				slots = r.data[0] & 0x3f
				most = max(most, slots)
			}
			if _, err := a.ask(ipmi.App, 0x4d, channel, slot); err != nil {
				return err
			}
		}
	}
	for slot := byte(1); slot <= most; slot++ {
		r, err := a.ask(ipmi.App, 0x46, slot)
		if err != nil {
			return err
		}
		if r.has(1) && r.data[0] != 0 {
			named++
		}
	}
	a.v.Remark("ipmi", Fact, "%d slots of users, %d with a name", most, named)
	return nil
}

// filters asks for the event filters (section 30).
func (a *ipmiTour) filters() error {
	r, err := a.ask(ipmi.Sensor, 0x10)
	if err != nil || r.missing() {
		return err
	}
	return a.parameters(ipmi.Sensor, 0x13, nil, ipmiPEFSets, ipmiSpan{0, 15})
}

// systemInfo asks for the texts about the host, sixteen bytes at a time (section 22.14b).
func (a *ipmiTour) systemInfo() error {
	for param := range byte(8) {
		length := 0
		for set := range byte(16) {
			r, err := a.ask(ipmi.App, 0x59, 0, param, set, 0)
			switch {
			case err != nil:
				return err
			case r.missing():
				return nil
			}
			if set == 0 && r.has(4) && param > 0 { // revision, set, encoding, length
				length = int(r.data[3])
			}
			if !r.ok() || 16*(int(set)+1)-2 >= length {
				break
			}
		}
	}
	return nil
}

// dcmi asks what data centers do (DCMI v1.5).
func (a *ipmiTour) dcmi() error {
	ask := func(cmd uint8, data ...byte) (ipmiAnswer, error) {
		return a.ask(ipmi.Group, cmd, append([]byte{ipmi.DCMIGroup}, data...)...)
	}
	r, err := ask(0x01, 1)
	if err != nil || r.missing() {
		return err
	}
	a.v.Remark("ipmi", Fact, "speaks DCMI")
	var periods []byte
	for param := byte(2); param <= 5; param++ {
		if r, err = ask(0x01, param); err != nil {
			return err
		}
		if param == 5 && r.has(5) {
			periods = r.data[5:]
		}
	}
	if _, err := ask(0x02, 1, 0, 0); err != nil {
		return err
	}
	for i, period := range periods {
		if i >= 16 {
			break
		}
		if _, err := ask(0x02, 2, period, 0); err != nil {
			return err
		}
	}
	if _, err := ask(0x03, 0, 0); err != nil {
		return err
	}
	for _, cmd := range []uint8{0x06, 0x09} { // asset tag, id string
		if err := a.dcmiText(cmd); err != nil {
			return err
		}
	}
	for _, entity := range []byte{0x37, 0x03, 0x07, 0x40, 0x41, 0x42} { // inlet, processors, baseboard, by either number
		for _, cmd := range []uint8{0x07, 0x10} {
			if err := a.dcmiList(cmd, entity); err != nil {
				return err
			}
		}
		if _, err := ask(0x0c, entity, 1); err != nil {
			return err
		}
	}
	for param := byte(1); param <= 5; param++ {
		if _, err := ask(0x13, param, 0); err != nil {
			return err
		}
	}
	return nil
}

// dcmiText asks for a text, sixteen bytes at a time.
func (a *ipmiTour) dcmiText(cmd uint8) error {
	for at, length := 0, 1; at < length; at += 16 {
		r, err := a.ask(ipmi.Group, cmd, ipmi.DCMIGroup, byte(at), byte(min(16, 0x40-at)))
		if err != nil || !r.has(2) {
			return err
		}
		length = min(int(r.data[1]), 0x40)
	}
	return nil
}

// dcmiList asks for the sensors of a kind, or their temperatures, eight at a time.
func (a *ipmiTour) dcmiList(cmd uint8, entity byte) error {
	for at, all := 0, 1; at < all; {
		r, err := a.ask(ipmi.Group, cmd, ipmi.DCMIGroup, 1, entity, 0, byte(at))
		if err != nil || !r.has(3) || r.data[2] == 0 {
			return err
		}
		all = int(r.data[1])
		at += int(r.data[2])
	}
	return nil
}
