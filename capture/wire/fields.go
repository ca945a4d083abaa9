package wire

import "reflect"

// Fields visits the leaves of a message in order, with their paths and the tag that holds for each ("" if
// it does not vary). Elements of lists that have a name are called by it: Header[date].Value.
func Fields(m Message, visit func(path, tag string, v reflect.Value)) {
	walk(reflect.ValueOf(m), "", "", visit)
}

// FieldText is the value of a leaf as text, as Key and Diff write it.
func FieldText(v reflect.Value) string { return leafString(v) }

// An Opener is a Protocol whose connections begin with a handshake. Opening gives what a client sends,
// one message after the answer to the other, before it may send first on a new connection; nothing if
// first begins a connection itself. Whoever plays a stream that was joined in the middle needs it.
type Opener interface {
	Opening(first Message) []Message
}

// An Announcer is a Protocol in which messages are said to everybody: a question that any device may answer,
// or what devices announce unasked or as the answer to such a question.
type Announcer interface {
	Announces(m Message) bool // m is not a question, though it may come first
}
