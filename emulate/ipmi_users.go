package emulate

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// The list of users (sections 22.26 to 22.30): slots, of which each can hold one of the device's accounts.

// ipmiLinkFlags are the bits of a user's access: callback only, link authentication, IPMI messaging.
const (
	ipmiMessaging = 0x10
	ipmiLink      = 0x20
	ipmiNoAccess  = 0x0f
)

// ipmiSlots is how many slots there are at most, ipmiName how long a name may be.
const (
	ipmiSlots = 63
	ipmiName  = 16
)

// loadUsers joins the slots with the accounts that know the passwords, or with the keys that were given.
func (s *ipmiService) loadUsers(p wire.Protocol) {
	given, _ := p.(ipmi.Protocol)
	for _, slot := range slices.Sorted(maps.Keys(s.sec.Users)) {
		u := s.sec.Users[slot]
		n := &ipmiUser{slot: slot, name: u.Name, limit: profiles.IPMIPrivilege(u.Privilege), flags: ipmiLink | ipmiMessaging, enabled: !u.Disabled}
		if password, ok := given.Keys.Password(u.Name); ok {
			n.secret, n.known, n.given = password, true, &password
		}
		if a := s.st.accounts.find(u.Name); a != nil {
			n.account, a.slot, a.disabled = a, slot, u.Disabled
			n.follow()
		}
		s.users = append(s.users, n)
	}
	if s.slots() > 0 {
		s.st.accounts.free = s.freeSlot
	}
	s.st.accounts.watch(s.showUser)
}

// follow takes over what the account of a user says.
func (u *ipmiUser) follow() {
	a := u.account
	u.name, u.enabled = a.Name, !a.disabled
	if u.secret, u.known = a.Bait, a.Bait != ""; !u.known && !a.renewed && u.given != nil {
		u.secret, u.known = *u.given, true
	}
	u.denied, u.bait = a.Policy == "deny", a.Policy == "bait"
	u.role = a.Role
}

// showUser has the slot of an account say what became of it.
func (s *ipmiService) showUser(a *account, what accountChange) {
	u := s.userOf(a)
	if u == nil {
		if what != accountAdded || a.slot == 0 {
			return
		}
		if u = s.fill(a.slot); u == nil {
			return
		}
		u.account, u.flags = a, ipmiLink|ipmiMessaging
	}
	u.changed = true
	if what == accountRemoved {
		*u = ipmiUser{slot: u.slot, limit: ipmiNoAccess, flags: ipmiLink, changed: true}
		return
	}
	if what == accountAdded || a.Role != u.role {
		u.limit = ipmiLimit(a.Role)
	}
	u.follow()
}

// ipmiLimit is the privilege that goes with a role, and ipmiRole the reverse.
func ipmiLimit(role string) uint8 {
	switch role = strings.ToLower(role); role {
	case "readonly", "read-only":
		return ipmiUserRole
	case "noaccess", accountNone:
		return ipmiNoAccess
	}
	return profiles.IPMIPrivilege(role)
}

func ipmiRole(limit uint8) string {
	if limit == ipmiNoAccess {
		return accountNone
	}
	return profiles.IPMIPrivilegeName(limit)
}

// slot finds the user of a slot.
func (s *ipmiService) slot(n uint8) *ipmiUser {
	for _, u := range s.users {
		if u.slot == n {
			return u
		}
	}
	return nil
}

func (s *ipmiService) userOf(a *account) *ipmiUser {
	for _, u := range s.users {
		if u.account == a {
			return u
		}
	}
	return nil
}

// slots is how many there are.
func (s *ipmiService) slots() int {
	if s.sec.Slots > 0 {
		return s.sec.Slots
	}
	t := ipmi.Target{NetFn: ipmi.App, Cmd: 0x44}
	for _, u := range s.users {
		for channel := range byte(16) {
			if c := s.cells[profiles.IPMICell(t, []byte{channel, u.slot})]; c != nil {
				if v, _ := c.Peek(s.st); len(v) == 5 && v[0] == 0 {
					return int(v[1] & 0x3f)
				}
			}
		}
	}
	return ipmiSlots * min(len(s.users), 1)
}

// freeSlot is the first that nobody has. The first of all is for those who log in without a name, and names that
// are too long for a slot have none.
func (s *ipmiService) freeSlot(name string) (uint8, bool) {
	if len(name) > ipmiName {
		return 0, true
	}
	for n := 2; n <= s.slots(); n++ {
		if u := s.slot(uint8(n)); u == nil || u.account == nil && u.name == "" {
			return uint8(n), true
		}
	}
	return 0, false
}

// fill gives the user of a slot, which is made if there is none. Nil: there is no such slot.
func (s *ipmiService) fill(n uint8) *ipmiUser {
	u := s.slot(n)
	if u == nil && n > 0 && int(n) <= s.slots() {
		u = &ipmiUser{slot: n, limit: ipmiNoAccess, flags: ipmiLink}
		s.users = append(s.users, u)
	}
	return u
}

// changedUser answers about users that are not as they were recorded.
func (s *ipmiService) changedUser(q *ipmi.Command, data []byte) (ipmi.Body, bool) {
	anyone := slices.ContainsFunc(s.users, func(u *ipmiUser) bool { return u.changed })
	if !anyone {
		return nil, false
	}
	switch b := q.Body.(type) {
	case *ipmi.GetUserName:
		u := s.slot(b.User & 0x3f)
		if u == nil || !u.changed {
			return nil, false
		}
		r := &ipmi.GetUserNameReply{}
		copy(r.Name[:], u.name)
		return r, true
	case *ipmi.GetUserAccess:
		code, d, _, ok := s.answered(q.Target, data)
		if !ok || code != ipmi.CodeOK || len(d) != 4 {
			return nil, false
		}
		r := &ipmi.GetUserAccessReply{Most: d[0], Enabled: d[1]&0xc0 | s.enabled(), Fixed: d[2], Access: d[3]}
		if u := s.slot(b.User & 0x3f); u != nil && u.changed {
			r.Enabled, r.Access = s.enabled()|u.state()<<6, u.flags|u.limit
		}
		return r, true
	}
	return nil, false
}

// enabled counts the users that may log in.
func (s *ipmiService) enabled() (n uint8) {
	for _, u := range s.users {
		if u.enabled {
			n++
		}
	}
	return n & 0x3f
}

// state is how Get User Access tells whether a user may log in.
func (u *ipmiUser) state() uint8 {
	if u.enabled {
		return 1
	}
	return 2
}

// userList answers questions about the list.
func (s *ipmiService) userList(q *ipmi.Command) (ipmi.Code, ipmi.Body, bool) {
	if s.sec.Slots == 0 {
		return 0, nil, false
	}
	switch b := q.Body.(type) {
	case *ipmi.GetUserName:
		if int(b.User&0x3f) > s.sec.Slots || b.User == 0 {
			return ipmi.ParameterOutOfRange, nil, true
		}
		r := &ipmi.GetUserNameReply{}
		if u := s.slot(b.User & 0x3f); u != nil {
			copy(r.Name[:], u.name)
		}
		return ipmi.CodeOK, r, true
	case *ipmi.GetUserAccess:
		if int(b.User&0x3f) > s.sec.Slots || b.User == 0 {
			return ipmi.ParameterOutOfRange, nil, true
		}
		r := &ipmi.GetUserAccessReply{Most: byte(s.sec.Slots), Access: ipmiLink | ipmiNoAccess, Enabled: s.enabled() | 2<<6}
		if u := s.slot(b.User & 0x3f); u != nil {
			r.Enabled, r.Access = s.enabled()|u.state()<<6, u.flags|u.limit
		}
		return ipmi.CodeOK, r, true
	}
	return 0, nil, false
}

// setUser carries out the commands that change a user (section 22.26 and further).
func (s *ipmiService) setUser(q *ipmi.Command) (ipmi.Code, bool) {
	var n uint8
	switch b := q.Body.(type) {
	case *ipmi.SetUserAccess:
		n = b.User
	case *ipmi.SetUserName:
		n = b.User
	case *ipmi.SetUserPassword:
		n = b.User
	default:
		return 0, false
	}
	u := s.fill(n & 0x3f)
	if u == nil {
		return ipmi.ParameterOutOfRange, true
	}
	accounts := s.st.accounts
	switch b := q.Body.(type) {
	case *ipmi.SetUserAccess:
		if b.Channel&0x80 != 0 {
			u.flags = b.Channel & 0x70
		}
		u.limit, u.changed = b.Limit&0x0f, true
		if u.account != nil && ipmiLimit(u.account.Role) != u.limit {
			u.role = ipmiRole(u.limit)
			u.account.Role = u.role
			accounts.changed(u.account)
		}
	case *ipmi.SetUserName:
		return s.rename(u, string(bytes.TrimRight(b.Name[:], "\x00"))), true
	case *ipmi.SetUserPassword:
		return s.setPassword(u, b), true
	}
	return ipmi.CodeOK, true
}

// rename gives a slot to another name: an account is made or taken away with it.
func (s *ipmiService) rename(u *ipmiUser, name string) ipmi.Code {
	accounts := s.st.accounts
	other := accounts.find(name)
	switch {
	case name == u.name:
	case name != "" && other != nil && other.slot != 0:
		return ipmi.InvalidField // two slots cannot have the same name
	case name == "" && u.account != nil:
		accounts.remove(u.account)
	case name == "":
		u.name, u.changed = "", true
	case u.account != nil:
		u.account.Name = name
		accounts.changed(u.account)
	case other != nil: // known to other services so far
		u.account, other.slot = other, u.slot
		accounts.changed(other)
	default:
		a := &account{Account: profiles.Account{Name: name, Role: ipmiRole(u.limit), Bait: u.secret}, disabled: !u.enabled, slot: u.slot}
		limit := u.limit
		if u.account = a; !accounts.add(a) {
			u.account = nil
			return ipmi.OutOfSpace
		}
		u.limit = limit
	}
	return ipmi.CodeOK
}

// setPassword changes, enables, disables, or tests (section 22.30).
func (s *ipmiService) setPassword(u *ipmiUser, b *ipmi.SetUserPassword) ipmi.Code {
	password := string(bytes.TrimRight(b.Password, "\x00"))
	a := u.account
	switch b.Operation & 3 {
	case 0, 1:
		if u.enabled = b.Operation&3 == 1; a != nil {
			a.disabled = !u.enabled
		}
	case 2:
		if u.secret, u.known, u.denied = password, true, false; a != nil {
			a.setPassword(password)
		}
	case 3:
		if !u.known || u.secret != password {
			return ipmi.Code(0x80)
		}
		return ipmi.CodeOK
	}
	if u.changed = true; a != nil {
		s.st.accounts.changed(a)
	}
	return ipmi.CodeOK
}
