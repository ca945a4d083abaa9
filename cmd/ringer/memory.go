package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// readingMemory is what reading a recording of any size should do with.
const readingMemory = 44 << 20

// readSparingly keeps the memory of reading a recording small: garbage may not grow to much more than what
// is held, nor both to more than readingMemory, unless so much is learned that it takes more. It returns
// what ends it.
func readSparingly() func() {
	percent := debug.SetGCPercent(75)
	before := debug.SetMemoryLimit(readingMemory)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			metrics.Read(live)
			debug.SetMemoryLimit(max(readingMemory, 2*int64(live[0].Value.Uint64())+readingMemory/4))
		}
	}()
	return func() {
		close(stop)
		<-stopped
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(before)
	}
}
