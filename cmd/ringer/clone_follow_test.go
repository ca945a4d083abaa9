package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestFollower: all that is written is read, and nobody who writes waits for it.
func TestFollower(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	file.WriteString("before ")
	f := follow(file)
	f.end = 7
	want := []byte("before ")
	w := io.MultiWriter(file, f)
	for i := range 1000 { // nothing is read yet
		b := bytes.Repeat([]byte{byte(i)}, 1000)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		want = append(want, b...)
	}
	read := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(f)
		read <- b
	}()
	w.Write([]byte("at the end"))
	f.Close()
	if got := <-read; !bytes.Equal(got, append(want, "at the end"...)) {
		t.Errorf("%d bytes were read, want %d", len(got), len(want)+10)
	}
	full := errors.New("the disk is full")
	f.leave(full)
	if _, err := w.Write([]byte("x")); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
}
