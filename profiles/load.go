package profiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// DeviceFile is the file of a profile that a person reads and edits.
const DeviceFile = "device.yaml"

// Load reads a profile: a directory, a .zip of one, or its YAML file. What is wrong in it comes as
// Errors, all at once, each with file and line.
func Load(name string) (*Device, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return loadFolder(name, DeviceFile)
	case strings.EqualFold(filepath.Ext(name), ".zip"):
		return loadArchive(name)
	case info.Mode().IsRegular():
		return loadFolder(filepath.Dir(name), filepath.Base(name))
	}
	return nil, fmt.Errorf("%s: want a folder, a .zip or a YAML file", name)
}

func loadFolder(dir, file string) (*Device, error) {
	d, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	var files fs.FS = d
	if file != DeviceFile {
		files = &beside{Folder: d}
	}
	dev, err := load(files, file, filepath.Join(dir, file))
	if err != nil {
		d.Close()
	}
	return dev, err
}

func loadArchive(name string) (*Device, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	a, err := openArchive(f, info.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	file, err := deviceIn(a)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	a.folder, a.close = path.Dir(file), f.Close
	dev, err := load(a, DeviceFile, name+"/"+file)
	if err != nil {
		f.Close()
	}
	return dev, err
}

// deviceIn finds the profile in an archive: at its top, or in its only folder.
func deviceIn(a *archive) (string, error) {
	if _, err := fs.Stat(a, DeviceFile); !errors.Is(err, fs.ErrNotExist) {
		return DeviceFile, nil
	}
	found, err := fs.Glob(a, "*/"+DeviceFile)
	if err == nil && len(found) == 1 {
		return found[0], nil
	}
	return "", errors.New("there is no " + DeviceFile + " in the archive")
}

func load(files fs.FS, file, shown string) (*Device, error) {
	b, err := readFile(files, file, yamlMax)
	if err != nil {
		if inside := (*fs.PathError)(nil); errors.As(err, &inside) {
			err = inside.Err
		}
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	return Parse(b, shown, files)
}

// Parse reads the text of a device file. name is for errors; files holds the bulk, and may be nil.
func Parse(b []byte, name string, files fs.FS) (*Device, error) {
	d := newDecoder(name)
	n := d.parse(b)
	if n == nil {
		return nil, d.errs
	}
	dev := &Device{Files: files}
	if b, ok := files.(*beside); ok {
		b.dev = dev
	}
	if !d.upgrade(n, upgrades) {
		return nil, d.errs
	}
	d.decode(n, reflect.ValueOf(dev).Elem(), "")
	if len(d.errs) > 0 {
		return nil, d.errs
	}
	if err := dev.validate(name, n); err != nil {
		return nil, err
	}
	return dev, nil
}
