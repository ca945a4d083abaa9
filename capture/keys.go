package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"ringer/capture/ipmi"
	"ringer/capture/snmp"
	"ringer/capture/tls"
	"ringer/capture/wire"
)

// Keys open what is encrypted in recordings. They come in a text file, one a line; "#" begins a comment:
//
//	snmp USER AUTH-PROTOCOL AUTH-PASSWORD [PRIV-PROTOCOL PRIV-PASSWORD]
//	ipmi USER PASSWORD
//	ipmi-kg KEY
//	CLIENT_RANDOM …
//
// A word with spaces in it stands between quotes, single or double ones; in double ones, \" is a quote and
// \\ a backslash. Lines of NSS key logs are taken as they are.
type Keys struct {
	SNMP []snmp.User
	IPMI ipmi.Keys
	TLS  tls.Secrets
}

// keyLines lists what a line may begin with, and who reads its words.
var keyLines = map[string]func(k *Keys, words []string) error{
	"snmp":    (*Keys).readSNMP,
	"ipmi":    (*Keys).readIPMI,
	"ipmi-kg": (*Keys).readIPMIKey,
}

// keyLineMax is the length of the longest line.
const keyLineMax = 1 << 16

// ReadKeys reads a file of keys. Errors name the line.
func ReadKeys(r io.Reader) (*Keys, error) {
	k := &Keys{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, keyLineMax)
	n := 1
	for ; s.Scan(); n++ {
		if ok, err := k.TLS.Line(s.Text()); ok && err == nil {
			continue
		} else if ok {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		words, err := keyWords(s.Text())
		if err == nil && len(words) > 0 {
			if read := keyLines[words[0]]; read != nil {
				err = read(k, words)
			} else {
				err = fmt.Errorf("%q is no kind of key: want snmp, ipmi or ipmi-kg, or a label of an NSS key log", words[0])
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	return k, nil
}

func (k *Keys) readSNMP(words []string) (err error) {
	if len(words) != 4 && len(words) != 6 {
		return errors.New("want snmp USER AUTH-PROTOCOL AUTH-PASSWORD [PRIV-PROTOCOL PRIV-PASSWORD]")
	}
	u := snmp.User{Name: words[1], AuthPassword: words[3]}
	if u.Auth, err = snmp.ParseAuth(words[2]); err != nil {
		return err
	}
	if len(words) == 6 {
		if u.Priv, err = snmp.ParsePriv(words[4]); err != nil {
			return err
		}
		u.PrivPassword = words[5]
	}
	if err := u.Check(); err != nil {
		return err
	}
	k.SNMP = append(k.SNMP, u)
	return nil
}

func (k *Keys) readIPMI(words []string) error {
	if len(words) != 3 {
		return errors.New("want ipmi USER PASSWORD")
	}
	u := ipmi.User{Name: words[1], Password: words[2]}
	if err := u.Check(); err != nil {
		return err
	}
	k.IPMI.Users = append(k.IPMI.Users, u)
	return nil
}

func (k *Keys) readIPMIKey(words []string) error {
	if len(words) != 2 || len(words[1]) > ipmi.KeyMax {
		return fmt.Errorf("want ipmi-kg KEY, of up to %d characters", ipmi.KeyMax)
	}
	k.IPMI.KG = append(k.IPMI.KG, words[1])
	return nil
}

// keyWords splits a line into words.
func keyWords(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, " \t\r\ufeff")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		var word string
		if quote := line[0]; quote == '"' || quote == '\'' {
			if word, line, err = quotedWord(line[1:], quote); err != nil {
				return nil, err
			}
		} else if i := strings.IndexAny(line, " \t\r"); i >= 0 {
			word, line = line[:i], line[i:]
		} else {
			word, line = line, ""
		}
		words = append(words, word)
	}
}

// quotedWord reads up to the quote that ends a word.
func quotedWord(line string, quote byte) (word, rest string, err error) {
	var b []byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			if rest = line[i+1:]; rest != "" && !strings.ContainsAny(rest[:1], " \t\r") {
				return "", "", errors.New("want a space after a closing quote")
			}
			return string(b), rest, nil
		case c == '\\' && quote == '"' && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\'):
			i++
			c = line[i]
		}
		b = append(b, c)
	}
	return "", "", errors.New("a quote is not closed")
}

// Protocols are all wire formats, with these keys to those that can use them. A nil *Keys has none; with an
// error, none are used.
func (k *Keys) Protocols() ([]wire.Protocol, error) {
	all := Protocols()
	if k == nil {
		return all, nil
	}
	users, err := snmp.NewKeys(k.SNMP...)
	if err != nil {
		return all, err
	}
	for i, p := range all {
		switch p.(type) {
		case snmp.Protocol:
			if len(k.SNMP) > 0 {
				all[i] = snmp.Protocol{Keys: users}
			}
		case ipmi.Protocol:
			if len(k.IPMI.Users) > 0 {
				all[i] = ipmi.Protocol{Keys: &k.IPMI}
			}
		}
	}
	return all, nil
}
