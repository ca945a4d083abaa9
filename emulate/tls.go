package emulate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	seen "ringer/capture/tls"
	"ringer/profiles"
)

// handshakeTime is how long a peer has for a handshake.
const handshakeTime = 10 * time.Second

// secrecy makes what the services of a decoy need to speak TLS. Keys take their time to make, so that all
// are made at once while the rest is opened.
type secrecy struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
	made map[string]*identity // by certificate: services that show the same one share its key
}

type identity struct {
	once sync.Once
	cert tls.Certificate
	err  error
}

// prepare begins to make the configuration of a service, if it is spoken over TLS.
func (s *secrecy) prepare(dev *profiles.Device, v *served, t *profiles.TLS, now func() time.Time) {
	if t == nil {
		return
	}
	s.wg.Go(func() {
		if err := s.configure(dev, v, t, now); err != nil {
			s.mu.Lock()
			s.errs = append(s.errs, fmt.Errorf("%s: service %s on port %s: %w", dev.ID, v.proto.Name(), v.port, err))
			s.mu.Unlock()
		}
	})
}

// wait gives the first error, if any.
func (s *secrecy) wait() error {
	s.wg.Wait()
	return errors.Join(s.errs...)
}

func (s *secrecy) configure(dev *profiles.Device, v *served, t *profiles.TLS, now func() time.Time) error {
	own, err := t.PrivateKey(dev.Files)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	originals, err := t.Originals(dev.Files)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if len(t.Chain) == 0 {
		made := *t
		made.Chain = []profiles.Certificate{madeUp(dev.ID, now())}
		t = &made
	}
	name := fmt.Sprintf("%s\n%s\n%+v\n%x", dev.ID, t.Key, t.Chain, originals)
	s.mu.Lock()
	if s.made == nil {
		s.made = map[string]*identity{}
	}
	c := s.made[name]
	if c == nil {
		c = &identity{}
		s.made[name] = c
	}
	s.mu.Unlock()
	c.once.Do(func() { c.cert.Certificate, c.cert.PrivateKey, c.err = certify(t, originals, own) })
	if c.err != nil {
		return c.err
	}
	v.tls = tlsConfig(t, c.cert)
	return nil
}

// tlsConfig is how a service greets. What was seen to be agreed is agreed again with clients that offer it;
// others get what both sides can. Names that the client asks for change nothing, as on a device.
func tlsConfig(t *profiles.TLS, cert tls.Certificate) *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{cert}}
	c.MinVersion, c.MaxVersion = t.Versions()
	var suites []uint16
	for _, name := range t.Suites {
		if id, ok := seen.Suite(name); ok && servable(id) {
			suites = append(suites, id)
		}
	}
	var groups []tls.CurveID
	for _, name := range t.Groups {
		if id, ok := seen.Group(name); ok && slices.Contains(servableGroups, tls.CurveID(id)) {
			groups = append(groups, tls.CurveID(id))
		}
	}
	for _, s := range slices.Concat(tls.CipherSuites(), weakSuites(c.MinVersion)) {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	for _, id := range suites {
		if !slices.Contains(c.CipherSuites, id) {
			c.CipherSuites = append(c.CipherSuites, id)
		}
	}
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		own := c.Clone()
		own.GetConfigForClient = nil
		if slices.ContainsFunc(suites, func(id uint16) bool { return slices.Contains(hello.CipherSuites, id) }) {
			own.CipherSuites = suites
		}
		if slices.ContainsFunc(groups, func(id tls.CurveID) bool { return slices.Contains(hello.SupportedCurves, id) }) {
			own.CurvePreferences = groups
		}
		// A device that does not know what the client wants to speak says nothing of it.
		if slices.ContainsFunc(t.ALPN, func(name string) bool { return slices.Contains(hello.SupportedProtos, name) }) {
			own.NextProtos = t.ALPN
		}
		return own, nil
	}
	return c
}

// weakSuites are for devices that speak old versions: nothing better was there then.
func weakSuites(least uint16) []*tls.CipherSuite {
	if least >= tls.VersionTLS12 {
		return nil
	}
	return tls.InsecureCipherSuites()
}

func servable(id uint16) bool {
	is := func(s *tls.CipherSuite) bool {
		return s.ID == id && slices.Contains(s.SupportedVersions, tls.VersionTLS12)
	}
	return slices.ContainsFunc(tls.CipherSuites(), is) || slices.ContainsFunc(tls.InsecureCipherSuites(), is)
}

var servableGroups = []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519, tls.X25519MLKEM768}

// secure greets the peer over TLS. false: that failed, and the connection ends.
func (c *tcpConn) secure(config *tls.Config) bool {
	raw := &firstBytes{Conn: c.nc}
	t := tls.Server(raw, config)
	deadline := time.Now().Add(min(handshakeTime, c.d.limits.Idle))
	c.nc.SetDeadline(deadline)
	if c.decoy.isClosing() { // Close may have set its deadline just before
		c.finish("the decoy was stopped")
		return false
	}
	err := t.Handshake()
	c.nc.SetDeadline(time.Time{})
	c.at = time.Now()
	c.stamp, c.active = c.now(), c.at
	if err == nil {
		c.line, raw.over, raw.bytes = t, true, nil
		return true
	}
	why := "TLS handshake: " + err.Error()
	switch {
	case c.decoy.isClosing():
		why = "the decoy was stopped"
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = "TLS handshake: it takes too long"
	}
	c.w = copy(c.in, raw.bytes)
	c.hangup = true // the peer is to see why
	c.bad(BadInput, why)
	return false
}

// firstBytes keeps what a peer says first, so that a failed handshake can be looked at.
type firstBytes struct {
	net.Conn
	bytes []byte
	over  bool // they are of no use any more
}

func (f *firstBytes) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if !f.over {
		f.bytes = append(f.bytes, b[:min(n, firstBuffer-len(f.bytes))]...)
	}
	return n, err
}
