package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ringer/emulate"
)

// eventWidth is how much of a request, and of an answer, a line shows.
const eventWidth = 60

// eventLine is one event as a person reads it: when, who, which protocol, then what was asked, what was
// answered, and where the answer came from.
func eventLine(e *emulate.Event, width int) string {
	src := "-"
	if e.SrcIP.IsValid() {
		src = netip.AddrPortFrom(e.SrcIP.Unmap(), e.SrcPort).String()
	}
	head := fmt.Sprintf("%s  %-21s  %-6s  ", e.Time.UTC().Format("01-02 15:04:05.000"), src, e.Protocol)
	switch e.Kind {
	case emulate.Asked:
		line := head + cut(strings.TrimSpace(e.Class+" "+essence(e.Request)), width) + " → "
		if e.Silent || len(e.Answers) == 0 {
			return line + "silence" + inBrackets(e.Reason)
		}
		line += cut(essence(e.Answers[0]), width)
		if n := len(e.Answers) - 1; n > 0 {
			line += fmt.Sprintf(" (and %d more)", n)
		}
		return line + " [" + e.From + "]" + inBrackets(e.Reason)
	case emulate.Pushed:
		line := head + "unasked"
		if len(e.Answers) > 0 {
			line += " → " + cut(essence(e.Answers[0]), width)
		}
		return line
	case emulate.BadInput:
		return fmt.Sprintf("%smalformed, %s: %s", head, plural(e.RawBytes, "byte", "bytes"), cut(e.Raw, width)) + inBrackets(e.Reason)
	case emulate.EventsLost:
		return fmt.Sprintf("%s%s could not be written", head, plural(int(e.Lost), "event", "events"))
	}
	line := head + string(e.Kind)
	if e.Reason != "" {
		line += ": " + e.Reason
	}
	return line
}

func inBrackets(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// bookkeeping are the fields of messages that tell people nothing.
var bookkeeping = []string{"type", "Transaction", "RequestID", "MessageID", "Reference", "Redundancy", "TPDUs", "Headers", "Version", "Function", "Community",
	"MsgID", "MaxSize", "SecurityModel", "EngineID", "EngineBoots", "EngineTime", "PrivParams", "ContextEngineID"}

// essence is a decoded message in few words: name=value of its fields, nested ones in their order, without
// the bookkeeping. A message of nothing else is called by its type.
func essence(raw json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var parts []string
	var kind string
	gather(d, "", func(name, value string) {
		if name == "type" && kind == "" {
			kind = value
		}
		if !slices.Contains(bookkeeping, name) {
			parts = append(parts, name+"="+value)
		}
	})
	if len(parts) == 0 {
		return kind
	}
	return strings.Join(parts, " ")
}

// gather visits the leaves of the next JSON value. What lies in a bookkeeping field is passed over.
func gather(d *json.Decoder, name string, visit func(name, value string)) bool {
	t, err := d.Token()
	if err != nil {
		return false
	}
	switch t := t.(type) {
	case json.Delim:
		inner := visit
		if name != "type" && slices.Contains(bookkeeping, name) {
			inner = func(string, string) {}
		}
		for d.More() {
			key := name
			if t == '{' {
				k, err := d.Token()
				if err != nil {
					return false
				}
				key, _ = k.(string)
			}
			if !gather(d, key, inner) {
				return false
			}
		}
		_, err = d.Token()
		return err == nil
	case string:
		visit(name, readable(t))
	case nil:
	default:
		visit(name, fmt.Sprint(t))
	}
	return true
}

// readable shows a text that was written in hexadecimal as the text, and puts one with spaces in quotes.
func readable(s string) string {
	if b, err := hex.DecodeString(s); err == nil && len(b) > 2 && utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		s = string(b)
	}
	if strings.ContainsAny(s, " \n\t") {
		return strconv.Quote(s)
	}
	return s
}

func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
