package emulate

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// accept lets connections in until the door is closed.
func (o *door) accept() {
	d := o.decoy
	var pause time.Duration
	for {
		nc, err := o.tcp.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of file descriptors, most likely: that passes.
			if pause == 0 {
				d.log.Error("a connection cannot be accepted", "address", o.address(), "error", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			if !d.sleep(pause) {
				return
			}
			continue
		}
		pause = 0
		remote := addrPort(nc.RemoteAddr())
		if what := o.crowd.enter(remote.Addr(), o.services[0].limits); what != "" {
			nc.SetLinger(0)
			nc.Close()
			if e := d.opt.Events; e != nil {
				v := o.services[0]
				e.note(&source{
					id: d.sessions.Add(1), device: v.device, protocol: v.proto, transport: "tcp", remote: remote, local: o.address(),
				}, Limited, d.now(), what)
			}
			continue
		}
		c := &tcpConn{decoy: d, door: o, nc: nc, peer: Peer{Remote: remote, Local: addrPort(nc.LocalAddr())}}
		d.mu.Lock()
		d.open[c] = struct{}{}
		d.mu.Unlock()
		d.wg.Go(c.serve)
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
