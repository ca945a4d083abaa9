package emulate

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Query parameters (DSP0266, "Query parameters").

// redfishQueries are those that the original takes: ProtocolFeaturesSupported of its service root.
type redfishQueries struct {
	expandAll, expandNoLinks, expandLinks bool
	levels                                int // how deep $expand may go
	selects, only, pages, filter          bool
}

const (
	redfishExpandMost = 8 << 20 // bytes of an expanded answer
	redfishLevelsMost = 6
)

func (r *redfishDevice) learnQueries() {
	root := r.tree["/redfish/v1"]
	if root == nil || !root.json {
		return
	}
	const features = "/ProtocolFeaturesSupported"
	q := &r.query
	q.expandAll = jsonTrue(root.data, features+"/ExpandQuery/ExpandAll")
	q.expandNoLinks = jsonTrue(root.data, features+"/ExpandQuery/NoLinks")
	q.expandLinks = jsonTrue(root.data, features+"/ExpandQuery/Links")
	if q.levels = 1; jsonTrue(root.data, features+"/ExpandQuery/Levels") {
		q.levels = redfishLevelsMost
		if n, err := strconv.Atoi(string(jsonGet(root.data, features+"/ExpandQuery/MaxLevels"))); err == nil && n > 0 && n < q.levels {
			q.levels = n
		}
	}
	q.selects = jsonTrue(root.data, features+"/SelectQuery")
	q.only = jsonTrue(root.data, features+"/OnlyMemberQuery")
	q.filter = jsonTrue(root.data, features+"/FilterQuery")
	// Services had $top and $skip before there was a feature for it.
	q.pages = jsonGet(root.data, features) != nil && string(jsonGet(root.data, features+"/TopSkipQuery")) != "false"
}

// A redfishQuery is what a request asks for beside the resource.
type redfishQuery struct {
	top, skip int // top -1: all
	filter    redfishFilter
	expand    byte // ".", "*" or "~"; 0: nothing
	levels    int
	selected  []string
	only      bool
	any       bool
}

// queried applies the query of a request to a body, in the order of DSP0266: $filter, $skip, $top, $expand, $select.
func (q *redfishAsked) queried(x *redfishResource, body []byte, query string) ([]byte, *Answer) {
	r := q.r
	p, refusal := q.parseQuery(x, query)
	if refusal != nil || !p.any {
		return body, refusal
	}
	if p.only {
		var one *redfishResource
		n := 0
		for _, item := range jsonItems(jsonGet(body, "/Members")) {
			one, n = r.at(jsonString(item, "/@odata.id")), n+1
		}
		if n == 1 && one != nil {
			body = r.body(one)
		}
	}
	if p.filter != nil {
		body = r.filtered(body, p.filter)
	}
	if p.top >= 0 || p.skip > 0 {
		body = r.page(x, body, p.top, p.skip)
	}
	if p.expand != 0 {
		size := 0
		body = r.expand(bytes.Clone(body), p.expand, p.levels, false, &size)
	}
	if p.selected != nil {
		body = selectMembers(body, p.selected)
	}
	return body, nil
}

// parseQuery reads a query. What begins with a dollar sign and is not known is refused, all else that is not
// known is ignored.
func (q *redfishAsked) parseQuery(x *redfishResource, query string) (p redfishQuery, refusal *Answer) {
	r := q.r
	p.top = -1
	refuse := func(status int, key string, args ...string) (redfishQuery, *Answer) {
		a := q.refuse(status, key, args...)
		return p, &a
	}
	collection := jsonGet(x.data, "/Members") != nil
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return refuse(400, "QueryNotSupported")
		}
		known := map[string]bool{
			"$top": r.query.pages, "$skip": r.query.pages, "$filter": r.query.filter, "$select": r.query.selects,
			"$expand": r.query.expandAll || r.query.expandNoLinks || r.query.expandLinks, "only": r.query.only,
		}[name]
		switch {
		case !known && strings.HasPrefix(name, "$"):
			return refuse(501, "QueryNotSupported")
		case !known:
			continue
		case !collection && name != "$select" && name != "$expand":
			return refuse(400, "QueryNotSupportedOnResource")
		}
		p.any = true
		switch name {
		case "$top", "$skip":
			n, err := strconv.Atoi(value)
			if err != nil {
				return refuse(400, "QueryParameterValueTypeError", value, name)
			}
			if n < 0 {
				return refuse(400, "QueryParameterOutOfRange", value, name, "0 and above")
			}
			if name == "$top" {
				p.top = n
			} else {
				p.skip = n
			}
		case "$filter":
			if p.filter = parseRedfishFilter(value); p.filter == nil {
				return refuse(400, "QueryParameterValueFormatError", value, name)
			}
		case "$select":
			if p.selected = selectedOf(value); p.selected == nil {
				return refuse(400, "QueryParameterValueFormatError", value, name)
			}
		case "$expand":
			kind, depth, fine := expandOf(value)
			switch {
			case !fine:
				return refuse(400, "QueryParameterValueTypeError", value, name)
			case kind == '*' && !r.query.expandAll, kind == '.' && !r.query.expandNoLinks, kind == '~' && !r.query.expandLinks:
				return refuse(501, "QueryNotSupported")
			case depth > r.query.levels:
				return refuse(400, "QueryParameterOutOfRange", strconv.Itoa(depth), "$levels", fmt.Sprintf("1-%d", r.query.levels))
			}
			p.expand, p.levels = kind, depth
		case "only":
			if value != "" {
				return refuse(400, "QueryParameterValueFormatError", value, name)
			}
			p.only = true
		}
	}
	if p.only && (p.top >= 0 || p.skip > 0 || p.filter != nil || p.expand != 0) {
		return refuse(400, "QueryCombinationInvalid")
	}
	return p, nil
}

// redfishSelectMost bounds how many properties may be named.
const redfishSelectMost = 256

// selectedOf reads the value of $select; nil: it names nothing.
func selectedOf(value string) []string {
	names := strings.Split(value, ",")
	for i, name := range names {
		if names[i] = strings.TrimSpace(name); names[i] == "" {
			return nil
		}
	}
	if len(names) > redfishSelectMost {
		return nil
	}
	return names
}

// expandOf reads the value of $expand: ".", "*" or "~", and how deep.
func expandOf(value string) (kind byte, levels int, ok bool) {
	if value == "" || strings.IndexByte(".*~", value[0]) < 0 {
		return 0, 0, false
	}
	if len(value) == 1 {
		return value[0], 1, true
	}
	depth, ok := strings.CutPrefix(value[1:], "($levels=")
	depth, closed := strings.CutSuffix(depth, ")")
	n, err := strconv.Atoi(depth)
	return value[0], n, ok && closed && err == nil && n >= 1
}

// page is a part of a collection.
func (r *redfishDevice) page(x *redfishResource, body []byte, top, skip int) []byte {
	members, end := 0, skip+top
	if top < 0 || end < 0 {
		end = int(^uint(0) >> 1)
	}
	kept := []byte("[")
	for i, item := range jsonItems(jsonGet(body, "/Members")) {
		if members++; i >= skip && i < end {
			if len(kept) > 1 {
				kept = append(kept, ", "...)
			}
			kept = append(kept, item...)
		}
	}
	body = jsonSet(body, "/Members", append(kept, ']'))
	if end < members && top > 0 {
		next := fmt.Sprintf("%s?$skip=%d&$top=%d", x.path, end, top)
		body = jsonSet(body, "/Members@odata.nextLink", jsonQuote(next))
	}
	return body
}

// expand puts resources in the place of references to them. inLinks says that the value lies in Links.
func (r *redfishDevice) expand(value []byte, kind byte, levels int, inLinks bool, size *int) []byte {
	switch jsonKind(value) {
	case "object":
		var out []byte
		out = append(out, '{')
		for name, v := range jsonMembers(value) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(out, jsonQuote(name)...), ':')
			links := inLinks || name == "Links"
			out = append(out, r.expandValue(v, kind, levels, links, size)...)
		}
		return append(out, '}')
	case "array":
		out := []byte{'['}
		for _, v := range jsonItems(value) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, r.expandValue(v, kind, levels, inLinks, size)...)
		}
		return append(out, ']')
	}
	return value
}

func (r *redfishDevice) expandValue(v []byte, kind byte, levels int, inLinks bool, size *int) []byte {
	if jsonKind(v) == "object" {
		n, target := 0, ""
		for name, ref := range jsonMembers(v) {
			if n++; name == "@odata.id" {
				target = jsonShown(ref)
			}
		}
		if n == 1 && target != "" {
			x := r.at(target)
			if x == nil || !x.json || levels == 0 || kind == '.' && inLinks || kind == '~' && !inLinks || *size > redfishExpandMost {
				return v
			}
			body := bytes.Clone(r.body(x))
			*size += len(body)
			if levels == 1 {
				return body
			}
			return r.expand(body, kind, levels-1, false, size)
		}
	}
	return r.expand(v, kind, levels, inLinks, size)
}

// selectMembers keeps the properties that are named, and those that every answer has.
func selectMembers(object []byte, names []string) []byte {
	out := []byte{'{'}
	put := func(name string, v []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, jsonQuote(name)...), ':'), v...)
	}
	for name, v := range jsonMembers(object) {
		if strings.HasPrefix(name, "@odata.") || slices.Contains(names, name) || slices.Contains(names, "*") {
			put(name, v)
			continue
		}
		var below []string
		for _, n := range names {
			if rest, ok := strings.CutPrefix(n, name+"/"); ok {
				below = append(below, rest)
			}
		}
		switch {
		case below == nil:
		case jsonKind(v) == "object":
			put(name, selectMembers(v, below))
		case jsonKind(v) == "array":
			items := []byte{'['}
			for i, item := range jsonItems(v) {
				if i > 0 {
					items = append(items, ',')
				}
				if jsonKind(item) == "object" {
					item = selectMembers(item, below)
				}
				items = append(items, item...)
			}
			put(name, append(items, ']'))
		}
	}
	return append(out, '}')
}
