package main

import (
	"io"
	"sync"
)

// A follower reads a file that grows, at its own pace: whoever writes the file tells it so, and never waits.
type follower struct {
	file io.ReaderAt

	mu      sync.Mutex
	more    sync.Cond
	at, end int64
	closed  bool
	err     error // of the reader: nobody reads any more
}

// follow begins at the front of a file that is empty yet.
func follow(file io.ReaderAt) *follower {
	f := &follower{file: file}
	f.more.L = &f.mu
	return f
}

// Write tells that the file has grown.
func (f *follower) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	f.end += int64(len(b))
	f.more.Signal()
	return len(b), nil
}

// Read waits for bytes until the follower is closed.
func (f *follower) Read(b []byte) (int, error) {
	f.mu.Lock()
	for f.at == f.end && !f.closed {
		f.more.Wait()
	}
	at, left := f.at, f.end-f.at
	f.mu.Unlock()
	if left == 0 {
		return 0, io.EOF
	}
	n, err := f.file.ReadAt(b[:min(int64(len(b)), left)], at)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Close says that the file does not grow any more.
func (f *follower) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.more.Signal()
	return nil
}

// leave says that nobody reads any more, and why.
func (f *follower) leave(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err = err; err == nil {
		f.err = io.ErrClosedPipe
	}
}
