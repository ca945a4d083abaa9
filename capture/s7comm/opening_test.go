package s7comm

import (
	"encoding/hex"
	"testing"

	"ringer/capture/wire"
)

func TestOpening(t *testing.T) {
	var p wire.Opener = Protocol{}
	job := &ReadVar{}
	var sent []string
	for _, m := range p.Opening(job) {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, hex.EncodeToString(b))
	}
	want := []string{
		"0300001611e00000000100c0010ac1020100c2020102",       // connect, rack 0 slot 2
		"0300001902f08032010000000000080000f0000008000803c0", // set up, PDU of 960 bytes
	}
	if len(sent) != 2 || sent[0] != want[0] || sent[1] != want[1] {
		t.Errorf("got %q, want %q", sent, want)
	}
	if n := len(p.Opening(&SetupCommunication{})); n != 1 {
		t.Errorf("%d messages before setup, want 1", n)
	}
	if n := len(p.Opening(&ConnectRequest{})); n != 0 {
		t.Errorf("%d messages before connect, want none", n)
	}
}
