package snmp

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseOID(t *testing.T) {
	for _, x := range []struct{ in, want, hex string }{
		{"1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.1.0", "+\x06\x01\x02\x01\x01\x01\x00"},
		{".1.3", "1.3", "+"}, {"0.0", "0.0", "\x00"}, {"1", "1.0", "\x28"},
		{"2.999.3", "2.999.3", "\x88\x37\x03"}, {"1.3.128", "1.3.128", "+\x81\x00"}, {"1.3.4294967295", "1.3.4294967295", "+\x8f\xff\xff\xff\x7f"},
	} {
		o, err := ParseOID(x.in)
		if err != nil || string(o) != x.hex || o.String() != x.want || !o.Valid() {
			t.Errorf("%s: % x prints as %s: %v", x.in, []byte(o), o, err)
		}
	}
	for _, s := range []string{"", ".", "1.3.", "1..3", "3.1", "1.40", "1.3.4294967296", "1.3.x", "-1", "iso.3", "1.3.6 "} {
		if o, err := ParseOID(s); err == nil {
			t.Errorf("%q: read as %s", s, o)
		}
	}
}

func TestCanonicalOID(t *testing.T) {
	for in, want := range map[string]string{"\x2b\x80\x80\x01": "\x2b\x01", "\x80\x2b\x81\x80\x00": "\x2b\x81\x80\x00", "\x2b\x80\x00": "\x2b\x00"} {
		if got := OID(in).Canonical(); string(got) != want || !OID(in).Valid() {
			t.Errorf("% x: % x, want % x", in, []byte(got), want)
		}
	}
	for _, in := range []string{"\x2b\x81", "\x2b\x80", "\x2b\x90\x80\x80\x80\x00", "\x2b\x81\x80\x80\x80\x80\x00"} {
		if OID(in).Valid() {
			t.Errorf("% x is no OID", in)
		}
	}
}

// TestCompareOID compares with numbers, which are compared one by one.
func TestCompareOID(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	edges := []uint32{0, 1, 2, 127, 128, 129, 255, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 4294967295}
	random := func() []uint32 {
		n := []uint32{1, 3}
		for range rnd.IntN(14) {
			n = append(n, edges[rnd.IntN(len(edges))])
		}
		return n
	}
	encode := func(n []uint32) OID {
		var s []string
		for _, x := range n {
			s = append(s, strconv.FormatUint(uint64(x), 10))
		}
		o, err := ParseOID(strings.Join(s, "."))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for range 200000 {
		a, b := random(), random()
		if k := rnd.IntN(min(len(a), len(b))); rnd.IntN(2) == 0 {
			copy(b, a[:k+1])
		}
		if got, want := encode(a).Compare(encode(b)), slices.Compare(a, b); got != want {
			t.Fatalf("%v and %v compare as %d, want %d", a, b, got, want)
		}
	}
}

func BenchmarkCompareOID(b *testing.B) {
	o, _ := ParseOID("1.3.6.1.4.1.9999.1.2.1.10.123456")
	p, _ := ParseOID("1.3.6.1.4.1.9999.1.2.1.10.123457")
	for b.Loop() {
		if o.Compare(p) >= 0 {
			b.Fatal("order")
		}
	}
}
