package clone

import "ringer/capture/ipmi"

// An ipmiSensor is a sensor of the controller's own.
type ipmiSensor struct {
	number, lun byte
	threshold   bool
	nonlinear   bool
}

// ownSensors are those that records name. One record may stand for several.
func (a *ipmiTour) ownSensors() (all []ipmiSensor, elsewhere int) {
	seen := map[[2]byte]bool{}
	for _, r := range a.found {
		kind := r.kind()
		if kind != sdrFull && kind != sdrCompact && kind != sdrEventOnly || len(r) < 14 {
			continue
		}
		if r[5] != ipmi.BMCAddress {
			elsewhere++
			continue
		}
		if kind == sdrEventOnly {
			continue // it shows nothing
		}
		s := ipmiSensor{number: r[7], lun: r[6] & 3, threshold: r[13] == 1, nonlinear: kind == sdrFull && len(r) > 23 && r[23]&0x7f >= 0x70}
		shared := 1
		if kind == sdrCompact && len(r) > 23 {
			shared = max(1, int(r[23]&0xf))
		}
		for range shared {
			if !seen[[2]byte{s.number, s.lun}] {
				seen[[2]byte{s.number, s.lun}] = true
				all = append(all, s)
			}
			s.number++
		}
	}
	return all, elsewhere
}

// sensors asks for all of each sensor but what it shows.
func (a *ipmiTour) sensors() error {
	all, elsewhere := a.ownSensors()
	if elsewhere > 0 {
		a.v.Remark("ipmi", NotThere, "%d sensors of other controllers, which are asked with messages that may do more than read", elsewhere)
	}
	for _, s := range all {
		ask := func(cmd uint8, data ...byte) (ipmiAnswer, error) {
			return a.askTo(ipmi.Target{NetFn: ipmi.Sensor, LUN: s.lun, Cmd: cmd}, data...)
		}
		if s.threshold {
			if _, err := ask(0x27, s.number); err != nil {
				return err
			}
			if _, err := ask(0x25, s.number, 0xff); err != nil {
				return err
			}
		}
		for _, cmd := range []uint8{0x29, 0x2b, 0x2f} { // event enable and status, type
			if _, err := ask(cmd, s.number); err != nil {
				return err
			}
		}
		if !s.nonlinear {
			continue
		}
		for reading, n := byte(0), 0; n < 256; n++ {
			r, err := ask(0x23, s.number, reading)
			if err != nil {
				return err
			}
			if !r.has(7) || r.data[0] <= reading {
				break
			}
			reading = r.data[0]
		}
	}
	return nil
}

// motion reads the sensors, and what else moves, several times.
func (a *ipmiTour) motion() error {
	all, _ := a.ownSensors()
	a.v.Expect("ipmi", 0)
	for i := range a.Samples {
		if i > 0 && a.talk.line != nil && a.talk.line.inner != nil {
			if err := sleep(a.ctx, a.Every); err != nil {
				return err
			}
		}
		for _, s := range all {
			if _, err := a.askTo(ipmi.Target{NetFn: ipmi.Sensor, LUN: s.lun, Cmd: 0x2d}, s.number); err != nil {
				return err
			}
		}
		for _, q := range []struct {
			netFn ipmi.NetFn
			cmd   uint8
			data  []byte
		}{
			{ipmi.Storage, 0x48, nil}, {ipmi.Storage, 0x28, nil}, {ipmi.Chassis, 0x0f, nil}, {ipmi.Group, 0x02, []byte{ipmi.DCMIGroup, 1, 0, 0}},
		} {
			if _, err := a.ask(q.netFn, q.cmd, q.data...); err != nil {
				return err
			}
		}
	}
	if len(all) > 0 {
		a.v.Remark("ipmi", Fact, "%d sensors read %d times", len(all), a.Samples)
	}
	return nil
}
