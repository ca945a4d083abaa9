package clone

import (
	"bytes"
	"slices"

	"ringer/capture/tls"
	"ringer/profiles"
)

// tlsLearning gathers how a service greets over TLS, whatever is spoken inside.
type tlsLearning struct {
	last     *tls.Handshake
	versions map[uint16]bool
	suites   map[uint16]bool
	groups   map[uint16]bool
	alpn     map[string]bool
	chain    [][]byte // shown last
}

// add takes the handshake of an exchange's connection; most have been seen.
func (t *tlsLearning) add(h *tls.Handshake) {
	if h == t.last || h.Version == 0 {
		return
	}
	if t.last == nil {
		t.versions, t.suites, t.groups, t.alpn = map[uint16]bool{}, map[uint16]bool{}, map[uint16]bool{}, map[string]bool{}
	}
	t.last = h
	t.versions[h.Version], t.suites[h.Suite] = true, true
	if h.Group != 0 {
		t.groups[h.Group] = true
	}
	if h.Protocol != "" && len(t.alpn) < alpnMax {
		t.alpn[h.Protocol] = true
	}
	if len(h.Certificates) > 0 {
		t.chain = h.Certificates
	}
}

// alpnMax bounds the names of protocols that are kept.
const alpnMax = 64

// finish says what was learned; nil: the service was spoken in the clear.
func (t *tlsLearning) finish(out *Output, stem string) (*profiles.TLS, error) {
	if t.last == nil {
		return nil, nil
	}
	// Who speaks 1.3 alone is rare; clients that offer no more than 1.2 were seldom there.
	versions := append(keysOf(t.versions), tls.Version12)
	p := &profiles.TLS{Min: tls.VersionName(slices.Min(versions)), Max: tls.VersionName(slices.Max(keysOf(t.versions)))}
	for _, s := range keysOf(t.suites) {
		p.Suites = append(p.Suites, tls.SuiteName(s))
	}
	for _, g := range keysOf(t.groups) {
		p.Groups = append(p.Groups, tls.GroupName(g))
	}
	p.ALPN = keysOf(t.alpn)
	for _, der := range t.chain {
		c, err := profiles.ReadCertificate(der)
		if err != nil { // what is not understood cannot be served either
			p.Chain = nil
			return p, nil
		}
		p.Chain = append(p.Chain, *c)
	}
	if len(t.chain) == 0 {
		return p, nil
	}
	p.Original = "tls/" + stem + ".der"
	return p, out.file(p.Original, bytes.Join(t.chain, nil))
}

func keysOf[K uint16 | string](m map[K]bool) []K {
	var list []K
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
