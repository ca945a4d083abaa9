// Package profiles holds what a device is: the contract between learning, which writes it, and serving,
// which reads it. A profile is a directory (or one .zip of it): device.yaml is what a person reads and
// edits, bulk lies beside it in formats that existing tools open. SCHEMA.md documents it.
package profiles

import (
	"io/fs"
	"time"
)

// APIVersion and Kind are what this version of ringer writes. Older versions load through an upgrade.
const (
	APIVersion = "ringer/v1"
	Kind       = "Device"
)

// A Device is one profile.
type Device struct {
	APIVersion string             `yaml:"apiVersion"`           // ringer/v1
	Kind       string             `yaml:"kind"`                 // Device
	ID         string             `yaml:"id"`                   // name of the device; its folder, and what --map calls it
	Identity   Identity           `yaml:"identity,omitempty"`   // what its name plate says
	Seed       uint64             `yaml:"seed,omitempty"`       // same seed, same noise
	Captures   map[string]Capture `yaml:"captures,omitempty"`   // by capture id: "c" and the first 8 hex digits of the sha256
	Evidence   string             `yaml:"evidence,omitempty"`   // file of provenance, one JSON object a line
	Redactions []Redaction        `yaml:"redactions,omitempty"` // what was taken out
	Network    *Network           `yaml:"network,omitempty"`    // how its network stack looks
	Points     map[string]*Point  `yaml:"points,omitempty"`     // its values, each declared once
	Accounts   []Account          `yaml:"accounts,omitempty"`   // one user list for every protocol
	Services   []Service          `yaml:"services"`             // what it serves

	// Files holds the bulk that the profile names, by slash-separated path. It never reaches outside
	// the profile.
	Files fs.FS `yaml:"-"`
}

// Identity is who the device says it is, in the words of a name plate.
type Identity struct {
	Vendor   string `yaml:"vendor,omitempty"`   // maker
	Model    string `yaml:"model,omitempty"`    // type, as sold
	Order    string `yaml:"order,omitempty"`    // order number
	Firmware string `yaml:"firmware,omitempty"` // version of the firmware
	Hardware string `yaml:"hardware,omitempty"` // version of the hardware
	Serial   string `yaml:"serial,omitempty"`   // serial number
	MAC      string `yaml:"mac,omitempty"`      // hardware address
	Name     string `yaml:"name,omitempty"`     // station or host name
	Location string `yaml:"location,omitempty"` // where it stands
	Role     string `yaml:"role,omitempty"`     // plc, bmc, …
}

// A Capture is a recording, or a crawl of a live device, that facts came from.
type Capture struct {
	File   string    `yaml:"file,omitempty"`   // name of the recording
	Crawl  string    `yaml:"crawl,omitempty"`  // what a live scan asked
	SHA256 string    `yaml:"sha256,omitempty"` // of the recording
	Server string    `yaml:"server,omitempty"` // the device's address there
	From   time.Time `yaml:"from,omitempty"`   // first exchange of this device
	To     time.Time `yaml:"to,omitempty"`     // last exchange of this device
}

// A Redaction says what was taken out, and how, so that a reader can tell it from what was seen.
type Redaction struct {
	What string `yaml:"what"` // kind of text or number that was taken out
	How  string `yaml:"how"`  // what stands in its place
}

// Network is how the device's network stack looks.
type Network struct {
	TTL     int      `yaml:"ttl,omitempty"`     // time to live of its packets
	Window  int      `yaml:"window,omitempty"`  // TCP window of the SYN/ACK
	MSS     int      `yaml:"mss,omitempty"`     // maximum segment size it gives
	Options []string `yaml:"options,omitempty"` // TCP options of the SYN/ACK, in order
}

// A Point is one named value of the device. Cells of several protocols may map to it.
type Point struct {
	Type     string            `yaml:"type"`               // bool u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 text enum time
	Unit     string            `yaml:"unit,omitempty"`     // for people
	Value    any               `yaml:"value,omitempty"`    // at the start; what moves goes on from it
	Values   map[string]string `yaml:"values,omitempty"`   // enum: number or text on the wire -> name
	Dynamics *Dynamics         `yaml:"dynamics,omitempty"` // how it moves by itself; absent: it stays
	Every    time.Duration     `yaml:"every,omitempty"`    // how often the device measures it: in between, it shows what it saw last
	Write    *WriteRule        `yaml:"write,omitempty"`    // absent: cannot be written
}

// A WriteRule says what may be written to a point.
type WriteRule struct {
	Min *float64 `yaml:"min,omitempty"` // least that is taken
	Max *float64 `yaml:"max,omitempty"` // most that is taken
}

// An Account is one user for every protocol. Secrets are verifiers unless they are the decoy's own bait.
type Account struct {
	Name   string `yaml:"name"`             // user name
	Policy string `yaml:"policy,omitempty"` // deny, accept or bait
	Verify string `yaml:"verify,omitempty"` // salted verifier, see Verifier
	Bait   string `yaml:"bait,omitempty"`   // secret that visitors may find, in the clear
	Role   string `yaml:"role,omitempty"`   // as the device calls it

	USM *AccountUSM `yaml:"usm,omitempty"` // of SNMPv3
}

// A Service is one protocol on one port. In YAML it is a mapping of one key, the protocol's name, to
// its Section.
type Service struct {
	Protocol string
	Section  Section
}

// A Section is what a profile says of one service. Every section embeds Common.
type Section interface{ common() *Common }

// Common is what sections of every protocol have.
type Common struct {
	Port       Port               `yaml:"port"`                 // 502, or with its transport 161/udp
	Samples    []string           `yaml:"samples,omitempty"`    // files of tracks (track.go), oldest capture first
	Recordings []string           `yaml:"recordings,omitempty"` // pcapng files of whole answers, oldest capture first
	Latency    map[string]Latency `yaml:"latency,omitempty"`    // by request class
	Limits     *Limits            `yaml:"limits,omitempty"`     // what peers may ask of it
	Volatile   []Volatile         `yaml:"volatile,omitempty"`   // fields that vary on this device: learned masks
	TLS        *TLS               `yaml:"tls,omitempty"`        // it is spoken over TLS
}

func (c *Common) common() *Common { return c }

// Common gives the part of a service that every protocol has.
func (s Service) Common() *Common { return s.Section.common() }

// Recorded is the section of a protocol that is answered from recordings alone.
type Recorded struct {
	Common `yaml:",inline"`
}

// Latency is a distribution of answer times: quantiles, linear between them.
type Latency struct {
	P50 time.Duration `yaml:"p50"`             // half of the answers take no longer
	P90 time.Duration `yaml:"p90"`             // nine of ten
	P99 time.Duration `yaml:"p99"`             // 99 of 100
	N   int           `yaml:"count,omitempty"` // how many answers it was learned from
}

// Limits bound what a service takes from its peers. Zero values mean ringer's defaults.
type Limits struct {
	Connections int           `yaml:"connections,omitempty"` // at the same time
	PerPeer     int           `yaml:"per_peer,omitempty"`    // connections of one address
	Idle        time.Duration `yaml:"idle,omitempty"`        // a quiet connection is closed after it
	Message     int           `yaml:"message,omitempty"`     // bytes
	Rate        float64       `yaml:"rate,omitempty"`        // UDP answers per second to one address
}

// A Volatile names a field, as replay prints its path, that was seen to differ between two answers to
// the same question.
type Volatile struct {
	Path string `yaml:"path"` // as replay prints it
	Kind string `yaml:"kind"` // clock, minted, count
	Seen int    `yaml:"seen"` // how many differing observations
}

// sections lists the sections that say more than Recorded does. Beside its fields a section, or any type
// in it, may be a Validator (validate.go: what is checked when it is loaded, with file and line). A type
// may have a text form (encoding.TextMarshaler) or one in YAML (yaml.Unmarshaler).
var sections = map[string]func() Section{
	"ipmi":       func() Section { return &IPMI{} },
	"s7":         func() Section { return &S7{} },
	"snmp":       func() Section { return &SNMP{} },
	"enip":       func() Section { return &ENIP{} },
	"http":       func() Section { return &HTTP{} },
	"bacnet":     func() Section { return &BACnet{} },
	"modbus":     func() Section { return &Modbus{} },
	"modbus-rtu": func() Section { return &Modbus{} },
}
