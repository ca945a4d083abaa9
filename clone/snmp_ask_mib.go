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
	for up := o; len(up) > 0; up = snmpUp(up, 1) {
		if name, ok := n[string(up)]; ok {
			return name + strings.TrimPrefix(dotted, up.String()) + " (" + dotted + ")"
		}
	}
	return dotted
}

// mibBytes bounds what is read of one file.
const mibBytes = 16 << 20

// mibRoots are what modules build on, and what agents' directories often lack (RFC 2578, section 2).
var mibRoots = map[string]string{
	"ccitt": "0", "iso": "1", "joint-iso-ccitt": "2", "internet": "1.3.6.1", "mgmt": "1.3.6.1.2", "mib-2": "1.3.6.1.2.1",
	"transmission": "1.3.6.1.2.1.10", "experimental": "1.3.6.1.3", "private": "1.3.6.1.4", "enterprises": "1.3.6.1.4.1", "snmpModules": "1.3.6.1.6.3",
}

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
	said := map[string]mibName{}
	for name, dotted := range mibRoots {
		said[name] = mibName{"", strings.Split(dotted, ".")}
	}
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
		var numbers []string
		at := name
		for depth := 0; at != "" && depth < 64; depth++ {
			d := said[at] // empty where nobody says what it is
			numbers, at = append(slices.Clone(d.numbers), numbers...), d.parent
			if d.numbers == nil {
				numbers = nil
			}
		}
		o, err := snmp.ParseOID(strings.Join(numbers, "."))
		if old, taken := names[string(o)]; at == "" && err == nil && (!taken || name < old) {
			names[string(o)] = name
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
		number := strings.TrimSuffix(w[strings.Index(w, "(")+1:], ")")
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
