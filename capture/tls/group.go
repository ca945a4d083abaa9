package tls

import "fmt"

// groupNames are the groups in which keys are agreed, by their numbers in IANA's registry.
var groupNames = map[uint16]string{
	22: "secp256k1", 23: "secp256r1", 24: "secp384r1", 25: "secp521r1",
	26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1",
	29: "x25519", 30: "x448",
	256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096",
	0x11eb: "SecP256r1MLKEM768", 0x11ec: "X25519MLKEM768", 0x11ed: "SecP384r1MLKEM1024",
}

// GroupName is the name of a group; of an unknown one, its number in hexadecimal.
func GroupName(id uint16) string { return named(groupNames, id) }

// Group is the number of a group by its name.
func Group(name string) (id uint16, ok bool) { return numbered(groupNames, name) }

// Version is the number of a version by its name, as "1.2".
func Version(name string) (v uint16, ok bool) {
	for v := uint16(Version10); v <= Version13; v++ {
		if VersionName(v) == name {
			return v, true
		}
	}
	return 0, false
}

func named(names map[uint16]string, id uint16) string {
	if name, ok := names[id]; ok {
		return name
	}
	return fmt.Sprintf("%#04x", id)
}

func numbered(names map[uint16]string, name string) (id uint16, ok bool) {
	for id, n := range names {
		if n == name {
			return id, true
		}
	}
	n, err := fmt.Sscanf(name, "0x%x", &id)
	return id, n == 1 && err == nil
}
