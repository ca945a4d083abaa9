package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"ringer/clone"
)

// cloneByProxy stands between clients and devices until Ctrl-C, and learns from what goes by.
func cloneByProxy(c *cli.Context) error {
	if c.Args().Len() > 0 {
		return usage("--proxy passes on what others ask, and asks nothing itself: leave out %s", strings.Join(c.Args().Slice(), " "))
	}
	for _, f := range []string{"resume", "dry-run", "only", "ports", "care"} {
		if c.IsSet(f) {
			return usage("--%s is about asking; --proxy only passes on what others ask", f)
		}
	}
	certificate, err := proxyCertificate(c)
	if err != nil {
		return err
	}
	var proxies []*clone.Proxy
	for _, text := range c.StringSlice("proxy") {
		p, err := readProxy(c.Context, text)
		if err != nil {
			return err
		}
		proxies = append(proxies, p)
	}
	if c.IsSet("for") && c.Duration("for") <= 0 {
		return usage("--for %v: want a time above 0, as 10m", c.Duration("for"))
	}
	j, err := openJournal(c, nil, nil)
	if err != nil {
		return err
	}
	defer j.close()
	ctx, stop := c.Context, func() {}
	if d := c.Duration("for"); d > 0 {
		ctx, stop = context.WithTimeout(ctx, d)
	}
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := time.Now()
	var serves []func(context.Context) error
	t := newTable("listens", "passes on to")
	for i, p := range proxies {
		p.Tap, p.Certificate = j.tap, certificate
		p.Warn = func(err error) { warn(c, "proxy: %v", err) }
		serve, at, err := p.Bind()
		if err != nil {
			return failure{statusInput, fmt.Errorf("--proxy %s: %w", c.StringSlice("proxy")[i], err)}
		}
		t.add(at.Network()+" "+at.String(), p.Target.String())
		serves = append(serves, serve)
	}
	if err := t.print(c.App.ErrWriter); err != nil {
		return err
	}
	fmt.Fprintln(c.App.ErrWriter, "ringer: passing on; Ctrl-C ends")
	var all sync.WaitGroup
	for _, serve := range serves {
		all.Go(func() {
			if err := serve(ctx); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	devices, err := j.finish(true)
	if err != nil {
		return err
	}
	if len(devices) == 0 {
		var n int64
		for _, p := range proxies {
			connections, _, _ := p.Passed()
			n += connections
		}
		return failure{statusInput, fmt.Errorf("nothing was learned: %s passed on, and nothing that ringer speaks was in them", plural(int(n), "connection was", "connections were"))}
	}
	return printLearned(c, devices, since(begun))
}

func proxyCertificate(c *cli.Context) (*tls.Certificate, error) {
	cert, key := c.String("proxy-cert"), c.String("proxy-key")
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, usage("--proxy-cert and --proxy-key go together")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, failure{statusInput, fmt.Errorf("--proxy-cert %s, --proxy-key %s: %w", cert, key, err)}
	}
	return &pair, nil
}

// readProxy reads "127.0.0.1:5020=10.0.0.3:502"; without an address it listens on loopback.
func readProxy(ctx context.Context, text string) (*clone.Proxy, error) {
	listen, to, ok := strings.Cut(text, "=")
	if !ok {
		return nil, usage("--proxy %s: want LISTEN=TARGET, as 127.0.0.1:5020=10.0.0.3:502", text)
	}
	p := &clone.Proxy{}
	if l, udp := strings.CutSuffix(listen, "/udp"); udp {
		p.UDP, listen = true, l
	}
	if !strings.Contains(listen, ":") {
		listen = "127.0.0.1:" + listen
	}
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return nil, usage("--proxy %s: %q is no address and port to listen on", text, listen)
	}
	p.Listen = listen
	targets, err := readTarget(ctx, to)
	if err != nil || len(targets) != 1 || targets[0].port.Number == 0 {
		return nil, usage("--proxy %s: %q is no address and port of a device", text, to)
	}
	p.Target = netip.AddrPortFrom(targets[0].addr, targets[0].port.Number)
	return p, nil
}
