package capture

import (
	"slices"

	"ringer/capture/wire"
)

// A piece is what reassembly delivers at once.
type piece struct {
	side   int
	kind   pieceKind
	data   []byte
	pushed bool
	lost   int
	meta   meta
}

type pieceKind uint8

const (
	pieceData pieceKind = iota
	pieceDatagram
	pieceLost
	pieceJoin
	pieceEnd
)

// take gives a piece to a dialogue.
func (d *dialogue) take(p *piece) {
	side := sideOf(p.side, d.server)
	switch p.kind {
	case pieceData:
		d.data(side, p.data, p.pushed, p.meta)
	case pieceDatagram:
		d.datagram(side, p.data, p.meta)
	case pieceLost:
		d.lost(side, p.lost)
	case pieceJoin:
		d.join(side)
	case pieceEnd:
		d.end(side, p.meta)
	}
}

// A trial decodes a flow as if it were of one protocol and says nothing until that is decided.
type trial struct {
	dialogue
	usual  bool // on a usual port of the protocol
	events []event
}

type event struct {
	side        wire.Side
	message     wire.Message // nil: bytes are missing, or begin in the middle
	joined      bool
	raw         []byte
	first, last meta
}

func (t *trial) message(side wire.Side, m wire.Message, raw []byte, first, last meta) {
	t.events = append(t.events, event{side, m, false, append([]byte(nil), raw...), first, last})
}

func (t *trial) missing(side wire.Side) { t.events = append(t.events, event{side: side}) }
func (t *trial) joined(side wire.Side) {
	t.events = append(t.events, event{side: side, joined: true})
}

// total is how many messages the trial has read.
func (t *trial) total() int { return t.messages[0] + t.messages[1] }

// pairs counts the replies that answer a request.
func (t *trial) pairs() int {
	var open []wire.Message
	n := 0
	for _, e := range t.events {
		switch {
		case e.message == nil:
		case e.side == wire.Client:
			open = append(open, e.message)
		default:
			if i, last := t.conn.Match(open, e.message); i >= 0 && i < len(open) {
				n++
				if last {
					open = slices.Delete(open, i, i+1)
				}
			}
		}
	}
	return n
}
