package emulate_test

import "flag"

var update = flag.Bool("update", false, "write the answers into the dialogues in testdata")
