package clone

import (
	"bufio"
	"cmp"
	"fmt"
	"io"

	"ringer/profiles"
)

// An Output takes what a learner has to say beside its section.
type Output struct {
	Device *profiles.Device
	Create func(name string) (io.WriteCloser, error) // a bulk file of the profile
}

// Redact records that something was taken out.
func (o *Output) Redact(what, how string) {
	for _, r := range o.Device.Redactions {
		if r.What == what && r.How == how {
			return
		}
	}
	o.Device.Redactions = append(o.Device.Redactions, profiles.Redaction{What: what, How: how})
}

// file writes a bulk file.
func (o *Output) file(name string, b []byte) error {
	f := o.bulk(name)
	f.Write(b)
	_, err := f.close()
	return err
}

// An outputFile is a bulk file of the profile. It is there once something was written; its first error stays.
type outputFile struct {
	out  *Output
	name string
	f    io.WriteCloser
	w    *bufio.Writer
	err  error
}

func (o *Output) bulk(name string) *outputFile { return &outputFile{out: o, name: name} }

func (b *outputFile) Write(p []byte) (int, error) {
	if b.f == nil && b.err == nil {
		if b.f, b.err = b.out.Create(b.name); b.err == nil {
			b.w = bufio.NewWriter(b.f)
		}
	}
	if b.err != nil {
		return 0, b.err
	}
	var n int
	n, b.err = b.w.Write(p)
	return n, b.err
}

// close gives the name of the file, or none if nothing was written.
func (b *outputFile) close() (string, error) {
	if b.f != nil {
		b.err = cmp.Or(b.err, b.w.Flush())
		b.err = cmp.Or(b.err, b.f.Close())
	}
	switch {
	case b.err != nil:
		return "", fmt.Errorf("%s: %w", b.name, b.err)
	case b.f == nil:
		return "", nil
	}
	return b.name, nil
}

// A sampleFile is the samples file of a service.
type sampleFile struct {
	file *outputFile
	w    *profiles.SampleWriter
	err  error
}

func (o *Output) samples(service string) *sampleFile {
	f := o.bulk("samples/" + service + ".tsv")
	return &sampleFile{file: f, w: profiles.NewSampleWriter(f)}
}

// add writes what was seen of a cell, and how it goes on: nil, nothing is known of that.
func (s *sampleFile) add(cell string, d *profiles.Dynamics, t *profiles.Track) {
	s.err = cmp.Or(s.err, s.w.Write(cell, d, t))
}

// close gives the name of the file, or none if nothing was added.
func (s *sampleFile) close() ([]string, error) {
	s.err = cmp.Or(s.err, s.w.Flush())
	name, err := s.file.close()
	if err = cmp.Or(err, s.err); err != nil || name == "" {
		return nil, err
	}
	return []string{name}, nil
}
