package profiles

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// The DMTF's mockup layout: a folder for every resource, its body in index.json (index.xml for $metadata),
// the headers of its answer in headers.json, the time that took in time.json. The short form leaves the
// folders redfish/v1 at the top out.

// Names of the files of a resource in a mockup.
const (
	RedfishBody    = "index.json"
	RedfishXML     = "index.xml"
	RedfishHeaders = "headers.json"
	RedfishTime    = "time.json"
)

const (
	mockupMost     = 100_000   // files
	mockupFileMost = 64 << 20  // bytes of one
	mockupMostAll  = 512 << 20 // bytes of all
)

// ImportMockup reads a mockup, a folder or a .zip, into a folder of bulk files. It gives the profile that
// serves it, whose Files the caller adds. create is called for every file to be written.
func ImportMockup(name string, create func(name string) (io.WriteCloser, error)) (*Device, error) {
	files, closer, err := openMockup(name)
	if err != nil {
		return nil, err
	}
	defer closer()
	top, err := mockupTop(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	const root = "redfish"
	count, total := 0, int64(0)
	err = fs.WalkDir(files, top, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf("%s: it is no plain file, and links are not followed", p)
		}
		if count++; count > mockupMost {
			return fmt.Errorf("more than %d files are not read", mockupMost)
		}
		b, err := readFile(files, p, mockupFileMost)
		if err != nil {
			return err
		}
		if total += int64(len(b)); total > mockupMostAll {
			return fmt.Errorf("more than %d bytes are not read", mockupMostAll)
		}
		if err := checkMockupFile(p, b); err != nil {
			return err
		}
		return writeFile(create, path.Join(root, strings.TrimPrefix(strings.TrimPrefix(p, top), "/")), b)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	section := &HTTP{Redfish: &Redfish{Root: root + "/"}}
	section.Port = Port{Number: 80}
	return &Device{
		APIVersion: APIVersion, Kind: Kind, ID: mockupID(name),
		Services: []Service{{Protocol: "http", Section: section}},
	}, nil
}

// mockupID makes a name for the device out of that of the mockup.
func mockupID(name string) string {
	base := filepath.Base(filepath.Clean(name))
	base = strings.TrimSuffix(base, filepath.Ext(base))
	base = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '\\' {
			return '-'
		}
		return r
	}, base)
	if strings.Trim(base, ".-") == "" {
		return "redfish"
	}
	return base
}

// ExportMockup writes the Redfish tree of a profile as a mockup.
func ExportMockup(d *Device, create func(name string) (io.WriteCloser, error)) error {
	r := d.redfish()
	if r == nil {
		return errors.New("the profile has no Redfish service: an http service with a redfish mapping")
	}
	if d.Files == nil {
		return errors.New("the profile has no files")
	}
	root := path.Clean(r.Root)
	return fs.WalkDir(d.Files, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(p, root), "/")
		return copyFile(d.Files, p, func(string) (io.WriteCloser, error) { return create(rel) })
	})
}

// redfish is the mapping of the device's first Redfish service; nil: it has none.
func (d *Device) redfish() *Redfish {
	for _, s := range d.Services {
		if h, ok := s.Section.(*HTTP); ok && h.Redfish != nil {
			return h.Redfish
		}
	}
	return nil
}

// openMockup opens a folder, out of which nothing leads, or an archive.
func openMockup(name string) (fs.FS, func() error, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		r, err := os.OpenRoot(name)
		if err != nil {
			return nil, nil, err
		}
		f := &Folder{r}
		return f, f.Close, nil
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: want a folder or a .zip", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	a, err := openArchive(f, info.Size())
	if err == nil {
		err = checkArchive(a.zip)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, zip.ErrFormat) {
			err = errors.New("want a folder or a .zip: it is neither")
		}
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, f.Close, nil
}

// checkArchive refuses an archive with names that lead out of it.
func checkArchive(z *zip.Reader) error {
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, "/")
		if !fs.ValidPath(name) || strings.Contains(name, `\`) {
			return fmt.Errorf("the archive has a file %q, which leads outside", f.Name)
		}
		if m := f.Mode(); !m.IsDir() && !m.IsRegular() {
			return fmt.Errorf("%s: it is no plain file, and links are not followed", f.Name)
		}
	}
	return nil
}

// mockupTop finds where in the files a mockup begins: at the top, or in the only folder there.
func mockupTop(files fs.FS) (string, error) {
	for top := "."; ; {
		if _, short := RedfishPrefix(files, top); short != nil {
			if es, err := fs.ReadDir(files, top); err == nil {
				folder := ""
				for _, e := range es {
					if e.IsDir() {
						if folder != "" {
							return "", short
						}
						folder = e.Name()
					}
				}
				if folder != "" && strings.Count(top, "/") < 4 {
					top = path.Join(top, folder)
					continue
				}
			}
			return "", short
		}
		return top, nil
	}
}

// RedfishPrefix is what paths of resources begin with that the files leave out: "" for a mockup with
// redfish/v1 at its top, "/redfish/v1" for one in the short form.
func RedfishPrefix(files fs.FS, top string) (string, error) {
	if _, err := fs.Stat(files, path.Join(top, "redfish/v1", RedfishBody)); err == nil {
		return "", nil
	}
	b, err := readFile(files, path.Join(top, RedfishBody), mockupFileMost)
	if err != nil {
		return "", fmt.Errorf("there is no mockup: want redfish/v1/%s, or %s with the service root", RedfishBody, RedfishBody)
	}
	var root struct {
		ID string `json:"@odata.id"`
	}
	if err := json.Unmarshal(trimBOM(b), &root); err != nil {
		return "", fmt.Errorf("%s: %w", path.Join(top, RedfishBody), err)
	}
	if strings.TrimSuffix(root.ID, "/") != "/redfish/v1" {
		return "", fmt.Errorf("%s: @odata.id is %q: want that of a service root, /redfish/v1/", path.Join(top, RedfishBody), root.ID)
	}
	return "/redfish/v1", nil
}

// trimBOM takes a byte order mark off, which editors put before JSON.
func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }

// checkMockupFile says what is wrong in a file of a mockup.
func checkMockupFile(name string, b []byte) error {
	var err error
	switch path.Base(name) {
	case RedfishBody:
		if b = trimBOM(b); !json.Valid(b) {
			err = json.Unmarshal(b, new(any))
		} else if t := bytes.TrimSpace(b); t[0] != '{' {
			err = errors.New("want a JSON object")
		}
	case RedfishHeaders:
		_, err = ReadRedfishHeaders(b)
	case RedfishTime:
		_, err = ReadRedfishTime(b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
