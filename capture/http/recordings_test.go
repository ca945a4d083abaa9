package http_test

import (
	"bytes"
	"testing"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
)

// Every message of every recording appends the bytes it was read from.
func TestRecordingsRoundTrip(t *testing.T) {
	const shared = "../../../shared/captures/"
	for _, file := range []string{
		"http/1000-requests-one-dropped-response.pcap.gz", "http/basic-auth.pcap", "http/hp-printer-ipp.pcap",
		"http/router-upnp-and-ftp.pcap", "http/website-bro.org.pcap", "mixed/s4-modicon-plc.pcap",
		"nasty/sll2-http.pcap", "nasty/tcp-out-of-order-http.pcap", "nasty/nanosecond-big-endian.pcap",
		"nasty/mixed-vlan-mpls.pcap", "nasty/pcapng-22-interfaces.pcapng", "nasty/tunnels-gre-erspan-vlan-frag.pcap",
	} {
		f, err := capture.Open(shared + file)
		if err != nil {
			t.Skipf("../shared/captures is not here: %v", err)
		}
		requests, replies := 0, 0
		for x, err := range capture.Exchanges(f, capture.Options{Name: file, KeepRaw: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if x.Protocol != (http.Protocol{}) {
				continue
			}
			var req, rsp []byte
			if x.Request != nil {
				requests++
				if req, err = x.Request.Append(nil); err != nil {
					t.Error(err)
				}
			}
			for _, m := range x.Replies {
				replies++
				if rsp, err = m.Append(rsp); err != nil {
					t.Error(err)
				}
				if d := wire.Diff(m, m); len(d.Differences) > 0 {
					t.Errorf("packet %d differs from itself: %v", x.Packets[1], d.Differences)
				}
			}
			if !bytes.Equal(req, x.Raw[0]) || !bytes.Equal(rsp, x.Raw[1]) {
				t.Errorf("%s packet %d: %.200q and %.200q became %.200q and %.200q", file, x.Packets[0], x.Raw[0], x.Raw[1], req, rsp)
			}
		}
		f.Close()
		if requests == 0 {
			t.Errorf("%s: no requests", file)
		}
		t.Logf("%s: %d requests, %d replies", file, requests, replies)
	}
}
