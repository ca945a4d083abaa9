package clone

import (
	"encoding/hex"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Properties, refusals, a device behind a router and a password are learned; the password is scrubbed from
// all that is written.
func TestLearnBACnet(t *testing.T) {
	read := func(s string) wire.Message {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
		_, m, err := bacnet.Protocol{}.New().Next(wire.Client, b, true)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	bulk := map[string]*strings.Builder{}
	l := NewLearning(Source{ID: "c1"}, Options{})
	at := time.Unix(1e9, 0).UTC()
	for _, x := range [][]string{
		{"810b0000 0100 1008", "810b0000 0100 1000 c402000007 2201e0 9103 2118"},
		{"810a0000 0104 0005010c 0c00000001 1955", "810a0000 0100 30010c 0c00000001 1955 3e4442c80000 3f"},
		{"810a0000 0104 0005020c 0c00000001 1955", "810a0000 0100 30020c 0c00000001 1955 3e4442480000 3f"},
		{"810a0000 0104 0005030c 0c00000001 1967", "810a0000 0100 50030c 9102 9120"},
		{"810a0000 0104 0005040f 0c00000001 1955 3e4442480000 3f", "810a0000 0100 50040f 9102 9128"},
		{"810a0000 0124 0003016cff 0005050c 0c0200006c 194d", "810a0000 0108 0003016c 30050c 0c0200006c 194d 3e74005641563f"},
		{"810a0000 0104 00050614 0901 1d0700736563726574", "810a0000 0100 200614"},
		{"810a0000 0104 0005080b c400800004", "810a0000 0100 20080b"},
		{"810a0000 0104 00050714 0901 1d0600 77726f6e67", "810a0000 0100 500714 9104 911a"},
	} {
		at = at.Add(time.Second)
		e := capture.Exchange{At: at, Latency: time.Millisecond, Protocol: bacnet.Protocol{}, Transport: "udp",
			Client: netip.MustParseAddrPort("10.0.0.9:47808"), Server: netip.MustParseAddrPort("10.0.0.1:47808"), Request: read(x[0]), Replies: []wire.Message{read(x[1])}}
		l.Add(&e)
	}
	dev := &profiles.Device{}
	if err := l.Finish(&Output{dev, func(name string) (io.WriteCloser, error) {
		bulk[name] = &strings.Builder{}
		return bacnetBulk{bulk[name]}, nil
	}}); err != nil {
		t.Fatal(err)
	}
	s := dev.Services[0].Section.(*profiles.BACnet)
	if s.Device == nil || *s.Device != 7 || *s.Vendor != 24 || s.MaxAPDU != 480 || s.Segmentation != "none" || s.Announces != "broadcast" {
		t.Errorf("learned %+v", s.BACnetDevice)
	}
	if len(s.Carries) != 1 || s.Carries[0] != "delete object" {
		t.Errorf("carries out %q", s.Carries)
	}
	if r := s.Routed["3:6c"]; r == nil || r.Device == nil || *r.Device != 108 {
		t.Errorf("routed %v", s.Routed)
	}
	if !profiles.IsVerifier(s.Password) || !profiles.Verify(s.Password, []byte("secret")) || len(s.Passwords) != 2 || len(dev.Redactions) != 1 {
		t.Errorf("passwords %q of %q, redactions %v", s.Password, s.Passwords, dev.Redactions)
	}
	want := "analog-input,1 present-value\treal 50\nanalog-input,1 present-value write\t!error property write-access-denied\n" +
		"analog-input,1 reliability\t!error property unknown-property\n3:6c device,108 object-name\ttext \"VAV\"\n"
	if got := bulk[s.Values].String(); got != want {
		t.Errorf("values:\n%s", got)
	}
	if got := bulk[s.Samples[0]].String(); got != "analog-input,1 present-value\t\t304442c80000 304442480000\n" {
		t.Errorf("samples:\n%s", got)
	}
	for name, b := range bulk {
		if strings.Contains(b.String(), "secret") || strings.Contains(b.String(), "wrong") {
			t.Errorf("%s holds a password", name)
		}
	}
}

type bacnetBulk struct{ *strings.Builder }

func (bacnetBulk) Close() error { return nil }
