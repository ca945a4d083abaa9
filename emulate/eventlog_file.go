package emulate

import (
	"log/slog"
	"os"
	"strconv"
)

// rotatingFile is a file that is put aside as NAME.1 (and that as NAME.2, …) when it has its size. It
// ends with a whole line even when the disk took only a part of a write.
type rotatingFile struct {
	path   string
	rotate int64
	keep   int
	log    *slog.Logger
	f      *os.File
	size   int64
}

const keptFiles = 4

func openRotating(path string, rotate int64, keep int) (*rotatingFile, error) {
	if keep <= 0 {
		keep = keptFiles
	}
	r := &rotatingFile{path: path, rotate: rotate, keep: keep}
	return r, r.open()
}

func (r *rotatingFile) open() error {
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	if r.f, r.size = f, st.Size(); !st.Mode().IsRegular() {
		r.rotate = 0 // a terminal or a pipe stays where it is
	}
	return nil
}

// Write takes whole lines.
func (r *rotatingFile) Write(p []byte) (int, error) {
	if r.f == nil {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	if r.rotate > 0 && r.size > 0 && r.size+int64(len(p)) > r.rotate {
		if err := r.putAside(); err != nil {
			// Better a file that grows than events that are lost.
			r.log.Error("the event log cannot be put aside: it grows on", "file", r.path, "error", err)
			r.rotate = 0
		}
		if r.f == nil {
			if err := r.open(); err != nil {
				return 0, err
			}
		}
	}
	n, err := r.f.Write(p)
	if err != nil {
		// Half a line would spoil the next one.
		if n > 0 && r.f.Truncate(r.size) != nil {
			r.size += int64(n)
		}
		return 0, err
	}
	r.size += int64(n)
	return n, nil
}

func (r *rotatingFile) putAside() error {
	if err := r.Close(); err != nil {
		return err
	}
	for i := r.keep - 1; i >= 1; i-- {
		if err := os.Rename(asideName(r.path, i), asideName(r.path, i+1)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return os.Rename(r.path, asideName(r.path, 1))
}

func asideName(path string, i int) string { return path + "." + strconv.Itoa(i) }

// Close makes sure that what was written stays, as far as the file can (a pipe cannot).
func (r *rotatingFile) Close() error {
	if r.f == nil {
		return nil
	}
	if st, err := r.f.Stat(); err == nil && st.Mode().IsRegular() {
		if err := r.f.Sync(); err != nil {
			r.f.Close()
			r.f = nil
			return err
		}
	}
	err := r.f.Close()
	r.f = nil
	return err
}
