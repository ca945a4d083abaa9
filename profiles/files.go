package profiles

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Bounds on what is read of a profile.
const (
	yamlMax = 64 << 20 // of one YAML file
	bulkMax = 1 << 30  // of one bulk file in an archive, unpacked
	zipMax  = 1 << 20  // files in an archive

	// An archive of a few kilobytes that unpacks to gigabytes is none of ours: what people and recordings
	// write does not shrink like that.
	packedMost  = 200      // times, of a bulk file in an archive
	packedLeast = 32 << 20 // bytes, unpacked, that nobody minds
)

// A Folder is a profile's bulk in a directory. The operating system keeps every path inside it: neither
// ".." nor a symbolic link leads out. What is no plain file (a device, a pipe) cannot be opened.
type Folder struct{ root *os.Root }

// OpenFolder opens a directory, and makes it if it is not there.
func OpenFolder(name string) (*Folder, error) {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return nil, err
	}
	return openFolder(name)
}

func openFolder(name string) (*Folder, error) {
	r, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Folder{r}, nil
}

func (f *Folder) Open(name string) (fs.File, error) {
	info, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a plain file")}
	}
	return f.root.FS().Open(name)
}

func (f *Folder) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.root.FS(), name) }

// Create makes a bulk file, and the folders it lies in.
func (f *Folder) Create(name string) (io.WriteCloser, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrInvalid}
	}
	if err := f.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return nil, err
	}
	return f.root.Create(name)
}

func (f *Folder) Close() error { return f.root.Close() }

// beside is the bulk of a profile whose file lies in a folder with others: only what it names is its own.
type beside struct {
	*Folder
	dev *Device
}

// walk calls each for the files that the profile names, and those in the folders that it names.
func (b *beside) walk(each func(name string) error) error {
	n, err := encode(reflect.ValueOf(b.dev))
	if err != nil {
		return err
	}
	done := map[string]bool{}
	once := func(name string) error {
		if done[name] {
			return nil
		}
		done[name] = true
		return each(name)
	}
	return scalars(n, func(text string) error {
		name := path.Clean(text)
		if name == "." || !fs.ValidPath(name) {
			return nil
		}
		switch info, err := b.Stat(name); {
		case err != nil:
			return nil // a text that is no file
		case !info.IsDir():
			return once(name)
		}
		return fs.WalkDir(b.Folder, name, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			return once(name)
		})
	})
}

// scalars calls each for all values in a node, keys of mappings aside.
func scalars(n *yaml.Node, each func(text string) error) error {
	if n.Kind == yaml.ScalarNode {
		return each(n.Value)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		if err := scalars(c, each); err != nil {
			return err
		}
	}
	return nil
}

// An archive is a profile in a .zip, at its top or in a folder of it.
type archive struct {
	zip    *zip.Reader
	folder string
	close  func() error
}

func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > zipMax {
		return nil, fmt.Errorf("the archive has %d files: more than %d are not read", len(z.File), zipMax)
	}
	return &archive{zip: z, folder: ".", close: func() error { return nil }}, nil
}

func (a *archive) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := a.zip.Open(path.Join(a.folder, name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if h, ok := info.Sys().(*zip.FileHeader); ok && info.Size() > packedLeast &&
		(info.Size() > bulkMax || uint64(info.Size()) > packedMost*h.CompressedSize64) {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it unpacks to %d bytes: too many", info.Size())}
	}
	return f, nil
}

func (a *archive) Close() error { return a.close() }

// ReadFile reads a bulk file of at most max bytes.
func (d *Device) ReadFile(name string, max int64) ([]byte, error) {
	if d.Files == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return readFile(d.Files, name, max)
}

func readFile(files fs.FS, name string, max int64) ([]byte, error) {
	f, err := files.Open(path.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	if int64(len(b)) > max {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("more than %d bytes are not read", max)}
	}
	return b, nil
}
