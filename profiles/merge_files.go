package profiles

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// evidence unites the files of provenance: the facts of each capture together, oldest capture first.
func (m *Merging) evidence(a, b string) (string, error) {
	if a == "" || b == "" {
		return a + b, nil
	}
	lines := map[string][]string{} // by capture
	seen := map[string]bool{}
	for _, f := range []struct {
		dev  *Device
		name string
	}{{m.Older, a}, {m.Newer, b}} {
		if err := readLines(f.dev, f.name, func(line string) error {
			var fact struct {
				Cap string `json:"cap"`
			}
			if err := json.Unmarshal([]byte(line), &fact); err != nil {
				return err
			}
			if !seen[line] {
				seen[line] = true
				lines[fact.Cap] = append(lines[fact.Cap], line)
			}
			return nil
		}); err != nil {
			return "", err
		}
	}
	ids := slices.SortedFunc(maps.Keys(lines), func(x, y string) int {
		return cmp.Or(cmp.Compare(captureAge(x, m.captures[x]), captureAge(y, m.captures[y])))
	})
	var out bytes.Buffer
	for _, id := range ids {
		for _, line := range lines[id] {
			out.WriteString(line + "\n")
		}
	}
	m.Write(b, out.Bytes())
	return b, nil
}

func readLines(d *Device, name string, each func(line string) error) error {
	if d.Files == nil {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := d.Files.Open(path.Clean(name))
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		if err := each(s.Text()); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return s.Err()
}

// files is the bulk of both profiles, and what was made for both.
func (m *Merging) files() (fs.FS, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(m.made)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(m.made[name]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	made, err := openArchive(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		return nil, err
	}
	all := layers{files: []fs.FS{made}, dropped: m.dropped}
	for _, d := range []*Device{m.Newer, m.Older} {
		if d.Files != nil {
			all.files = append(all.files, d.Files)
		}
	}
	for name := range m.made {
		delete(m.dropped, name)
	}
	return all, nil
}

// layers are folders over each other: the first that has a file gives it, unless it was dropped.
type layers struct {
	files   []fs.FS
	dropped map[string]bool
}

func (l layers) Open(name string) (fs.File, error) {
	for _, files := range l.files {
		if l.dropped[name] {
			break
		}
		f, err := files.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// walk calls each for every file of all layers.
func (l layers) walk(each func(name string) error) error {
	done := maps.Clone(l.dropped)
	if done == nil {
		done = map[string]bool{}
	}
	for _, files := range l.files {
		if err := walkFiles(files, func(name string) error {
			if done[name] {
				return nil
			}
			done[name] = true
			return each(name)
		}); err != nil {
			return err
		}
	}
	return nil
}
