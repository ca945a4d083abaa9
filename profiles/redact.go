package profiles

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// What Redact can take out.
const (
	RedactIdentity  = "identity"  // serial number, hardware address, name and place
	RedactAddresses = "addresses" // IPv4 addresses in texts
	RedactSecrets   = "secrets"   // passwords and communities
)

// redactAll is everything that can be taken out.
var redactAll = []string{RedactIdentity, RedactAddresses, RedactSecrets}

// Redact gives a copy of a profile without what its owner may not want to show. Names, numbers and addresses
// become others of the same form and length, everywhere in the profile and its bulk, and the same salt gives
// the same ones; secrets become verifiers, so that the decoy goes on answering to them. left names what may
// still hold something that was to go: compressed pages and addresses in binary form are not looked into.
func Redact(d *Device, salt []byte, what ...string) (redacted *Device, left []string, err error) {
	if len(what) == 0 {
		what = redactAll
	}
	for _, w := range what {
		if !slices.Contains(redactAll, w) {
			return nil, nil, fmt.Errorf("%q cannot be taken out: want %s", w, strings.Join(redactAll, ", "))
		}
	}
	if redacted, err = d.clone(); err != nil {
		return nil, nil, err
	}
	r := &Redacting{salt: salt, from: d}
	if slices.Contains(what, RedactSecrets) {
		for i := range redacted.Services {
			if s, ok := redacted.Services[i].Section.(Redacter); ok {
				s.Redact(r)
			}
		}
		for i := range redacted.Accounts {
			if redacted.Accounts[i].redact(r) {
				redacted.redaction("SNMPv3 passwords", "left out")
			}
		}
		for _, w := range r.what {
			redacted.redaction(w, "verifier")
		}
	}
	if slices.Contains(what, RedactIdentity) {
		r.identity(&redacted.Identity)
		redacted.redaction("identity", "format-preserving")
	}
	if slices.Contains(what, RedactAddresses) {
		r.addresses = true
		redacted.redaction("addresses", "format-preserving")
	}
	if err := r.texts(redacted); err != nil {
		return nil, nil, err
	}
	if d.Files != nil {
		redacted.Files = rewritten{d.Files, r}
		left, err = r.search(redacted.Files)
	}
	return redacted, left, err
}

func (d *Device) redaction(what, how string) {
	if x := (Redaction{what, how}); !slices.Contains(d.Redactions, x) {
		d.Redactions = append(d.Redactions, x)
	}
}

// A Redacter is a section with secrets of its own.
type Redacter interface{ Redact(r *Redacting) }

// A Redacting takes out what is found in one profile.
type Redacting struct {
	from      *Device
	salt      []byte
	replaces  []replacement
	secrets   [][]byte
	what      []string
	addresses bool
}

// replacement is of one length.
type replacement struct{ from, to []byte }

// Secret gives the verifier of a secret in the clear; verifiers and nothing stay as they are.
func (r *Redacting) Secret(what, secret string) string {
	if secret == "" || IsVerifier(secret) {
		return secret
	}
	r.what = append(r.what, what)
	r.secrets = append(r.secrets, []byte(secret))
	return NewVerifier([]byte(secret), r.salt)
}

func (s *S7) Redact(r *Redacting) { s.Password = r.Secret("S7 password", s.Password) }

func (s *SNMP) Redact(r *Redacting) {
	for name, c := range s.Communities {
		if name == SNMPAnyone {
			continue
		}
		if v := r.Secret("SNMP communities", name); v != name {
			delete(s.Communities, name)
			s.Communities[v] = c
		}
	}
}

// leastText is how long a text must be to be replaced wherever it stands: shorter ones stand there by chance.
const leastText = 5

func (r *Redacting) identity(id *Identity) {
	for _, f := range []*string{&id.Serial, &id.Name, &id.Location} {
		*f = r.replace(*f)
	}
	mac := strings.NewReplacer(":", "", "-", "", ".", "").Replace(id.MAC)
	old, err := hex.DecodeString(mac)
	if err != nil || len(old) != 6 {
		id.MAC = r.replace(id.MAC)
		return
	}
	// The maker's half stays; the other is the same wherever and however it is written.
	now := slices.Concat(old[:3], r.hash("mac", old)[:3])
	r.replaces = append(r.replaces, replacement{old, now})
	for _, sep := range []string{":", "-", ""} {
		for _, form := range []string{"%02x", "%02X"} {
			r.replaces = append(r.replaces, replacement{joinHex(old, form, sep), joinHex(now, form, sep)})
		}
	}
	for i := range r.replaces {
		if string(r.replaces[i].from) == id.MAC {
			id.MAC = string(r.replaces[i].to)
			break
		}
	}
}

func joinHex(b []byte, form, sep string) []byte {
	parts := make([]string, len(b))
	for i, x := range b {
		parts[i] = fmt.Sprintf(form, x)
	}
	return []byte(strings.Join(parts, sep))
}

func (r *Redacting) hash(kind string, b []byte) []byte {
	h := hmac.New(sha256.New, r.salt)
	h.Write([]byte(kind + "\x00"))
	h.Write(b)
	return h.Sum(nil)
}

// replace gives a text of the same form, and replaces it elsewhere if it is long enough.
func (r *Redacting) replace(s string) string {
	to := r.disguise(s)
	if len(s) >= leastText {
		r.replaces = append(r.replaces, replacement{[]byte(s), to})
	}
	return string(to)
}

// disguise puts other digits for digits and other letters for letters.
func (r *Redacting) disguise(s string) []byte {
	to := []byte(s)
	var sum []byte
	for i, c := range to {
		if i%sha256.Size == 0 {
			sum = r.hash(fmt.Sprintf("text %d", i), []byte(s))
		}
		x := sum[i%sha256.Size]
		switch {
		case '0' <= c && c <= '9':
			to[i] = '0' + x%10
		case 'a' <= c && c <= 'z':
			to[i] = 'a' + x%26
		case 'A' <= c && c <= 'Z':
			to[i] = 'A' + x%26
		}
	}
	return to
}

// texts redacts the device file itself, and names of bulk files stay what they are.
func (r *Redacting) texts(d *Device) error {
	n, err := encode(reflect.ValueOf(d))
	if err != nil {
		return err
	}
	r.node(n, d.Files)
	dec := newDecoder(d.ID)
	fresh := &Device{}
	dec.decode(n, reflect.ValueOf(fresh).Elem(), "")
	if len(dec.errs) > 0 {
		return dec.errs
	}
	*d = *fresh
	return nil
}

func (r *Redacting) node(n *yaml.Node, files fs.FS) {
	for i, c := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			r.node(c, files)
		}
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "" && n.Tag != "!!str" {
		return
	}
	if _, err := time.Parse(time.RFC3339Nano, n.Value); err == nil {
		return
	}
	if files != nil {
		if _, err := fs.Stat(files, path.Clean(n.Value)); err == nil {
			return
		}
	}
	n.Value = string(r.rewrite([]byte(n.Value)))
}
