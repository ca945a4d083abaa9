package enip

import "ringer/capture/wire"

// Opening is wire.Opener's: a session before anything with CIP in it, and a connection of class 3 to the
// message router before the first message on one.
func (Protocol) Opening(first wire.Message) []wire.Message {
	register := &RegisterSession{Version: 1}
	switch first := first.(type) {
	case *Unconnected:
		return []wire.Message{register}
	case *Connected:
		return []wire.Message{register, &Unconnected{Header: Header{Session: first.Session}, Timeout: 10, Request: Request{
			Service: ForwardOpenService, Path: ObjectPath(ClassConnectionManager, 1), Open: &ForwardOpen{
				Priority: 10, Timeout: 14, TO: first.OT, Serial: uint16(first.OT), Vendor: 1, OriginatorSerial: first.OT, Multiplier: 3,
				OTInterval: 2000000, OTParameters: 0x43F4, TOInterval: 2000000, TOParameters: 0x43F4, Transport: 0xA3,
				Path: ObjectPath(ClassMessageRouter, 1),
			},
		}}}
	}
	return nil
}
