package profiles

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// YAML is the text of the device file.
func (d *Device) YAML() ([]byte, error) {
	n, err := encode(reflect.ValueOf(d))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.ID, err)
	}
	layOut(n, 2)
	return marshal(n)
}

// SaveYAML writes the device file alone.
func (d *Device) SaveYAML(name string) error {
	b, err := d.YAML()
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644)
}

// Save writes the profile to a directory, or where the name ends in .zip to an archive. Bulk is copied
// there unless it is there already.
func (d *Device) Save(name string) error {
	if strings.EqualFold(filepath.Ext(name), ".zip") {
		return d.saveArchive(name)
	}
	f, err := OpenFolder(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if d.Files != nil && !sameFolder(d.Files, f) {
		if err := copyFiles(d.Files, f.Create); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b, err := d.YAML()
	if err != nil {
		return err
	}
	return writeFile(f.Create, DeviceFile, b)
}

func sameFolder(a, b fs.FS) bool {
	x, err1 := fs.Stat(a, ".")
	y, err2 := fs.Stat(b, ".")
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func (d *Device) saveArchive(name string) (err error) {
	b, err := d.YAML()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".ringer-*.zip")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	z := zip.NewWriter(f)
	create := func(name string) (io.WriteCloser, error) {
		w, err := z.Create(name)
		return nopCloser{w}, err
	}
	if err := writeFile(create, DeviceFile, b); err != nil {
		return err
	}
	if d.Files != nil {
		if err := copyFiles(d.Files, create); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func writeFile(create func(string) (io.WriteCloser, error), name string, b []byte) error {
	w, err := create(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// copyFiles copies every bulk file: all plain files but the device file.
func copyFiles(from fs.FS, create func(string) (io.WriteCloser, error)) error {
	return walkFiles(from, func(name string) error { return copyFile(from, name, create) })
}

func walkFiles(files fs.FS, each func(name string) error) error {
	if w, ok := files.(interface {
		walk(func(name string) error) error
	}); ok {
		return w.walk(each)
	}
	return fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || name == DeviceFile {
			return err
		}
		return each(name)
	})
}

func copyFile(from fs.FS, name string, create func(string) (io.WriteCloser, error)) error {
	r, err := from.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := create(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
