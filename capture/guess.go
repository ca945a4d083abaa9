package capture

import (
	"bytes"
)

// guess names what a flow of an unknown protocol may be: by how it begins, else by its server's port, with
// a question mark.
func (f *flow) guess(server int) string {
	if f.tls != nil {
		return "tls"
	}
	if name := f.magic(); name != "" {
		return name
	}
	if name := portName(f.key.udp, f.addrs[server].Port()); name != "" {
		return name + "?"
	}
	return ""
}

// likelyServer of a flow that is not understood: who was connected to; who has a port that something is
// known to use; who was spoken to first; or who has the lower port.
func (f *flow) likelyServer() int {
	named := [2]bool{}
	for i, p := range f.addrs {
		named[i] = portName(f.key.udp, p.Port()) != ""
	}
	switch {
	case f.tls != nil:
		return 1 - f.tls.client
	case f.tcp.client > 0:
		return 2 - f.tcp.client
	case named[0] != named[1]:
		return second(named[1])
	case f.sender >= 0:
		return 1 - f.sender
	}
	return second(f.addrs[1].Port() < f.addrs[0].Port())
}

func second(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// portName is what usually uses a port of devices and of the networks they are in, after IANA's registry
// of service names and the makers' manuals.
func portName(udp bool, port uint16) string {
	switch port {
	case 53:
		return "dns"
	case 88:
		return "kerberos"
	case 111:
		return "rpcbind"
	case 2222, 44818:
		return "ethernet-ip"
	case 3671:
		return "knx"
	case 4840:
		return "opc-ua"
	case 5094:
		return "hart-ip"
	case 9600:
		return "fins"
	case 20000:
		return "dnp3"
	case 34962, 34963, 34964:
		return "profinet"
	case 5006, 5007:
		return "melsec"
	}
	if udp {
		switch port {
		case 67, 68:
			return "dhcp"
		case 69:
			return "tftp"
		case 123:
			return "ntp"
		case 137, 138:
			return "netbios"
		case 161, 162:
			return "snmp"
		case 514:
			return "syslog"
		case 546, 547:
			return "dhcpv6"
		case 623:
			return "ipmi"
		case 1900:
			return "ssdp"
		case 5353, 5355:
			return "mdns"
		case 5560:
			return "melsoft"
		case 47808:
			return "bacnet"
		case 48899:
			return "ads"
		}
		return ""
	}
	switch port {
	case 21:
		return "ftp"
	case 22:
		return "ssh"
	case 23:
		return "telnet"
	case 25:
		return "smtp"
	case 80, 8080:
		return "http"
	case 102:
		return "iso-tsap"
	case 135:
		return "msrpc"
	case 139, 445:
		return "smb"
	case 443, 8443:
		return "tls"
	case 502, 802:
		return "modbus"
	case 789:
		return "redlion-crimson"
	case 1089, 1090, 1091:
		return "foundation-fieldbus"
	case 1433:
		return "mssql"
	case 1883, 8883:
		return "mqtt"
	case 1911, 4911:
		return "fox"
	case 1962:
		return "pcworx"
	case 2404:
		return "iec104"
	case 3389:
		return "rdp"
	case 5001:
		return "melsoft"
	case 5900:
		return "vnc"
	case 10001:
		return "atg"
	case 18245, 18246:
		return "ge-srtp"
	case 20547:
		return "proconos"
	case 48898:
		return "ads"
	}
	return ""
}

// magic names what the flow begins like, if nothing else begins so; "" if that cannot be told.
func (f *flow) magic() string {
	for _, h := range f.head { // a web server answers in its own way whatever it was asked
		if bytes.HasPrefix(h, []byte("HTTP/1.")) {
			return "http"
		}
	}
	for _, h := range f.head {
		if name := beginsLike(h); name != "" {
			return name
		}
	}
	return ""
}

func beginsLike(b []byte) string {
	switch {
	case isTPKT(b):
		switch firstData(b) {
		case 0x32:
			return "s7"
		case 0x72:
			return "s7-plus"
		case 0x0d:
			return "mms"
		}
	case isHTTP(b):
		return "http"
	case bytes.HasPrefix(b, []byte("SSH-")):
		return "ssh"
	case len(b) >= 6 && b[0] == 0x16 && b[1] == 3 && b[2] <= 4 && b[5] <= 2:
		return "tls"
	}
	return ""
}

// isTPKT: version 3, reserved 0, a length that leaves room for a TPDU (RFC 1006, section 6), which begins
// with its own length.
func isTPKT(b []byte) bool {
	if len(b) < 6 || b[0] != 3 || b[1] != 0 {
		return false
	}
	n := int(b[2])<<8 | int(b[3])
	return n >= 7 && int(b[4])+5 <= n && b[4] >= 2
}

// firstData is the first byte of user data behind the TPKT and COTP headers of the first data TPDU
// (ISO 8073, section 13.7), 0 if there is none in b.
func firstData(b []byte) byte {
	for isTPKT(b) {
		n, head := int(b[2])<<8|int(b[3]), 5+int(b[4])
		if b[5]>>4 == 0xf && n > head {
			if head < len(b) {
				return b[head]
			}
			return 0
		}
		if n > len(b) {
			return 0
		}
		b = b[n:]
	}
	return 0
}

// isHTTP: a status line, or a request line with its version.
func isHTTP(b []byte) bool {
	if bytes.HasPrefix(b, []byte("HTTP/1.")) {
		return true
	}
	for i, c := range b {
		switch {
		case c == ' ' && i > 0:
			end := bytes.IndexByte(b, '\n')
			return end > 0 && bytes.Contains(b[:end], []byte(" HTTP/1."))
		case c < 'A' || c > 'Z':
			return false
		}
	}
	return false
}
