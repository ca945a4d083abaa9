package clone

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/profiles"
)

// redfishLearner finds the Redfish service in the traffic of a web server, and writes its resources as a
// tree in the DMTF's mockup layout. The answers stay with the web server's routes, too: what moves in them
// goes on from there.
type redfishLearner struct {
	found    map[string]*redfishFound // by path
	writable map[string]bool
	actions  map[string]profiles.RedfishAction
	patched  int
	free     map[string]bool // what was read without credentials, beside what always is
	shut     bool            // something was not
	token    string
	made     map[string]bool          // by clients, while they were listened to
	systems  map[string]redfishSystem // and chassis, by path
	logged   map[string]int           // entries of the log of events, by the path of their collection
}

// A redfishFound is a resource as it was seen first.
type redfishFound struct {
	file    string // its body, in the store
	packed  bool   // with gzip
	head    http.Headers
	mime    string
	latency time.Duration // the least
}

const (
	redfishFoundMost = 1 << 15
	// redfishSlack is how much too early clocks may see an answer: times are cut off to hundredths of a second.
	redfishSlack = 2 * time.Millisecond
)

// see looks at an exchange of the web server. file is where the body of the answer is.
func (l *redfishLearner) see(x *capture.Exchange, q *httpQuestion, r *http.Response, file string, token func([]byte) []byte) {
	target, query, _ := strings.Cut(q.head.Target, "?")
	if !strings.HasPrefix(target, "/redfish") || query != "" || r == nil {
		return
	}
	target = strings.TrimSuffix(target, "/")
	if !signs(q.head.Headers) {
		switch {
		case r.Status == 401:
			l.shut = true
		case r.Status == 200 && q.head.Method == "GET" && !redfishOpen[target] && len(l.free) < redfishFoundMost:
			l.free[target] = true
		}
	}
	switch q.head.Method {
	case "GET":
		l.resource(x, target, r, file)
	case "POST":
		if t := r.Headers.Get("X-Auth-Token"); t != "" && r.Status == 201 {
			l.token = string(token([]byte(t)))
		}
		if r.Status == 201 && len(l.made) < redfishFoundMost {
			r.Lends(func(name, text string) {
				if name == "Location" {
					l.made[text] = true
				}
			})
		}
		_, name, ok := strings.Cut(target, "/Actions/")
		if name = name[strings.LastIndexByte(name, '/')+1:]; ok && r.Status/100 == 2 && len(l.actions) < redfishFoundMost {
			a := profiles.RedfishAction{Task: r.Status == 202}
			if r.Status != 202 && r.Status != 204 {
				a.Status = r.Status
			}
			l.actions[name] = a
		}
	case "PATCH":
		if r.Status == 200 || r.Status == 204 {
			l.patched = r.Status
			l.changed(target, "", q.body)
		}
	}
}

// redfishOpen is what DSP0266 opens to everybody.
var redfishOpen = map[string]bool{"/redfish": true, "/redfish/v1": true, "/redfish/v1/odata": true, "/redfish/v1/$metadata": true}

// signs says whether a request tells who asks.
func signs(h http.Headers) bool {
	return slices.ContainsFunc(h, func(f http.Header) bool {
		return strings.EqualFold(f.Name, "Authorization") || strings.EqualFold(f.Name, "Cookie") || http.CarriesKey(f.Name)
	})
}

func (l *redfishLearner) resource(x *capture.Exchange, target string, r *http.Response, file string) {
	if r.Status != 200 || file == "" || path.Clean(target) != target || strings.ContainsAny(target, `\%`) {
		return
	}
	mime := strings.ToLower(r.Headers.Get("Content-Type"))
	coding := contentCoding(r)
	if !strings.Contains(mime, "json") && !strings.Contains(mime, "xml") || coding != "" && coding != "gzip" {
		return
	}
	f := l.found[target]
	if f != nil { // what was changed since then, a decoy changes again
		f.latency = min(f.latency, x.Latency)
		return
	}
	if len(l.found) >= redfishFoundMost {
		return
	}
	f = &redfishFound{file: file, mime: mime, packed: coding == "gzip", latency: x.Latency}
	l.found[target] = f
	for _, h := range r.Headers {
		f.head = append(f.head, http.Header{Name: strings.Clone(h.Name), Value: strings.Clone(h.Value)})
	}
}

// changed notes which properties a PATCH could set.
func (l *redfishLearner) changed(target, pointer string, given []byte) {
	var object map[string]json.RawMessage
	if json.Unmarshal(given, &object) != nil {
		return
	}
	for name, v := range object {
		at := pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
		if strings.HasPrefix(name, "@") || strings.Count(at, "/") > 16 || len(l.writable) >= redfishFoundMost {
			continue
		}
		if len(v) > 0 && v[0] == '{' {
			l.changed(target, at, v)
			continue
		}
		l.writable[target+"#"+at] = true
	}
}

// finish writes the tree, if there is a service root.
func (l *redfishLearner) finish(out *Output, name string, body func(*redfishFound) []byte) (*profiles.Redfish, error) {
	root := l.found["/redfish/v1"]
	if root == nil || !strings.HasPrefix(strings.TrimSpace(string(body(root))), "{") {
		return nil, nil
	}
	folder := "redfish/" + name
	write := func(file string, b []byte) error {
		return out.file(path.Join(folder, file), b)
	}
	for _, target := range slices.Sorted(maps.Keys(l.found)) {
		if l.made[target] {
			continue
		}
		f := l.found[target]
		b := l.unmade(body(f))
		file := profiles.RedfishBody
		switch object := bytes.TrimSpace(b); {
		case strings.Contains(f.mime, "xml"):
			file = profiles.RedfishXML
		case !json.Valid(b) || len(object) == 0 || object[0] != '{':
			continue
		}
		var host redfishSystem
		if json.Unmarshal(b, &host) == nil {
			l.host(target, host)
		}
		at := strings.TrimPrefix(target, "/")
		var err error
		err = cmp.Or(err, write(path.Join(at, file), b), write(path.Join(at, profiles.RedfishHeaders), profiles.WriteRedfishHeaders(redfishHead(f.head, len(b)))))
		if took := f.latency + redfishSlack; err == nil && took >= 10*time.Millisecond {
			err = write(path.Join(at, profiles.RedfishTime), profiles.WriteRedfishTime(took))
		}
		if err != nil {
			return nil, err
		}
	}
	sec := &profiles.Redfish{Root: folder + "/", Writable: slices.Sorted(maps.Keys(l.writable)), Sessions: profiles.RedfishSessions{Token: l.token}}
	if sec.Anonymous = len(l.free) > 0 && !l.shut; !sec.Anonymous {
		sec.Open = slices.Sorted(maps.Keys(l.free))
	}
	if len(l.actions) > 0 {
		sec.Actions = l.actions
	}
	if l.patched == 204 {
		sec.Patched = 204
	}
	return sec, nil
}

// unmade takes what clients made out of a collection: who asks a decoy again makes it again.
func (l *redfishLearner) unmade(b []byte) []byte {
	if len(l.made) == 0 || !bytes.Contains(b, []byte(`"Members"`)) {
		return b
	}
	gone := 0
	var kept []byte
	last := 0
	for _, at := range redfishMember.FindAllSubmatchIndex(b, -1) {
		if !l.made[string(b[at[2]:at[3]])] {
			continue
		}
		from, to := at[0], at[1]
		if c := bytes.TrimRight(b[last:from], " \t\r\n"); to > 0 && b[to-1] != ',' && bytes.HasSuffix(c, []byte(",")) {
			from = last + len(c) - 1 // it was the last one
		}
		kept = append(kept, b[last:from]...)
		last = to
		gone++
	}
	if gone == 0 {
		return b
	}
	kept = append(kept, b[last:]...)
	return redfishCount.ReplaceAllFunc(kept, func(text []byte) []byte {
		i := bytes.LastIndexByte(text, ':') + 1
		n, _ := strconv.Atoi(string(bytes.TrimSpace(text[i:])))
		return fmt.Appendf(bytes.Clone(text[:i]), " %d", max(0, n-gone))
	})
}

var (
	redfishMember = regexp.MustCompile(`\{\s*"@odata\.id"\s*:\s*"([^"\\]*)"\s*\}(?:\s*,)?`)
	redfishCount  = regexp.MustCompile(`"Members@odata\.count"\s*:\s*\d+`)
)

// redfishHead leaves out of a head what is of the connection or a visitor's own.
func redfishHead(head http.Headers, length int) (all profiles.HTTPHeaders) {
	for _, f := range head {
		value := f.Value
		switch strings.ToLower(f.Name) {
		case "connection", "keep-alive", "set-cookie", "x-auth-token", "content-encoding":
			continue
		case "content-length":
			value = fmt.Sprint(length)
		}
		if http.CarriesKey(f.Name) || strings.ContainsAny(f.Name, " :\x00") || f.Name == "" {
			continue
		}
		all = append(all, profiles.HTTPHeader{Name: f.Name, Value: strings.ToValidUTF8(value, "?")})
	}
	return all
}

// unpacked is the body of a resource as it is without compression; nil: it cannot be read.
func (f *redfishFound) unpacked(b []byte) []byte {
	if !f.packed {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	const most = 8 << 20
	b, err = io.ReadAll(io.LimitReader(z, most+1))
	if err != nil || len(b) > most {
		return nil
	}
	return b
}
