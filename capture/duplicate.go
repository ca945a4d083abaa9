package capture

import "hash/maphash"

// A mirror port, or a capture before and behind a firewall, shows every packet twice. TCP sorts that out
// by its sequence numbers; for datagrams the last ones of each peer are remembered. A copy has the same
// payload and the same IP identification, whatever its MAC addresses, VLAN and TTL. A retransmission has
// a new identification. Where there is none (IPv6; hosts that always send the same), only what comes
// at once is a copy.
const (
	copyWindow     = int64(1e9)
	copyWindowNoID = int64(5e6)
	copiesKept     = 8
)

type datagramTrace struct {
	sum uint64
	at  int64
	id  uint32
}

// recentDatagrams remembers what one peer sent last.
type recentDatagrams struct {
	last  [copiesKept]datagramTrace
	n     int
	stuck bool // different datagrams came with the same identification
}

func (r *recentDatagrams) isCopy(seed maphash.Seed, payload []byte, id uint32, at int64) bool {
	t := datagramTrace{maphash.Bytes(seed, payload), at, id}
	for i := range min(r.n, copiesKept) {
		old := &r.last[i]
		if old.sum != t.sum {
			if old.id == id && at-old.at < copyWindow {
				r.stuck = true
			}
			continue
		}
		window := copyWindow
		if id == 0 || r.stuck {
			window = copyWindowNoID
		}
		if old.id == id && at-old.at <= window && old.at-at <= window {
			return true
		}
	}
	r.last[r.n%copiesKept] = t
	r.n++
	return false
}
