package bacnet

import (
	"fmt"

	"ringer/capture/wire"
)

// A ConfirmedService is what a confirmed request asks for (clause 21, BACnetConfirmedServiceChoice).
type ConfirmedService uint8

const (
	AcknowledgeAlarm                 ConfirmedService = 0
	ConfirmedCOVNotification         ConfirmedService = 1
	ConfirmedEventNotification       ConfirmedService = 2
	GetAlarmSummary                  ConfirmedService = 3
	GetEnrollmentSummary             ConfirmedService = 4
	SubscribeCOV                     ConfirmedService = 5
	AtomicReadFile                   ConfirmedService = 6
	AtomicWriteFile                  ConfirmedService = 7
	AddListElement                   ConfirmedService = 8
	RemoveListElement                ConfirmedService = 9
	CreateObject                     ConfirmedService = 10
	DeleteObject                     ConfirmedService = 11
	ReadProperty                     ConfirmedService = 12
	ReadPropertyConditional          ConfirmedService = 13
	ReadPropertyMultiple             ConfirmedService = 14
	WriteProperty                    ConfirmedService = 15
	WritePropertyMultiple            ConfirmedService = 16
	DeviceCommunicationControl       ConfirmedService = 17
	ConfirmedPrivateTransfer         ConfirmedService = 18
	ConfirmedTextMessage             ConfirmedService = 19
	ReinitializeDevice               ConfirmedService = 20
	VTOpen                           ConfirmedService = 21
	VTClose                          ConfirmedService = 22
	VTData                           ConfirmedService = 23
	Authenticate                     ConfirmedService = 24
	RequestKey                       ConfirmedService = 25
	ReadRange                        ConfirmedService = 26
	LifeSafetyOperation              ConfirmedService = 27
	SubscribeCOVProperty             ConfirmedService = 28
	GetEventInformation              ConfirmedService = 29
	SubscribeCOVPropertyMultiple     ConfirmedService = 30
	ConfirmedCOVNotificationMultiple ConfirmedService = 31
	ConfirmedAuditNotification       ConfirmedService = 32
	AuditLogQuery                    ConfirmedService = 33
)

// An UnconfirmedService is what an unconfirmed request says (clause 21, BACnetUnconfirmedServiceChoice).
type UnconfirmedService uint8

const (
	IAm                                UnconfirmedService = 0
	IHave                              UnconfirmedService = 1
	UnconfirmedCOVNotification         UnconfirmedService = 2
	UnconfirmedEventNotification       UnconfirmedService = 3
	UnconfirmedPrivateTransfer         UnconfirmedService = 4
	UnconfirmedTextMessage             UnconfirmedService = 5
	TimeSynchronization                UnconfirmedService = 6
	WhoHas                             UnconfirmedService = 7
	WhoIs                              UnconfirmedService = 8
	UTCTimeSynchronization             UnconfirmedService = 9
	WriteGroup                         UnconfirmedService = 10
	UnconfirmedCOVNotificationMultiple UnconfirmedService = 11
	UnconfirmedAuditNotification       UnconfirmedService = 12
	WhoAmI                             UnconfirmedService = 13
	YouAre                             UnconfirmedService = 14
)

// forms are the parameters of a service; nil where they stay opaque, or there are none.
type forms struct {
	name              string
	effect            wire.Effect
	request, ack, err func() Parameters
}

func of[T any, P interface {
	*T
	Parameters
}]() Parameters {
	return P(new(T))
}

var confirmedForms = [...]forms{
	AcknowledgeAlarm:                 {"acknowledge alarm", wire.Write, of[AcknowledgeAlarmRequest], nil, of[ErrorPair]},
	ConfirmedCOVNotification:         {"confirmed COV notification", wire.Control, of[COVNotification], nil, of[ErrorPair]},
	ConfirmedEventNotification:       {"confirmed event notification", wire.Control, of[EventNotification], nil, of[ErrorPair]},
	GetAlarmSummary:                  {"get alarm summary", wire.Read, of[NoParameters], of[AlarmSummaryAck], of[ErrorPair]},
	GetEnrollmentSummary:             {"get enrollment summary", wire.Read, of[EnrollmentSummaryRequest], of[EnrollmentSummaryAck], of[ErrorPair]},
	SubscribeCOV:                     {"subscribe COV", wire.Write, of[SubscribeCOVRequest], nil, of[ErrorPair]},
	AtomicReadFile:                   {"atomic read file", wire.Read, of[ReadFileRequest], of[ReadFileAck], of[ErrorPair]},
	AtomicWriteFile:                  {"atomic write file", wire.Write, of[WriteFileRequest], of[WriteFileAck], of[ErrorPair]},
	AddListElement:                   {"add list element", wire.Write, of[ListElementRequest], nil, of[ListElementError]},
	RemoveListElement:                {"remove list element", wire.Write, of[ListElementRequest], nil, of[ListElementError]},
	CreateObject:                     {"create object", wire.Control, of[CreateObjectRequest], of[CreateObjectAck], of[ListElementError]},
	DeleteObject:                     {"delete object", wire.Control, of[DeleteObjectRequest], nil, of[ErrorPair]},
	ReadProperty:                     {"read property", wire.Read, of[ReadPropertyRequest], of[ReadPropertyAck], of[ErrorPair]},
	ReadPropertyConditional:          {"read property conditional", wire.Read, nil, nil, of[ErrorPair]},
	ReadPropertyMultiple:             {"read property multiple", wire.Read, of[ReadPropertyMultipleRequest], of[ReadPropertyMultipleAck], of[ErrorPair]},
	WriteProperty:                    {"write property", wire.Write, of[WritePropertyRequest], nil, of[ErrorPair]},
	WritePropertyMultiple:            {"write property multiple", wire.Write, of[WritePropertyMultipleRequest], nil, of[WritePropertyMultipleError]},
	DeviceCommunicationControl:       {"device communication control", wire.Control, of[CommunicationControlRequest], nil, of[ErrorPair]},
	ConfirmedPrivateTransfer:         {"confirmed private transfer", wire.Control, of[PrivateTransfer], of[PrivateTransfer], of[PrivateTransferError]},
	ConfirmedTextMessage:             {"confirmed text message", wire.Control, of[TextMessage], nil, of[ErrorPair]},
	ReinitializeDevice:               {"reinitialize device", wire.Control, of[ReinitializeRequest], nil, of[ErrorPair]},
	VTOpen:                           {"VT open", wire.Control, nil, nil, of[ErrorPair]},
	VTClose:                          {"VT close", wire.Control, nil, nil, of[ErrorPair]},
	VTData:                           {"VT data", wire.Control, nil, nil, of[ErrorPair]},
	Authenticate:                     {"authenticate", wire.Control, nil, nil, of[ErrorPair]},
	RequestKey:                       {"request key", wire.Control, nil, nil, of[ErrorPair]},
	ReadRange:                        {"read range", wire.Read, of[ReadRangeRequest], of[ReadRangeAck], of[ErrorPair]},
	LifeSafetyOperation:              {"life safety operation", wire.Control, of[LifeSafetyRequest], nil, of[ErrorPair]},
	SubscribeCOVProperty:             {"subscribe COV property", wire.Write, of[SubscribeCOVPropertyRequest], nil, of[ErrorPair]},
	GetEventInformation:              {"get event information", wire.Read, of[EventInformationRequest], of[EventInformationAck], of[ErrorPair]},
	SubscribeCOVPropertyMultiple:     {"subscribe COV property multiple", wire.Write, nil, nil, of[ErrorPair]},
	ConfirmedCOVNotificationMultiple: {"confirmed COV notification multiple", wire.Control, nil, nil, of[ErrorPair]},
	ConfirmedAuditNotification:       {"confirmed audit notification", wire.Control, nil, nil, of[ErrorPair]},
	AuditLogQuery:                    {"audit log query", wire.Read, nil, nil, of[ErrorPair]},
}

func (s ConfirmedService) forms() forms {
	if int(s) < len(confirmedForms) {
		return confirmedForms[s]
	}
	return forms{name: fmt.Sprintf("confirmed service %d", uint8(s)), err: of[ErrorPair]}
}

func (s ConfirmedService) String() string { return s.forms().name }

// Known says whether the standard has the service.
func (s ConfirmedService) Known() bool { return int(s) < len(confirmedForms) }

var unconfirmedForms = [...]forms{
	IAm:                                {name: "i am", effect: wire.Read, request: of[IAmRequest]},
	IHave:                              {name: "i have", effect: wire.Read, request: of[IHaveRequest]},
	UnconfirmedCOVNotification:         {name: "COV notification", effect: wire.Read, request: of[COVNotification]},
	UnconfirmedEventNotification:       {name: "event notification", effect: wire.Read, request: of[EventNotification]},
	UnconfirmedPrivateTransfer:         {name: "private transfer", effect: wire.Control, request: of[PrivateTransfer]},
	UnconfirmedTextMessage:             {name: "text message", effect: wire.Control, request: of[TextMessage]},
	TimeSynchronization:                {name: "time synchronization", effect: wire.Write, request: of[TimeSynchronizationRequest]},
	WhoHas:                             {name: "who has", effect: wire.Read, request: of[WhoHasRequest]},
	WhoIs:                              {name: "who is", effect: wire.Read, request: of[WhoIsRequest]},
	UTCTimeSynchronization:             {name: "UTC time synchronization", effect: wire.Write, request: of[TimeSynchronizationRequest]},
	WriteGroup:                         {name: "write group", effect: wire.Write, request: of[WriteGroupRequest]},
	UnconfirmedCOVNotificationMultiple: {name: "COV notification multiple", effect: wire.Read, request: nil},
	UnconfirmedAuditNotification:       {name: "audit notification", effect: wire.Read, request: nil},
	WhoAmI:                             {name: "who am i", effect: wire.Control, request: nil},
	YouAre:                             {name: "you are", effect: wire.Control, request: nil},
}

func (s UnconfirmedService) form() func() Parameters {
	if int(s) < len(unconfirmedForms) {
		return unconfirmedForms[s].request
	}
	return nil
}

func (s UnconfirmedService) effect() wire.Effect {
	if int(s) < len(unconfirmedForms) {
		return unconfirmedForms[s].effect
	}
	return wire.Control
}

func (s UnconfirmedService) String() string {
	if int(s) < len(unconfirmedForms) {
		return unconfirmedForms[s].name
	}
	return fmt.Sprintf("unconfirmed service %d", uint8(s))
}
