package clone

import (
	"os"
	"path/filepath"
	"testing"

	"ringer/capture/snmp"
)

func TestSNMPNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "A.txt"), []byte(`
A-MIB DEFINITIONS ::= BEGIN
IMPORTS OBJECT-TYPE, MODULE-IDENTITY FROM SNMPv2-SMI;
internet OBJECT IDENTIFIER ::= { iso org(3) dod(6) 1 }
-- things OBJECT IDENTIFIER ::= { internet 9 }
private OBJECT IDENTIFIER ::= { internet 4 } things OBJECT IDENTIFIER
  ::= { private 1 }
thing MODULE-IDENTITY DESCRIPTION "of { many 1 } -- things,
  ::= { private 7 }" ::= { things 9999 }
thingKind OBJECT-TYPE SYNTAX OBJECT IDENTIFIER ACCESS read-only ::= { thing 2 }
level OBJECT-TYPE
    SYNTAX INTEGER { low(1), high(2) }
    ::= { thing 1 }
orphan OBJECT-TYPE ::= { nobody 1 }
circle OBJECT-TYPE ::= { circle 1 }
END`), 0o644); err != nil {
		t.Fatal(err)
	}
	names, err := readMIBs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for dotted, want := range map[string]string{
		"1.3.6.1.4.1.9999.1.0":   "level.0 (1.3.6.1.4.1.9999.1.0)",
		"1.3.6.1.4.1.9999.2":     "thingKind (1.3.6.1.4.1.9999.2)",
		"1.3.6.1.4.1.9999.300.1": "thing.300.1 (1.3.6.1.4.1.9999.300.1)",
		"1.3.6.1.9.1":            "internet.9.1 (1.3.6.1.9.1)",
		"2.5":                    "2.5",
	} {
		o, _ := snmp.ParseOID(dotted)
		if got := names.of(o); got != want {
			t.Errorf("%s: %s, want %s", dotted, got, want)
		}
	}
}
