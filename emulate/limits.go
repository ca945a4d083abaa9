package emulate

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ringer/profiles"
)

// What a service takes from its peers unless its profile says otherwise. One peer alone cannot take all
// connections of a service.
const (
	defaultConnections = 512
	defaultPerPeer     = 128
	defaultUDPPeers    = 4096
	defaultIdle        = 10 * time.Minute
	defaultMessage     = 1 << 20
	defaultRate        = 100 // datagrams a second to one address
)

const (
	firstBuffer  = 2 << 10  // what a connection begins to read into
	bufferBudget = 64 << 20 // what all connections of a decoy may read into beyond that
)

func limitsOf(given *profiles.Limits, udp bool) profiles.Limits {
	l := profiles.Limits{}
	if given != nil {
		l = *given
	}
	if l.Connections == 0 {
		l.Connections = defaultConnections
		if udp {
			l.Connections = defaultUDPPeers
		}
	}
	if l.PerPeer == 0 {
		l.PerPeer = max(min(defaultPerPeer, l.Connections-1), 1)
	}
	if l.Idle == 0 {
		l.Idle = defaultIdle
	}
	if l.Message == 0 {
		l.Message = defaultMessage
	}
	if l.Rate == 0 {
		l.Rate = defaultRate
	}
	return l
}

// A crowd counts the connections of a door.
type crowd struct {
	mu    sync.Mutex
	n     int
	peers map[netip.Addr]int
}

// enter lets one more in; what is not empty is the limit that it met.
func (c *crowd) enter(a netip.Addr, l profiles.Limits) (what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.n >= l.Connections:
		return "connections of the service"
	case c.peers[a] >= l.PerPeer:
		return "connections of one address"
	}
	if c.peers == nil {
		c.peers = map[netip.Addr]int{}
	}
	c.n++
	c.peers[a]++
	return ""
}

func (c *crowd) leave(a netip.Addr) {
	c.mu.Lock()
	c.n--
	if c.peers[a]--; c.peers[a] <= 0 {
		delete(c.peers, a)
	}
	c.mu.Unlock()
}

// A budget is memory that connections share.
type budget struct{ left atomic.Int64 }

func (b *budget) take(n int) bool {
	if b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	return true
}

func (b *budget) give(n int) { b.left.Add(int64(n)) }

// A rateLimit keeps a UDP service from being used against others by those who forge their address: each
// address gets so many datagrams a second, and twice that at once. It is a table of fixed size without
// collision handling, so that a flood from many addresses finds nothing to fill.
type rateLimit struct {
	perSecond float64
	seed      maphash.Seed
	buckets   *[4096]bucket // nil until somebody from outside asks
}

type bucket struct {
	tokens  float64
	at      time.Time
	refused uint64 // since it was last noted
	noted   time.Time
	from    netip.AddrPort // the one refused last
}

const (
	rateBurst = 2
	rateUnit  = 1500 // an answer counts once for every so many bytes
	rateNoted = time.Second
)

// bucket is filled up to now.
func (r *rateLimit) bucket(a netip.Addr, now time.Time) *bucket {
	if r.buckets == nil {
		r.seed, r.buckets = maphash.MakeSeed(), new([4096]bucket)
	}
	k := a.As16()
	b := &r.buckets[maphash.Bytes(r.seed, k[:])%uint64(len(r.buckets))]
	if b.at.IsZero() {
		b.tokens = r.perSecond * rateBurst
	} else {
		b.tokens = min(r.perSecond*rateBurst, b.tokens+now.Sub(b.at).Seconds()*r.perSecond)
	}
	b.at = now
	return b
}

// refuse counts a refusal, and says whether it is time to note them.
func (b *bucket) refuse(from netip.AddrPort, now time.Time) (note bool) {
	b.refused++
	b.from = from
	return now.Sub(b.noted) >= rateNoted
}

// charge counts an answer: every datagram of it, and more for long ones.
func (b *bucket) charge(datagrams, bytes int) {
	b.tokens -= float64(max(datagrams, (bytes+rateUnit-1)/rateUnit))
}
