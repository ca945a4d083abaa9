package profiles

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A zipped is an archive with these files; a name that ends in "@" is a symbolic link.
func zipped(t testing.TB, files ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f[0], Method: zip.Deflate}
		if name, link := strings.CutSuffix(f[0], "@"); link {
			h.Name = name
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, f[1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var mockupRoot = [2]string{"redfish/v1/index.json", `{"@odata.id": "/redfish/v1/"}`}

// kept is what an import writes.
type kept struct {
	bytes.Buffer
	done func(string)
}

func (k *kept) Close() error { k.done(k.String()); return nil }

// importing reads an archive; no file of it leads anywhere else.
func importing(t *testing.T, archive []byte) (files map[string]string, err error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mockup.zip")
	if err := os.WriteFile(name, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	_, err = ImportMockup(name, func(file string) (io.WriteCloser, error) {
		if !fs.ValidPath(file) || !strings.HasPrefix(file, "redfish/") {
			t.Fatalf("%q would be written", file)
		}
		return &kept{done: func(text string) { files[file] = text }}, nil
	})
	if err != nil && !strings.HasPrefix(err.Error(), name) {
		t.Errorf("the error does not name the file: %v", err)
	}
	return files, err
}

// TestMockupArchives: archives that mean harm are refused with a word on what is wrong.
func TestMockupArchives(t *testing.T) {
	zeros := strings.Repeat("\x00", mockupFileMost+1)
	for _, c := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"fine", zipped(t, mockupRoot), ""},
		{"a path out", zipped(t, mockupRoot, [2]string{"redfish/../../etc/passwd", "x"}), `"redfish/../../etc/passwd", which leads outside`},
		{"an absolute path", zipped(t, mockupRoot, [2]string{"/etc/passwd", "x"}), `"/etc/passwd", which leads outside`},
		{"a backslash", zipped(t, mockupRoot, [2]string{`redfish\..\..\x`, "x"}), "which leads outside"},
		{"a link", zipped(t, mockupRoot, [2]string{"redfish/v1/Systems@", "/etc"}), "redfish/v1/Systems: it is no plain file, and links are not followed"},
		{"a bomb", zipped(t, mockupRoot, [2]string{"redfish/v1/Systems/bomb.bin", zeros}), "redfish/v1/Systems/bomb.bin: it unpacks to 67108865 bytes: too many"},
		{"cut off", zipped(t, mockupRoot)[:60], "want a folder or a .zip: it is neither"},
	} {
		files, err := importing(t, c.archive)
		switch {
		case c.want == "" && (err != nil || len(files) != 1):
			t.Errorf("%s: %v, %v", c.name, files, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// Whatever an archive is: it is read as a mockup that can be loaded, or refused; nothing is written beside it.
func FuzzImportMockup(f *testing.F) {
	f.Add(zipped(f, mockupRoot))
	f.Add(zipped(f, [2]string{"index.json", mockupRoot[1]}, [2]string{"headers.json", `{"GET": {"ETag": "\"1\"", "A": 1.5}}`}, [2]string{"time.json", `{"GET_Time": "0.1"}`}))
	f.Add(zipped(f, [2]string{"server/redfish/v1/index.json", mockupRoot[1]}, [2]string{"../x", ""}, [2]string{"a@", "/"}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		files, err := importing(t, archive)
		if err == nil && len(files) == 0 {
			t.Error("a mockup without files")
		}
	})
}
