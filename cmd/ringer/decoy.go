package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/urfave/cli/v2"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/replay"
)

// decoyTarget asks what "ringer emulate --json" says it serves.
func decoyTarget(c *cli.Context, opt *replay.Options) (replay.Target, error) {
	name := c.String("decoy")
	r, err := openRecording(c, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, decoyFileMax))
	if err != nil {
		return nil, failure{statusInput, fmt.Errorf("%s: %w", name, err)}
	}
	var rows []servedJSON
	if err := json.Unmarshal(b, &rows); err != nil {
		return nil, failure{statusInput, fmt.Errorf("%s: want what \"ringer emulate --json\" prints: %w", name, err)}
	}
	type service struct {
		device, protocol, network string
		port                      uint16
	}
	served := map[service]netip.AddrPort{}
	for i, row := range rows {
		at, err := netip.ParseAddrPort(row.Address)
		if err != nil {
			return nil, failure{statusInput, fmt.Errorf("%s: row %d: address: %w", name, i+1, err)}
		}
		served[service{row.Device, row.Protocol, row.Network, row.Port}] = at
	}
	find := func(server netip.AddrPort, transport, protocol string) (netip.AddrPort, bool) {
		at, ok := served[service{deviceName(server.Addr().Unmap()), protocol, transport, server.Port()}]
		return at, ok
	}
	if !c.Bool("allow-writes") {
		opt.Withhold = func(x *capture.Exchange, effect wire.Effect) bool {
			at, ok := find(x.Server, x.Transport, x.Protocol.Name())
			return effect != wire.Read && ok && !at.Addr().IsLoopback()
		}
	}
	return &replay.Sockets{Dialer: &net.Dialer{Timeout: c.Duration("timeout")}, Addr: find}, nil
}

// decoyFileMax bounds what is read as the table of a decoy.
const decoyFileMax = 16 << 20
