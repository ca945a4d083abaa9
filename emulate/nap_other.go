//go:build !linux

package emulate

import "time"

func nap(t time.Duration) { time.Sleep(t) }
