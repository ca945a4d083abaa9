package profiles

import (
	"cmp"
	"reflect"

	"go.yaml.in/yaml/v3"

	"ringer/capture/snmp"
)

// An SNMPUser is what one user of SNMPv3 may do: in YAML just its level, or a mapping.
type SNMPUser struct {
	Level  string   `yaml:"level"`            // the most that was seen of it: noauth, auth or priv
	Access string   `yaml:"access,omitempty"` // ro or rw; ro without it
	View   []string `yaml:"view,omitempty"`   // only these subtrees can be seen
	Hidden []string `yaml:"hidden,omitempty"` // these subtrees cannot
}

func (u SNMPUser) MarshalYAML() (any, error) {
	if u.Access == "" && len(u.View) == 0 && len(u.Hidden) == 0 {
		return u.Level, nil
	}
	type plain SNMPUser
	return plain(u), nil
}

func (u *SNMPUser) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		u.Level = n.Value
		return
	}
	type plain SNMPUser
	d.decode(n, reflect.ValueOf((*plain)(u)).Elem(), path)
}

func (u *SNMPUser) check(v *Validation) {
	if u.Level == "" {
		v.Errorf("want noauth, auth or priv")
	}
	v.OneOf(u.Level, "noauth", "auth", "priv")
	v.At("access").OneOf(u.Access, "ro", "rw")
	for i, o := range u.View {
		v.At("view", i).oid(o)
	}
	for i, o := range u.Hidden {
		v.At("hidden", i).oid(o)
	}
}

// An AccountUSM is how an account is known to SNMPv3, whose user-based security model (RFC 3414) wants the
// passwords themselves: a verifier is of no use. Without them, and without a bait, the agent knows the
// user, and every key is wrong.
type AccountUSM struct {
	Auth         string `yaml:"auth"`                   // MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512
	Priv         string `yaml:"priv,omitempty"`         // DES, AES-128, AES-192, AES-256, or with another extension of keys AES-192-C, AES-256-C
	AuthPassword string `yaml:"authPassword,omitempty"` // the bait without it
	PrivPassword string `yaml:"privPassword,omitempty"` // the bait without it
}

// check looks at the account, too: its bait stands for the passwords.
func (u *AccountUSM) check(bait string, v, baitAt *Validation) {
	if u.Auth == "" && u.Priv != "" {
		v.At("priv").Errorf("priv wants auth, too: what is encrypted is signed")
	} else if _, err := snmp.ParseAuth(u.Auth); err != nil {
		v.At("auth").Errorf("%s", err)
	}
	if _, err := snmp.ParsePriv(u.Priv); err != nil && u.Priv != "" {
		v.At("priv").Errorf("%s", err)
	}
	long := func(at *Validation, password string) {
		if password != "" && len(password) < snmp.PasswordMin {
			at.Errorf("the password has %d bytes: SNMPv3 wants %d or more", len(password), snmp.PasswordMin)
		}
	}
	long(v.At("authPassword"), u.AuthPassword)
	long(v.At("privPassword"), u.PrivPassword)
	if u.Priv == "" && u.PrivPassword != "" {
		v.At("privPassword").Errorf("a password for privacy wants priv: DES, AES-128, …")
	}
	if u.AuthPassword == "" || u.Priv != "" && u.PrivPassword == "" {
		long(baitAt, bait)
	}
}

// SNMPUser is the account as SNMPv3 has it. ok is false where it has no passwords, or may not come in.
func (a *Account) SNMPUser() (u snmp.User, ok bool) {
	if a.USM == nil || a.Policy == "deny" {
		return u, false
	}
	u = snmp.User{Name: a.Name, AuthPassword: cmp.Or(a.USM.AuthPassword, a.Bait)}
	var err error
	if u.Auth, err = snmp.ParseAuth(a.USM.Auth); err != nil {
		return u, false
	}
	if a.USM.Priv != "" {
		if u.Priv, err = snmp.ParsePriv(a.USM.Priv); err != nil {
			return u, false
		}
		u.PrivPassword = cmp.Or(a.USM.PrivPassword, a.Bait)
	}
	return u, u.Check() == nil
}

// Level is the most that the account can do: auth or priv.
func (u *AccountUSM) Level() string {
	if u.Priv != "" {
		return "priv"
	}
	return "auth"
}

// redact takes the passwords of SNMPv3 out: what is left of them could not be used.
func (a *Account) redact(r *Redacting) (hidden bool) {
	if a.USM == nil {
		return false
	}
	for _, p := range []*string{&a.USM.AuthPassword, &a.USM.PrivPassword} {
		if *p != "" {
			r.secrets = append(r.secrets, []byte(*p))
			*p, hidden = "", true
		}
	}
	return hidden
}
