package emulate

import (
	"crypto/subtle"
	"slices"
	"strings"

	"ringer/profiles"
)

// An accountList is who may log in to a device: one list, whatever the protocol. What one service changes in it,
// the others follow. It is held in memory only.
type accountList struct {
	all      []*account
	watchers []func(*account, accountChange)
	// free gives a place in the list of a service that has so many and no more; nil: there is no such service
	free func(name string) (slot uint8, ok bool)
}

// An account is one user as it is now.
type account struct {
	profiles.Account
	disabled bool
	renewed  bool  // its password was set: what was let in before is not any more
	slot     uint8 // in the list of IPMI; 0: it has none
}

// An accountChange is what became of an account.
type accountChange uint8

const (
	accountAdded accountChange = iota
	accountChanged
	accountRemoved
)

const accountsMost = 256

// accountNone is the role of an account that may do nothing.
const accountNone = "none"

func newAccountList(dev *profiles.Device) *accountList {
	l := &accountList{}
	for _, a := range dev.Accounts {
		l.all = append(l.all, &account{Account: a})
	}
	return l
}

// watch has a service told of what becomes of accounts.
func (l *accountList) watch(told func(*account, accountChange)) {
	l.watchers = append(l.watchers, told)
}

func (l *accountList) tell(a *account, what accountChange) {
	for _, told := range l.watchers {
		told(a, what)
	}
}

// find gives the account of a name; nil: there is none.
func (l *accountList) find(name string) *account {
	for _, a := range l.all {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// add takes an account in. false: there is no place for it.
func (l *accountList) add(a *account) bool {
	if len(l.all) >= accountsMost {
		return false
	}
	if l.free != nil && a.slot == 0 {
		slot, ok := l.free(a.Name)
		if !ok {
			return false
		}
		a.slot = slot
	}
	l.all = append(l.all, a)
	l.tell(a, accountAdded)
	return true
}

// remove takes an account away.
func (l *accountList) remove(a *account) {
	if i := slices.Index(l.all, a); i >= 0 {
		l.all = slices.Delete(l.all, i, i+1)
		l.tell(a, accountRemoved)
	}
}

// changed tells the services of what was changed in an account.
func (l *accountList) changed(a *account) { l.tell(a, accountChanged) }

// setPassword gives the account another password, which from then on is the only one.
func (a *account) setPassword(password string) {
	a.Bait, a.Verify, a.renewed = strings.Clone(password), "", true
	if a.USM != nil { // the bait stands for those of SNMPv3
		a.USM = &profiles.AccountUSM{Auth: a.USM.Auth, Priv: a.USM.Priv}
	}
	if a.Policy == "accept" || a.Policy == "deny" {
		a.Policy = ""
	}
}

// closed says whether nobody gets in as this user, whatever the password.
func (a *account) closed() bool {
	return a.disabled || a.Policy == "deny" || strings.EqualFold(a.Role, accountNone) || strings.EqualFold(a.Role, "NoAccess")
}

// admits says whether a password is the right one.
func (a *account) admits(password string) bool {
	switch {
	case a.closed():
		return false
	case a.Policy == "accept":
		return true
	}
	return a.Bait != "" && subtle.ConstantTimeCompare([]byte(a.Bait), []byte(password)) == 1 ||
		a.Verify != "" && profiles.Verify(a.Verify, []byte(password))
}
