//go:build interop

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bacnetPython is the Python with bacpypes3 and BAC0.
func bacnetPython(t *testing.T) string {
	t.Helper()
	p := python(t)
	if out, err := exec.Command(p, "-c", "import bacpypes3, BAC0").CombinedOutput(); err != nil {
		t.Skipf("no Python with bacpypes3 and BAC0: run .ci/install (%v %s)", err, out)
	}
	return p
}

// bacnetServer is a device made with bacpypes3.
const bacnetServer = `
import asyncio, sys
from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.analog import AnalogInputObject, AnalogOutputObject, AnalogValueObject
from bacpypes3.local.multistate import MultiStateValueObject
from bacpypes3.pdu import IPv4Address
async def main():
    app = NormalApplication(DeviceObject(objectIdentifier=("device", 599), objectName="Boiler", vendorIdentifier=15,
        maxApduLengthAccepted=1024, segmentationSupported="segmentedBoth"), IPv4Address(sys.argv[1] + "/8"))
    common = dict(statusFlags=[0, 0, 0, 0], eventState="normal", outOfService=False)
    app.add_object(AnalogInputObject(objectIdentifier=("analog-input", 1), objectName="supply", presentValue=71.5, units="degrees-celsius", **common))
    app.add_object(AnalogOutputObject(objectIdentifier=("analog-output", 1), objectName="valve", presentValue=40.0, units="percent", relinquishDefault=10.0, covIncrement=1.0, **common))
    app.add_object(AnalogValueObject(objectIdentifier=("analog-value", 1), objectName="setpoint", presentValue=20.5, units="degrees-celsius", covIncrement=0.1, **common))
    app.add_object(MultiStateValueObject(objectIdentifier=("multi-state-value", 1), objectName="mode", presentValue=2, numberOfStates=3, stateText=["off", "auto", "on"], **common))
    print("up", flush=True)
    await asyncio.Future()
asyncio.run(main())
`

// bacnetClient discovers a device, reads all properties of all objects of it (and of those behind it, given as
// NETWORK:MAC), writes with priorities and watches changes. A port of its own: bacpypes3 takes 127.x.y.z at
// its own port for itself.
const bacnetClient = `
import asyncio, sys, json
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application
from bacpypes3.pdu import Address
from bacpypes3.apdu import ErrorRejectAbortNack
from bacpypes3.primitivedata import ObjectIdentifier, Null
me, target, behind = sys.argv[1], sys.argv[2], sys.argv[3:]
def text(v):
    if hasattr(v, "_choice"): v = getattr(v, v._choice)
    return str([text(x) for x in v]) if isinstance(v, list) else str(v)
async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args(["--address", me + "/24:47809", "--instance", "1", "--name", "client"]))
    await asyncio.sleep(0.3)
    out = {"all": {}}
    async def read(a, o, p, i=None):
        try: return text(await app.read_property(a, o, p, i))
        except ErrorRejectAbortNack as e: return "refused: " + str(e)
    async def write(o, p, v, prio=None):
        try: await app.write_property(Address(target), o, p, v, None, prio); return "done"
        except ErrorRejectAbortNack as e: return "refused: " + str(e)
    for a in [target] + behind:
        a = Address(a)
        found = await app.who_is(address=a, timeout=1)
        out.setdefault("found", []).append([[str(i.iAmDeviceIdentifier), int(i.maxAPDULengthAccepted), int(i.vendorID)] for i in found])
        if not found: continue
        device = found[0].iAmDeviceIdentifier
        for o in await app.read_property(a, device, "object-list"):
            out["all"].setdefault(str(device), {})[str(o)] = sorted([str(p), str(i), text(v)] for (_, p, i, v) in await app.read_property_multiple(a, [o, ["all"]]))
        out.setdefault("refused", []).append([await read(a, device, "log-buffer"), await read(a, "analog-input,77", "present-value"), await read(a, device, "object-list", 999)])
    ao, av = "analog-output,1", "analog-value,1"
    if not behind:
        w = out["writes"] = [await read(Address(target), ao, "present-value")]
        for value, prio in ((55.0, 8), (66.0, 5), (Null(()), 5), (Null(()), 8)):
            w += [await write(ao, "present-value", value, prio), await read(Address(target), ao, "present-value"), await read(Address(target), ao, "priority-array", 5)]
        told = out["told"] = []
        for confirmed in (False, True):
            async with app.change_of_value(Address(target), ObjectIdentifier(av), 7, confirmed, 30) as scm:
                async def reader():
                    while True:
                        p, v = await scm.get_value()
                        told.append([confirmed, str(p), text(v)])
                task = asyncio.create_task(reader())
                await asyncio.sleep(0.8)
                await write(av, "present-value", 33.0)
                await asyncio.sleep(0.8)
                task.cancel()
            await write(av, "present-value", 20.5)
    print(json.dumps(out))
    app.close()
asyncio.run(main())
`

type bacnetSeen struct {
	All     map[string]map[string][][]string
	Found   [][][]any
	Refused [][]string
	Writes  []string
	Told    [][]any
}

func bacnetAsk(t *testing.T, python, me, target string, behind ...string) (seen bacnetSeen, raw string) {
	t.Helper()
	cmd := exec.Command(python, append([]string{"-c", bacnetClient, me, target}, behind...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bacpypes3: %v\n%s", err, errs.String())
	}
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return seen, string(out)
}

// TestInteropBACnetCopy: what bacpypes3 is told by a device made with bacpypes3, it is told by the decoy that
// learned from that very conversation.
func TestInteropBACnetCopy(t *testing.T) {
	python := bacnetPython(t)
	need(t, "dumpcap")
	dir := t.TempDir()
	file := filepath.Join(dir, "live.pcapng")
	stopCapture := start(t, "dumpcap", "-q", "-i", "lo", "-f", "udp port 47808 and host 127.0.60.1", "-w", file)
	time.Sleep(time.Second)
	stopServer := start(t, python, "-c", bacnetServer, "127.0.60.1")
	time.Sleep(3 * time.Second)
	original, _ := bacnetAsk(t, python, "127.0.60.2", "127.0.60.1")
	stopServer()
	time.Sleep(300 * time.Millisecond)
	stopCapture()
	out := filepath.Join(dir, "out")
	if b, err := exec.Command(built(t), "capture", file, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("capture: %v\n%s", err, b)
	}
	stop := decoy(t, nil, only(t, out), "--bind", "127.0.60.3")
	defer stop()
	copied, raw := bacnetAsk(t, python, "127.0.60.4", "127.0.60.3")
	if len(original.All["device,599"]) != 5 {
		t.Errorf("the original has %d objects", len(original.All["device,599"]))
	}
	// The clock of the original is the one thing that moves.
	for _, s := range []bacnetSeen{original, copied} {
		for o, properties := range s.All["device,599"] {
			for i := range properties {
				if p := properties[i][0]; p == "local-time" || p == "local-date" {
					s.All["device,599"][o][i][2] = ""
				}
			}
		}
	}
	for _, x := range []struct {
		what      string
		want, got any
	}{
		{"objects", original.All, copied.All}, {"found", original.Found, copied.Found}, {"refused", original.Refused, copied.Refused}, {"writes", original.Writes, copied.Writes},
	} {
		want, _ := json.Marshal(x.want)
		got, _ := json.Marshal(x.got)
		if string(want) != string(got) {
			t.Errorf("%s:\nwant %s\n got %s", x.what, want, got)
		}
	}
	for _, want := range []string{`[false, "present-value", "20.5"]`, `[false, "present-value", "33.0"]`, `[true, "present-value", "20.5"]`, `[true, "present-value", "33.0"]`} {
		if !strings.Contains(raw, want) {
			t.Errorf("told %v, want %s too", copied.Told, want)
		}
	}
}

// TestInteropBACnetRouted: three devices behind a decoy are walked whole, one by one.
func TestInteropBACnetRouted(t *testing.T) {
	python := bacnetPython(t)
	stop := decoy(t, nil, "../../emulate/testdata/bacnet/router", "--bind", "127.0.61.1")
	defer stop()
	cmd := exec.Command(python, "-c", bacnetRouted, "127.0.61.2", "127.0.61.1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("bacpypes3: %v\n%s", err, out)
	}
	for _, want := range []string{
		"router 3,4,9", "3:108 device,108 VAV 1", "3:109 device,109", "4:0x0a000001bac0 device,110 VAV 3",
		"3:108 binary-output,1 present-value active", "3:109 analog-input,5 present-value 5.0",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

const bacnetRouted = `
import asyncio, sys
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application
from bacpypes3.pdu import Address
from bacpypes3.apdu import ErrorRejectAbortNack
me, target = sys.argv[1:]
async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args(["--address", me + "/24:47809", "--instance", "1", "--name", "client", "--route-aware"]))
    await asyncio.sleep(0.3)
    for _, told in await app.nse.who_is_router_to_network(destination=Address(target)):
        print("router", ",".join(map(str, sorted(told.iartnNetworkList))))
    for station in ("3:108", "3:109", "4:0x0a000001bac0"):
        a = Address(station + "@" + target)
        o = await app.read_property(a, "device,4194303", "object-identifier")
        print(station, o, await app.read_property(a, o, "object-name"))
        for x in await app.read_property(a, o, "object-list"):
            for p in ("object-name", "object-type", "present-value"):
                try: print(station, x, p, await app.read_property(a, x, p))
                except ErrorRejectAbortNack as e: print(station, x, p, e)
    app.close()
asyncio.run(main())
`

// TestInteropBAC0: BAC0 discovers the decoy, reads all properties of all its objects, writes with priorities and gives
// them up again, and is told of changes.
func TestInteropBAC0(t *testing.T) {
	python := bacnetPython(t)
	stop := decoy(t, nil, "../../emulate/testdata/bacnet/router", "--bind", "127.0.62.1", "--timing", "none")
	defer stop()
	cmd := exec.Command(python, "-c", bac0, "127.0.62.2", "127.0.62.1")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("BAC0: %v\n%s", err, out)
	}
	for _, want := range []string{
		"found device,100 1476 999", "name Plant Room", "device 77 Plant Room", "analog-input 77 supply", "analog-output 77 valve", "analog-value 77 level", "file 77 file",
		"multi-state-value 110 ['off', 'auto', 'on']", "trend-log 77 trend-log,1", "objects 8", "level 2.5", "written 3.0",
		"priorities [100.0, 50.0, 100.0, 10.0]", "told 3.0", "told 3.75",
	} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

const bac0 = `
import asyncio, sys, BAC0
BAC0.log_level("silence")
me, target = sys.argv[1:]
async def main():
    async with BAC0.start(ip=me + "/24", port=47809) as bacnet:
        await asyncio.sleep(0.5)
        for i in await bacnet.who_is(address=target): print("found", i.iAmDeviceIdentifier, i.maxAPDULengthAccepted, i.vendorID)
        print("name", await bacnet.read(target + " device 100 objectName"))
        objects = await bacnet.read(target + " device 100 objectList")
        for kind, number in objects:
            got = await bacnet.readMultiple("%s %s %d all" % (target, kind, number), show_property_name=True)
            for v, p in got:
                if int(p) in (77, 110): print(kind, int(p), v) # names, and texts of states
        print("objects", len(objects))
        print("level", await bacnet.read(target + " analogValue 2 presentValue"))
        bacnet.cov(target, ("analogValue", 2), lifetime=60, callback=lambda property_identifier, property_value: print("told", property_value) if str(property_identifier) == "present-value" else None)
        await asyncio.sleep(1)
        await bacnet._write(target + " analogValue 2 presentValue 3.0")
        print("written", await bacnet.read(target + " analogValue 2 presentValue"))
        await asyncio.sleep(1)
        await bacnet._write(target + " analogValue 2 presentValue 3.75")
        await asyncio.sleep(1)
        seen = []
        for value, priority in (("100", 8), ("50", 5), ("null", 5), ("null", 8)):
            await bacnet._write("%s analogOutput 1 presentValue %s - %d" % (target, value, priority))
            seen.append(await bacnet.read(target + " analogOutput 1 presentValue"))
        print("priorities", seen)
        for n in list(bacnet.cov_tasks): bacnet.cancel_cov(n)
asyncio.run(main())
`

// TestInteropBACnetInfo: nmap prints the identity of the recorded device.
func TestInteropBACnetInfo(t *testing.T) {
	need(t, "nmap")
	dir := t.TempDir()
	if b, err := exec.Command(built(t), "capture", filepath.Join(shared, "captures/bacnet/quickdraw-bacnet_test-snaplen.pcap"), "-o", dir).CombinedOutput(); err != nil {
		t.Skipf("the recording is not here: %v\n%s", err, b)
	}
	stop := decoy(t, nil, only(t, dir), "--bind", "127.0.63.1")
	defer stop()
	out := output(t, "nmap", "-Pn", "-sU", "-p47808", "--script", "bacnet-info", "127.0.63.1")
	for _, want := range []string{"Vendor ID: Johnson Controls", "Vendor Name: JCI", "Object-identifier: 500", "Firmware: 5.1.0.4400", "Object Name: KBRNAE", "Model Name: MS-NAE4510-2"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}
