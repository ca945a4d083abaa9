package ipmi

// This file has the commands about sensors and events (sections 29, 30 and 35).

// GetPEFCapabilitiesReply is the answer to get PEF capabilities (section 30.1).
type GetPEFCapabilitiesReply struct {
	Version uint8
	Actions uint8
	Filters uint8
}

// SetPEFConfig is the data of set PEF configuration parameters (section 30.3).
type SetPEFConfig struct {
	Parameter uint8
	Value     []byte
}

// GetPEFConfig is the data of get PEF configuration parameters (section 30.4).
type GetPEFConfig struct {
	Parameter uint8
	Set       uint8
	Block     uint8
}

// GetPEFConfigReply is the answer to get PEF configuration parameters (section 30.4).
type GetPEFConfigReply struct {
	Revision uint8
	Value    []byte
}

// GetLastProcessedEventReply is the answer to get last processed event id (section 30.6).
type GetLastProcessedEventReply struct {
	Time     uint32 `wire:"clock"`
	Last     uint16
	Software uint16
	BMC      uint16
}

// GetDeviceSDRInfo is the data of get device SDR info (section 35.2).
type GetDeviceSDRInfo struct {
	Rest []byte
}

// GetDeviceSDRInfoReply is the answer to get device SDR info (section 35.2).
type GetDeviceSDRInfoReply struct {
	Count  uint8
	Flags  uint8
	Change []byte
}

// GetDeviceSDR is the data of get device SDR (section 35.3).
type GetDeviceSDR struct {
	Reservation uint16 `wire:"echo"`
	Record      uint16
	Offset      uint8
	Count       uint8
}

// GetDeviceSDRReply is the answer to get device SDR (section 35.3).
type GetDeviceSDRReply struct {
	Next uint16
	Data []byte
}

// ReserveDeviceSDRReply is the answer to reserve device SDR repository (section 35.4).
type ReserveDeviceSDRReply struct {
	Reservation uint16 `wire:"minted"`
}

// GetSensorFactors is the data of get sensor reading factors (section 35.5).
type GetSensorFactors struct {
	Sensor  uint8
	Reading uint8
}

// GetSensorFactorsReply is the answer to get sensor reading factors (section 35.5).
type GetSensorFactorsReply struct {
	Next    uint8
	Factors [6]byte
}

// GetSensorHysteresis is the data of get sensor hysteresis (section 35.7).
type GetSensorHysteresis struct {
	Sensor uint8
	Mask   uint8
}

// GetSensorHysteresisReply is the answer to get sensor hysteresis (section 35.7).
type GetSensorHysteresisReply struct {
	Positive uint8
	Negative uint8
}

// SetSensorThresholds is the data of set sensor thresholds (section 35.8).
type SetSensorThresholds struct {
	Sensor     uint8
	Mask       uint8
	Thresholds [6]byte
}

// GetSensorThresholds is the data of get sensor thresholds (section 35.9).
type GetSensorThresholds struct {
	Sensor uint8
}

// GetSensorThresholdsReply is the answer to get sensor thresholds (section 35.9).
type GetSensorThresholdsReply struct {
	Mask       uint8
	Thresholds [6]byte
}

// GetSensorEventEnable is the data of get sensor event enable (section 35.11).
type GetSensorEventEnable struct {
	Sensor uint8
}

// GetSensorEventEnableReply is the answer to get sensor event enable (section 35.11).
type GetSensorEventEnableReply struct {
	Flags  uint8
	Events []byte
}

// GetSensorEventStatus is the data of get sensor event status (section 35.13).
type GetSensorEventStatus struct {
	Sensor uint8
}

// GetSensorEventStatusReply is the answer to get sensor event status (section 35.13).
type GetSensorEventStatusReply struct {
	Flags  uint8
	Events []byte
}

// GetSensorReading is the data of get sensor reading (section 35.14).
type GetSensorReading struct {
	Sensor uint8
}

// GetSensorReadingReply is the answer to get sensor reading (section 35.14).
type GetSensorReadingReply struct {
	Reading uint8
	Flags   uint8
	States  []byte
}

// GetSensorType is the data of get sensor type (section 35.16).
type GetSensorType struct {
	Sensor uint8
}

// GetSensorTypeReply is the answer to get sensor type (section 35.16).
type GetSensorTypeReply struct {
	Type   uint8
	Events uint8
}
