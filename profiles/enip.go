package profiles

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ringer/capture/enip"
)

// ENIP is the section of an EtherNet/IP service: on 44818 the encapsulation and CIP, on 2222/udp the I/O
// data of connections. What the device was seen to answer is in Samples; the keys here are what a person
// reads and writes by hand.
//
//	enip:
//	  port: 44818
//	  identity: {vendor: 1, type: 14, product: 54, revision: "20.11", serial: 0x005ea0b1, name: 1756-L61/B LOGIX5561}
//	  types:
//	    Tank: {members: [{name: level, type: REAL}, {name: on, type: BOOL}, {name: alarms, type: DINT, size: 4}]}
//	  tags:
//	    - {name: LEVEL, type: REAL, point: level}
//	    - {name: COUNTS, type: DINT, size: [10], values: [1, 2, 3]}
//	    - {name: TANK, type: Tank, points: {level: level}}
//	  attributes: {0xF5/1/6: "0500706c632d31"}
//
// The services of one device share its identity, tags and attributes: give them once.
type ENIP struct {
	Common `yaml:",inline"`
	// Identity is what ListIdentity and the Identity object say. Without it, it is made of the device's.
	Identity *ENIPIdentity `yaml:"identity,omitempty"`
	// Address is what ListIdentity gives as the device's address; the one it is asked on if absent.
	Address string `yaml:"address,omitempty"`
	// Offers are the services that ListServices names; Communications, with CIP over TCP and I/O over UDP, if
	// absent.
	Offers []ENIPOffer `yaml:"offers,omitempty"`
	// ReplyTimeout is what stands in the time-out field of answers to unconnected requests; what the request
	// has there if absent.
	ReplyTimeout *uint16 `yaml:"reply_timeout,omitempty"`
	// Connections is how many CIP connections the device has at a time; 32 if absent.
	Connections int `yaml:"connections,omitempty"`
	// Routes are the ways that lead to a module of the device, as port and link: 1/0 is slot 0 of the
	// backplane. Where none is given and none was recorded, every way leads to the device itself.
	Routes []string `yaml:"routes,omitempty,flow"`
	// Types are the structures of tags, by name.
	Types map[string]*ENIPType `yaml:"types,omitempty"`
	// Tags are the controller's tags. Those of a program are called Program:NAME.TAG.
	Tags []ENIPTag `yaml:"tags,omitempty"`
	// DataFiles are the data files of controllers that have these rather than tags.
	DataFiles []ENIPDataFile `yaml:"data_files,omitempty"`
	// Files are the files of the File object.
	Files []ENIPFile `yaml:"files,omitempty"`
	// Attributes are attributes of objects: class/instance/attribute to the value's bytes in hexadecimal.
	Attributes map[string]string `yaml:"attributes,omitempty"`
	// Points maps attributes to points.
	Points []ENIPPoint `yaml:"points,omitempty"`
	// Writable are the attributes that can be set: class/instance/attribute.
	Writable []string `yaml:"writable,omitempty,flow"`
}

// ENIPIdentity is what a device says it is (CIP, section 5-2).
type ENIPIdentity struct {
	Vendor   uint16 `yaml:"vendor"`             // number of the maker at ODVA
	Type     uint16 `yaml:"type"`               // of device: 12 communications adapter, 14 controller
	Product  uint16 `yaml:"product"`            // code of the product
	Revision string `yaml:"revision"`           // major and minor, as "20.11"
	Status   uint16 `yaml:"status,omitempty"`   // word of status bits
	Serial   uint32 `yaml:"serial"`             // serial number
	Name     string `yaml:"name"`               // of the product, up to 32 characters
	State    *uint8 `yaml:"state,omitempty"`    // 3 operational, which it is if absent
	Version  uint16 `yaml:"version,omitempty"`  // of the encapsulation, 1 if absent
	Trailing string `yaml:"trailing,omitempty"` // bytes behind it in ListIdentity, in hexadecimal
}

// ENIPOffer is one service that ListServices names.
type ENIPOffer struct {
	Name    string `yaml:"name"`              // up to 16 characters
	Type    uint16 `yaml:"type,omitempty"`    // 256 if absent
	Version uint16 `yaml:"version,omitempty"` // 1 if absent
	Flags   uint16 `yaml:"flags"`             // 32: CIP over TCP; 256: I/O over UDP
}

// ENIPType is a structure (Logix: a user-defined type).
type ENIPType struct {
	// ID is the number of its template; one of ringer's choice if absent.
	ID uint16 `yaml:"id,omitempty"`
	// Handle tells the structure in reads and writes; made of the members if absent.
	Handle uint16 `yaml:"handle,omitempty"`
	// Bytes is how long a value is; as the members need if absent.
	Bytes int `yaml:"bytes,omitempty"`
	// Members are in the order of the definition. Without any, values are only read and written whole.
	Members []ENIPMember `yaml:"members,omitempty"`
	// Definition is a file with the template as it is read: member records, and names behind them.
	Definition string `yaml:"definition,omitempty"`
}

// ENIPMember is one member of a structure.
type ENIPMember struct {
	Name   string `yaml:"name"`             // as the definition has it
	Type   string `yaml:"type"`             // elementary, STRING, or one of Types
	Size   int    `yaml:"size,omitempty"`   // elements of an array; 0: not an array
	Offset *int   `yaml:"offset,omitempty"` // in bytes; behind the member before it, aligned, if absent
	Bit    int    `yaml:"bit,omitempty"`    // of a BOOL with an offset
}

// ENIPTag is one tag.
type ENIPTag struct {
	Name string `yaml:"name"`
	// Type is elementary (BOOL SINT INT DINT LINT USINT UINT UDINT ULINT REAL LREAL BYTE WORD DWORD LWORD),
	// STRING, or one of Types.
	Type string `yaml:"type,omitempty"`
	// Symbol is the word that lists of symbols give as type, where it is not that of Type. A symbol without a
	// Type is listed, but cannot be read: programs, tasks, modules.
	Symbol uint16 `yaml:"symbol,omitempty"`
	// Size is the number of elements of each dimension of an array, up to three.
	Size []int `yaml:"size,omitempty,flow"`
	// Instance is the tag's number among the symbols; one of ringer's choice if absent.
	Instance uint32 `yaml:"instance,omitempty"`
	// Values are what the elements hold at first: numbers, true or false, texts for STRING. Zeros if absent.
	Values []any `yaml:"values,omitempty,flow"`
	// Image is a file of what the tag holds at first, as bytes.
	Image string `yaml:"image,omitempty"`
	// Point is the point that the tag shows. Points does it for members and elements: "[3]", "level".
	Point  string            `yaml:"point,omitempty"`
	Points map[string]string `yaml:"points,omitempty"`
	// ReadOnly tags refuse writing.
	ReadOnly bool `yaml:"readonly,omitempty"`
}

// ENIPPoint maps an attribute to a point.
type ENIPPoint struct {
	Attribute string `yaml:"attribute"` // class/instance/attribute
	Point     string `yaml:"point"`     // its name
	As        string `yaml:"as"`        // an elementary type: REAL, UINT
}

// ParseENIPAttribute reads the name of an attribute: class, instance and number, decimal, or hexadecimal
// behind 0x.
func ParseENIPAttribute(s string) (class, instance, attribute uint32, err error) {
	f := strings.Split(s, "/")
	var n [3]uint32
	if len(f) != 3 {
		return 0, 0, 0, fmt.Errorf("%q: want class/instance/attribute, as 0xF5/1/6", s)
	}
	for i := range f {
		v, err := strconv.ParseUint(f[i], 0, 32)
		if err != nil {
			return 0, 0, 0, fmt.Errorf("%q: want class/instance/attribute, as 0xF5/1/6", s)
		}
		n[i] = uint32(v)
	}
	return n[0], n[1], n[2], nil
}

// ENIPAttribute names an attribute as Attributes and samples do.
func ENIPAttribute(class, instance, attribute uint32) string {
	return fmt.Sprintf("0x%02X/%d/%d", class, instance, attribute)
}

// Major and Minor are the parts of the revision.
func (i *ENIPIdentity) Major() uint8 { m, _, _ := i.revision(); return m }
func (i *ENIPIdentity) Minor() uint8 { _, m, _ := i.revision(); return m }

func (i *ENIPIdentity) revision() (major, minor uint8, err error) {
	a, b, _ := strings.Cut(i.Revision, ".")
	x, err1 := strconv.ParseUint(a, 10, 8)
	y, err2 := strconv.ParseUint(b, 10, 8)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q: want major and minor revision, as \"20.11\"", i.Revision)
	}
	return uint8(x), uint8(y), nil
}

// ENIPString is the type that controllers of the Logix family give texts: a length and 82 characters.
const ENIPString = "STRING"

// Validate checks what the types of the fields leave open.
func (s *ENIP) Validate(v *Validation) {
	if i := s.Identity; i != nil {
		if _, _, err := i.revision(); err != nil {
			v.At("identity", "revision").Errorf("%s", err)
		}
		if len(i.Name) > 255 {
			v.At("identity", "name").Errorf("%d characters are more than 255", len(i.Name))
		}
		if _, err := hex.DecodeString(i.Trailing); err != nil {
			v.At("identity", "trailing").Errorf("want bytes in hexadecimal")
		}
	}
	if s.Address != "" {
		if a, err := netip.ParseAddr(s.Address); err != nil || !a.Is4() {
			v.At("address").Errorf("%q is not an IPv4 address", s.Address)
		}
	}
	for i, o := range s.Offers {
		if len(o.Name) > 16 {
			v.At("offers", i, "name").Errorf("%q has more than 16 characters", o.Name)
		}
	}
	v.At("connections").within(s.Connections, 0, 1<<16)
	for name, t := range s.Types {
		s.checkType(v.At("types", name), name, t)
	}
	seen := map[string]bool{}
	for i := range s.Tags {
		t := &s.Tags[i]
		at := v.At("tags", i)
		if t.Name == "" {
			at.At("name").Errorf("a tag wants a name")
			continue
		}
		if seen[strings.ToLower(t.Name)] {
			at.At("name").Errorf("there is another tag %q", t.Name)
		}
		seen[strings.ToLower(t.Name)] = true
		s.checkTag(at, t)
	}
	s.checkDataFiles(v)
	s.checkFiles(v)
	for name, value := range s.Attributes {
		if _, _, _, err := ParseENIPAttribute(name); err != nil {
			v.At("attributes", name).Errorf("%s", err)
		}
		if _, err := hex.DecodeString(value); err != nil {
			v.At("attributes", name).Errorf("%q: want bytes in hexadecimal", value)
		}
	}
	for i, p := range s.Points {
		at := v.At("points", i)
		if _, _, _, err := ParseENIPAttribute(p.Attribute); err != nil {
			at.At("attribute").Errorf("%s", err)
		}
		at.At("point").Point(p.Point)
		if _, ok := enip.ParseType(p.As); !ok {
			at.At("as").Errorf("%q is not an elementary type, as REAL or UINT", p.As)
		}
	}
	for i, name := range s.Writable {
		if _, _, _, err := ParseENIPAttribute(name); err != nil {
			v.At("writable", i).Errorf("%s", err)
		}
	}
}

// ENIPTypeBytes bounds a value of a structure, or a whole tag.
const ENIPTypeBytes = 1 << 20

func (s *ENIP) checkType(v *Validation, name string, t *ENIPType) {
	if _, taken := enip.ParseType(name); taken || name == ENIPString {
		v.Errorf("%q is the name of an elementary type", name)
	}
	if t == nil {
		v.Errorf("want members, or how many bytes it has")
		return
	}
	v.At("bytes").within(t.Bytes, 0, ENIPTypeBytes)
	if t.Bytes == 0 && len(t.Members) == 0 {
		v.Errorf("want members, or how many bytes it has")
	}
	if t.Definition != "" {
		v.At("definition").File(t.Definition)
	}
	for i, m := range t.Members {
		at := v.At("members", i)
		if m.Name == "" {
			at.At("name").Errorf("a member wants a name")
		}
		s.checkTypeName(at.At("type"), m.Type)
		at.At("size").within(m.Size, 0, ENIPTypeBytes)
		at.At("bit").within(m.Bit, 0, 31)
		if m.Offset != nil {
			at.At("offset").within(*m.Offset, 0, ENIPTypeBytes)
		}
	}
	if s.nested(name, nil) {
		v.Errorf("the structure %q holds itself", name)
	}
}

// nested says whether a structure holds itself, at any depth.
func (s *ENIP) nested(name string, outer []string) bool {
	if slices.Contains(outer, name) {
		return true
	}
	t := s.Types[name]
	if t == nil || len(outer) > 16 {
		return len(outer) > 16
	}
	for _, m := range t.Members {
		if s.nested(m.Type, append(slices.Clip(outer), name)) {
			return true
		}
	}
	return false
}

func (s *ENIP) checkTypeName(v *Validation, name string) {
	if _, ok := enip.ParseType(name); !ok && name != ENIPString && s.Types[name] == nil {
		v.Errorf("%q is neither an elementary type nor one of types", name)
	}
}

func (s *ENIP) checkTag(v *Validation, t *ENIPTag) {
	if len(t.Name) > 255 {
		v.At("name").Errorf("%d characters are more than 255", len(t.Name))
	}
	if t.Type == "" && t.Symbol != 0 {
		if len(t.Values) > 0 || t.Image != "" || t.Point != "" || len(t.Points) > 0 {
			v.At("type").Errorf("a symbol without a type holds no values")
		}
		return
	}
	s.checkTypeName(v.At("type"), t.Type)
	n := 1
	for i, d := range t.Size {
		v.At("size", i).within(d, 1, ENIPTypeBytes)
		n = min(n*max(d, 1), ENIPTypeBytes+1)
	}
	switch {
	case len(t.Size) > 3:
		v.At("size").Errorf("%d dimensions are more than 3", len(t.Size))
	case n > ENIPTypeBytes:
		v.At("size").Errorf("more than %d elements", ENIPTypeBytes)
	case len(t.Values) > n:
		v.At("values").Errorf("%d values for %d elements", len(t.Values), n)
	}
	if t.Image != "" {
		v.At("image").File(t.Image)
	}
	if t.Point != "" {
		v.At("point").Point(t.Point)
	}
	for place, p := range t.Points {
		v.At("points", place).Point(p)
	}
}
