package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

func noCoupleFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-couple", Usage: "leave a value that moves alike in two protocols two values, not one point"}
}

// coupledShown is how many are printed; --json and the profile's evidence have all.
const coupledShown = 20

// printCoupled lists the values that a device shows in two protocols.
func printCoupled(w io.Writer, device string, all []clone.Couple) {
	for i, x := range all {
		if i == coupledShown {
			fmt.Fprintf(w, "coupled: %s more; --json lists them\n", count(len(all)-i))
			return
		}
		fmt.Fprintf(w, "coupled: %s of %s: %s\n", x.Point, device, x)
	}
}
