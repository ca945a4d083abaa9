package clone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/profiles"
)

// enipLearner learns a device of EtherNet/IP: what it lists (enip_lists.go), its objects and tags
// (enip_objects.go), connections (enip_connections.go) and what it sends on them. What has no cell is kept
// whole.
type enipLearner struct {
	s         *Service
	section   *profiles.ENIP
	cells     map[string]*enipCell
	order     []string // of cells, as first seen
	asks      map[string]*enipAsk
	opened    map[uint32]string   // the way of connections that the recording saw open, by id
	serials   map[enipSerial]bool // of connections that the recording saw opened, and not closed
	timeout   enipTimeout
	tags      map[string]*enipTagSeen // by name in lower case
	symbols   enipSymbols
	transfers map[string]*enipTransfer
	sent      map[uint32]*enipSent
	uploads   map[uint16]*enipUpload
	files     map[string]int // data files, with how many elements each has at least
	trends    int
}

// An enipCell is what one cell was seen to hold.
type enipCell struct {
	track profiles.Track
	trend *Trend
}

// An enipAsk counts how often a question was answered by the cells; once it gets anything else, the cell of
// its name has what.
type enipAsk struct {
	n    int
	cell *enipCell
}

// Bounds on what is remembered: names of cells, questions, connections and sessions.
const (
	enipCellsMax = 1 << 18
	enipOpenMax  = 1 << 12
	enipFilesMax = 1 << 10
)

func newENIPLearner(s *Service) learner {
	return &enipLearner{
		s: s, section: &profiles.ENIP{}, cells: map[string]*enipCell{}, asks: map[string]*enipAsk{}, opened: map[uint32]string{},
		tags: map[string]*enipTagSeen{}, transfers: map[string]*enipTransfer{},
		symbols: enipSymbols{byName: map[string]*enip.Symbol{}, instances: map[uint32]string{}, templates: map[uint32]*enipTemplate{}},
		sent:    map[uint32]*enipSent{}, files: map[string]int{}, uploads: map[uint16]*enipUpload{}, serials: map[enipSerial]bool{},
	}
}

func (l *enipLearner) Learn(x *capture.Exchange) {
	if x.Request == nil {
		l.unasked(x)
		return
	}
	if _, data := x.Request.(*enip.IO); data {
		l.s.Record.Count(x)
		return
	}
	if x.Lost && len(x.Replies) == 0 {
		l.s.Record.Count(x)
		l.lost(x.Request)
		return
	}
	if len(x.Replies) == 1 && l.learn(x, x.Replies[0]) {
		l.s.Record.Count(x)
		return
	}
	if _, ended := x.Request.(*enip.UnregisterSession); ended && len(x.Replies) == 0 {
		l.s.Record.Count(x)
		return
	}
	l.s.Record.Keep(x)
}

// learn puts an answer into cells; false: they cannot express it.
func (l *enipLearner) learn(x *capture.Exchange, reply wire.Message) bool {
	switch q := x.Request.(type) {
	case *enip.List:
		return l.list(x, reply)
	case *enip.RegisterSession:
		return l.register(x, q, reply)
	case *enip.Unconnected:
		return l.unconnected(x, q, reply)
	case *enip.Connected:
		return l.connected(x, q, reply)
	}
	return false
}

// lost: a reply that the recording lost is taken for what it was the last time, so that whoever asks again
// finds later samples in their places.
func (l *enipLearner) lost(m wire.Message) {
	var q *enip.Request
	var way string
	switch m := m.(type) {
	case *enip.Unconnected:
		q = &m.Request
		if q.Send != nil {
			q, way = &q.Send.Request, q.Send.Route.Hops()
		}
	case *enip.Connected:
		q, way = &m.Request, l.opened[m.OT]
	default:
		return
	}
	list := q.Packet
	if list == nil {
		list = []enip.Request{*q}
	}
	for i := range list {
		l.repeat(way, &list[i])
	}
}

// sample adds a reading to a cell, or a write of it. x is where it was seen.
func (l *enipLearner) sample(name string, value []byte, write bool, x *capture.Exchange) *enipCell {
	c := l.cells[name]
	if c == nil {
		if len(l.cells) >= enipCellsMax {
			return nil
		}
		c = &enipCell{}
		c.track.SpillTo(l.s.spill)
		l.cells[name] = c
		l.order = append(l.order, name)
		if x != nil {
			l.s.Saw(l.s.fact(name), x)
		}
	}
	c.track.Add(value, write)
	if x != nil && !write {
		l.follow(c, name, value, x.At)
	}
	return c
}

// answered files how a question was answered: nil by cells, else with what. special says that the cells could
// have, for all their names tell, but did not.
func (l *enipLearner) answered(name string, with []byte, x *capture.Exchange) {
	a := l.asks[name]
	if a == nil {
		if len(l.asks) >= enipCellsMax {
			return
		}
		a = &enipAsk{}
		l.asks[name] = a
	}
	if a.cell == nil && with != nil {
		for range a.n {
			a.cell = l.sample(name, nil, false, nil)
		}
	}
	if a.cell != nil || with != nil {
		a.cell = l.sample(name, with, false, x)
		return
	}
	a.n++
}

// register learns a session.
func (l *enipLearner) register(x *capture.Exchange, q *enip.RegisterSession, reply wire.Message) bool {
	r, ok := reply.(*enip.RegisterSessionReply)
	if !ok || r.Status != enip.StatusSuccess || q.Version != 1 || q.Flags != 0 || q.Options != 0 ||
		r.Version != q.Version || r.Flags != q.Flags || r.Context != q.Context || r.Options != 0 {
		return false
	}
	l.sample("session", binary.LittleEndian.AppendUint32(nil, r.Session), false, x)
	return true
}

// An enipTimeout says what stands in the time-out field of answers to unconnected requests.
type enipTimeout struct {
	known bool
	fixed *uint16 // nil: what the request has
}

// fits learns it from the first answer, and says whether another is alike.
func (t *enipTimeout) fits(asked, got uint16) bool {
	if !t.known {
		t.known = true
		if asked != got {
			t.fixed = &got
		}
		return true
	}
	if t.fixed != nil {
		return got == *t.fixed
	}
	return got == asked
}

func (l *enipLearner) unconnected(x *capture.Exchange, q *enip.Unconnected, reply wire.Message) bool {
	r, ok := reply.(*enip.UnconnectedReply)
	if !ok || q.Status != 0 || q.Options != 0 || q.Interface != 0 || len(q.Extra) > 0 || r.Session != q.Session || r.Status != 0 ||
		r.Options != 0 || r.Interface != 0 || len(r.Extra) > 0 || !l.timeout.fits(q.Timeout, r.Timeout) {
		return false
	}
	if s := q.Request.Send; s != nil {
		return l.sentOn(x, s, &r.Response)
	}
	return l.request(x, "", &q.Request, &r.Response)
}

// sentOn learns the answer to an unconnected send: of the module that it was sent to, or of the Connection
// Manager, which could not.
func (l *enipLearner) sentOn(x *capture.Exchange, s *enip.UnconnectedSend, r *enip.Response) bool {
	way := s.Route.Hops()
	if way == "" {
		return false
	}
	if r.Service == s.Request.Service {
		return l.request(x, way, &s.Request, r)
	}
	if r.Service != enip.UnconnectedSendService || r.Status == enip.Success || r.Reserved != 0 {
		return false
	}
	a := profiles.ENIPAnswer{Manager: true, Status: r.Status, Extended: r.Extended, Data: r.Data}
	l.answered(enipWay(way, profiles.ENIPAsk(uint8(s.Request.Service), s.Request.Path, s.Request.Data)), a.Append(nil), x)
	return true
}

func (l *enipLearner) connected(x *capture.Exchange, q *enip.Connected, reply wire.Message) bool {
	r, ok := reply.(*enip.ConnectedReply)
	if !ok || q.Status != 0 || q.Options != 0 || q.Interface != 0 || r.Session != q.Session || r.Status != 0 || r.Options != 0 ||
		r.Interface != 0 || r.Timeout != 0 || r.Context != (enip.Context{}) {
		return false
	}
	return l.request(x, l.opened[q.OT], &q.Request, &r.Response)
}

// request learns one request with its answer, or the several of a packet.
func (l *enipLearner) request(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) bool {
	if r.Service != q.Service || r.Reserved != 0 {
		return false
	}
	if q.Packet != nil && len(r.Packet) == len(q.Packet) && len(r.Extended) == 0 {
		status := uint8(enip.Success)
		for i := range r.Packet {
			if p := &r.Packet[i]; p.Service != q.Packet[i].Service || p.Reserved != 0 {
				return false
			} else if p.Status != enip.Success {
				status = enip.EmbeddedServiceError
			}
		}
		if r.Status != status {
			return false
		}
		for i := range r.Packet {
			l.one(x, way, &q.Packet[i], &r.Packet[i])
		}
		return true
	}
	switch {
	case q.Packet != nil:
		return false
	case q.Open != nil:
		return l.opens(x, way, q, r)
	case q.Close != nil:
		return l.closes(x, way, q, r)
	case q.PCCC != nil:
		return l.pccc(x, way, q, r)
	}
	l.one(x, way, q, r)
	return true
}

// one learns a request that is neither a packet nor of the Connection Manager.
func (l *enipLearner) one(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) {
	name := enipWay(way, profiles.ENIPAsk(uint8(q.Service), q.Path, q.Data))
	read := q.Service == enip.ReadTag || q.Service == enip.ReadTagFragmented
	switch {
	case l.tag(x, way, q, r):
		if !read {
			l.answered(name, nil, x)
		}
		return
	case r.Status == enip.Success && len(r.Extended) == 0 && l.attribute(x, way, q, r):
		l.answered(name, nil, x)
		return
	}
	l.described(x, q, r)
	l.uploading(x, way, q, r)
	l.answered(name, (&profiles.ENIPAnswer{Status: r.Status, Extended: r.Extended, Data: r.Data}).Append(nil), x)
}

// repeat adds the last reading of what a request asked once more.
func (l *enipLearner) repeat(way string, q *enip.Request) {
	again := func(name string) bool {
		c := l.cells[name]
		if c == nil || c.track.Last().Write {
			return false
		}
		c.track.Add(bytes.Clone(c.track.Last().Value), false)
		return len(c.track.Last().Value) > 0
	}
	if q.PCCC != nil {
		again(enipWay(way, profiles.ENIPPCCC(q.PCCC.Command, q.PCCC.Function, q.PCCC.Data)))
		return
	}
	name := enipWay(way, profiles.ENIPAsk(uint8(q.Service), q.Path, q.Data))
	if again(name) {
		return
	}
	if a := l.asks[name]; a != nil && a.cell == nil {
		a.n++
	}
	for _, cell := range l.cellsOf(way, q) {
		again(cell)
	}
}

// enipWay puts the way in front of the name of a cell.
func enipWay(way, name string) string {
	if way == "" {
		return name
	}
	return way + " " + name
}

// pccc learns a command of the older controllers.
func (l *enipLearner) pccc(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) bool {
	p := r.PCCC
	if p == nil && r.Status == enip.Success || p != nil && (p.Command != q.PCCC.Command|0x40 || len(r.Extended) > 0 || !bytes.Equal(p.Requestor, q.PCCC.Requestor) ||
		p.Transaction != q.PCCC.Transaction) || q.PCCC.Status != 0 {
		return false
	}
	a := profiles.ENIPAnswer{Status: r.Status, Extended: r.Extended, Data: r.Data}
	if p != nil {
		a.Data = append([]byte{p.Status}, p.Data...)
		if p.Status == 0 {
			l.dataFile(x, q.PCCC)
		}
	}
	l.sample(enipWay(way, profiles.ENIPPCCC(q.PCCC.Command, q.PCCC.Function, q.PCCC.Data)), a.Append(nil), false, x)
	return true
}

// dataFile notes that a data file is there, as far as it was read or written.
func (l *enipLearner) dataFile(x *capture.Exchange, p *enip.PCCC) {
	a, ok := p.DataFile()
	each := a.Type.Size()
	if !ok || each == 0 || a.File > 999 || a.Size == 0 {
		return
	}
	name := fmt.Sprintf("%s%d", a.Type, a.File)
	n := int(a.Element) + (2*int(a.Word)+int(a.Size)+each-1)/each
	if n > profiles.ENIPDataElements || l.files[name] == 0 && len(l.files) >= enipFilesMax {
		return
	}
	if l.files[name] == 0 {
		l.s.Saw(l.s.fact("data file "+name), x)
	}
	l.files[name] = max(l.files[name], n)
}

// finishDataFiles lists the data files by their numbers. Two of one number are two controllers' behind one
// address: neither is listed.
func (l *enipLearner) finishDataFiles() {
	numbers := map[uint16]int{}
	var list []profiles.ENIPDataFile
	for name, n := range l.files {
		f := profiles.ENIPDataFile{Name: name, Elements: n}
		_, number, _ := f.Parse()
		numbers[number]++
		list = append(list, f)
	}
	number := func(f profiles.ENIPDataFile) uint16 { _, n, _ := f.Parse(); return n }
	list = slices.DeleteFunc(list, func(f profiles.ENIPDataFile) bool { return numbers[number(f)] > 1 })
	slices.SortFunc(list, func(a, b profiles.ENIPDataFile) int { return cmp.Compare(number(a), number(b)) })
	l.section.DataFiles = list
}

// Finish writes the section and its samples.
func (l *enipLearner) Finish(out *Output) (profiles.Section, error) {
	s := l.section
	s.ReplyTimeout = l.timeout.fixed
	l.finishSent()
	l.finishDataFiles()
	for _, key := range slices.Sorted(maps.Keys(l.transfers)) {
		l.giveUp(key, nil)
	}
	if err := l.finishUploads(out); err != nil {
		return nil, err
	}
	if err := l.finishTags(out); err != nil {
		return nil, err
	}
	l.identify(out.Device)
	if len(l.order) == 0 {
		if l.s.Record.Len() == 0 && s.Identity == nil && s.Offers == nil {
			return nil, nil
		}
		return s, nil
	}
	f := out.samples(l.s.Name())
	for _, name := range l.order {
		f.add(name, l.cells[name].goesOn(), &l.cells[name].track)
	}
	var err error
	s.Samples, err = f.close()
	return s, err
}
