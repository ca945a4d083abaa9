package profiles

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
)

// HTTPSample is one reply of one answer: which it was, and what its head had in its slots. A sample of a
// cell is the answer's replies behind each other; silence is no bytes.
type HTTPSample struct {
	Reply  [HTTPReplyID]byte
	Date   int64 // what ${date} was, in seconds since 1970; meaningless without Dated
	Dated  bool
	Tokens [][]byte // what each ${token} was
}

var errShortSample = errors.New("http sample: cut short")

// Packed, a reply is its ID, a byte (the number of tokens doubled, one more if there is a date), the
// date in five bytes, and each token behind its length in a byte.
const httpTokensMax = 127

// Append packs a sample.
func (s *HTTPSample) Append(b []byte) []byte {
	b = append(b, s.Reply[:]...)
	head := byte(len(s.Tokens) << 1)
	if s.Dated {
		head |= 1
	}
	b = append(b, head)
	if s.Dated {
		b = append(b, byte(s.Date>>32), byte(s.Date>>24), byte(s.Date>>16), byte(s.Date>>8), byte(s.Date))
	}
	for _, t := range s.Tokens {
		b = append(append(b, byte(len(t))), t...)
	}
	return b
}

// Fits says whether a sample can be packed.
func (s *HTTPSample) Fits() bool {
	for _, t := range s.Tokens {
		if len(t) > 255 {
			return false
		}
	}
	return len(s.Tokens) <= httpTokensMax && (!s.Dated || s.Date >= 0 && s.Date < 1<<40)
}

// Unpack takes a sample off the front of b. Its tokens refer to b.
func (s *HTTPSample) Unpack(b []byte) (rest []byte, err error) {
	if len(b) < HTTPReplyID+1 {
		return nil, errShortSample
	}
	copy(s.Reply[:], b)
	head := b[HTTPReplyID]
	b = b[HTTPReplyID+1:]
	s.Date, s.Dated, s.Tokens = 0, head&1 == 1, s.Tokens[:0]
	if s.Dated {
		if len(b) < 5 {
			return nil, errShortSample
		}
		for _, x := range b[:5] {
			s.Date = s.Date<<8 | int64(x)
		}
		b = b[5:]
	}
	for range head >> 1 {
		if len(b) < 1 || len(b)-1 < int(b[0]) {
			return nil, errShortSample
		}
		n := 1 + int(b[0])
		s.Tokens = append(s.Tokens, b[1:n:n])
		b = b[n:]
	}
	return b, nil
}

// LikeToken makes up a token of the same shape: hexadecimal stays so, letters stay letters of their
// case, digits digits, and all else stays as it is; so does what precedes a colon ("uuid:").
func LikeToken(like []byte, r *rand.Rand) []byte {
	if i := bytes.LastIndexByte(like, ':') + 1; i > 0 && i < len(like) {
		return append(slices.Clone(like[:i]), LikeToken(like[i:], r)...)
	}
	upper, lower, beyond := false, false, false
	for _, c := range like {
		upper = upper || c >= 'A' && c <= 'F'
		lower = lower || c >= 'a' && c <= 'f'
		beyond = beyond || c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z'
	}
	const digits, small, big = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	out := make([]byte, len(like))
	for i, c := range like {
		from := ""
		switch {
		case !beyond && lower && !upper && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f'):
			from = digits + small[:6]
		case !beyond && upper && !lower && (c >= '0' && c <= '9' || c >= 'A' && c <= 'F'):
			from = digits + big[:6]
		case c >= '0' && c <= '9':
			from = digits
		case c >= 'a' && c <= 'z':
			from = small
		case c >= 'A' && c <= 'Z':
			from = big
		}
		if out[i] = c; from != "" {
			out[i] = from[r.IntN(len(from))]
		}
	}
	return out
}
