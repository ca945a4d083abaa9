package profiles

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ReadRedfishHeaders reads a headers.json: {"GET": {"ETag": "…", …}}. The fields keep their order.
func ReadRedfishHeaders(b []byte) (HTTPHeaders, error) {
	var methods map[string]json.RawMessage
	if err := json.Unmarshal(trimBOM(b), &methods); err != nil {
		return nil, err
	}
	get, ok := methods["GET"]
	if !ok {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(get))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("GET: want an object of header names and values")
	}
	var h HTTPHeaders
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		f := HTTPHeader{Name: name.(string)}
		switch v := value.(type) {
		case string:
			f.Value = v
		case float64:
			f.Value = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			return nil, fmt.Errorf("GET: %s: want a text", f.Name)
		}
		if f.Name == "" || strings.ContainsAny(f.Name, " :\r\n\x00") || strings.ContainsAny(f.Value, "\r\n\x00") {
			return nil, fmt.Errorf("GET: %q cannot be a header", f.Name+": "+f.Value)
		}
		h = append(h, f)
	}
	return h, nil
}

// WriteRedfishHeaders is the reverse. A field that is there twice is written once, its values separated by
// commas.
func WriteRedfishHeaders(h HTTPHeaders) []byte {
	var b bytes.Buffer
	b.WriteString("{\n    \"GET\": {")
	written := map[string]bool{}
	for i, f := range h {
		if written[strings.ToLower(f.Name)] {
			continue
		}
		if len(written) > 0 {
			b.WriteByte(',')
		}
		written[strings.ToLower(f.Name)] = true
		values := []string{f.Value}
		for _, g := range h[i+1:] {
			if strings.EqualFold(g.Name, f.Name) {
				values = append(values, g.Value)
			}
		}
		b.WriteString("\n        ")
		b.Write(jsonText(f.Name))
		b.WriteString(": ")
		b.Write(jsonText(strings.Join(values, ", ")))
	}
	b.WriteString("\n    }\n}")
	return b.Bytes()
}

func jsonText(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return []byte(`""`)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// redfishSlowest bounds what a time.json can ask for.
const redfishSlowest = 10 * time.Minute

// ReadRedfishTime reads a time.json: {"GET_Time": "0.23"}, in seconds.
func ReadRedfishTime(b []byte) (time.Duration, error) {
	var t struct {
		Get any `json:"GET_Time"`
	}
	if err := json.Unmarshal(trimBOM(b), &t); err != nil {
		return 0, err
	}
	var s float64
	switch v := t.Get.(type) {
	case nil:
		return 0, nil
	case float64:
		s = v
	case string:
		var err error
		if s, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
			return 0, fmt.Errorf("GET_Time: %q is no number of seconds", v)
		}
	default:
		return 0, errors.New("GET_Time: want a number of seconds")
	}
	if math.IsNaN(s) || s < 0 || s > redfishSlowest.Seconds() {
		return 0, fmt.Errorf("GET_Time: want 0 to %g seconds", redfishSlowest.Seconds())
	}
	return time.Duration(s * float64(time.Second)), nil
}

// WriteRedfishTime is the reverse. Hundredths of a second are cut off, not rounded: what is served after it
// and measured again is the same.
func WriteRedfishTime(d time.Duration) []byte {
	return fmt.Appendf(nil, "{\n    \"GET_Time\": \"%d.%02d\"\n}", d/time.Second, d%time.Second/(10*time.Millisecond))
}
