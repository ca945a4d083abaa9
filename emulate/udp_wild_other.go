//go:build !linux

package emulate

import (
	"errors"
	"net"
	"net/netip"
)

// A wildcard is a UDP port that is bound to no address in particular. On this system its answers leave
// from whichever address the system chooses.
type wildcard struct{ pc *net.UDPConn }

func newWildcard(pc *net.UDPConn, _ netip.Addr) (*wildcard, error) { return &wildcard{pc}, nil }

func (w *wildcard) read(b []byte) (n int, from netip.AddrPort, to arrival, err error) {
	n, from, err = w.pc.ReadFromUDPAddrPort(b)
	return n, from, to, err
}

func (w *wildcard) write(b []byte, _ netip.Addr, to netip.AddrPort) error {
	_, err := w.pc.WriteToUDPAddrPort(b, to)
	return err
}

func listenBroadcast(netip.AddrPort) (*net.UDPConn, error) {
	return nil, errors.New("broadcasts are only heard on Linux")
}
