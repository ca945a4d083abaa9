package capture

import (
	"testing"
	"unsafe"
)

// TestAccounts: what is counted to bound memory is given back, whatever the recording.
func TestAccounts(t *testing.T) {
	eachRecording(t, func(t *testing.T, path, name string) {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		a := newAssembly(&Options{Warn: func(error) {}})
		s, stop, err := newSource(f, a.warn)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		a.run(s, func(Exchange, error) bool { return true })
		if a.held != 0 || a.trying != 0 || a.waiting != 0 || a.window.bytes != 0 || a.flowsNow != 0 || len(a.flows) != 0 {
			t.Errorf("held %d, trying %d, waiting %d, window %d, flows %d and %d", a.held, a.trying, a.waiting, a.window.bytes, a.flowsNow, len(a.flows))
		}
	})
	if n := unsafe.Sizeof(flow{}); n > 1024 {
		t.Errorf("a flow takes %d bytes", n)
	}
}
