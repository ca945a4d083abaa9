package emulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"ringer/profiles"
)

// A redfishResource is one resource of the tree: its body as the original wrote it, and what was changed.
type redfishResource struct {
	path    string
	data    []byte
	json    bool
	mime    string
	headers profiles.HTTPHeaders // of headers.json
	wait    time.Duration        // of time.json
	tag     string               // ETag; "": the original has none
	made    bool                 // at run time, not by the mockup
	changed bool                 // since the decoy was started

	points  map[string]string // JSON pointer -> point
	page    *httpPage         // where they stand in data; nil: not looked for yet
	shown   []byte            // the body with their values
	version uint64            // digest of shown, when the ETag was made
}

const (
	redfishTreeMost = 256 << 20 // bytes of all resources
	redfishFileMost = 64 << 20
	redfishMadeMost = 1024     // resources that visitors can make
	redfishGrowMost = 16 << 20 // bytes that they can add to the tree
)

// loadTree reads the mockup.
func (r *redfishDevice) loadTree(dev *profiles.Device) error {
	root := path.Clean(r.sec.Root)
	prefix, err := profiles.RedfishPrefix(dev.Files, root)
	if err != nil {
		return fmt.Errorf("redfish: %s: %w", r.sec.Root, err)
	}
	total := 0
	return fs.WalkDir(dev.Files, root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		at := prefix + "/" + strings.TrimPrefix(strings.TrimPrefix(path.Dir(name), root), "/")
		at = strings.TrimSuffix(at, "/")
		base := path.Base(name)
		if at == "" || at != "/redfish" && !strings.HasPrefix(at, "/redfish/") {
			return nil // beside the tree: a README
		}
		b, err := dev.ReadFile(name, redfishFileMost)
		if err != nil {
			return fmt.Errorf("redfish: %w", err)
		}
		if total += len(b); total > redfishTreeMost {
			return fmt.Errorf("redfish: %s: more than %d bytes of resources are not served", r.sec.Root, redfishTreeMost)
		}
		switch base {
		case profiles.RedfishHeaders:
			h, err := profiles.ReadRedfishHeaders(b)
			if err != nil {
				return fmt.Errorf("redfish: %s: %w", name, err)
			}
			r.headed = true
			r.resource(at).headers = h
		case profiles.RedfishTime:
			t, err := profiles.ReadRedfishTime(b)
			if err != nil {
				return fmt.Errorf("redfish: %s: %w", name, err)
			}
			r.resource(at).wait = t
		case profiles.RedfishBody:
			b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
			if t := bytes.TrimSpace(b); !json.Valid(b) || t[0] != '{' || !jsonDepth(b, redfishDepth) {
				return fmt.Errorf("redfish: %s: it is no JSON object", name)
			}
			x := r.resource(at)
			x.data, x.json, x.mime = b, true, "application/json"
		case profiles.RedfishXML:
			x := r.resource(at)
			x.data, x.mime = b, "application/xml"
		default:
			x := r.resource(at + "/" + base)
			x.data, x.mime = b, redfishType(base)
			x.json = strings.HasSuffix(base, ".json") && json.Valid(b) && jsonKind(bytes.TrimSpace(b)) == "object" && jsonDepth(b, redfishDepth)
		}
		return nil
	})
}

func redfishType(name string) string {
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".xml":
		return "application/xml"
	case ".txt":
		return "text/plain"
	case ".html":
		return "text/html"
	}
	return "application/octet-stream"
}

func (r *redfishDevice) resource(at string) *redfishResource {
	x := r.tree[at]
	if x == nil {
		x = &redfishResource{path: at}
		r.tree[at] = x
	}
	return x
}

// settle drops folders without a body, and gives every resource its ETag and points.
func (r *redfishDevice) settle() {
	for at, x := range r.tree {
		if x.data == nil {
			delete(r.tree, at)
			continue
		}
		for _, f := range x.headers {
			if strings.EqualFold(f.Name, "ETag") {
				x.tag = f.Value
			}
		}
		if x.tag == "" && x.json {
			x.tag = jsonString(x.data, "/@odata.etag")
		}
		if x.tag == "" && !r.headed {
			x.tag = newRedfishTag(x.data)
		}
	}
	for place, point := range r.sec.Points {
		at, pointer, _ := strings.Cut(place, "#")
		if x := r.tree[at]; x != nil && x.json {
			if x.points == nil {
				x.points = map[string]string{}
			}
			x.points[pointer] = point
		}
	}
}

func newRedfishTag(data []byte) string {
	h := fnv.New64a()
	h.Write(data)
	return fmt.Sprintf(`W/"%08X"`, uint32(h.Sum64()))
}

// at finds a resource; a slash at the end makes no difference.
func (r *redfishDevice) at(p string) *redfishResource {
	if x := r.tree[p]; x != nil {
		return x
	}
	return r.tree[strings.TrimSuffix(p, "/")]
}

// body is the resource as it is now, and brings its ETag up to date.
func (r *redfishDevice) body(x *redfishResource) []byte {
	if len(x.points) == 0 {
		return x.data
	}
	if x.page == nil {
		x.page = newHTTPPage(r.st, x.data, x.points)
	}
	if len(x.page.places) == 0 {
		return x.data
	}
	x.shown = x.page.append(x.shown[:0], x.data)
	h := fnv.New64a()
	h.Write(x.shown)
	if v := h.Sum64(); x.version != v {
		if x.version != 0 {
			x.version = 0
			r.retag(x)
			x.page = newHTTPPage(r.st, x.data, x.points)
			x.shown = x.page.append(x.shown[:0], x.data)
			h.Reset()
			h.Write(x.shown)
			v = h.Sum64()
		}
		x.version = v
	}
	return x.shown
}

// set changes the text of a resource.
func (r *redfishDevice) set(x *redfishResource, data []byte) {
	if bytes.Equal(x.data, data) {
		return
	}
	r.grown += len(data) - len(x.data)
	x.data, x.changed = data, true
	r.retag(x)
}

// room says whether visitors can add so many bytes to the tree.
func (r *redfishDevice) room(n int) bool { return n <= 0 || r.grown+n <= redfishGrowMost }

// retag gives a resource another ETag, after it has changed.
func (r *redfishDevice) retag(x *redfishResource) {
	x.page, x.version = nil, 0
	if x.tag == "" {
		return
	}
	was := x.tag
	for range 8 {
		quote := strings.IndexByte(was, '"') + 1
		x.tag = was[:quote] + string(profiles.LikeToken([]byte(was[quote:]), r.rand))
		if x.tag != was {
			break
		}
	}
	if from, to, ok := jsonSpan(x.data, "/@odata.etag"); x.json && ok {
		x.data = splice(x.data, from, to, jsonQuote(x.tag))
	}
}

// get is a live value of a resource.
func (r *redfishDevice) get(x *redfishResource, pointer string) []byte {
	return jsonGet(r.body(x), pointer)
}

// create puts a new member into a collection; nil: there are too many.
func (r *redfishDevice) create(collection *redfishResource, id string, data []byte) *redfishResource {
	if r.made >= redfishMadeMost || !r.room(len(data)) {
		return nil
	}
	r.made++
	r.grown += len(data)
	x := &redfishResource{path: collection.path + "/" + id, data: data, json: true, mime: "application/json", made: true}
	if collection.tag != "" {
		x.tag = newRedfishTag(data)
	}
	r.tree[x.path] = x
	r.set(collection, r.counted(jsonAppend(collection.data, "/Members", []byte(`{"@odata.id": `+string(jsonQuote(x.path))+`}`))))
	return x
}

// remove takes a resource, and what lies below it, out of the tree and its collection.
func (r *redfishDevice) remove(x *redfishResource) {
	for _, p := range slices.Collect(maps.Keys(r.tree)) {
		if p == x.path || strings.HasPrefix(p, x.path+"/") {
			if r.tree[p].made {
				r.made--
			}
			r.grown -= len(r.tree[p].data)
			delete(r.tree, p)
		}
	}
	if c := r.collectionOf(x); c != nil {
		r.set(c, r.counted(jsonRemove(c.data, "/Members", func(item []byte) bool {
			return strings.TrimSuffix(jsonString(item, "/@odata.id"), "/") == x.path
		})))
	}
}

// collectionOf finds the collection that a resource is a member of. Some servers have "Members" in the path.
func (r *redfishDevice) collectionOf(x *redfishResource) *redfishResource {
	parent := path.Dir(x.path)
	if c := r.tree[parent]; c != nil && jsonGet(c.data, "/Members") != nil {
		return c
	}
	return nil
}

// counted brings the number of members up to date.
func (r *redfishDevice) counted(data []byte) []byte {
	n := 0
	for range jsonItems(jsonGet(data, "/Members")) {
		n++
	}
	if jsonGet(data, "/Members@odata.count") == nil {
		return data
	}
	return jsonSet(data, "/Members@odata.count", jsonCount(n))
}

// link is the path that a reference in a resource leads to.
func (r *redfishDevice) link(x *redfishResource, pointer string) *redfishResource {
	if x == nil {
		return nil
	}
	if p := jsonString(x.data, pointer+"/@odata.id"); p != "" {
		return r.at(p)
	}
	return nil
}

// freshID makes an identifier like those that a collection has.
func (r *redfishDevice) freshID(collection *redfishResource) string {
	like := ""
	most := 0
	number := true
	for _, item := range jsonItems(jsonGet(collection.data, "/Members")) {
		like = path.Base(strings.TrimSuffix(jsonString(item, "/@odata.id"), "/"))
		n := 0
		if _, err := fmt.Sscanf(like, "%d", &n); err != nil || fmt.Sprint(n) != like {
			number = false
		}
		most = max(most, n)
	}
	if number {
		for most++; r.tree[fmt.Sprintf("%s/%d", collection.path, most)] != nil; most++ {
		}
		return fmt.Sprint(most)
	}
	for {
		id := string(profiles.LikeToken([]byte(like), r.rand))
		if r.tree[collection.path+"/"+id] == nil {
			return id
		}
		like += "0"
	}
}
