package profiles

import (
	"encoding/hex"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRedact(t *testing.T) {
	const serial, mac = "S V-R4N6ER0042", "28:63:36:4e:52:01"
	d := made(t, `
identity: {vendor: Siemens, model: CPU 1214C, serial: `+serial+`, mac: "`+mac+`", location: Well house 3}
captures: {c1: {file: x.pcap, server: 10.20.30.4, `+march+`}}
evidence: evidence.jsonl
services:
  - s7: {port: 102, password: secret12, szl: {"0011/0000": szl/a.bin}}
  - http: {port: 80, root: http/, samples: [samples/http-80-c1.tsv], headers: {Server: "at 10.20.30.4"}}
  - snmp: {port: 161/udp, communities: {plantwide: rw}, recordings: [recordings/snmp-161-c1.pcapng]}
`, map[string]string{
		"evidence.jsonl":                 "",
		"szl/a.bin":                      "\x00\x01" + serial + "\x00" + "\x28\x63\x36\x4e\x52\x01",
		"http/index.html":                "<p>" + serial + " at 10.20.30.4, not 10.20.30.4.1, mask 255.255.255.0, mac 28-63-36-4E-52-01",
		"samples/http-80-c1.tsv":         "c\t\t" + hex.EncodeToString([]byte("no. "+serial)) + "\n",
		"recordings/snmp-161-c1.pcapng":  "..plantwide..",
		"recordings/other-161-c1.pcapng": "..public..",
	})
	r, left, err := Redact(d, []byte("salt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	all := textOf(t, r)
	for name, text := range all {
		for _, gone := range []string{serial, hex.EncodeToString([]byte(serial)), mac, "\x28\x63\x36\x4e\x52\x01", "28-63-36-4E-52-01", "Well house", "10.20.30.4 ", "10.20.30.4,", "secret12"} {
			if strings.Contains(text, gone) {
				t.Errorf("%s still has %q", name, gone)
			}
		}
		if before := textOf(t, d)[name]; name != DeviceFile && len(before) != len(text) {
			t.Errorf("%s had %d bytes and has %d", name, len(before), len(text))
		}
	}
	for what, form := range map[string]string{
		r.Identity.Serial:        `^[A-Z] [A-Z]-[A-Z]\d[A-Z]\d[A-Z]{2}\d{4}$`,
		r.Identity.MAC:           `^28:63:36:[0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2}$`,
		r.Identity.Location:      `^[A-Z][a-z]{3} [a-z]{5} \d$`,
		r.Captures["c1"].Server:  `^10\.\d\d\.\d\d\.\d$`,
		all["http/index.html"]:   `^<p>` + regexp.QuoteMeta(r.Identity.Serial) + ` at ` + regexp.QuoteMeta(r.Captures["c1"].Server) + `, not 10\.20\.30\.4\.1, mask 255\.255\.255\.0, mac 28-63-36-`,
		r.Identity.Vendor:        "^Siemens$",
		r.Captures["c1"].File:    `^x\.pcap$`,
		all["szl/a.bin"][2:16]:   "^" + regexp.QuoteMeta(r.Identity.Serial) + "$",
		strings.Join(left, "\n"): `^recordings/snmp-161-c1\.pcapng holds a secret`,
	} {
		if !regexp.MustCompile(form).MatchString(what) {
			t.Errorf("%q is not like %s", what, form)
		}
	}
	if p := r.Services[0].Section.(*S7).Password; !IsVerifier(p) || !Verify(p, []byte("secret12")) {
		t.Errorf("password %q", p)
	}
	for name := range r.Services[2].Section.(*SNMP).Communities {
		if !IsVerifier(name) || !Verify(name, []byte("plantwide")) {
			t.Errorf("community %q", name)
		}
	}
	if diff := cmp.Diff([]Redaction{{"S7 password", "verifier"}, {"SNMP communities", "verifier"}, {"identity", "format-preserving"}, {"addresses", "format-preserving"}}, r.Redactions); diff != "" {
		t.Error(diff)
	}
	again, _, err := Redact(d, []byte("salt"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, textOf(t, again)); diff != "" {
		t.Errorf("the same salt gives something else: %s", diff)
	}
	if err := r.Save(filepath.Join(t.TempDir(), "r.zip")); err != nil {
		t.Error(err)
	}
	if _, _, err := Redact(d, nil, "everything"); err == nil {
		t.Error("everything can be taken out")
	}
}
