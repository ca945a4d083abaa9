package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/gopacket/gopacket/pcapgo"
)

// Live reads from a network interface until ctx is done, through a packet socket (packet(7)): it takes
// CAP_NET_RAW. It yields what Exchanges would yield of the recording.
func Live(ctx context.Context, iface string, opt Options) iter.Seq2[Exchange, error] {
	return func(yield func(Exchange, error) bool) {
		if opt.Name == "" {
			opt.Name = iface
		}
		link, err := linkOf(iface)
		var h *pcapgo.EthernetHandle
		if err == nil {
			h, err = pcapgo.NewEthernetHandle(iface)
		}
		if err != nil {
			if strings.Contains(err.Error(), os.ErrPermission.Error()) || strings.Contains(err.Error(), "operation not permitted") {
				err = fmt.Errorf("%w (run it as root, or give the program CAP_NET_RAW: setcap cap_net_raw+ep ringer)", err)
			}
			yield(Exchange{}, fmt.Errorf("capture: listening on %s: %w", iface, err))
			return
		}
		stop := context.AfterFunc(ctx, func() { h.Close() })
		defer func() {
			if stop() {
				h.Close()
			}
		}()
		opt.Context = ctx
		a := newAssembly(&opt)
		if err := h.SetPromiscuous(true); err != nil {
			a.notice(fmt.Errorf("only this host's own traffic is seen: %w", err))
		}
		a.run(&live{handle: h, ctx: ctx, link: link, warn: a.notice}, yield)
	}
}

type live struct {
	handle *pcapgo.EthernetHandle
	ctx    context.Context
	link   uint16
	number int
	warn   func(error)
}

func (l *live) next(p *packet) error {
	b, info, err := l.handle.ZeroCopyReadPacketData()
	if l.ctx.Err() != nil {
		return io.EOF
	}
	if err != nil {
		return err
	}
	l.number++
	*p = packet{data: b, length: info.Length, at: info.Timestamp.UnixNano(), number: l.number, link: l.link}
	if l.number&0xfff == 0 {
		if s, err := l.handle.Stats(); err == nil && s.Drops > 0 {
			l.warn(fmt.Errorf("packet %d: the kernel dropped %d packets before it, as reading was too slow", l.number, s.Drops))
		}
	}
	return nil
}

// linkOf says what the packets of an interface begin with, after its ARPHRD type.
func linkOf(iface string) (uint16, error) {
	if iface == "" || strings.ContainsAny(iface, "/") || iface == ".." || iface == "." {
		return 0, fmt.Errorf("no such interface")
	}
	b, err := os.ReadFile("/sys/class/net/" + iface + "/type")
	if errors.Is(err, os.ErrNotExist) {
		return linkEthernet, nil // the socket will say so better
	}
	if err != nil {
		return 0, err
	}
	switch strings.TrimSpace(string(b)) {
	case "1", "772": // Ethernet, loopback
		return linkEthernet, nil
	}
	return linkRaw, nil
}
