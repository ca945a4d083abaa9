package enip

import (
	"strconv"

	"ringer/capture/wire"
)

// A Service is what is asked of an object (CIP, appendix A). From 0x4B on a code means what its class says:
// the names here are those of tags, as controllers of the Logix family have them.
type Service uint8

const (
	GetAttributesAll         Service = 0x01
	SetAttributesAll         Service = 0x02
	GetAttributeList         Service = 0x03
	SetAttributeList         Service = 0x04
	Reset                    Service = 0x05
	Start                    Service = 0x06
	Stop                     Service = 0x07
	Create                   Service = 0x08
	Delete                   Service = 0x09
	MultipleServicePacket    Service = 0x0A
	ApplyAttributes          Service = 0x0D
	GetAttributeSingle       Service = 0x0E
	SetAttributeSingle       Service = 0x10
	FindNextInstance         Service = 0x11
	Restore                  Service = 0x15
	Save                     Service = 0x16
	NoOperation              Service = 0x17
	GetMember                Service = 0x18
	SetMember                Service = 0x19
	InsertMember             Service = 0x1A
	RemoveMember             Service = 0x1B
	GroupSync                Service = 0x1C
	ExecutePCCC              Service = 0x4B // of class PCCC
	ReadTag                  Service = 0x4C
	WriteTag                 Service = 0x4D
	ForwardCloseService      Service = 0x4E // of the Connection Manager
	ReadModifyWriteTag       Service = 0x4E
	ReadTagFragmented        Service = 0x52
	UnconnectedSendService   Service = 0x52 // of the Connection Manager
	WriteTagFragmented       Service = 0x53
	ForwardOpenService       Service = 0x54 // of the Connection Manager
	GetInstanceAttributeList Service = 0x55 // of class Symbol
	GetConnectionData        Service = 0x56
	SearchConnectionData     Service = 0x57
	LargeForwardOpenService  Service = 0x5B // of the Connection Manager
	firstOfClass             Service = 0x4B
)

var serviceNames = map[Service]string{
	GetAttributesAll: "get attributes all", SetAttributesAll: "set attributes all", GetAttributeList: "get attribute list",
	SetAttributeList: "set attribute list", Reset: "reset", Start: "start", Stop: "stop", Create: "create", Delete: "delete",
	MultipleServicePacket: "multiple service packet", ApplyAttributes: "apply attributes", GetAttributeSingle: "get attribute single",
	SetAttributeSingle: "set attribute single", FindNextInstance: "find next instance", Restore: "restore", Save: "save",
	NoOperation: "no operation", GetMember: "get member", SetMember: "set member", InsertMember: "insert member",
	RemoveMember: "remove member", GroupSync: "group sync", ReadTag: "read tag", WriteTag: "write tag",
	ReadModifyWriteTag: "read modify write tag", ReadTagFragmented: "read tag fragmented", WriteTagFragmented: "write tag fragmented",
	GetInstanceAttributeList: "get instance attribute list",
}

func (s Service) String() string {
	if n := serviceNames[s]; n != "" {
		return n
	}
	return s.plain()
}

func (s Service) plain() string { return "service 0x" + strconv.FormatUint(uint64(s), 16) }

// ofKind is the name of a service of the Connection Manager or of PCCC.
func (s Service) ofKind(k kind) string {
	switch k {
	case kindSend:
		return "unconnected send"
	case kindOpen:
		if s == LargeForwardOpenService {
			return "large forward open"
		}
		return "forward open"
	case kindClose:
		return "forward close"
	case kindPCCC:
		return "execute PCCC"
	}
	return s.String()
}

// common services mean the same in every class.
func (s Service) common() bool { return s < firstOfClass }

// effect of the common services, and of those of tags.
func (s Service) effect() wire.Effect {
	switch s {
	case GetAttributesAll, GetAttributeList, GetAttributeSingle, FindNextInstance, NoOperation, GetMember,
		ReadTag, ReadTagFragmented, GetInstanceAttributeList:
		return wire.Read
	case SetAttributesAll, SetAttributeList, SetAttributeSingle, SetMember, InsertMember, RemoveMember,
		WriteTag, WriteTagFragmented, ReadModifyWriteTag:
		return wire.Write
	}
	return wire.Control
}

// Classes of objects (CIP, volume 1 chapter 5; EIP, chapter 5; Rockwell's for tags).
const (
	ClassIdentity          = 0x01
	ClassMessageRouter     = 0x02
	ClassAssembly          = 0x04
	ClassConnection        = 0x05
	ClassConnectionManager = 0x06
	ClassFile              = 0x37
	ClassProgramName       = 0x64 // of Logix controllers: the name of the project they run
	ClassPCCC              = 0x67
	ClassSymbol            = 0x6B
	ClassTemplate          = 0x6C
	ClassMemory            = 0x72 // of Logix controllers: tags by their address
	ClassWallClock         = 0x8B // of Logix controllers
	ClassTCPIP             = 0xF5
	ClassEthernetLink      = 0xF6
)

// Attributes of a controller's clock, in microseconds since 1970: as it was set, and in local time.
const (
	WallClockTime  = 6
	WallClockLocal = 11
)

// General status codes (CIP, appendix B).
const (
	Success                       = 0x00
	ConnectionFailure             = 0x01
	ResourceUnavailable           = 0x02
	InvalidParameterValue         = 0x03
	PathSegmentError              = 0x04
	PathDestinationUnknown        = 0x05
	PartialTransfer               = 0x06
	ConnectionLost                = 0x07
	ServiceNotSupported           = 0x08
	InvalidAttributeValue         = 0x09
	AttributeListError            = 0x0A
	ObjectStateConflict           = 0x0C
	AttributeNotSettable          = 0x0E
	PrivilegeViolation            = 0x0F
	ReplyTooLarge                 = 0x11
	NotEnoughData                 = 0x13
	AttributeNotSupported         = 0x14
	TooMuchData                   = 0x15
	ObjectDoesNotExist            = 0x16
	InvalidParameter              = 0x20
	PathSizeInvalid               = 0x26
	AttributeListShort            = 0x1C
	EmbeddedServiceError          = 0x1E
	GeneralError                  = 0xFF // with one of the next three as additional status, for tags
	OffsetBeyondEnd        uint16 = 0x2104
	BeyondEnd              uint16 = 0x2105
	TypeMismatch           uint16 = 0x2107
)

// Additional status of the Connection Manager (CIP, section 3-5.6).
const (
	ConnectionInUse       uint16 = 0x0100
	TransportNotSupported uint16 = 0x0103
	OwnershipConflict     uint16 = 0x0106
	ConnectionNotFound    uint16 = 0x0107
	InvalidSize           uint16 = 0x0109
	RPINotSupported       uint16 = 0x0111
	OutOfConnections      uint16 = 0x0113
	UnconnectedTimedOut   uint16 = 0x0204
	InvalidLinkAddress    uint16 = 0x0312
	PortNotAvailable      uint16 = 0x0311
	InvalidSegment        uint16 = 0x0315
)
