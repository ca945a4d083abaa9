package emulate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"

	"ringer/capture/wire"
	"ringer/profiles"
)

// httpService is a web server: recorded answers first, then the files and forms that a person wrote,
// then the device's own way to refuse. All heads are made here, byte for byte: no library's server is in
// the way.
type httpService struct {
	p         wire.Protocol
	st        *State
	sec       *profiles.HTTP
	script    *Script // what is not HTTP: the inside of tunnels
	questions map[string]*httpQuestion
	order     []httpOrdered
	paths     map[string]*httpPath
	replies   map[[profiles.HTTPReplyID]byte]*httpReply
	visitors  *httpVisitors
	salts     []httpSalt
	site      *httpSite
	endings   map[httpCase]*httpEnding
	errors    httpErrors
	redfish   *redfishDevice         // nil: none
	refusals  map[int][]*httpRefusal // of what lies under /redfish
	habits    httpHabits
	malformed *httpReply
	proceed   *httpReply // 100 Continue
	dates     httpDates
	held      int64      // bytes of bodies in memory
	loaded    *httpReply // one more, which was too much
	rand      *rand.Rand
}

// httpOrdered is a route in the order of the files.
type httpOrdered struct {
	ask   string
	route *httpRoute
}

// httpSalt makes the digests of bodies that one file of routes is keyed by.
type httpSalt struct {
	salt []byte
	hash hash.Hash
}

// A httpPath is what is known of a path, whatever the query and the body.
type httpPath struct {
	last map[string]*httpQuestion // by method: the question recorded last
	open bool                     // somebody without credentials was let in
	shut bool                     // somebody without credentials was not
}

func openHTTP(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	sec, ok := svc.Section.(*profiles.HTTP)
	if !ok {
		return openRecorded(st, dev, svc, p)
	}
	if dev.Files == nil {
		dev = &profiles.Device{ID: dev.ID, Accounts: dev.Accounts, Files: noFiles{}}
	}
	script, err := NewScript(dev, svc, p)
	if err != nil {
		return nil, err
	}
	s := &httpService{
		p: p, st: st, sec: sec, script: script, questions: map[string]*httpQuestion{}, paths: map[string]*httpPath{},
		replies: map[[profiles.HTTPReplyID]byte]*httpReply{}, visitors: newHTTPVisitors(st, sec),
		rand: st.Rand("http " + sec.Port.String()),
	}
	s.dates.skew = sec.Skew
	tracks, err := readHTTPSamples(dev, sec.Samples)
	if err != nil {
		return nil, err
	}
	for _, name := range s.routeFiles(dev) {
		if err := s.load(dev, name, tracks); err != nil {
			return nil, err
		}
	}
	if s.site, err = newHTTPSite(s, dev); err != nil {
		return nil, err
	}
	s.learnEndings()
	s.learnHabits()
	if err := s.errors.learn(s, dev); err != nil {
		return nil, err
	}
	if sec.Redfish != nil {
		s.learnRefusals()
		if s.redfish, err = openRedfish(s, dev); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *httpService) Protocol() wire.Protocol { return s.p }

func (s *httpService) Open(p Peer) Session { return &httpSession{s: s, peer: p} }

// noFiles is the bulk of a profile that has none.
type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// routeFiles are the files of routes: those that the section names, or routes.yaml beside the pages.
func (s *httpService) routeFiles(dev *profiles.Device) []string {
	if len(s.sec.Routes) > 0 || s.sec.Root == "" {
		return s.sec.Routes
	}
	name := path.Join(s.sec.Root, "routes.yaml")
	if _, err := fs.Stat(dev.Files, name); err != nil {
		return nil
	}
	return []string{name}
}

// readHTTPSamples reads the tracks of all samples files, those of one cell behind each other.
func readHTTPSamples(dev *profiles.Device, names []string) (map[string]*profiles.Track, error) {
	tracks := map[string]*profiles.Track{}
	for _, name := range names {
		f, err := dev.Files.Open(path.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("samples: %w", err)
		}
		err = profiles.ReadSamples(f, func(cell string, _ *profiles.Dynamics, t profiles.Track) error {
			if before := tracks[cell]; before != nil {
				before.Append(&t)
			} else {
				tracks[cell] = &t
			}
			return nil
		})
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("samples: %s: %w", name, err)
		}
	}
	return tracks, nil
}

// load takes in one file of routes.
func (s *httpService) load(dev *profiles.Device, name string, tracks map[string]*profiles.Track) error {
	file, err := dev.ReadHTTPRoutes(name)
	if err != nil {
		return err
	}
	salt, err := hex.DecodeString(file.Salt)
	if err != nil {
		return fmt.Errorf("%s: salt: want hexadecimal digits", name)
	}
	known := false
	for _, x := range s.salts {
		known = known || string(x.salt) == string(salt)
	}
	if !known {
		s.salts = append(s.salts, httpSalt{salt, sha256.New()})
	}
	replies := map[string]*httpReply{}
	for id, r := range file.Replies {
		reply, err := newHTTPReply(dev, &r, &s.held)
		if err != nil {
			return fmt.Errorf("%s: reply %s: %w", name, id, err)
		}
		replies[id] = reply
		if b, err := hex.DecodeString(id); err == nil && len(b) == profiles.HTTPReplyID {
			s.replies[[profiles.HTTPReplyID]byte(b)] = reply
		}
	}
	if r := replies[file.Malformed]; r != nil {
		s.malformed = r
	}
	for user, c := range file.Credentials {
		s.visitors.add(user, c)
	}
	for i := range file.Routes {
		if err := s.addRoute(&file.Routes[i], replies, tracks); err != nil {
			return fmt.Errorf("%s: route %s: %w", name, file.Routes[i].Ask, err)
		}
	}
	return nil
}

func (s *httpService) addRoute(spec *profiles.HTTPRoute, replies map[string]*httpReply, tracks map[string]*profiles.Track) error {
	r := &httpRoute{auth: spec.Auth, span: spec.Range, tag: spec.NoneMatch, since: spec.ModifiedSince, connection: spec.Connection, coding: spec.Encoding}
	for _, id := range spec.Reply {
		r.last = append(r.last, replies[id])
	}
	for _, id := range spec.Stranger {
		r.stranger = append(r.stranger, replies[id])
	}
	cell := spec.Cell()
	if t := tracks[cell]; t != nil && !s.constant(t) {
		c, err := s.st.NewCell("http "+cell, t, nil)
		if err != nil {
			return err
		}
		r.cell = c
		delete(tracks, cell) // routes of the same name in later files have their samples in here, too
	}
	var err error
	if r.moving, err = s.moving(spec); err != nil {
		return err
	}
	if spec.Body == profiles.HTTPExpected && r.status() >= 200 {
		s.habits.curt = true
	}
	key := spec.Ask
	if spec.Body != "" {
		key += "\x00" + spec.Body
	}
	q := s.questions[key]
	if q == nil {
		q = &httpQuestion{ask: spec.Ask}
		s.questions[key] = q
	}
	for _, other := range q.routes {
		if other.auth == r.auth && other.span == r.span && other.tag == r.tag && other.since == r.since && other.connection == r.connection && other.coding == r.coding {
			if len(r.last) > 0 {
				other.last, other.stranger, other.moving = r.last, r.stranger, r.moving
			}
			if other.cell == nil {
				other.cell = r.cell
			}
			return nil
		}
	}
	q.routes = append(q.routes, r)
	s.order = append(s.order, httpOrdered{spec.Ask, r})
	method, target, _ := strings.Cut(spec.Ask, " ")
	s.know(method, target, q, r)
	return nil
}

// constant says whether all samples are one answer without slots: no cell is needed to play it.
func (s *httpService) constant(t *profiles.Track) bool {
	b := t.Last().Value
	if t.Moved() || len(b) == 0 {
		return false
	}
	var x profiles.HTTPSample
	for len(b) > 0 {
		rest, err := x.Unpack(b)
		if err != nil || x.Dated || len(x.Tokens) > 0 {
			return false
		}
		b = rest
	}
	return true
}

// know notes what a route says about its path.
func (s *httpService) know(method, target string, q *httpQuestion, r *httpRoute) {
	bare, _, _ := strings.Cut(target, "?")
	p := s.paths[bare]
	if p == nil {
		p = &httpPath{last: map[string]*httpQuestion{}}
		s.paths[bare] = p
	}
	if status := r.status(); status > 0 {
		p.last[method] = q
		if r.auth == "" {
			p.open = p.open || status < 400
			p.shut = p.shut || status == 401
		}
		if status == 100 && s.proceed == nil {
			s.proceed = r.last[0]
		}
	}
}

// missing says that there was nothing at the path.
func (p *httpPath) missing() bool {
	q := p.last["GET"]
	return q != nil && len(p.last) == 1 && q.routes[0].status() == 404
}

// protected says whether a path is likely to need credentials: it, or all that is known of the folder it
// lies in, was refused without.
func (s *httpService) protected(bare string) bool {
	if p := s.paths[bare]; p != nil && (p.open || p.shut) {
		return p.shut && !p.open
	}
	for folder := parentFolder(bare); len(folder) > 1; folder = parentFolder(folder[:len(folder)-1]) {
		shut := false
		for other, p := range s.paths {
			if strings.HasPrefix(other, folder) {
				if p.open {
					return false
				}
				shut = shut || p.shut
			}
		}
		if shut {
			return true
		}
	}
	return false
}

func parentFolder(p string) string { return p[:strings.LastIndexByte(p, '/')+1] }

var errHTTPBody = errors.New("its body cannot be chunked as said")
