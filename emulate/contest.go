package emulate

import (
	"slices"

	"ringer/capture/wire"
)

// contest decodes what was said on a port that several services share. Those that cannot read it are
// out; when several can (S7 and MMS begin alike) the first answers, and the others are kept informed
// until a message tells them apart.
func (c *tcpConn) contest(b []byte, eof bool) (int, wire.Message, error) {
	var first error
	took, heard := 0, c.rivals[:0:0]
	var messages []wire.Message
	for _, g := range c.rivals {
		n, m, err := g.conn.Next(wire.Client, b, eof)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		if n > 0 && took == 0 { // who has understood something beats who is waiting for more
			took, heard, messages = n, heard[:0], messages[:0]
		}
		if n == took {
			heard, messages = append(heard, g), append(messages, m)
		}
	}
	if len(heard) == 0 {
		c.settle(c.rivals[0])
		return 0, nil, first
	}
	if took == 0 && !eof && len(heard) > 1 {
		return 0, nil, nil
	}
	var m wire.Message
	if took > 0 {
		m = messages[0]
	}
	if c.bouts++; len(heard) == 1 || c.bouts >= boutsMax {
		c.settle(heard[0])
		return took, m, nil
	}
	for _, g := range c.rivals {
		if !slices.Contains(heard, g) {
			g.close()
		}
	}
	c.d, c.rivals = heard[0], heard
	for i, g := range heard[1:] {
		if messages[i+1] != nil {
			g.answer(messages[i+1], nil)
		}
	}
	return took, m, nil
}

// settle is the end of the contest.
func (c *tcpConn) settle(winner *dialogue) {
	for _, g := range c.rivals {
		if g != winner {
			g.close()
		}
	}
	c.d, c.rivals = winner, nil
}
