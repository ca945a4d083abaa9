//go:build interop

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// redfishPython gives a program of the environment that has the Redfish clients.
func redfishPython(t *testing.T, program string) string {
	t.Helper()
	venv := os.Getenv("RINGER_PY")
	if venv == "" {
		venv = filepath.Join(os.TempDir(), "ringer-py")
	}
	p := filepath.Join(venv+"-redfish", "bin")
	if out, err := exec.Command(filepath.Join(p, "python"), "-c", "import redfish, sushy, sushy_tools").CombinedOutput(); err != nil {
		t.Skipf("no Python with redfish, sushy and sushy-tools in %s: run .ci/install (%v %s)", p, err, out)
	}
	for _, name := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"} {
		t.Setenv(name, "") // the decoy's certificate is its own
		os.Unsetenv(name)
	}
	return filepath.Join(p, program)
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

// TestInteropRedfishMockup: a mockup that is imported, served, cloned and exported again is the same.
func TestInteropRedfishMockup(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	output(t, built(t), "profile", "export", "--to", "redfish-mockup", "../../profiles/bmc-2u-server", "-o", path("mockup"))
	err := filepath.WalkDir(path("mockup"), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "index.json" {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		head := "{\n    \"GET\": {\n        \"Server\": \"lab/1\",\n        \"X-Odd\": \"a \\\"b\\\"\",\n        \"Content-Type\": \"application/json; charset=utf-8\",\n        \"ETag\": \"W/\\\"" + string(rune('a'+len(b)%20)) + "1\\\"\"\n    }\n}"
		return os.WriteFile(filepath.Join(filepath.Dir(name), "headers.json"), []byte(head), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	output(t, built(t), "profile", "import", "--from", "redfish-mockup", path("mockup"), "-o", path("profile"))
	file := filepath.Join(path("profile"), "device.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "port: 80", "port: 12081", 1) + "accounts: [{name: lab, bait: lab-lab}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	decoy(t, []string{"127.77.1.5:12081"}, path("profile"), "--bind", "127.77.1.5")
	output(t, built(t), "clone", "redfish", "127.77.1.5:12081", "--user", "lab:lab-lab", "--care", "lab", "--every", "100ms", "-o", path("clone"))
	output(t, built(t), "profile", "export", "--to", "redfish-mockup", filepath.Join(path("clone"), "127.77.1.5"), "-o", path("again"))
	n := 0
	err = filepath.WalkDir(path("mockup"), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(name, "$metadata") {
			return err
		}
		rel, err := filepath.Rel(path("mockup"), name)
		if err != nil {
			return err
		}
		want, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(path("again"), rel))
		if e.Name() == "headers.json" { // without a length there, the decoy adds one
			got = withoutLength(got)
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v: %q, was %q", rel, err, got, want)
		}
		n++
		return nil
	})
	if err != nil || n < 100 {
		t.Errorf("%d files are the same, want 100 or more (%v)", n, err)
	}
}

// withoutLength takes the Content-Length out of a headers.json.
func withoutLength(b []byte) []byte {
	i := bytes.Index(b, []byte(",\n        \"Content-Length\""))
	if i < 0 {
		return b
	}
	end := bytes.IndexByte(b[i+2:], '\n')
	return append(b[:i:i], b[i+2+end:]...)
}
