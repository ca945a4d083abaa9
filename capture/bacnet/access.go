package bacnet

import (
	"encoding/binary"
	"math"
	"reflect"
)

// Services that read and write objects (clause 15).

// A PropertyReference names a property, or one element of it.
type PropertyReference struct {
	Property PropertyID `bacnet:"0" wire:"id"`
	Index    *uint32    `bacnet:"1" wire:"id"`
}

// ReadPropertyRequest asks for a property (clause 15.5).
type ReadPropertyRequest struct {
	Object   ObjectID   `bacnet:"0"`
	Property PropertyID `bacnet:"1"`
	Index    *uint32    `bacnet:"2"`

	index uint32
}

func (p *ReadPropertyRequest) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, 0x0c), uint32(p.Object))
	b = appendUint(b, 1, true, uint64(p.Property))
	if p.Index != nil {
		b = appendUint(b, 2, true, uint64(*p.Index))
	}
	return b
}

// read does by hand what decode does: it is what is asked most.
func (p *ReadPropertyRequest) read(b []byte) bool {
	if len(b) < 7 || b[0] != 0x0c {
		return false
	}
	p.Object = ObjectID(binary.BigEndian.Uint32(b[1:]))
	t, n := ReadTag(b[5:])
	property, ok := readUint(b[5+n : 5+n+t.Len])
	if n == 0 || !ok || !t.Context || t.Open || t.Close || t.Number != 1 || property > math.MaxUint32 {
		return false
	}
	p.Property = PropertyID(property)
	b = b[5+n+t.Len:]
	if len(b) == 0 {
		p.Index = nil
		return true
	}
	t, n = ReadTag(b)
	index, ok := readUint(b[n : n+t.Len])
	if n == 0 || !ok || !t.Context || t.Open || t.Close || t.Number != 2 || n+t.Len != len(b) || index > math.MaxUint32 {
		return false
	}
	p.index = uint32(index)
	p.Index = &p.index
	return true
}

// ReadPropertyAck tells it.
type ReadPropertyAck struct {
	Object   ObjectID   `bacnet:"0"`
	Property PropertyID `bacnet:"1"`
	Index    *uint32    `bacnet:"2"`
	Value    Value      `bacnet:"3,open"`
}

// ReadPropertyMultipleRequest asks for properties of several objects (clause 15.7).
type ReadPropertyMultipleRequest struct {
	Objects []ReadAccessSpecification `bacnet:"rest"`
}

type ReadAccessSpecification struct {
	Object     ObjectID            `bacnet:"0" wire:"id"`
	Properties []PropertyReference `bacnet:"1,open"`
}

// ReadPropertyMultipleAck tells them: each as a value, or why there is none.
type ReadPropertyMultipleAck struct {
	Objects []ReadAccessResult `bacnet:"rest"`
}

type ReadAccessResult struct {
	Object     ObjectID     `bacnet:"0" wire:"id"`
	Properties []ReadResult `bacnet:"1,open"`
}

type ReadResult struct {
	Property PropertyID `bacnet:"2" wire:"id"`
	Index    *uint32    `bacnet:"3" wire:"id"`
	Value    *Value     `bacnet:"4,open"`
	Error    *ErrorPair `bacnet:"5,open"`
}

// ErrorPair is an error's class and code (clause 18).
type ErrorPair struct {
	Class ErrorClass `bacnet:"enum"`
	Code  ErrorCode  `bacnet:"enum"`
}

func (e ErrorPair) String() string { return e.Class.String() + " " + e.Code.String() }

// WritePropertyRequest sets a property, or one element of it (clause 15.9).
type WritePropertyRequest struct {
	Object   ObjectID   `bacnet:"0"`
	Property PropertyID `bacnet:"1"`
	Index    *uint32    `bacnet:"2"`
	Value    Value      `bacnet:"3,open"`
	Priority *uint8     `bacnet:"4"`
}

// WritePropertyMultipleRequest sets properties of several objects (clause 15.10).
type WritePropertyMultipleRequest struct {
	Objects []WriteAccessSpecification `bacnet:"rest"`
}

type WriteAccessSpecification struct {
	Object     ObjectID        `bacnet:"0" wire:"id"`
	Properties []PropertyValue `bacnet:"1,open"`
}

// A PropertyValue is a property, or one element of it, with a value (clause 21, BACnetPropertyValue).
type PropertyValue struct {
	Property PropertyID `bacnet:"0" wire:"id"`
	Index    *uint32    `bacnet:"1" wire:"id"`
	Value    Value      `bacnet:"2,open"`
	Priority *uint8     `bacnet:"3"`
}

// WritePropertyMultipleError says which was the first that could not be written.
type WritePropertyMultipleError struct {
	Error ErrorPair        `bacnet:"0,open"`
	First ElementReference `bacnet:"1,open"`
}

type ElementReference struct {
	Object   ObjectID   `bacnet:"0"`
	Property PropertyID `bacnet:"1"`
	Index    *uint32    `bacnet:"2"`
}

// ReadRangeRequest asks for items of a list: by position, by sequence number or by time (clause 15.8).
type ReadRangeRequest struct {
	Object     ObjectID   `bacnet:"0"`
	Property   PropertyID `bacnet:"1"`
	Index      *uint32    `bacnet:"2"`
	ByPosition *Range     `bacnet:"3,open"`
	BySequence *Range     `bacnet:"6,open"`
	ByTime     *TimeRange `bacnet:"7,open"`
}

// A Range is Count items from First on; before it, if Count is negative.
type Range struct {
	First uint32
	Count int32
}

type TimeRange struct {
	Date  Date
	Time  Time
	Count int32
}

// ReadRangeAck tells them. Flags: first item, last item, more items.
type ReadRangeAck struct {
	Object        ObjectID   `bacnet:"0"`
	Property      PropertyID `bacnet:"1"`
	Index         *uint32    `bacnet:"2"`
	Flags         BitString  `bacnet:"3"`
	Count         uint32     `bacnet:"4"`
	Items         Value      `bacnet:"5,open"`
	FirstSequence *uint32    `bacnet:"6"`
}

// CreateObjectRequest makes an object, of a type or with an identifier (clause 15.3).
type CreateObjectRequest struct {
	Object ObjectChoice     `bacnet:"0,open"`
	Values *[]PropertyValue `bacnet:"1,open"`
}

type ObjectChoice struct {
	Type   *uint16   `bacnet:"0"`
	Object *ObjectID `bacnet:"1"`
}

// CreateObjectAck tells its identifier.
type CreateObjectAck struct{ Object ObjectID }

// DeleteObjectRequest removes an object (clause 15.4).
type DeleteObjectRequest struct{ Object ObjectID }

// ListElementRequest adds or removes elements of a list (clauses 15.1 and 15.2).
type ListElementRequest struct {
	Object   ObjectID   `bacnet:"0"`
	Property PropertyID `bacnet:"1"`
	Index    *uint32    `bacnet:"2"`
	Elements Value      `bacnet:"3,open"`
}

// ListElementError says which element was the first that failed, from 1.
type ListElementError struct {
	Error ErrorPair `bacnet:"0,open"`
	First uint32    `bacnet:"1"`
}

func (p *ReadPropertyAck) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, 0x0c), uint32(p.Object))
	b = appendUint(b, 1, true, uint64(p.Property))
	if p.Index != nil {
		b = appendUint(b, 2, true, uint64(*p.Index))
	}
	return AppendClose(append(AppendOpen(b, 3), p.Value...), 3)
}
func (p *ReadPropertyMultipleRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *ReadPropertyMultipleAck) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *ErrorPair) appendTo(b []byte) []byte            { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *WritePropertyRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *WritePropertyMultipleRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *WritePropertyMultipleError) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *ReadRangeRequest) appendTo(b []byte) []byte    { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *ReadRangeAck) appendTo(b []byte) []byte        { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *CreateObjectRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *CreateObjectAck) appendTo(b []byte) []byte     { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *DeleteObjectRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *ListElementRequest) appendTo(b []byte) []byte  { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *ListElementError) appendTo(b []byte) []byte    { return encode(b, reflect.ValueOf(p).Elem()) }
