package tls

import (
	"crypto"
	"fmt"
	"strings"
)

// suiteNames are the suites that devices speak, by their numbers in IANA's registry. How a suite
// protects records is read off its name.
var suiteNames = map[uint16]string{
	0x0005: "TLS_RSA_WITH_RC4_128_SHA",
	0x000a: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
	0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
	0x002f: "TLS_RSA_WITH_AES_128_CBC_SHA",
	0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
	0x0034: "TLS_DH_anon_WITH_AES_128_CBC_SHA",
	0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
	0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
	0x003c: "TLS_RSA_WITH_AES_128_CBC_SHA256",
	0x003d: "TLS_RSA_WITH_AES_256_CBC_SHA256",
	0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
	0x006b: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
	0x008c: "TLS_PSK_WITH_AES_128_CBC_SHA",
	0x008d: "TLS_PSK_WITH_AES_256_CBC_SHA",
	0x009c: "TLS_RSA_WITH_AES_128_GCM_SHA256",
	0x009d: "TLS_RSA_WITH_AES_256_GCM_SHA384",
	0x009e: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
	0x009f: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
	0x00a8: "TLS_PSK_WITH_AES_128_GCM_SHA256",
	0x00a9: "TLS_PSK_WITH_AES_256_GCM_SHA384",
	0x1301: "TLS_AES_128_GCM_SHA256",
	0x1302: "TLS_AES_256_GCM_SHA384",
	0x1303: "TLS_CHACHA20_POLY1305_SHA256",
	0x1304: "TLS_AES_128_CCM_SHA256",
	0x1305: "TLS_AES_128_CCM_8_SHA256",
	0xc007: "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
	0xc008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
	0xc009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
	0xc00a: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
	0xc011: "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
	0xc012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
	0xc013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
	0xc014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	0xc023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
	0xc024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
	0xc027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
	0xc028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
	0xc02b: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	0xc02c: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	0xc02f: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	0xc030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	0xc09c: "TLS_RSA_WITH_AES_128_CCM",
	0xc09d: "TLS_RSA_WITH_AES_256_CCM",
	0xc0a0: "TLS_RSA_WITH_AES_128_CCM_8",
	0xc0a4: "TLS_PSK_WITH_AES_128_CCM",
	0xc0a8: "TLS_PSK_WITH_AES_128_CCM_8",
	0xc0ac: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
	0xc0ad: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
	0xc0ae: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
	0xcca8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	0xcca9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	0xccaa: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

// SuiteName is the name of a cipher suite; of an unknown one, its number in hexadecimal.
func SuiteName(id uint16) string { return named(suiteNames, id) }

// Suite is the number of a cipher suite by its name.
func Suite(name string) (id uint16, ok bool) { return numbered(suiteNames, name) }

// VersionName is "1.2" for the number that stands for it.
func VersionName(v uint16) string {
	if v >= Version10 && v <= Version13 {
		return fmt.Sprintf("1.%d", v-Version10)
	}
	return fmt.Sprintf("%#04x", v)
}

type suiteKind uint8

const (
	notRead suiteKind = iota
	gcm
	chacha
	aesCBC
	tripleDES
	rc4Stream
)

// suite says how records are protected.
type suite struct {
	kind  suiteKind
	key   int         // bytes of the key
	mac   crypto.Hash // of the suites that do not authenticate by themselves
	hash  crypto.Hash // that keys are derived with, from TLS 1.2 on
	ecdhe bool
}

func suiteOf(id uint16) suite {
	name := suiteNames[id]
	s := suite{hash: crypto.SHA256, ecdhe: strings.HasPrefix(name, "TLS_ECDHE_")}
	switch {
	case strings.HasSuffix(name, "_SHA384"):
		s.mac, s.hash = crypto.SHA384, crypto.SHA384
	case strings.HasSuffix(name, "_SHA256"):
		s.mac = crypto.SHA256
	default:
		s.mac = crypto.SHA1
	}
	for _, c := range []struct {
		part string
		kind suiteKind
		key  int
	}{
		{"AES_128_GCM", gcm, 16}, {"AES_256_GCM", gcm, 32}, {"CHACHA20_POLY1305", chacha, 32},
		{"AES_128_CBC", aesCBC, 16}, {"AES_256_CBC", aesCBC, 32}, {"3DES_EDE_CBC", tripleDES, 24}, {"RC4_128", rc4Stream, 16},
	} {
		if strings.Contains(name, c.part) {
			s.kind, s.key = c.kind, c.key
		}
	}
	return s
}
