package emulate

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// The order for every command: what the decoy keeps itself (sessions, power, records, what was written), then
// what the controller was seen to answer, then whole recordings, then the specification's refusal.

// outside answers what may be asked without a session (section 22, table 22-1).
func (s *ipmiService) outside(p *ipmiPeer, q *ipmi.Command, data []byte) (ipmi.Code, ipmi.Body, Origin, string) {
	if code, d, from, ok := s.answeredOutside(q.Target, data); ok {
		return code, ipmi.Data(d), from, ""
	}
	if q.NetFn != ipmi.App {
		return s.recordedOr(q, ipmi.InsufficientPrivilege)
	}
	switch b := q.Body.(type) {
	case *ipmi.GetAuthCapabilities:
		return s.authCapabilities(b, data)
	case *ipmi.GetSessionChallenge:
		code, body, note := p.challenge(b)
		return code, body, Modelled, note
	case *ipmi.GetCipherSuites:
		return s.cipherSuites(b, data)
	case *ipmi.ActivateSession: // with no session of that id
		return s.recordedOr(q, ipmi.Code(0x85))
	}
	if q.Cmd == 0x37 || q.Cmd == 0x08 {
		return s.asked(q, data)
	}
	return s.recordedOr(q, ipmi.InsufficientPrivilege)
}

// recordedOr answers as a recording does, or with a code.
func (s *ipmiService) recordedOr(q *ipmi.Command, code ipmi.Code) (ipmi.Code, ipmi.Body, Origin, string) {
	if code, body, ok := s.recorded(q); ok {
		return code, body, Recorded, ""
	}
	return code, nil, Refused, ""
}

// recorded is the answer that was kept whole.
func (s *ipmiService) recorded(q *ipmi.Command) (ipmi.Code, ipmi.Body, bool) {
	replies, found := s.script.Ask(q)
	if !found {
		return 0, nil, false
	}
	if s.silent = len(replies) == 0; s.silent {
		return 0, nil, true
	}
	r, ok := replies[0].(*ipmi.Reply)
	if !ok {
		return 0, nil, false
	}
	return r.Code, r.Body, true
}

// inside answers a command in a session.
func (s *ipmiService) inside(p *ipmiPeer, n *ipmiSession, q *ipmi.Command, data []byte) (ipmi.Code, ipmi.Body, Origin, string) {
	if need, known := ipmiNeeds(q); n.role < need && (known || s.knows(q.Target)) {
		return ipmi.InsufficientPrivilege, nil, Refused, ""
	}
	switch b := q.Body.(type) {
	case *ipmi.GetAuthCapabilities:
		return s.authCapabilities(b, data)
	case *ipmi.GetCipherSuites:
		return s.cipherSuites(b, data)
	case *ipmi.SetSessionPrivilege:
		want := b.Privilege & 0xf
		switch {
		case want == 0:
		case want > n.user.limit, want > n.most:
			return ipmi.Code(0x81), nil, Refused, ""
		default:
			n.role = want
		}
		return ipmi.CodeOK, &ipmi.SetSessionPrivilegeReply{Privilege: n.role}, Modelled, ""
	case *ipmi.CloseSession:
		id := b.ID
		if id == 0 && len(b.Rest) > 0 {
			for _, o := range s.active() {
				if o.handle == b.Rest[0] {
					id = o.id
				}
			}
		}
		if o := s.sessions[id]; o == nil || !o.open {
			return ipmi.Code(0x87), nil, Refused, ""
		} else if o != n && n.role < ipmiAdministrator {
			return ipmi.InsufficientPrivilege, nil, Refused, ""
		}
		s.closing = id
		return ipmi.CodeOK, nil, Modelled, ""
	case *ipmi.GetSessionInfo:
		return s.sessionInfo(n, b)
	}
	if code, ok := s.cannot(q, data); ok {
		return code, nil, Recorded, ""
	}
	if code, body, note, ok := s.payload(n, q); ok {
		return code, body, Point, note
	}
	if code, body, ok := s.watch.command(s, q); ok {
		return code, body, Point, ""
	}
	if code, body, note, ok := s.chassis.command(s, q); ok {
		return code, body, Point, note
	}
	if code, body, note, ok := s.store.command(s, q); ok {
		return code, body, Point, note
	}
	if body, ok := s.hostSensor(q); ok {
		return ipmi.CodeOK, body, Point, ""
	}
	if code, body, ok := s.sensor(q, data); ok {
		return code, body, Point, ""
	}
	if code, body, ok := s.text(q, data); ok {
		return code, body, Point, ""
	}
	if code, body, ok := s.powerLimit(q); ok {
		return code, body, Point, ""
	}
	if code, ok := s.set(q); ok {
		class, _ := wire.Class(q)
		return code, nil, Point, class
	}
	if body, ok := s.bootFlags(q, data); ok {
		return ipmi.CodeOK, body, Point, ""
	}
	if body, ok := s.changedUser(q, data); ok {
		return ipmi.CodeOK, body, Point, ""
	}
	code, body, from, note := s.asked(q, data)
	return code, s.shown(p, q, body, from), from, note
}

// asked answers as the controller was seen to answer, else as the specification has it.
func (s *ipmiService) asked(q *ipmi.Command, data []byte) (ipmi.Code, ipmi.Body, Origin, string) {
	if code, d, from, ok := s.answered(q.Target, data); ok {
		return code, ipmi.Data(d), from, ""
	}
	if code, body, ok := s.recorded(q); ok {
		return code, body, Recorded, ""
	}
	if code, body, ok := s.userList(q); ok {
		return code, body, Modelled, ""
	}
	if body, ok := s.described(q); ok {
		return ipmi.CodeOK, body, Modelled, ""
	}
	if q.NetFn == ipmi.App && (q.Cmd == 0x37 || q.Cmd == 0x08) && s.guid != [16]byte{} {
		return ipmi.CodeOK, ipmi.Data(s.guid[:]), Modelled, ""
	}
	if !s.knows(q.Target) {
		return ipmi.InvalidCommand, nil, Refused, ""
	}
	// The controller has the command, and not what is asked for: it refuses as it was seen to.
	if code, ok := s.refuses[ipmi.Target{NetFn: q.NetFn, Cmd: q.Cmd}]; ok {
		return code, nil, Refused, ""
	}
	switch q.Body.(type) {
	case *ipmi.GetLANConfig, *ipmi.GetSOLConfig, *ipmi.GetPEFConfig, *ipmi.GetBootOptions, *ipmi.GetSystemInfo:
		return ipmiNoParameter, nil, Refused, ""
	case *ipmi.GetSensorReading, *ipmi.GetSensorThresholds, *ipmi.GetFRUInfo, *ipmi.ReadFRU:
		return ipmi.NotPresent, nil, Refused, ""
	}
	return ipmi.InvalidField, nil, Refused, ""
}

// ipmiNoParameter says that there is no such parameter (sections 23.2, 26.3, 28.13 and 30.4).
const ipmiNoParameter ipmi.Code = 0x80

// knows says whether the controller was seen to carry out a command with other data.
func (s *ipmiService) knows(t ipmi.Target) bool {
	if s.commands == nil {
		s.commands, s.does, s.refuses = map[ipmi.Target]bool{}, map[ipmi.Target]bool{}, map[ipmi.Target]ipmi.Code{}
		for _, cell := range slices.Sorted(maps.Keys(s.cells)) {
			target, _, ok, _ := profiles.ParseIPMICell(cell)
			if !ok || strings.HasPrefix(cell, profiles.IPMIOutside) {
				continue
			}
			v, _ := s.cells[cell].Peek(s.st)
			if len(v) == 0 {
				continue
			}
			code := ipmi.Code(v[0])
			if code != ipmi.CodeOK {
				s.refuses[target] = code
			} else {
				s.does[target] = true
			}
			s.commands[target] = s.commands[target] || code != ipmi.InvalidCommand
		}
	}
	return s.commands[ipmi.Target{NetFn: t.NetFn, Cmd: t.Cmd}]
}

// cannot is how the controller was seen to refuse to change something: with this data, or whenever it was
// asked to. Asking which power restore policies there are is a change of nothing.
func (s *ipmiService) cannot(q *ipmi.Command, data []byte) (ipmi.Code, bool) {
	_, policies := q.Body.(*ipmi.SetPowerRestorePolicy)
	if _, effect := wire.Class(q); effect == wire.Read && !policies {
		return 0, false
	}
	if c := s.cells[profiles.IPMICell(q.Target, data)]; c != nil {
		v, _ := c.Peek(s.st)
		if len(v) > 0 {
			return ipmi.Code(v[0]), v[0] != byte(ipmi.CodeOK)
		}
	}
	s.knows(q.Target)
	t := ipmi.Target{NetFn: q.NetFn, Cmd: q.Cmd}
	code, refused := s.refuses[t]
	return code, refused && !s.does[t]
}

// authCapabilities answers the first question of every client (section 22.13).
func (s *ipmiService) authCapabilities(b *ipmi.GetAuthCapabilities, data []byte) (ipmi.Code, ipmi.Body, Origin, string) {
	t := ipmi.Target{NetFn: ipmi.App, Cmd: 0x38}
	if code, d, from, ok := s.answered(t, data); ok {
		return code, ipmi.Data(d), from, ""
	}
	for _, privilege := range [...]byte{4, 3, 2, 1, 5} { // it is hardly ever looked at
		if code, d, from, ok := s.answered(t, []byte{b.Channel, privilege}); ok {
			return code, ipmi.Data(d), from, ""
		}
	}
	r := &s.capabilities
	*r = ipmi.GetAuthCapabilitiesReply{Channel: s.channel}
	for _, name := range s.sec.Auth {
		r.Types |= 1 << profiles.IPMIFormats[name]
	}
	for _, u := range s.users {
		switch {
		case u.name == "" && s.sec.Anonymous && u.enabled && u.secret == "":
			r.Status |= 1
		case u.name == "" && s.sec.Anonymous && u.enabled:
			r.Status |= 2
		case u.enabled:
			r.Status |= 4
		}
	}
	if len(s.suites) > 0 {
		r.Extended = 1
		if b.Channel&0x80 != 0 {
			r.Types |= 0x80
			r.Extended = 2
			if len(s.sec.Auth) > 0 {
				r.Extended = 3
			}
		}
	}
	return ipmi.CodeOK, r, Modelled, ""
}

// cipherSuites lists the suites, sixteen bytes at a time (section 22.15).
func (s *ipmiService) cipherSuites(b *ipmi.GetCipherSuites, data []byte) (ipmi.Code, ipmi.Body, Origin, string) {
	t := ipmi.Target{NetFn: ipmi.App, Cmd: 0x54}
	if code, d, from, ok := s.answered(t, data); ok {
		return code, ipmi.Data(d), from, ""
	}
	if len(s.suites) == 0 {
		return ipmi.InvalidCommand, nil, Refused, ""
	}
	var all []byte
	for i, a := range s.suites {
		if b.Index&0x80 == 0 { // the algorithms, each once
			continue
		}
		all = append(all, 0xc0, s.sec.Ciphers[i], byte(a.Auth), 0x40|byte(a.Integrity), 0x80|byte(a.Confidentiality))
	}
	if b.Index&0x80 == 0 {
		for _, a := range s.suites {
			for _, x := range []byte{byte(a.Auth), 0x40 | byte(a.Integrity), 0x80 | byte(a.Confidentiality)} {
				if !bytes.Contains(all, []byte{x}) {
					all = append(all, x)
				}
			}
		}
	}
	at := min(int(b.Index&0x3f)*16, len(all))
	return ipmi.CodeOK, &ipmi.GetCipherSuitesReply{Channel: s.channel, Records: all[at:min(at+16, len(all))]}, Modelled, ""
}

// sessionInfo says who is logged in (section 22.20).
func (s *ipmiService) sessionInfo(n *ipmiSession, b *ipmi.GetSessionInfo) (ipmi.Code, ipmi.Body, Origin, string) {
	all := s.active()
	var o *ipmiSession
	switch {
	case b.Index == 0:
		o = n
	case b.Index == 0xfe && len(b.Rest) > 0, b.Index == 0xff && len(b.Rest) >= 4:
		for _, x := range all {
			if b.Index == 0xfe && x.handle == b.Rest[0] || b.Index == 0xff && x.id == binary.LittleEndian.Uint32(b.Rest) {
				o = x
			}
		}
		if o == nil {
			return ipmi.NotPresent, nil, Refused, ""
		}
	case int(b.Index) <= len(all):
		o = all[b.Index-1]
	}
	r := &ipmi.GetSessionInfoReply{Possible: byte(s.most), Active: byte(len(all))}
	if o != nil {
		r.Handle = o.handle
		channel := s.channel
		if o.format == ipmi.FormatRMCPPlus {
			channel |= 1 << 4
		}
		r.Rest = append(r.Rest, o.user.slot, o.role, channel)
		if s.sec.BriefInfo {
			return ipmi.CodeOK, r, Modelled, ""
		}
		a := o.peer.Remote.Addr().Unmap()
		ip := [4]byte{}
		if a.Is4() {
			ip = a.As4()
		}
		r.Rest = append(append(r.Rest, ip[:]...), 0, 0, 0, 0, 0, 0)
		r.Rest = binary.LittleEndian.AppendUint16(r.Rest, o.peer.Remote.Port())
	}
	return ipmi.CodeOK, r, Modelled, ""
}
