package emulate

import (
	"fmt"
	"maps"
	"slices"

	"ringer/capture/snmp"
)

// loadUsers reads who may ask in SNMPv3: the users of the section, and the accounts that have usm. Those
// whose passwords are known get their keys now, for this engine alone, so that no datagram makes any. A
// denied account gets none.
func (s *snmpService) loadUsers() error {
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
	for _, account := range s.st.accounts.all {
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
		a.account = account
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
		a.canEncrypt(keys, s.engine.id)
	}
	s.proto = snmp.Protocol{Keys: keys}
	s.st.accounts.watch(func(account *account, what accountChange) { s.follow(keys, account, what) })
	return nil
}

// canEncrypt finds out whether a user has a key that encrypts.
func (a *snmpAsker) canEncrypt(keys *snmp.Keys, engine []byte) {
	a.encrypts = slices.ContainsFunc(keys.Find([]byte(a.name), engine), func(k *snmp.Key) bool { return k.User().Priv != snmp.NoPriv })
}

// follow gives a user the keys that go with its account as that is now.
func (s *snmpService) follow(keys *snmp.Keys, account *account, what accountChange) {
	i := slices.IndexFunc(s.users, func(a *snmpAsker) bool { return a.account == account })
	if i < 0 {
		return
	}
	a := s.users[i]
	var secrets []snmp.User
	if u, ok := account.SNMPUser(); ok && what != accountRemoved && !account.closed() {
		secrets = append(secrets, u)
	}
	if what == accountRemoved || a.name != account.Name {
		keys.Replace(a.name)
	}
	if a.name = account.Name; what == accountRemoved {
		s.users = slices.Delete(s.users, i, i+1)
		return
	}
	a.keyed = keys.Replace(a.name, secrets...) == nil && len(secrets) > 0
	a.denied = !a.keyed
	a.canEncrypt(keys, s.engine.id)
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
