//go:build !linux

package capture

import (
	"context"
	"fmt"
	"iter"
	"runtime"
)

// Live would read from a network interface, which this system allows only with cgo.
func Live(ctx context.Context, iface string, opt Options) iter.Seq2[Exchange, error] {
	return func(yield func(Exchange, error) bool) {
		yield(Exchange{}, fmt.Errorf("capture: listening on %s: not possible on %s; record with tcpdump or Wireshark and give ringer the file (tcpdump -i %s -w - | ringer capture -)", iface, runtime.GOOS, iface))
	}
}
