package replay

import "strconv"

func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percent(f float64) string { return strconv.FormatFloat(f*100, 'f', 1, 64) + " %" }
