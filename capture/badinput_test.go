package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"ringer/capture/wire"
)

// TestBadInput cuts every real capture at many places and flips bits of it: whatever comes of that, it
// is a result or an error, and what comes before a cut is what comes of the whole file.
func TestBadInput(t *testing.T) {
	var slowest time.Duration
	var slowestName string
	eachRecording(t, func(t *testing.T, path, name string) {
		if testing.Short() {
			return
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(uint64(len(whole)), 1))
		try := func(data []byte) {
			began := time.Now()
			survey := Survey{}
			for x, err := range Exchanges(bytes.NewReader(data), Options{Warn: func(error) {}, Survey: &survey}) {
				if err != nil {
					continue
				}
				if x.Protocol == nil || x.Request == nil && len(x.Replies) == 0 {
					t.Fatalf("an empty exchange: %+v", x)
				}
			}
			if d := time.Since(began); d > slowest {
				slowest, slowestName = d, name
			}
		}
		cuts, flips := badInputCuts, badInputFlips
		if len(whole) > 1<<20 {
			cuts, flips = max(1, cuts/badInputLarge), max(1, flips/badInputLarge)
		}
		for i := range cuts {
			try(whole[:len(whole)*i/cuts])
		}
		data := make([]byte, len(whole))
		for i := range flips {
			copy(data, whole)
			// One flip, or many, of which some are sure to be where they hurt.
			for range 1 << (i % 10) {
				data[random.IntN(len(data))] ^= 1 << random.IntN(8)
			}
			try(data)
		}
	})
	t.Logf("the slowest took %v (%s)", slowest, slowestName)
}

func FuzzFile(f *testing.F) {
	micro := conversation(time.Microsecond)
	f.Add(classic(binary.LittleEndian, 0xa1b2c3d4, time.Microsecond, micro))
	f.Add(classic(binary.BigEndian, 0xa1b2cd34, time.Microsecond, micro))
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		ng := &ngFile{order: order}
		ng.section()
		ng.describe(linkEthernet, ng.option(optResol, []byte{9}))
		for _, x := range micro {
			ng.enhanced(0, uint64(x.at.UnixNano()), x.data, ng.option(optComment, []byte("c")))
		}
		ng.block(blockSimple, ng.u32(uint32(len(micro[0].data))), micro[0].data)
		f.Add(ng.b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		survey := Survey{}
		for x, err := range Exchanges(bytes.NewReader(data), Options{Protocols: append(Protocols(), lines{}), Survey: &survey}) {
			if err == nil && x.Protocol == nil {
				t.Fatal("an exchange of no protocol")
			}
		}
	})
}

// FuzzPackets takes its input for frames, each behind a length of two bytes; the first byte chooses the
// link type.
func FuzzPackets(f *testing.F) {
	links := []uint32{linkEthernet, linkRaw, linkNull, linkLoop, linkSLL, linkSLL2}
	add := func(link byte, frames ...[]byte) {
		b := []byte{link}
		for _, x := range frames {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(x))), x...)
		}
		f.Add(b)
	}
	var frames, bare [][]byte
	for _, x := range conversation(time.Microsecond) {
		frames, bare = append(frames, x.data), append(bare, x.data[14:])
	}
	add(0, frames...)
	add(1, bare...)
	add(1, greOver(etherERSPAN, 0, nil, frames[0]), greOver(etherERSPAN3, 0x1000, make([]byte, 16), frames[2]))
	add(1, ip4(outer[0], outer[1], 17, 5, 0x2000, make([]byte, 64)), ip4(outer[0], outer[1], 17, 5, 8, make([]byte, 64)))
	add(1, ip6(44, make([]byte, 64)), ip6(0, make([]byte, 64)))
	add(1, udp4(clientAddr, serverAddr, 1, "q1\n"), udp4(serverAddr, clientAddr, 1, "a1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		r := newRecorder(links[int(data[0])%len(links)])
		for data = data[1:]; len(data) >= 2; {
			n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
			r.frame(data[2:2+n], 1<<16)
			data = data[2+n:]
		}
		held := 0
		opt := Options{Protocols: append(Protocols(), lines{}), KeepRaw: true, ForcePort: map[uint16]wire.Protocol{7: lines{}}}
		for x, err := range Exchanges(bytes.NewReader(r.Bytes()), opt) {
			if err != nil {
				t.Fatal(err)
			}
			held += len(x.Raw[0]) + len(x.Raw[1])
		}
		if held > r.Len() {
			t.Fatalf("%d bytes of messages in a file of %d", held, r.Len())
		}
	})
}
