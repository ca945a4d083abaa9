package capture

// Bounds of the table of incomplete packets, and how long the fragments of one may be apart.
const (
	fragmentsMax     = 1024        // packets
	fragmentBytesMax = 4 << 20     // of all of them
	fragmentPieces   = 1 << 10     // of one
	ipPayloadMax     = 0xffff      // RFC 791, RFC 8200 without jumbograms
	fragmentTimeout  = int64(60e9) // RFC 8200, section 4.5: 60 seconds
)

type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	protocol uint8
}

type fragmentPiece struct {
	offset int
	data   []byte
}

type fragmented struct {
	pieces []fragmentPiece // by offset, without overlaps
	total  int             // -1 until the last fragment came
	bytes  int
	since  int64
	order  uint64
}

// fragments holds IP packets of which some fragments are missing. Where fragments overlap, the first
// copy wins.
type fragments struct {
	table map[fragmentKey]*fragmented
	bytes int
	count uint64
	queue []fragmentKey // oldest first; may name packets that are gone
	ages  []uint64
}

// reassemble takes the packet in u.ip as a fragment. If it completes its packet, that is in u.ip
// afterwards.
func (u *unwrapper) reassemble(offset int, more bool) bool {
	u.stats.fragmented++
	ip := &u.ip
	f := &u.fragments
	if ip.cut > 0 || offset+len(ip.payload) > ipPayloadMax {
		return false
	}
	if more && len(ip.payload)%8 != 0 {
		u.stats.malformed++
		return false
	}
	k := fragmentKey{ip.src, ip.dst, ip.id, ip.protocol}
	if u.version6() {
		k.protocol = 0 // only the first fragment's counts (RFC 8200, section 4.5)
	}
	now := u.clock()
	p := f.table[k]
	if p != nil && now-p.since > fragmentTimeout {
		f.drop(k)
		p = nil
	}
	if p == nil {
		p = &fragmented{total: -1, since: now, order: f.count}
		f.count++
		if f.table == nil {
			f.table = map[fragmentKey]*fragmented{}
		}
		f.table[k] = p
		f.queue, f.ages = append(f.queue, k), append(f.ages, p.order)
	}
	f.bytes += p.add(offset, ip.payload)
	if !more && p.total < 0 {
		p.total = offset + len(ip.payload)
	}
	if p.total >= 0 && p.bytes >= p.total {
		whole := make([]byte, 0, p.total)
		for _, x := range p.pieces {
			whole = append(whole, x.data...)
		}
		f.drop(k)
		if len(whole) < p.total {
			return false
		}
		ip.payload = whole[:p.total]
		return true
	}
	if len(p.pieces) > fragmentPieces {
		f.drop(k)
	}
	f.shrink()
	return false
}

func (u *unwrapper) version6() bool { return [12]byte(u.ip.src[:12]) != mapped }

// add keeps what of the fragment is new and says how many bytes that is.
func (p *fragmented) add(offset int, b []byte) int {
	added := 0
	i := 0
	for len(b) > 0 {
		for i < len(p.pieces) && p.pieces[i].offset+len(p.pieces[i].data) <= offset {
			i++
		}
		n := len(b)
		if i < len(p.pieces) {
			x := p.pieces[i]
			if x.offset <= offset {
				skip := min(n, x.offset+len(x.data)-offset)
				offset += skip
				b = b[skip:]
				continue
			}
			n = min(n, x.offset-offset)
		}
		p.pieces = append(p.pieces, fragmentPiece{})
		copy(p.pieces[i+1:], p.pieces[i:])
		p.pieces[i] = fragmentPiece{offset, append([]byte(nil), b[:n]...)}
		added += n
		offset += n
		b = b[n:]
	}
	p.bytes += added
	return added
}

func (f *fragments) drop(k fragmentKey) {
	if p := f.table[k]; p != nil {
		f.bytes -= p.bytes
		delete(f.table, k)
	}
}

// shrink forgets the oldest packets when there are too many.
func (f *fragments) shrink() {
	for len(f.queue) > 0 && (len(f.table) > fragmentsMax || f.bytes > fragmentBytesMax || len(f.queue) > 4*fragmentsMax) {
		k, age := f.queue[0], f.ages[0]
		f.queue, f.ages = f.queue[1:], f.ages[1:]
		if p := f.table[k]; p != nil && p.order == age {
			f.drop(k)
		}
	}
}
