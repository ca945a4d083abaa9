package ipmi

import "ringer/capture/wire"

// A command is what is known of one: its name, what it does to the controller, and the form of its data.
type command struct {
	name   string
	effect wire.Effect
	asks   func() Body // nil: Data
	says   func() Body
}

// The first byte of the data of commands of the group Group says whose they are (table 5-1).
const (
	PICMGGroup = 0x00
	VITAGroup  = 0x03
	DCMIGroup  = 0xdc
)

// commands lists them by group and number.
var commands = map[NetFn]map[uint8]command{
	Chassis: {
		0x00: {name: "get chassis capabilities", effect: wire.Read, says: func() Body { return &GetChassisCapabilitiesReply{} }},
		0x01: {name: "get chassis status", effect: wire.Read, says: func() Body { return &GetChassisStatusReply{} }},
		0x02: {name: "chassis control", effect: wire.Control, asks: func() Body { return &ChassisControl{} }},
		0x04: {name: "chassis identify", effect: wire.Control, asks: func() Body { return &ChassisIdentify{} }},
		0x05: {name: "set chassis capabilities", effect: wire.Write},
		0x06: {name: "set power restore policy", effect: wire.Write, asks: func() Body { return &SetPowerRestorePolicy{} }, says: func() Body { return &SetPowerRestorePolicyReply{} }},
		0x07: {name: "get system restart cause", effect: wire.Read, says: func() Body { return &GetSystemRestartCauseReply{} }},
		0x08: {name: "set system boot options", effect: wire.Write, asks: func() Body { return &SetBootOptions{} }},
		0x09: {name: "get system boot options", effect: wire.Read, asks: func() Body { return &GetBootOptions{} }, says: func() Body { return &GetBootOptionsReply{} }},
		0x0a: {name: "set front panel button enables", effect: wire.Write, asks: func() Body { return &SetFrontPanelEnables{} }},
		0x0f: {name: "get POH counter", effect: wire.Read, says: func() Body { return &GetPOHCounterReply{} }},
	},
	Sensor: {
		0x02: {name: "platform event", effect: wire.Write},
		0x10: {name: "get PEF capabilities", effect: wire.Read, says: func() Body { return &GetPEFCapabilitiesReply{} }},
		0x12: {name: "set PEF configuration parameters", effect: wire.Write, asks: func() Body { return &SetPEFConfig{} }},
		0x13: {name: "get PEF configuration parameters", effect: wire.Read, asks: func() Body { return &GetPEFConfig{} }, says: func() Body { return &GetPEFConfigReply{} }},
		0x14: {name: "set last processed event id", effect: wire.Write},
		0x15: {name: "get last processed event id", effect: wire.Read, says: func() Body { return &GetLastProcessedEventReply{} }},
		0x20: {name: "get device SDR info", effect: wire.Read, asks: func() Body { return &GetDeviceSDRInfo{} }, says: func() Body { return &GetDeviceSDRInfoReply{} }},
		0x21: {name: "get device SDR", effect: wire.Read, asks: func() Body { return &GetDeviceSDR{} }, says: func() Body { return &GetDeviceSDRReply{} }},
		0x22: {name: "reserve device SDR repository", effect: wire.Read, says: func() Body { return &ReserveDeviceSDRReply{} }},
		0x23: {name: "get sensor reading factors", effect: wire.Read, asks: func() Body { return &GetSensorFactors{} }, says: func() Body { return &GetSensorFactorsReply{} }},
		0x24: {name: "set sensor hysteresis", effect: wire.Write},
		0x25: {name: "get sensor hysteresis", effect: wire.Read, asks: func() Body { return &GetSensorHysteresis{} }, says: func() Body { return &GetSensorHysteresisReply{} }},
		0x26: {name: "set sensor thresholds", effect: wire.Write, asks: func() Body { return &SetSensorThresholds{} }},
		0x27: {name: "get sensor thresholds", effect: wire.Read, asks: func() Body { return &GetSensorThresholds{} }, says: func() Body { return &GetSensorThresholdsReply{} }},
		0x28: {name: "set sensor event enable", effect: wire.Write},
		0x29: {name: "get sensor event enable", effect: wire.Read, asks: func() Body { return &GetSensorEventEnable{} }, says: func() Body { return &GetSensorEventEnableReply{} }},
		0x2a: {name: "re-arm sensor events", effect: wire.Control},
		0x2b: {name: "get sensor event status", effect: wire.Read, asks: func() Body { return &GetSensorEventStatus{} }, says: func() Body { return &GetSensorEventStatusReply{} }},
		0x2d: {name: "get sensor reading", effect: wire.Read, asks: func() Body { return &GetSensorReading{} }, says: func() Body { return &GetSensorReadingReply{} }},
		0x2e: {name: "set sensor type", effect: wire.Write},
		0x2f: {name: "get sensor type", effect: wire.Read, asks: func() Body { return &GetSensorType{} }, says: func() Body { return &GetSensorTypeReply{} }},
		0x30: {name: "set sensor reading", effect: wire.Write},
	},
	App: {
		0x01: {name: "get device id", effect: wire.Read, says: func() Body { return &GetDeviceIDReply{} }},
		0x02: {name: "cold reset", effect: wire.Control},
		0x03: {name: "warm reset", effect: wire.Control},
		0x04: {name: "get self test results", effect: wire.Read, says: func() Body { return &GetSelfTestResultsReply{} }},
		0x07: {name: "get ACPI power state", effect: wire.Read, says: func() Body { return &GetACPIPowerStateReply{} }},
		0x08: {name: "get device GUID", effect: wire.Read, says: func() Body { return &GetDeviceGUIDReply{} }},
		0x22: {name: "reset watchdog timer", effect: wire.Control},
		0x24: {name: "set watchdog timer", effect: wire.Write, asks: func() Body { return &SetWatchdog{} }},
		0x25: {name: "get watchdog timer", effect: wire.Read, says: func() Body { return &GetWatchdogReply{} }},
		0x2e: {name: "set BMC global enables", effect: wire.Write, asks: func() Body { return &SetBMCGlobalEnables{} }},
		0x2f: {name: "get BMC global enables", effect: wire.Read, says: func() Body { return &GetBMCGlobalEnablesReply{} }},
		0x31: {name: "get message flags", effect: wire.Read, says: func() Body { return &GetMessageFlagsReply{} }},
		0x34: {name: "send message", effect: wire.Control},
		0x37: {name: "get system GUID", effect: wire.Read, says: func() Body { return &GetSystemGUIDReply{} }},
		0x38: {name: "get channel authentication capabilities", effect: wire.Read, asks: func() Body { return &GetAuthCapabilities{} }, says: func() Body { return &GetAuthCapabilitiesReply{} }},
		0x39: {name: "get session challenge", effect: wire.Read, asks: func() Body { return &GetSessionChallenge{} }, says: func() Body { return &GetSessionChallengeReply{} }},
		0x3a: {name: "activate session", effect: wire.Read, asks: func() Body { return &ActivateSession{} }, says: func() Body { return &ActivateSessionReply{} }},
		0x3b: {name: "set session privilege level", effect: wire.Read, asks: func() Body { return &SetSessionPrivilege{} }, says: func() Body { return &SetSessionPrivilegeReply{} }},
		0x3c: {name: "close session", effect: wire.Read, asks: func() Body { return &CloseSession{} }},
		0x3d: {name: "get session info", effect: wire.Read, asks: func() Body { return &GetSessionInfo{} }, says: func() Body { return &GetSessionInfoReply{} }},
		0x40: {name: "set channel access", effect: wire.Write, asks: func() Body { return &SetChannelAccess{} }},
		0x41: {name: "get channel access", effect: wire.Read, asks: func() Body { return &GetChannelAccess{} }, says: func() Body { return &GetChannelAccessReply{} }},
		0x42: {name: "get channel info", effect: wire.Read, asks: func() Body { return &GetChannelInfo{} }, says: func() Body { return &GetChannelInfoReply{} }},
		0x43: {name: "set user access", effect: wire.Write, asks: func() Body { return &SetUserAccess{} }},
		0x44: {name: "get user access", effect: wire.Read, asks: func() Body { return &GetUserAccess{} }, says: func() Body { return &GetUserAccessReply{} }},
		0x45: {name: "set user name", effect: wire.Write, asks: func() Body { return &SetUserName{} }},
		0x46: {name: "get user name", effect: wire.Read, asks: func() Body { return &GetUserName{} }, says: func() Body { return &GetUserNameReply{} }},
		0x47: {name: "set user password", effect: wire.Write, asks: func() Body { return &SetUserPassword{} }},
		0x48: {name: "activate payload", effect: wire.Control, asks: func() Body { return &ActivatePayload{} }, says: func() Body { return &ActivatePayloadReply{} }},
		0x49: {name: "deactivate payload", effect: wire.Control, asks: func() Body { return &DeactivatePayload{} }},
		0x4a: {name: "get payload activation status", effect: wire.Read, asks: func() Body { return &GetPayloadStatus{} }, says: func() Body { return &GetPayloadStatusReply{} }},
		0x4b: {name: "get payload instance info", effect: wire.Read, asks: func() Body { return &GetPayloadInstance{} }, says: func() Body { return &GetPayloadInstanceReply{} }},
		0x4c: {name: "set user payload access", effect: wire.Write, asks: func() Body { return &SetUserPayloadAccess{} }},
		0x4d: {name: "get user payload access", effect: wire.Read, asks: func() Body { return &GetUserPayloadAccess{} }, says: func() Body { return &GetUserPayloadAccessReply{} }},
		0x4e: {name: "get channel payload support", effect: wire.Read, asks: func() Body { return &GetPayloadSupport{} }, says: func() Body { return &GetPayloadSupportReply{} }},
		0x4f: {name: "get channel payload version", effect: wire.Read, asks: func() Body { return &GetPayloadVersion{} }, says: func() Body { return &GetPayloadVersionReply{} }},
		0x54: {name: "get channel cipher suites", effect: wire.Read, asks: func() Body { return &GetCipherSuites{} }, says: func() Body { return &GetCipherSuitesReply{} }},
		0x57: {name: "set system info parameters", effect: wire.Write, asks: func() Body { return &SetSystemInfo{} }},
		0x59: {name: "get system info parameters", effect: wire.Read, asks: func() Body { return &GetSystemInfo{} }, says: func() Body { return &GetSystemInfoReply{} }},
	},
	Storage: {
		0x10: {name: "get FRU inventory area info", effect: wire.Read, asks: func() Body { return &GetFRUInfo{} }, says: func() Body { return &GetFRUInfoReply{} }},
		0x11: {name: "read FRU data", effect: wire.Read, asks: func() Body { return &ReadFRU{} }, says: func() Body { return &ReadFRUReply{} }},
		0x12: {name: "write FRU data", effect: wire.Write, asks: func() Body { return &WriteFRU{} }, says: func() Body { return &WriteFRUReply{} }},
		0x20: {name: "get SDR repository info", effect: wire.Read, says: func() Body { return &GetSDRInfoReply{} }},
		0x21: {name: "get SDR repository allocation info", effect: wire.Read, says: func() Body { return &GetSDRAllocationReply{} }},
		0x22: {name: "reserve SDR repository", effect: wire.Read, says: func() Body { return &ReserveSDRReply{} }},
		0x23: {name: "get SDR", effect: wire.Read, asks: func() Body { return &GetSDR{} }, says: func() Body { return &GetSDRReply{} }},
		0x24: {name: "add SDR", effect: wire.Write},
		0x25: {name: "partial add SDR", effect: wire.Write},
		0x26: {name: "delete SDR", effect: wire.Control},
		0x27: {name: "clear SDR repository", effect: wire.Control},
		0x28: {name: "get SDR repository time", effect: wire.Read, says: func() Body { return &GetSDRTimeReply{} }},
		0x29: {name: "set SDR repository time", effect: wire.Write},
		0x40: {name: "get SEL info", effect: wire.Read, says: func() Body { return &GetSELInfoReply{} }},
		0x41: {name: "get SEL allocation info", effect: wire.Read, says: func() Body { return &GetSELAllocationReply{} }},
		0x42: {name: "reserve SEL", effect: wire.Read, says: func() Body { return &ReserveSELReply{} }},
		0x43: {name: "get SEL entry", effect: wire.Read, asks: func() Body { return &GetSELEntry{} }, says: func() Body { return &GetSELEntryReply{} }},
		0x44: {name: "add SEL entry", effect: wire.Write, asks: func() Body { return &AddSELEntry{} }, says: func() Body { return &AddSELEntryReply{} }},
		0x46: {name: "delete SEL entry", effect: wire.Control, asks: func() Body { return &DeleteSELEntry{} }, says: func() Body { return &DeleteSELEntryReply{} }},
		0x47: {name: "clear SEL", effect: wire.Control, asks: func() Body { return &ClearSEL{} }, says: func() Body { return &ClearSELReply{} }},
		0x48: {name: "get SEL time", effect: wire.Read, says: func() Body { return &GetSELTimeReply{} }},
		0x49: {name: "set SEL time", effect: wire.Write, asks: func() Body { return &SetSELTime{} }},
		0x5c: {name: "get SEL time UTC offset", effect: wire.Read, says: func() Body { return &GetSELTimeOffsetReply{} }},
	},
	Transport: {
		0x01: {name: "set LAN configuration parameters", effect: wire.Write, asks: func() Body { return &SetLANConfig{} }},
		0x02: {name: "get LAN configuration parameters", effect: wire.Read, asks: func() Body { return &GetLANConfig{} }, says: func() Body { return &GetLANConfigReply{} }},
		0x03: {name: "suspend BMC ARPs", effect: wire.Write},
		0x04: {name: "get IP/UDP/RMCP statistics", effect: wire.Read, asks: func() Body { return &GetIPStatistics{} }, says: func() Body { return &GetIPStatisticsReply{} }},
		0x21: {name: "set SOL configuration parameters", effect: wire.Write, asks: func() Body { return &SetSOLConfig{} }},
		0x22: {name: "get SOL configuration parameters", effect: wire.Read, asks: func() Body { return &GetSOLConfig{} }, says: func() Body { return &GetSOLConfigReply{} }},
	},
}

// groups lists those of the group Group, by whose they are and number.
var groups = map[uint8]map[uint8]command{
	PICMGGroup: {0x00: {name: "get PICMG properties", effect: wire.Read}},
	VITAGroup:  {0x3e: {name: "get VSO capabilities", effect: wire.Read}},
	DCMIGroup:  dcmi,
}

var dcmi = map[uint8]command{
	0x01: {name: "get DCMI capabilities", effect: wire.Read, asks: func() Body { return &GetDCMICapabilities{} }, says: func() Body { return &GetDCMICapabilitiesReply{} }},
	0x02: {name: "get power reading", effect: wire.Read, asks: func() Body { return &GetPowerReading{} }, says: func() Body { return &GetPowerReadingReply{} }},
	0x03: {name: "get power limit", effect: wire.Read, asks: func() Body { return &GetPowerLimit{} }, says: func() Body { return &GetPowerLimitReply{} }},
	0x04: {name: "set power limit", effect: wire.Write},
	0x05: {name: "activate or deactivate power limit", effect: wire.Write},
	0x06: {name: "get asset tag", effect: wire.Read, asks: func() Body { return &GetAssetTag{} }, says: func() Body { return &GetAssetTagReply{} }},
	0x07: {name: "get DCMI sensor info", effect: wire.Read, asks: func() Body { return &GetDCMISensorInfo{} }, says: func() Body { return &GetDCMISensorInfoReply{} }},
	0x08: {name: "set asset tag", effect: wire.Write},
	0x09: {name: "get management controller id string", effect: wire.Read, asks: func() Body { return &GetControllerID{} }, says: func() Body { return &GetControllerIDReply{} }},
	0x0a: {name: "set management controller id string", effect: wire.Write},
	0x0b: {name: "set thermal limit", effect: wire.Write},
	0x0c: {name: "get thermal limit", effect: wire.Read, asks: func() Body { return &GetThermalLimit{} }, says: func() Body { return &GetThermalLimitReply{} }},
	0x10: {name: "get temperature readings", effect: wire.Read, asks: func() Body { return &GetTemperatures{} }, says: func() Body { return &GetTemperaturesReply{} }},
	0x12: {name: "set DCMI configuration parameters", effect: wire.Write},
	0x13: {name: "get DCMI configuration parameters", effect: wire.Read, asks: func() Body { return &GetDCMIConfig{} }, says: func() Body { return &GetDCMIConfigReply{} }},
}
