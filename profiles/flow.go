package profiles

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// flow is the one-line form of dynamics in samples files: {counter: {rate: 3}}.
func (d *Dynamics) flow() (string, error) {
	var n yaml.Node
	if err := n.Encode(d); err != nil {
		return "", err
	}
	n.Style = yaml.FlowStyle
	b, err := yaml.Marshal(&n)
	return strings.ReplaceAll(strings.TrimRight(string(b), "\n"), "\n", " "), err
}

func parseFlow(s string) (*Dynamics, error) {
	if s == "" {
		return nil, nil
	}
	d := new(Dynamics)
	dec := yaml.NewDecoder(bytes.NewReader([]byte(s)))
	dec.KnownFields(true)
	return d, dec.Decode(d)
}
