package replay

import (
	"net/netip"
	"reflect"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// handles maps what the recorded device minted (session handles, upload ids) to what the target minted in
// its place, so that later requests name the target's.
type handles struct {
	minted map[handle]reflect.Value
	said   map[netip.AddrPort]saying // by recorded server
}

// A saying is the last reply of a recorded server, and the target's in its place.
type saying struct {
	want, got     wire.Message
	wanted, gotAt time.Time
}

func newHandles() handles {
	return handles{map[handle]reflect.Value{}, map[netip.AddrPort]saying{}}
}

type handle struct {
	server netip.AddrPort
	name   string
	value  string // as recorded
}

const handlesMax = 1 << 16

func fieldName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// learn pairs the minted fields of a recorded reply and the target's.
func (h handles) learn(x *capture.Exchange, want wire.Message, said Said) {
	server, got := x.Server, said.Message
	if reflect.TypeOf(want) != reflect.TypeOf(got) {
		return
	}
	if _, ok := got.(wire.Follower); ok {
		h.said[server] = saying{want, got, x.At.Add(x.Latency), said.At}
	}
	if len(h.minted) >= handlesMax {
		return
	}
	var minted map[string]string
	wire.Fields(want, func(path, tag string, v reflect.Value) {
		if tag == "minted" {
			if minted == nil {
				minted = map[string]string{}
			}
			minted[path] = wire.FieldText(v)
		}
	})
	if minted == nil {
		return
	}
	wire.Fields(got, func(path, tag string, v reflect.Value) {
		if was, ok := minted[path]; ok && tag == "minted" {
			h.minted[handle{server, fieldName(path), was}] = reflect.ValueOf(v.Interface())
		}
	})
}

// adopt takes what the target minted on opening a connection in the place of what the first request on it
// names: of a stream that was joined in the middle, nobody saw the recorded device mint that.
func (h handles) adopt(x *capture.Exchange, got wire.Message) {
	if len(h.minted) >= handlesMax {
		return
	}
	wire.Fields(got, func(path, tag string, v reflect.Value) {
		if tag != "minted" {
			return
		}
		name := fieldName(path)
		h.minted[handle{x.Server, name, adopted}] = reflect.ValueOf(true)
		wire.Fields(x.Request, func(path, tag string, w reflect.Value) {
			if tag == "echo" && fieldName(path) == name && w.Type() == v.Type() {
				h.minted[handle{x.Server, name, wire.FieldText(w)}] = reflect.ValueOf(v.Interface())
			}
		})
	})
}

// adopted stands for the values of a field that are adopted: one that no request has.
const adopted = "(adopted)"

// strange says whether a request names something that others of its kind were adopted for, and that the
// target has nothing in the place of: several things were open on a stream that was joined in the middle. It
// says so once.
func (h handles) strange(x *capture.Exchange) (strange bool) {
	if len(h.minted) == 0 {
		return false
	}
	wire.Fields(x.Request, func(path, tag string, v reflect.Value) {
		name := fieldName(path)
		if _, ok := h.minted[handle{x.Server, name, adopted}]; tag != "echo" || !ok {
			return
		}
		k := handle{x.Server, name, wire.FieldText(v)}
		if _, known := h.minted[k]; !known {
			strange = true
			h.minted[k] = reflect.ValueOf(v.Interface())
		}
	})
	return strange
}

// substitute puts the target's handles into the echo fields of a request, and what the target says of itself
// where the request names it. For a target that is in the recording's time, now is zero.
func (h handles) substitute(x *capture.Exchange, now time.Time) {
	if f, ok := x.Request.(wire.Follower); ok {
		if s, ok := h.said[x.Server]; ok {
			less := time.Duration(0)
			if !now.IsZero() {
				less = x.At.Sub(s.wanted) - now.Sub(s.gotAt)
			}
			f.Follow(s.want, s.got, less)
		}
	}
	if len(h.minted) == 0 {
		return
	}
	wire.Fields(x.Request, func(path, tag string, v reflect.Value) {
		if tag != "echo" || !v.CanSet() {
			return
		}
		if now, ok := h.minted[handle{x.Server, fieldName(path), wire.FieldText(v)}]; ok && now.Type() == v.Type() {
			v.Set(now)
		}
	})
}
