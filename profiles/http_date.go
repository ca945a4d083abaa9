package profiles

import (
	"strings"
	"time"
)

// httpDateForms are the forms in which servers are known to tell the time, as Go writes them: first the
// one that RFC 9110, section 5.6.7, wants. In capitals, a form is told in capitals.
var httpDateForms = [...]string{
	"Mon, 02 Jan 2006 15:04:05 GMT",
	"Monday, 02-Jan-06 15:04:05 GMT",
	"Mon Jan _2 15:04:05 2006",
	"Mon, 2 Jan 2006 15:04:05 GMT",
	"Mon, _2 Jan 2006 15:04:05 GMT",
	"Mon, 02-Jan-2006 15:04:05 GMT",
	"Mon, 02-Jan-06 15:04:05 GMT",
	"Mon, 02 Jan 2006 15:04:05 UTC",
	"Mon, 02 Jan 2006 15:04:05 +0000",
	"Mon, 02 Jan 2006 15:04:05",
	"Mon Jan 02 15:04:05 2006",
	"Mon Jan 2 15:04:05 2006",
	"Mon Jan 02 15:04:05 2006 GMT",
	"Mon Jan 02 15:04:05 GMT 2006",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05Z",
}

// ParseHTTPDate reads a date in a header, and says in which form it is: FormatHTTPDate makes the same
// text of it again.
func ParseHTTPDate(s string) (t time.Time, form string, ok bool) {
	for _, f := range httpDateForms {
		t, err := time.Parse(f, s)
		if err != nil {
			continue
		}
		switch text := t.Format(f); s {
		case text:
			return t, f, true
		case strings.ToUpper(text):
			return t, strings.ToUpper(f), true
		}
	}
	return time.Time{}, "", false
}

// FormatHTTPDate writes a date in a form that ParseHTTPDate gave; "" is that of RFC 9110. ok is false for
// any other.
func FormatHTTPDate(t time.Time, form string) (s string, ok bool) {
	if form == "" {
		form = httpDateForms[0]
	}
	for _, f := range httpDateForms {
		switch form {
		case f:
			return t.UTC().Format(f), true
		case strings.ToUpper(f):
			return strings.ToUpper(t.UTC().Format(f)), true
		}
	}
	return "", false
}

// HTTPDateForm is the form as slots write it: nothing for that of RFC 9110.
func HTTPDateForm(form string) string {
	if form == httpDateForms[0] {
		return ""
	}
	return ":" + form
}
