package clone

import (
	"bytes"
	"context"
	"encoding/binary"

	"ringer/capture/enip"
)

const (
	// enipAnswerMost is what surely has room in an answer without a connection, beside its head.
	enipAnswerMost = 480
	// enipTagMost bytes are read of one tag.
	enipTagMost = 1 << 20
	// enipAtOnce elements are read by one count.
	enipAtOnce = 0xFFFF
	// enipPartsMost bounds the parts in which one tag is read.
	enipPartsMost = 1 << 14
)

// values reads all tags, and again, so that what moves is seen to move: all of them twice, then what moved.
func (a *enipAsking) values() error {
	if len(a.found) == 0 {
		return nil
	}
	a.way = a.tagWay
	a.expect(1)
	// How the device says that there is no such tag.
	if _, err := a.ask(enip.Request{Service: enip.ReadTag, Path: enip.Path(nil).AppendSymbol("NO_SUCH_TAG_42"), Data: []byte{1, 0}}); err != nil || len(a.tags) == 0 {
		return err
	}
	read, moving := 0, 0
	for round := range a.Samples {
		if round > 0 {
			if err := a.pause(); err != nil {
				return err
			}
		}
		for i := range a.tags {
			t := &a.tags[i]
			if t.refused || round > 1 && !t.moves {
				continue
			}
			a.expect(1)
			before := t.values
			if err := a.value(t); err != nil {
				return err
			}
			if round > 0 && !t.refused && !bytes.Equal(before, t.values) && !t.moves {
				t.moves = true
				moving++
			}
		}
		if round == 0 {
			for i := range a.tags {
				if !a.tags[i].refused {
					read++
				}
			}
			a.asked = a.asks()
		}
		if round == 1 && moving == 0 {
			break
		}
	}
	a.remark(Fact, "%d tags read, %d of them move", read, moving)
	if refused := len(a.tags) - read; refused > 0 {
		a.remark(NotThere, "reading %d of %d tags", refused, len(a.tags))
	}
	return nil
}

// asks is how many questions were sent.
func (a *enipAsking) asks() int64 {
	for _, t := range a.v.Tallies() {
		if t.Protocol == enipName {
			return t.Asked
		}
	}
	return 0
}

// pause waits between two samples, unless the last one was only remembered.
func (a *enipAsking) pause() error {
	asked := a.asks()
	if asked == a.asked {
		return nil
	}
	a.asked = asked
	return sleep(a.ctx, a.Every)
}

// value reads one tag, all its elements: what is too long for one answer goes on in parts, by bytes, or by
// elements where the device does not know how to do that.
func (a *enipAsking) value(t *enipAskTag) error {
	le := binary.LittleEndian
	t.values = nil
	count := min(t.count, enipAtOnce)
	path := t.path
	for range enip.DimensionsOf(t.symbol.Type) {
		path = path[:len(path):len(path)].AppendLogical(enip.SegmentMember, 0)
	}
	q := enip.Request{Service: enip.ReadTag, Path: path, Data: le.AppendUint16(nil, uint16(count))}
	for part := 0; ; part++ {
		r, err := a.ask(q)
		if err != nil {
			return err
		}
		if part == 0 && r != nil && r.Status == enip.ReplyTooLarge {
			q.Service, q.Data = enip.ReadTagFragmented, append(q.Data, 0, 0, 0, 0)
			continue
		}
		kind, values, more := enipPartOf(r)
		if len(values) == 0 {
			if t.refused = t.values == nil; !t.refused && t.each > 0 {
				return a.elements(t, count)
			}
			return nil
		}
		t.values, t.each = append(t.values, values...), kind.Size()
		switch {
		case !more:
			return nil
		case part >= enipPartsMost || len(t.values) > enipTagMost:
			a.remark(Suspicious, "tag %s: the answer has no end after %d bytes", t.name, len(t.values))
			return nil
		}
		q.Service = enip.ReadTagFragmented
		q.Data = le.AppendUint32(le.AppendUint16(nil, uint16(count)), uint32(len(t.values)))
		a.expect(1)
	}
}

// enipPartOf is what an answer has of a tag; more: there is more of it.
func enipPartOf(r *enip.Response) (kind enip.Type, values []byte, more bool) {
	if r == nil || r.Status != enip.Success && r.Status != enip.PartialTransfer {
		return 0, nil, false
	}
	kind, _, values, _ = enip.Typed(r.Data)
	return kind, values, r.Status == enip.PartialTransfer
}

// elements reads the rest of an array by its elements.
func (a *enipAsking) elements(t *enipAskTag, count int) error {
	if enip.DimensionsOf(t.symbol.Type) > 1 {
		return nil
	}
	for next := len(t.values) / t.each; next < count; {
		n := min(count-next, enipAnswerMost/t.each)
		a.expect(1)
		r, err := a.ask(enip.Request{Service: enip.ReadTag, Data: binary.LittleEndian.AppendUint16(nil, uint16(n)),
			Path: t.path[:len(t.path):len(t.path)].AppendLogical(enip.SegmentMember, uint32(next))})
		if err != nil {
			return err
		}
		_, values, more := enipPartOf(r)
		if len(values) < t.each {
			return nil
		}
		t.values = append(t.values, values...)
		if next += len(values) / t.each; !more && len(values)/t.each < n {
			return nil
		}
	}
	return nil
}

// follow leaves the tags that move to be read with other protocols.
func (a *enipAsking) follow() {
	var all []*enipAskTag
	for i := range a.tags {
		if t := &a.tags[i]; t.moves && !t.refused && len(t.values) <= enipAnswerMost && len(all) < togetherMost {
			all = append(all, t)
		}
	}
	a.v.follow(follower{protocol: enipName, port: a.talk.port, moved: len(all), questions: len(all), handshake: 1, hangUp: a.talk.close, read: func(context.Context) error {
		a.way = a.tagWay
		for _, t := range all {
			if err := a.value(t); err != nil {
				return err
			}
		}
		return nil
	}})
}
