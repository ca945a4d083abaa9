package capture

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ringer/capture/wire"
)

// How much is looked at before a flow counts as unknown, alone and together with all others that are
// being looked at.
const (
	identifyBytes    = 64 << 10
	identifyBytesAll = 4 << 20
	identifyMessages = 3
	identifyErrors   = 8
	identifySkipped  = 4 << 10
	headBytes        = 128
	knownMax         = 16384
)

// identification is what is known of a flow whose protocol is not decided yet.
type identification struct {
	sender      int // who sent the first datagram; -1: not known
	trials      []*trial
	started     bool
	incomplete  bool // its beginning was not captured, or bytes are missing
	seen        int
	head        [2][]byte // how each half begins
	firstPacket int
	speaker     int      // who sent the first bytes
	place       *pending // in the window
	wide        bool     // all protocols are tried, not only those of the port
	early       []piece  // all that was said so far, until then
}

func usualPorts(protocols []wire.Protocol) map[portKey][]int {
	usual := map[portKey][]int{}
	for i, p := range protocols {
		for _, s := range p.Ports() {
			transport, port, _ := strings.Cut(s, "/")
			if n, err := strconv.ParseUint(port, 10, 16); err == nil {
				k := portKey{transport == "udp", uint16(n)}
				usual[k] = append(usual[k], i)
			}
		}
	}
	return usual
}

// securePorts are where protocols are usually spoken over TLS (IANA's registry of service names).
var securePorts = map[string][]uint16{
	"http":   {443, 8443, 4443},
	"modbus": {802},
}

func usualSecurePorts(protocols []wire.Protocol) map[uint16][]int {
	usual := map[uint16][]int{}
	for i, p := range protocols {
		for _, port := range securePorts[p.Name()] {
			usual[port] = append(usual[port], i)
		}
	}
	return usual
}

// identify takes a piece of a flow whose protocol is not decided.
func (f *flow) identify(p piece) {
	switch p.kind {
	case pieceLost, pieceJoin:
		f.incomplete = true
	case pieceData, pieceDatagram:
		if !f.started {
			f.started = true
			f.firstPacket, f.speaker = p.meta.number, p.side
			f.begin()
			if f.talk != nil {
				f.talk.take(&p)
				return
			}
		}
		f.seen += len(p.data)
		f.a.trying += len(p.data)
		if h := f.head[p.side]; len(h) < headBytes && !f.key.udp || len(h) == 0 {
			f.head[p.side] = append(h, p.data[:min(len(p.data), headBytes-len(h))]...)
		}
	}
	for _, t := range f.trials {
		t.take(&p)
	}
	if !f.wide {
		p.data = append([]byte(nil), p.data...)
		f.early = append(f.early, p)
	}
	if f.started && p.kind < pieceLost {
		f.decide(false)
	}
}

// servers says which halves may be the server, the likelier first: the one with a port that a protocol
// uses; the one that was connected to; else the one that was spoken to first.
func (f *flow) servers(usual [2]bool) []int {
	first := -1
	switch {
	case f.tcp.client > 0:
		first = 2 - f.tcp.client
	case f.key.udp:
		first = 1 - f.speaker
	}
	likely := 0
	if usual[1] {
		likely = 1
	}
	switch {
	case usual[0] != usual[1] && (f.tcp.client == 0 || likely != first):
		return []int{likely, 1 - likely}
	case first >= 0:
		return []int{first}
	}
	return []int{1 - f.speaker, f.speaker}
}

// begin makes the first trials: the protocols of the port, if it is a usual one, and those that have no
// usual port. Only if they are refuted all others get theirs.
func (f *flow) begin() {
	sides, byPort := f.candidates()
	for _, side := range sides {
		if p := f.a.opt.ForcePort[f.addrs[side].Port()]; p != nil {
			f.choose(f.try(p, side, true))
			return
		}
	}
	if len(byPort[0])+len(byPort[1]) == 0 {
		f.widen()
		return
	}
	for _, side := range sides {
		for i, p := range f.a.protocols {
			if usual := slices.Contains(byPort[side], i); usual || len(byPort[side]) > 0 && len(p.Ports()) == 0 && f.offPort(p) {
				f.try(p, side, usual)
			}
		}
	}
}

// widen tries all protocols.
func (f *flow) widen() {
	f.wide = true
	sides, _ := f.candidates()
	begun := f.trials // not the candidates of now: what is known of the server may have changed since
	for _, side := range sides {
		for _, p := range f.a.protocols {
			if f.offPort(p) && !slices.ContainsFunc(begun, func(t *trial) bool { return t.protocol.Name() == p.Name() && t.server == side }) {
				f.try(p, side, false)
			}
		}
	}
	f.early = nil
}

func (f *flow) candidates() (sides []int, byPort [2][]int) {
	for side := range 2 {
		byPort[side] = f.a.usual[portKey{f.key.udp, f.addrs[side].Port()}]
		if f.tls != nil && side != f.tls.client {
			byPort[side] = slices.Concat(byPort[side], f.a.secure[f.addrs[side].Port()])
		}
		if i, ok := f.a.known[serverKey{f.key.udp, f.addrs[side]}]; ok && !slices.Contains(byPort[side], i) {
			byPort[side] = append(slices.Clip(byPort[side]), i)
		}
	}
	if f.tls != nil {
		return []int{1 - f.tls.client}, byPort
	}
	return f.servers([2]bool{len(byPort[0]) > 0, len(byPort[1]) > 0}), byPort
}

// offPort says whether a protocol is looked for on ports that it does not usually have: on those of its
// transport.
func (f *flow) offPort(p wire.Protocol) bool {
	ports := p.Ports()
	for _, s := range ports {
		if strings.HasPrefix(s, f.transport()+"/") {
			return true
		}
	}
	return len(ports) == 0 && !f.key.udp
}

// try begins a trial, which hears what was said so far.
func (f *flow) try(p wire.Protocol, server int, usual bool) *trial {
	t := &trial{usual: usual}
	t.protocol, t.conn, t.server, t.max = p, p.New(), server, f.a.opt.MaxMessage
	t.waiting = &f.a.waiting
	t.to = t
	for i := range f.early {
		t.take(&f.early[i])
	}
	f.trials = append(f.trials, t)
	return t
}

// decide settles on a protocol, or on there being none that we know, as soon as the bytes say so.
// atEnd: there will be no more.
func (f *flow) decide(atEnd bool) {
	if f.talk != nil || f.ignored {
		return
	}
	atEnd = atEnd || f.seen >= identifyBytes || f.a.trying > identifyBytesAll
	f.refute()
	best := f.best(atEnd)
	if best == nil && !f.wide && (atEnd || len(f.trials) == 0) {
		f.widen()
		f.refute()
		best = f.best(atEnd)
	}
	switch {
	case best != nil:
		f.choose(best)
	case atEnd || len(f.trials) == 0:
		f.unknown()
	}
}

// best is the trial that is proven and explains most: requests with their replies, then bytes.
func (f *flow) best(atEnd bool) *trial {
	var best *trial
	for _, t := range f.trials {
		if f.proven(t, atEnd) && (best == nil || t.pairs() > best.pairs() || t.pairs() == best.pairs() && t.bytes > best.bytes) {
			best = t
		}
	}
	return best
}

// refute drops the trials that the bytes speak against.
func (f *flow) refute() {
	live := f.trials[:0]
	for _, t := range f.trials {
		if f.refuted(t) {
			t.release()
		} else {
			live = append(live, t)
		}
	}
	clear(f.trials[len(live):])
	f.trials = live
}

// refuted: the bytes are of something else. On its usual port a protocol may begin with a few bytes that
// are not its own, and behind a gap any may.
func (f *flow) refuted(t *trial) bool {
	if name := f.magic(); name != "" && name != t.protocol.Name() {
		// TLS that is tried on a port without it is answered in the port's own protocol.
		return !(name == "tls" && t.usual && f.said[t.server] == 0)
	}
	switch {
	case t.usual:
		return t.errors+t.skips > identifyErrors && t.errors+t.skips > t.total()
	case f.incomplete:
		return t.skipped > identifySkipped && t.skipped > t.bytes
	}
	return t.errors > 0
}

// proven: on its usual port one message is enough, unless another protocol of that port is still
// possible. Elsewhere three are, of both sides if both speak, that leave hardly a byte out; or one that
// begins like no other protocol's. At the end a request with its reply will do.
func (f *flow) proven(t *trial, atEnd bool) bool {
	switch {
	case t.total() == 0 || f.undecided(t) && !atEnd:
		return false
	case t.usual:
		if !atEnd && t.total() < identifyMessages {
			for _, other := range f.trials {
				if other != t && (other.usual || other.bytes > t.bytes) {
					return false
				}
			}
		}
		return true
	case t.protocol.Name() == f.magic():
		return true
	case t.skipped*8 > t.bytes:
		return false
	case f.said[0] > 0 && f.said[1] > 0:
		return (atEnd || t.total() >= identifyMessages) && t.messages[0] > 0 && t.messages[1] > 0
	}
	return t.total() >= identifyMessages
}

// choose makes a trial the flow's dialogue, and pairs what it has read so far.
func (f *flow) choose(t *trial) {
	f.a.trying -= f.seen
	f.talk = &t.dialogue
	for _, other := range f.trials {
		if other != t {
			other.release()
		}
	}
	f.trials, f.early, f.head = nil, nil, [2][]byte{}
	f.talk.to = f
	f.notifies = f.key.udp && f.addrs[t.server].Port() == portNotifications
	speaks, toAll := f.announced(t)
	if f.toAll = toAll; f.notifies || speaks {
		// The device speaks first here, to the manager's port.
		f.talk.server = 1 - t.server
		for i := range t.events {
			t.events[i].side = !t.events[i].side
		}
	}
	server := f.addrs[f.talk.server]
	if f.notifies {
		server = netip.AddrPortFrom(server.Addr(), portNotifications)
	}
	if !f.a.wantedServer(server) && !toAll {
		f.settle()
		f.talk.release()
		f.talk, f.ignored = nil, true
		return
	}
	if !t.usual && len(f.a.known) < knownMax {
		f.a.known[serverKey{f.key.udp, f.addrs[t.server]}] = slices.IndexFunc(f.a.protocols, func(p wire.Protocol) bool { return p.Name() == t.protocol.Name() })
	}
	if !toAll {
		f.entry = f.a.survey.service(f)
	}
	for _, e := range t.events {
		switch {
		case e.message != nil:
			f.message(e.side, e.message, e.raw, e.first, e.last)
		case e.joined:
			f.joined(e.side)
		default:
			f.missing(e.side)
		}
	}
	f.settle()
}

// portNotifications is where SNMP managers wait for what devices say unasked (RFC 3417, section 3).
const portNotifications = 162

// unknown gives up.
func (f *flow) unknown() {
	f.a.trying -= f.seen
	for _, t := range f.trials {
		t.release()
	}
	f.ignored, f.trials, f.early = true, nil, nil
	f.settle()
}

// settle gives the flow's place in the window free.
func (f *flow) settle() {
	if f.place != nil {
		f.place.flow, f.place = nil, nil
	}
}

// undecided: several protocols share the port and the connection set-up, and none of their own data came
// so far.
func (f *flow) undecided(t *trial) bool {
	return (isTPKT(f.head[0]) || isTPKT(f.head[1])) && f.magic() == ""
}
