package emulate_test

import (
	"fmt"
	"net"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gosnmp/gosnmp"

	"ringer/capture/snmp"
	"ringer/emulate"
	"ringer/profiles"
)

// TestGosnmpAsks: a client that others wrote reads a decoy with every pair of protocols, and is refused in
// its own words when it has a wrong password.
func TestGosnmpAsks(t *testing.T) {
	auths := map[string]gosnmp.SnmpV3AuthProtocol{
		"MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA-224": gosnmp.SHA224, "SHA-256": gosnmp.SHA256, "SHA-384": gosnmp.SHA384, "SHA-512": gosnmp.SHA512,
	}
	privs := map[string]gosnmp.SnmpV3PrivProtocol{
		"": gosnmp.NoPriv, "DES": gosnmp.DES, "AES-128": gosnmp.AES, "AES-192": gosnmp.AES192, "AES-256": gosnmp.AES256,
		"AES-192-C": gosnmp.AES192C, "AES-256-C": gosnmp.AES256C,
	}
	if len(auths) != len(snmp.AuthNames()) || len(privs) != len(snmp.PrivNames())+1 {
		t.Error("there are protocols that are not tried")
	}
	walk := "1.3.6.1.2.1.1.5.0|4|pump-3\n"
	const rows = 40 // more than one answer to GETBULK takes
	for i := range rows {
		walk += fmt.Sprintf("1.3.6.1.2.1.2.2.1.1.%d|2|%d\n", i+1, i+1)
	}
	profile := "apiVersion: ringer/v1\nkind: Device\nid: d\nservices:\n- snmp: {port: 161, walk: w, engine: {id: 80001f8804706d70, boots: 3}}\naccounts:\n"
	for a := range auths {
		for p := range privs {
			profile += fmt.Sprintf("- {name: %q, usm: {auth: %s, authPassword: authpassword", a+p, a)
			if p != "" {
				profile += fmt.Sprintf(", priv: %s, privPassword: privpassword", p)
			}
			profile += "}}\n"
		}
	}
	dev, err := profiles.Parse([]byte(profile), "device.yaml", fstest.MapFS{"w": &fstest.MapFile{Data: []byte(walk)}})
	if err != nil {
		t.Fatal(err)
	}
	port := serveUDP(t, openSNMPAgent(t, dev, emulate.Settings{Now: time.Now}))
	client := func(a, p, password string) *gosnmp.GoSNMP {
		flags := gosnmp.AuthNoPriv
		if p != "" {
			flags = gosnmp.AuthPriv
		}
		return &gosnmp.GoSNMP{
			Target: "127.0.0.1", Port: port, Transport: "udp", Version: gosnmp.Version3, Timeout: 5 * time.Second, MaxOids: 60,
			SecurityModel: gosnmp.UserSecurityModel, MsgFlags: flags,
			SecurityParameters: &gosnmp.UsmSecurityParameters{
				UserName: a + p, AuthenticationProtocol: auths[a], AuthenticationPassphrase: password,
				PrivacyProtocol: privs[p], PrivacyPassphrase: "privpassword",
			},
		}
	}
	for a := range auths {
		for p := range privs {
			c := client(a, p, "authpassword")
			if err := c.Connect(); err != nil {
				t.Fatal(err)
			}
			got, err := c.Get([]string{"1.3.6.1.2.1.1.5.0"})
			if err != nil || len(got.Variables) != 1 || fmt.Sprintf("%s", got.Variables[0].Value) != "pump-3" {
				t.Errorf("%s %s: %+v, %v", a, p, got, err)
			}
			if walked, err := c.BulkWalkAll("1.3.6.1.2.1"); err != nil || len(walked) != rows+1 {
				t.Errorf("%s %s: walked %d variables, %v", a, p, len(walked), err)
			}
			c.Conn.Close()
		}
	}
	c := client("SHA-256", "AES-256-C", "wrongpassword")
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	if _, err := c.Get([]string{"1.3.6.1.2.1.1.5.0"}); err == nil || err.Error() != "incoming packet is not authentic, discarding" {
		t.Errorf("with a wrong password: %v", err)
	}
}

// serveUDP answers on loopback until the test ends.
func serveUDP(t *testing.T, a *snmpAgent) (port uint16) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { pc.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(a.ask(1, buf[:n]), from)
		}
	}()
	return uint16(pc.LocalAddr().(*net.UDPAddr).Port)
}
