package profiles

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// newSection is the empty section of a protocol: its own, or that of one answered from recordings alone.
func newSection(protocol string) Section {
	if n, ok := sections[protocol]; ok {
		return n()
	}
	return &Recorded{}
}

// protocolName says whether a text can be the name of a protocol.
func protocolName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

func (s *Service) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		d.errorf(n, path, "want a mapping of one key, the protocol's name")
		return
	}
	for k, v := range d.pairs(n, path) {
		if !protocolName(k.Value) {
			d.errorf(k, path, "%q cannot be the name of a protocol", k.Value)
			return
		}
		s.Protocol = k.Value
		s.Section = newSection(k.Value)
		before := len(d.errs)
		d.decode(v, reflect.ValueOf(s.Section).Elem(), join(path, k.Value))
		if _, known := sections[k.Value]; known || len(d.errs) == before {
			continue
		}
		if near := nearest(k.Value, sectionNames()); near != "" {
			d.errs = d.errs[:before] // its keys are not the fault
			d.errorf(k, path, "unknown protocol %q: did you mean %q?", k.Value, near)
		}
	}
}

func sectionNames() []string {
	var names []string
	for name := range sections {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s Service) encodeNode() (*yaml.Node, error) {
	v, err := encode(reflect.ValueOf(s.Section))
	if err != nil {
		return nil, err
	}
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{text(s.Protocol), v}}, nil
}

// MarshalText and UnmarshalText write and read a port as a profile does: 502, 161/udp.
func (p Port) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p *Port) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePort(string(b))
	return err
}
