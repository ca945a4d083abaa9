package emulate

import (
	"encoding/json"
	"strconv"
	"strings"
)

// findJSON finds the scalar that a JSON pointer (RFC 6901) leads to: where its text begins and ends,
// the quotes of a string left out.
func findJSON(data []byte, pointer string) (from, to int, quoted, ok bool) {
	if !json.Valid(data) {
		return 0, 0, false, false
	}
	i := 0
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		if i, ok = jsonStep(data, jsonSpace(data, i), token); !ok {
			return 0, 0, false, false
		}
	}
	i = jsonSpace(data, i)
	end := jsonEnd(data, i)
	switch data[i] {
	case '{', '[':
		return 0, 0, false, false
	case '"':
		return i + 1, end - 1, true, true
	}
	return i, end, false, true
}

// jsonStep goes into the object or array at i. data is valid JSON.
func jsonStep(data []byte, i int, token string) (int, bool) {
	kind := data[i]
	if kind != '{' && kind != '[' {
		return 0, false
	}
	i = jsonSpace(data, i+1)
	for n := 0; data[i] != '}' && data[i] != ']'; n++ {
		name := strconv.Itoa(n)
		if kind == '{' {
			end := jsonEnd(data, i)
			if json.Unmarshal(data[i:end], &name) != nil {
				return 0, false
			}
			i = jsonSpace(data, end) + 1 // the colon
		}
		i = jsonSpace(data, i)
		if name == token {
			return i, true
		}
		i = jsonSpace(data, jsonEnd(data, i))
		if data[i] == ',' {
			i = jsonSpace(data, i+1)
		}
	}
	return 0, false
}

func jsonSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// jsonEnd is where the value at i ends. data is valid JSON.
func jsonEnd(data []byte, i int) int {
	for depth := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			continue
		default:
			for i+1 < len(data) && strings.IndexByte(",:]} \t\r\n", data[i+1]) < 0 {
				i++
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}
