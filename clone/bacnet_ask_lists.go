package clone

import (
	"ringer/capture/bacnet"
)

// bacnetEventsMost bounds how often a device is asked for more events.
const bacnetEventsMost = 100

// events asks what is in alarm (clauses 13.6 and 13.9).
func (t *bacnetTour) events() error {
	if len(t.objects) == 0 {
		return nil
	}
	if t.serves(bacnet.GetAlarmSummary) {
		if _, err := t.ask(bacnet.GetAlarmSummary, &bacnet.NoParameters{}); err != nil {
			return err
		}
	}
	if !t.serves(bacnet.GetEventInformation) {
		return nil
	}
	q, n := &bacnet.EventInformationRequest{}, 0
	for range bacnetEventsMost {
		said, err := t.ask(bacnet.GetEventInformation, q)
		if err != nil {
			return err
		}
		a, ok := said.ack.(*bacnet.EventInformationAck)
		if !ok {
			return nil
		}
		if n += len(a.Events); len(a.Events) == 0 || !a.More {
			break
		}
		q = &bacnet.EventInformationRequest{Last: &a.Events[len(a.Events)-1].Object}
	}
	if n > 0 {
		t.remark(Fact, "%s: %d events", t.name, n)
	}
	return nil
}

// bacnetRangeMost is how many records are asked for at once.
const bacnetRangeMost = 100

// logs reads the records of logs, the oldest first (clause 15.8).
func (t *bacnetTour) logs() error {
	if !t.serves(bacnet.ReadRange) {
		return nil
	}
	for _, o := range t.objects {
		switch o.Type() {
		case bacnet.ObjectTrendLog, bacnet.ObjectEventLog, bacnet.ObjectTrendLogMultiple:
			if err := t.log(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *bacnetTour) log(o bacnet.ObjectID) error {
	for at := 1; at <= t.Records; {
		said, err := t.ask(bacnet.ReadRange, &bacnet.ReadRangeRequest{Object: o, Property: bacnet.PropLogBuffer,
			ByPosition: &bacnet.Range{First: uint32(at), Count: int32(min(bacnetRangeMost, t.Records-at+1))}})
		if err != nil {
			return err
		}
		a, ok := said.ack.(*bacnet.ReadRangeAck)
		if !ok || a.Count == 0 || len(a.Items) == 0 {
			return nil
		}
		if bits, ok := bacnet.Bits(a.Flags); ok && len(bits) > 1 && bits[1] {
			return nil // that was the last one
		}
		at += int(min(a.Count, bacnetRangeMost))
	}
	t.remark(NotThere, "%s: %v: only %d records are asked: more with --records", t.name, o, t.Records)
	return nil
}

// bacnetFileOverhead is what an answer has beside the bytes of a file.
const bacnetFileOverhead = 24

// bacnetRecordsAtOnce is how many records of a file are asked for at once, where they are short.
const bacnetRecordsAtOnce = 64

// files reads files, from the beginning to the end (clause 14.1).
func (t *bacnetTour) files() error {
	if !t.Files || !t.serves(bacnet.AtomicReadFile) {
		return nil
	}
	for _, o := range t.objects {
		if o.Type() != bacnet.ObjectFile {
			continue
		}
		if err := t.file(o, t.has[o]); err != nil {
			return err
		}
	}
	return nil
}

func (t *bacnetTour) file(o bacnet.ObjectID, h *bacnetHas) error {
	records, several, most := h.told && !h.stream, 1, bacnetRecordsAtOnce
	size := t.size - bacnetFileOverhead
	for at, total := 0, 0; total < bacnetFileMost; {
		q := &bacnet.ReadFileRequest{File: o}
		if records {
			q.Record = &bacnet.FileRange{Start: int32(at), Count: uint32(several)}
		} else {
			q.Stream = &bacnet.FileRange{Start: int32(at), Count: uint32(size)}
		}
		said, err := t.ask(bacnet.AtomicReadFile, q)
		if err != nil {
			return err
		}
		a, ok := said.ack.(*bacnet.ReadFileAck)
		switch {
		case said.tooLong && size > 64 && !records:
			size /= 2
			continue
		case !ok && records && several > 1 && said.answered:
			several /= 2
			most = several
			continue
		case !ok && !records && !h.told && at == 0 && said.answered:
			records, h.told = true, true // which of them it is, it did not say
			continue
		case !ok:
			if said.refusal != "" {
				t.remark(NotThere, "%s: %v: %s", t.name, o, said.refusal)
			}
			return nil
		}
		n, bytes := 0, 0
		if a.Stream != nil {
			n, bytes = len(a.Stream.Data), len(a.Stream.Data)
		} else if a.Record != nil {
			n = len(a.Record.Records)
			for _, r := range a.Record.Records {
				bytes += len(r.Data)
			}
		}
		if a.EndOfFile || n == 0 {
			return nil
		}
		at, total, several = at+n, total+max(1, bytes), min(2*several, most)
	}
	t.remark(NotThere, "%s: %v: only the first %d bytes are read", t.name, o, bacnetFileMost)
	return nil
}
