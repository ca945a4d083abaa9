package profiles

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ringer/capture/snmp"
)

// SNMP is an agent of the Simple Network Management Protocol.
//
//	snmp:
//	  port: 161
//	  walk: snmp/base.snmprec
//	  communities: {public: ro, private: rw}
//	  points: {1.3.6.1.2.1.1.3.0: uptime}
type SNMP struct {
	Common `yaml:",inline"`

	// Versions that the agent speaks: 1, 2c, 3. Without it: 1 and 2c, and 3 if there is an engine.
	Versions []string `yaml:"versions,flow,omitempty"`
	// Communities that the agent answers to, each with what it may do: ro or rw, or a mapping (see
	// SNMPCommunity). A name may be a verifier. "*" is every other name; without it, they meet silence.
	Communities map[string]SNMPCommunity `yaml:"communities,omitempty"`
	// Walk is the file of variables, in the format of snmpsim: OID|tag|value (see SNMPRec).
	Walk string `yaml:"walk,omitempty"`
	// Points maps variables to named points. A variable that is not in the walk takes its type from the
	// point.
	Points map[string]string `yaml:"points,omitempty"`

	// Writable are variables, or subtrees of them, that a rw community can set; points with a write rule
	// are writable without it.
	Writable []string `yaml:"writable,omitempty"`
	// Refuse says which error setting a variable, or one of a subtree, gives: notWritable, wrongType, …
	Refuse map[string]string `yaml:"refuse,omitempty"`

	// Missing is how a variable that is not there is told in SNMPv2c: noSuchObject or noSuchInstance
	// always, or noSuchName, the error of version 1. Without it, as RFC 3416 has it: noSuchInstance
	// where the object has other instances.
	Missing string `yaml:"missing,omitempty"`
	// MaxSize is the largest response in bytes; what does not fit is cut (GetBulk) or tooBig.
	MaxSize int `yaml:"max_size,omitempty"`
	// BulkMax is the largest number of repeated variables in a response to GetBulk; 100 without it.
	BulkMax int `yaml:"bulk_max,omitempty"`
	// LongLengths is how many octets follow the first in the length of every SEQUENCE, in agents that do
	// not use the shortest form.
	LongLengths int `yaml:"long_lengths,omitempty"`

	// Engine and Users are for SNMPv3. Users maps each user to the most that was seen of it: noauth, auth
	// or priv, or to a mapping (see SNMPUser). Its passwords are those of the account of that name (usm);
	// every account with usm is a user.
	Engine *SNMPEngine         `yaml:"engine,omitempty"`
	Users  map[string]SNMPUser `yaml:"users,omitempty"`

	// Known are the stretches of the tree, "FROM-TO", that were walked: what is not in the walk file is
	// not on the device there. TO is "end" where the device said that nothing follows.
	Known []string `yaml:"known,omitempty"`
}

// SNMPAnyone stands for all communities that are not named.
const SNMPAnyone = "*"

// An SNMPCommunity is what one community may do: in YAML just ro or rw, or a mapping.
type SNMPCommunity struct {
	Access string   `yaml:"access"`
	View   []string `yaml:"view,omitempty"`   // only these subtrees can be seen
	Hidden []string `yaml:"hidden,omitempty"` // these subtrees cannot
}

// An SNMPEngine is the identity of an agent in SNMPv3 (RFC 3411, section 5).
type SNMPEngine struct {
	ID      string `yaml:"id"`                 // in hexadecimal
	Boots   int64  `yaml:"boots,omitempty"`    // how often it was started
	Time    int64  `yaml:"time,omitempty"`     // seconds since the last start
	MaxSize int64  `yaml:"max_size,omitempty"` // what it says it can receive
}

// EngineID is the id in bytes.
func (e *SNMPEngine) EngineID() ([]byte, error) { return hex.DecodeString(e.ID) }

func (c SNMPCommunity) MarshalYAML() (any, error) {
	if len(c.View) == 0 && len(c.Hidden) == 0 {
		return c.Access, nil
	}
	type plain SNMPCommunity
	return plain(c), nil
}

func (c *SNMPCommunity) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		c.Access = n.Value
		return
	}
	type plain SNMPCommunity
	d.decode(n, reflect.ValueOf((*plain)(c)).Elem(), path)
}

// SNMPErrors are the names of the errors that setting a variable can give.
var SNMPErrors = func() []string {
	var names []string
	for e := snmp.TooBig; e <= snmp.InconsistentName; e++ {
		names = append(names, e.String())
	}
	return names
}()

func (s *SNMP) Validate(v *Validation) {
	// SNMP is asked over UDP, whether or not the port says so.
	s.Port.UDP = true
	for i, x := range s.Versions {
		v.At("versions", i).OneOf(x, "1", "2c", "3")
	}
	if len(s.Communities) == 0 && s.Engine == nil {
		v.At("communities").Errorf("there is no community: the agent would answer nobody (want {public: ro})")
	}
	for name, c := range s.Communities {
		at := v.At("communities", name)
		if c.Access == "" {
			at.Errorf("want ro or rw")
		}
		at.OneOf(c.Access, "ro", "rw")
		for i, o := range c.View {
			at.At("view", i).oid(o)
		}
		for i, o := range c.Hidden {
			at.At("hidden", i).oid(o)
		}
	}
	if s.Walk != "" {
		v.At("walk").File(s.Walk)
	}
	for o, p := range s.Points {
		v.At("points", o).oid(o)
		v.At("points", o).Point(p)
	}
	for i, o := range s.Writable {
		v.At("writable", i).oid(o)
	}
	for o, e := range s.Refuse {
		v.At("refuse", o).oid(o)
		if e == "" {
			v.At("refuse", o).Errorf("want the name of an error")
		}
		v.At("refuse", o).OneOf(e, SNMPErrors...)
	}
	v.At("missing").OneOf(s.Missing, snmp.NoSuchObject.String(), snmp.NoSuchInstance.String(), snmp.NoSuchName.String())
	if s.MaxSize != 0 {
		v.At("max_size").within(s.MaxSize, 484, 65507)
	}
	v.At("bulk_max").within(s.BulkMax, 0, 1<<16)
	v.At("long_lengths").within(s.LongLengths, 0, 4)
	if e := s.Engine; e != nil {
		if id, err := e.EngineID(); err != nil || len(id) < 5 || len(id) > 32 {
			v.At("engine", "id").Errorf("%q: want 5 to 32 bytes in hexadecimal", e.ID)
		}
	}
	for name, u := range s.Users {
		u.check(v.At("users", name))
	}
	if len(s.Users) > 0 && s.Engine == nil {
		v.At("engine").Errorf("users are of SNMPv3, which wants an engine")
	}
	for i, k := range s.Known {
		if _, _, err := SNMPStretch(k); err != nil {
			v.At("known", i).Errorf("%s", err)
		}
	}
}

func (v *Validation) oid(s string) {
	if _, err := snmp.ParseOID(s); err != nil {
		v.Errorf("%s", err)
	}
}

// Speaks says whether the agent speaks a version of the protocol.
func (s *SNMP) Speaks(version snmp.Version) bool {
	if len(s.Versions) > 0 {
		return slices.Contains(s.Versions, strings.TrimPrefix(version.String(), "v"))
	}
	return version != snmp.V3 || s.Engine != nil
}

// SNMPStretch reads an entry of Known; to is nil for the end of the tree.
func SNMPStretch(s string) (from, to snmp.OID, err error) {
	a, b, ok := strings.Cut(s, "-")
	if !ok {
		return nil, nil, fmt.Errorf("%q: want FROM-TO", s)
	}
	if from, err = snmp.ParseOID(a); err != nil {
		return nil, nil, err
	}
	if b == "end" {
		return from, nil, nil
	}
	if to, err = snmp.ParseOID(b); err == nil && to.Compare(from) <= 0 {
		err = fmt.Errorf("%q ends before it begins", s)
	}
	return from, to, err
}
