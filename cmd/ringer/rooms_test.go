package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRooms guards the walls between the rooms: a codec imports only the wire package and nothing that
// does I/O, and imports run in one direction.
func TestRooms(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "ringer/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	may := map[string][]string{
		"ringer/capture/wire": {},
		"ringer/profiles":     {"ringer/capture/"},
		"ringer/capture":      {"ringer/capture/"},
		"ringer/clone":        {"ringer/capture", "ringer/profiles"},
		"ringer/emulate":      {"ringer/capture", "ringer/profiles"},
		"ringer/replay":       {"ringer/capture", "ringer/profiles", "ringer/emulate"},
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pkg, imports := f[0], f[1:]
		if pkg == "ringer/cmd/ringer" {
			continue
		}
		seen++
		codec := strings.HasPrefix(pkg, "ringer/capture/") && pkg != "ringer/capture/wire"
		for _, i := range imports {
			switch {
			case (codec || pkg == "ringer/capture/wire") && slices.Contains([]string{"net", "net/http", "os", "io/ioutil", "log", "log/slog"}, i):
				t.Errorf("%s does I/O: it imports %s", pkg, i)
			case !strings.HasPrefix(i, "ringer/"):
			case codec:
				if i != "ringer/capture/wire" {
					t.Errorf("codec %s reaches out of its room: it imports %s", pkg, i)
				}
			default:
				ok := false
				for _, m := range may[pkg] {
					ok = ok || i == m || strings.HasPrefix(i, strings.TrimSuffix(m, "/")+"/")
				}
				if !ok {
					t.Errorf("%s may not import %s", pkg, i)
				}
			}
		}
	}
	if seen < 6 {
		t.Fatalf("only %d packages were checked", seen)
	}
}
