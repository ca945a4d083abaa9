package ipmi

// This file has the commands of the Data Center Manageability Interface, a group of its own.

// GetDCMICapabilities is the data of get DCMI capabilities (section 6.1.1).
type GetDCMICapabilities struct {
	Group     uint8
	Parameter uint8
}

// GetDCMICapabilitiesReply is the answer to get DCMI capabilities (section 6.1.1).
type GetDCMICapabilitiesReply struct {
	Group    uint8
	Major    uint8
	Minor    uint8
	Revision uint8
	Value    []byte
}

// GetPowerReading is the data of get power reading (section 6.6.1).
type GetPowerReading struct {
	Group      uint8
	Mode       uint8
	Attributes uint8
	Reserved   uint8
}

// GetPowerReadingReply is the answer to get power reading (section 6.6.1).
type GetPowerReadingReply struct {
	Group   uint8
	Watts   uint16
	Least   uint16
	Most    uint16
	Average uint16
	Time    uint32 `wire:"clock"`
	Period  uint32
	State   uint8
}

// GetPowerLimit is the data of get power limit (section 6.6.2).
type GetPowerLimit struct {
	Group    uint8
	Reserved uint16
}

// GetPowerLimitReply is the answer to get power limit (section 6.6.2).
type GetPowerLimitReply struct {
	Group      uint8
	Reserved   uint16
	Action     uint8
	Watts      uint16
	Correction uint32
	Unused     uint16
	Period     uint16
}

// SetPowerLimit is the data of set power limit (section 6.6.3).
type SetPowerLimit struct {
	Group      uint8
	Reserved   [3]byte
	Action     uint8
	Watts      uint16
	Correction uint32 // milliseconds
	Unused     uint16
	Period     uint16 // seconds
}

// ActivatePowerLimit is the data of activate or deactivate power limit (section 6.6.4).
type ActivatePowerLimit struct {
	Group    uint8
	Active   uint8
	Reserved uint16
}

// GetAssetTag is the data of get asset tag (section 6.4.2).
type GetAssetTag struct {
	Group  uint8
	Offset uint8
	Count  uint8
}

// GetAssetTagReply is the answer to get asset tag (section 6.4.2).
type GetAssetTagReply struct {
	Group  uint8
	Length uint8
	Text   []byte `show:"text"`
}

// GetDCMISensorInfo is the data of get DCMI sensor info (section 6.5.2).
type GetDCMISensorInfo struct {
	Group    uint8
	Type     uint8
	Entity   uint8
	Instance uint8
	Start    uint8
}

// GetDCMISensorInfoReply is the answer to get DCMI sensor info (section 6.5.2).
type GetDCMISensorInfoReply struct {
	Group     uint8
	Instances uint8
	Records   uint8
	IDs       []byte
}

// GetControllerID is the data of get management controller id string (section 6.4.6.1).
type GetControllerID struct {
	Group  uint8
	Offset uint8
	Count  uint8
}

// GetControllerIDReply is the answer to get management controller id string (section 6.4.6.1).
type GetControllerIDReply struct {
	Group  uint8
	Length uint8
	Text   []byte `show:"text"`
}

// GetThermalLimit is the data of get thermal limit (section 6.7.2).
type GetThermalLimit struct {
	Group    uint8
	Entity   uint8
	Instance uint8
}

// GetThermalLimitReply is the answer to get thermal limit (section 6.7.2).
type GetThermalLimitReply struct {
	Group   uint8
	Actions uint8
	Celsius uint8
	Seconds uint16
}

// GetTemperatures is the data of get temperature readings (section 6.7.3).
type GetTemperatures struct {
	Group    uint8
	Type     uint8
	Entity   uint8
	Instance uint8
	Start    uint8
}

// GetTemperaturesReply is the answer to get temperature readings (section 6.7.3).
type GetTemperaturesReply struct {
	Group     uint8
	Instances uint8
	Count     uint8
	Readings  []byte
}

// GetDCMIConfig is the data of get DCMI configuration parameters (section 6.1.3).
type GetDCMIConfig struct {
	Group     uint8
	Parameter uint8
	Set       uint8
}

// GetDCMIConfigReply is the answer to get DCMI configuration parameters (section 6.1.3).
type GetDCMIConfigReply struct {
	Group    uint8
	Major    uint8
	Minor    uint8
	Revision uint8
	Value    []byte
}
