// Package modbus reads and writes Modbus: Modbus/TCP (port 502) and RTU frames over TCP, as serial
// servers and many gateways send them.
//
// It follows the MODBUS Application Protocol Specification V1.1b3 ("the specification" below), the
// MODBUS Messaging on TCP/IP Implementation Guide V1.0b ("the guide") and MODBUS over Serial Line V1.02.
// Every public function code is typed, 1–8, 11, 12, 15–17, 20–24, 43/13 and 43/14, and so are
// exceptions. User-defined functions (UMAS, 0x5A, among them), and messages whose body is not what the
// specification gives their function, are Raw. Left out: Modbus/TCP Security, ASCII frames, UDP.
package modbus

import (
	"strconv"

	"ringer/capture/wire"
)

// Protocol is Modbus/TCP.
type Protocol struct{}

func (Protocol) Name() string    { return "modbus" }
func (Protocol) Ports() []string { return []string{"tcp/502"} }
func (Protocol) New() wire.Conn  { return &conn{} }

// RTU is Modbus with RTU frames over TCP. It has no usual port: the checksums prove it.
type RTU struct{}

func (RTU) Name() string    { return "modbus-rtu" }
func (RTU) Ports() []string { return nil }
func (RTU) New() wire.Conn  { return &rtuConn{} }

// A Function is a function code (specification, section 5.1).
type Function uint8

const (
	ReadCoils                  Function = 1
	ReadDiscreteInputs         Function = 2
	ReadHoldingRegisters       Function = 3
	ReadInputRegisters         Function = 4
	WriteSingleCoil            Function = 5
	WriteSingleRegister        Function = 6
	ReadExceptionStatus        Function = 7
	Diagnostics                Function = 8
	GetCommEventCounter        Function = 11
	GetCommEventLog            Function = 12
	WriteMultipleCoils         Function = 15
	WriteMultipleRegisters     Function = 16
	ReportServerID             Function = 17
	ReadFileRecord             Function = 20
	WriteFileRecord            Function = 21
	MaskWriteRegister          Function = 22
	ReadWriteMultipleRegisters Function = 23
	ReadFIFOQueue              Function = 24
	EncapsulatedInterface      Function = 43
)

var functionNames = [...]string{
	ReadCoils:                  "read coils",
	ReadDiscreteInputs:         "read discrete inputs",
	ReadHoldingRegisters:       "read holding registers",
	ReadInputRegisters:         "read input registers",
	WriteSingleCoil:            "write single coil",
	WriteSingleRegister:        "write single register",
	ReadExceptionStatus:        "read exception status",
	Diagnostics:                "diagnostics",
	GetCommEventCounter:        "get comm event counter",
	GetCommEventLog:            "get comm event log",
	WriteMultipleCoils:         "write multiple coils",
	WriteMultipleRegisters:     "write multiple registers",
	ReportServerID:             "report server id",
	ReadFileRecord:             "read file record",
	WriteFileRecord:            "write file record",
	MaskWriteRegister:          "mask write register",
	ReadWriteMultipleRegisters: "read/write multiple registers",
	ReadFIFOQueue:              "read fifo queue",
	EncapsulatedInterface:      "encapsulated interface transport",
}

func (f Function) String() string {
	if int(f) < len(functionNames) && functionNames[f] != "" {
		return functionNames[f]
	}
	return "function " + strconv.Itoa(int(f))
}

// Public says whether the specification defines the function.
func (f Function) Public() bool { return int(f) < len(functionNames) && functionNames[f] != "" }

// Effect is what a well-formed request of the function does to the device that is asked.
func (f Function) Effect() wire.Effect {
	switch f {
	case ReadCoils, ReadDiscreteInputs, ReadHoldingRegisters, ReadInputRegisters, ReadExceptionStatus,
		GetCommEventCounter, GetCommEventLog, ReportServerID, ReadFileRecord, ReadFIFOQueue:
		return wire.Read
	case WriteSingleCoil, WriteSingleRegister, WriteMultipleCoils, WriteMultipleRegisters,
		WriteFileRecord, MaskWriteRegister, ReadWriteMultipleRegisters:
		return wire.Write
	}
	return wire.Control
}

// The most that one request may ask for or write (specification, sections 6.1–6.4, 6.11, 6.12, 6.17).
const (
	MaxReadBits           = 2000
	MaxReadRegisters      = 125
	MaxWriteBits          = 1968
	MaxWriteRegisters     = 123
	MaxReadWriteRegisters = 121 // registers written by function 23
)

// An ExceptionCode says why a device refused (specification, section 7).
type ExceptionCode uint8

const (
	IllegalFunction          ExceptionCode = 1
	IllegalDataAddress       ExceptionCode = 2
	IllegalDataValue         ExceptionCode = 3
	ServerDeviceFailure      ExceptionCode = 4
	Acknowledge              ExceptionCode = 5
	ServerDeviceBusy         ExceptionCode = 6
	NegativeAcknowledge      ExceptionCode = 7
	MemoryParityError        ExceptionCode = 8
	GatewayPathUnavailable   ExceptionCode = 10
	GatewayTargetNoResponse  ExceptionCode = 11
	exceptionBit             Function      = 0x80
	canOpenGeneralReference  uint8         = 13
	readDeviceIdentification uint8         = 14
)

var exceptionNames = [...]string{
	IllegalFunction:         "illegal function",
	IllegalDataAddress:      "illegal data address",
	IllegalDataValue:        "illegal data value",
	ServerDeviceFailure:     "server device failure",
	Acknowledge:             "acknowledge",
	ServerDeviceBusy:        "server device busy",
	NegativeAcknowledge:     "negative acknowledge",
	MemoryParityError:       "memory parity error",
	GatewayPathUnavailable:  "gateway path unavailable",
	GatewayTargetNoResponse: "gateway target device failed to respond",
}

func (c ExceptionCode) String() string {
	if int(c) < len(exceptionNames) && exceptionNames[c] != "" {
		return exceptionNames[c]
	}
	return "exception " + strconv.Itoa(int(c))
}
