package clone

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"strings"

	"ringer/capture/http"
)

// A bodyStore keeps bodies by content until the profile is written: small sums in memory, more in one
// temporary file.
type bodyStore struct {
	held  map[string]heldBody
	seen  map[uint64]string // by a quick hash: pages come again and again
	seed  maphash.Seed
	order []string
	bytes int
	spill *os.File
	size  int64
}

// A heldBody is in memory, or in the temporary file.
type heldBody struct {
	data   []byte
	offset int64
	length int64
}

const bodiesInMemory = 4 << 20

func newBodyStore() *bodyStore {
	return &bodyStore{held: map[string]heldBody{}, seen: map[uint64]string{}, seed: maphash.MakeSeed()}
}

// put keeps a body and says which file it will be.
func (s *bodyStore) put(body []byte, extension string) (string, error) {
	quick := maphash.Bytes(s.seed, body)
	if name := s.seen[quick]; len(name) == len("http/")+16+len(extension) && strings.HasSuffix(name, extension) {
		if h := s.held[name]; h.data != nil && bytes.Equal(h.data, body) {
			return name, nil
		}
	}
	sum := sha256.Sum256(body)
	name := "http/" + hex.EncodeToString(sum[:8]) + extension
	if _, ok := s.held[name]; ok {
		return name, nil
	}
	h := heldBody{length: int64(len(body))}
	if s.bytes+len(body) <= bodiesInMemory {
		h.data = slices.Clone(body)
		s.bytes += len(body)
	} else {
		if s.spill == nil {
			f, err := os.CreateTemp("", "ringer-bodies-*")
			if err != nil {
				return "", err
			}
			os.Remove(f.Name()) // it stays readable until it is closed
			s.spill = f
		}
		if _, err := s.spill.WriteAt(body, s.size); err != nil {
			return "", err
		}
		h.offset = s.size
		s.size += h.length
	}
	s.held[name] = h
	if h.data != nil {
		s.seen[quick] = name
	}
	s.order = append(s.order, name)
	return name, nil
}

// get gives a body again; nil if it cannot be read.
func (s *bodyStore) get(name string) []byte {
	h, ok := s.held[name]
	if !ok || h.data != nil {
		return h.data
	}
	b := make([]byte, h.length)
	if _, err := s.spill.ReadAt(b, h.offset); err != nil {
		return nil
	}
	return b
}

func (s *bodyStore) write(out *Output) error {
	for _, name := range s.order {
		w, err := out.Create(name)
		if err != nil {
			return err
		}
		h := s.held[name]
		if h.data != nil {
			_, err = w.Write(h.data)
		} else {
			_, err = io.Copy(w, io.NewSectionReader(s.spill, h.offset, h.length))
		}
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (s *bodyStore) close() {
	if s.spill != nil {
		s.spill.Close()
	}
}

// hostTextMax bounds the pages in which the server's own name is looked for.
const hostTextMax = 256 << 10

// hostIn says whether a page names the server as the client called it: links that are to follow the
// decoy.
func hostIn(body []byte, h http.Headers, host string) string {
	kind := strings.ToLower(h.Get("Content-Type"))
	text := strings.HasPrefix(kind, "text/") || strings.Contains(kind, "xml") || strings.Contains(kind, "json")
	if _, coded := h.Find("Content-Encoding"); !text || coded || len(host) < 4 || len(body) > hostTextMax || !bytes.Contains(body, []byte("//"+host)) {
		return ""
	}
	return host
}

// httpExtensions are the file name extensions of the usual content types.
var httpExtensions = map[string]string{
	"text/html": ".html", "text/css": ".css", "text/plain": ".txt", "text/xml": ".xml", "application/xml": ".xml",
	"application/javascript": ".js", "text/javascript": ".js", "application/x-javascript": ".js",
	"application/json": ".json", "image/png": ".png", "image/gif": ".gif", "image/jpeg": ".jpg", "image/webp": ".webp",
	"image/svg+xml": ".svg", "image/x-icon": ".ico", "image/vnd.microsoft.icon": ".ico", "application/pdf": ".pdf",
	"application/zip": ".zip", "application/ipp": ".ipp", "application/soap+xml": ".xml", "application/java-archive": ".jar",
}

// httpExtension names a body after its type and its encoding.
func httpExtension(h http.Headers) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	ext := httpExtensions[strings.ToLower(strings.TrimSpace(kind))]
	if ext == "" {
		ext = ".bin"
	}
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "":
	case "gzip", "x-gzip":
		ext += ".gz"
	case "deflate":
		ext += ".deflate"
	default:
		ext += ".encoded"
	}
	return ext
}
