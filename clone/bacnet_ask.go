package clone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// BACnetScan asks a device, and those on networks behind it, for all properties of all objects: who is there
// (bacnet_ask_network.go), what objects they have (bacnet_ask_objects.go) and what these hold
// (bacnet_ask_properties.go), their logs, files and events (bacnet_ask_lists.go), and what moves once more
// (bacnet_ask_again.go).
type BACnetScan struct {
	Networks []uint16 // behind the device, beside those that it tells
	Stations []string // NETWORK:MAC behind it, beside those that answer
	Objects  int      // at most of one device; 0: 10000
	Records  int      // at most of one log; 0: 1000
	Files    bool     // read files, too
	Samples  int      // how often present values are read; 0: 5
	Every    time.Duration
}

const (
	bacnetObjectsMost  = 10_000
	bacnetRecordsMost  = 1000
	bacnetSamples      = 5
	bacnetEvery        = 2 * time.Second
	bacnetStationsMost = 1024
	bacnetFileMost     = 1 << 20 // bytes of one file
)

// Protocol is what it asks in.
func (s *BACnetScan) Protocol() wire.Protocol { return bacnet.Protocol{} }

// Check says what is wrong with the options.
func (s *BACnetScan) Check() error {
	for _, n := range s.Networks {
		if n == 0 || n == bacnet.EveryNetwork {
			return fmt.Errorf("network %d: want 1 to 65534", n)
		}
	}
	for _, name := range s.Stations {
		if _, err := profiles.ParseBACnetStation(name); err != nil {
			return err
		}
	}
	return nil
}

// options fills in what was left to the scan.
func (s *BACnetScan) options() BACnetScan {
	o := *s
	if o.Objects <= 0 {
		o.Objects = bacnetObjectsMost
	}
	if o.Records <= 0 {
		o.Records = bacnetRecordsMost
	}
	if o.Samples <= 0 {
		o.Samples = bacnetSamples
	}
	if o.Every <= 0 {
		o.Every = bacnetEvery
	}
	return o
}

// Plan says what is asked of a device.
func (s *BACnetScan) Plan(Care) []Step {
	o := s.options()
	steps := []Step{
		{"read broadcast tables", 2, 2},
		{"who is, who is router", 5 + len(o.Networks), 0},
		{"what the device is, and its object list", 6, 0},
		{"all properties of each object", 1, 0},
		{"sizes of arrays", 0, 0},
		{"how it refuses", 3, 4},
		{"events and alarms", 2, 0},
		{fmt.Sprintf("read range: logs, up to %d records each", o.Records), 0, 0},
	}
	if o.Files {
		steps = append(steps, Step{"read files", 0, 0})
	}
	return append(steps, Step{fmt.Sprintf("present values again, every %v, %d times in all", o.Every, o.Samples), 0, 0})
}

// Probe asks who the device is, by the instance that means any (clause 15.5.2), then who is there, and then
// for its broadcast table, to which every link layer has an answer (Annex J.4.2.1).
func (s *BACnetScan) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	if !port.UDP {
		return ErrNotSpoken
	}
	a := s.asking(ctx, v, port)
	defer a.talk.close()
	for _, q := range []wire.Message{
		a.request(nil, bacnet.ReadProperty, &bacnet.ReadPropertyRequest{Object: bacnetAnyDevice, Property: bacnet.PropObjectIdentifier}),
		bacnetWhoIs(nil),
		bacnetLink(bacnet.ReadBroadcastTable),
	} {
		_, err := a.once(q)
		if found, err := spoken(err); found || err != nil {
			return err
		}
	}
	return ErrNotSpoken
}

// Scan asks.
func (s *BACnetScan) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	a := s.asking(ctx, v, port)
	defer a.talk.close()
	if err := a.tables(); err != nil {
		return err
	}
	own, err := a.meet()
	if err != nil {
		return err
	}
	behind, err := a.behind(own)
	if err != nil {
		return err
	}
	all := append([]*bacnetTour{own}, behind...)
	for _, t := range all {
		for _, step := range []func() error{t.introduce, t.list, t.properties, t.manners, t.events, t.logs, t.files} {
			if err := step(); err != nil {
				return err
			}
		}
		t.summary()
	}
	if err := a.again(all); err != nil {
		return err
	}
	a.follow(all)
	return nil
}

// A bacnetAsking is one scan of one address.
type bacnetAsking struct {
	BACnetScan
	ctx    context.Context
	v      *Visit
	talk   *talk
	invoke uint8
	asked  int64 // questions, when the last sample was taken

	endless int // answers whose segments had no end
}

func (s *BACnetScan) asking(ctx context.Context, v *Visit, port profiles.Port) *bacnetAsking {
	return &bacnetAsking{BACnetScan: s.options(), ctx: ctx, v: v, talk: v.talk(s.Protocol(), port, talkOptions{})}
}

const bacnetName = "bacnet"

var bacnetAnyDevice = bacnet.Object(bacnet.ObjectDevice, bacnet.WildcardInstance)

func (a *bacnetAsking) remark(kind Kind, format string, args ...any) {
	a.v.Remark(bacnetName, kind, format, args...)
}
func (a *bacnetAsking) expect(n int) { a.v.Expect(bacnetName, n) }

// request is a question that wants an answer, in segments if need be.
func (a *bacnetAsking) request(to *bacnet.Station, service bacnet.ConfirmedService, p bacnet.Parameters) *bacnet.ConfirmedRequest {
	a.invoke++
	q := &bacnet.ConfirmedRequest{Accepts: true, MaxSegments: uint8(len(bacnet.SegmentCounts) - 1), MaxAPDU: uint8(len(bacnet.APDUSizes) - 1),
		InvokeID: a.invoke, Service: service, Parameters: p}
	q.Link.Function = bacnet.OriginalUnicast
	q.Network.Control = bacnet.ExpectingReply
	if to != nil {
		q.Network.To(*to)
	}
	return q
}

// once asks what need not have an answer: that it has none says nothing of the device's health.
func (a *bacnetAsking) once(q wire.Message) ([]wire.Message, error) {
	a.expect(1)
	return a.talk.once(a.ctx, q)
}

// perhaps is once, and once more. No answers without an error: there was none.
func (a *bacnetAsking) perhaps(q wire.Message) ([]wire.Message, error) {
	for range 1 + min(1, a.v.Care.Again) {
		replies, err := a.once(q)
		switch {
		case err == nil:
			return replies, nil
		case errors.Is(err, ErrGone) || !goOn(err):
			return nil, err
		}
	}
	return nil, nil
}

// A bacnetSaid is what a device says to a request.
type bacnetSaid struct {
	answered bool
	ack      bacnet.Parameters // nil: it is refused, or not answered
	refusal  string
	tooLong  bool // it is refused for its length
	no       bool // the service is not known
}

// The classes of questions that take a device as long, for what it is seen to slow down.
const (
	bacnetLikeShort = iota
	bacnetLikeLong
	bacnetLikeRouted
)

// ask asks one question, and joins the segments of its answer.
func (t *bacnetTour) ask(service bacnet.ConfirmedService, p bacnet.Parameters) (said bacnetSaid, err error) {
	a := t.bacnetAsking
	a.expect(1)
	b, err := a.request(t.station, service, p).Append(nil)
	if err != nil {
		return said, err
	}
	like := bacnetLikeShort
	if service != bacnet.ReadProperty {
		like = bacnetLikeLong
	}
	if t.station != nil {
		like += bacnetLikeRouted
	}
	replies, err := a.talk.askBy(a.ctx, func() ([]wire.Message, error) {
		a.talk.line.like = like
		return a.talk.ask1(b)
	})
	switch {
	case errors.Is(err, ErrGone) || err != nil && !goOn(err):
		return said, err
	case err != nil:
		return said, nil
	}
	said.answered = true
	switch r := replies[0].(type) {
	case *bacnet.ComplexAck:
		said.ack = r.Parameters
		if r.Segmented {
			said.ack, err = t.join(r)
			said.answered = said.ack != nil
		}
	case *bacnet.Error:
		said.refusal = "error"
		if pair, ok := r.Parameters.(*bacnet.ErrorPair); ok {
			said.refusal = pair.String()
		}
	case *bacnet.Reject:
		said.refusal = "rejected: " + r.Reason.String()
		said.no = r.Reason == bacnet.RejectUnrecognizedService
	case *bacnet.Abort:
		said.refusal = "aborted: " + r.Reason.String()
		switch r.Reason {
		case bacnet.AbortBufferOverflow, bacnet.AbortSegmentationNotSupported, bacnet.AbortOutOfResources, bacnet.AbortAPDUTooLong:
			said.tooLong = true
		}
	case *bacnet.NetworkMessage:
		said.refusal = "the router knows no way there"
	}
	return said, err
}
