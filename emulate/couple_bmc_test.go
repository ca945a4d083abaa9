package emulate_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

// A bmcWatch asks a controller over IPMI and over Redfish, and keeps what was said.
type bmcWatch struct {
	*decoy
	t   *testing.T
	ipm *ipmiVisitor
	web *link
	xs  []capture.Exchange
}

func watchBMC(t *testing.T, dev *profiles.Device) *bmcWatch {
	t.Helper()
	d := openDecoy(t, dev, emulate.Settings{}, ipmi.Protocol{}, http.Protocol{})
	b := &bmc{t: t, state: d.state, service: d.services["ipmi"]}
	w := &bmcWatch{decoy: d, t: t, ipm: b.visitor(5000, "ADMIN", "ADMIN"), web: d.dial("http")}
	if s := w.ipm.login(3, "ADMIN", "ADMIN", 4); s != ipmi.StatusOK {
		t.Fatalf("log-in: %v", s)
	}
	w.ipm.want("00 04", ipmi.App, 0x3b, 4) // as an administrator
	return w
}

func (w *bmcWatch) keep(p wire.Protocol, port uint16, q, r wire.Message) {
	i := 2*len(w.xs) + 1
	x := capture.Exchange{
		At: w.now, Latency: time.Millisecond, Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.3"), port),
		Conn: uint64(port), Protocol: p, Request: q, Replies: []wire.Message{r}, Transport: "tcp", Packets: [2]int{i, i + 1},
	}
	if port == 623 {
		x.Transport = "udp"
	}
	w.xs = append(w.xs, x)
	w.now = w.now.Add(3 * time.Millisecond)
}

func (w *bmcWatch) command(n ipmi.NetFn, cmd uint8, data ...byte) []byte {
	w.t.Helper()
	q := w.ipm.command(n, cmd, data...)
	b, err := q.Append(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_, asked, err := w.ipm.client.Next(wire.Client, b, true) // with its body taken apart
	if err != nil {
		w.t.Fatal(err)
	}
	r, ok := w.ipm.send(b).(*ipmi.Reply)
	if !ok || r.Code != ipmi.CodeOK {
		w.t.Fatalf("%v %02x %x: %s", n, cmd, data, answerText(r))
	}
	w.keep(ipmi.Protocol{}, 623, asked, r)
	return r.Data(nil)
}

func (w *bmcWatch) get(path string) (page map[string]any) {
	w.t.Helper()
	req := []byte("GET " + path + " HTTP/1.1\r\nHost: bmc\r\nAuthorization: Basic QURNSU46QURNSU4=\r\n\r\n")
	got := w.web.ask(w.t, req)
	c := http.Protocol{}.New()
	_, q, err := c.Next(wire.Client, req, false)
	if err != nil {
		w.t.Fatal(err)
	}
	_, r, err := c.Next(wire.Server, got, false)
	if err != nil {
		w.t.Fatal(err)
	}
	w.keep(http.Protocol{}, 443, q, r)
	_, body, _ := strings.Cut(string(got), "\r\n\r\n")
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		w.t.Fatalf("%s: %v: %s", path, err, got)
	}
	return page
}

func (w *bmcWatch) post(path, body string) {
	w.t.Helper()
	req := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: bmc\r\nAuthorization: Basic QURNSU46QURNSU4=\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	if got := string(w.web.ask(w.t, []byte(req))); !strings.HasPrefix(got, "HTTP/1.1 2") {
		w.t.Fatalf("%s: %s", path, got)
	}
}

// watts is what the host takes, over IPMI and over Redfish.
func (w *bmcWatch) watts() (over [2]float64) {
	d := w.command(ipmi.Group, 0x02, ipmi.DCMIGroup, 1, 0, 0)
	over[0] = float64(d[1]) + 256*float64(d[2])
	control := w.get("/redfish/v1/Chassis/1/Power")["PowerControl"].([]any)[0].(map[string]any)
	over[1], _ = control["PowerConsumedWatts"].(float64)
	return over
}

// on says whether the host is, over IPMI and over Redfish.
func (w *bmcWatch) on() (over [2]bool) {
	return [2]bool{w.command(ipmi.Chassis, 0x01)[0]&1 != 0, w.get("/redfish/v1/Systems/1")["PowerState"] == "On"}
}

// TestCoupledBMC: what IPMI and Redfish showed of one server is one value again in a decoy that was learned from
// it: the watts, since they moved alike; power, boot
// order, light and log, since both protocols say what these are.
func TestCoupledBMC(t *testing.T) {
	dev, err := profiles.Load("../profiles/bmc-2u-server")
	if err != nil {
		t.Fatal(err)
	}
	w := watchBMC(t, dev)
	w.get("/redfish/v1/")
	for next := uint16(0); next != 0xffff; { // the records, whole
		d := w.command(ipmi.Storage, 0x23, 0, 0, byte(next), byte(next>>8), 0, 0xff)
		next = uint16(d[0]) | uint16(d[1])<<8
	}
	for next := uint16(0); next != 0xffff; {
		d := w.command(ipmi.Storage, 0x43, 0, 0, byte(next), byte(next>>8), 0, 0xff)
		next = uint16(d[0]) | uint16(d[1])<<8
	}
	const entries = "/redfish/v1/Systems/1/LogServices/Log1/Entries"
	for _, m := range w.get(entries)["Members"].([]any) {
		w.get(m.(map[string]any)["@odata.id"].(string))
	}
	w.get("/redfish/v1/Systems/1/LogServices/Log1")
	w.command(ipmi.Chassis, 0x09, 5, 0, 0)
	for range 120 {
		w.watts()
		w.on()
		w.command(ipmi.Sensor, 0x2d, 66) // the load, in steps of the sensor
		w.now = w.now.Add(2 * time.Second)
	}
	dev = learned(t, w.xs)
	dev.Accounts = []profiles.Account{{Name: "ADMIN", Policy: "bait", Bait: "ADMIN"}}
	bmc, _ := dev.Services[1].Section.(*profiles.IPMI)
	web, _ := dev.Services[0].Section.(*profiles.HTTP)
	if bmc == nil || web == nil || web.Redfish == nil {
		t.Fatalf("learned %v", dev.Services)
	}
	if bmc.Watts == nil || dev.Points[bmc.Watts.Point] == nil {
		t.Errorf("the watts are not coupled: %+v", dev.Points)
	}
	if bmc.Power == nil || web.Redfish.Points["/redfish/v1/Systems/1#/PowerState"] != bmc.Power.Point {
		t.Fatalf("the power is not coupled: %+v, %v", bmc.Power, web.Redfish.Points)
	}

	bmc.Ciphers, bmc.Users = []uint8{3}, map[uint8]profiles.IPMIUser{2: {Name: "ADMIN", Privilege: "administrator"}}
	again := watchBMC(t, dev)
	for i := range 200 {
		over := again.watts()
		if over[0] != over[1] {
			t.Fatalf("round %d: %v watts", i, over)
		}
		again.now = again.now.Add(2 * time.Second)
	}
	for _, change := range []func(){
		func() { again.command(ipmi.Chassis, 0x02, 0) },
		func() { again.post("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", `{"ResetType": "On"}`) },
		func() { again.post("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", `{"ResetType": "ForceOff"}`) },
		func() { again.command(ipmi.Chassis, 0x02, 1) },
	} {
		was := again.on()
		change()
		again.now = again.now.Add(time.Minute)
		if over := again.on(); over[0] != over[1] || over[0] == was[0] {
			t.Errorf("the power is %v, and was %v", over, was)
		}
	}

	// Where the host boots from, its light, and the log of events.
	again.command(ipmi.Chassis, 0x08, 5, 0x80, 4, 0, 0, 0)
	again.command(ipmi.Chassis, 0x04, 0, 1)
	system := again.get("/redfish/v1/Systems/1")
	if boot := system["Boot"].(map[string]any); boot["BootSourceOverrideTarget"] != "Pxe" || boot["BootSourceOverrideEnabled"] != "Once" {
		t.Errorf("after the boot flags: %v", boot)
	}
	if system["IndicatorLED"] == "Off" {
		t.Error("the light is off")
	}
	if n := again.command(ipmi.Storage, 0x40)[1]; n == 0 {
		t.Error("the log is empty")
	}
	again.post("/redfish/v1/Systems/1/LogServices/Log1/Actions/LogService.ClearLog", "{}")
	if n := again.command(ipmi.Storage, 0x40)[1]; n != 0 {
		t.Errorf("after ClearLog there are %d events", n)
	}

	if plain := learnedAs(t, "c00000001", clone.Options{NoCouple: true}, w.xs); len(plain.Points) > 0 {
		t.Errorf("with NoCouple there are points: %v", plain.Points)
	}
}
