package http

import (
	"slices"
	"testing"

	"ringer/capture/wire"
)

func TestLends(t *testing.T) {
	read := func(from wire.Side, text string) wire.Message {
		c := Protocol{}.New()
		if from == wire.Server {
			c.Next(wire.Client, []byte("POST /log/in HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), false)
		}
		_, m, err := c.Next(from, []byte(text), false)
		if err != nil || m == nil {
			t.Fatalf("%q: %v", text, err)
		}
		return m
	}
	reply := read(wire.Server, "HTTP/1.1 201 Created\r\nX-Auth-Token: 8009c5d2\r\nSet-Cookie: sid=\"abcdef\"; Path=/\r\n"+
		"Location: https://bmc/redfish/v1/Sessions/rL8zYf\r\nContent-Length: 34\r\n\r\n{\"Id\":\"rL8zYf\",\"Other\":\"rL8zYfB6\"}").(*Response)
	var lent []string
	reply.Lends(func(name, text string) { lent = append(lent, name+"="+text) })
	want := []string{"X-Auth-Token=8009c5d2", "Cookie sid=\"abcdef\"", "Location=/redfish/v1/Sessions/rL8zYf", "Location's end=rL8zYf"}
	if !slices.Equal(lent, want) {
		t.Errorf("lends %q, want %q", lent, want)
	}
	if !reply.Rename("rL8zYf", "qH4hQgK3") {
		t.Error("nothing was renamed")
	}
	b, _ := reply.Append(nil)
	if want := "HTTP/1.1 201 Created\r\nX-Auth-Token: 8009c5d2\r\nSet-Cookie: sid=\"abcdef\"; Path=/\r\n" +
		"Location: https://bmc/redfish/v1/Sessions/qH4hQgK3\r\nContent-Length: 36\r\n\r\n{\"Id\":\"qH4hQgK3\",\"Other\":\"rL8zYfB6\"}"; string(b) != want {
		t.Errorf("renamed to %q", b)
	}

	q := read(wire.Client, "DELETE /redfish/v1/Sessions/rL8zYf HTTP/1.1\r\nX-Auth-Token: 8009c5d2\r\nCookie: a=1; sid=8009c5d2\r\n\r\n").(*Request)
	if !q.Rename("8009c5d2", "492f") || !q.Rename("/redfish/v1/Sessions/rL8zYf", "/redfish/v1/Sessions/1") || q.Rename("rL8z", "x") {
		t.Error("not what the request shows was renamed")
	}
	b, _ = q.Append(nil)
	if want := "DELETE /redfish/v1/Sessions/1 HTTP/1.1\r\nX-Auth-Token: 492f\r\nCookie: a=1; sid=492f\r\n\r\n"; string(b) != want {
		t.Errorf("renamed to %q", b)
	}
}
