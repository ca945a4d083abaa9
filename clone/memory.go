package clone

import (
	"hash/maphash"
	"iter"
	"net/netip"
	"sync"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A Memory holds what an interrupted scan was told, so that nothing is asked twice: the k-th asking of a
// question gets the k-th answer of then. The answers lie in a file; a few numbers of each stay in memory.
type Memory struct {
	mu    sync.Mutex
	seed  maphash.Seed
	spill *profiles.Spill
	known map[memoryKey][]remembered
	// servers are those that were asked over TCP.
	servers map[netip.AddrPort]bool
}

type memoryKey struct {
	server    netip.AddrPort
	transport string
	secure    bool   // within TLS
	question  uint64 // hash of the key
}

// remembered is one answer: the sizes of its messages; none: the device was silent.
type remembered struct {
	at    int64 // in the spill
	sizes []int
}

// NewMemory remembers the exchanges of a recording, whose end may be torn off. What it lost is not
// remembered.
func NewMemory(seq iter.Seq2[capture.Exchange, error]) (*Memory, error) {
	m := &Memory{seed: maphash.MakeSeed(), spill: profiles.NewSpill(), known: map[memoryKey][]remembered{}, servers: map[netip.AddrPort]bool{}}
	for x, err := range seq {
		if err != nil || x.Request == nil || x.Lost {
			continue
		}
		if _, ok := x.Protocol.(ipmi.Protocol); ok {
			x = *ipmiPlain(&x) // their session is over: nobody could read them
		}
		var all []byte
		var r remembered
		for _, reply := range x.Replies {
			before := len(all)
			if all, err = reply.Append(all); err != nil {
				break
			}
			r.sizes = append(r.sizes, len(all)-before)
		}
		if err == nil {
			r.at = m.spill.Put(all)
			k := m.key(x.Server, x.Transport, x.TLS != nil, x.Request)
			m.known[k] = append(m.known[k], r)
			if x.Transport == "tcp" {
				m.servers[k.server] = true
			}
		}
	}
	return m, m.spill.Err()
}

// Close frees what the memory holds.
func (m *Memory) Close() error { return m.spill.Close() }

// Len says how many questions are known.
func (m *Memory) Len() int { return len(m.known) }

func (m *Memory) key(server netip.AddrPort, transport string, secure bool, req wire.Message) memoryKey {
	server = netip.AddrPortFrom(server.Addr().Unmap().WithZone(""), server.Port())
	return memoryKey{server, transport, secure, maphash.Bytes(m.seed, wire.AppendKey(nil, req))}
}

// recall gives the next remembered answer to a question, made to fit this asking of it, message by message.
func (m *Memory) recall(p wire.Protocol, server netip.AddrPort, transport string, secure bool, req wire.Message) (said [][]byte, known bool) {
	if m == nil {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.key(server, transport, secure, req)
	all := m.known[k]
	if len(all) == 0 {
		return nil, false
	}
	r := all[0]
	m.known[k] = all[1:]
	conn := p.New()
	if b, err := req.Append(nil); err == nil {
		conn.Next(wire.Client, b, false)
	}
	at := r.at
	for _, n := range r.sizes {
		b := make([]byte, n)
		if _, err := m.spill.ReadAt(b, at); err != nil {
			return nil, false
		}
		at += int64(n)
		if _, reply, err := conn.Next(wire.Server, b, true); err == nil && reply != nil {
			wire.Echo(reply, req)
			if fit, err := reply.Append(nil); err == nil {
				b = fit
			}
		}
		said = append(said, b)
	}
	return said, true
}

// knows says whether a server was asked anything.
func (m *Memory) knows(server netip.AddrPort) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.servers[server]
}
