package s7comm

import "time"

// Time is what the clock shows, taken to be in a time zone. ok is false where it shows no date.
func (c *Clock) Time(zone *time.Location) (t time.Time, ok bool) {
	var v [9]int
	for i, b := range c.BCD {
		v[i] = int(b>>4)*10 + int(b&15)
		if b&15 > 9 || b>>4 > 9 {
			return t, false
		}
	}
	year := 2000 + v[1] // the byte before it says 19 or 20, and 19 also behind 1999
	if v[1] >= 90 {
		year = 1900 + v[1]
	}
	if v[2] < 1 || v[2] > 12 || v[3] < 1 || v[3] > 31 || v[4] > 23 || v[5] > 59 || v[6] > 59 {
		return t, false
	}
	ms := v[7]*10 + int(c.BCD[8]>>4)
	return time.Date(year, time.Month(v[2]), v[3], v[4], v[5], v[6], ms*int(time.Millisecond), zone), true
}

// ClockAt is how a CPU writes a time.
func ClockAt(t time.Time) Clock {
	bcd := func(n int) byte { return byte(n/10%10<<4 | n%10) }
	ms := t.Nanosecond() / int(time.Millisecond)
	return Clock{BCD: [9]byte{0x19, bcd(t.Year() % 100), bcd(int(t.Month())), bcd(t.Day()), bcd(t.Hour()), bcd(t.Minute()),
		bcd(t.Second()), bcd(ms / 10), byte(ms%10<<4) | byte(t.Weekday()+1)}}
}
