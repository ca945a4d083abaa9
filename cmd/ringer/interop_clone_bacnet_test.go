//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/bacnet"
	"ringer/capture/wire"
)

// bacnetMaker is a kind of object with properties of its maker.
const bacnetMaker = `
from bacpypes3.local.analog import AnalogValueObject
from bacpypes3.vendor import VendorInfo
from bacpypes3.basetypes import PropertyIdentifier
from bacpypes3.primitivedata import CharacterString, Unsigned, ObjectType

class PlantProperty(PropertyIdentifier):
    recipe = 9001
    batches = 9002
VendorInfo(15, ObjectType, PlantProperty)

class PlantValue(AnalogValueObject):
    _vendor_id = 15
    recipe: CharacterString
    batches: Unsigned
`

// bacnetPlant is a device made with bacpypes3: inputs, outputs, values with priorities, states, and an object
// with a property of its maker.
const bacnetPlant = bacnetMaker + `
import asyncio, sys
from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.analog import AnalogInputObject, AnalogOutputObject
from bacpypes3.local.binary import BinaryInputObject, BinaryOutputObject
from bacpypes3.local.multistate import MultiStateValueObject
from bacpypes3.pdu import IPv4Address

async def main():
    app = NormalApplication(DeviceObject(objectIdentifier=("device", 599), objectName="Boiler", vendorIdentifier=15, description="in the cellar",
        maxApduLengthAccepted=int(sys.argv[2]), segmentationSupported=sys.argv[3]), IPv4Address(sys.argv[1] + "/8"))
    common = dict(statusFlags=[0, 0, 0, 0], eventState="normal", outOfService=False)
    for i in range(1, 41):
        app.add_object(AnalogInputObject(objectIdentifier=("analog-input", i), objectName="supply %d" % i, description="temperature of pipe %d" % i, presentValue=70 + i / 2, units="degrees-celsius", **common))
    ao = AnalogOutputObject(objectIdentifier=("analog-output", 1), objectName="valve", presentValue=40.0, units="percent", relinquishDefault=10.0, covIncrement=1.0, **common)
    app.add_object(ao)
    app.add_object(BinaryInputObject(objectIdentifier=("binary-input", 1), objectName="door", presentValue="active", polarity="normal", **common))
    app.add_object(BinaryOutputObject(objectIdentifier=("binary-output", 1), objectName="pump", presentValue="inactive", polarity="normal", relinquishDefault="inactive", **common))
    app.add_object(MultiStateValueObject(objectIdentifier=("multi-state-value", 1), objectName="mode", presentValue=2, numberOfStates=3, stateText=["off", "auto", "on"], **common))
    app.add_object(PlantValue(objectIdentifier=("analog-value", 1), objectName="setpoint", presentValue=20.5, units="degrees-celsius", recipe="Kräuterbad", batches=7, **common))
    print("up", flush=True)
    await asyncio.Future()
asyncio.run(main())
`

// bacnetReads prints all that a client reads, a line for each answer.
const bacnetReads = bacnetMaker + `
import asyncio, sys
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application
from bacpypes3.pdu import Address
from bacpypes3.apdu import ErrorRejectAbortNack
from bacpypes3.constructeddata import Sequence
from bacpypes3.json import sequence_to_json
me, targets = sys.argv[1], sys.argv[2:]
def text(v):
    if hasattr(v, "_choice"): v = getattr(v, v._choice)
    if isinstance(v, Sequence): v = sequence_to_json(v)
    return str([text(x) for x in v]) if isinstance(v, list) else str(v)
async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args(["--address", me + "/24:47809", "--instance", "1", "--name", "client", "--route-aware"]))
    await asyncio.sleep(0.3)
    async def read(label, a, o, p, i=None):
        try: v = text(await app.read_property(a, o, p, i))
        except ErrorRejectAbortNack as e: v = "refused: " + str(e)
        print(label, o, p, "" if i is None else i, v)
    for t in targets:
        label, a = t.split("@")[0] if "@" in t else "", Address(t)
        if not label:
            for i in await app.who_is(address=a, timeout=1): print("i-am", i.iAmDeviceIdentifier, i.maxAPDULengthAccepted, i.segmentationSupported, i.vendorID)
        device = await app.read_property(a, "device,4194303", "object-identifier") if label else i.iAmDeviceIdentifier
        objects = await app.read_property(a, device, "object-list")
        print(label, "objects", text(objects))
        for i in (0, 1, len(objects), len(objects) + 1): await read(label, a, device, "object-list", i)
        for o in objects:
            try:
                for (_, p, i, v) in await app.read_property_multiple(a, [o, ["all"]]): print(label, o, "all", p, i, text(v))
            except ErrorRejectAbortNack as e: print(label, o, "all refused:", e)
            for p in ("object-name", "present-value", "priority-array", "property-list", "9001", "log-buffer"): await read(label, a, o, p)
            await read(label, a, o, "priority-array", 0)
            await read(label, a, o, "priority-array", 8)
        await read(label, a, "analog-input,99", "present-value")
    app.close()
asyncio.run(main())
`

// bacnetMoving are the lines that differ from one moment to the next: the clock of a device made with
// bacpypes3, and the one value of the router that moves.
var bacnetMoving = regexp.MustCompile(`(?m)^.*local-(time|date) .*$|^ analog-input,1 (all )?present-value .* 20\..*$`)

func bacnetRead(t *testing.T, python, me string, targets ...string) string {
	t.Helper()
	cmd := exec.Command(python, append([]string{"-c", bacnetReads, me}, targets...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bacpypes3: %v\n%s\n%s", err, out, errs.String())
	}
	return bacnetMoving.ReplaceAllString(string(out), "moving")
}

func cloneBACnet(t *testing.T, host string, flags ...string) (profile, evidence, said string) {
	t.Helper()
	dir := t.TempDir()
	out, evidence := filepath.Join(dir, "out"), filepath.Join(dir, "evidence.pcapng")
	b, err := exec.Command(built(t), append([]string{"clone", "bacnet", host, "-o", out, "--evidence", evidence, "--care", "lab", "--timeout", "700ms", "--every", "200ms", "--samples", "3"}, flags...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("clone: %v\n%s", err, b)
	}
	return only(t, out), evidence, string(b)
}

// bacnetOnlyReads checks what a scan said to the device, and that its recording replays against what was
// learned of it.
func bacnetOnlyReads(t *testing.T, evidence, profile string) {
	t.Helper()
	may := []string{"read property", "read property multiple", "read range", "atomic read file", "get alarm summary", "get event information", "who is",
		"who is router", "what is network number", "initialize routing table", "read broadcast table", "read foreign devices", "segment ack"}
	n := 0
	f, err := os.Open(evidence)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Request == nil {
			continue
		}
		n++
		if class, effect := wire.Class(x.Request); effect != wire.Read || !slices.Contains(may, class) {
			t.Errorf("the scan said %q, a %v", class, effect)
		}
		if m, ok := x.Request.(*bacnet.NetworkMessage); ok && len(m.Ports) > 0 {
			t.Errorf("the scan set routes: %v", m)
		}
	}
	if n < 20 {
		t.Errorf("the evidence has %d questions", n)
	}
	if b, err := exec.Command(built(t), "replay", evidence, "--against", profile).CombinedOutput(); err != nil {
		t.Errorf("replay: %v\n%s", err, b)
	}
}

// TestInteropCloneBACnet: what bacpypes3 reads of a device made with bacpypes3, it reads of the clone, word
// for word; with long and short messages, in segments and without.
func TestInteropCloneBACnet(t *testing.T) {
	t.Parallel() // it waits most of the time
	python := bacnetPython(t)
	for i, how := range [][]string{{"1024", "segmentedBoth"}, {"206", "segmentedBoth"}, {"480", "noSegmentation"}} {
		t.Run(strings.Join(how, " "), func(t *testing.T) {
			host := func(n int) string {
				return "127.0." + []string{"64", "65", "66"}[i] + "." + []string{"0", "1", "2", "3", "4"}[n]
			}
			stopServer := start(t, python, "-c", bacnetPlant, host(1), how[0], how[1])
			time.Sleep(3 * time.Second)
			want := bacnetRead(t, python, host(2), host(1))
			profile, evidence, _ := cloneBACnet(t, host(1))
			stopServer()
			bacnetOnlyReads(t, evidence, profile)
			stop := decoy(t, nil, profile, "--bind", host(3))
			defer stop()
			got := bacnetRead(t, python, host(4), host(3))
			if n := strings.Count(want, "\n"); n < 300 || !strings.Contains(want, "Kräuterbad") {
				t.Errorf("the original printed %d lines:\n%s", n, want)
			}
			diffLines(t, want, got)
		})
	}
}

func diffLines(t *testing.T, want, got string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			if n++; n <= 10 {
				t.Errorf("line %d:\nwant %s\n got %s", i+1, x, y)
			}
		}
	}
	if n > 10 {
		t.Errorf("and %d more lines", n-10)
	}
}

// TestInteropCloneBACnetRouted: three devices on two networks behind one are cloned whole; the copy tells
// bacpypes3 the same, and is cloned into the same.
func TestInteropCloneBACnetRouted(t *testing.T) {
	t.Parallel() // it waits most of the time
	python := bacnetPython(t)
	stop := decoy(t, nil, "../../emulate/testdata/bacnet/router", "--bind", "127.0.67.1")
	defer stop()
	stations := func(host string) []string {
		return []string{host, "3:108@" + host, "3:109@" + host, "4:0x0a000001bac0@" + host}
	}
	profile, evidence, said := cloneBACnet(t, "127.0.67.1", "--files")
	for _, w := range []string{"routes to networks [3 4 9]", "3 devices on networks behind it", "3:6c: device,108", "4:0a000001bac0: device,110"} {
		if !strings.Contains(unfolded(said), w) {
			t.Errorf("%q is missing in\n%s", w, said)
		}
	}
	bacnetOnlyReads(t, evidence, profile)
	want := bacnetRead(t, python, "127.0.67.2", stations("127.0.67.1")...)
	stopCopy := decoy(t, nil, profile, "--bind", "127.0.67.3")
	defer stopCopy()
	got := bacnetRead(t, python, "127.0.67.4", stations("127.0.67.3")...)
	diffLines(t, want, got)
	again, _, _ := cloneBACnet(t, "127.0.67.3", "--files")
	diffLines(t, bacnetValues(t, profile), bacnetValues(t, again))
}

// bacnetValues are the values in a profile; the one that moves is told apart by what it goes on from.
func bacnetValues(t *testing.T, profile string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(profile, "bacnet", "*.tsv"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^(analog-input,1 present-value\t).*$`).ReplaceAllString(string(b), "$1")
}
