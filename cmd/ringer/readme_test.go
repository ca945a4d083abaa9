package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/emulate"
	"ringer/profiles"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReadmeProtocols keeps the README's protocol table true: its rows are the protocols there are, what
// it calls asked can be cloned, what it calls served has a behaviour of its own, and what a protocol was tested against stands in
// docs/verification.md.
func TestReadmeProtocols(t *testing.T) {
	verification, err := os.ReadFile("../../docs/verification.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(readme(t), "\n## Protocols\n")
	if !ok {
		t.Fatal("README.md has no section Protocols")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 || strings.Contains(cells[0], "---") || strings.TrimSpace(cells[0]) == "protocol" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name, read, asked, served, against := cells[0], cells[2], cells[3], cells[4], cells[5]
		names = append(names, name)
		p := protocolNamed(name)
		if (p != nil) != (read == "yes") {
			t.Errorf("%s: read is %q, but there is a codec: %v", name, read, p != nil)
		}
		if has := slices.ContainsFunc(askers(), func(a asker) bool { return a.name == name }); has != (asked == "yes") {
			t.Errorf("%s: asked is %q, but ringer clone can ask it: %v", name, asked, has)
		}
		if has := slices.Contains(emulate.Behaviours(), name); has != (served == "yes") {
			t.Errorf("%s: served is %q, but it has a behaviour: %v", name, served, has)
		}
		for _, tool := range regexp.MustCompile(`[a-zA-Z0-9]+[-a-zA-Z0-9]*`).FindAllString(against, -1) {
			if !strings.Contains(string(verification), tool) {
				t.Errorf("%s: tested against %s, of which docs/verification.md says nothing", name, tool)
			}
		}
	}
	var want []string
	for _, p := range capture.Protocols() {
		want = append(want, p.Name())
	}
	slices.Sort(want)
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("the table has %q, ringer has %q", names, want)
	}
}

// TestReadmeProfile: the README's profile can be served.
func TestReadmeProfile(t *testing.T) {
	_, text, ok := strings.Cut(readme(t), "```yaml\n")
	if !ok {
		t.Fatal("README.md has no profile")
	}
	text, _, _ = strings.Cut(text, "```")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "device.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	dev, err := profiles.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	st, err := emulate.NewState(dev, emulate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		s := &dev.Services[i]
		if _, err := emulate.Open(st, dev, s, protocolNamed(s.Protocol)); err != nil {
			t.Error(err)
		}
	}
}

// TestReadmeLibrary: the README's piece of Go is the one that capture's example runs.
func TestReadmeLibrary(t *testing.T) {
	_, text, ok := strings.Cut(readme(t), "```go\n")
	if !ok {
		t.Fatal("README.md has no Go")
	}
	text, _, _ = strings.Cut(text, "```")
	example, err := os.ReadFile("../../capture/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := func(s string) (out []string) {
		for line := range strings.Lines(s) {
			if line, _, _ = strings.Cut(line, "//"); strings.TrimSpace(line) != "" {
				out = append(out, strings.TrimSpace(strings.ReplaceAll(line, `"../testdata/`, `"testdata/`)))
			}
		}
		return out
	}
	in := strings.Join(lines(string(example)), "\n")
	for _, line := range lines(text) {
		if !strings.Contains(in, line) && !strings.HasPrefix(line, "fmt.Println") {
			t.Errorf("capture/example_test.go does not run %q", line)
		}
	}
}
