package profiles

import (
	"errors"
	"reflect"
)

// flow is the one-line form of dynamics in samples files: {counter: {rate: 3}}.
func (d *Dynamics) flow() (string, error) {
	n, err := encode(reflect.ValueOf(d))
	if err != nil {
		return "", err
	}
	return flat(n), nil
}

func parseFlow(s string) (*Dynamics, error) {
	if s == "" {
		return nil, nil
	}
	dec := newDecoder("")
	n := dec.parse([]byte(s))
	d := new(Dynamics)
	if n != nil {
		dec.decode(n, reflect.ValueOf(d).Elem(), "")
	}
	if len(dec.errs) > 0 {
		return nil, errors.New(dec.errs.Error()) // of a line in a file, not of the device's
	}
	return d, nil
}
