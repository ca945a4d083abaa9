package replay

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// Shape is the structure of a message: its type, its status, and how many items of which types it has. Two
// answers to the same question at different times have the same shape, whatever the values were.
//
//   - Every list gives its length and the shape of each of its items; a field that holds one of several
//     types gives the type. Bytes called Data, Values or Bits are a list of cells, whose number belongs to
//     the shape; texts, bodies and other bytes are values, and neither they nor their lengths do.
//   - A number belongs to the shape if it is a status: its type has a name of its own (an enumeration of the
//     specification), or its field's name ends in one of statusWords. So does a bool in a field so called.
//     Bytes called ReturnCodes are a list of them.
func Shape(m wire.Message) string {
	var b strings.Builder
	appendShape(&b, reflect.ValueOf(m), "")
	return b.String()
}

var statusWords = []string{"Status", "Code", "Codes", "Error", "Exception", "Result", "Type", "Class", "TransportSize"}

// cells are the names of bytes that hold as many cells as were asked for.
var cells = []string{"Data", "Values", "Bits"}

func isStatus(name string) bool {
	for _, w := range statusWords {
		if strings.HasSuffix(name, w) {
			return true
		}
	}
	return false
}

func appendShape(b *strings.Builder, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString(" nil")
			return
		}
		appendShape(b, v.Elem(), name)
	case reflect.Struct:
		b.WriteString(" " + v.Type().Name() + "{")
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() && !f.Anonymous {
				continue
			}
			if tag, _, _ := strings.Cut(f.Tag.Get("wire"), ","); tag == "-" || tag == "echo" || tag == "minted" || tag == "sum" || tag == "count" {
				continue
			}
			appendShape(b, v.Field(i), f.Name)
		}
		b.WriteString("}")
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			switch {
			case isStatus(name):
				fmt.Fprintf(b, " %s=%x", name, v.Interface())
			case slices.Contains(cells, name):
				fmt.Fprintf(b, " %s[%d]", name, v.Len())
			}
			return
		}
		if v.Type().Implements(reflect.TypeFor[fmt.Stringer]()) {
			return // an OID
		}
		b.WriteString(" " + name + "[" + strconv.Itoa(v.Len()))
		for i := range v.Len() {
			appendShape(b, v.Index(i), name)
		}
		b.WriteString("]")
	case reflect.Bool:
		if isStatus(name) {
			fmt.Fprintf(b, " %s=%v", name, v.Bool())
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if isStatus(name) || v.Type().PkgPath() != "" && v.Type() != reflect.TypeFor[time.Duration]() {
			fmt.Fprintf(b, " %s=%d", name, v.Int())
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if isStatus(name) || v.Type().PkgPath() != "" {
			fmt.Fprintf(b, " %s=%d", name, v.Uint())
		}
	case reflect.String:
		if v.Type().PkgPath() != "" { // a word of a closed list
			b.WriteString(" " + name + "=" + v.String())
		}
	}
}

// A Split is a recording cut in two: what the second part asks that the first had asked, too, and whether
// the answers of a device learned from the first part have the structure of the recorded ones.
type Split struct {
	Cut       time.Time         `json:"cut"`
	First     int               `json:"first"`  // requests before the cut
	Second    int               `json:"second"` // requests after it
	Known     int               `json:"known"`  // of those, asked before the cut, too, and answered
	Lost      int               `json:"lost"`   // asked before the cut, too, but the recording lost the answer
	Silent    int               `json:"silent"` // asked before the cut, too, but the device did not answer
	Same      int               `json:"same"`   // equal in structure
	Equal     int               `json:"equal"`  // of those, equal in values after masking
	Rows      []*SplitRow       `json:"rows"`
	Different []SplitDifference `json:"different"`

	asked map[splitKey]struct{}
	rows  map[rowKey]*SplitRow
}

// A SplitRow is a Split's figures for one class of requests.
type SplitRow struct {
	Protocol string `json:"protocol"`
	Class    string `json:"class"`
	Known    int    `json:"known"`
	Same     int    `json:"same"`
	Equal    int    `json:"equal"`
}

// A SplitDifference is an answer of another structure.
type SplitDifference struct {
	Packet int    `json:"packet"`
	Class  string `json:"class"`
	Want   string `json:"want"`
	Got    string `json:"got"`
}

type splitKey struct{ server, key string }

// splitKept is how many differences a Split keeps.
const splitKept = 1000

// Learned counts an exchange of the first part.
func (s *Split) Learned(x *capture.Exchange) {
	if x.Request == nil {
		return
	}
	if s.asked == nil {
		s.asked = map[splitKey]struct{}{}
	}
	s.First++
	s.asked[splitKey{x.Server.String(), wire.Key(x.Request)}] = struct{}{}
}

// KnownBefore says whether the first part asked the same.
func (s *Split) KnownBefore(x *capture.Exchange) bool {
	_, ok := s.asked[splitKey{x.Server.String(), wire.Key(x.Request)}]
	return ok
}

// Add takes a result of the second part. Play must not have changed its request.
func (s *Split) Add(r *Result) {
	x := &r.Exchange
	if x.Request == nil {
		return
	}
	s.Second++
	if !s.KnownBefore(x) {
		return
	}
	if x.Lost {
		s.Lost++
		return
	}
	if len(x.Replies) == 0 {
		s.Silent++
		return
	}
	s.Known++
	class, _ := wire.Class(x.Request)
	k := rowKey{"", x.Protocol.Name(), class}
	row := s.rows[k]
	if row == nil {
		if s.rows == nil {
			s.rows = map[rowKey]*SplitRow{}
		}
		row = &SplitRow{Protocol: k.protocol, Class: k.class}
		s.rows[k] = row
		s.Rows = append(s.Rows, row)
	}
	row.Known++
	if r.Verdict == Equal || r.Verdict == Masked {
		s.Same++
		s.Equal++
		row.Same++
		row.Equal++
		return
	}
	want, got := shapes(x.Replies), shapes(r.Got)
	if want == got {
		s.Same++
		row.Same++
		return
	}
	if len(s.Different) < splitKept {
		s.Different = append(s.Different, SplitDifference{x.Packets[0], class, want, got})
	}
}

// Share is the part of the known requests whose answers have the recorded structure.
func (s *Split) Share() float64 {
	if s.Known == 0 {
		return 0
	}
	return float64(s.Same) / float64(s.Known)
}

func shapes(messages []wire.Message) string {
	if len(messages) == 0 {
		return "silence"
	}
	parts := make([]string, len(messages))
	for i, m := range messages {
		parts[i] = strings.TrimSpace(Shape(m))
	}
	return strings.Join(parts, ", ")
}
