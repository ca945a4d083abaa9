package emulate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// A systemLog is the log of events of a management controller (SEL). IPMI reads and writes it; Redfish shows it.
type systemLog struct {
	st       *State
	sec      *profiles.IPMI
	records  []ipmiRecord
	kept     bool // the profile has one
	most     int  // how many records fit
	last     uint16
	added    time.Time // the last event
	erased   time.Time
	offset   time.Duration // of the log's clock to the decoy's
	sensors  []logSensor
	watchers []func(logChange)
}

// A logSensor is a sensor that events can be about.
type logSensor struct {
	number, kind uint8
	name         string
}

// A logChange is what became of the log: an event more, one less, or none left.
type logChange struct {
	added   *ipmi.Event
	removed uint16
	cleared bool
}

// logOf gives the log of the device; nil: it has no IPMI service that keeps one.
func logOf(st *State, dev *profiles.Device) (*systemLog, error) {
	for i := range dev.Services {
		sec, ok := dev.Services[i].Section.(*profiles.IPMI)
		if !ok {
			continue
		}
		x, err := st.Shared("system event log", func() (any, error) {
			l := &systemLog{st: st, sec: sec, most: ipmiEvents, offset: sec.Skew}
			return l, l.load(dev)
		})
		if err != nil {
			return nil, err
		}
		return x.(*systemLog), nil
	}
	return nil, nil
}

func (l *systemLog) load(dev *profiles.Device) error {
	if l.sec.SDR != "" {
		b, err := dev.ReadFile(l.sec.SDR, ipmiFile)
		if err != nil {
			return fmt.Errorf("sdr: %w", err)
		}
		records, err := sdrRecords(b)
		if err != nil {
			return fmt.Errorf("sdr %s: %w", l.sec.SDR, err)
		}
		for _, r := range records {
			if number, kind, name, ok := ipmi.ReadSensor(r.data); ok {
				l.sensors = append(l.sensors, logSensor{number, kind, name})
			}
		}
	}
	if l.sec.SEL == "" {
		return nil
	}
	b, err := dev.ReadFile(l.sec.SEL, ipmiFile)
	if err != nil {
		return fmt.Errorf("sel: %w", err)
	}
	if len(b)%selRecord != 0 {
		return fmt.Errorf("sel %s: %d bytes, which are no whole number of records of %d", l.sec.SEL, len(b), selRecord)
	}
	for ; len(b) > 0; b = b[selRecord:] {
		r := ipmiRecord{binary.LittleEndian.Uint16(b), slices.Clone(b[:selRecord])}
		l.records = append(l.records, r)
		l.last = max(l.last, r.id)
		if e := r.event(); e.Type == ipmi.EventRecord && l.sensor(e.Sensor) == nil {
			l.sensors = append(l.sensors, logSensor{number: e.Number, kind: e.Sensor})
		}
	}
	l.kept = true
	return nil
}

func (r *ipmiRecord) event() ipmi.Event { return ipmi.ParseEvent([ipmi.EventSize]byte(r.data)) }

// sensor is the first sensor of a type; nil: the device has none.
func (l *systemLog) sensor(kind uint8) *logSensor {
	i := slices.IndexFunc(l.sensors, func(x logSensor) bool { return x.kind == kind })
	if i < 0 {
		return nil
	}
	return &l.sensors[i]
}

// name is what a sensor is called; "" where nobody knows.
func (l *systemLog) name(number, kind uint8) string {
	for _, x := range l.sensors {
		if x.number == number && x.kind == kind {
			return x.name
		}
	}
	return ""
}

// watch has somebody told of what becomes of the log.
func (l *systemLog) watch(told func(logChange)) { l.watchers = append(l.watchers, told) }

func (l *systemLog) tell(c logChange) {
	for _, told := range l.watchers {
		told(c)
	}
}

// add puts a record at the end, with an id and, if it is of a kind that bears one, the time (section 32.1).
func (l *systemLog) add(record [selRecord]byte, at time.Time) (uint16, bool) {
	if len(l.records) >= l.most {
		return 0, false
	}
	if l.last++; l.last == 0xffff || l.last == 0 {
		l.last = 1
	}
	binary.LittleEndian.PutUint16(record[:], l.last)
	if record[2] < ipmi.EventUntimed {
		binary.LittleEndian.PutUint32(record[3:], uint32(at.Add(l.offset).Unix()))
	}
	l.records = append(l.records, ipmiRecord{l.last, slices.Clone(record[:])})
	l.added = at
	e := ipmi.ParseEvent(record)
	l.tell(logChange{added: &e})
	return l.last, true
}

// remove takes one record out.
func (l *systemLog) remove(id uint16) bool {
	i := slices.IndexFunc(l.records, func(e ipmiRecord) bool { return e.id == id })
	if i < 0 {
		return false
	}
	l.records, l.erased = slices.Delete(l.records, i, i+1), l.st.Now()
	l.tell(logChange{removed: id})
	return true
}

// clear empties the log. Some controllers then write that they did.
func (l *systemLog) clear() {
	l.records, l.erased = nil, l.st.Now()
	l.tell(logChange{cleared: true})
	if l.logs("clear") {
		l.happen(l.st.Now(), ipmi.SensorLogging, 2, false)
	}
}

// logs says whether the controller writes something into its log itself.
func (l *systemLog) logs(what string) bool {
	return l != nil && l.kept && slices.Contains(l.sec.Logs, what)
}

// happen writes an event of the controller itself, of those that a type of sensor has of its own.
func (l *systemLog) happen(at time.Time, kind, offset uint8, over bool) {
	e := ipmi.Event{
		Type: ipmi.EventRecord, Generator: ipmi.BMCAddress, Revision: ipmi.EventRevision, Sensor: kind, Kind: ipmi.EventSpecific,
		Over: over, Data: [3]byte{offset, 0xff, 0xff},
	}
	if x := l.sensor(kind); x != nil {
		e.Number = x.number
	}
	l.add(e.Record(), at)
}

// switched writes that the host was switched on or off, as a sensor of the device says it.
func (l *systemLog) switched(on bool, at time.Time) {
	switch {
	case !l.logs("power"):
	case l.sensor(ipmi.SensorACPI) != nil && on:
		l.happen(at, ipmi.SensorACPI, 0, false)
	case l.sensor(ipmi.SensorACPI) != nil:
		l.happen(at, ipmi.SensorACPI, 5, false)
	default:
		l.happen(at, ipmi.SensorPower, 0, on)
	}
}

// reset writes that the host begins anew without its power having been off.
func (l *systemLog) reset(at time.Time) {
	if l.logs("power") {
		l.happen(at, ipmi.SensorBoot, 1, false)
	}
}

// refused writes that somebody who wanted to log in was not let in.
func (l *systemLog) refused() {
	switch {
	case !l.logs("login"):
	case l.sensor(ipmi.SensorAudit) == nil && l.sensor(ipmi.SensorSecurity) != nil:
		l.happen(l.st.Now(), ipmi.SensorSecurity, 5, false)
	default:
		l.happen(l.st.Now(), ipmi.SensorAudit, 2, false)
	}
}
