package s7comm

import "ringer/capture/wire"

// Opening is wire.Opener's: a transport connection, then an agreement on PDUs, before the first job. The
// TSAP is the one that most clients name, rack 0 slot 2; the PDU length is the largest that controllers
// agree to, as they lower what is too much.
func (Protocol) Opening(first wire.Message) []wire.Message {
	connect := &ConnectRequest{SourceReference: 1, Connection: Connection{Parameters: []Parameter{
		{Code: ParamTPDUSize, Value: []byte{0x0A}},
		{Code: ParamCallingTSAP, Value: []byte{0x01, 0x00}},
		{Code: ParamCalledTSAP, Value: []byte{0x01, 0x02}},
	}}}
	switch first.(type) {
	case *ConnectRequest:
		return nil
	case *SetupCommunication:
		return []wire.Message{connect}
	}
	return []wire.Message{connect, &SetupCommunication{MaxAmQCalling: 8, MaxAmQCalled: 8, PDULength: 960}}
}
