//go:build interop

package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shippedMockup exports the tree of the BMC that is shipped.
func shippedMockup(t *testing.T, dir string) {
	t.Helper()
	output(t, built(t), "profile", "export", "--to", "redfish-mockup", "../../profiles/bmc-2u-server", "-o", dir)
}

// servedMockup makes a profile of a mockup that is served at a port, with more in its section.
func servedMockup(t *testing.T, mockup, profile, port, section string) {
	t.Helper()
	output(t, built(t), "profile", "import", "--from", "redfish-mockup", mockup, "-o", profile)
	file := filepath.Join(profile, "device.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "port: 80", "port: "+port, 1)
	text = strings.Replace(text, "root: redfish/", "root: redfish/"+section, 1)
	if err := os.WriteFile(file, []byte(text+"accounts: [{name: lab, bait: lab-lab}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withAnswers puts headers.json and time.json beside every body of a mockup, as the DMTF's creator does.
func withAnswers(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "index.json" && e.Name() != "index.xml" {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		kind := "application/json; charset=utf-8"
		if e.Name() == "index.xml" {
			kind = "application/xml"
		}
		head := fmt.Sprintf(`{
    "GET": {
        "Server": "lab/1",
        "X-Odd": "a \"b\"",
        "Content-Type": "%s",
        "OData-Version": "4.0",
        "Allow": "GET, HEAD, PUT",
        "Link": "</redfish/v1/JsonSchemas/%d>; rel=describedby",
        "ETag": "W/\"%c1\"",
        "Content-Length": "%d"
    }
}`, kind, len(b), 'a'+len(b)%20, len(b))
		if err := os.WriteFile(filepath.Join(filepath.Dir(name), "headers.json"), []byte(head), 0o644); err != nil {
			return err
		}
		wait := fmt.Sprintf("{\n    \"GET_Time\": \"0.0%d\"\n}", 2+len(b)%3)
		return os.WriteFile(filepath.Join(filepath.Dir(name), "time.json"), []byte(wait), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// filesBelow reads a folder.
func filesBelow(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[rel], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sameFolders compares two folders byte by byte.
func sameFolders(t *testing.T, want, got string) {
	t.Helper()
	was, is := filesBelow(t, want), filesBelow(t, got)
	for name, b := range was {
		if now, there := is[name]; !there || !bytes.Equal(now, b) {
			t.Errorf("%s: %.200q, was %.200q", name, now, b)
		}
	}
	for name := range is {
		if _, there := was[name]; !there {
			t.Errorf("%s was not there", name)
		}
	}
	t.Logf("%d files", len(was))
}

// TestInteropRedfishMockup: a mockup with bodies, headers and times that is imported, served, cloned and
// exported again is the same, byte by byte; and so is one that comes as an archive.
func TestInteropRedfishMockup(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	shippedMockup(t, path("mockup"))
	withAnswers(t, path("mockup"))
	servedMockup(t, path("mockup"), path("profile"), "12081", "")
	decoy(t, []string{"127.77.1.5:12081"}, path("profile"), "--bind", "127.77.1.5", "--timing", "recorded")
	output(t, built(t), "clone", "redfish", "127.77.1.5:12081", "--user", "lab:lab-lab", "--care", "lab", "--every", "100ms", "-o", path("clone"))
	output(t, built(t), "profile", "export", "--to", "redfish-mockup", filepath.Join(path("clone"), "127.77.1.5"), "-o", path("again"))
	sameFolders(t, path("mockup"), path("again"))

	f, err := os.Create(path("mockup.zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if err := z.AddFS(os.DirFS(path("mockup"))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	output(t, built(t), "profile", "import", "--from", "redfish-mockup", path("mockup.zip"), "-o", path("zipped.zip"))
	output(t, built(t), "profile", "export", "--to", "redfish-mockup", path("zipped.zip"), "-o", path("unzipped"))
	sameFolders(t, path("mockup"), path("unzipped"))
}

// TestInteropRedfishStatic: sushy-tools' server of mockups serves one that was exported, and clients print of
// it what they print of the decoy.
func TestInteropRedfishStatic(t *testing.T) {
	python := redfishPython(t, "python")
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	shippedMockup(t, path("mockup"))
	start(t, redfishPython(t, "sushy-static"), "-i", "127.77.1.9", "-p", "12080", "-m", filepath.Join(path("mockup"), "redfish/v1"))
	awaitTCP(t, "127.77.1.9:12080")
	servedMockup(t, path("mockup"), path("profile"), "12080", ", anonymous: true")
	decoy(t, []string{"127.77.1.10:12080"}, path("profile"), "--bind", "127.77.1.10")
	want := output(t, python, "testdata/redfish_client.py", "http://127.77.1.9:12080")
	got := output(t, python, "testdata/redfish_client.py", "http://127.77.1.10:12080")
	if got != want || strings.Count(want, "\n") < 18 {
		t.Errorf("the decoy answers otherwise:\n%s", lineDiff(want, got))
	}
	t.Logf("%d lines alike", strings.Count(want, "\n"))
}
