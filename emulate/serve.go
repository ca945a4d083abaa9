package emulate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// Options say how a decoy is served. The zero value serves on loopback, on the devices' own ports, with
// recorded values at recorded speed.
type Options struct {
	// Bind is an address for one device, or a prefix out of which every device gets an address of its
	// own, from the one given upwards. Empty: 127.0.0.0/8 from 127.0.0.2.
	Bind string
	// Map gives devices, by their ids, the addresses they are to have.
	Map map[string]netip.Addr
	// PortOffset is added to every port. -1: none, unless a port cannot be bound; then one is chosen
	// for the whole decoy, and Offset tells which.
	PortOffset int
	// Ports gives a protocol another port, which is not offset; 0: any free one. It holds for the first
	// service of that protocol and transport on each device.
	Ports map[string]uint16

	// Broadcast makes services that can be asked by broadcast (BACnet: who is) hear what is sent to the
	// broadcast addresses of their network, and say by broadcast what the device says so.
	Broadcast bool

	Timing Timing
	Values Values
	Seed   uint64           // 0: the profiles'
	Now    func() time.Time // nil: time.Now
	Events *EventLog        // nil: no event log
	Log    *slog.Logger     // nil: slog.Default
}

// A Decoy is a number of devices whose ports are bound.
type Decoy struct {
	opt     Options
	log     *slog.Logger
	now     func() time.Time
	devices []*running
	doors   []*door
	offset  int
	why     error // why there is an offset that nobody asked for

	own      map[netip.AddrPort]bool // the UDP ports served here
	sessions atomic.Uint64
	buffers  budget

	naps    naps
	closing chan struct{} // closed when serving ends
	mu      sync.Mutex
	open    map[*tcpConn]struct{}
	wg      sync.WaitGroup
}

// running is one device that is served.
type running struct {
	profile  *profiles.Device
	state    *State
	address  netip.Addr
	services []*served
}

// served is one service of a device.
type served struct {
	device  string
	state   *State
	service Service
	proto   wire.Protocol
	port    profiles.Port
	limits  profiles.Limits
	pace    *pace       // nil: answers at once
	tls     *tls.Config // nil: in the clear
}

// A door is a bound port, and the services behind it: several on one port are told apart by what the
// peer says.
type door struct {
	decoy    *Decoy
	services []*served
	at       netip.AddrPort // where it is to be bound
	fixed    bool           // the offset is not for this port
	udp      bool
	serving  bool
	tcp      *net.TCPListener
	packets  *net.UDPConn
	casts    []*castPort    // for what is asked of everybody
	wide     netip.AddrPort // the network's broadcast address; invalid: nothing goes there
	crowd    crowd          // the connections in it
}

// Listening is a row of the table of what is served where.
type Listening struct {
	Device   string
	Protocol string
	Network  string         // tcp or udp
	Port     uint16         // the device's own
	Address  netip.AddrPort // where it is served
}

// Prepare builds the services of all devices and binds all their ports. Nothing is answered before
// Serve; who does not call Serve calls Close.
func Prepare(devices []*profiles.Device, protocols func(name string) wire.Protocol, opt Options) (*Decoy, error) {
	d := &Decoy{
		opt: opt, log: opt.Log, now: opt.Now, own: map[netip.AddrPort]bool{}, closing: make(chan struct{}),
		open: map[*tcpConn]struct{}{},
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.buffers.left.Store(bufferBudget)
	d.naps = make(naps, napsMax)
	addresses, err := addressesFor(devices, opt)
	if err != nil {
		return nil, err
	}
	var s secrecy
	for i, dev := range devices {
		r, err := d.run(dev, addresses[i], protocols, &s)
		if err != nil {
			return nil, err
		}
		d.devices = append(d.devices, r)
	}
	if err := s.wait(); err != nil {
		return nil, err
	}
	if err := d.bind(); err != nil {
		return nil, err
	}
	for _, r := range d.devices {
		r.state.ports = map[uint16]uint16{}
	}
	for _, o := range d.doors {
		for _, v := range o.services {
			if !v.port.UDP {
				v.state.ports[v.port.Number] = o.address().Port()
			}
		}
	}
	return d, nil
}

// run opens the services of a device.
func (d *Decoy) run(dev *profiles.Device, at netip.Addr, protocols func(name string) wire.Protocol, secrecy *secrecy) (*running, error) {
	st, err := NewState(dev, Settings{Values: d.opt.Values, Now: d.opt.Now, Seed: d.opt.Seed})
	if err != nil {
		return nil, err
	}
	r := &running{profile: dev, state: st, address: at}
	for i := range dev.Services {
		s := &dev.Services[i]
		p := protocols(s.Protocol)
		if p == nil {
			return nil, fmt.Errorf("%s: service %s on port %s: ringer does not know this protocol", dev.ID, s.Protocol, s.Common().Port)
		}
		service, err := Open(st, dev, s, p)
		if err != nil {
			return nil, err
		}
		v := &served{
			device: dev.ID, state: st, service: service, proto: service.Protocol(), port: s.Common().Port,
			limits: limitsOf(s.Common().Limits, s.Common().Port.UDP),
		}
		if d.opt.Timing == TimingRecorded {
			if v.pace = newPace(s.Common().Latency); v.pace == nil && timesItself(service) {
				v.pace = &pace{}
			}
		}
		secrecy.prepare(dev, v, s.Common().TLS, d.now)
		r.services = append(r.services, v)
	}
	return r, nil
}

// Table is what is served where, in the order of the devices and their services.
func (d *Decoy) Table() []Listening {
	var t []Listening
	for _, r := range d.devices {
		for _, s := range r.services {
			i := slices.IndexFunc(d.doors, func(o *door) bool { return slices.Contains(o.services, s) })
			t = append(t, Listening{s.device, s.proto.Name(), s.port.Network(), s.port.Number, d.doors[i].address()})
		}
	}
	return t
}

// Offset is what was added to the devices' ports. why is the reason if that was not asked for.
func (d *Decoy) Offset() (offset int, why error) { return d.offset, d.why }

// Serve answers until ctx ends, then lets every session finish what it is doing, closes everything and
// flushes the event log. Afterwards none of its goroutines is left.
func (d *Decoy) Serve(ctx context.Context) error {
	for _, o := range d.doors {
		o.serving = true
		d.wg.Go(func() {
			if o.udp {
				newUDPPort(o).serve()
			} else {
				o.accept()
			}
		})
		for _, c := range o.casts {
			d.wg.Go(newCastPort(o, c).serve)
		}
	}
	<-ctx.Done()
	err := d.Close()
	d.wg.Wait()
	if e := d.opt.Events; e != nil {
		e.Flush()
	}
	return err
}

// farewell is how long a peer has to take its last answer when the decoy ends.
const farewell = time.Second

// Close unbinds all ports and makes every connection end after the answer it is giving.
func (d *Decoy) Close() error {
	d.mu.Lock()
	select {
	case <-d.closing:
		d.mu.Unlock()
		return nil
	default:
		close(d.closing)
	}
	now := time.Now()
	for c := range d.open {
		c.nc.SetReadDeadline(now)
		c.nc.SetWriteDeadline(now.Add(farewell))
	}
	d.mu.Unlock()
	var errs []error
	for _, o := range d.doors {
		errs = append(errs, o.close())
	}
	return errors.Join(errs...)
}

func (d *Decoy) isClosing() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

// sleep waits; false means that the decoy is closing.
func (d *Decoy) sleep(t time.Duration) bool {
	if t <= 0 {
		return true
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.closing:
		return false
	}
}

// randomness is for one session's answer times.
func (d *Decoy) randomness(session uint64) *rand.Rand {
	return rand.New(rand.NewPCG(d.opt.Seed, session))
}
