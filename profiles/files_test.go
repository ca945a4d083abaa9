package profiles

import (
	"archive/zip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const bulky = "apiVersion: ringer/v1\nkind: Device\nid: x\nservices:\n  - y: {port: 1, samples: [samples/y.tsv]}\n"

// writeTree makes files below a directory.
func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBulkStaysInsideTheProfile(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "profile")
	writeTree(t, top, map[string]string{"secret.txt": "secret", "profile/device.yaml": bulky, "profile/samples/y.tsv": "c\t\t00\n"})
	for link, to := range map[string]string{"out": "../secret.txt", "up": "..", "absolute": filepath.Join(top, "secret.txt"), "inside": "samples/y.tsv"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	d, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret.txt", "out", "up/secret.txt", "absolute", "/etc/passwd", "samples/../../secret.txt", "nothing"} {
		if b, err := d.ReadFile(name, 100); err == nil {
			t.Errorf("%s gives %q", name, b)
		}
	}
	for _, name := range []string{"samples/y.tsv", "inside", "./samples//y.tsv"} {
		if b, err := d.ReadFile(name, 100); err != nil || string(b) != "c\t\t00\n" {
			t.Errorf("%s gives %q, %v", name, b, err)
		}
	}
	if b, err := d.ReadFile("samples/y.tsv", 3); err == nil {
		t.Errorf("more than was allowed: %q", b)
	}
	text := strings.Replace(bulky, "samples/y.tsv", "../secret.txt", 1)
	writeTree(t, dir, map[string]string{"device.yaml": text})
	if _, err := Load(dir); err == nil || !strings.HasSuffix(err.Error(), `device.yaml:5: services[0].y.samples[0]: "../secret.txt" leads outside of the profile`) {
		t.Errorf("got %v", err)
	}
	writeTree(t, dir, map[string]string{"device.yaml": strings.Replace(bulky, "samples/y.tsv", "out", 1)})
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), `device.yaml:5: services[0].y.samples[0]: file "out" cannot be read`) {
		t.Errorf("got %v", err)
	}
}

func TestSaveInAllForms(t *testing.T) {
	top := t.TempDir()
	writeTree(t, top, map[string]string{"a/device.yaml": bulky, "a/samples/y.tsv": "c\t\t00\n", "a/extra.txt": "extra"})
	d, err := Load(filepath.Join(top, "a"))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"device.yaml", "extra.txt", "samples/y.tsv"}
	for _, name := range []string{"b", "c.zip", "a"} {
		name = filepath.Join(top, name)
		if err := d.Save(name); err != nil {
			t.Fatal(err)
		}
		if d, err = Load(name); err != nil {
			t.Fatal(err)
		}
		if got := namesIn(t, d); !slices.Equal(got, all) {
			t.Errorf("%s has %v", name, got)
		}
		if b, err := d.ReadFile("samples/y.tsv", 100); err != nil || string(b) != "c\t\t00\n" {
			t.Errorf("%s: samples %q, %v", name, b, err)
		}
	}

	// A profile among other files takes along what it names.
	writeTree(t, top, map[string]string{"many/one.yaml": bulky, "many/two.yaml": "no profile", "many/samples/y.tsv": "c\t\t00\n", "many/samples/z.tsv": "no"})
	if d, err = Load(filepath.Join(top, "many", "one.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(filepath.Join(top, "one.zip")); err != nil {
		t.Fatal(err)
	}
	if d, err = Load(filepath.Join(top, "one.zip")); err != nil {
		t.Fatal(err)
	}
	if got, want := namesIn(t, d), []string{"device.yaml", "samples/y.tsv"}; !slices.Equal(got, want) {
		t.Errorf("it took %v, want %v", got, want)
	}
}

func namesIn(t *testing.T, d *Device) (names []string) {
	t.Helper()
	if err := fs.WalkDir(d.Files, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestLoadArchives(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"device.yaml": bulky, "samples/y.tsv": ""}, ""},
		{map[string]string{"plc/device.yaml": bulky, "plc/samples/y.tsv": ""}, ""},
		{map[string]string{"device.yaml": bulky}, `x.zip/device.yaml:5: services[0].y.samples[0]: file "samples/y.tsv" cannot be read: file does not exist`},
		{map[string]string{"readme.txt": ""}, "x.zip: there is no device.yaml in the archive"},
		{map[string]string{"a/device.yaml": bulky, "b/device.yaml": bulky}, "x.zip: there is no device.yaml in the archive"},
		{map[string]string{"device.yaml": strings.Repeat("#", 40<<20)}, "x.zip/device.yaml: it unpacks to 41943040 bytes: too many"},
		{map[string]string{"device.yaml": bulky, "samples/y.tsv": strings.Repeat("#", 40<<20)}, `file "samples/y.tsv" cannot be read: it unpacks to 41943040 bytes: too many`},
	} {
		name := filepath.Join(t.TempDir(), "x.zip")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for name, text := range c.files {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		switch _, err := Load(name); {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c.files, err)
		case c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)):
			t.Errorf("%v: got %v, want %s", c.files, err, c.want)
		}
	}
}
