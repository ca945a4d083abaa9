package profiles

import (
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// attributes are the short names of what names of certificates are made of (RFC 4514, section 3, and what
// tools write for others).
var attributes = map[string]string{
	"CN": "2.5.4.3", "SN": "2.5.4.4", "serialNumber": "2.5.4.5", "C": "2.5.4.6", "L": "2.5.4.7", "ST": "2.5.4.8", "street": "2.5.4.9",
	"O": "2.5.4.10", "OU": "2.5.4.11", "title": "2.5.4.12", "description": "2.5.4.13", "postalCode": "2.5.4.17", "GN": "2.5.4.42",
	"dnQualifier": "2.5.4.46", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1", "emailAddress": "1.2.840.113549.1.9.1",
}

func attributeName(oid string) string {
	for name, o := range attributes {
		if o == oid {
			return name
		}
	}
	return oid
}

// nameText writes a name as "C=DE, O=Pumps, CN=plc-3", in its order; values of one set have a plus between
// them. A backslash stands before characters that mean something. Text types are not told.
func nameText(der []byte) (string, error) {
	sets, err := items(der)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, set := range sets {
		values, err := items(set.FullBytes)
		if err != nil {
			return "", err
		}
		var joined []string
		for _, v := range values {
			var oid asn1.ObjectIdentifier
			rest, err := asn1.Unmarshal(v.Bytes, &oid)
			if err != nil {
				return "", err
			}
			var value asn1.RawValue
			if _, err := asn1.Unmarshal(rest, &value); err != nil {
				return "", err
			}
			joined = append(joined, attributeName(oid.String())+"="+escapeName(stringText(value)))
		}
		parts = append(parts, strings.Join(joined, "+"))
	}
	return strings.Join(parts, ", "), nil
}

// stringText reads a string of any type; bytes that are no UTF-8 are taken for Latin-1.
func stringText(v asn1.RawValue) string {
	if v.Tag == asn1.TagBMPString && len(v.Bytes)%2 == 0 {
		var units []uint16
		for i := 0; i < len(v.Bytes); i += 2 {
			units = append(units, uint16(v.Bytes[i])<<8|uint16(v.Bytes[i+1]))
		}
		return string(utf16.Decode(units))
	}
	s := string(v.Bytes)
	if strings.ToValidUTF8(s, "") == s {
		return s
	}
	var runes []rune
	for _, b := range v.Bytes {
		runes = append(runes, rune(b))
	}
	return string(runes)
}

const nameSpecials = `\,+=`

func escapeName(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(nameSpecials, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// nameDER encodes such a text, as devices' tools mostly do: countries and numbers as PrintableString,
// addresses and domains as IA5String, all else as UTF8String.
func nameDER(text string) ([]byte, error) {
	var sets []byte
	for _, part := range splitName(text, ',') {
		var values []byte
		for _, v := range splitName(part, '+') {
			pair := splitName(v, '=')
			if len(pair) != 2 {
				return nil, fmt.Errorf("%q is not like C=DE, O=Pumps, CN=plc-3", text)
			}
			kind, value := strings.TrimSpace(pair[0]), unescapeName(strings.TrimLeft(pair[1], " "))
			id, ok := attributes[kind]
			if !ok {
				id = kind
			}
			oid, err := parseOID(id)
			if err != nil {
				return nil, fmt.Errorf("%q is no attribute of a name%s", kind, suggest(kind, attributeNames()))
			}
			a, err := asn1.Marshal(oid)
			if err != nil {
				return nil, err
			}
			s, err := asn1.Marshal(asn1.RawValue{Tag: stringTag(kind), Bytes: []byte(value)})
			if err != nil {
				return nil, err
			}
			values = append(values, sequenceOf(a, s)...)
		}
		set, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: values})
		if err != nil {
			return nil, err
		}
		sets = append(sets, set...)
	}
	return sequenceOf(sets), nil
}

func attributeNames() (names []string) {
	for name := range attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func stringTag(kind string) int {
	switch kind {
	case "C", "serialNumber", "dnQualifier":
		return asn1.TagPrintableString
	case "emailAddress", "DC":
		return asn1.TagIA5String
	}
	return asn1.TagUTF8String
}

// splitName splits at a character that no backslash stands before.
func splitName(s string, at byte) (parts []string) {
	if s == "" {
		return nil
	}
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case at:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

func unescapeName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
