package emulate

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A wildcard is a UDP port that is bound to no address in particular. It finds out to which of this
// machine's addresses a datagram came, so that the answer leaves from there (ip(7), IP_PKTINFO).
type wildcard struct {
	pc  *net.UDPConn
	oob [64]byte
}

func newWildcard(pc *net.UDPConn, at netip.Addr) (*wildcard, error) {
	raw, err := pc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failure error
	err = raw.Control(func(fd uintptr) {
		if at.Is4() {
			failure = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		} else {
			failure = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	if err == nil {
		err = failure
	}
	return &wildcard{pc: pc}, err
}

// read is ReadFromUDPAddrPort that also tells the address the datagram was sent to, if it can.
func (w *wildcard) read(b []byte) (n int, from netip.AddrPort, to netip.Addr, err error) {
	n, k, _, from, err := w.pc.ReadMsgUDPAddrPort(b, w.oob[:])
	if err != nil {
		return n, from, to, err
	}
	for rest := w.oob[:k]; len(rest) > 0; {
		head, data, more, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		switch {
		case head.Level == unix.IPPROTO_IP && head.Type == unix.IP_PKTINFO && len(data) >= 12:
			to = netip.AddrFrom4([4]byte(data[8:12]))
		case head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			to = netip.AddrFrom16([16]byte(data[:16])).Unmap()
		}
		rest = more
	}
	return n, from, to, nil
}

// write sends from a certain address.
func (w *wildcard) write(b []byte, from netip.Addr, to netip.AddrPort) error {
	var oob []byte
	switch {
	case from.Is4():
		oob = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: from.As4()})
	case from.Is6():
		oob = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: from.As16()})
	}
	_, _, err := w.pc.WriteMsgUDPAddrPort(b, oob, to)
	return err
}
