package replay

import (
	"net/netip"
	"reflect"
	"strings"

	"ringer/capture"
	"ringer/capture/wire"
)

// handles maps what the recorded device minted (session handles, upload ids) to what the target minted in
// its place, so that later requests name the target's. The tags of the messages say what that is.
type handles map[handle]reflect.Value

type handle struct {
	server netip.AddrPort
	name   string
	value  string // as recorded
}

const handlesMax = 1 << 16

func fieldName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// learn pairs the minted fields of a recorded reply and the target's.
func (h handles) learn(server netip.AddrPort, want, got wire.Message) {
	if reflect.TypeOf(want) != reflect.TypeOf(got) || len(h) >= handlesMax {
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
			h[handle{server, fieldName(path), was}] = reflect.ValueOf(v.Interface())
		}
	})
}

// adopt takes what the target minted on opening a connection in the place of what the first request on it
// names: of a stream that was joined in the middle, nobody saw the recorded device mint that.
func (h handles) adopt(x *capture.Exchange, got wire.Message) {
	if len(h) >= handlesMax {
		return
	}
	wire.Fields(got, func(path, tag string, v reflect.Value) {
		if tag != "minted" {
			return
		}
		name := fieldName(path)
		h[handle{x.Server, name, adopted}] = reflect.ValueOf(true)
		wire.Fields(x.Request, func(path, tag string, w reflect.Value) {
			if tag == "echo" && fieldName(path) == name && w.Type() == v.Type() {
				h[handle{x.Server, name, wire.FieldText(w)}] = reflect.ValueOf(v.Interface())
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
	if len(h) == 0 {
		return false
	}
	wire.Fields(x.Request, func(path, tag string, v reflect.Value) {
		name := fieldName(path)
		if _, ok := h[handle{x.Server, name, adopted}]; tag != "echo" || !ok {
			return
		}
		k := handle{x.Server, name, wire.FieldText(v)}
		if _, known := h[k]; !known {
			strange = true
			h[k] = reflect.ValueOf(v.Interface())
		}
	})
	return strange
}

// substitute puts the target's handles into the echo fields of a request.
func (h handles) substitute(x *capture.Exchange) {
	if len(h) == 0 {
		return
	}
	wire.Fields(x.Request, func(path, tag string, v reflect.Value) {
		if tag != "echo" || !v.CanSet() {
			return
		}
		if now, ok := h[handle{x.Server, fieldName(path), wire.FieldText(v)}]; ok && now.Type() == v.Type() {
			v.Set(now)
		}
	})
}
