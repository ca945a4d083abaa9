package emulate

import (
	"fmt"
	"math"
	"strconv"
)

// A Value is what a point holds: a number, a truth, or a text.
type Value struct {
	kind valueKind
	bits uint64 // integers two's complement, floats IEEE 754
	text string
}

type valueKind uint8

const (
	unsigned valueKind = iota
	signed
	float
	text
)

func UintValue(v uint64) Value   { return Value{kind: unsigned, bits: v} }
func IntValue(v int64) Value     { return Value{kind: signed, bits: uint64(v)} }
func FloatValue(v float64) Value { return Value{kind: float, bits: math.Float64bits(v)} }
func TextValue(s string) Value   { return Value{kind: text, text: s} }

func BoolValue(v bool) Value {
	if v {
		return UintValue(1)
	}
	return UintValue(0)
}

// IsText says whether the value is a text.
func (v Value) IsText() bool { return v.kind == text }

// Float, Int, Uint and Bool convert; a text is read as a number where it is one, else it is 0.
func (v Value) Float() float64 {
	switch v.kind {
	case unsigned:
		return float64(v.bits)
	case signed:
		return float64(int64(v.bits))
	case float:
		return math.Float64frombits(v.bits)
	}
	f, _ := strconv.ParseFloat(v.text, 64)
	return f
}

func (v Value) Int() int64 {
	switch v.kind {
	case unsigned, signed:
		return int64(v.bits)
	case float:
		return int64(math.RoundToEven(v.Float()))
	}
	if i, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return i
	}
	return int64(math.RoundToEven(v.Float()))
}

func (v Value) Uint() uint64 {
	if v.kind == unsigned {
		return v.bits
	}
	if v.kind == float && v.Float() >= math.MaxInt64 {
		return uint64(v.Float())
	}
	return uint64(v.Int())
}

func (v Value) Bool() bool { return v.Float() != 0 }

// String is the value as a person reads it.
func (v Value) String() string {
	switch v.kind {
	case unsigned:
		return strconv.FormatUint(v.bits, 10)
	case signed:
		return strconv.FormatInt(int64(v.bits), 10)
	case float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return v.text
}

// ValueOf reads what YAML gives for a point's value.
func ValueOf(x any) (Value, error) {
	switch x := x.(type) {
	case nil:
		return Value{}, nil
	case bool:
		return BoolValue(x), nil
	case int:
		return IntValue(int64(x)), nil
	case int64:
		return IntValue(x), nil
	case uint64:
		return UintValue(x), nil
	case float64:
		return FloatValue(x), nil
	case string:
		return TextValue(x), nil
	}
	return Value{}, fmt.Errorf("a value cannot be a %T: want a number, a text, true or false", x)
}
