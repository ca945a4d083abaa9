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

// A Span is a part of a page.
type Span struct{ From, To int }

// FindJSONSecrets lists the texts in JSON, or in a script, that members named as secrets hold: passwords, tokens and
// keys, without their quotes.
func FindJSONSecrets(page []byte) (all []Span) {
	for i := 0; i < len(page); {
		quote := bytes.IndexByte(page[i:], '"')
		if quote < 0 {
			return all
		}
		name := jsonTextAt(page, i+quote)
		if i = name.To + 1; !isJSONSecret(page[name.From:name.To]) {
			continue
		}
		rest := bytes.TrimLeft(page[min(i, len(page)):], " \t\r\n")
		rest, colon := bytes.CutPrefix(rest, []byte(":"))
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if !colon || len(rest) == 0 || rest[0] != '"' {
			continue
		}
		value := jsonTextAt(page, len(page)-len(rest))
		if i = value.To + 1; value.To > value.From {
			all = append(all, value)
		}
	}
	return all
}

// jsonTextAt is what lies between the quote at i and the one that ends it, or the end of the page.
func jsonTextAt(page []byte, i int) Span {
	to := i + 1
	for to < len(page) && page[to] != '"' {
		if page[to] == '\\' {
			to++
		}
		to++
	}
	return Span{i + 1, min(to, len(page))}
}

// isJSONSecret says whether a member of this name holds a secret, and not something about one.
func isJSONSecret(name []byte) bool {
	n := strings.ToLower(string(name[:min(len(name), 64)]))
	n = strings.NewReplacer("_", "", "-", "").Replace(n)
	for _, end := range [...]string{"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "privatekey", "sessionkey"} {
		if strings.HasSuffix(n, end) {
			return true
		}
	}
	return n == "pass" || n == "pin"
}

// LikeJSONText is a text in JSON like another: letters and digits are others, escapes stay.
func LikeJSONText(text []byte, like func([]byte) []byte) []byte {
	plain := bytes.ReplaceAll(text, []byte(":"), []byte("-")) // what precedes a colon would stay
	other := like(plain)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ':':
			other[i] = ':'
		case '\\':
			n := 2
			if i+1 < len(text) && text[i+1] == 'u' {
				n = 6
			}
			n = min(n, len(text)-i)
			copy(other[i:i+n], text[i:])
			i += n - 1
		}
	}
	return other
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
