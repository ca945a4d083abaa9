package emulate

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap blocks the thread for a short time, and is right to some 0.1 ms.
func nap(t time.Duration) {
	ts := unix.NsecToTimespec(int64(t))
	_ = unix.Nanosleep(&ts, nil) // a signal that ends it early does no harm
}
