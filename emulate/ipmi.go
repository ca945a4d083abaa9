package emulate

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An ipmiService is a baseboard management controller. Its sessions, and what is written to it, are shared
// by all who ask.
type ipmiService struct {
	st     *State
	dev    *profiles.Device
	sec    *profiles.IPMI
	proto  ipmi.Protocol
	guid   [16]byte
	suites []ipmi.Algorithms
	users  []*ipmiUser // by slot
	random io.Reader
	key    []byte // of the cell that is looked for

	cells   map[string]*Cell // answers, by ipmiCell
	written map[string][]byte
	told    [ipmiGroups + 1][256]bool // commands that have cells
	script  *Script
	store   ipmiStore
	chassis ipmiChassis
	host    *host
	log     *systemLog
	sensors map[uint8]*ipmiSensor
	watch   ipmiWatchdog
	limit   ipmiPowerLimit
	watts   *PointState
	channel byte             // of the LAN
	texts   map[uint8][]byte // asset tag and name, by the command of DCMI
	banner  string           // what the console begins with

	sessions     map[uint32]*ipmiSession
	secrets      ipmiSecrets
	iv           [16]byte // of the packet that is sealed
	most         int
	capabilities ipmi.GetAuthCapabilitiesReply // said last
	silent       bool                          // the controller said nothing to the command in hand
	closing      uint32                        // the session that the command in hand ends
	policy       int                           // the power restore policy that was set; -1: none
	commands     map[ipmi.Target]bool          // that the controller was seen to have
	does         map[ipmi.Target]bool          // and to carry out
	refuses      map[ipmi.Target]ipmi.Code     // and how it refused them
}

// ipmiUser is one slot of the list of users.
type ipmiUser struct {
	slot    uint8
	name    string
	limit   uint8
	flags   uint8 // callback, link authentication, IPMI messaging
	enabled bool
	secret  string
	known   bool // its password
	denied  bool
	bait    bool
	account *account // nil: nobody has the slot
	given   *string  // a password that the user of the decoy knows
	role    string   // that the account had when it was looked at last
	changed bool     // since the decoy was started
}

// ipmiGroups has the bits of the number of a group of commands.
const ipmiGroups = 0x3f

// ipmiRandom is how much randomness is fetched at once: every encrypted packet takes some.
const ipmiRandom = 512

// ipmiLAN is the usual number of the LAN's channel, ipmiCurrent stands for the one that is asked on
// (section 6.3).
const (
	ipmiLAN     = 1
	ipmiCurrent = 0x0e
)

// ipmiMost is how many sessions are open at once, ipmiOpening how many handshakes.
const (
	ipmiMost    = 16
	ipmiOpening = 32
)

func openIPMI(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	sec, ok := svc.Section.(*profiles.IPMI)
	if !ok {
		return openRecorded(st, dev, svc, p)
	}
	s := &ipmiService{
		st: st, dev: dev, sec: sec, random: bufio.NewReaderSize(rand.Reader, ipmiRandom), cells: map[string]*Cell{}, written: map[string][]byte{},
		sessions: map[uint32]*ipmiSession{}, most: sec.Sessions, sensors: map[uint8]*ipmiSensor{}, policy: -1,
	}
	if s.most == 0 {
		s.most = ipmiMost
	}
	s.proto = ipmi.Protocol{Secret: s.secrets.get}
	var err error
	if s.guid, err = sec.GUIDBytes(); err != nil {
		return nil, fmt.Errorf("guid: %w", err)
	}
	for _, n := range sec.Ciphers {
		a, _ := ipmi.Suite(n)
		s.suites = append(s.suites, a)
	}
	s.loadUsers(p)
	if err := s.loadCells(svc); err != nil {
		return nil, err
	}
	if s.log, err = logOf(st, dev); err != nil {
		return nil, err
	}
	s.channel = ipmiLAN
	for _, ask := range [][]byte{{0x8e, 4}, {0x0e, 4}} {
		if d := s.holds(ipmi.Target{NetFn: ipmi.App, Cmd: 0x38}, ask); len(d) > 0 {
			s.channel = d[0] & 0xf
		}
	}
	if err := s.store.load(s); err != nil {
		return nil, err
	}
	if err := s.loadHost(); err != nil {
		return nil, err
	}
	if err := s.loadSensors(); err != nil {
		return nil, err
	}
	s.watch.load(s)
	s.loadTexts()
	if sec.Watts != nil {
		if s.watts, err = st.Point(sec.Watts.Point); err != nil {
			return nil, fmt.Errorf("watts: %w", err)
		}
	}
	if sec.Console != nil && sec.Console.Text != "" {
		b, err := dev.ReadFile(sec.Console.Text, ipmiFile)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		s.banner = string(b)
	}
	if s.script, err = NewScript(dev, svc, ipmi.Protocol{}); err != nil {
		return nil, err
	}
	return s, nil
}

// Protocol reads with the secrets of the open sessions.
func (s *ipmiService) Protocol() wire.Protocol { return s.proto }

func (s *ipmiService) Open(p Peer) Session { return &ipmiPeer{s: s, peer: p} }

func (s *ipmiService) loadCells(svc *profiles.Service) error {
	type sampled struct {
		track    profiles.Track
		dynamics *profiles.Dynamics
	}
	all := map[string]*sampled{}
	for _, name := range svc.Common().Samples {
		f, err := s.dev.Files.Open(path.Clean(name))
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		err = profiles.ReadSamples(f, func(cell string, d *profiles.Dynamics, t profiles.Track) error {
			if _, _, _, err := profiles.ParseIPMICell(cell); err != nil {
				return err
			}
			if all[cell] == nil {
				all[cell] = &sampled{}
			}
			all[cell].track.Append(&t)
			all[cell].dynamics = d
			return nil
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("samples %s: %w", name, err)
		}
	}
	for _, cell := range slices.Sorted(maps.Keys(all)) {
		if err := s.addCell(cell, &all[cell].track, all[cell].dynamics); err != nil {
			return err
		}
	}
	return nil
}

// addCell makes a cell. What moves by itself in it is a number among other bytes.
func (s *ipmiService) addCell(cell string, t *profiles.Track, d *profiles.Dynamics) error {
	c, err := s.st.NewCell("ipmi "+cell, t, d)
	if err != nil {
		return err
	}
	s.cells[cell] = c
	target, data, command, _ := profiles.ParseIPMICell(cell)
	if !command {
		return nil
	}
	s.told[target.NetFn&ipmiGroups][target.Cmd] = true
	at, size := profiles.IPMINumber(target, data)
	if size == 0 {
		return nil
	}
	if !t.Moved() {
		c.End(s.st) // it shows the shape of an answer: a point may fill it at once
	}
	last := slices.Clone(t.Last().Value)
	c.Decode = func(b []byte) (v uint64) {
		for i := at + size - 1; i >= at && len(b) >= at+size; i-- {
			v = v<<8 | uint64(b[i])
		}
		return v
	}
	c.Encode = func(dst []byte, v Value) []byte {
		dst = append(dst, last...)
		if len(dst) < at+size {
			return dst
		}
		for i, x := 0, v.Uint(); i < size; i, x = i+1, x>>8 {
			dst[at+i] = byte(x)
		}
		return dst
	}
	return nil
}

// answered is what its cell says to a command: a completion code and data.
func (s *ipmiService) answered(t ipmi.Target, ask []byte) (code ipmi.Code, data []byte, from Origin, ok bool) {
	if !s.told[t.NetFn&ipmiGroups][t.Cmd] {
		return 0, nil, 0, false
	}
	s.key = profiles.AppendIPMICell(s.key[:0], t, ask)
	return s.answeredBy(s.key)
}

// answeredOutside is what is said to it where there is no session.
func (s *ipmiService) answeredOutside(t ipmi.Target, ask []byte) (code ipmi.Code, data []byte, from Origin, ok bool) {
	if !s.told[t.NetFn&ipmiGroups][t.Cmd] {
		return 0, nil, 0, false
	}
	s.key = profiles.AppendIPMICell(append(s.key[:0], profiles.IPMIOutside...), t, ask)
	return s.answeredBy(s.key)
}

func (s *ipmiService) answeredBy(cell []byte) (code ipmi.Code, data []byte, from Origin, ok bool) {
	if w, ok := s.written[string(cell)]; ok {
		return ipmi.Code(w[0]), w[1:], Point, true
	}
	c := s.cells[string(cell)]
	if c == nil {
		return 0, nil, 0, false
	}
	v, from := c.Read(s.st)
	if s.silent = len(v) == 0; s.silent {
		return 0, nil, from, true
	}
	return ipmi.Code(v[0]), v[1:], from, true
}

// holds is what a command would be answered now, nil if that is not known or is a refusal.
func (s *ipmiService) holds(t ipmi.Target, ask []byte) []byte {
	cell := profiles.IPMICell(t, ask)
	v := s.written[cell]
	if c := s.cells[cell]; v == nil && c != nil {
		v, _ = c.Peek(s.st)
	}
	if len(v) == 0 || v[0] != byte(ipmi.CodeOK) {
		return nil
	}
	return v[1:]
}

// write makes the cell of a command say something from now on.
func (s *ipmiService) write(t ipmi.Target, ask []byte, code ipmi.Code, data []byte) {
	cell := profiles.IPMICell(t, ask)
	if _, ok := s.written[cell]; !ok && len(s.written) >= ipmiWritten {
		return
	}
	s.written[cell] = append([]byte{byte(code)}, data...)
	s.told[t.NetFn&ipmiGroups][t.Cmd] = true
}

// ipmiWritten bounds the answers that visitors can change.
const ipmiWritten = 4096

// fresh fills b with what nobody can foresee.
func (s *ipmiService) fresh(b []byte) { io.ReadFull(s.random, b) }

// now is the controller's time.
func (s *ipmiService) now() time.Time { return s.st.Now() }
