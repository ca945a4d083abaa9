package replay

import (
	"net/netip"
	"reflect"
	"strings"

	"ringer/capture"
	"ringer/capture/wire"
)

// handles maps what the recorded device minted (session handles, upload ids) to what the target minted in
// its place, so that later requests name the target's.
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
