package clone

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"time"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// snmpMoving lists the variables that may move, in a file: their names, and what they held. Numbers always
// may; of the others those that were seen to, or were not asked twice yet.
type snmpMoving struct {
	spill *profiles.Spill
	seed  maphash.Seed
	n     int
}

func newSNMPMoving() *snmpMoving {
	return &snmpMoving{spill: profiles.NewSpill(), seed: maphash.MakeSeed()}
}

// snmpMovingText is how long a text may be that is asked again.
const snmpMovingText = 255

func (m *snmpMoving) add(o snmp.OID, v snmp.Value) {
	if _, _, number := snmpNumber(v.Type, v.Content()); number || len(v.Content()) <= snmpMovingText {
		m.put(o, maphash.Bytes(m.seed, v.Content()), number)
	}
}

func (m *snmpMoving) put(o snmp.OID, sum uint64, moves bool) {
	head := binary.BigEndian.AppendUint16(make([]byte, 0, 11+len(o)), uint16(len(o)))
	head = binary.BigEndian.AppendUint64(head, sum)
	if moves {
		head = append(head, 1)
	} else {
		head = append(head, 0)
	}
	m.spill.Put(append(head, o...))
	m.n++
}

func (m *snmpMoving) err() error { return m.spill.Err() }

func (m *snmpMoving) close() {
	if m != nil {
		m.spill.Close()
	}
}

// An snmpMovable is a variable of the list.
type snmpMovable struct {
	oid   snmp.OID
	sum   uint64
	moves bool
}

// read gives up to n of the list, from an offset on, and where it goes on.
func (m *snmpMoving) read(at int64, n int) (list []snmpMovable, next int64) {
	var head [11]byte
	for len(list) < n {
		if _, err := m.spill.ReadAt(head[:], at); err != nil {
			break
		}
		o := make(snmp.OID, binary.BigEndian.Uint16(head[:]))
		if _, err := m.spill.ReadAt(o, at+int64(len(head))); err != nil && err != io.EOF {
			break
		}
		at += int64(len(head) + len(o))
		list = append(list, snmpMovable{o, binary.BigEndian.Uint64(head[2:]), head[10] == 1})
	}
	return list, at
}

// again asks what may move again, so that counters, gauges and clocks can be told apart.
func (s *SNMPWalk) again(ctx context.Context, w *snmpTour) error {
	if w == nil {
		return nil
	}
	began := time.Now()
	for range s.snapshots() {
		if w.moving.n == 0 {
			break
		}
		// What the Memory knows was waited for then.
		if w.v.counted("snmp").Asked > 0 {
			wait := s.every() - time.Since(began)
			if c := w.v.Care; c.Time > 0 && wait > c.Time-time.Since(w.v.pace.began) {
				w.v.Remark("snmp", NotThere, "no time is left for another snapshot")
				return nil
			}
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
		began = time.Now()
		if err := w.snapshot(ctx); err != nil {
			return err
		}
	}
	return nil
}

// snmpGetMost is how many variables one GET asks for: more than fit a frame are of no use.
const snmpGetMost = 60

// snapshot asks all of the list once, and makes the next list.
func (w *snmpTour) snapshot(ctx context.Context) error {
	old := w.moving
	fresh := newSNMPMoving()
	fresh.seed = old.seed
	defer func() { old.close(); w.moving = fresh }()
	rows := newSNMPRows()
	rows.most = snmpGetMost
	w.v.Expect("snmp", old.n/snmpGetMost+1)
	moved := 0
	for at := int64(0); at < old.spill.Size(); {
		list, next := old.read(at, rows.n)
		if len(list) == 0 {
			break
		}
		oids := make([]snmp.OID, len(list))
		for i := range list {
			oids[i] = list[i].oid
		}
		pdu, err := w.ask(ctx, len(oids), w.get(oids...))
		switch {
		case err != nil && !goOn(err):
			return err
		case (err != nil || pdu.ErrorStatus == snmp.TooBig) && rows.less():
			continue
		case err != nil || pdu.Type != snmp.Response:
			at = next
			continue
		}
		if pdu.ErrorStatus != snmp.NoError {
			// One of them is gone, or is not told: all before it and behind it are asked alone.
			rows.n, rows.most = max(1, rows.n/2), snmpGetMost
			if len(list) == 1 {
				at = next
			}
			continue
		}
		for i := range pdu.VarBinds {
			b := &pdu.VarBinds[i]
			if i >= len(list) || !b.OID.Equal(list[i].oid) {
				break
			}
			if b.Value.Type.Exception() {
				continue // it is gone
			}
			sum := maphash.Bytes(old.seed, b.Value.Content())
			if sum != list[i].sum {
				moved++
			}
			w.note(b, sum != list[i].sum)
			if list[i].moves || sum != list[i].sum {
				fresh.put(b.OID, sum, true)
			}
		}
		rows.got(rows.n, rows.n, 0)
		at = next
	}
	w.v.Remark("snmp", Fact, "%d of %d variables that were asked again had moved", moved, old.n)
	if err := old.err(); err != nil {
		return err
	}
	return fresh.err()
}

// note keeps the names of some numbers, those that moved apart from those that did not yet. Clocks are like no
// number of another protocol.
func (w *snmpTour) note(b *snmp.VarBind, moved bool) {
	_, _, number := snmpNumber(b.Value.Type, b.Value.Content())
	if !number || b.Value.Type == snmp.TypeTimeTicks {
		return
	}
	to := &w.may
	if moved {
		to = &w.moved
	}
	if len(*to) < togetherMost*snmpGetMost && !slices.ContainsFunc(*to, b.OID.Equal) {
		*to = append(*to, slices.Clone(b.OID))
	}
}

// follow leaves the numbers that moved to be read with other protocols, and in the room that is left in the
// last question some that may.
func (w *snmpTour) follow() {
	if w == nil {
		return
	}
	w.may = slices.DeleteFunc(w.may, func(o snmp.OID) bool { return slices.ContainsFunc(w.moved, o.Equal) })
	all := slices.Clone(w.moved[:min(len(w.moved), togetherMost*snmpTogether)])
	room := (len(all)+snmpTogether-1)/snmpTogether*snmpTogether - len(all)
	if len(all) == 0 {
		room = snmpTogether
	}
	all = append(all, w.may[:min(len(w.may), room)]...)
	w.v.follow(follower{protocol: "snmp", port: w.port, moved: len(w.moved), questions: (len(all) + snmpTogether - 1) / snmpTogether, hangUp: w.snmpTalk.close, read: func(ctx context.Context) error {
		for part := range slices.Chunk(all, snmpTogether) {
			if _, err := w.ask(ctx, len(part), w.get(part...)); err != nil && (errors.Is(err, ErrGone) || !goOn(err)) {
				return err
			}
		}
		return nil
	}})
}

// snmpTogether variables are asked for at once where all agents are to take it.
const snmpTogether = 20
