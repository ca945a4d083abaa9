//go:build interop

package capture

const (
	badInputCuts  = 200
	badInputFlips = 2000
	badInputLarge = 1
)
