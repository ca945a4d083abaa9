package clone

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ringer/capture/snmp"
)

// snmpNames are names of object identifiers, as MIB files give them. They are for remarks only, so what is
// not understood in a file is left out.
type snmpNames map[string]string

// of names an identifier as far as it has a name: "ifDescr.3 (1.3.6.1.2.1.2.2.1.2.3)".
func (n snmpNames) of(o snmp.OID) string {
	dotted := o.String()
	for i := len(o); i > 0; i-- {
		if i < len(o) && o[i-1] >= 0x80 {
			continue
		}
		if name, ok := n[string(o[:i])]; ok {
			rest := strings.TrimPrefix(dotted, o[:i].String())
			return name + rest + " (" + dotted + ")"
		}
	}
	return dotted
}

// mibBytes bounds what is read of one file.
const mibBytes = 16 << 20

// A mibName is what a module says: name ::= { parent numbers }.
type mibName struct {
	parent  string
	numbers []string
}

// readMIBs reads every file of a directory.
func readMIBs(dir string) (snmpNames, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	said := map[string]mibName{"iso": {"", []string{"1"}}, "ccitt": {"", []string{"0"}}, "joint-iso-ccitt": {"", []string{"2"}}}
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		r, err := os.Open(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		readMIB(io.LimitReader(r, mibBytes), said)
		r.Close()
	}
	names := snmpNames{}
	for name := range said {
		numbers := []string{}
		for at, depth := name, 0; at != "" && depth < 64; depth++ {
			d, ok := said[at]
			if !ok {
				numbers = nil
				break
			}
			numbers = append(slices.Clone(d.numbers), numbers...)
			at = d.parent
		}
		if o, err := snmp.ParseOID(strings.Join(numbers, ".")); err == nil && len(numbers) > 1 {
			if old, taken := names[string(o)]; !taken || name < old {
				names[string(o)] = name
			}
		}
	}
	return names, nil
}

// mibMacros stand between a name and its value.
var mibMacros = []string{"OBJECT-TYPE", "OBJECT-IDENTITY", "MODULE-IDENTITY", "NOTIFICATION-TYPE", "OBJECT-GROUP", "NOTIFICATION-GROUP", "MODULE-COMPLIANCE", "AGENT-CAPABILITIES"}

// readMIB takes the names of one module: the word before a macro, or before OBJECT IDENTIFIER ::=, and the
// next value in braces.
func readMIB(r io.Reader, said map[string]mibName) {
	var name string
	var before [3]string // words, the latest first
	var value []string
	inside := false // the braces behind ::=
	for word := range mibWords(r) {
		switch {
		case inside && word == "}":
			if d, ok := mibValue(value); ok && name != "" {
				if _, taken := said[name]; !taken {
					said[name] = d
				}
			}
			name, value, inside = "", nil, false
		case inside:
			if len(value) < 32 {
				value = append(value, word)
			}
		case slices.Contains(mibMacros, word):
			name = before[0]
		case word == "::=" && before[0] == "IDENTIFIER" && before[1] == "OBJECT":
			name = before[2]
		case word == "{" && before[0] == "::=":
			inside = true
		}
		before = [3]string{word, before[0], before[1]}
	}
}

// mibValue reads "parent 1", or "iso org(3) dod(6) 1".
func mibValue(words []string) (d mibName, ok bool) {
	for i, w := range words {
		number := w
		if _, in, found := strings.Cut(w, "("); found {
			number = strings.TrimSuffix(in, ")")
		}
		if _, err := strconv.ParseUint(number, 10, 32); err == nil {
			d.numbers = append(d.numbers, number)
		} else if i == 0 {
			d.parent = w
		} else {
			return d, false
		}
	}
	return d, len(d.numbers) > 0 && d.parent != ""
}

// mibWords yields the words of a module without comments and texts; braces are words.
func mibWords(r io.Reader) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		text := false // in quotes
		for lines.Scan() {
			var plain strings.Builder
			for i, part := range strings.Split(lines.Text(), `"`) {
				if i > 0 {
					text = !text
				}
				if !text {
					part, _, comment := strings.Cut(part, "--")
					plain.WriteString(part + " ")
					if comment {
						break
					}
				}
			}
			for word := range strings.FieldsSeq(strings.NewReplacer("{", " { ", "}", " } ", "::=", " ::= ", ",", " , ").Replace(plain.String())) {
				if !yield(word) {
					return
				}
			}
		}
	}
}
