package s7comm

import (
	"testing"

	"ringer/capture/wire"
)

// TestOnlyReadsAreReads goes through all functions: a scan may send what is a read, and nothing else.
func TestOnlyReadsAreReads(t *testing.T) {
	reads := map[string]bool{
		"connect": true, "disconnect": true, "setup communication": true, "read variable": true,
		"start upload": true, "upload": true, "end upload": true,
		"read szl": true, "query alarms": true, "list blocks": true, "list blocks of type": true, "get block info": true, "read clock": true,
	}
	seen := map[string]bool{}
	check := func(what string, m wire.Message) {
		t.Helper()
		name, effect := wire.Class(m)
		if (effect == wire.Read) != reads[name] {
			t.Errorf("%s is %s, %v", what, name, effect)
		}
		if effect == wire.Read {
			seen[name] = true
		}
	}
	decoded := func(payload []byte) wire.Message {
		n := len(payload) + 7
		_, m, err := Protocol{}.New().Next(wire.Client, append([]byte{3, 0, byte(n >> 8), byte(n), 2, 0xF0, 0x80}, payload...), false)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for kind := range uint8(16) {
		for group := range uint8(16) {
			for sub := range 256 {
				for _, data := range [][]byte{nil, {0, 0x11, 0, 0}, {0, 0x26, 7, 1, 8, 0, 0, 0, 0, 1}} {
					p := []byte{0x32, 7, 0, 0, 0, 1, 0, 8, 0, byte(4 + len(data)), 0, 1, 0x12, 4, 0x11, kind<<4 | group, byte(sub), 0, 0xFF, 9, 0, byte(len(data))}
					m := decoded(append(p, data...))
					f := Function{group, uint8(sub)}
					_, effect := wire.Class(m)
					allowed := kind == kindRequest && (f == Function{GroupCPU, CPUReadSZL} || f == Function{GroupCPU, CPUAlarmQuery} ||
						group == GroupBlock && sub >= BlockList && sub <= BlockInfo || f == Function{GroupTime, TimeRead} || f == Function{GroupTime, TimeReadFollower})
					if (effect == wire.Read) != allowed {
						t.Errorf("userdata of kind %d, group %d, function %d is %v", kind, group, sub, effect)
					}
					check("userdata", m)
				}
			}
		}
	}
	for rosctr := range 256 {
		for function := range 256 {
			if rosctr == rosctrUserdata {
				continue
			}
			p := []byte{0x32, byte(rosctr), 0, 0, 0, 1, 0, 8, 0, 0}
			if rosctr == rosctrAck || rosctr == rosctrAckData {
				p = append(p, 0, 0)
			}
			m := decoded(append(p, byte(function), 0, 0, 0, 0, 0, 0, 7))
			name, effect := wire.Class(m)
			job := rosctr == rosctrJob && (function == FuncSetup || function == FuncUpload || function == FuncEndUpload)
			if (effect == wire.Read) != job {
				t.Errorf("a PDU of kind %d with function 0x%02x is %s, %v", rosctr, function, name, effect)
			}
		}
	}
	for _, x := range messages {
		if x.want != nil {
			check(x.name, x.want)
		}
	}
	for _, m := range []wire.Message{&OtherTPDU{}, &TPDUError{}, &Unknown{}, &ConnectConfirm{}, &ReadVarReply{}, &UserdataReply{}, &Job{}, &Job{Parameter: []byte{FuncReadVar}}, &WriteVar{}, &ReadVar{}, &StartUpload{}, &ConnectRequest{}, &Disconnect{}} {
		check("it", m)
	}
	for name := range reads {
		if !seen[name] {
			t.Errorf("%s was not seen", name)
		}
	}
}
