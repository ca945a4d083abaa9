package emulate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// $filter (DSP0266, "$filter query parameter"): comparisons of properties with literals, joined by and, or, not
// and brackets. A property is a path with slashes.

// A redfishFilter says whether a resource is wanted.
type redfishFilter func(object []byte) bool

const (
	redfishFilterMost  = 2048 // bytes
	redfishFilterDepth = 32
)

// filtered leaves those members in a collection that a filter wants.
func (r *redfishDevice) filtered(body []byte, wants redfishFilter) []byte {
	body = jsonRemove(body, "/Members", func(item []byte) bool {
		object := item
		if x := r.at(jsonString(item, "/@odata.id")); x != nil && x.json {
			object = r.body(x)
		}
		return !wants(object)
	})
	return r.counted(body)
}

// parseRedfishFilter reads an expression; nil: it is none.
func parseRedfishFilter(text string) redfishFilter {
	if len(text) > redfishFilterMost {
		return nil
	}
	p := redfishFilterParser{words: filterWords(text)}
	f := p.or(0)
	if f == nil || len(p.words) > 0 {
		return nil
	}
	return f
}

// filterWords cuts an expression up: brackets, texts in quotes, and what stands between spaces.
func filterWords(text string) (words []string) {
	for {
		text = strings.TrimLeft(text, " ")
		if text == "" {
			return words
		}
		n := 1
		switch text[0] {
		case '(', ')':
		case '\'':
			for n < len(text) && (text[n] != '\'' || n+1 < len(text) && text[n+1] == '\'') {
				if text[n] == '\'' {
					n++ // two stand for one
				}
				n++
			}
			if n >= len(text) {
				return append(words, text)
			}
			n++
		default:
			if n = strings.IndexAny(text, " ()'"); n < 0 {
				n = len(text)
			}
		}
		words, text = append(words, text[:n]), text[n:]
	}
}

// A redfishFilterParser reads words from left to right. All its methods give nil for what is no expression.
type redfishFilterParser struct{ words []string }

func (p *redfishFilterParser) next() (word string) {
	if len(p.words) > 0 {
		word, p.words = p.words[0], p.words[1:]
	}
	return word
}

func (p *redfishFilterParser) skip(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *redfishFilterParser) or(depth int) redfishFilter {
	left := p.and(depth)
	for left != nil && p.skip("or") {
		a, b := left, p.and(depth)
		if b == nil {
			return nil
		}
		left = func(object []byte) bool { return a(object) || b(object) }
	}
	return left
}

func (p *redfishFilterParser) and(depth int) redfishFilter {
	left := p.term(depth)
	for left != nil && p.skip("and") {
		a, b := left, p.term(depth)
		if b == nil {
			return nil
		}
		left = func(object []byte) bool { return a(object) && b(object) }
	}
	return left
}

func (p *redfishFilterParser) term(depth int) redfishFilter {
	switch {
	case depth > redfishFilterDepth:
		return nil
	case p.skip("not"):
		if f := p.term(depth + 1); f != nil {
			return func(object []byte) bool { return !f(object) }
		}
		return nil
	case p.skip("("):
		if f := p.or(depth + 1); f != nil && p.skip(")") {
			return f
		}
		return nil
	}
	return p.comparison()
}

// comparison reads PROPERTY eq LITERAL. A property that a resource lacks is unequal to everything.
func (p *redfishFilterParser) comparison() redfishFilter {
	name, how, literal := p.next(), p.next(), filterLiteral(p.next())
	if name == "" || strings.ContainsAny(name, "'()") || literal == nil {
		return nil
	}
	pointer := ""
	for step := range strings.SplitSeq(name, "/") {
		pointer = pointerTo(pointer, step)
	}
	var wants func(order int) bool
	switch how {
	case "eq":
		wants = func(order int) bool { return order == 0 }
	case "ne":
		wants = func(order int) bool { return order != 0 }
	case "lt":
		wants = func(order int) bool { return order < 0 }
	case "le":
		wants = func(order int) bool { return order <= 0 }
	case "gt":
		wants = func(order int) bool { return order > 0 }
	case "ge":
		wants = func(order int) bool { return order >= 0 }
	default:
		return nil
	}
	return func(object []byte) bool {
		order, ok := compareJSON(jsonGet(object, pointer), literal)
		if !ok {
			return how == "ne"
		}
		return wants(order)
	}
}

// filterLiteral reads a text in quotes, a number, true, false or null, as JSON; nil: it is none.
func filterLiteral(word string) []byte {
	if text, ok := strings.CutPrefix(word, "'"); ok {
		if text, ok = strings.CutSuffix(text, "'"); !ok {
			return nil
		}
		return jsonQuote(strings.ReplaceAll(text, "''", "'"))
	}
	if b := []byte(word); json.Valid(b) && word[0] != '"' && jsonKind(b) != "object" && jsonKind(b) != "array" {
		return b
	}
	return nil
}

// compareJSON compares two values of one kind.
func compareJSON(a, b []byte) (order int, ok bool) {
	kind := jsonKind(a)
	if kind == "" || kind != jsonKind(b) {
		return 0, false
	}
	switch kind {
	case "number":
		x, err1 := strconv.ParseFloat(string(a), 64)
		y, err2 := strconv.ParseFloat(string(b), 64)
		return cmp.Compare(x, y), err1 == nil && err2 == nil
	case "string":
		return strings.Compare(jsonShown(a), jsonShown(b)), true
	}
	return bytes.Compare(a, b), true
}
