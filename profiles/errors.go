package profiles

import (
	"fmt"
	"strings"
)

// A FieldError is one thing wrong in a profile.
type FieldError struct {
	File string
	Line int    // 0: unknown, the profile was not read from a file
	Path string // as in services[0].modbus.port
	Text string
}

func (e *FieldError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	return b.String() + e.Text
}

// Errors is everything that is wrong in a profile, in the order of the file.
type Errors []*FieldError

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, x := range e {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}
