package clone

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
)

// What a GET may do to a device is not for its links to say, but for their names to warn of. A word of an
// action anywhere in a path or a query, or in the words of a link, and it is not asked for.

// actionWords are what a path, a name in a query or a link may be made of that does something.
var actionWords = []string{
	"logout", "logoff", "signout", "signoff", "reboot", "restart", "reset", "delete", "del", "remove", "clear", "erase", "purge", "wipe",
	"upgrade", "update", "format", "shutdown", "poweroff", "poweron", "halt", "start", "stop", "save", "apply", "write", "commit",
	"restore", "factory", "install", "uninstall", "enable", "disable", "submit", "execute", "exec", "kill", "abort", "acknowledge", "ack",
	"toggle", "trigger", "unlock", "calibrate", "command", "cmd", "action", "abmelden", "neustart", "loeschen", "speichern",
}

// actionPairs are such words when they follow each other.
var actionPairs = [][2]string{{"log", "out"}, {"log", "off"}, {"sign", "out"}, {"sign", "off"}, {"power", "off"}, {"power", "on"}, {"shut", "down"}, {"switch", "off"}, {"switch", "on"}, {"turn", "on"}, {"turn", "off"}}

// harmlessValues are what format= and the like say where they only choose how an answer is written.
var harmlessValues = []string{"json", "xml", "csv", "html", "text", "txt", "yaml", "plain", "raw", "svg", "png"}

// stillFiles are files that are only handed out, whatever they are called: reset.css resets nothing.
var stillFiles = []string{".css", ".js", ".mjs", ".map", ".png", ".gif", ".jpg", ".jpeg", ".svg", ".ico", ".webp", ".bmp", ".woff", ".woff2", ".ttf", ".eot", ".otf"}

// actionIn gives the word of an action in a target or in what links to it say; "" if there is none.
func actionIn(target string, texts ...string) string {
	bare, query, _ := strings.Cut(target, "?")
	bare = unescaped(bare)
	segments := strings.FieldsFunc(bare, func(r rune) bool { return r == '/' || r == ';' })
	for i, s := range segments {
		if i == len(segments)-1 {
			if slices.Contains(stillFiles, strings.ToLower(path.Ext(s))) {
				break
			}
		}
		if w := actionWord(s, query == ""); w != "" {
			return w
		}
	}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescaped(name), unescaped(value)
		low := strings.ToLower(value)
		if w := actionWord(name, false); w != "" && !harmlessQuery(w, low) {
			return w
		}
		if w := actionWord(value, false); w != "" {
			return w
		}
	}
	for _, t := range texts {
		if len(t) > textMax {
			continue // a whole paragraph is no name of an action
		}
		if namesPage(t) {
			continue
		}
		if w := actionWord(t, true); w != "" && len(wordsOf(t)) <= 4 {
			return w
		}
	}
	return ""
}

// pageWords say that a link leads somewhere: "Start page" starts nothing.
var pageWords = []string{"page", "pages", "home", "screen", "site", "menu", "seite", "startseite", "overview"}

func namesPage(text string) bool {
	return slices.ContainsFunc(wordsOf(text), func(w string) bool { return slices.Contains(pageWords, w) })
}

// textMax bounds what is taken for the name of a link.
const textMax = 64

func unescaped(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// harmlessQuery: ?format=json and ?start=20 choose what is shown.
func harmlessQuery(word, value string) bool {
	switch word {
	case "format":
		return slices.Contains(harmlessValues, value)
	case "start":
		return value != "" && strings.Trim(value, "0123456789") == ""
	}
	return false
}

// actionWord finds a word of an action. page: it may be the name of a page that shows settings.
func actionWord(s string, page bool) string {
	words := wordsOf(s)
	for i, w := range words {
		if slices.Contains(actionWords, w) {
			return w
		}
		for _, p := range actionPairs {
			if w == p[0] && i+1 < len(words) && words[i+1] == p[1] {
				return p[0] + " " + p[1]
			}
		}
		if strings.HasPrefix(w, "set") && !(page && (w == "settings" || w == "setting" || w == "setup")) {
			return w
		}
		for _, long := range actionWords { // glued together: doreboot, sysrestart, rebootnow
			if len(long) >= 5 && len(w) > len(long) && (strings.HasSuffix(w, long) || strings.HasPrefix(w, long)) && !inflected(w, long) {
				return long
			}
		}
	}
	return ""
}

// inflected says whether a word only looks as if it held the other: "started", "formats", "updates" tell of
// something.
func inflected(w, of string) bool {
	switch strings.TrimPrefix(w, of) {
	case "s", "d", "ed", "er", "ers", "ing", "ion", "ions", "information", "info", "line", "card", "cards", "text", "ted", "ting", "page", "screen", "bar", "menu":
		return true
	}
	return false
}

// wordsOf splits a name into its words, in lower case: setValue, set-value and set_value alike.
func wordsOf(s string) []string {
	var words []string
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			words = append(words, strings.ToLower(b.String()))
			b.Reset()
		}
	}
	var before rune
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		case unicode.IsUpper(r) && unicode.IsLower(before), unicode.IsDigit(r) != unicode.IsDigit(before) && unicode.IsDigit(r):
			end()
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		before = r
	}
	end()
	return words
}
