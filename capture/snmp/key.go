package snmp

import "strconv"

// AppendKey appends all but the request id.
func (m *CommunityMessage) AppendKey(b []byte) []byte {
	b = append(b, m.Version.String()...)
	b = appendSized(b, m.Community)
	return m.PDU.appendKey(b)
}

func (p *PDU) appendKey(b []byte) []byte {
	b = append(b, ' ')
	b = append(b, p.Type.String()...)
	if p.Type == GetBulkRequest {
		b = appendNumber(appendNumber(b, p.NonRepeaters), p.MaxRepetitions)
	} else if p.ErrorStatus != 0 || p.ErrorIndex != 0 {
		b = appendNumber(appendNumber(b, int64(p.ErrorStatus)), p.ErrorIndex)
	}
	return appendVarBindsKey(b, p.VarBinds)
}

// appendVarBindsKey appends names and values; TimeTicks follow the time and are no part of a question.
func appendVarBindsKey(b []byte, list []VarBind) []byte {
	for i := range list {
		v := &list[i]
		b = appendSized(b, v.OID)
		if v.Value.Type != TypeNull || len(v.Value.Bytes) > 0 {
			b = append(b, '=', byte(v.Value.Type))
			b = appendSized(b, v.Value.Bytes)
		}
	}
	return b
}

func appendSized(b, s []byte) []byte {
	return append(appendNumber(b, int64(len(s))), s...)
}

func appendNumber(b []byte, n int64) []byte {
	return append(strconv.AppendInt(append(b, ' '), n, 10), ':')
}

// AppendKey appends who asks and what. The size that the client can receive is no part of the question.
func (m *V3Message) AppendKey(b []byte) []byte {
	b = append(b, "v3"...)
	b = appendSized(b, m.Flags)
	b = appendNumber(b, m.SecurityModel)
	if u := m.USM; u != nil {
		b = appendSized(b, u.EngineID)
		b = appendSized(b, u.UserName)
	} else {
		b = appendSized(b, m.Security)
	}
	if s := m.ScopedPDU; s != nil {
		b = appendSized(b, s.ContextEngineID)
		b = appendSized(b, s.ContextName)
		return s.PDU.appendKey(b)
	}
	return appendSized(b, m.EncryptedPDU)
}
