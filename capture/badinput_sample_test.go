//go:build !interop

package capture

// A sample; all of it with the build tag interop.
const (
	badInputCuts  = 5
	badInputFlips = 12
	badInputLarge = 4 // of files beyond 1 MiB, so many times fewer
)
