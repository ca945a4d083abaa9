package profiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHTTPPointsOfMissingPages: a point of a page that is not in the profile's folder is an error with its line.
func TestHTTPPointsOfMissingPages(t *testing.T) {
	dir := t.TempDir()
	yaml := `apiVersion: ringer/v1
kind: Device
id: d
points:
  level: {type: f32, value: 1}
services:
  - http:
      port: 80
      root: web/
      points:
        /a.html: {"#level": level}
        /b.html: {"#level": level}
`
	if err := os.Mkdir(filepath.Join(dir, "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"device.yaml": yaml, "web/a.html": `<p id="level">1</p>`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(dir)
	if err == nil || !strings.Contains(err.Error(), ":12: ") || !strings.Contains(err.Error(), "web/b.html") || strings.Contains(err.Error(), "a.html") {
		t.Errorf("got %v", err)
	}
}
