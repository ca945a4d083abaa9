package emulate

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// ipmiStore are the controller's records: sensor data (SDR), events (SEL) and inventory (FRU).
type ipmiStore struct {
	sdr    []ipmiRecord
	hasSDR bool
	fru    map[uint8][]byte

	reserved [2]uint16 // the reservations of SDR and SEL that hold; 0: none
}

// An ipmiRecord is one of the repository, or one event.
type ipmiRecord struct {
	id   uint16
	data []byte
}

// ipmiFile bounds what is read of a file of records, ipmiEvents the events of a log.
const (
	ipmiFile   = 1 << 20
	ipmiEvents = 4096
	selRecord  = ipmi.EventSize
	selInfo    = 14
	sdrHeader  = 5
)

func (r *ipmiStore) load(s *ipmiService) error {
	r.fru = map[uint8][]byte{}
	if s.sec.SDR != "" {
		b, err := s.dev.ReadFile(s.sec.SDR, ipmiFile)
		if err != nil {
			return fmt.Errorf("sdr: %w", err)
		}
		if r.sdr, err = sdrRecords(b); err != nil {
			return fmt.Errorf("sdr %s: %w", s.sec.SDR, err)
		}
		r.hasSDR = true
	}
	_, d, _, ok := s.answered(ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x40}, nil)
	if free := uint16(0xffff); ok && len(d) == selInfo {
		if free = binary.LittleEndian.Uint16(d[3:]); free != 0xffff {
			s.log.most = min(ipmiEvents, len(s.log.records)+int(free)/selRecord)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.sec.FRU)) {
		b, err := s.dev.ReadFile(s.sec.FRU[id], ipmiFile)
		if err != nil {
			return fmt.Errorf("fru %d: %w", id, err)
		}
		r.fru[id] = b
	}
	return nil
}

// sdrRecords takes a repository apart (section 43).
func sdrRecords(b []byte) ([]ipmiRecord, error) {
	var all []ipmiRecord
	for at := 0; at < len(b); {
		if at+sdrHeader > len(b) {
			return nil, fmt.Errorf("byte %d: a record cut short", at)
		}
		n := sdrHeader + int(b[at+4])
		if at+n > len(b) {
			return nil, fmt.Errorf("byte %d: a record of %d bytes, and %d are left", at, n, len(b)-at)
		}
		all = append(all, ipmiRecord{binary.LittleEndian.Uint16(b[at:]), slices.Clone(b[at : at+n])})
		at += n
	}
	return all, nil
}

// command carries out what is about records; ok is false where the controller was recorded without them.
func (r *ipmiStore) command(s *ipmiService, q *ipmi.Command) (code ipmi.Code, body ipmi.Body, note string, ok bool) {
	switch b := q.Body.(type) {
	case *ipmi.GetFRUInfo:
		if f, has := r.fru[b.FRU]; has {
			return ipmi.CodeOK, &ipmi.GetFRUInfoReply{Size: uint16(len(f)), Access: s.fruAccess(q)}, "", true
		}
		if len(r.fru) > 0 && s.cells[profiles.IPMICell(q.Target, q.Data(nil))] == nil {
			return ipmi.NotPresent, nil, "", true
		}
	case *ipmi.ReadFRU:
		if f, has := r.fru[b.FRU]; has {
			return readFRU(f, b, s.sec.ReadFRU)
		}
		if len(r.fru) > 0 && s.cells[profiles.IPMICell(q.Target, q.Data(nil))] == nil {
			return ipmi.NotPresent, nil, "", true
		}
	case *ipmi.WriteFRU:
		if f, has := r.fru[b.FRU]; has {
			if int(b.Offset)+len(b.Data) > len(f) {
				return ipmi.ParameterOutOfRange, nil, "write FRU", true
			}
			copy(f[b.Offset:], b.Data)
			return ipmi.CodeOK, &ipmi.WriteFRUReply{Count: uint8(len(b.Data))}, "write FRU", true
		}
		if len(r.fru) > 0 {
			return ipmi.NotPresent, nil, "write FRU", true
		}
	}
	if r.hasSDR {
		if code, body, ok := r.sdrCommand(s, q); ok {
			return code, body, "", true
		}
	}
	if s.log.kept {
		return r.selCommand(s, q)
	}
	return 0, nil, "", false
}

func (s *ipmiService) fruAccess(q *ipmi.Command) uint8 {
	if _, d, _, ok := s.answered(q.Target, q.Data(nil)); ok && len(d) == 3 {
		return d[2]
	}
	return 0
}

func readFRU(f []byte, b *ipmi.ReadFRU, limit *profiles.IPMIReadFRU) (ipmi.Code, ipmi.Body, string, bool) {
	switch {
	case int(b.Offset) >= len(f):
		return ipmi.ParameterOutOfRange, nil, "", true
	case limit != nil && b.Count > limit.Most:
		return ipmi.Code(limit.Code), nil, "", true
	case b.Count == 0xff:
		return ipmi.CannotReturnSo, nil, "", true
	}
	d := f[b.Offset:min(int(b.Offset)+int(b.Count), len(f))]
	return ipmi.CodeOK, &ipmi.ReadFRUReply{Count: uint8(len(d)), Data: d}, "", true
}

// reserve gives the next reservation of a kind.
func (r *ipmiStore) reserve(kind int) uint16 {
	if r.reserved[kind]++; r.reserved[kind] == 0 {
		r.reserved[kind] = 1
	}
	return r.reserved[kind]
}

// sdrCommand is the repository (section 33), and the controller's own records (section 35.3).
func (r *ipmiStore) sdrCommand(s *ipmiService, q *ipmi.Command) (ipmi.Code, ipmi.Body, bool) {
	switch b := q.Body.(type) {
	case *ipmi.GetSDR:
		code, next, data := readRecord(r.sdr, b.Record, b.Offset, b.Count, s.sec.ReadMost, r.held(0, b.Reservation, b.Offset))
		if code != ipmi.CodeOK {
			return code, nil, true
		}
		return code, &ipmi.GetSDRReply{Next: next, Data: data}, true
	case *ipmi.GetDeviceSDR:
		if !s.knows(q.Target) {
			return 0, nil, false
		}
		code, next, data := readRecord(r.sdr, b.Record, b.Offset, b.Count, s.sec.ReadMost, r.held(0, b.Reservation, b.Offset))
		if code != ipmi.CodeOK {
			return code, nil, true
		}
		return code, &ipmi.GetDeviceSDRReply{Next: next, Data: data}, true
	}
	switch {
	case q.NetFn == ipmi.Storage && q.Cmd == 0x22:
		return ipmi.CodeOK, &ipmi.ReserveSDRReply{Reservation: r.reserve(0)}, true
	case q.NetFn == ipmi.Sensor && q.Cmd == 0x22 && s.knows(ipmi.Target{NetFn: ipmi.Sensor, Cmd: 0x21}):
		return ipmi.CodeOK, &ipmi.ReserveDeviceSDRReply{Reservation: r.reserve(0)}, true
	case q.NetFn == ipmi.Storage && q.Cmd == 0x20:
		if _, _, _, ok := s.answered(q.Target, nil); !ok {
			return ipmi.CodeOK, &ipmi.GetSDRInfoReply{Version: 0x51, Records: uint16(len(r.sdr)), Free: 0xffff, Support: 0x02}, true
		}
	}
	return 0, nil, false
}

// held says whether a reservation is the one that holds: parts of records want it, whole ones do not.
func (r *ipmiStore) held(kind int, reservation uint16, offset uint8) bool {
	return reservation == r.reserved[kind] && reservation != 0 || reservation == 0 && offset == 0
}

// readRecord reads a part of a record (sections 31.5 and 33.12).
func readRecord(all []ipmiRecord, id uint16, offset, count, most uint8, held bool) (ipmi.Code, uint16, []byte) {
	if !held {
		return ipmi.ReservationCanceled, 0, nil
	}
	i := slices.IndexFunc(all, func(r ipmiRecord) bool { return r.id == id })
	switch {
	case len(all) == 0:
		return ipmi.NotPresent, 0, nil
	case id == 0:
		i = 0
	case id == 0xffff:
		i = len(all) - 1
	case i < 0:
		return ipmi.NotPresent, 0, nil
	}
	next := uint16(0xffff)
	if i+1 < len(all) {
		next = all[i+1].id
	}
	data := all[i].data
	if most > 0 && int(count) > int(most) && len(data)-int(offset) > int(most) {
		return ipmi.CannotReturnSo, 0, nil
	}
	if int(offset) >= len(data) && len(data) > 0 {
		return ipmi.ParameterOutOfRange, 0, nil
	}
	return ipmi.CodeOK, next, data[offset:min(int(offset)+int(count), len(data))]
}

// selCommand is the event log (section 31).
func (r *ipmiStore) selCommand(s *ipmiService, q *ipmi.Command) (ipmi.Code, ipmi.Body, string, bool) {
	if q.NetFn == ipmi.Sensor && q.Cmd == 0x02 {
		return platformEvent(s, q)
	}
	if q.NetFn != ipmi.Storage {
		return 0, nil, "", false
	}
	switch b := q.Body.(type) {
	case *ipmi.GetSELEntry:
		code, next, data := readRecord(s.log.records, b.Record, b.Offset, b.Count, 0, r.held(1, b.Reservation, b.Offset))
		if code == ipmi.CodeOK {
			return code, &ipmi.GetSELEntryReply{Next: next, Data: data}, "", true
		}
		return code, nil, "", true
	case *ipmi.AddSELEntry:
		id, ok := s.log.add(b.Record, s.now())
		if !ok {
			return ipmi.OutOfSpace, nil, "add SEL entry", true
		}
		return ipmi.CodeOK, &ipmi.AddSELEntryReply{Record: id}, "add SEL entry", true
	case *ipmi.DeleteSELEntry:
		if !s.log.remove(b.Record) {
			return ipmi.NotPresent, nil, "delete SEL entry", true
		}
		return ipmi.CodeOK, &ipmi.DeleteSELEntryReply{Record: b.Record}, "delete SEL entry", true
	case *ipmi.ClearSEL:
		switch {
		case !r.held(1, b.Reservation, 1):
			return ipmi.ReservationCanceled, nil, "clear SEL", true
		case b.Magic != [3]byte{'C', 'L', 'R'}:
			return ipmi.InvalidField, nil, "clear SEL", true
		case b.Action == 0xaa:
			s.log.clear()
			r.reserve(1)
		}
		return ipmi.CodeOK, &ipmi.ClearSELReply{Progress: 1}, "clear SEL", true
	case *ipmi.SetSELTime:
		s.log.offset = time.Unix(int64(b.Time), 0).Sub(s.now())
		return ipmi.CodeOK, nil, "set SEL time", true
	}
	switch q.Cmd {
	case 0x40:
		return r.selInfo(s, q)
	case 0x42:
		return ipmi.CodeOK, &ipmi.ReserveSELReply{Reservation: r.reserve(1)}, "", true
	case 0x48:
		return ipmi.CodeOK, &ipmi.GetSELTimeReply{Time: uint32(s.now().Add(s.log.offset).Unix())}, "", true
	}
	return 0, nil, "", false
}

func (r *ipmiStore) selInfo(s *ipmiService, q *ipmi.Command) (ipmi.Code, ipmi.Body, string, bool) {
	b := &ipmi.GetSELInfoReply{Version: 0x51, Free: 0xffff, Support: 0x02}
	if code, d, _, ok := s.answered(q.Target, nil); ok && code == ipmi.CodeOK && len(d) == selInfo {
		b.Version, b.Entries, b.Support = d[0], binary.LittleEndian.Uint16(d[1:]), d[13]
		b.Free = binary.LittleEndian.Uint16(d[3:])
		b.Added, b.Erased = binary.LittleEndian.Uint32(d[5:]), binary.LittleEndian.Uint32(d[9:])
	}
	if n := len(s.log.records); b.Free < 0xffff {
		b.Free = uint16(max(0, min(0xfffe, int(b.Free)+selRecord*(int(b.Entries)-n))))
	}
	b.Entries = uint16(len(s.log.records))
	l := s.log
	if !l.added.IsZero() {
		b.Added = uint32(l.added.Add(l.offset).Unix())
	}
	if !l.erased.IsZero() {
		b.Erased = uint32(l.erased.Add(l.offset).Unix())
	}
	return ipmi.CodeOK, b, "", true
}

// platformEvent is an event that somebody reports (section 29.3): over LAN, the sender is who asks.
func platformEvent(s *ipmiService, q *ipmi.Command) (ipmi.Code, ipmi.Body, string, bool) {
	d := q.Data(nil)
	if len(d) != 7 && len(d) != 8 {
		return ipmi.DataLengthInvalid, nil, "platform event", true
	}
	e := ipmi.Event{Type: ipmi.EventRecord, Generator: uint16(q.From)}
	if len(d) == 8 {
		e.Generator, d = uint16(d[0]), d[1:]
	}
	e.Revision, e.Sensor, e.Number, e.Kind, e.Over, e.Data = d[0], d[1], d[2], d[3]&0x7f, d[3]&0x80 != 0, [3]byte(d[4:])
	if _, ok := s.log.add(e.Record(), s.now()); !ok {
		return ipmi.OutOfSpace, nil, "platform event", true
	}
	return ipmi.CodeOK, nil, "platform event", true
}
