package capture

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"ringer/capture/tls"
	"ringer/capture/wire"
)

// An assembly turns packets into exchanges.
type assembly struct {
	opt       *Options
	survey    *Survey
	protocols []wire.Protocol
	usual     map[portKey][]int // indexes of protocols
	secure    map[uint16][]int  // the same for ports of TLS
	known     map[serverKey]int // the same for unusual ports, as found so far
	devices   map[netip.Addr]bool
	ports     map[uint16]bool
	from, to  int64
	damage    error

	unwrap   unwrapper
	seed     maphash.Seed
	clock    int64 // the latest time stamp so far
	now      meta
	count    int64
	flows    map[flowKey]*flow
	newest   *flow
	oldest   *flow
	flowsNow int
	flowsAll uint64
	held     int // bytes, by reassembly
	trying   int // bytes, by identification
	waiting  int // bytes, of incomplete messages
	tlsHeld  int // bytes, by layers of TLS
	window   window
	calls    []call                    // to everybody, the newest last
	replies  map[reflect.Type]struct{} // the types of all that has answered a request so far
	lastType reflect.Type

	secrets       tls.Secrets
	expectSecrets bool // the recording may have more of them
	newSecrets    bool
	badSecrets    int
	unread        map[*tlsLayer]struct{} // they wait for secrets
	chains        chains
	tlsFailed     int
}

// A serverKey is a port of a device, where connections that say more told what it speaks.
type serverKey struct {
	udp  bool
	addr netip.AddrPort
}

type portKey struct {
	udp  bool
	port uint16
}

func newAssembly(opt *Options) *assembly {
	a := &assembly{opt: opt, survey: opt.Survey, protocols: opt.Protocols, seed: maphash.MakeSeed(), flows: map[flowKey]*flow{}, known: map[serverKey]int{}, replies: map[reflect.Type]struct{}{}}
	if a.protocols == nil {
		var err error
		if a.protocols, err = opt.Keys.Protocols(); err != nil {
			a.notice(err)
		}
	}
	if opt.MaxMessage <= 0 {
		opt.MaxMessage = defaultMaxMessage
	}
	a.usual, a.secure = usualPorts(a.protocols), usualSecurePorts(a.protocols)
	a.unread = map[*tlsLayer]struct{}{}
	if opt.Keys != nil {
		a.secrets.Add(&opt.Keys.TLS)
	}
	if len(opt.Devices) > 0 {
		a.devices = map[netip.Addr]bool{}
		for _, d := range opt.Devices {
			a.devices[d.Unmap().WithZone("")] = true
		}
	}
	if len(opt.Ports) > 0 {
		a.ports = map[uint16]bool{}
		for _, p := range opt.Ports {
			a.ports[p] = true
		}
	}
	if !opt.From.IsZero() {
		a.from = opt.From.UnixNano()
	}
	if !opt.To.IsZero() {
		a.to = opt.To.UnixNano()
	}
	a.unwrap.deliver = a.transport
	a.unwrap.clock = func() int64 { return a.clock }
	if a.survey != nil {
		a.survey.start(opt.Name)
	}
	return a
}

func (a *assembly) packet(p *packet) {
	if a.from != 0 && p.at < a.from || a.to != 0 && p.at >= a.to {
		return
	}
	a.unlock()
	if p.note == NoteResumed {
		a.cut()
	}
	a.count++
	a.clock = max(a.clock, p.at)
	a.now = meta{p.number, p.at, p.note}
	if a.survey != nil {
		a.survey.packet(p)
	}
	a.unwrap.packet(p.link, p.data)
	a.expire()
}

// transport reads the TCP or UDP header (RFC 9293, section 3.1; RFC 768).
func (a *assembly) transport(ip *ipPacket) {
	b := ip.payload
	if len(b) < 8 {
		return
	}
	k := flowKey{a: ip.src, b: ip.dst, aPort: binary.BigEndian.Uint16(b), bPort: binary.BigEndian.Uint16(b[2:]), udp: ip.protocol == 17}
	side := 0
	if !k.ordered() {
		k.a, k.b, k.aPort, k.bPort = k.b, k.a, k.bPort, k.aPort
		side = 1
	}
	if k.udp {
		a.udp(k, side, ip)
		return
	}
	if len(b) < 20 {
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > len(b) {
		return
	}
	s := segment{
		seq: binary.BigEndian.Uint32(b[4:]), ack: binary.BigEndian.Uint32(b[8:]), flags: b[13],
		data: b[head:], cut: ip.cut, meta: a.now,
	}
	f := a.flows[k]
	if f != nil && !f.tcp.fits(side, &s) {
		a.end(f)
		f = nil
	}
	if f == nil {
		f = a.open(k)
		f.tcp.all, f.tcp.to = &a.held, f
	}
	a.touch(f)
	f.tcp.add(side, &s, a.clock)
	f.hold()
	if f.tcp.over() && f.closer < 0 {
		f.closer = side
		if !f.awaitsSecrets() {
			f.finish()
		}
	}
}

func (a *assembly) udp(k flowKey, side int, ip *ipPacket) {
	b, cut := ip.payload[8:], ip.cut
	if n := int(binary.BigEndian.Uint16(ip.payload[4:])) - 8; n >= 0 && n < len(b) {
		b, cut = b[:n], 0
	}
	f := a.flows[k]
	if f == nil {
		f = a.open(k)
		f.recent = &[2]recentDatagrams{}
		f.sender = side
	}
	a.touch(f)
	if f.recent[side].isCopy(a.seed, b, ip.id, a.now.at) {
		return
	}
	if cut > 0 {
		f.lost(side, cut, a.now)
		return
	}
	f.datagram(side, b, a.now)
	f.hold()
}

func (k *flowKey) ordered() bool {
	for i := range k.a {
		if k.a[i] != k.b[i] {
			return k.a[i] < k.b[i]
		}
	}
	return k.aPort <= k.bPort
}

func (a *assembly) open(k flowKey) *flow {
	f := &flow{a: a, key: k, number: a.flowsAll, closer: -1}
	f.open, f.asked = f.openSpace[:0], f.askedSpace[:0]
	f.addrs[0] = netip.AddrPortFrom(netip.AddrFrom16(k.a).Unmap(), k.aPort)
	f.addrs[1] = netip.AddrPortFrom(netip.AddrFrom16(k.b).Unmap(), k.bPort)
	f.sender = -1
	f.ignored = !a.wanted(f)
	a.flowsAll++
	a.flows[k] = f
	a.flowsNow++
	return f
}

// wanted: one of the peers may be a server that was asked for.
func (a *assembly) wanted(f *flow) bool {
	device, port := a.devices == nil, a.ports == nil
	for _, p := range f.addrs {
		device = device || a.devices[p.Addr()] || f.key.udp && isEverybody(p.Addr())
		port = port || a.ports[p.Port()]
	}
	return device && port
}

func (a *assembly) wantedServer(p netip.AddrPort) bool {
	return (a.devices == nil || a.devices[p.Addr()]) && (a.ports == nil || a.ports[p.Port()])
}

// touch makes f the newest flow.
func (a *assembly) touch(f *flow) {
	f.last, f.lastAt = a.clock, a.now.at
	if a.newest == f {
		return
	}
	a.unlink(f)
	f.older = a.newest
	if a.newest != nil {
		a.newest.newer = f
	} else {
		a.oldest = f
	}
	a.newest = f
}

func (a *assembly) unlink(f *flow) {
	if f.older != nil {
		f.older.newer = f.newer
	} else if a.oldest == f {
		a.oldest = f.newer
	}
	if f.newer != nil {
		f.newer.older = f.older
	} else if a.newest == f {
		a.newest = f.older
	}
	f.newer, f.older = nil, nil
}

// expire ends what has been idle for too long.
func (a *assembly) expire() {
	for f := a.oldest; f != nil; f = a.oldest {
		idle := tcpIdle
		if f.key.udp {
			idle = udpIdle
		} else if f.closer >= 0 {
			idle = closedIdle
		}
		if a.clock-f.last <= idle && a.flowsNow <= flowsMax {
			return
		}
		a.end(f)
	}
}

// end takes a flow off the table.
func (a *assembly) end(f *flow) {
	f.tcp.flush()
	f.finish()
	a.unlink(f)
	if a.flows[f.key] == f {
		delete(a.flows, f.key)
	}
	a.flowsNow--
}

// cut ends all flows: the recording stops here.
func (a *assembly) cut() {
	for a.oldest != nil {
		a.end(a.oldest)
	}
}

// finish is called when the recording is over.
func (a *assembly) finish() {
	a.unlock()
	a.cut()
	links := slices.Sorted(maps.Keys(a.unwrap.unknown))
	for _, link := range links {
		a.notice(fmt.Errorf("%d packets are of link type %d, which is not read", a.unwrap.unknown[link], link))
	}
	if a.survey != nil {
		a.survey.finish(a)
	}
}
