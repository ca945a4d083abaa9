package snmp

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestKeyLocalisation: RFC 3414, section A.3; and draft-reeder-snmpv3-usm-3desede-00, appendix A, for how a key
// that is too short goes on.
func TestKeyLocalisation(t *testing.T) {
	engine, _ := hex.DecodeString("000000000000000000000002")
	for _, x := range []struct {
		auth            AuthProtocol
		priv            PrivProtocol
		key, local, ext string
	}{
		{MD5, AES256C, "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b", "79eff44a90650ee0a3a40abfac5acc12"},
		{SHA1, AES256C, "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f", "9b8b6d78936ba6e7d19dfd9cd2d5065547743fb5"},
	} {
		ku := passwordToKey(x.auth, []byte("maplesyrup"))
		if got := hex.EncodeToString(ku); got != x.key {
			t.Errorf("%s: the password gives %s, want %s", x.auth, got, x.key)
		}
		kul := localise(x.auth, ku, engine)
		if got := hex.EncodeToString(kul); got != x.local {
			t.Errorf("%s: localised %s, want %s", x.auth, got, x.local)
		}
		if got := hex.EncodeToString(extend(&User{Auth: x.auth, Priv: x.priv}, kul, engine)); got != x.ext {
			t.Errorf("%s: %s goes on with %s, want %s", x.auth, x.priv, got, x.ext)
		}
	}
}

// TestDigests: RFC 2202 and RFC 4231, test case 2, cut as RFC 3414 and RFC 7860 say.
func TestDigests(t *testing.T) {
	for a, want := range map[AuthProtocol]string{
		MD5:    "750c783e6ab0b503eaa86e310a5db738",
		SHA1:   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		SHA224: "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
		SHA256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		SHA384: "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
		SHA512: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	} {
		n := a.digestSize()
		k := &Key{user: &User{Auth: a}, auth: []byte("Jefe")}
		k.fill()
		tools := k.take()
		tools.mac.Reset()
		tools.mac.Write([]byte("what do ya want for nothing?"))
		if got := hex.EncodeToString(tools.mac.Sum(nil)); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
		message := append([]byte("what do ya"), append(make([]byte, n), " want for nothing?"...)...)
		tools.mac.Reset()
		tools.mac.Write(message)
		sum := tools.mac.Sum(nil)
		k.sign(message, 10+n)
		if !bytes.Equal(message[10:10+n], sum[:n]) || !k.verify(message, 10+n, n) {
			t.Errorf("%s: signed %x, want %x", a, message[10:10+n], sum[:n])
		}
		message[0]++
		if k.verify(message, 10+n, n) || k.verify(message, 10+n, n-1) || k.verify(message, len(message)+1, n) || k.verify(message, n-1, n) {
			t.Errorf("%s: a wrong digest is right", a)
		}
	}
}

// TestKeysAreBounded: whoever invents engines does not fill the memory; and keys of one engine are never
// made for another.
func TestKeysAreBounded(t *testing.T) {
	u := User{Name: "u", Auth: MD5, AuthPassword: "password"}
	k, err := NewKeys(u)
	if err != nil {
		t.Fatal(err)
	}
	for i := range keysMax + 10 {
		engine := []byte{1, 2, 3, byte(i >> 8), byte(i)}
		if a, b := k.Find([]byte("u"), engine), k.Find([]byte("u"), engine); len(a) != 1 || a[0] != b[0] {
			t.Fatal("a key was made twice")
		}
	}
	if len(k.made) > keysMax {
		t.Errorf("%d keys are remembered", len(k.made))
	}
	engine := []byte("engine")
	if k, err = NewEngineKeys(engine, u); err != nil {
		t.Fatal(err)
	}
	if len(k.Find([]byte("u"), engine)) != 1 || k.Find([]byte("u"), []byte("other")) != nil || k.Find([]byte("v"), engine) != nil {
		t.Error("keys of one engine")
	}
	if n := testing.AllocsPerRun(100, func() { k.Find([]byte("u"), engine) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUserCheck(t *testing.T) {
	good := User{Name: "u", Auth: SHA256, AuthPassword: "password", Priv: AES128, PrivPassword: "password"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(u *User){
		`snmp: user "": want a name of 1 to 32 bytes`:                             func(u *User) { u.Name = "" },
		`snmp: user "u": AES-128 wants an authentication protocol, too`:           func(u *User) { u.Auth = NoAuth },
		`snmp: user "u": the authentication password has 7 bytes: want 8 or more`: func(u *User) { u.AuthPassword = "passwor" },
		`snmp: user "u": the privacy password has 0 bytes: want 8 or more`:        func(u *User) { u.PrivPassword = "" },
	} {
		u := good
		change(&u)
		if err := u.Check(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := NewKeys(u); err == nil {
			t.Errorf("keys were made: %s", want)
		}
	}
}
