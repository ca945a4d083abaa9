package clone

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Kinds of connection to a slot: first byte of the called TSAP.
const (
	s7ByPG    = 1 // programming device
	s7ByOP    = 2 // operator panel
	s7ByBasic = 3 // any other S7 station
)

// s7Slots of rack 0 are where CPUs are: 2 in an S7-300, 3 behind a wide power supply, 0 and 1 in an S7-1200 and 1500.
var s7Slots = [...]byte{2, 1, 0, 3}

// s7NoSlot is a slot that no rack has. A CPU that connects to it connects to any.
const s7NoSlot = 7<<5 | 31

// s7OtherTSAPs are those of devices without racks: S7-200 (10.00, 10.01, and MW for its communication
// processor), LOGO (01.00 to 02.00, 03.00 to 02.00, 10.00 to 20.00).
var s7OtherTSAPs = [...][4]byte{
	{0x10, 0x00, 0x10, 0x00}, {0x10, 0x00, 0x10, 0x01}, {0x4D, 0x57, 0x4D, 0x57},
	{0x01, 0x00, 0x02, 0x00}, {0x03, 0x00, 0x02, 0x00}, {0x10, 0x00, 0x20, 0x00},
}

func s7Slot(kind, slot byte) S7TSAP { return S7TSAP{Local: []byte{1, 0}, Remote: []byte{kind, slot}} }

// S7SlotTSAP is the TSAP that a programming device connects to.
func S7SlotTSAP(rack, slot int) S7TSAP { return s7Slot(s7ByPG, byte(rack<<5|slot)) }

func (t S7TSAP) String() string {
	if b := t.Remote; len(b) == 2 && b[0] >= s7ByPG && b[0] <= s7ByBasic {
		return fmt.Sprintf("rack %d slot %d", b[1]>>5, b[1]&31)
	}
	return "TSAP " + profiles.FormatTSAP(t.Remote)
}

// What connecting comes to.
type tsapAnswer int

const (
	tsapConnected tsapAnswer = iota
	tsapDisconnected
	tsapClosed
	tsapSilent
	tsapGarbled // another protocol is spoken
)

func (t tsapAnswer) String() string {
	return [...]string{"connected", "a disconnect request", "closing the connection", "silence", "something else"}[t]
}

// errNoSession: the transport connects, but no S7 is spoken above it.
var errNoSession = errors.New("s7: the device does not set up S7 communication")

// usualTSAPs are those to begin with.
func (a *s7Asking) usualTSAPs() []S7TSAP {
	if len(a.TSAPs) > 0 {
		return a.TSAPs
	}
	var all []S7TSAP
	for kind := byte(s7ByPG); kind <= s7ByBasic; kind++ {
		for _, slot := range s7Slots {
			all = append(all, s7Slot(kind, slot))
		}
	}
	for _, b := range s7OtherTSAPs {
		all = append(all, S7TSAP{b[:2], b[2:]})
	}
	return all
}

// request asks for a connection.
func (t S7TSAP) request() *s7comm.ConnectRequest {
	return &s7comm.ConnectRequest{SourceReference: 1, Connection: s7comm.Connection{Parameters: []s7comm.Parameter{
		{Code: s7comm.ParamTPDUSize, Value: []byte{0x0A}},
		{Code: s7comm.ParamCallingTSAP, Value: t.Local},
		{Code: s7comm.ParamCalledTSAP, Value: t.Remote},
	}}}
}

// try connects once, on a connection of its own.
func (a *s7Asking) try(t S7TSAP) (tsapAnswer, error) {
	b, err := t.request().Append(nil)
	if err != nil {
		return tsapGarbled, err
	}
	k := a.v.talk(s7comm.Protocol{}, a.port, talkOptions{})
	defer k.close()
	replies, err := k.untilAnswered(a.ctx, 1, func() ([]wire.Message, error) { return k.ask1(b) })
	switch {
	case errors.Is(err, ErrGone):
		return tsapGarbled, err
	case errors.Is(err, ErrSilent):
		return tsapSilent, nil
	case errors.Is(err, ErrHungUp):
		return tsapClosed, nil
	case goOn(err):
		return tsapGarbled, nil
	case err != nil:
		return tsapGarbled, err
	}
	switch replies[0].(type) {
	case *s7comm.ConnectConfirm:
		return tsapConnected, nil
	case *s7comm.Disconnect, *s7comm.TPDUError:
		return tsapDisconnected, nil
	}
	return tsapGarbled, nil
}

// findTSAP asks which TSAPs the CPU connects to, and sets up communication on the first of them.
func (a *s7Asking) findTSAP() error {
	connected, err := a.searchTSAPs()
	if err != nil {
		return err
	}
	for _, t := range connected {
		if err = a.connect(t); err == nil {
			a.remark(Fact, "%v: PDUs of %d bytes, %d jobs at a time", t, a.pdu, a.jobs)
			return nil
		}
		if !errors.Is(err, errNoSession) {
			return err
		}
	}
	if err == nil {
		err = errors.New("s7: the device connects to none of the TSAPs asked for")
	}
	return err
}

// searchTSAPs asks for programming devices' connections first; the other kinds only where those are refused
// everywhere, and devices without racks last.
func (a *s7Asking) searchTSAPs() (connected []S7TSAP, err error) {
	refused := map[tsapAnswer][]string{}
	silent := 0
	one := func(t S7TSAP) error {
		got, err := a.try(t)
		if err != nil {
			return err
		}
		switch got {
		case tsapConnected:
			connected = append(connected, t)
		default:
			refused[got] = append(refused[got], t.String())
			if got == tsapSilent {
				silent++
			}
		}
		return nil
	}
	some := func(all []S7TSAP, untilFirst bool) error {
		a.expect(len(all))
		for _, t := range all {
			if err := one(t); err != nil {
				return err
			}
			if silent > a.v.Care.Silences && len(connected) == 0 {
				return ErrGone
			}
			if untilFirst && len(connected) > 0 {
				return nil
			}
		}
		return nil
	}
	all := a.usualTSAPs()
	switch {
	case len(a.TSAPs) > 0:
		err = some(all, false)
	case a.Search:
		err = some(s7EverySlot(), false)
	default:
		err = some(append(all[:len(s7Slots):len(s7Slots)], s7Slot(s7ByPG, s7NoSlot)), false)
	}
	if err == nil && len(connected) == 0 && len(a.TSAPs) == 0 {
		err = some(all[len(s7Slots):], true)
	}
	if len(connected) > 0 {
		a.remark(Fact, "connects to %s", tsapNames(connected))
	}
	for kind := tsapDisconnected; kind <= tsapGarbled; kind++ {
		if names := refused[kind]; len(names) > 0 && len(connected) > 0 {
			a.remark(Fact, "refuses %s by %v", shortList(names), kind)
		}
	}
	return connected, err
}

func s7EverySlot() (all []S7TSAP) {
	for _, slot := range s7Slots {
		all = append(all, s7Slot(s7ByPG, slot))
	}
	for n := range 256 {
		if n >= len(s7Slots) {
			all = append(all, s7Slot(s7ByPG, byte(n)))
		}
	}
	return all
}

func tsapNames(all []S7TSAP) string {
	names := make([]string, len(all))
	for i, t := range all {
		if names[i] = t.String(); len(t.Remote) == 2 && t.Remote[1] == s7NoSlot && len(all) > 1 {
			return "any slot"
		}
	}
	return shortList(names)
}

func shortList(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// connect makes t what the scan asks on.
func (a *s7Asking) connect(t S7TSAP) error {
	a.close()
	a.tsap, a.pdu = t, 0
	a.talk = a.v.talk(s7comm.Protocol{}, a.port, talkOptions{open: a.open})
	var err error
	for range 1 + max(1, a.v.Care.Again) {
		if err = a.talk.connected(a.ctx, false); errors.Is(err, errNotLive) {
			err = a.talk.connected(a.ctx, true)
		}
		if err == nil || errors.Is(err, ErrGone) || errors.Is(err, errNoSession) || !goOn(err) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errNoSession, err)
}

// open is the handshake of a session: connection, and agreement on how long PDUs may be. What goes wrong is
// tried again on the next connection.
func (a *s7Asking) open(_ context.Context, t *talk) error {
	m, err := a.handshake(t, a.tsap.request())
	if err != nil {
		return err
	}
	c, ok := m.(*s7comm.ConnectConfirm)
	if !ok {
		return fmt.Errorf("%w: %v is refused now", ErrHungUp, a.tsap)
	}
	if a.tpdu = c.TPDUSize(); a.tpdu == 0 {
		a.tpdu = 128 // X.224 section 13.3.4 b
	}
	m, err = a.handshake(t, &s7comm.SetupCommunication{Header: a.header(), MaxAmQCalling: 16, MaxAmQCalled: 16, PDULength: 960})
	if err != nil {
		if errors.Is(err, ErrGarbled) && s7Plus(t.buf) {
			a.remark(NotThere, "%v speaks S7comm-plus only", a.tsap)
			return errNoSession
		}
		return err
	}
	r, ok := m.(*s7comm.SetupCommunicationReply)
	if !ok || r.ErrorClass != 0 || r.ErrorCode != 0 || r.PDULength < 64 {
		return errNoSession
	}
	if n := int(r.PDULength); a.pdu == 0 || n < a.pdu {
		a.pdu = n
	}
	a.jobs = int(r.MaxAmQCalled)
	if a.items == 0 {
		a.items = s7ItemsMax
	}
	// A job of n items has 12 bytes and 12 for each, and is sent in one TPDU.
	a.items = max(1, min(a.items, (min(a.pdu, a.tpdu-3)-12)/12))
	return nil
}

// handshake asks on the line that is being opened. A silence there is an end of it.
func (a *s7Asking) handshake(t *talk, m wire.Message) (wire.Message, error) {
	b, err := m.Append(nil)
	if err != nil {
		return nil, err
	}
	replies, err := t.ask1(b)
	if errors.Is(err, ErrSilent) {
		return nil, fmt.Errorf("%w: no answer to the handshake", ErrHungUp)
	}
	if err != nil {
		return nil, err
	}
	return replies[0], nil
}

// s7Plus says whether a data TPDU carries S7comm-plus.
func s7Plus(b []byte) bool { return len(b) > 7 && b[5] == 0xF0 && b[7] == 0x72 }
