package replay

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"

	"ringer/capture/wire"
)

// An Accept is a list of known differences that no longer fail: a line each, with the protocol, the class of
// the request, the field path, what is wanted and what is got, tabs between. Any of them may be a pattern
// as path.Match has them ("*" stands for anything); "#" begins a comment line.
type Accept struct {
	lines []accepted
}

type accepted struct {
	line int
	text string
	part [5]string
	used int
}

const acceptHead = "# known differences that ringer replay accepts: protocol, class, field, wanted, got (tabs between, * for anything)\n"

// ReadAccept reads the list. Errors name the line.
func ReadAccept(r io.Reader) (*Accept, error) {
	a := &Accept{}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		s := strings.TrimRight(sc.Text(), "\r")
		if s == "" || s[0] == '#' {
			continue
		}
		f := strings.Split(s, "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("line %d: want protocol, class, field, wanted and got with tabs between, got %d parts", n, len(f))
		}
		a.lines = append(a.lines, accepted{line: n, text: s, part: [5]string(f)})
	}
	return a, sc.Err()
}

func (a *Accept) knows(protocol, class string, d wire.Difference) bool {
	have := acceptParts(protocol, class, d)
next:
	for i := range a.lines {
		l := &a.lines[i]
		for k, want := range l.part {
			if want != have[k] && !glob(want, have[k]) {
				continue next
			}
		}
		l.used++
		return true
	}
	return false
}

// glob is path.Match without its special meaning of slashes.
func glob(pattern, s string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return false
	}
	flat := strings.NewReplacer("/", "\x01", "[", "\x02", "]", "\x03", `\`, "\x04")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(s))
	return ok && err == nil
}

// Unused lists the lines that no difference needed: what they accept is mended.
func (a *Accept) Unused() []string {
	var u []string
	for _, l := range a.lines {
		if l.used == 0 {
			u = append(u, fmt.Sprintf("line %d: %s", l.line, strings.ReplaceAll(l.text, "\t", " · ")))
		}
	}
	return u
}

func acceptParts(protocol, class string, d wire.Difference) [5]string {
	flat := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	return [5]string{protocol, class, flat.Replace(d.Path), flat.Replace(d.Want), flat.Replace(d.Got)}
}

// WriteAccept writes a list that accepts the differences of a report.
func WriteAccept(w io.Writer, differences []Difference) error {
	if _, err := io.WriteString(w, acceptHead); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, d := range differences {
		p := acceptParts(d.Protocol, d.Class, d.Difference)
		if line := strings.Join(p[:], "\t"); !seen[line] {
			seen[line] = true
			if _, err := io.WriteString(w, line+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}
