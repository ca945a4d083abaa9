package snmp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"hash"
	"maps"
	"sync"
	"sync/atomic"
)

// A Key is what a user shares with one engine: its passwords, localised (RFC 3414, section 2.6). It may be
// used by several goroutines.
type Key struct {
	user  *User
	from  *secret
	to    []byte // the engine
	auth  []byte
	tools sync.Pool // *tools

	// What encrypts is made when it is first needed, which is after a digest was right: it can take
	// milliseconds, and anybody can name an engine.
	encrypts sync.Once
	block    cipher.Block // nil: nothing can be encrypted
	preIV    []byte       // DES
}

// tools are what one message takes: they are kept, because making them costs more than using them.
type tools struct {
	mac     hash.Hash
	sum     []byte
	iv, pad [aes.BlockSize]byte
}

// User is whose key it is.
func (k *Key) User() *User { return k.user }

// forEngine is the key of the same user to another engine.
func (k *Key) forEngine(engineID []byte) *Key { return k.from.localise(engineID) }

// NewKey localises the passwords of a user. That takes milliseconds: Keys remembers what it made.
func NewKey(u *User, engineID []byte) (*Key, error) {
	if err := u.Check(); err != nil {
		return nil, err
	}
	return newSecret(u).localise(engineID), nil
}

// A secret is a user with keys that are not localised yet.
type secret struct {
	user       *User
	once       sync.Once
	auth, priv []byte
}

func newSecret(u *User) *secret { return &secret{user: u} }

// localise makes the key for an engine.
func (s *secret) localise(engineID []byte) *Key {
	u := s.user
	k := &Key{user: u, from: s, to: bytes.Clone(engineID)}
	if u.Auth == NoAuth {
		return k
	}
	s.once.Do(func() {
		s.auth = passwordToKey(u.Auth, []byte(u.AuthPassword))
		if u.Priv != NoPriv {
			s.priv = passwordToKey(u.Auth, []byte(u.PrivPassword))
		}
	})
	k.auth = localise(u.Auth, s.auth, engineID)
	k.fill()
	return k
}

// cipher is what encrypts; nil where nothing does.
func (k *Key) cipher() cipher.Block {
	k.encrypts.Do(func() {
		u := k.user
		if u.Priv == NoPriv {
			return
		}
		key, size := localise(u.Auth, k.from.priv, k.to), u.Priv.keySize()
		for len(key) < size {
			key = append(key, extend(u, key, k.to)...)
		}
		// The sizes are right, and nothing else can be wrong.
		if u.Priv == DES {
			k.block, _ = des.NewCipher(key[:des.BlockSize])
			k.preIV = key[des.BlockSize:size]
		} else {
			k.block, _ = aes.NewCipher(key[:size])
		}
	})
	return k.block
}

// fill makes the key ready to digest.
func (k *Key) fill() {
	k.tools.New = func() any { return &tools{mac: hmac.New(k.user.Auth.newHash, k.auth)} }
}

// extend gives what follows a localised key that is too short.
func extend(u *User, key, engineID []byte) []byte {
	if u.Priv == AES192C || u.Priv == AES256C {
		// The key is the password of the next one.
		return localise(u.Auth, passwordToKey(u.Auth, key), engineID)
	}
	h := u.Auth.newHash()
	h.Write(key)
	return h.Sum(nil)
}

// passwordToKey digests a password, repeated to a mebibyte (RFC 3414, section A.2).
func passwordToKey(a AuthProtocol, password []byte) []byte {
	const all = 1 << 20
	h := a.newHash()
	chunk := bytes.Repeat(password, max(1, 4096/len(password)))
	n := 0
	for ; n+len(chunk) <= all; n += len(chunk) {
		h.Write(chunk)
	}
	h.Write(chunk[:all-n])
	return h.Sum(nil)
}

// localise makes a key that is of use with one engine only (RFC 3414, section 2.6).
func localise(a AuthProtocol, key, engineID []byte) []byte {
	h := a.newHash()
	h.Write(key)
	h.Write(engineID)
	h.Write(key)
	return h.Sum(nil)
}

// Keys are the secrets of users, of whatever device. They localise them as engines are met, and may be used
// by several goroutines. A nil *Keys has none.
type Keys struct {
	users map[string][]*secret
	only  []byte                            // the one engine that is known; nil: any
	fixed atomic.Pointer[map[string][]*Key] // of that engine, by user

	mu   sync.Mutex
	made map[keyName][]*Key
}

type keyName struct{ user, engine string }

// keysMax bounds the keys that are remembered: whoever invents engines must not fill the memory.
const keysMax = 4096

// NewKeys takes users, whose names may be the same: then the digest tells them apart.
func NewKeys(users ...User) (*Keys, error) {
	k := &Keys{users: map[string][]*secret{}, made: map[keyName][]*Key{}}
	for i := range users {
		u := users[i]
		if err := u.Check(); err != nil {
			return nil, err
		}
		k.users[u.Name] = append(k.users[u.Name], newSecret(&u))
	}
	return k, nil
}

// NewEngineKeys are the keys of one engine, all made beforehand: messages to other engines cost nothing.
func NewEngineKeys(engineID []byte, users ...User) (*Keys, error) {
	k, err := NewKeys(users...)
	if err != nil {
		return nil, err
	}
	k.only = bytes.Clone(engineID)
	fixed := map[string][]*Key{}
	for name, list := range k.users {
		for _, s := range list {
			key := s.localise(engineID)
			key.cipher()
			fixed[name] = append(fixed[name], key)
		}
	}
	k.fixed.Store(&fixed)
	return k, nil
}

// Replace gives those of a name other secrets, or none, with the one engine that the keys are for. Messages that are
// read meanwhile are read with the old ones or the new ones.
func (k *Keys) Replace(name string, users ...User) error {
	var list []*Key
	for i := range users {
		u := users[i]
		key, err := NewKey(&u, k.only)
		if err != nil {
			return err
		}
		key.cipher()
		list = append(list, key)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	fixed := maps.Clone(*k.fixed.Load())
	delete(fixed, name)
	if len(list) > 0 {
		fixed[name] = list
	}
	k.fixed.Store(&fixed)
	return nil
}

// Users gives the users of a name.
func (k *Keys) Users(name string) (users []User) {
	if k == nil {
		return nil
	}
	for _, s := range k.users[name] {
		users = append(users, *s.user)
	}
	return users
}

// Find gives the keys of the users of a name with an engine.
func (k *Keys) Find(user, engineID []byte) []*Key {
	if k == nil || len(engineID) == 0 {
		return nil
	}
	if k.only != nil {
		if !bytes.Equal(engineID, k.only) {
			return nil
		}
		return (*k.fixed.Load())[string(user)]
	}
	list := k.users[string(user)]
	if len(list) == 0 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, ok := k.made[keyName{string(user), string(engineID)}]
	if ok {
		return keys
	}
	for _, s := range list {
		keys = append(keys, s.localise(engineID))
	}
	if len(k.made) >= keysMax {
		clear(k.made)
	}
	k.made[keyName{string(user), string(engineID)}] = keys
	return keys
}
