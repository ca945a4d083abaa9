package emulate_test

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the answers into the dialogues in testdata")

// checkDialogue plays what clients ask in a file, and compares the whole with the file. -update writes it.
func checkDialogue(t *testing.T, file string, play func(text string) string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := play(string(old))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(old) {
		t.Errorf("%s: the answers are others now; go test -run %s -update shows them:\n%s", file, t.Name(), firstDifference(got, string(old)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return strings.Join(g[max(0, i-8):min(len(g), i+4)], "\n")
		}
	}
	return "the end is missing"
}
