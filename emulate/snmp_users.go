package emulate

import (
	"fmt"
	"maps"
	"slices"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// loadUsers reads who may ask in SNMPv3: the users of the section, and the accounts that have usm. Those
// whose passwords are known get their keys now, for this engine alone, so that no datagram makes any. A
// denied account gets none.
func (s *snmpService) loadUsers(dev *profiles.Device) error {
	for _, name := range slices.Sorted(maps.Keys(s.sec.Users)) {
		u := s.sec.Users[name]
		a := &snmpAsker{name: name, level: u.Level, write: u.Access == "rw"}
		var err error
		if a.view, err = snmpOIDs(u.View); err != nil {
			return fmt.Errorf("users: %s: view: %w", name, err)
		}
		if a.hidden, err = snmpOIDs(u.Hidden); err != nil {
			return fmt.Errorf("users: %s: hidden: %w", name, err)
		}
		s.users = append(s.users, a)
	}
	if s.engine.id == nil {
		return nil
	}
	given, _ := s.proto.(snmp.Protocol)
	var secrets []snmp.User
	for i := range dev.Accounts {
		account := &dev.Accounts[i]
		a := s.user([]byte(account.Name))
		if a != nil {
			a.denied = account.Policy == "deny"
		}
		if account.USM == nil {
			continue
		}
		if a == nil {
			a = &snmpAsker{name: account.Name, level: account.USM.Level(), denied: account.Policy == "deny"}
			s.users = append(s.users, a)
		}
		if account.Policy == "bait" {
			a.note = fmt.Sprintf("took the bait: account %q", account.Name)
		}
		if u, ok := account.SNMPUser(); ok {
			secrets = append(secrets, u)
			a.keyed = true
		}
	}
	for _, a := range s.users {
		if more := given.Keys.Users(a.name); len(more) > 0 && !a.keyed && !a.denied {
			secrets = append(secrets, more...)
			a.keyed = true
		}
	}
	keys, err := snmp.NewEngineKeys(s.engine.id, secrets...)
	if err != nil {
		return err
	}
	for _, a := range s.users {
		for _, k := range keys.Find([]byte(a.name), s.engine.id) {
			a.encrypts = a.encrypts || k.User().Priv != snmp.NoPriv
		}
	}
	s.proto = snmp.Protocol{Keys: keys}
	return nil
}

func (s *snmpService) user(name []byte) *snmpAsker {
	for _, u := range s.users {
		if u.name == string(name) {
			return u
		}
	}
	return nil
}

// supports says whether a user can ask at the level of these flags.
func (a *snmpAsker) supports(f snmp.Flags) bool {
	switch {
	case a.keyed:
		return a.encrypts || !f.Has(snmp.FlagPriv)
	case f.Has(snmp.FlagPriv):
		return a.level == "priv"
	}
	return a.level != "noauth" || !f.Has(snmp.FlagAuth)
}

// trusts says whether it is enough for a user of this level how a request is protected.
func (a *snmpAsker) trusts(f snmp.Flags) bool {
	return f.Has(snmp.FlagAuth) || a.level == "noauth" && !a.denied
}
