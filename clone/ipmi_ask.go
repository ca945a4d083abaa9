package clone

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// IPMIScan asks a management controller: what it tells anybody (ipmi_ask_outside.go), and, with the name and
// password of a user, all that its clients read: itself and its configuration (ipmi_ask_tables.go), its
// records (ipmi_ask_records.go) and what its sensors show (ipmi_ask_sensors.go). No password is ever tried
// but the one that was given.
type IPMIScan struct {
	User      *ipmi.User // nil: nobody logs in
	KG        string     // the controller's key, if it has one
	Suite     *uint8     // cipher suite; nil: the best that is listed
	Privilege uint8      // level that is asked for; 0: administrator
	Events    int        // of the log, at most; 0: 65536

	Samples int           // how often sensors are read; 0: 5
	Every   time.Duration // between; 0: 2 s

	Random io.Reader // of what is minted; nil: crypto/rand
}

const (
	ipmiAdministrator = 4
	ipmiEvents        = 1 << 16
	ipmiSamples       = 5
	ipmiEvery         = 2 * time.Second
	ipmiStranger      = "ringer-stranger" // a user that nobody has
)

// Protocol is what it asks in.
func (s *IPMIScan) Protocol() wire.Protocol {
	if keys := s.Keys(); keys != nil {
		return ipmi.Protocol{Keys: &keys.IPMI}
	}
	return ipmi.Protocol{}
}

// Keys are those of the user.
func (s *IPMIScan) Keys() *capture.Keys {
	if s.User == nil {
		return nil
	}
	keys := &capture.Keys{IPMI: ipmi.Keys{Users: []ipmi.User{*s.User}}}
	if s.KG != "" {
		keys.IPMI.KG = []string{s.KG}
	}
	return keys
}

// Check says what is wrong with the options.
func (s *IPMIScan) Check() error {
	if s.User != nil {
		if err := s.User.Check(); err != nil {
			return err
		}
	}
	if len(s.KG) > ipmi.KeyMax {
		return fmt.Errorf("a key of the controller of %d bytes: want %d or less", len(s.KG), ipmi.KeyMax)
	}
	if s.Suite != nil {
		a, ok := ipmi.Suite(*s.Suite)
		if !ok || a.Confidentiality > ipmi.CryptAES {
			return fmt.Errorf("cipher suite %d: want 0 to 3, 6 to 8, 11, 12 or 15 to 17", *s.Suite)
		}
	}
	return nil
}

// options fills in what was left to the scan.
func (s *IPMIScan) options() IPMIScan {
	o := *s
	if o.Privilege == 0 {
		o.Privilege = ipmiAdministrator
	}
	if o.Events <= 0 {
		o.Events = ipmiEvents
	}
	if o.Samples <= 0 {
		o.Samples = ipmiSamples
	}
	if o.Every <= 0 {
		o.Every = ipmiEvery
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

// Plan says what is asked of a controller.
func (s *IPMIScan) Plan(Care) []Step {
	steps := []Step{
		{"presence ping", 1, 1},
		{"authentication capabilities, cipher suites, GUID", 8, 0},
		{"handshakes: each suite, a user that nobody has, nobody", 2, 0},
	}
	if s.User == nil {
		return steps
	}
	o := s.options()
	return append(steps,
		Step{"log in and out", 5, 0},
		Step{"the controller, chassis, boot options", len(ipmiPlainQuestions), 0},
		Step{"channels, LAN, serial over LAN, users", 12, 0},
		Step{"sensor data records", 4, 0},
		Step{"thresholds, hysteresis, events of each sensor", 0, 0},
		Step{"inventories (FRU)", ipmiFRUUsual, 0},
		Step{fmt.Sprintf("the log of events, up to %d", o.Events), 4, 0},
		Step{"event filters, system information, DCMI, PICMG", 20, 0},
		Step{fmt.Sprintf("each sensor, %d times, every %v", o.Samples, o.Every), 0, 0},
	)
}

// Probe asks what every client asks first, and then whether there is anybody.
func (s *IPMIScan) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	if !port.UDP {
		return ErrNotSpoken
	}
	a := s.asking(ctx, v, port, false)
	defer a.talk.close()
	for _, q := range []wire.Message{
		a.outside(ipmi.App, 0x38, ipmiThisChannel|ipmiExtended, ipmiAdministrator),
		a.outside(ipmi.App, 0x38, ipmiThisChannel, ipmiAdministrator),
		a.ping(),
	} {
		_, err := a.once(q)
		if found, err := spoken(err); found || err != nil {
			return err
		}
	}
	return ErrNotSpoken
}

// Scan asks.
func (s *IPMIScan) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	a := s.asking(ctx, v, port, false)
	err := a.anybody()
	a.talk.close() // a controller may take one console at a time
	if err != nil || s.User == nil {
		if err == nil {
			v.Remark("ipmi", NotThere, "nobody logged in: there is more to learn with --user and --password")
		}
		return err
	}
	in := s.asking(ctx, v, port, true)
	defer in.talk.close()
	in.told = a.told
	for _, step := range []func() error{
		in.login, in.questions, in.channels, in.users, in.repository, in.deviceRecords, in.sensors, in.inventories, in.log,
		in.filters, in.systemInfo, in.dcmi, in.motion, in.logout,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
