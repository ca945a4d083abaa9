package profiles

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"ringer/capture/ipmi"
)

// IPMI is the section of a baseboard management controller's IPMI service, udp/623.
//
//	ipmi:
//	  port: 623/udp
//	  guid: 44454c4c-5900-1042-8033-b4c04f4e3132
//	  ciphers: [3, 17]
//	  users: {2: {name: ADMIN, privilege: administrator}}
//	  sdr: ipmi/sdr.bin
//	  fru: {0: ipmi/fru0.bin}
//	  sel: ipmi/sel.bin
//	  sensors: {1: {point: inlet}}
//	  power: {point: power}
//	  samples: [ipmi/answers.tsv]
//
// What the controller answers to a command is a cell, in the files of samples: "0638:8e04" is the command 38
// of the network function 06 with the data 8e 04; its value is the completion code and the data of the answer.
// Who may log in is the profile's accounts: those with a bait, since the protocol proves a password without
// showing it.
type IPMI struct {
	Common `yaml:",inline"`
	// GUID is the controller's, as the handshake and Get System GUID give it: 32 hexadecimal digits, with
	// or without hyphens, in the order in which they are sent.
	GUID string `yaml:"guid,omitempty"`
	// Ciphers are the numbers of the cipher suites that open a session.
	Ciphers []uint8 `yaml:"ciphers,omitempty,flow"`
	// Mute are those of them that open a session in which nothing is answered.
	Mute []uint8 `yaml:"mute,omitempty,flow"`
	// Offers is the privilege that is offered to who asks for the highest there is; 4 unless it says.
	Offers *uint8 `yaml:"offers,omitempty"`
	// Auth are the kinds of authentication of IPMI 1.5 that open a session: none, md2, md5, password, oem.
	Auth []string `yaml:"auth,omitempty,flow"`
	// Anonymous: sessions without a name are opened, as the user of slot 1.
	Anonymous bool `yaml:"anonymous,omitempty"`
	// Sessions is how many may be open at once; sixteen unless it says.
	Sessions int `yaml:"sessions,omitempty"`
	// BriefInfo: what is said of a session leaves out from where it was opened.
	BriefInfo bool `yaml:"brief_session_info,omitempty"`
	// Slots is how long the list of users is, where no answers say so.
	Slots int `yaml:"slots,omitempty"`
	// Users says who is in which slot. Their passwords are the accounts'.
	Users map[uint8]IPMIUser `yaml:"users,omitempty"`
	// Refuse gives the status codes of the handshake where this controller differs from the specification.
	Refuse *IPMIRefuse `yaml:"refuse,omitempty"`
	// Reserved is what stands in the reserved bytes of the messages RAKP 2 and 4.
	Reserved uint16 `yaml:"rakp_reserved,omitempty"`

	// Follows: the LAN parameters give the address at which the controller is asked as its own.
	Follows bool `yaml:"follows_address,omitempty"`
	// Skew is how far the clock of the events is ahead.
	Skew time.Duration `yaml:"skew,omitempty"`

	// SDR, SEL and FRU are files of records as the controller keeps them, one after the other.
	SDR string           `yaml:"sdr,omitempty"`
	SEL string           `yaml:"sel,omitempty"`
	FRU map[uint8]string `yaml:"fru,omitempty"`

	// ReadMost is how much of a record is given at once; more is refused.
	ReadMost uint8 `yaml:"read_most,omitempty"`
	// ReadFRU is how much of an inventory is; nil: all that is asked for.
	ReadFRU *IPMIReadFRU `yaml:"read_fru,omitempty"`

	// Sensors show points, by their numbers.
	Sensors map[uint8]IPMISensor `yaml:"sensors,omitempty"`
	// Power is the state of the host.
	Power *IPMIPower `yaml:"power,omitempty"`
	// Identify is the light by which a person finds the machine: a point that is off, lit or blinking (an enum with
	// two or three of these), or a bool.
	Identify *IPMISensor `yaml:"identify,omitempty"`
	// Boot is where the host is to boot from.
	Boot *IPMIBoot `yaml:"boot,omitempty"`
	// Logs says what the controller writes into its log of events itself: power (on, off, reset), login (that
	// failed), clear (of the log).
	Logs []string `yaml:"logs,omitempty,flow"`
	// Watts is what the power reading of DCMI shows.
	Watts *IPMISensor `yaml:"watts,omitempty"`
	// Console is what a visitor of the serial console meets.
	Console *IPMIConsole `yaml:"console,omitempty"`
}

// IPMIConsole is a serial console: what it shows at once, and what it says to lines that are typed.
type IPMIConsole struct {
	Text  string            `yaml:"text,omitempty"` // a file
	Lines []IPMIConsoleLine `yaml:"lines,omitempty"`
}

// IPMIConsoleLine says something. Of several that fit, the first does.
type IPMIConsoleLine struct {
	After  string  `yaml:"after,omitempty"`  // what the console said last ends so
	Typed  *string `yaml:"typed,omitempty"`  // the line; any, unless it says
	Hidden bool    `yaml:"hidden,omitempty"` // what is typed is not shown
	Say    string  `yaml:"say"`
}

// IPMIUser is one slot of the list of users.
type IPMIUser struct {
	Name string `yaml:"name"`
	// Privilege is the most that the user may have: callback, user, operator, administrator, oem.
	Privilege string `yaml:"privilege,omitempty"`
	Disabled  bool   `yaml:"disabled,omitempty"`
}

// IPMIRefuse are status codes of the handshake (specification, table 13-15).
type IPMIRefuse struct {
	// UnknownUser is that of RAKP 2 for a name that is not known; 0: silence. 13 unless it says.
	UnknownUser *uint8 `yaml:"unknown_user,omitempty"`
	// Full: that RAKP 2 goes on with a random number, the GUID and a code, as if the name were known.
	Full bool `yaml:"full,omitempty"`
	// WrongPassword is that of RAKP 4; 0: silence. 15 unless it says.
	WrongPassword *uint8 `yaml:"wrong_password,omitempty"`
	// Suite is that of a cipher suite that is not allowed; 17 unless it says.
	Suite *uint8 `yaml:"suite,omitempty"`
}

// IPMIReadFRU is how reading an inventory is limited.
type IPMIReadFRU struct {
	Most uint8 `yaml:"most"` // bytes at once
	Code uint8 `yaml:"code"` // the completion code that refuses more
}

// IPMISensor is a sensor that shows a point; the factors of its SDR turn values into readings.
type IPMISensor struct {
	Point string `yaml:"point"`
}

// IPMIPower is the point that says whether the host is on (not zero, or the text "on"), and which chassis
// control changes.
type IPMIPower struct {
	Point string `yaml:"point"`
}

// IPMIBoot are points, enums whose values have the names that Redfish has for them.
type IPMIBoot struct {
	Target  string `yaml:"target"`            // None, Pxe, Hdd, Cd, BiosSetup, Diags, Usb, Floppy, …
	Enabled string `yaml:"enabled,omitempty"` // Disabled, Once, Continuous
	Mode    string `yaml:"mode,omitempty"`    // Legacy, UEFI
}

// IPMILogs are what a controller can write into its log.
var IPMILogs = []string{"power", "login", "clear"}

var ipmiPrivileges = []string{"", "callback", "user", "operator", "administrator", "oem"}

// IPMIPrivilege is the number of a privilege level.
func IPMIPrivilege(name string) uint8 {
	for i, n := range ipmiPrivileges {
		if n == name && i > 0 {
			return uint8(i)
		}
	}
	return 4
}

// IPMIPrivilegeName is the reverse.
func IPMIPrivilegeName(level uint8) string {
	if int(level) < len(ipmiPrivileges) {
		return ipmiPrivileges[level]
	}
	return ""
}

// IPMIFormats are the kinds of authentication of IPMI 1.5, by the names that a profile has for them, and
// IPMIAuth those names in order.
var (
	IPMIFormats = map[string]ipmi.Format{
		"none": ipmi.FormatNone, "md2": ipmi.FormatMD2, "md5": ipmi.FormatMD5, "password": ipmi.FormatPassword, "oem": ipmi.FormatOEM,
	}
	IPMIAuth = []string{"none", "md2", "md5", "password", "oem"}
)

// FormatGUID writes a GUID as a profile does.
func FormatGUID(g [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
}

// GUIDBytes are the bytes of the GUID.
func (s *IPMI) GUIDBytes() (g [16]byte, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s.GUID, "-", ""))
	copy(g[:], b)
	return g, err
}

// Validate checks the section.
func (s *IPMI) Validate(v *Validation) {
	if b, err := hex.DecodeString(strings.ReplaceAll(s.GUID, "-", "")); s.GUID != "" && (err != nil || len(b) != 16) {
		v.At("guid").Errorf("%q is no GUID: want 32 hexadecimal digits", s.GUID)
	}
	for i, n := range s.Ciphers {
		if _, ok := ipmi.Suite(n); !ok {
			v.At("ciphers", i).Errorf("%d is no cipher suite: want 0 to 19", n)
		}
	}
	for i, n := range s.Mute {
		if _, ok := ipmi.Suite(n); !ok {
			v.At("mute", i).Errorf("%d is no cipher suite: want 0 to 19", n)
		}
	}
	if s.Offers != nil && *s.Offers > 5 {
		v.At("offers").Errorf("%d is no privilege: want 0 to 5", *s.Offers)
	}
	for i, a := range s.Auth {
		if _, ok := IPMIFormats[a]; !ok {
			v.At("auth", i).Errorf("%q is not one of none, md2, md5, password, oem", a)
		}
	}
	for slot, u := range s.Users {
		if slot == 0 || slot > 63 {
			v.At("users", slot).Errorf("slots are 1 to 63")
		}
		if len(u.Name) > 16 {
			v.At("users", slot, "name").Errorf("%q is longer than 16 characters", u.Name)
		}
		if u.Privilege != "" && IPMIPrivilegeName(IPMIPrivilege(u.Privilege)) != u.Privilege {
			v.At("users", slot, "privilege").Errorf("%q is not one of callback, user, operator, administrator, oem", u.Privilege)
		}
	}
	if s.Identify != nil {
		v.At("identify", "point").Point(s.Identify.Point)
	}
	if b := s.Boot; b != nil {
		v.At("boot", "target").Point(b.Target)
		for name, point := range map[string]string{"enabled": b.Enabled, "mode": b.Mode} {
			if point != "" {
				v.At("boot", name).Point(point)
			}
		}
	}
	for i, what := range s.Logs {
		v.At("logs", i).OneOf(what, IPMILogs...)
	}
	if s.Slots < 0 || s.Slots > 63 {
		v.At("slots").Errorf("%d slots: want up to 63", s.Slots)
	}
	if s.Sessions < 0 || s.Sessions > 63 {
		v.At("sessions").Errorf("%d sessions: want 1 to 63", s.Sessions)
	}
}
