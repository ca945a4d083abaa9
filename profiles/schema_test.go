package profiles

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write schema.json and the tables of SCHEMA.md anew from the Go types")

// The schema and the tables of SCHEMA.md are made from the Go types and their comments, so that neither can
// be wrong about a key.

// A commentBook has the comments of struct types and of their fields.
type commentBook map[string]typeComments

type typeComments struct {
	file   string
	doc    string
	fields map[string]string
}

func readComments(t *testing.T) commentBook {
	t.Helper()
	book := commentBook{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			g, ok := n.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, spec := range g.Specs {
				x, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				c := typeComments{file: name, doc: prose(g.Doc.Text()), fields: map[string]string{}}
				if s, ok := x.Type.(*ast.StructType); ok {
					for _, field := range s.Fields.List {
						for _, id := range field.Names {
							c.fields[id.Name] = prose(field.Doc.Text() + field.Comment.Text())
						}
					}
				}
				book[x.Name.Name] = c
			}
			return true
		})
	}
	return book
}

// prose is a comment on one line, up to an example.
func prose(s string) string {
	s, _, _ = strings.Cut(s, "\n\n")
	return strings.Join(strings.Fields(s), " ")
}

// A schemaMaker turns Go types into definitions of a JSON Schema.
type schemaMaker struct {
	book  commentBook
	defs  map[string]any
	order []reflect.Type // struct types in the order met
}

type object = map[string]any

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

func (s *schemaMaker) of(t reflect.Type) object {
	switch t {
	case durationType:
		return ref("duration")
	case timeType:
		return ref("time")
	case reflect.TypeFor[Service]():
		return ref("service")
	case reflect.TypeFor[Port]():
		return object{"type": []string{"integer", "string"}, "pattern": "^[0-9]+(/(tcp|udp))?$", "minimum": 1, "maximum": 65535}
	case reflect.TypeFor[ModbusDenied]():
		return object{"anyOf": []object{{"type": "array", "items": s.of(reflect.TypeFor[uint8]())}, s.of(reflect.TypeFor[map[uint8]uint8]())}}
	case reflect.TypeFor[HTTPHeaders]():
		return object{"type": "object", "additionalProperties": object{"anyOf": []object{ref("text"), {"type": "array", "items": ref("text")}}}}
	case reflect.TypeFor[SNMPCommunity]():
		return object{"anyOf": []object{{"enum": []string{"ro", "rw"}}, s.structure(t)}}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()) {
		return ref("text")
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.structure(t)
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.String:
		return ref("text")
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return object{"type": "integer", "minimum": 0, "maximum": uint64(1)<<t.Bits() - 1}
	case reflect.Uint, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	}
	return object{}
}

func (s *schemaMaker) structure(t reflect.Type) object {
	if _, known := s.defs[t.Name()]; known {
		return ref(t.Name())
	}
	def := object{"type": "object", "additionalProperties": false}
	s.defs[t.Name()] = def
	s.order = append(s.order, t)
	properties := object{}
	for _, f := range fieldsOf(t) {
		p := s.of(t.FieldByIndex(f.index).Type)
		if f.rate {
			p = object{"type": []string{"number", "string"}}
		}
		if doc := s.fieldDoc(t, f); doc != "" {
			p = maps.Clone(p)
			p["description"] = doc
		}
		properties[f.key] = p
	}
	def["properties"] = properties
	if doc := s.book[t.Name()].doc; doc != "" {
		def["description"] = doc
	}
	if t == reflect.TypeFor[Dynamics]() {
		def["minProperties"], def["maxProperties"] = 1, 1
	}
	return ref(t.Name())
}

// fieldDoc is the comment of the struct field that a key is held in, which may be inlined.
func (s *schemaMaker) fieldDoc(t reflect.Type, f field) string {
	owner := t
	for _, i := range f.index[:len(f.index)-1] {
		owner = owner.Field(i).Type
	}
	return s.book[owner.Name()].fields[t.FieldByIndex(f.index).Name]
}

func makeSchema(t *testing.T) *schemaMaker {
	t.Helper()
	s := &schemaMaker{book: readComments(t), defs: map[string]any{
		"text":     object{"type": []string{"string", "number", "boolean"}},
		"duration": object{"type": "string", "pattern": "^-?([0-9]+d)?([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))*$", "description": "A duration like 4.1ms, 30s, 24h or 41d3h."},
		"time":     object{"type": "string", "description": "A time like 2026-03-02T08:00:00Z."},
	}}
	s.of(reflect.TypeFor[Device]())
	device := s.defs["Device"].(object)
	device["required"] = []string{"apiVersion", "kind", "id", "services"}
	properties := device["properties"].(object)
	properties["apiVersion"] = object{"const": APIVersion}
	properties["kind"] = object{"const": Kind}
	services := object{}
	for _, name := range sectionNames() {
		services[name] = s.of(reflect.TypeOf(newSection(name)).Elem())
	}
	s.defs["service"] = object{"type": "object", "minProperties": 1, "maxProperties": 1, "properties": services,
		"additionalProperties": s.of(reflect.TypeFor[Recorded]()),
		"description":          "A mapping of one key, the name of the protocol, to what is known of the service."}
	return s
}

func TestSchemaIsTrue(t *testing.T) {
	s := makeSchema(t)
	b, err := json.MarshalIndent(object{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A device profile of ringer", "$ref": "#/$defs/Device", "$defs": s.defs}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	sameOrUpdate(t, "schema.json", append(b, '\n'))
}

const tablesMark = "<!-- The tables below are made from the Go types: go test ./profiles -update -->\n"

func TestSchemaTablesAreTrue(t *testing.T) {
	old, err := os.ReadFile("SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := bytes.Cut(old, []byte(tablesMark))
	if !ok {
		t.Fatalf("SCHEMA.md has lost the line %q", tablesMark)
	}
	s := makeSchema(t)
	s.of(reflect.TypeFor[HTTPRoutes]())
	var out bytes.Buffer
	out.Write(head)
	out.WriteString(tablesMark)
	for _, x := range s.order {
		fmt.Fprintf(&out, "\n### %s\n\n", x.Name())
		if doc := s.book[x.Name()].doc; doc != "" {
			out.WriteString(doc + "\n\n")
		}
		out.WriteString("| key | value | |\n|---|---|---|\n")
		for _, f := range fieldsOf(x) {
			if f.index[0] == 0 && len(f.index) > 1 && x.Field(0).Type == reflect.TypeFor[Common]() {
				continue
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", f.key, s.shows(x.FieldByIndex(f.index).Type, f), strings.ReplaceAll(s.fieldDoc(x, f), "|", "\\|"))
		}
		if x.NumField() > 0 && x.Field(0).Type == reflect.TypeFor[Common]() {
			out.WriteString("\nand what services of every protocol have: see [Recorded](#recorded).\n")
		}
	}
	sameOrUpdate(t, "SCHEMA.md", out.Bytes())
}

// shows is how a table names the type of a value.
func (s *schemaMaker) shows(t reflect.Type, f field) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return s.shows(t.Elem(), f)
	case f.rate:
		return "number, or a rate like 1/h"
	case t == durationType:
		return "duration"
	case t == timeType:
		return "time"
	case t == reflect.TypeFor[Service]():
		return "protocol: section"
	case t == reflect.TypeFor[Port]():
		return "port"
	case t.Kind() == reflect.Struct && slices.Contains(s.order, t):
		return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name()))
	case t.Kind() == reflect.Map:
		return "mapping of " + s.shows(t.Elem(), field{})
	case t == reflect.TypeFor[HTTPHeaders]():
		return "mapping of text"
	case t.Kind() == reflect.Slice && t != reflect.TypeFor[ModbusHex]():
		return "list of " + s.shows(t.Elem(), field{})
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "whole number"
	case t.Kind() == reflect.Float64:
		return "number"
	case t.Kind() == reflect.Interface:
		return "number, text, true or false"
	}
	return "text"
}

func sameOrUpdate(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: go test ./profiles -update", name)
	}
}

// A key that is left without a comment is a riddle to who writes a profile.
func TestEveryKeyIsDocumented(t *testing.T) {
	s := makeSchema(t)
	for _, x := range s.order {
		if s.book[x.Name()].doc == "" {
			t.Errorf("type %s has no comment", x.Name())
		}
		for _, f := range fieldsOf(x) {
			if own := s.book[x.Name()].file; s.fieldDoc(x, f) == "" && (own == "profiles.go" || own == "dynamics.go") {
				t.Errorf("key %s of %s has no comment", f.key, x.Name())
			}
		}
	}
}

// validateSchema checks a device file against schema.json.
func validateSchema(t *testing.T, text []byte) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var x any
	if err := yaml.Unmarshal(text, &x); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(jsonable(x))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(v)
}

// jsonable has texts as keys.
func jsonable(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k, v := range x {
			x[k] = jsonable(v)
		}
	case map[any]any:
		m := object{}
		for k, v := range x {
			m[fmt.Sprint(k)] = jsonable(v)
		}
		return m
	case []any:
		for i, v := range x {
			x[i] = jsonable(v)
		}
	}
	return x
}

func TestShippedProfilesAreValid(t *testing.T) {
	var found []string
	if err := filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == DeviceFile {
			found = append(found, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no profile is shipped")
	}
	for _, name := range found {
		d, err := Load(filepath.Dir(name))
		if err != nil {
			t.Error(err)
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := validateSchema(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		written, err := d.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := validateSchema(t, written); err != nil {
			t.Errorf("%s, written anew: %v", name, err)
		}
	}
}

func TestSchemaFindsFaults(t *testing.T) {
	if err := validateSchema(t, []byte(example)); err != nil {
		t.Errorf("the example: %v", err)
	}
	for _, c := range [][2]string{{"vendor:", "vendro:"}, {"ringer/v1", "ringer/v2"}, {"34964/udp", "34964/sctp"}, {"idle: 1m", "idle: soon"},
		{"idle: 1m", "idel: 1m"}, {"connections: 8", "connections: many"}, {"sine: {mean: 18", "const: {}, sine: {mean: 18"}, {"policy:", "polizy:"}} {
		if err := validateSchema(t, []byte(strings.Replace(example, c[0], c[1], 1))); err == nil {
			t.Errorf("%s instead of %s is valid", c[1], c[0])
		}
	}
}
