package ipmi

// This file has the commands about sensors and events (sections 29, 30 and 35).

// GetPEFCapabilitiesReply is the answer to get PEF capabilities (section 30.1).
type GetPEFCapabilitiesReply struct {
	Version uint8
	Actions uint8
	Filters uint8
}

func (m *GetPEFCapabilitiesReply) append(b []byte) []byte { return appendFields(b, m) }

// SetPEFConfig is the data of set PEF configuration parameters (section 30.3).
type SetPEFConfig struct {
	Parameter uint8
	Value     []byte
}

func (m *SetPEFConfig) append(b []byte) []byte { return appendFields(b, m) }

// GetPEFConfig is the data of get PEF configuration parameters (section 30.4).
type GetPEFConfig struct {
	Parameter uint8
	Set       uint8
	Block     uint8
}

func (m *GetPEFConfig) append(b []byte) []byte { return appendFields(b, m) }

// GetPEFConfigReply is the answer to get PEF configuration parameters (section 30.4).
type GetPEFConfigReply struct {
	Revision uint8
	Value    []byte
}

func (m *GetPEFConfigReply) append(b []byte) []byte { return appendFields(b, m) }

// GetLastProcessedEventReply is the answer to get last processed event id (section 30.6).
type GetLastProcessedEventReply struct {
	Time     uint32 `wire:"clock"`
	Last     uint16
	Software uint16
	BMC      uint16
}

func (m *GetLastProcessedEventReply) append(b []byte) []byte { return appendFields(b, m) }

// GetDeviceSDRInfo is the data of get device SDR info (section 35.2).
type GetDeviceSDRInfo struct {
	Rest []byte
}

func (m *GetDeviceSDRInfo) append(b []byte) []byte { return appendFields(b, m) }

// GetDeviceSDRInfoReply is the answer to get device SDR info (section 35.2).
type GetDeviceSDRInfoReply struct {
	Count  uint8
	Flags  uint8
	Change []byte
}

func (m *GetDeviceSDRInfoReply) append(b []byte) []byte { return appendFields(b, m) }

// GetDeviceSDR is the data of get device SDR (section 35.3).
type GetDeviceSDR struct {
	Reservation uint16 `wire:"echo"`
	Record      uint16
	Offset      uint8
	Count       uint8
}

func (m *GetDeviceSDR) append(b []byte) []byte { return appendFields(b, m) }

// GetDeviceSDRReply is the answer to get device SDR (section 35.3).
type GetDeviceSDRReply struct {
	Next uint16
	Data []byte
}

func (m *GetDeviceSDRReply) append(b []byte) []byte { return appendFields(b, m) }

// ReserveDeviceSDRReply is the answer to reserve device SDR repository (section 35.4).
type ReserveDeviceSDRReply struct {
	Reservation uint16 `wire:"minted"`
}

func (m *ReserveDeviceSDRReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorFactors is the data of get sensor reading factors (section 35.5).
type GetSensorFactors struct {
	Sensor  uint8
	Reading uint8
}

func (m *GetSensorFactors) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorFactorsReply is the answer to get sensor reading factors (section 35.5).
type GetSensorFactorsReply struct {
	Next    uint8
	Factors [6]byte
}

func (m *GetSensorFactorsReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorHysteresis is the data of get sensor hysteresis (section 35.7).
type GetSensorHysteresis struct {
	Sensor uint8
	Mask   uint8
}

func (m *GetSensorHysteresis) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorHysteresisReply is the answer to get sensor hysteresis (section 35.7).
type GetSensorHysteresisReply struct {
	Positive uint8
	Negative uint8
}

func (m *GetSensorHysteresisReply) append(b []byte) []byte { return appendFields(b, m) }

// SetSensorThresholds is the data of set sensor thresholds (section 35.8).
type SetSensorThresholds struct {
	Sensor     uint8
	Mask       uint8
	Thresholds [6]byte
}

func (m *SetSensorThresholds) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorThresholds is the data of get sensor thresholds (section 35.9).
type GetSensorThresholds struct {
	Sensor uint8
}

func (m *GetSensorThresholds) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorThresholdsReply is the answer to get sensor thresholds (section 35.9).
type GetSensorThresholdsReply struct {
	Mask       uint8
	Thresholds [6]byte
}

func (m *GetSensorThresholdsReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorEventEnable is the data of get sensor event enable (section 35.11).
type GetSensorEventEnable struct {
	Sensor uint8
}

func (m *GetSensorEventEnable) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorEventEnableReply is the answer to get sensor event enable (section 35.11).
type GetSensorEventEnableReply struct {
	Flags  uint8
	Events []byte
}

func (m *GetSensorEventEnableReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorEventStatus is the data of get sensor event status (section 35.13).
type GetSensorEventStatus struct {
	Sensor uint8
}

func (m *GetSensorEventStatus) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorEventStatusReply is the answer to get sensor event status (section 35.13).
type GetSensorEventStatusReply struct {
	Flags  uint8
	Events []byte
}

func (m *GetSensorEventStatusReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorReading is the data of get sensor reading (section 35.14).
type GetSensorReading struct {
	Sensor uint8
}

func (m *GetSensorReading) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorReadingReply is the answer to get sensor reading (section 35.14).
type GetSensorReadingReply struct {
	Reading uint8
	Flags   uint8
	States  []byte
}

func (m *GetSensorReadingReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorType is the data of get sensor type (section 35.16).
type GetSensorType struct {
	Sensor uint8
}

func (m *GetSensorType) append(b []byte) []byte { return appendFields(b, m) }

// GetSensorTypeReply is the answer to get sensor type (section 35.16).
type GetSensorTypeReply struct {
	Type   uint8
	Events uint8
}

func (m *GetSensorTypeReply) append(b []byte) []byte { return appendFields(b, m) }
