package profiles

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"ringer/capture/bacnet"
)

// BACnet is a device of BACnet/IP, and the devices on networks behind it.
//
//	bacnet:
//	  port: 47808/udp
//	  device: 111
//	  values: bacnet/boiler.tsv
//	  points: {"analog-input,1 present-value": supply}
//	  routed:
//	    "3:6c": {device: 108, vendor: 42}
//
// Properties are cells, which are called "OBJECT PROPERTY", or "OBJECT PROPERTY[INDEX]" for an element; those
// of a device behind this one have its station before them: "3:6c analog-output,101 present-value".
type BACnet struct {
	Common       `yaml:",inline"`
	BACnetDevice `yaml:",inline"`

	// Values is the file of what properties hold: a cell, a tab, and its value in words (see BACnetCell).
	Values string `yaml:"values,omitempty"`
	// Points maps properties to named points.
	Points map[string]string `yaml:"points,omitempty"`
	// Routed are the devices on networks behind this one, by NETWORK:MAC, the latter in hexadecimal.
	Routed map[string]*BACnetDevice `yaml:"routed,omitempty"`
	// Networks are further networks that it says it routes to.
	Networks []uint16 `yaml:"networks,omitempty,flow"`
	// Broadcasts says whether it manages broadcasts: it takes foreign devices, and has the tables for it.
	Broadcasts bool `yaml:"broadcasts,omitempty"`
	// Passwords are all that were tried, right or wrong: recordings call them as they are called here.
	Passwords []string `yaml:"passwords,omitempty"`
	// Peers is its broadcast distribution table: address and port, with a mask behind a slash.
	Peers []string `yaml:"peers,omitempty"`
}

// BACnetDevice is what one device says of itself.
type BACnetDevice struct {
	// Device is its instance.
	Device *uint32 `yaml:"device,omitempty"`
	// Vendor is the number of its maker.
	Vendor *uint16 `yaml:"vendor,omitempty"`
	// MaxAPDU is the longest message it takes and sends; 1476 without it.
	MaxAPDU uint32 `yaml:"max_apdu,omitempty"`
	// MaxSent is the longest message it was seen to send, where that is more than it takes.
	MaxSent uint32 `yaml:"max_sent,omitempty"`
	// Segmentation says which segments it can handle: both (without it), transmit, receive or none.
	Segmentation string `yaml:"segmentation,omitempty"`
	// Announces is how it answers Who-Is: broadcast, global (to all networks), or unicast to who asked.
	Announces string `yaml:"announces,omitempty"`
	// Wildcard says what it calls itself when it was asked as device 4194303: echo (that), or without it
	// its own instance.
	Wildcard string `yaml:"wildcard,omitempty"`
	// Password is what it wants to be silenced or restarted; it may be a verifier. Without it nobody can,
	// unless it is Unlocked.
	Password string `yaml:"password,omitempty"`
	Unlocked bool   `yaml:"unlocked,omitempty"`
	// Carries are the services that change objects which it was seen to carry out.
	Carries []string `yaml:"carries,omitempty,flow"`
	// Files are the contents of file objects that are read in bytes, by instance.
	Files map[uint32]string `yaml:"files,omitempty"`
	// Records are the contents of file objects that are read in records, by instance: a line each (see
	// AppendBACnetRecord).
	Records map[uint32]string `yaml:"records,omitempty"`
	// Silent devices never answer.
	Silent bool `yaml:"silent,omitempty"`
}

// BACnetSegmentations are the words for what a device does with segments, by their number.
var BACnetSegmentations = []string{"both", "transmit", "receive", "none"}

// BACnetCarries are the words for services that change objects, and that few devices carry out.
var BACnetCarries = []string{"create object", "delete object", "add list element", "remove list element"}

// BACnetScale is by how much real numbers are multiplied for the dynamics of their cells.
const BACnetScale = 1000

func (s *BACnet) Validate(v *Validation) {
	s.Port.UDP = true
	s.BACnetDevice.validate(v)
	if s.Values != "" {
		v.At("values").File(s.Values)
	}
	for cell, p := range s.Points {
		if _, err := ParseBACnetCell(cell); err != nil {
			v.At("points", cell).Errorf("%s", err)
		}
		v.At("points", cell).Point(p)
	}
	for name, d := range s.Routed {
		at := v.At("routed", name)
		if _, err := ParseBACnetStation(name); err != nil {
			at.Errorf("%s", err)
		}
		if d == nil {
			at.Errorf("the device is empty")
			continue
		}
		d.validate(at)
	}
	for i, p := range s.Peers {
		if _, err := ParseBACnetPeer(p); err != nil {
			v.At("peers", i).Errorf("%s", err)
		}
	}
}

func (d *BACnetDevice) validate(v *Validation) {
	if d.Device != nil && *d.Device > bacnet.WildcardInstance {
		v.At("device").Errorf("%d is no instance: they go up to %d", *d.Device, bacnet.WildcardInstance)
	}
	if d.MaxAPDU != 0 && (d.MaxAPDU < 50 || d.MaxAPDU > 65535) {
		v.At("max_apdu").Errorf("%d: want 50 to 65535", d.MaxAPDU)
	}
	v.At("segmentation").OneOf(d.Segmentation, BACnetSegmentations...)
	v.At("announces").OneOf(d.Announces, "broadcast", "global", "unicast")
	v.At("wildcard").OneOf(d.Wildcard, "echo")
	for i, name := range d.Carries {
		v.At("carries", i).OneOf(name, BACnetCarries...)
	}
	for i, f := range d.Files {
		v.At("files", i).File(f)
	}
	for i, f := range d.Records {
		v.At("records", i).File(f)
		if _, both := d.Files[i]; both {
			v.At("records", i).Errorf("file %d is read in bytes, too: it is of one kind", i)
		}
	}
}

// A BACnetCell names a property, or an element of one, of this device or of one behind it.
type BACnetCell struct {
	Station  string // NETWORK:MAC; empty: the device itself
	Object   bacnet.ObjectID
	Property bacnet.PropertyID
	Index    int  // -1: the whole property
	Write    bool // what became of writing it: "OBJECT PROPERTY write"
}

func (c BACnetCell) String() string {
	s := c.Object.String() + " " + c.Property.String()
	if c.Station != "" {
		s = c.Station + " " + s
	}
	if c.Index >= 0 {
		s += "[" + strconv.Itoa(c.Index) + "]"
	}
	if c.Write {
		s += " write"
	}
	return s
}

// ParseBACnetCell reads what String writes.
func ParseBACnetCell(s string) (c BACnetCell, err error) {
	words := strings.Fields(s)
	if n := len(words); n > 2 && words[n-1] == "write" {
		c.Write, words = true, words[:n-1]
	}
	if len(words) == 3 {
		if _, err := ParseBACnetStation(words[0]); err != nil {
			return c, err
		}
		c.Station, words = words[0], words[1:]
	}
	if len(words) != 2 {
		return c, fmt.Errorf("%q is not a property: want OBJECT PROPERTY, as in analog-input,1 present-value", s)
	}
	if c.Object, err = bacnet.ParseObject(words[0]); err != nil {
		return c, err
	}
	name, index, indexed := strings.Cut(words[1], "[")
	c.Index = -1
	if indexed {
		n, err := strconv.ParseUint(strings.TrimSuffix(index, "]"), 10, 31)
		if err != nil || !strings.HasSuffix(index, "]") {
			return c, fmt.Errorf("%q is not an index", index)
		}
		c.Index = int(n)
	}
	c.Property, err = bacnet.ParseProperty(name)
	return c, err
}

// BACnetStation is how a station is called in profiles.
func BACnetStation(s bacnet.Station) string {
	return strconv.Itoa(int(s.Network)) + ":" + hex.EncodeToString(s.MAC)
}

// ParseBACnetStation reads a station's name.
func ParseBACnetStation(s string) (x bacnet.Station, err error) {
	network, mac, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(network, 10, 16)
	if !ok || err != nil || n == 0 || n == bacnet.EveryNetwork {
		return x, fmt.Errorf("%q is not a station: want NETWORK:MAC, as in 3:6c", s)
	}
	x.Network = uint16(n)
	if x.MAC, err = hex.DecodeString(mac); err != nil || len(x.MAC) == 0 || len(x.MAC) > 255 {
		return x, fmt.Errorf("%q is not a station: want its MAC in hexadecimal", s)
	}
	return x, nil
}
