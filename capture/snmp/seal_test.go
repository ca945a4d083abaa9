package snmp

import (
	"bytes"
	"strings"
	"testing"

	"ringer/capture/wire"
)

// pairs are users of every pair of protocols, by their names.
func pairs() (users []User) {
	for a := MD5; a <= SHA512; a++ {
		for p := NoPriv; p <= AES256C; p++ {
			u := User{Name: a.String() + " " + p.String(), Auth: a, AuthPassword: "authpassword"}
			if p != NoPriv {
				u.Priv, u.PrivPassword = p, "privpassword"
			}
			users = append(users, u)
		}
	}
	return users
}

var testEngine = []byte("\x80\x00\x1f\x88\x04test")

// sealed is a request of a user, safe in all the ways the user knows.
func sealed(t testing.TB, u *User) (*V3Message, []byte) {
	t.Helper()
	k, err := NewKey(u, testEngine)
	if err != nil {
		t.Fatal(err)
	}
	m := &V3Message{
		MsgID: 1, MaxSize: 65507, Flags: Flags{FlagAuth | FlagReportable}, SecurityModel: SecurityModelUSM,
		USM:       &USM{EngineID: testEngine, EngineBoots: 3, EngineTime: 1000, UserName: UserName(u.Name)},
		ScopedPDU: &ScopedPDU{ContextEngineID: testEngine, PDU: PDU{Type: GetRequest, RequestID: 7, VarBinds: []VarBind{{OID{0x2b, 6}, Value{Type: TypeNull}}}}},
	}
	if u.Priv != NoPriv {
		m.Flags[0] |= FlagPriv
	}
	m.SealWith(k)
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

// TestSealEveryPair: what is sealed opens, of every pair of protocols; read without copying, one message
// shows nothing of the one before.
func TestSealEveryPair(t *testing.T) {
	users := pairs()
	keys, err := NewKeys(users...)
	if err != nil {
		t.Fatal(err)
	}
	reused := Protocol{Keys: keys}.New().(*Conn)
	reused.Reuse()
	for range 2 {
		for i := range users {
			made, b := sealed(t, &users[i])
			for _, c := range []*Conn{Protocol{Keys: keys}.New().(*Conn), reused} {
				_, m, err := c.Next(wire.Client, b, true)
				if err != nil {
					t.Fatal(err)
				}
				got := m.(*V3Message)
				if got.Seal != Authentic || got.WasEncrypted() != (users[i].Priv != NoPriv) || got.Key().User().Name != users[i].Name {
					t.Errorf("%s: %s", users[i].Name, wire.AppendJSON(nil, m))
				}
				got.Seal = made.Seal
				if d := wire.Diff(made, got); len(d.Differences) > 0 {
					t.Errorf("%s: %v", users[i].Name, d.Differences)
				}
				if again, _ := m.Append(nil); !bytes.Equal(again, b) {
					t.Errorf("%s: read\n%x\nwrote\n%x", users[i].Name, b, again)
				}
			}
			if users[i].Priv != NoPriv && bytes.Count(b, testEngine) != 1 {
				t.Errorf("%s: the context is in the clear", users[i].Name)
			}
			for j := range b {
				b[j] ^= 1
				if _, m, err := (Protocol{Keys: keys}).New().Next(wire.Client, b, true); err == nil {
					if v3, ok := m.(*V3Message); ok && v3.Seal == Authentic {
						t.Fatalf("%s: byte %d is changed, and the digest is right", users[i].Name, j)
					}
				}
				b[j] ^= 1
			}
		}
	}
}

// TestSealOdd: plain PDUs in long lengths, and padding that holds something, re-encode to their bytes; so
// does what is changed and has the lengths it had.
func TestSealOdd(t *testing.T) {
	u := User{Name: "u", Auth: SHA1, AuthPassword: "authpassword", Priv: DES, PrivPassword: "privpassword"}
	k, err := NewKey(&u, testEngine)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeys(u)
	if err != nil {
		t.Fatal(err)
	}
	made, _ := sealed(t, &u)
	w := writer{shape: []byte{2, 1, 0, 3, 0, 2, 0, 1, 0, 1, 2, 0, 0, 0}}
	made.ScopedPDU.write(&w)
	plain := append(w.b, "odd padding"...)
	plain = append(plain, make([]byte, k.padding(len(plain)))...)
	salt := []byte("saltsalt")
	if err := k.crypt(plain, salt, 3, 1000, true); err != nil {
		t.Fatal(err)
	}
	made.USM.PrivParams, made.EncryptedPDU, made.ScopedPDU = salt, plain, nil
	b, err := made.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, m, err := Protocol{Keys: keys}.New().Next(wire.Client, b, true)
	if err != nil {
		t.Fatal(err)
	}
	v3 := m.(*V3Message)
	if v3.Seal != Authentic || v3.Minimal() {
		t.Fatalf("read as %s", wire.AppendJSON(nil, m))
	}
	if got, _ := m.Append(nil); !bytes.Equal(got, b) {
		t.Errorf("read\n%x\nwrote\n%x", b, got)
	}
	v3.PDU.RequestID = 8
	changed, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, again, err := Protocol{Keys: keys}.New().Next(wire.Client, changed, true)
	if err != nil || again.(*V3Message).Seal != Authentic || again.(*V3Message).Minimal() {
		t.Errorf("changed to %s, %v", wire.AppendJSON(nil, again), err)
	}
}

// TestSealErrors: what cannot be sealed is said.
func TestSealErrors(t *testing.T) {
	safe := User{Name: "u", Auth: SHA1, AuthPassword: "authpassword", Priv: AES128, PrivPassword: "privpassword"}
	for want, change := range map[string]func(m *V3Message) User{
		`snmp: the salt has 4 octets: want 8`:         func(m *V3Message) User { m.USM.PrivParams = []byte("salt"); return safe },
		`snmp: user "u" has no key to encrypt with`:   func(*V3Message) User { return User{Name: "u", Auth: SHA1, AuthPassword: "authpassword"} },
		`snmp: user "nobody" has no key to sign with`: func(*V3Message) User { return User{Name: "nobody"} },
	} {
		m, _ := sealed(t, &safe)
		u := change(m)
		k, err := NewKey(&u, testEngine)
		if err != nil {
			t.Fatal(err)
		}
		m.SealWith(k)
		if b, err := m.Append([]byte("before")); err == nil || err.Error() != want || string(b) != "before" {
			t.Errorf("got %q, %v, want %s", b, err, want)
		}
	}
}

// FuzzOpen: whatever was encrypted and signed, no panic; what is read is written as it was, and what is
// changed is sealed anew.
func FuzzOpen(f *testing.F) {
	users := pairs()
	for i, u := range users {
		if u.Priv != NoPriv && i%5 == 0 {
			m, _ := sealed(f, &u)
			w := writer{}
			m.ScopedPDU.write(&w)
			f.Add(w.b, []byte("saltsalt"), byte(i))
		}
	}
	f.Add([]byte{0x30, 0x80}, []byte("salt"), byte(2))
	f.Add([]byte{}, []byte{}, byte(0))
	var secrets []User
	var keys []*Key
	for i := range users {
		if users[i].Priv != NoPriv {
			k, err := NewKey(&users[i], testEngine)
			if err != nil {
				f.Fatal(err)
			}
			keys, secrets = append(keys, k), append(secrets, users[i])
		}
	}
	all, err := NewEngineKeys(testEngine, secrets...)
	if err != nil {
		f.Fatal(err)
	}
	p := Protocol{Keys: all}
	f.Fuzz(func(t *testing.T, plain, salt []byte, which byte) {
		k := keys[int(which)%len(keys)]
		cipher := bytes.Clone(plain)
		k.crypt(cipher, salt, 3, 1000, true) // of a wrong length: it stays in plain
		m := &V3Message{
			MsgID: 1, MaxSize: 484, Flags: Flags{FlagAuth | FlagPriv}, SecurityModel: SecurityModelUSM, EncryptedPDU: cipher,
			USM: &USM{EngineID: testEngine, EngineBoots: 3, EngineTime: 1000, UserName: UserName(k.User().Name), PrivParams: salt},
		}
		m.SealWith(k)
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > maxMessage {
			return
		}
		n, read, err := p.New().Next(wire.Client, b, true)
		if err != nil || n != len(b) {
			t.Fatalf("took %d of %d bytes: %v", n, len(b), err)
		}
		v3 := read.(*V3Message)
		if v3.Seal == Unchecked || v3.Seal == WrongDigest || (v3.Seal == Authentic) != (v3.EncryptedPDU == nil) {
			t.Fatalf("read as %s", wire.AppendJSON(nil, read))
		}
		if got, err := v3.Append(nil); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("read\n%x\nas %s\nwrote\n%x, %v", b, wire.AppendJSON(nil, read), got, err)
		}
		v3.MsgID = 2
		if v3.Seal == Authentic {
			v3.PDU.RequestID = 77
		}
		changed, err := v3.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, again, err := p.New().Next(wire.Client, changed, true)
		if err != nil || again.(*V3Message).Seal != v3.Seal {
			t.Fatalf("changed to %s, %v", wire.AppendJSON(nil, again), err)
		}
		if d := wire.Diff(v3, again); len(d.Differences) > 0 {
			t.Fatalf("changed: %v", d.Differences)
		}
	})
}

// BenchmarkOpen verifies and decrypts; BenchmarkSeal encrypts and signs.
func BenchmarkOpen(b *testing.B) { benchmarkSeal(b, true) }
func BenchmarkSeal(b *testing.B) { benchmarkSeal(b, false) }

func benchmarkSeal(b *testing.B, open bool) {
	for _, u := range pairs() {
		if name := strings.ReplaceAll(u.Name, " ", "-"); name == "MD5-DES" || name == "SHA-AES-128" || name == "SHA-256-AES-256" || name == "SHA-none" {
			b.Run(name, func(b *testing.B) {
				keys, err := NewEngineKeys(testEngine, u)
				if err != nil {
					b.Fatal(err)
				}
				m, raw := sealed(b, &u)
				m.USM.PrivParams = []byte("saltsalt")[:min(8, 8*len(u.PrivPassword))]
				c := Protocol{Keys: keys}.New().(*Conn)
				c.Reuse()
				buf := make([]byte, 0, 1024)
				b.ReportAllocs()
				for b.Loop() {
					if open {
						_, _, err = c.Next(wire.Client, raw, true)
					} else {
						_, err = m.Append(buf)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
