package emulate

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Resources are kept as the text they were written in, and changed in place: what was not touched is sent
// as the original sent it. All data here is valid JSON.

// jsonSpan is where the value that a JSON pointer leads to begins and ends.
func jsonSpan(data []byte, pointer string) (from, to int, ok bool) {
	i := jsonSpace(data, 0)
	if pointer != "" {
		for _, token := range strings.Split(pointer, "/")[1:] {
			token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
			if i, ok = jsonStep(data, i, token); !ok {
				return 0, 0, false
			}
			i = jsonSpace(data, i)
		}
	}
	return i, jsonEnd(data, i), true
}

// jsonGet is the value that a pointer leads to; nil: there is none.
func jsonGet(data []byte, pointer string) []byte {
	from, to, ok := jsonSpan(data, pointer)
	if !ok {
		return nil
	}
	return data[from:to]
}

// jsonString is the text that a pointer leads to; "" if there is none.
func jsonString(data []byte, pointer string) (s string) {
	if b := jsonGet(data, pointer); len(b) == 0 || b[0] != '"' || json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s
}

// jsonTrue says whether a pointer leads to true.
func jsonTrue(data []byte, pointer string) bool { return string(jsonGet(data, pointer)) == "true" }

// jsonMembers goes over an object: names and values.
func jsonMembers(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		i := jsonSpace(object, 0)
		if i >= len(object) || object[i] != '{' {
			return
		}
		for i = jsonSpace(object, i+1); object[i] != '}'; {
			end := jsonEnd(object, i)
			var name string
			if json.Unmarshal(object[i:end], &name) != nil {
				return
			}
			i = jsonSpace(object, jsonSpace(object, end)+1)
			end = jsonEnd(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			if i = jsonSpace(object, end); object[i] == ',' {
				i = jsonSpace(object, i+1)
			}
		}
	}
}

// jsonItems goes over an array.
func jsonItems(array []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		i := jsonSpace(array, 0)
		if i >= len(array) || array[i] != '[' {
			return
		}
		i = jsonSpace(array, i+1)
		for n := 0; array[i] != ']'; n++ {
			end := jsonEnd(array, i)
			if !yield(n, array[i:end]) {
				return
			}
			if i = jsonSpace(array, end); array[i] == ',' {
				i = jsonSpace(array, i+1)
			}
		}
	}
}

// pointerTo is a pointer to a member below another.
func pointerTo(parent, name string) string {
	return parent + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// jsonSet gives the value that a pointer leads to another text. A member that its object lacks is added.
func jsonSet(data []byte, pointer string, value []byte) []byte {
	if from, to, ok := jsonSpan(data, pointer); ok {
		return splice(data, from, to, value)
	}
	i := strings.LastIndexByte(pointer, '/')
	if i < 0 {
		return data
	}
	from, to, ok := jsonSpan(data, pointer[:i])
	if !ok || data[from] != '{' {
		return data
	}
	name := strings.ReplaceAll(strings.ReplaceAll(pointer[i+1:], "~1", "/"), "~0", "~")
	return jsonAdd(data, from, to, append(append(jsonQuote(name), ": "...), value...))
}

// jsonAppend puts a value at the end of the array that a pointer leads to.
func jsonAppend(data []byte, pointer string, value []byte) []byte {
	from, to, ok := jsonSpan(data, pointer)
	if !ok || data[from] != '[' {
		return data
	}
	return jsonAdd(data, from, to, value)
}

// jsonAdd puts an item at the end of the object or array at from, set off as those before it are.
func jsonAdd(data []byte, from, to int, item []byte) []byte {
	first := jsonSpace(data, from+1)
	if first == to-1 {
		return splice(data, from+1, to-1, item)
	}
	end := to - 1
	for end > from && (data[end-1] == ' ' || data[end-1] == '\t' || data[end-1] == '\n' || data[end-1] == '\r') {
		end--
	}
	gap := data[from+1 : first]
	if len(gap) == 0 {
		gap = []byte(" ")
	}
	return splice(data, end, end, slices.Concat([]byte(","), gap, item))
}

// jsonRemove takes those items out of the array that a pointer leads to which gone says are to go.
func jsonRemove(data []byte, pointer string, gone func(item []byte) bool) []byte {
	array := jsonGet(data, pointer)
	var kept [][]byte
	any := false
	for _, item := range jsonItems(array) {
		if gone(item) {
			any = true
		} else {
			kept = append(kept, item)
		}
	}
	if !any {
		return data
	}
	from, to, _ := jsonSpan(data, pointer)
	if len(kept) == 0 {
		return splice(data, from, to, []byte("[]"))
	}
	kept = slices.Clone(kept)
	data = splice(data, from, to, []byte("["+string(kept[0])+"]"))
	for _, item := range kept[1:] {
		data = jsonAppend(data, pointer, item)
	}
	return data
}

// splice is data with other bytes in the place of a span; data itself stays as it is.
func splice(data []byte, from, to int, with []byte) []byte {
	return slices.Concat(data[:from], with, data[to:])
}

func jsonQuote(s string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return []byte(`""`)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

// jsonKind is what a value is: object, array, string, number, boolean or null.
func jsonKind(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// jsonShown is a value as messages show it: texts without quotes.
func jsonShown(value []byte) string {
	var s string
	if jsonKind(value) == "string" && json.Unmarshal(value, &s) == nil {
		return s
	}
	if len(value) > 128 {
		return string(value[:128]) + "…"
	}
	return string(value)
}

// jsonDepth says whether values lie in each other no deeper than most.
func jsonDepth(data []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

func jsonCount(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }
