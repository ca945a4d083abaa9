package profiles

import (
	"go.yaml.in/yaml/v3"
)

// An upgrade rewrites a device file of one version as the next version has it. Old files load forever:
// steps are only ever added, at the end.
type upgrade struct {
	from, to string
	step     func(root *yaml.Node) error
}

// upgrades lists every step there has been. ringer/v1 is the first version.
var upgrades []upgrade

// upgrade brings a device file to this version, step by step.
func (d *decoder) upgrade(root *yaml.Node, steps []upgrade) bool {
	if root.Kind != yaml.MappingNode {
		d.errorf(root, "", "want a mapping that begins with apiVersion: %s", APIVersion)
		return false
	}
	if k := valueOf(root, "kind"); k == nil || k.Value != Kind {
		at, is := root, "missing"
		if k != nil {
			at, is = k, k.Value
		}
		d.errorf(at, "kind", "want %s, it is %s", Kind, is)
		return false
	}
	v := valueOf(root, "apiVersion")
	if v == nil {
		d.errorf(root, "apiVersion", "missing: want %s", APIVersion)
		return false
	}
	for _, s := range steps {
		if v.Value != s.from {
			continue
		}
		if err := s.step(root); err != nil {
			d.errorf(v, "apiVersion", "upgrade from %s to %s: %s", s.from, s.to, err)
			return false
		}
		v.Value = s.to
	}
	if v.Value != APIVersion {
		d.errorf(v, "apiVersion", "version %q is unknown: this ringer reads up to %s", v.Value, APIVersion)
		return false
	}
	return true
}

func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
