package clone

import (
	"strings"
	"time"

	"ringer/profiles"
)

// enipTrendsMax bounds the cells whose movement is followed.
const enipTrendsMax = 1 << 12

// follow follows the number in a cell that moves.
func (l *enipLearner) follow(c *enipCell, name string, value []byte, at time.Time) {
	if c.trend == nil {
		if c.track.Runs() < 1 || l.trends >= enipTrendsMax || strings.HasPrefix(name, "session") || strings.HasPrefix(name, "connection") {
			return
		}
	}
	v, bits, ok := profiles.ENIPNumber(name, value)
	if !ok {
		return
	}
	if c.trend == nil {
		c.trend = &Trend{}
		l.trends++
	}
	c.trend.Add(at, v, bits)
	l.s.beside.heard(c, at, v)
}

// goesOn is how the number goes on when its samples have ended.
func (c *enipCell) goesOn() *profiles.Dynamics {
	if c.trend == nil || c.track.Runs() < 2 {
		return nil
	}
	for cur := c.track.Cursor(); ; {
		r, ok := cur.Next()
		if !ok {
			return c.trend.Dynamics()
		}
		if r.Write {
			return nil
		}
	}
}
