package emulate

import (
	"bytes"

	"ringer/capture/ipmi"
)

// The list of users (sections 22.26 to 22.30), where the profile says how many slots it has.

// ipmiLinkFlags are the bits of a user's access: callback only, link authentication, IPMI messaging.
const (
	ipmiMessaging = 0x10
	ipmiLink      = 0x20
	ipmiNoAccess  = 0x0f
)

// slot finds the user of a slot.
func (s *ipmiService) slot(n uint8) *ipmiUser {
	for _, u := range s.users {
		if u.slot == n {
			return u
		}
	}
	return nil
}

// fill gives the user of a slot, which is made if there is none. Nil: there is no such slot.
func (s *ipmiService) fill(n uint8) *ipmiUser {
	u := s.slot(n)
	if u == nil && n > 0 && int(n) <= max(s.sec.Slots, ipmiSlots*min(len(s.users), 1)) {
		u = &ipmiUser{slot: n, limit: ipmiNoAccess, flags: ipmiLink}
		s.users = append(s.users, u)
	}
	return u
}

// ipmiSlots is how many slots there are at most.
const ipmiSlots = 63

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
		r := &ipmi.GetUserAccessReply{Most: byte(s.sec.Slots), Access: ipmiLink | ipmiNoAccess}
		state := byte(2)
		if u := s.slot(b.User & 0x3f); u != nil {
			r.Access = u.flags | u.limit
			if u.enabled {
				state = 1
			}
		}
		for _, u := range s.users {
			if u.enabled {
				r.Enabled++
			}
		}
		r.Enabled |= state << 6
		return ipmi.CodeOK, r, true
	}
	return 0, nil, false
}

// setUser carries out the commands that change a user (section 22.26 and further).
func (s *ipmiService) setUser(q *ipmi.Command) (ipmi.Code, bool) {
	switch b := q.Body.(type) {
	case *ipmi.SetUserAccess:
		u := s.fill(b.User & 0x3f)
		if u == nil {
			return ipmi.ParameterOutOfRange, true
		}
		if b.Channel&0x80 != 0 {
			u.flags = b.Channel & 0x70
		}
		u.limit = b.Limit & 0x0f
		return ipmi.CodeOK, true
	case *ipmi.SetUserName:
		u := s.fill(b.User & 0x3f)
		if u == nil {
			return ipmi.ParameterOutOfRange, true
		}
		u.name = string(bytes.TrimRight(b.Name[:], "\x00"))
		return ipmi.CodeOK, true
	case *ipmi.SetUserPassword:
		u := s.fill(b.User & 0x3f)
		if u == nil {
			return ipmi.ParameterOutOfRange, true
		}
		return u.setPassword(b), true
	}
	return 0, false
}

// setPassword changes, enables, disables, or tests (section 22.30).
func (u *ipmiUser) setPassword(b *ipmi.SetUserPassword) ipmi.Code {
	password := string(bytes.TrimRight(b.Password, "\x00"))
	switch b.Operation & 3 {
	case 0:
		u.enabled = false
	case 1:
		u.enabled = true
	case 2:
		u.secret, u.known, u.denied = password, true, false
	case 3:
		if !u.known || u.secret != password {
			return ipmi.Code(0x80)
		}
	}
	return ipmi.CodeOK
}
