package bacnet

import "reflect"

// Services of remote device management (clause 16).

// NoParameters are those of services that have none.
type NoParameters struct{}

// CommunicationControlRequest silences a device or lets it speak again (clause 16.1).
type CommunicationControlRequest struct {
	Minutes  *uint16 `bacnet:"0"`
	State    uint8   `bacnet:"1"` // 0 enable, 1 disable, 2 disable initiation
	Password *Text   `bacnet:"2"`
}

// ReinitializeRequest restarts a device (clause 16.4).
type ReinitializeRequest struct {
	State    uint8 `bacnet:"0"`
	Password *Text `bacnet:"1"`
}

// PrivateTransfer is a vendor's own service, and its result (clauses 16.2 and 16.3).
type PrivateTransfer struct {
	Vendor     uint16 `bacnet:"0"`
	Service    uint32 `bacnet:"1"`
	Parameters *Value `bacnet:"2,open"`
}

type PrivateTransferError struct {
	Error      ErrorPair `bacnet:"0,open"`
	Vendor     uint16    `bacnet:"1"`
	Service    uint32    `bacnet:"2"`
	Parameters *Value    `bacnet:"3,open"`
}

// TextMessage is for people (clauses 16.5 and 16.6).
type TextMessage struct {
	Source   ObjectID      `bacnet:"0"`
	Class    *MessageClass `bacnet:"1,open"`
	Priority uint8         `bacnet:"2"`
	Message  Text          `bacnet:"3"`
}

type MessageClass struct {
	Number *uint32 `bacnet:"0"`
	Text   *Text   `bacnet:"1"`
}

// TimeSynchronizationRequest tells the time (clauses 16.7 and 16.8).
type TimeSynchronizationRequest struct {
	Date Date
	Time Time
}

// WhoIsRequest asks devices, of a range of instances if there is one, to tell who they are (clause 16.10).
type WhoIsRequest struct {
	Low  *uint32 `bacnet:"0"`
	High *uint32 `bacnet:"1"`
}

// Wants says whether the device is asked.
func (w *WhoIsRequest) Wants(instance uint32) bool { return inRange(w.Low, w.High, instance) }

func inRange(low, high *uint32, instance uint32) bool {
	return low == nil || high == nil || *low <= instance && instance <= *high
}

// IAmRequest tells it.
type IAmRequest struct {
	Device       ObjectID
	MaxAPDU      uint32
	Segmentation uint8 `bacnet:"enum"`
	Vendor       uint16
}

// What a device does with segments (clause 21, BACnetSegmentation).
const (
	SegmentedBoth = iota
	SegmentedTransmit
	SegmentedReceive
	SegmentedNone
)

// WhoHasRequest asks who has an object, by its identifier or name (clause 16.9).
type WhoHasRequest struct {
	Low    *uint32   `bacnet:"0"`
	High   *uint32   `bacnet:"1"`
	Object *ObjectID `bacnet:"2"`
	Name   *Text     `bacnet:"3"`
}

// Wants says whether the device is asked.
func (w *WhoHasRequest) Wants(instance uint32) bool { return inRange(w.Low, w.High, instance) }

// IHaveRequest tells it.
type IHaveRequest struct {
	Device ObjectID
	Object ObjectID
	Name   Text
}

// WriteGroupRequest writes to channels (clause 15.11).
type WriteGroupRequest struct {
	Group    uint32 `bacnet:"0"`
	Priority uint8  `bacnet:"1"`
	List     Value  `bacnet:"2,open"`
	Inhibit  *bool  `bacnet:"3"`
}

func (p *NoParameters) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *CommunicationControlRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *ReinitializeRequest) appendTo(b []byte) []byte  { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *PrivateTransfer) appendTo(b []byte) []byte      { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *PrivateTransferError) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *TextMessage) appendTo(b []byte) []byte          { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *TimeSynchronizationRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *WhoIsRequest) appendTo(b []byte) []byte      { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *IAmRequest) appendTo(b []byte) []byte        { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *WhoHasRequest) appendTo(b []byte) []byte     { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *IHaveRequest) appendTo(b []byte) []byte      { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *WriteGroupRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
