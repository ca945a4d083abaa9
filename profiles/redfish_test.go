package profiles

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mockupFiles is a small mockup with all kinds of files; the byte order mark, the odd spacing and the file
// beside the tree must come back as they are.
var mockupFiles = map[string]string{
	"README":                              "made by hand\n",
	"redfish/index.json":                  "{ \"v1\" : \"/redfish/v1/\" }",
	"redfish/v1/index.json":               "{\"@odata.id\":\"/redfish/v1/\",\r\n\"Name\":\"Root\"}",
	"redfish/v1/headers.json":             "{\"GET\":{\"Server\":\"x/1\",\"ETag\":\"W/\\\"1\\\"\"}}\n",
	"redfish/v1/time.json":                "{\"GET_Time\": \"0.12\"}",
	"redfish/v1/$metadata/index.xml":      "<x/>\n",
	"redfish/v1/Systems/index.json":       "\xef\xbb\xbf{\"Members\": []}",
	"redfish/v1/Registries/a/a.v1_0.json": "[1]",
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, text := range files {
		if err := writeFile(f.Create, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// roundTrip imports a mockup, saves and loads the profile, and exports it.
func roundTrip(t *testing.T, source string) map[string]string {
	t.Helper()
	made, saved, out := t.TempDir(), filepath.Join(t.TempDir(), "profile"), t.TempDir()
	f, err := OpenFolder(made)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := ImportMockup(source, f.Create)
	if err != nil {
		t.Fatal(err)
	}
	dev.Files = f
	if err := dev.Save(saved); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if dev, err = Load(saved); err != nil {
		t.Fatal(err)
	}
	defer dev.Files.(io.Closer).Close()
	o, err := OpenFolder(out)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := ExportMockup(dev, o.Create); err != nil {
		t.Fatal(err)
	}
	return readFiles(t, out)
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: it was not there", name)
		}
	}
}

func TestMockupRoundTrip(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, mockupFiles)
	sameFiles(t, roundTrip(t, dir), mockupFiles)

	short := map[string]string{}
	for name, text := range mockupFiles {
		if rest, ok := strings.CutPrefix(name, "redfish/v1/"); ok {
			short[rest] = text
		}
	}
	dir = t.TempDir()
	writeFiles(t, dir, short)
	sameFiles(t, roundTrip(t, dir), short)

	// An archive, with the mockup in a folder of its own.
	name := filepath.Join(t.TempDir(), "server.zip")
	writeZip(t, name, func(z *zip.Writer) {
		for file, text := range mockupFiles {
			w, err := z.Create("server/" + file)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, text)
		}
	})
	sameFiles(t, roundTrip(t, name), mockupFiles)
}

func writeZip(t *testing.T, name string, fill func(*zip.Writer)) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	fill(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMockupRefused(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(`{"secret": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file, text, want string
	}{
		{"not JSON", "redfish/v1/Systems/index.json", "{", "redfish/v1/Systems/index.json: unexpected end of JSON input"},
		{"no object", "redfish/v1/Systems/index.json", "[]", "redfish/v1/Systems/index.json: want a JSON object"},
		{"header with a line break", "redfish/v1/headers.json", `{"GET": {"A": "b\r\nC: d"}}`, `redfish/v1/headers.json: GET: "A: b\r\nC: d" cannot be a header`},
		{"headers that are a list", "redfish/v1/headers.json", `{"GET": []}`, "redfish/v1/headers.json: GET: want an object of header names and values"},
		{"time", "redfish/v1/time.json", `{"GET_Time": "soon"}`, `redfish/v1/time.json: GET_Time: "soon" is no number of seconds`},
		{"negative time", "redfish/v1/time.json", `{"GET_Time": -1}`, "redfish/v1/time.json: GET_Time: want 0 to 600 seconds"},
		{"other service root", "redfish/v1/index.json", "", "redfish/v1/index.json: unexpected end of JSON input"},
	} {
		dir := t.TempDir()
		writeFiles(t, dir, mockupFiles)
		writeFiles(t, dir, map[string]string{c.file: c.text})
		refused(t, c.name, dir, c.want)
	}

	dir := t.TempDir()
	refused(t, "nothing", dir, "there is no mockup: want redfish/v1/index.json, or index.json with the service root")

	dir = t.TempDir()
	writeFiles(t, dir, mockupFiles)
	if err := os.Symlink(outside, filepath.Join(dir, "redfish/v1/Systems/more.json")); err != nil {
		t.Skip("no symbolic links here")
	}
	refused(t, "link out", dir, "redfish/v1/Systems/more.json: it is no plain file, and links are not followed")

	name := filepath.Join(t.TempDir(), "slip.zip")
	writeZip(t, name, func(z *zip.Writer) {
		for _, file := range []string{"redfish/v1/index.json", "../../outside.json"} {
			w, err := z.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, "{}")
		}
	})
	refused(t, "zip slip", name, `the archive has a file "../../outside.json", which leads outside`)

	name = filepath.Join(t.TempDir(), "no.zip")
	if err := os.WriteFile(name, []byte("nothing of the kind"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "no archive", name, "want a folder or a .zip: it is neither")
}

func refused(t *testing.T, what, source, want string) {
	t.Helper()
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = ImportMockup(source, f.Create)
	if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), source) {
		t.Errorf("%s: %v, want %s: … %s", what, err, source, want)
	}
}

func TestRedfishFiles(t *testing.T) {
	h := HTTPHeaders{{"Server", `a "b" <c>`}, {"Date", "x"}, {"Link", "</a>"}, {"link", "</b>"}}
	got, err := ReadRedfishHeaders(WriteRedfishHeaders(h))
	if err != nil || len(got) != 3 || got[0] != h[0] || got[1] != h[1] || got[2].Value != "</a>, </b>" {
		t.Errorf("%v, %v", got, err)
	}
	for _, d := range []time.Duration{0, 120 * time.Millisecond, 61*time.Second + 990*time.Millisecond} {
		if got, err := ReadRedfishTime(WriteRedfishTime(d + 9*time.Millisecond)); got.Round(time.Millisecond) != d || err != nil {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
}

func TestRedfishSection(t *testing.T) {
	const good = `apiVersion: ringer/v1
kind: Device
id: x
points:
  power: {type: bool, write: {}}
services:
  - http:
      port: 443
      redfish:
        root: redfish/
        open: [/redfish/v1/Registries/]
        sessions: {timeout: 30m, most: 8}
        points: {/redfish/v1/Systems/1#/PowerState: power}
        writable: [/redfish/v1/Systems/1#/HostName]
        actions: {ComputerSystem.Reset: {delay: 4s, status: 202}}
        patched: 204
`
	if _, err := Parse([]byte(good), "x.yaml", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"root: redfish/", "root: ../redfish/", `services[0].http.redfish.root: "../redfish/" leads outside of the profile`},
		{"1#/PowerState: power", "1#/PowerState: pwr", `there is no point "pwr"`},
		{"1#/PowerState: power", "1/PowerState: power", "want the path of a resource, #, and a JSON pointer"},
		{"most: 8", "most: 100000", "want 1 to 4096"},
		{"status: 202", "status: 404", "want a status from 200 to 299"},
		{"patched: 204", "patched: 500", "want 200 or 204"},
		{"[/redfish/v1/Registries/]", "[Registries]", "is not the path of a page"},
	} {
		_, err := Parse([]byte(strings.Replace(good, c.old, c.new, 1)), "x.yaml", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
}
