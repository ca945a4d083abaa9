package bacnet

import (
	"fmt"
	"strconv"
	"strings"
)

// An ObjectID names an object: its type and its instance (clause 20.2.14).
type ObjectID uint32

// An ObjectType is the kind of an object (clause 21, BACnetObjectType).
type ObjectType uint16

// WildcardInstance in place of a device's own instance means: you, whoever you are (clause 15.5.2).
const WildcardInstance = 1<<22 - 1

// Object makes an ObjectID.
func Object(t ObjectType, instance uint32) ObjectID {
	return ObjectID(uint32(t)<<22 | instance&WildcardInstance)
}

func (o ObjectID) Type() ObjectType { return ObjectType(o >> 22) }
func (o ObjectID) Instance() uint32 { return uint32(o) & WildcardInstance }
func (o ObjectID) String() string {
	return o.Type().String() + "," + strconv.FormatUint(uint64(o.Instance()), 10)
}

// ParseObject reads what String writes: "analog-input,3".
func ParseObject(s string) (ObjectID, error) {
	kind, number, ok := strings.Cut(s, ",")
	n, err := strconv.ParseUint(number, 10, 22)
	t, known := objectTypes[kind]
	if !known {
		x, e := strconv.ParseUint(kind, 10, 10)
		t, known = ObjectType(x), e == nil
	}
	if !ok || err != nil || !known {
		return 0, fmt.Errorf("bacnet: %q is not an object: want TYPE,INSTANCE as in analog-input,3", s)
	}
	return Object(t, uint32(n)), nil
}

func (t ObjectType) String() string { return nameOf(objectTypeNames[:], uint64(t)) }

var objectTypes = numbersOf[ObjectType](objectTypeNames[:])

func numbersOf[T ~uint16 | ~uint32](names []string) map[string]T {
	m := make(map[string]T, len(names))
	for i, s := range names {
		if s != "" {
			m[s] = T(i)
		}
	}
	return m
}

// A PropertyID names a property of an object (clause 21, BACnetPropertyIdentifier).
type PropertyID uint32

func (p PropertyID) String() string { return nameOf(propertyNames[:], uint64(p)) }

// ParseProperty reads a name or a number.
func ParseProperty(s string) (PropertyID, error) {
	if p, ok := properties[s]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(s, 10, 22)
	if err != nil {
		return 0, fmt.Errorf("bacnet: %q is not a property", s)
	}
	return PropertyID(n), nil
}

var properties = numbersOf[PropertyID](propertyNames[:])

// IsArray says which properties have elements that are asked for one by one.
func IsArray(p PropertyID) bool {
	name := p.String()
	switch name {
	case "object-list", "priority-array", "state-text", "property-list", "event-time-stamps", "weekly-schedule", "exception-schedule",
		"list-of-group-members", "subordinate-list", "subordinate-annotations", "action", "action-text", "stages", "stage-names",
		"event-message-texts", "event-message-texts-config", "configuration-files", "group-members", "shed-levels",
		"tags", "structured-object-list":
		return true
	}
	return strings.HasSuffix(name, "-array")
}

// An ErrorClass and an ErrorCode say why a request failed (clause 18).
type (
	ErrorClass uint32
	ErrorCode  uint32
)

func (c ErrorClass) String() string { return nameOf(errorClassNames[:], uint64(c)) }
func (c ErrorCode) String() string  { return nameOf(errorCodeNames[:], uint64(c)) }

// ParseErrorClass and ParseErrorCode read names or numbers.
func ParseErrorClass(s string) (ErrorClass, error) {
	n, err := parseName(errorClassNames[:], s, "an error class")
	return ErrorClass(n), err
}

func ParseErrorCode(s string) (ErrorCode, error) {
	n, err := parseName(errorCodeNames[:], s, "an error code")
	return ErrorCode(n), err
}

func parseName(names []string, s, what string) (uint64, error) {
	for i, name := range names {
		if name == s && s != "" {
			return uint64(i), nil
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("bacnet: %q is not %s", s, what)
	}
	return n, nil
}
