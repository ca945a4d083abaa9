package tls

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A Label says what a secret of a key log is for (draft-ietf-tls-keylogfile, sections 2.1 and 2.2).
type Label uint8

const (
	Master          Label = iota // the master secret of TLS 1.0 to 1.2
	ClientHandshake              // TLS 1.3
	ServerHandshake
	ClientTraffic
	ServerTraffic
	labels
)

var labelNames = [labels]string{
	Master:          "CLIENT_RANDOM",
	ClientHandshake: "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
	ServerHandshake: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	ClientTraffic:   "CLIENT_TRAFFIC_SECRET_0",
	ServerTraffic:   "SERVER_TRAFFIC_SECRET_0",
}

// unusedNames are labels that a key log may have and that no record here needs: the secrets behind a
// KeyUpdate follow from those before.
var unusedNames = []string{
	"EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "EARLY_EXPORTER_MASTER_SECRET", "CLIENT_EARLY_TRAFFIC_SECRET",
	"CLIENT_TRAFFIC_SECRET_N", "SERVER_TRAFFIC_SECRET_N", "ECH_SECRET", "ECH_CONFIG", "RSA",
}

const (
	secretMax  = 64      // bytes of a secret: the longest hash
	secretsMax = 1 << 17 // connections whose secrets are kept
)

// Secrets are those of a key log, found by the random of the ClientHello. The zero value has none.
type Secrets struct {
	of    map[[32]byte]*[labels][]byte
	lines int
}

// Line reads one line of an NSS key log: label, client random, secret. ok is false for lines that are
// not of a key log; empty ones and comments are.
func (s *Secrets) Line(line string) (ok bool, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return true, nil
	}
	f := strings.Fields(line)
	label := slices.Index(labelNames[:], f[0])
	switch {
	case label < 0:
		return slices.Contains(unusedNames, f[0]), nil
	case len(f) != 3:
		return true, fmt.Errorf("tls: key log: %s: want a client random and a secret behind it", f[0])
	}
	var random [32]byte
	if n, err := hex.Decode(random[:], []byte(f[1][:min(len(f[1]), 64)])); err != nil || n != len(random) || len(f[1]) != 64 {
		return true, fmt.Errorf("tls: key log: %s: the client random is not 64 hexadecimal digits", f[0])
	}
	secret, err := hex.DecodeString(f[2])
	if err != nil || len(secret) == 0 || len(secret) > secretMax {
		return true, fmt.Errorf("tls: key log: %s: the secret is not 2 to %d hexadecimal digits", f[0], 2*secretMax)
	}
	if s.of == nil {
		s.of = map[[32]byte]*[labels][]byte{}
	}
	of := s.of[random]
	if of == nil {
		if len(s.of) >= secretsMax {
			return true, fmt.Errorf("tls: key log: secrets of more than %d connections", secretsMax)
		}
		of = new([labels][]byte)
		s.of[random] = of
	}
	of[label] = secret
	s.lines++
	return true, nil
}

// Lines is how many secrets have been read.
func (s *Secrets) Lines() int { return s.lines }

// Add takes over what others know.
func (s *Secrets) Add(others *Secrets) {
	for random, of := range others.of {
		if s.of == nil {
			s.of = map[[32]byte]*[labels][]byte{}
		}
		mine := s.of[random]
		if mine == nil {
			mine = new([labels][]byte)
			s.of[random] = mine
		}
		for i, secret := range of {
			if secret != nil {
				mine[i] = secret
			}
		}
	}
	s.lines += others.lines
}

func (s *Secrets) secret(label Label, random *[32]byte) []byte {
	if s == nil {
		return nil
	}
	if of := s.of[*random]; of != nil {
		return of[label]
	}
	return nil
}
