package profiles

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Change is one difference between two profiles. From or To is empty where one of them has nothing.
type Change struct {
	Path string `json:"path"` // as in services[modbus-502].units.mode, or file blocks/hr40.bin
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

func (c Change) String() string {
	switch {
	case c.From == "":
		return fmt.Sprintf("+ %s: %s", c.Path, c.To)
	case c.To == "":
		return fmt.Sprintf("- %s: %s", c.Path, c.From)
	}
	return fmt.Sprintf("~ %s: %s -> %s", c.Path, c.From, c.To)
}

// Diff lists what two profiles say differently: keys of the device file, then bulk files. Items of lists are
// told apart by what they are (a service by protocol and port, an account by name), else by their text.
func Diff(a, b *Device) ([]Change, error) {
	x, err := encode(reflect.ValueOf(a))
	if err != nil {
		return nil, err
	}
	y, err := encode(reflect.ValueOf(b))
	if err != nil {
		return nil, err
	}
	var d differ
	d.nodes("", x, y)
	files, err := diffFiles(a, b)
	return append(d.changes, files...), err
}

type differ struct{ changes []Change }

func (d *differ) add(path, from, to string) {
	d.changes = append(d.changes, Change{path, from, to})
}

func (d *differ) nodes(at string, x, y *yaml.Node) {
	switch {
	case x.Kind == yaml.MappingNode && y.Kind == yaml.MappingNode:
		d.mappings(at, x, y)
	case x.Kind == yaml.SequenceNode && y.Kind == yaml.SequenceNode && !plainItems(x) && !plainItems(y):
		d.lists(at, x, y)
	default:
		if p, q := flat(x), flat(y); p != q {
			d.add(at, p, q)
		}
	}
}

func (d *differ) mappings(at string, x, y *yaml.Node) {
	for i := 0; i+1 < len(x.Content); i += 2 {
		k := x.Content[i].Value
		if v := valueOf(y, k); v != nil {
			d.nodes(join(at, k), x.Content[i+1], v)
		} else {
			d.add(join(at, k), flat(x.Content[i+1]), "")
		}
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if k := y.Content[i].Value; valueOf(x, k) == nil {
			d.add(join(at, k), "", flat(y.Content[i+1]))
		}
	}
}

func (d *differ) lists(at string, x, y *yaml.Node) {
	left, right := itemsOf(x), itemsOf(y)
	for _, l := range left {
		if i := slices.IndexFunc(right, func(r item) bool { return r.name == l.name }); i >= 0 {
			d.nodes(at+"["+l.name+"]", l.node, right[i].node)
		} else {
			d.add(at+"["+l.name+"]", flat(l.node), "")
		}
	}
	for _, r := range right {
		if !slices.ContainsFunc(left, func(l item) bool { return r.name == l.name }) {
			d.add(at+"["+r.name+"]", "", flat(r.node))
		}
	}
}

// plainItems says whether a list has values only: it is shown as a whole.
func plainItems(list *yaml.Node) bool {
	return !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode })
}

// An item of a list, with a name that tells it apart from its neighbours.
type item struct {
	name string
	node *yaml.Node
}

func itemsOf(list *yaml.Node) []item {
	items := make([]item, 0, len(list.Content))
	seen := map[string]int{}
	for _, n := range list.Content {
		name := itemName(n)
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s #%d", name, seen[name])
		}
		items = append(items, item{name, n})
	}
	return items
}

func itemName(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return flat(n)
	}
	if len(n.Content) == 2 && n.Content[1].Kind == yaml.MappingNode { // a service
		if port := valueOf(n.Content[1], "port"); port != nil {
			return n.Content[0].Value + "-" + port.Value
		}
	}
	for _, key := range []string{"id", "name", "path", "at", "what"} {
		if v := valueOf(n, key); v != nil {
			return v.Value
		}
	}
	if len(n.Content) > 0 && n.Content[1].Kind == yaml.ScalarNode { // holding 0-1
		return n.Content[0].Value + " " + n.Content[1].Value
	}
	return flat(n)
}

// diffFiles compares the bulk of two profiles.
func diffFiles(a, b *Device) (changes []Change, err error) {
	left, err := fileNames(a)
	if err != nil {
		return nil, err
	}
	right, err := fileNames(b)
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		if _, both := slices.BinarySearch(right, name); !both {
			changes = append(changes, Change{"file " + name, describeFile(a, name), ""})
			continue
		}
		same, at, err := sameFile(a, b, name)
		if err != nil {
			return changes, err
		}
		if x, y := describeFile(a, name), describeFile(b, name); !same {
			changes = append(changes, Change{"file " + name, x, fmt.Sprintf("%s, differs from byte %d", y, at)})
		}
	}
	for _, name := range right {
		if _, both := slices.BinarySearch(left, name); !both {
			changes = append(changes, Change{"file " + name, "", describeFile(b, name)})
		}
	}
	return changes, nil
}

func fileNames(d *Device) (names []string, err error) {
	if d.Files == nil {
		return nil, nil
	}
	err = walkFiles(d.Files, func(name string) error {
		names = append(names, name)
		return nil
	})
	slices.Sort(names)
	return names, err
}

func describeFile(d *Device, name string) string {
	info, err := fs.Stat(d.Files, name)
	if err != nil {
		return reason(err)
	}
	return fmt.Sprintf("%d bytes", info.Size())
}

// sameFile compares a file of two profiles, and says where the first difference is.
func sameFile(a, b *Device, name string) (same bool, at int64, err error) {
	x, err := a.Files.Open(path.Clean(name))
	if err != nil {
		return false, 0, err
	}
	defer x.Close()
	y, err := b.Files.Open(path.Clean(name))
	if err != nil {
		return false, 0, err
	}
	defer y.Close()
	p, q := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err1 := io.ReadFull(x, p)
		m, err2 := io.ReadFull(y, q)
		if !bytes.Equal(p[:n], q[:m]) {
			i := 0
			for i < min(n, m) && p[i] == q[i] {
				i++
			}
			return false, at + int64(i), nil
		}
		at += int64(n)
		if err := cmp.Or(notEnd(err1), notEnd(err2)); err != nil {
			return false, at, fmt.Errorf("%s: %w", name, err)
		}
		if err1 != nil {
			return true, at, nil
		}
	}
}

func notEnd(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// Lines are changes as a person reads them.
func Lines(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}
