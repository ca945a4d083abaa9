package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestMasks prints every field that a codec says may vary, and compares the list with the one that is
// checked in: a new mask is a decision, not an accident.
func TestMasks(t *testing.T) {
	files, err := filepath.Glob("../../capture/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no codecs found: %v", err)
	}
	var masks []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				ts, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				st, ok := ts.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range st.Fields.List {
					if field.Tag == nil {
						continue
					}
					tag, _ := strconv.Unquote(field.Tag.Value)
					why, _, _ := strings.Cut(reflect.StructTag(tag).Get("wire"), ",")
					if why == "" || why == "id" || why == "key" {
						continue
					}
					names := []string{"(embedded)"}
					if len(field.Names) > 0 {
						names = nil
						for _, n := range field.Names {
							names = append(names, n.Name)
						}
					}
					for _, n := range names {
						masks = append(masks, fmt.Sprintf("%s.%s.%s %s", f.Name.Name, ts.Name.Name, n, why))
					}
				}
			}
		}
	}
	slices.Sort(masks)
	got := strings.Join(masks, "\n") + "\n"
	t.Logf("fields that may vary:\n%s", got)
	const golden = "testdata/masks.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("the masks changed; look at them, then run go test ./cmd/ringer -run Masks -update\ngot:\n%swant:\n%s", got, want)
	}
}
