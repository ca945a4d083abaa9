//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// redfishImports is what the Redfish tests need of Python.
const redfishImports = "import redfish, sushy, sushy_tools, redfishtoollib, redfish_utilities, redfish_protocol_validator"

var redfishVenv = sync.OnceValues(func() (folder string, err error) {
	venv := os.Getenv("RINGER_PY")
	if venv == "" {
		venv = filepath.Join(os.TempDir(), "ringer-py")
	}
	folder = filepath.Join(venv+"-redfish", "bin")
	if out, err := exec.Command(filepath.Join(folder, "python"), "-c", redfishImports).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w %s", folder, err, out)
	}
	return folder, nil
})

// redfishPython gives a program of the environment that has the Redfish clients.
func redfishPython(t *testing.T, program string) string {
	t.Helper()
	folder, err := redfishVenv()
	if err != nil {
		t.Skipf("no Python with the Redfish tools: run .ci/install (%v)", err)
	}
	for _, name := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"} {
		t.Setenv(name, "") // the decoy's certificate is its own
		os.Unsetenv(name)
	}
	return filepath.Join(folder, program)
}

// TestInteropRedfishClients: sushy and the DMTF's library log in to the BMC that is shipped, read it, change
// and reset it, and ipmitool and curl see the same power.
func TestInteropRedfishClients(t *testing.T) {
	python := redfishPython(t, "python")
	need(t, "ipmitool", "curl")
	start(t, built(t), "emulate", "../../profiles/bmc-2u-server", "--bind", "127.77.1.2", "--port-offset", "12000", "--events", "none", "--timing", "none")
	awaitTCP(t, "127.77.1.2:12443")
	const url = "https://127.77.1.2:12443"
	out := output(t, python, "testdata/redfish_client.py", url, "ADMIN", "ADMIN", "change")
	for _, want := range []string{
		"system 1 System PowerState.ON BootSource.NONE", "session True", "\noff 204 Off\n", "\nnonsense 400\n", "\non 204 On\n",
		"\nboot 2 Pxe Once\n", "\nbogus 400\n", "\nmissing 404\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	ipmi := func(args ...string) string {
		return output(t, "ipmitool", append([]string{"-I", "lanplus", "-H", "127.77.1.2", "-p", "12623", "-U", "ADMIN", "-P", "ADMIN"}, args...)...)
	}
	for _, state := range []string{"off", "on"} {
		ipmi("power", state)
		for until := time.Now().Add(10 * time.Second); !strings.Contains(ipmi("power", "status"), "is "+state); {
			if time.Now().After(until) {
				t.Fatalf("the power does not go %s", state)
			}
		}
		seen := time.Now()
		out := strings.ToLower(output(t, "curl", "-sk", "-u", "ADMIN:ADMIN", url+"/redfish/v1/Systems/1"))
		if !strings.Contains(out, `"powerstate": "`+state+`"`) || time.Since(seen) > time.Second {
			t.Errorf("ipmitool says %s, Redfish %v later:\n%s", state, time.Since(seen), out)
		}
	}
}

// TestInteropRedfishServer: what clients print of sushy-tools' server, they print of the decoy that was
// cloned from it.
func TestInteropRedfishServer(t *testing.T) {
	python := redfishPython(t, "python")
	stop := start(t, redfishPython(t, "sushy-emulator"), "--fake", "-i", "127.77.1.3", "-p", "12080")
	awaitTCP(t, "127.77.1.3:12080")
	profile := t.TempDir()
	output(t, built(t), "clone", "redfish", "127.77.1.3:12080", "--care", "lab", "--every", "300ms", "-o", profile)
	want := output(t, python, "testdata/redfish_client.py", "http://127.77.1.3:12080")
	stop()
	decoy(t, []string{"127.77.1.4:12080"}, filepath.Join(profile, "127.77.1.3"), "--bind", "127.77.1.4")
	got := output(t, python, "testdata/redfish_client.py", "http://127.77.1.4:12080")
	if got != want {
		t.Errorf("the clone answers otherwise:\n%s", lineDiff(want, got))
	}
	t.Logf("%d lines alike", strings.Count(want, "\n"))
	got = output(t, python, "testdata/redfish_client.py", "http://127.77.1.4:12080", "change")
	for _, want := range []string{"\noff 204 Off\n", "\nnonsense 400\n", "\non 204 On\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
