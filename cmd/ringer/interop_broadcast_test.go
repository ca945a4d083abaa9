//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// twoHosts makes two network namespaces with a cable between them, 198.51.100.1 and .2 at one end and .9 at the
// other.
func twoHosts(t *testing.T) (here, there string) {
	t.Helper()
	need(t, "ip")
	if os.Geteuid() != 0 {
		t.Skip("network namespaces want root")
	}
	here, there = fmt.Sprintf("ringer%da", os.Getpid()), fmt.Sprintf("ringer%db", os.Getpid())
	for _, line := range []string{
		"netns add " + here, "netns add " + there,
		"-n " + here + " link add ra type veth peer name rb netns " + there,
		"-n " + here + " addr add 198.51.100.1/24 brd + dev ra", "-n " + here + " addr add 198.51.100.2/24 brd + dev ra",
		"-n " + there + " addr add 198.51.100.9/24 brd + dev rb", "-n " + here + " link set ra up", "-n " + there + " link set rb up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces here: ip %s: %v %s", line, err, out)
		}
		if name, made := strings.CutPrefix(line, "netns add "); made {
			t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
		}
	}
	return here, there
}

// whoIs asks everybody who is there, on the network and on whatever network this is, and prints who answers:
// on a socket that hears only broadcasts, and on one that hears all.
const whoIs = `
import socket, sys, time
def sock(a):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.bind((a, 47808))
    s.settimeout(0.7)
    return s
alone, wide = sock("198.51.100.9"), sock("198.51.100.255")
for to in ("198.51.100.255", "255.255.255.255"):
    for what, pdu in (("who-is", "810b000c0120ffff00ff1008"), ("read", "810a001101040005010c0c023fffff194b")):
        s = alone
        if to == "255.255.255.255": s.setsockopt(socket.SOL_SOCKET, 25, b"rb")
        s.sendto(bytes.fromhex(pdu), (to, 47808))
        for name, s in (("alone", alone), ("wide", wide)):
            try:
                while True:
                    b, a = s.recvfrom(2000)
                    at = b.find(b"\x10\x00\xc4")
                    if at > 0: print(to, what, name, a[0], int.from_bytes(b[at+3:at+7], "big") & 0x3fffff)
                    elif a[0] != "198.51.100.9": print(to, what, name, a[0], b.hex())
            except TimeoutError: pass
`

// TestInteropBroadcast: a decoy hears what is sent to everybody only with --broadcast, answers nothing there but
// what everybody answers, and says to everybody what the device says so.
func TestInteropBroadcast(t *testing.T) {
	need(t, "python3")
	here, there := twoHosts(t)
	ask := func() string {
		out, err := exec.Command("ip", "netns", "exec", there, "python3", "-c", whoIs).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	serve := func(flags ...string) (stop func()) {
		args := append([]string{"netns", "exec", here, built(t), "emulate", "../../emulate/testdata/bacnet/router", "--timing", "none", "--events", "none", "--port-offset", "0"}, flags...)
		stop = start(t, "ip", args...)
		time.Sleep(time.Second)
		return stop
	}
	stop := serve("--bind", "198.51.100.1")
	if out := ask(); out != "" {
		t.Errorf("heard without --broadcast:\n%s", out)
	}
	stop()
	for _, bind := range []string{"198.51.100.1", "0.0.0.0"} {
		stop := serve("--bind", bind, "--broadcast")
		out := ask()
		for _, to := range []string{"198.51.100.255", "255.255.255.255"} {
			for _, want := range []string{"alone 198.51.100.1 100", "wide 198.51.100.1 108", "wide 198.51.100.1 109", "alone 198.51.100.1 110"} {
				if strings.Count(out, to+" who-is "+want+"\n") != 1 {
					t.Errorf("bound to %s: %q is not once in\n%s", bind, to+" who-is "+want, out)
				}
			}
		}
		if strings.Contains(out, " read ") {
			t.Errorf("bound to %s: a read that was broadcast is answered:\n%s", bind, out)
		}
		stop()
	}
}
