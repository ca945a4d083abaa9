package clone

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"ringer/capture/http"
	"ringer/profiles"
)

// stand-in gives another token of the same shape, always the same for the same one.
func (l *httpLearner) standIn(token []byte) []byte {
	sum := sha256.Sum256(append(slices.Clone(l.salt), token...))
	r := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
	return profiles.LikeToken(token, r)
}

// scrub replaces session tokens in a head.
func (l *httpLearner) scrub(t *httpTemplate) {
	for _, i := range t.handles {
		t.sample.Tokens[i] = l.standIn(t.sample.Tokens[i])
		l.secrets = true
	}
}

// scrubBody replaces the tokens in a page that are a visitor's: those that are session cookies, too, and those
// that the page calls by a name of secrets. What JSON holds under such a name is replaced whatever it looks like.
func (l *httpLearner) scrubBody(page []byte, r *http.Response) []byte {
	if !readsAsText(r) {
		return page
	}
	own, marked := false, map[int]bool{}
	for _, m := range profiles.FindHTTPMarks(page) {
		token := page[m.From:m.To]
		if m.Form != "" || !l.sessions[sha256.Sum256(token)] && !profiles.CalledSecret(page, m.From, m.To) {
			continue
		}
		if !own {
			page, own = bytes.Clone(page), true
		}
		marked[m.From] = true
		copy(page[m.From:m.To], l.standIn(token))
		l.pageSecrets = true
	}
	return l.scrubJSON(page, own, marked)
}

// scrubJSON replaces what members of JSON hold that are called secrets, and were not replaced already.
func (l *httpLearner) scrubJSON(page []byte, own bool, marked map[int]bool) []byte {
	for _, s := range profiles.FindJSONSecrets(page) {
		if marked[s.From] {
			continue
		}
		if !own {
			page, own = bytes.Clone(page), true
		}
		copy(page[s.From:s.To], profiles.LikeJSONText(page[s.From:s.To], l.standIn))
		l.pageSecrets = true
	}
	return page
}
