package profiles

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
)

// rewrite replaces in place of bulk: texts as they are, and in hexadecimal, as samples have them.
func (r *Redacting) rewrite(b []byte) []byte {
	for _, x := range r.replaces {
		b = bytes.ReplaceAll(b, x.from, x.to)
		b = bytes.ReplaceAll(b, []byte(hex.EncodeToString(x.from)), []byte(hex.EncodeToString(x.to)))
	}
	if r.addresses {
		b = r.rewriteAddresses(b)
	}
	return b
}

// quads finds what may be an IPv4 address, and what it is part of: object identifiers and versions are longer.
var quads = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

func (r *Redacting) rewriteAddresses(b []byte) []byte {
	return quads.ReplaceAllFunc(b, func(s []byte) []byte {
		ip, err := netip.ParseAddr(string(s))
		if err != nil || !ip.Is4() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() || s[0] == '2' && bytes.HasPrefix(s, []byte("255.")) {
			return s
		}
		return r.address(ip)
	})
}

// address gives another address with as many digits in every part. Addresses that share their first parts
// still share them, and private ones stay private.
func (r *Redacting) address(ip netip.Addr) []byte {
	old := ip.As4()
	keep := 1
	if ip.IsPrivate() && old[0] != 10 {
		keep = 2
	}
	var out []byte
	for i, x := range old {
		if i > 0 {
			out = append(out, '.')
		}
		if i >= keep {
			h := int(r.hash("address", old[:i+1])[0])
			switch {
			case x < 10:
				x = byte(h % 10)
			case x < 100:
				x = byte(10 + h%90)
			default:
				x = byte(100 + h%155)
			}
		}
		out = fmt.Appendf(out, "%d", x)
	}
	return out
}

// search finds bulk files that still hold a secret.
func (r *Redacting) search(files fs.FS) (left []string, err error) {
	if len(r.secrets) == 0 {
		return nil, nil
	}
	return left, walkFiles(files, func(name string) error {
		b, err := readFile(files, name, bulkMax)
		if err != nil {
			return err
		}
		for _, s := range r.secrets {
			if len(s) >= leastText && bytes.Contains(b, s) {
				left = append(left, name+" holds a secret: learn it anew without --keep-secrets")
				break
			}
		}
		return nil
	})
}

// rewritten is bulk with everything replaced as it is read.
type rewritten struct {
	files fs.FS
	r     *Redacting
}

func (w rewritten) Open(name string) (fs.File, error) {
	f, err := w.files.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	b, err := readFile(w.files, name, bulkMax)
	if err != nil {
		return nil, err
	}
	return &memoryFile{bytes.NewReader(w.r.rewrite(b)), info}, nil
}

func (w rewritten) walk(each func(name string) error) error { return walkFiles(w.files, each) }

type memoryFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memoryFile) Close() error               { return nil }
