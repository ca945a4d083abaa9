package profiles

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseDuration reads a duration as Go writes it, with days before it if need be: "4.1ms", "-41d3h", "24h".
func ParseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return goDuration(s, s)
	}
	days, below := strings.CutPrefix(days, "-")
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n >= math.MaxInt64/uint64(day) {
		return 0, badDuration(s)
	}
	d := time.Duration(n) * day
	if rest != "" {
		part, err := goDuration(rest, s)
		if err != nil || part < 0 {
			return 0, badDuration(s)
		}
		d += part
	}
	if below {
		d = -d
	}
	return d, nil
}

func goDuration(s, whole string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, badDuration(whole)
	}
	return d, nil
}

func badDuration(s string) error {
	return fmt.Errorf("%q is not a duration: want one like 4.1ms, 30s, 24h or 41d3h", s)
}

// FormatDuration writes the shortest text that ParseDuration reads: no zero units, days from two days on.
func FormatDuration(d time.Duration) string {
	var days string
	if n := d / day; n >= 2 || n <= -2 {
		days = strconv.FormatInt(int64(n), 10) + "d"
		if d = (d - n*day).Abs(); d == 0 {
			return days
		}
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return days + s
}

// parseRate reads how often something happens in a second: a number, or a text like "3/s", "90/m", "1/h", "2/d".
func parseRate(s string) (float64, error) {
	n, per, ok := strings.Cut(s, "/")
	v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a rate: want a number a second, or one like 90/m, 1/h or 2/d", s)
	}
	if !ok {
		return v, nil
	}
	switch strings.TrimSpace(per) {
	case "s":
		return v, nil
	case "m", "min":
		return v / 60, nil
	case "h":
		return v / 3600, nil
	case "d":
		return v / 86400, nil
	}
	return 0, fmt.Errorf("%q is not a rate: want /s, /m, /h or /d behind the number", s)
}

// formatRate is the text of a slow rate that is a whole number an hour, or "".
func formatRate(v float64) string {
	if h := math.Round(v * 3600); v > 0 && v < .2 && h > 0 && h/3600 == v {
		return strconv.FormatFloat(h, 'f', 0, 64) + "/h"
	}
	return ""
}
