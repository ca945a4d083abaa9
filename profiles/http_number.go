package profiles

import (
	"bytes"
	"math"
	"strconv"
)

// An HTTPNumber is a number in a page that may be a reading: it stands alone, and is no part of a time, a
// date, an address or a name.
type HTTPNumber struct {
	From, To int
	Value    int64 // as if there were no point in it
	Decimals int
}

const (
	numbersMax     = 256       // in a page
	numberPageMax  = 128 << 10 // bytes of it
	numberTextMost = 15        // digits that a float64 holds exactly
)

// FindHTTPNumbers lists the numbers in a page; nil where there are none, or too many.
func FindHTTPNumbers(page []byte) (all []HTTPNumber) {
	if len(page) > numberPageMax {
		return nil
	}
	for i := 0; i < len(page); i++ {
		if !isDigit(page[i]) {
			continue
		}
		end, point := i, -1
		for end < len(page) && (isDigit(page[end]) || page[end] == '.' && point < 0 && end+1 < len(page) && isDigit(page[end+1])) {
			if page[end] == '.' {
				point = end
			}
			end++
		}
		if n, ok := numberAt(page, i, end, point); ok {
			if len(all) == numbersMax {
				return nil
			}
			all = append(all, n)
		}
		i = end
	}
	return all
}

func numberAt(page []byte, from, to, point int) (n HTTPNumber, ok bool) {
	negative := false
	if from > 0 {
		before := page[from-1]
		deeper := from > 1 && isWord(page[from-2])
		switch {
		case isWord(before) || before == '#' || before == '&', deeper && bytes.IndexByte([]byte(":/-."), before) >= 0:
			return n, false
		case before == '-':
			negative = true
			from--
		}
	}
	if to < len(page) {
		beyond := to+1 < len(page) && isDigit(page[to+1])
		if isWord(page[to]) || beyond && bytes.IndexByte([]byte(":/-."), page[to]) >= 0 {
			return n, false
		}
	}
	digits := 0
	for _, c := range page[from:to] {
		if isDigit(c) {
			n.Value = n.Value*10 + int64(c-'0')
			if digits++; digits > numberTextMost {
				return n, false
			}
		}
	}
	if negative {
		n.Value = -n.Value
	}
	if point >= 0 {
		n.Decimals = to - point - 1
	}
	n.From, n.To = from, to
	return n, true
}

// AppendHTTPNumber writes a value as the number that stands there is written: as many decimals, as many
// leading zeros.
func AppendHTTPNumber(b []byte, value int64, like HTTPNumber, page []byte) []byte {
	if value < 0 {
		b, value = append(b, '-'), -value
	}
	text := page[like.From:like.To]
	text = bytes.TrimPrefix(text, []byte("-"))
	width := 1
	if like.Decimals > 0 {
		width = like.Decimals + 1
	}
	if len(text) > 1 && text[0] == '0' && isDigit(text[1]) {
		width = len(text)
		if like.Decimals > 0 {
			width--
		}
	}
	digits := strconv.AppendInt(nil, value, 10)
	for range width - len(digits) {
		digits = append([]byte{'0'}, digits...)
	}
	if like.Decimals == 0 {
		return append(b, digits...)
	}
	cut := len(digits) - like.Decimals
	return append(append(append(b, digits[:cut]...), '.'), digits[cut:]...)
}

// Scaled is the value with another number of decimals.
func (n HTTPNumber) Scaled(decimals int) int64 {
	return int64(math.Round(float64(n.Value) * math.Pow10(decimals-n.Decimals)))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
