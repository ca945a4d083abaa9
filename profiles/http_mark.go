package profiles

import (
	"bytes"
	"time"
)

// An HTTPMark is a text in a page that may be another the next time: a time of day or a date, or a token.
type HTTPMark struct {
	From, To int
	Form     string    // of a time, as Go writes it; "": it is a token
	Time     time.Time // that it tells, as if it were UTC
}

// HTTPClock is a time in a page that goes on: how it is written, and how far it is ahead of the right time.
type HTTPClock struct {
	Form  string        `yaml:"form"`
	Ahead time.Duration `yaml:"ahead,omitempty"`
}

// httpClockForms are the forms of times in pages, the longest first; what follows (fractions, zones) is text.
var httpClockForms = [...]string{
	"2006-01-02T15:04:05.000000", "2006-01-02 15:04:05.000000",
	"Mon, 02 Jan 2006 15:04:05",
	"Mon Jan _2 15:04:05 2006", "Mon Jan 02 15:04:05 2006",
	"2006-01-02T15:04:05.000", "2006-01-02 15:04:05.000",
	"Jan 02, 2006 15:04:05", "Jan 02 2006 15:04:05", "02 Jan 2006 15:04:05", "02-Jan-2006 15:04:05", "02/Jan/2006:15:04:05",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006/01/02 15:04:05", "2006/01/02-15:04:05", "2006-01-02_15:04:05",
	"02.01.2006 15:04:05", "02/01/2006 15:04:05", "01/02/2006 15:04:05", "02-01-2006 15:04:05", "01-02-2006 15:04:05",
	"02.01.06 15:04:05",
	"2006-01-02T15:04", "2006-01-02 15:04", "2006/01/02 15:04", "02.01.2006 15:04",
	"Jan _2 15:04:05", "Jan 02 15:04:05", "15:04:05.000",
	"03:04:05 PM", "Mon, 02 Jan 2006", "02 Jan 2006", "02-Jan-2006",
	"2006-01-02", "2006/01/02", "02.01.2006", "02/01/2006", "01/02/2006",
	"15:04:05", "03:04 PM", "15:04",
}

// Bounds of what is looked for in a page.
const (
	marksMax     = 1024
	tokenLeast   = 16
	tokenMost    = 255
	weekAndMonth = "SMTWFJADON" // that names of days and months begin with
)

// FindHTTPMarks lists the times and tokens in a page, in order; nil where there are too many.
func FindHTTPMarks(page []byte) (all []HTTPMark) {
	if len(page) > numberPageMax {
		return nil
	}
	for i := 0; i < len(page); i++ {
		c := page[i]
		if !isWord(c) || i > 0 && isWord(page[i-1]) {
			continue
		}
		m, ok := timeAt(page, i)
		if !ok {
			m, ok = tokenAt(page, i)
		}
		if !ok {
			continue
		}
		if len(all) == marksMax {
			return nil
		}
		all = append(all, m)
		i = m.To - 1
	}
	return all
}

func timeAt(page []byte, from int) (HTTPMark, bool) {
	if c := page[from]; !isDigit(c) && bytes.IndexByte([]byte(weekAndMonth), c) < 0 {
		return HTTPMark{}, false
	}
	if from > 0 && (page[from-1] == ':' || page[from-1] == '.' || page[from-1] == '-' || page[from-1] == '+') && from > 1 && isDigit(page[from-2]) {
		return HTTPMark{}, false
	}
	for _, form := range httpClockForms {
		to := from + len(form)
		if to > len(page) || !shaped(page[from:to], form) {
			continue
		}
		if to < len(page) {
			if c := page[to]; isWord(c) && c != 'Z' && c != 'T' || c == ':' && to+1 < len(page) && isDigit(page[to+1]) {
				continue
			}
		}
		text := string(page[from:to])
		if t, err := time.Parse(form, text); err == nil && t.Format(form) == text {
			return HTTPMark{from, to, form, t}, true
		}
	}
	return HTTPMark{}, false
}

// shaped says whether a text has digits and signs where a form has them.
func shaped(text []byte, form string) bool {
	for i, c := range text {
		f := form[i]
		switch {
		case isDigit(f) || f == '_':
			if !isDigit(c) && !(f == '_' && c == ' ') {
				return false
			}
		case f >= 'A' && f <= 'Z' || f >= 'a' && f <= 'z':
			if c|0x20 < 'a' || c|0x20 > 'z' {
				return false
			}
		case f != c:
			return false
		}
	}
	return true
}

func tokenAt(page []byte, from int) (HTTPMark, bool) {
	to := from
	for to < len(page) && (isWord(page[to]) && page[to] < 0x80 || bytes.IndexByte([]byte("+/=-"), page[to]) >= 0) {
		to++
	}
	quoted := from > 0 && to < len(page) && (page[from-1] == '"' || page[from-1] == '\'') && page[to] == page[from-1]
	if !quoted { // a path, or a word with a sign behind it
		if i := bytes.IndexAny(page[from:to], "/=+"); i >= 0 {
			to = from + i
		}
	}
	if text := page[from:to]; len(text) < tokenLeast || len(text) > tokenMost || !looksRandom(text) {
		return HTTPMark{}, false
	}
	return HTTPMark{From: from, To: to}, true
}

// looksRandom tells tokens from names and paths: digits and letters take turns in them, again and again.
func looksRandom(b []byte) bool {
	turns, digits, letters := 0, 0, 0
	for i, c := range b {
		d := isDigit(c)
		switch {
		case d:
			digits++
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
		}
		if i > 0 && d != isDigit(b[i-1]) {
			turns++
		}
	}
	return digits >= 2 && letters >= 2 && turns >= 4 && digits+letters >= len(b)*3/4
}

// Resolution is the least step of a time in this form.
func (m *HTTPMark) Resolution() time.Duration {
	switch {
	case m.Form == "":
		return 0
	case bytes.Contains([]byte(m.Form), []byte(":05")):
		return time.Second
	case bytes.Contains([]byte(m.Form), []byte(":04")):
		return time.Minute
	}
	return 24 * time.Hour
}

// Dated says whether a form tells the day, and the year; one without tells the same again after a day or a
// year.
func (m *HTTPMark) Dated() bool { return m.Time.Year() > 0 }

// Ahead is how far a time is ahead of the right one. Of a form that does not tell the day, it is less than half
// a day either way.
func (m *HTTPMark) Ahead(right time.Time) time.Duration {
	right = right.UTC()
	t := m.Time
	switch {
	case m.Dated():
	case t.Month() == 1 && t.Day() == 1 && !bytes.Contains([]byte(m.Form), []byte("Jan")):
		t = time.Date(right.Year(), right.Month(), right.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		switch d := t.Sub(right); {
		case d > 12*time.Hour:
			t = t.AddDate(0, 0, -1)
		case d < -12*time.Hour:
			t = t.AddDate(0, 0, 1)
		}
	default:
		t = time.Date(right.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return t.Sub(right)
}
