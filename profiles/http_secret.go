package profiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// HideQuery replaces the values of those parameters in a target's query whose names speak of secrets
// (passwords, tokens, sessions) by digests over salt and value, so that a profile can name the question
// without giving them away. hidden is false where there are none.
func HideQuery(target string, salt []byte) (without string, hidden bool) {
	bare, query, ok := strings.Cut(target, "?")
	if !ok {
		return target, false
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		if value == "" || !namesSecret(name) {
			continue
		}
		sum := sha256.Sum256(append(append([]byte(nil), salt...), value...))
		parts[i] = name + "=~" + hex.EncodeToString(sum[:8])
		hidden = true
	}
	if !hidden {
		return target, false
	}
	return bare + "?" + strings.Join(parts, "&"), true
}

// CalledSecret says whether the text from from to to in a page is called by a name of secrets: in the tag, or the
// line of JSON or of a script, that it stands in.
func CalledSecret(page []byte, from, to int) bool {
	begin := bytes.LastIndexAny(page[max(0, from-secretNear):from], "<>{},;\n&?")
	begin = max(0, from-secretNear) + begin + 1
	after := page[to:min(len(page), to+secretNear)]
	if end := bytes.IndexAny(after, "<>{},;\n&?"); end >= 0 {
		after = after[:end]
	}
	for _, near := range [...][]byte{page[begin:from], after} {
		for word := range bytes.FieldsFuncSeq(near, func(r rune) bool { return r < 0x80 && !isWord(byte(r)) && r != '-' }) {
			if w := string(word); namesSecret(w) || strings.Contains(strings.ToLower(w), "nonce") || strings.Contains(strings.ToLower(w), "csrf") || strings.Contains(strings.ToLower(w), "xsrf") {
				return true
			}
		}
	}
	return false
}

// secretNear is how far the name of a secret may be from it.
const secretNear = 120

func namesSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range [...]string{"pass", "pwd", "token", "secret", "apikey", "api_key", "session"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "sid" || name == "auth" || name == "pin"
}

// HTTPKey is what verifiers of a key are made of, that came in a header of its own or as a cookie.
func HTTPKey(scheme, value string) string { return scheme + ": " + value }

// Redact hides credentials that files of routes have in the clear.
func (h *HTTP) Redact(r *Redacting) {
	for _, name := range h.Routes {
		routes, err := r.from.ReadHTTPRoutes(name)
		if err != nil {
			continue // it says so when it is loaded to be served
		}
		for _, c := range routes.Credentials {
			for _, verify := range c.Verify {
				if hidden := r.Secret("HTTP credentials", verify); hidden != verify {
					r.replaces = append(r.replaces, replacement{[]byte(verify), []byte(hidden)})
				}
			}
		}
	}
}
