package emulate

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

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

// read is ReadFromUDPAddrPort that also tells how the datagram came, as far as it can.
func (w *wildcard) read(b []byte) (n int, from netip.AddrPort, to arrival, err error) {
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
			to.local = netip.AddrFrom4([4]byte(data[8:12]))
			if own := netip.AddrFrom4([4]byte(data[4:8])); own != to.local && isBroadcast(to.local) {
				to.local, to.cast = own, true
			}
			to.iface = int(binary.NativeEndian.Uint32(data))
		case head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			to.local = netip.AddrFrom16([16]byte(data[:16])).Unmap()
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

// listenBroadcast binds a broadcast address, which several may do at once.
func listenBroadcast(at netip.AddrPort) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) { failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		if err != nil {
			return err
		}
		return failure
	}}
	c, err := lc.ListenPacket(context.Background(), "udp4", at.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}
