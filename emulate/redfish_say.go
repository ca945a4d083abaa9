package emulate

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// learnTemplate finds the headers of answers that the mockup shows none for: those of the service root, or
// of any other resource; else those of the web server, and what DSP0266 wants.
func (r *redfishDevice) learnTemplate(s *httpService) {
	for _, p := range []string{"/redfish/v1", "/redfish", "/redfish/v1/Systems"} {
		if x := r.tree[p]; x != nil && x.json && len(x.headers) > 0 {
			r.template = templateOf(x)
			return
		}
	}
	var least *redfishResource
	for _, x := range r.tree {
		if x.json && len(x.headers) > 0 && (least == nil || len(x.headers) < len(least.headers)) {
			least = x
		}
	}
	if least != nil {
		r.template = templateOf(least)
		return
	}
	r.template = append(r.template, s.sec.Headers...)
	for _, f := range [...]profiles.HTTPHeader{
		{Name: "Date"}, {Name: "OData-Version", Value: "4.0"}, {Name: "Content-Type", Value: "application/json"},
		{Name: "Cache-Control", Value: "no-cache"}, {Name: "Allow"}, {Name: "Link"}, {Name: "ETag"}, {Name: "Content-Length"},
	} {
		if !httpHas(r.template, f.Name) {
			r.template = append(r.template, f)
		}
	}
}

// templateOf is the headers of a resource for others: the name of a schema is that of each.
func templateOf(x *redfishResource) profiles.HTTPHeaders {
	t := slices.Clone(x.headers)
	for i := range t {
		if strings.EqualFold(t[i].Name, "Link") && t[i].Value == schemaLink(x) {
			t[i].Value = ""
		}
	}
	return t
}

// say answers. The headers are those that the original sent with this resource, made up to date.
func (q *redfishAsked) say(status int, x *redfishResource, body []byte, more ...http.Header) Answer {
	h, r := q.h, q.r
	m := h.message()
	*m = http.Response{Version: h.s.version(), Status: status, Reason: redfishReason(status), Headers: m.Headers[:0]}
	from := r.template
	own := x != nil && len(x.headers) > 0
	if own && (status == 200 || status == 304) {
		from = x.headers
	}
	bare := status == 204 || status == 304
	chunked, sized := false, false
	for _, f := range from {
		value := f.Value
		switch strings.ToLower(f.Name) {
		case "date":
			if value == "none" {
				continue
			}
			value = h.s.dates.text(h.s.now(), "")
		case "content-length":
			if sized || bare {
				continue
			}
			sized, value = true, strconv.Itoa(len(body))
		case "transfer-encoding":
			if bare || sized || q.req.Version == "HTTP/1.0" || !strings.EqualFold(value, "chunked") {
				continue
			}
			chunked = true
		case "content-type":
			if bare {
				continue
			}
			switch {
			case own && status == 200:
			case x != nil && status == 200 && !x.json:
				value = x.mime
			case !strings.Contains(strings.ToLower(value), "json"):
				value = "application/json"
			}
		case "etag":
			if x == nil || x.tag == "" {
				continue
			}
			value = x.tag
		case "allow":
			if x == nil || status == 201 || status == 202 {
				continue
			}
			value = r.allow(x.path, x)
		case "link":
			if !own || status != 200 && status != 304 {
				if value = schemaLink(x); value == "" || f.Value != "" {
					continue
				}
			}
		case "connection", "keep-alive", "content-encoding", "x-auth-token", "set-cookie", "www-authenticate", "location",
			"last-modified", "content-range", "accept-ranges":
			continue
		}
		m.Headers = append(m.Headers, http.Header{Name: f.Name, Value: value})
	}
	if _, has := m.Headers.Find("ETag"); !has && x != nil && x.tag != "" && (x.made || !r.headed) {
		m.Headers = append(m.Headers, http.Header{Name: "ETag", Value: x.tag})
	}
	m.Headers = append(m.Headers, more...)
	switch {
	case bare:
	case chunked:
		m.Body = http.Chunk(nil, body)
	default:
		if m.Body = body; !sized {
			m.Headers = append(m.Headers, http.Header{Name: "Content-Length", Value: strconv.Itoa(len(body))})
		}
	}
	if q.req.Method == "HEAD" {
		m.Body = nil
	}
	return q.end(m, Modelled)
}

// schemaLink names the schema of a resource (DSP0266, "Link header"); "": it has none.
func schemaLink(x *redfishResource) string {
	if x == nil || !x.json {
		return ""
	}
	kind := strings.TrimPrefix(jsonString(x.data, "/@odata.type"), "#")
	i := strings.LastIndexByte(kind, '.')
	if i <= 0 || strings.ContainsAny(kind, "<>/\r\n") {
		return ""
	}
	return "<http://redfish.dmtf.org/schemas/v1/" + kind[:i] + ".json>; rel=describedby"
}

// end hands an answer over, and says what becomes of the connection.
func (q *redfishAsked) end(m *http.Response, from Origin) Answer {
	h := q.h
	h.s.endAs(m, q.httpAsked, "unrecorded")
	closes := q.expected || h.s.closes(q.httpAsked, m, false)
	if _, says := m.Headers.Find("Connection"); closes && !says {
		m.Headers = append(m.Headers, http.Header{Name: "Connection", Value: "close"})
	} else if q.req.Version == "HTTP/1.0" && !closes && !says {
		m.Headers = append(m.Headers, http.Header{Name: "Connection", Value: "keep-alive"})
	}
	return h.said(from, closes)
}

// A redfishMessage is an entry of a message registry (DSP0268, Base).
type redfishMessage struct {
	Message    string
	Severity   string
	Resolution string
}

// redfishWords are messages that a service says without its registry at hand.
var redfishWords = map[string]redfishMessage{
	"Success":                        {"The request completed successfully.", "OK", "None."},
	"GeneralError":                   {"A general error has occurred. See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.", "Critical", "None."},
	"NoValidSession":                 {"There is no valid session established with the implementation.", "Critical", "Establish a session before attempting any operations."},
	"ResourceAtUriUnauthorized":      {"While accessing the resource at '%1', the service received an authorization error '%2'.", "Critical", "Ensure that the appropriate access is provided for the service in order for it to access the URI."},
	"InsufficientPrivilege":          {"There are insufficient privileges for the account or credentials associated with the current session to perform the requested operation.", "Critical", "Either abandon the operation or change the associated access rights and resubmit the request if the operation failed."},
	"ResourceMissingAtURI":           {"The resource at the URI '%1' was not found.", "Critical", "Place a valid resource at the URI or correct the URI and resubmit the request."},
	"OperationNotAllowed":            {"The HTTP method is not allowed on this resource.", "Critical", "None."},
	"MalformedJSON":                  {"The request body submitted was malformed JSON and could not be parsed by the receiving service.", "Critical", "Ensure that the request body is valid JSON and resubmit the request."},
	"UnrecognizedRequestBody":        {"The service detected a malformed request body that it was unable to interpret.", "Warning", "Correct the request body and resubmit the request if it failed."},
	"EmptyJSON":                      {"The request body submitted contained an empty JSON object and the service is unable to process it.", "Warning", "Add properties in the JSON object and resubmit the request."},
	"NoOperation":                    {"The request body submitted contain no data to act upon and no changes to the resource took place.", "Warning", "Add properties in the JSON object and resubmit the request."},
	"PropertyUnknown":                {"The property '%1' is not in the list of valid properties for the resource.", "Warning", "Remove the unknown property from the request body and resubmit the request if the operation failed."},
	"PropertyNotWritable":            {"The property '%1' is a read-only property and cannot be assigned a value.", "Warning", "Remove the property from the request body and resubmit the request if the operation failed."},
	"PropertyValueTypeError":         {"The value '%1' for the property '%2' is not a type that the property can accept.", "Warning", "Correct the value for the property in the request body and resubmit the request if the operation failed."},
	"PropertyValueNotInList":         {"The value '%1' for the property '%2' is not in the list of acceptable values.", "Warning", "Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed."},
	"PropertyValueOutOfRange":        {"The value '%1' for the property '%2' is not in the supported range of acceptable values.", "Warning", "Correct the value for the property in the request body and resubmit the request if the operation failed."},
	"PropertyMissing":                {"The property '%1' is a required property and must be included in the request.", "Warning", "Ensure that the property is in the request body and has a valid value and resubmit the request if the operation failed."},
	"ActionParameterMissing":         {"The action '%1' requires the parameter '%2' to be present in the request body.", "Critical", "Supply the action with the required parameter in the request body when the request is resubmitted."},
	"ActionParameterUnknown":         {"The action '%1' was submitted with the invalid parameter '%2'.", "Warning", "Correct the invalid parameter and resubmit the request if the operation failed."},
	"ActionParameterValueNotInList":  {"The value '%1' for the parameter '%2' in the action '%3' is not in the list of acceptable values.", "Warning", "Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed."},
	"ActionParameterValueTypeError":  {"The value '%1' for the parameter '%2' in the action '%3' is not a type that the parameter can accept.", "Warning", "Correct the value for the parameter in the request body and resubmit the request if the operation failed."},
	"PreconditionFailed":             {"The ETag supplied did not match the ETag required to change this resource.", "Critical", "Try the operation again using the appropriate ETag."},
	"QueryNotSupported":              {"Querying is not supported by the implementation.", "Warning", "Remove the query parameters and resubmit the request if the operation failed."},
	"QueryNotSupportedOnResource":    {"Querying is not supported on the requested resource.", "Warning", "Remove the query parameters and resubmit the request if the operation failed."},
	"QueryNotSupportedOnOperation":   {"Querying is not supported with the requested operation.", "Warning", "Remove the query parameters and resubmit the request if the operation failed."},
	"QueryCombinationInvalid":        {"Two or more query parameters in the request cannot be used together.", "Warning", "Remove one or more of the query parameters and resubmit the request if the operation failed."},
	"QueryParameterValueFormatError": {"The value '%1' for the parameter %2 is not a format that the parameter can accept.", "Warning", "Correct the value for the query parameter in the request and resubmit the request if the operation failed."},
	"HeaderInvalid":                  {"Header '%1' is invalid.", "Critical", "Resubmit the request with a valid request header."},
	"InsufficientStorage":            {"Insufficient storage or memory available to complete the request due to space constraints or lack of available resources.", "Critical", "Free up storage or memory and resubmit the request."},
	"PropertyValueFormatError":       {"The value '%1' for the property '%2' is not a format that the property can accept.", "Warning", "Correct the value for the property in the request body and resubmit the request if the operation failed."},
	"QueryParameterValueTypeError":   {"The value '%1' for the query parameter '%2' is not a type that the parameter can accept.", "Warning", "Correct the value for the query parameter in the request and resubmit the request if the operation failed."},
	"QueryParameterOutOfRange":       {"The value '%1' for the query parameter '%2' is out of range %3.", "Warning", "Reduce the value for the query parameter to a value that is within range, such as a start or count value that is within bounds of the number of resources in a collection or a page that is within the range of valid pages."},
	"SessionLimitExceeded":           {"The session establishment failed due to the number of simultaneous sessions exceeding the limit of the implementation.", "Critical", "Reduce the number of other sessions before trying to establish the session or increase the limit of simultaneous sessions, if supported."},
	"CreateLimitReachedForResource":  {"The create operation failed because the resource has reached the limit of possible resources.", "Critical", "Either delete resources and resubmit the request if the operation failed or do not resubmit the request."},
	"ResourceAlreadyExists":          {"The requested resource of type %1 with the property %2 with the value '%3' already exists.", "Critical", "Do not repeat the create operation as the resource has already been created."},
	"ResourceCannotBeDeleted":        {"The delete request failed because the resource requested cannot be deleted.", "Critical", "Do not attempt to delete a non-deletable resource."},
	"ResourceInUse":                  {"The change to the requested resource failed because the resource is in use or in transition.", "Warning", "Remove the condition and resubmit the request if the operation failed."},
	"ResourceCreated":                {"The resource has been created successfully.", "OK", "None."},
	"ResourceRemoved":                {"The resource has been removed successfully.", "OK", "None."},
	"ResourceChanged":                {"One or more resource properties have changed.", "OK", "None."},
}

// learnMessages takes the words of the original's own registry, and which version of it there is.
func (r *redfishDevice) learnMessages() {
	r.words = map[string]redfishMessage{}
	for _, x := range r.tree {
		if !x.json || jsonString(x.data, "/RegistryPrefix") != "Base" {
			continue
		}
		var file struct {
			RegistryVersion string
			Messages        map[string]redfishMessage
		}
		if json.Unmarshal(x.data, &file) == nil && len(file.Messages) > 0 {
			r.words = file.Messages
			r.base = redfishBase(file.RegistryVersion)
		}
	}
	for _, at := range []string{"/redfish/v1/Registries"} {
		if x := r.tree[at]; x != nil && r.base == "" {
			for _, item := range jsonItems(jsonGet(x.data, "/Members")) {
				name := path.Base(strings.TrimSuffix(jsonString(item, "/@odata.id"), "/"))
				if v, ok := strings.CutPrefix(name, "Base."); ok && r.base == "" {
					r.base = redfishBase(v)
				}
			}
		}
	}
	if x := r.tree["/redfish/v1/Registries/Base"]; x != nil && r.base == "" {
		if v, ok := strings.CutPrefix(jsonString(x.data, "/Registry"), "Base."); ok {
			r.base = redfishBase(v)
		}
	}
	if r.base == "" {
		r.base = "Base.1.8"
	}
}

// redfishBase is what message identifiers begin with: registry, major and minor version.
func redfishBase(version string) string {
	parts := strings.Split(version, ".")
	if len(parts) < 2 || strings.Trim(parts[0]+parts[1], "0123456789") != "" {
		return ""
	}
	return "Base." + parts[0] + "." + parts[1]
}

// info is an entry of @Message.ExtendedInfo (DSP0266, section "Error responses").
func (r *redfishDevice) info(key string, property string, args ...string) []byte {
	w, ok := r.words[key]
	if !ok || w.Message == "" {
		w = redfishWords[key]
	}
	text := w.Message
	for i, a := range args {
		text = strings.ReplaceAll(text, "%"+strconv.Itoa(i+1), a)
	}
	x := struct {
		Type       string   `json:"@odata.type"`
		ID         string   `json:"MessageId"`
		Message    string   `json:"Message"`
		Args       []string `json:"MessageArgs,omitempty"`
		Related    []string `json:"RelatedProperties,omitempty"`
		Severity   string   `json:"MessageSeverity"`
		Resolution string   `json:"Resolution"`
	}{"#Message.v1_1_1.Message", r.base + "." + key, text, args, nil, w.Severity, w.Resolution}
	if property != "" {
		x.Related = []string{"#" + property}
	}
	b, err := json.Marshal(x)
	if err != nil {
		return []byte("{}")
	}
	return b
}

// fault is the body of an error.
func (r *redfishDevice) fault(infos ...[]byte) []byte {
	b := fmt.Appendf(nil, `{"error":{"code":"%s.GeneralError","message":%s,"@Message.ExtendedInfo":[`, r.base, jsonQuote("A general error has occurred. See ExtendedInfo for more information."))
	if len(infos) == 1 {
		var one struct{ MessageId, Message string }
		if json.Unmarshal(infos[0], &one) == nil {
			b = fmt.Appendf(nil, `{"error":{"code":%s,"message":%s,"@Message.ExtendedInfo":[`, jsonQuote(one.MessageId), jsonQuote(one.Message))
		}
	}
	for i, x := range infos {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, x...)
	}
	return append(b, "]}}"...)
}

// refuse answers with an error: as the device was recorded to, else in the words of its registry.
func (q *redfishAsked) refuse(status int, key string, args ...string) Answer {
	if f := q.h.s.redfishRefusal(status, q.path, q.signed); f != nil && (status == 401 || status == 403 || status == 404 || status == 405) {
		return q.h.refuseAs(f, q.httpAsked, status, false)
	}
	return q.refuseWith(status, q.r.info(key, "", args...))
}

// refuseWith is an error with these messages.
func (q *redfishAsked) refuseWith(status int, infos ...[]byte) Answer {
	var more []http.Header
	switch status {
	case 401:
		if realm := q.r.sec.Realm; realm != "" && realm != "none" {
			more = append(more, http.Header{Name: "WWW-Authenticate", Value: `Basic realm="` + realm + `"`})
		}
	case 405:
		more = append(more, http.Header{Name: "Allow", Value: q.r.allow(q.path, q.r.at(q.path))})
	}
	body := q.r.fault(infos...)
	if file, ok := q.h.s.errors.files[status]; ok {
		body = file
	}
	a := q.say(status, nil, body, more...)
	a.From = Refused
	return a
}

// redfishRefusal is a recorded refusal of something under /redfish, the nearest; nil: there is none. Wrong credentials
// are refused as wrong ones were, if any were recorded.
func (s *httpService) redfishRefusal(status int, at string, signed bool) (best *httpRefusal) {
	near := func(f *httpRefusal) int {
		n := commonPrefix(f.path, at)
		if status == 401 && f.signed == signed {
			n += len(at) + 1
		}
		return n
	}
	for _, f := range s.refusals[status] {
		if best == nil || near(f) > near(best) {
			best = f
		}
	}
	return best
}

// learnRefusals finds how what lies under /redfish was refused.
func (s *httpService) learnRefusals() {
	s.refusals = map[int][]*httpRefusal{}
	for _, o := range s.order {
		reply := o.route.final()
		method, target, _ := strings.Cut(o.ask, " ")
		bare, _, _ := strings.Cut(target, "?")
		if reply == nil || reply.bare || method == "HEAD" || reply.head.Status < 400 || !strings.HasPrefix(bare, "/redfish") {
			continue
		}
		status := reply.head.Status
		s.refusals[status] = append(s.refusals[status], &httpRefusal{reply, bare, o.route.connection, o.route.auth != ""})
	}
}

// redfishReason is what status lines say beside what httpReason knows.
func redfishReason(status int) string {
	switch status {
	case 201:
		return "Created"
	case 202:
		return "Accepted"
	case 409:
		return "Conflict"
	case 412:
		return "Precondition Failed"
	case 415:
		return "Unsupported Media Type"
	case 507:
		return "Insufficient Storage"
	case 500:
		return "Internal Server Error"
	case 503:
		return "Service Unavailable"
	}
	return httpReason(status)
}
