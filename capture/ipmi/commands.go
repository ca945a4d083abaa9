package ipmi

import "ringer/capture/wire"

// A command is what is known of one: its name, what it does to the controller, and the form of its data.
type command struct {
	name   string
	effect wire.Effect
	asks   func() Body // nil: Data
	says   func() Body
}

// form makes an empty structure of data.
func form[T any]() Body { return new(T) }

// The first byte of the data of commands of the group Group says whose they are (table 5-1).
const (
	PICMGGroup = 0x00
	VITAGroup  = 0x03
	DCMIGroup  = 0xdc
)

// commands lists them by group and number.
var commands = map[NetFn]map[uint8]command{
	Chassis: {
		0x00: {name: "get chassis capabilities", effect: wire.Read, says: form[GetChassisCapabilitiesReply]},
		0x01: {name: "get chassis status", effect: wire.Read, says: form[GetChassisStatusReply]},
		0x02: {name: "chassis control", effect: wire.Control, asks: form[ChassisControl]},
		0x04: {name: "chassis identify", effect: wire.Control, asks: form[ChassisIdentify]},
		0x05: {name: "set chassis capabilities", effect: wire.Write},
		0x06: {name: "set power restore policy", effect: wire.Write, asks: form[SetPowerRestorePolicy], says: form[SetPowerRestorePolicyReply]},
		0x07: {name: "get system restart cause", effect: wire.Read, says: form[GetSystemRestartCauseReply]},
		0x08: {name: "set system boot options", effect: wire.Write, asks: form[SetBootOptions]},
		0x09: {name: "get system boot options", effect: wire.Read, asks: form[GetBootOptions], says: form[GetBootOptionsReply]},
		0x0a: {name: "set front panel button enables", effect: wire.Write, asks: form[SetFrontPanelEnables]},
		0x0f: {name: "get POH counter", effect: wire.Read, says: form[GetPOHCounterReply]},
	},
	Sensor: {
		0x02: {name: "platform event", effect: wire.Write},
		0x10: {name: "get PEF capabilities", effect: wire.Read, says: form[GetPEFCapabilitiesReply]},
		0x12: {name: "set PEF configuration parameters", effect: wire.Write, asks: form[SetPEFConfig]},
		0x13: {name: "get PEF configuration parameters", effect: wire.Read, asks: form[GetPEFConfig], says: form[GetPEFConfigReply]},
		0x14: {name: "set last processed event id", effect: wire.Write},
		0x15: {name: "get last processed event id", effect: wire.Read, says: form[GetLastProcessedEventReply]},
		0x20: {name: "get device SDR info", effect: wire.Read, asks: form[GetDeviceSDRInfo], says: form[GetDeviceSDRInfoReply]},
		0x21: {name: "get device SDR", effect: wire.Read, asks: form[GetDeviceSDR], says: form[GetDeviceSDRReply]},
		0x22: {name: "reserve device SDR repository", effect: wire.Read, says: form[ReserveDeviceSDRReply]},
		0x23: {name: "get sensor reading factors", effect: wire.Read, asks: form[GetSensorFactors], says: form[GetSensorFactorsReply]},
		0x24: {name: "set sensor hysteresis", effect: wire.Write},
		0x25: {name: "get sensor hysteresis", effect: wire.Read, asks: form[GetSensorHysteresis], says: form[GetSensorHysteresisReply]},
		0x26: {name: "set sensor thresholds", effect: wire.Write, asks: form[SetSensorThresholds]},
		0x27: {name: "get sensor thresholds", effect: wire.Read, asks: form[GetSensorThresholds], says: form[GetSensorThresholdsReply]},
		0x28: {name: "set sensor event enable", effect: wire.Write},
		0x29: {name: "get sensor event enable", effect: wire.Read, asks: form[GetSensorEventEnable], says: form[GetSensorEventEnableReply]},
		0x2a: {name: "re-arm sensor events", effect: wire.Control},
		0x2b: {name: "get sensor event status", effect: wire.Read, asks: form[GetSensorEventStatus], says: form[GetSensorEventStatusReply]},
		0x2d: {name: "get sensor reading", effect: wire.Read, asks: form[GetSensorReading], says: form[GetSensorReadingReply]},
		0x2e: {name: "set sensor type", effect: wire.Write},
		0x2f: {name: "get sensor type", effect: wire.Read, asks: form[GetSensorType], says: form[GetSensorTypeReply]},
		0x30: {name: "set sensor reading", effect: wire.Write},
	},
	App: {
		0x01: {name: "get device id", effect: wire.Read, says: form[GetDeviceIDReply]},
		0x02: {name: "cold reset", effect: wire.Control},
		0x03: {name: "warm reset", effect: wire.Control},
		0x04: {name: "get self test results", effect: wire.Read, says: form[GetSelfTestResultsReply]},
		0x07: {name: "get ACPI power state", effect: wire.Read, says: form[GetACPIPowerStateReply]},
		0x08: {name: "get device GUID", effect: wire.Read, says: form[GetDeviceGUIDReply]},
		0x22: {name: "reset watchdog timer", effect: wire.Control},
		0x24: {name: "set watchdog timer", effect: wire.Write, asks: form[SetWatchdog]},
		0x25: {name: "get watchdog timer", effect: wire.Read, says: form[GetWatchdogReply]},
		0x2e: {name: "set BMC global enables", effect: wire.Write, asks: form[SetBMCGlobalEnables]},
		0x2f: {name: "get BMC global enables", effect: wire.Read, says: form[GetBMCGlobalEnablesReply]},
		0x31: {name: "get message flags", effect: wire.Read, says: form[GetMessageFlagsReply]},
		0x34: {name: "send message", effect: wire.Control},
		0x37: {name: "get system GUID", effect: wire.Read, says: form[GetSystemGUIDReply]},
		0x38: {name: "get channel authentication capabilities", effect: wire.Read, asks: form[GetAuthCapabilities], says: form[GetAuthCapabilitiesReply]},
		0x39: {name: "get session challenge", effect: wire.Read, asks: form[GetSessionChallenge], says: form[GetSessionChallengeReply]},
		0x3a: {name: "activate session", effect: wire.Read, asks: form[ActivateSession], says: form[ActivateSessionReply]},
		0x3b: {name: "set session privilege level", effect: wire.Read, asks: form[SetSessionPrivilege], says: form[SetSessionPrivilegeReply]},
		0x3c: {name: "close session", effect: wire.Read, asks: form[CloseSession]},
		0x3d: {name: "get session info", effect: wire.Read, asks: form[GetSessionInfo], says: form[GetSessionInfoReply]},
		0x40: {name: "set channel access", effect: wire.Write, asks: form[SetChannelAccess]},
		0x41: {name: "get channel access", effect: wire.Read, asks: form[GetChannelAccess], says: form[GetChannelAccessReply]},
		0x42: {name: "get channel info", effect: wire.Read, asks: form[GetChannelInfo], says: form[GetChannelInfoReply]},
		0x43: {name: "set user access", effect: wire.Write, asks: form[SetUserAccess]},
		0x44: {name: "get user access", effect: wire.Read, asks: form[GetUserAccess], says: form[GetUserAccessReply]},
		0x45: {name: "set user name", effect: wire.Write, asks: form[SetUserName]},
		0x46: {name: "get user name", effect: wire.Read, asks: form[GetUserName], says: form[GetUserNameReply]},
		0x47: {name: "set user password", effect: wire.Write, asks: form[SetUserPassword]},
		0x48: {name: "activate payload", effect: wire.Control, asks: form[ActivatePayload], says: form[ActivatePayloadReply]},
		0x49: {name: "deactivate payload", effect: wire.Control, asks: form[DeactivatePayload]},
		0x4a: {name: "get payload activation status", effect: wire.Read, asks: form[GetPayloadStatus], says: form[GetPayloadStatusReply]},
		0x4b: {name: "get payload instance info", effect: wire.Read, asks: form[GetPayloadInstance], says: form[GetPayloadInstanceReply]},
		0x4c: {name: "set user payload access", effect: wire.Write, asks: form[SetUserPayloadAccess]},
		0x4d: {name: "get user payload access", effect: wire.Read, asks: form[GetUserPayloadAccess], says: form[GetUserPayloadAccessReply]},
		0x4e: {name: "get channel payload support", effect: wire.Read, asks: form[GetPayloadSupport], says: form[GetPayloadSupportReply]},
		0x4f: {name: "get channel payload version", effect: wire.Read, asks: form[GetPayloadVersion], says: form[GetPayloadVersionReply]},
		0x54: {name: "get channel cipher suites", effect: wire.Read, asks: form[GetCipherSuites], says: form[GetCipherSuitesReply]},
		0x58: {name: "set system info parameters", effect: wire.Write, asks: form[SetSystemInfo]},
		0x59: {name: "get system info parameters", effect: wire.Read, asks: form[GetSystemInfo], says: form[GetSystemInfoReply]},
	},
	Storage: {
		0x10: {name: "get FRU inventory area info", effect: wire.Read, asks: form[GetFRUInfo], says: form[GetFRUInfoReply]},
		0x11: {name: "read FRU data", effect: wire.Read, asks: form[ReadFRU], says: form[ReadFRUReply]},
		0x12: {name: "write FRU data", effect: wire.Write, asks: form[WriteFRU], says: form[WriteFRUReply]},
		0x20: {name: "get SDR repository info", effect: wire.Read, says: form[GetSDRInfoReply]},
		0x21: {name: "get SDR repository allocation info", effect: wire.Read, says: form[GetSDRAllocationReply]},
		0x22: {name: "reserve SDR repository", effect: wire.Read, says: form[ReserveSDRReply]},
		0x23: {name: "get SDR", effect: wire.Read, asks: form[GetSDR], says: form[GetSDRReply]},
		0x24: {name: "add SDR", effect: wire.Write},
		0x25: {name: "partial add SDR", effect: wire.Write},
		0x26: {name: "delete SDR", effect: wire.Control},
		0x27: {name: "clear SDR repository", effect: wire.Control},
		0x28: {name: "get SDR repository time", effect: wire.Read, says: form[GetSDRTimeReply]},
		0x29: {name: "set SDR repository time", effect: wire.Write},
		0x40: {name: "get SEL info", effect: wire.Read, says: form[GetSELInfoReply]},
		0x41: {name: "get SEL allocation info", effect: wire.Read, says: form[GetSELAllocationReply]},
		0x42: {name: "reserve SEL", effect: wire.Read, says: form[ReserveSELReply]},
		0x43: {name: "get SEL entry", effect: wire.Read, asks: form[GetSELEntry], says: form[GetSELEntryReply]},
		0x44: {name: "add SEL entry", effect: wire.Write, asks: form[AddSELEntry], says: form[AddSELEntryReply]},
		0x46: {name: "delete SEL entry", effect: wire.Control, asks: form[DeleteSELEntry], says: form[DeleteSELEntryReply]},
		0x47: {name: "clear SEL", effect: wire.Control, asks: form[ClearSEL], says: form[ClearSELReply]},
		0x48: {name: "get SEL time", effect: wire.Read, says: form[GetSELTimeReply]},
		0x49: {name: "set SEL time", effect: wire.Write, asks: form[SetSELTime]},
		0x5c: {name: "get SEL time UTC offset", effect: wire.Read, says: form[GetSELTimeOffsetReply]},
	},
	Transport: {
		0x01: {name: "set LAN configuration parameters", effect: wire.Write, asks: form[SetLANConfig]},
		0x02: {name: "get LAN configuration parameters", effect: wire.Read, asks: form[GetLANConfig], says: form[GetLANConfigReply]},
		0x03: {name: "suspend BMC ARPs", effect: wire.Write},
		0x04: {name: "get IP/UDP/RMCP statistics", effect: wire.Read, asks: form[GetIPStatistics], says: form[GetIPStatisticsReply]},
		0x21: {name: "set SOL configuration parameters", effect: wire.Write, asks: form[SetSOLConfig]},
		0x22: {name: "get SOL configuration parameters", effect: wire.Read, asks: form[GetSOLConfig], says: form[GetSOLConfigReply]},
	},
}

// groups lists those of the group Group, by whose they are and number.
var groups = map[uint8]map[uint8]command{
	PICMGGroup: {0x00: {name: "get PICMG properties", effect: wire.Read}},
	VITAGroup:  {0x3e: {name: "get VSO capabilities", effect: wire.Read}},
	DCMIGroup:  dcmi,
}

var dcmi = map[uint8]command{
	0x01: {name: "get DCMI capabilities", effect: wire.Read, asks: form[GetDCMICapabilities], says: form[GetDCMICapabilitiesReply]},
	0x02: {name: "get power reading", effect: wire.Read, asks: form[GetPowerReading], says: form[GetPowerReadingReply]},
	0x03: {name: "get power limit", effect: wire.Read, asks: form[GetPowerLimit], says: form[GetPowerLimitReply]},
	0x04: {name: "set power limit", effect: wire.Write, asks: form[SetPowerLimit]},
	0x05: {name: "activate or deactivate power limit", effect: wire.Write, asks: form[ActivatePowerLimit]},
	0x06: {name: "get asset tag", effect: wire.Read, asks: form[GetAssetTag], says: form[GetAssetTagReply]},
	0x07: {name: "get DCMI sensor info", effect: wire.Read, asks: form[GetDCMISensorInfo], says: form[GetDCMISensorInfoReply]},
	0x08: {name: "set asset tag", effect: wire.Write},
	0x09: {name: "get management controller id string", effect: wire.Read, asks: form[GetControllerID], says: form[GetControllerIDReply]},
	0x0a: {name: "set management controller id string", effect: wire.Write},
	0x0b: {name: "set thermal limit", effect: wire.Write},
	0x0c: {name: "get thermal limit", effect: wire.Read, asks: form[GetThermalLimit], says: form[GetThermalLimitReply]},
	0x10: {name: "get temperature readings", effect: wire.Read, asks: form[GetTemperatures], says: form[GetTemperaturesReply]},
	0x12: {name: "set DCMI configuration parameters", effect: wire.Write},
	0x13: {name: "get DCMI configuration parameters", effect: wire.Read, asks: form[GetDCMIConfig], says: form[GetDCMIConfigReply]},
}
