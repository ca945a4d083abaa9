//go:build !interop

package capture

// A sample; all of it with the build tag interop.
const (
	badInputCuts  = 10
	badInputFlips = 30
	badInputLarge = 10 // of files beyond 1 MiB, so many times fewer
)
