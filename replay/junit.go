package replay

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of a JUnit report, as continuous integration reads them: a suite for each device and
// protocol, a case for each class of requests.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Suite   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report in the form that continuous integration servers read. name is what was
// replayed.
func (r *Report) WriteJUnit(w io.Writer, name string) error {
	all := junitSuites{Name: name}
	suites := map[string]int{}
	for _, row := range r.Rows {
		key := row.Protocol + " " + row.Device
		i, ok := suites[key]
		if !ok {
			i = len(all.Suites)
			suites[key] = i
			all.Suites = append(all.Suites, junitSuite{Name: key})
		}
		all.Suites[i].add(r.junitCase(row, key))
	}
	verdict := junitCase{Suite: "replay", Name: name}
	if f := r.Failures(); len(f) > 0 {
		verdict.Failure = &junitMessage{Message: strings.Join(f, "; ")}
	}
	last := junitSuite{Name: "replay"}
	last.add(verdict)
	all.Suites = append(all.Suites, last)
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (r *Report) junitCase(row *Row, suite string) junitCase {
	c := junitCase{
		Suite: suite, Name: row.Class,
		Out: fmt.Sprintf("asked %d, equal %d, masked %d, different %d, no answer %d, accepted %d, withheld %d, lost %d, unsaid %d",
			row.Asked, row.Equal, row.Masked, row.Different, row.NoAnswer, row.Accepted, row.Withheld, row.Lost, row.Unsaid),
	}
	switch {
	case row.Different+row.NoAnswer > 0:
		var b strings.Builder
		for _, d := range r.Differences {
			if d.Device == row.Device && d.Protocol == row.Protocol && d.Class == row.Class {
				fmt.Fprintf(&b, "packet %d: %s: want %s, got %s\n", d.Packet, d.Path, d.Want, d.Got)
			}
		}
		c.Failure = &junitMessage{fmt.Sprintf("%d different, %d not answered, of %d", row.Different, row.NoAnswer, row.Asked), b.String()}
	case row.Asked == 0:
		c.Skipped = &junitMessage{Message: "not asked"}
	}
	return c
}
