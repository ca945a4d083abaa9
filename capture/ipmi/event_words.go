package ipmi

// sensorTypes are the types of sensors, by their codes (table 42-3), in the spelling of Redfish's LogEntry.
var sensorTypes = [...]string{
	0x01: "Temperature", 0x02: "Voltage", 0x03: "Current", 0x04: "Fan", 0x05: "Physical Chassis Security",
	0x06: "Platform Security Violation Attempt", 0x07: "Processor", 0x08: "Power Supply / Converter", 0x09: "PowerUnit",
	0x0a: "CoolingDevice", 0x0b: "Other Units-based Sensor", 0x0c: "Memory", 0x0d: "Drive Slot/Bay", 0x0e: "POST Memory Resize",
	0x0f: "System Firmware Progress", 0x10: "Event Logging Disabled", 0x11: "Watchdog", 0x12: "System Event",
	0x13: "Critical Interrupt", 0x14: "Button/Switch", 0x15: "Module/Board", 0x16: "Microcontroller/Coprocessor",
	0x17: "Add-in Card", 0x18: "Chassis", 0x19: "ChipSet", 0x1a: "Other FRU", 0x1b: "Cable/Interconnect", 0x1c: "Terminator",
	0x1d: "SystemBoot/Restart", 0x1e: "Boot Error", 0x1f: "BaseOSBoot/InstallationStatus", 0x20: "OS Stop/Shutdown",
	0x21: "Slot/Connector", 0x22: "System ACPI PowerState", 0x23: "Watchdog", 0x24: "Platform Alert", 0x25: "Entity Presence",
	0x26: "Monitor ASIC/IC", 0x27: "LAN", 0x28: "Management Subsystem Health", 0x29: "Battery", 0x2a: "Session Audit",
	0x2b: "Version Change", 0x2c: "FRUState",
}

// The codes of types that controllers make events of themselves.
const (
	SensorSecurity = 0x06
	SensorPower    = 0x09
	SensorLogging  = 0x10
	SensorBoot     = 0x1d
	SensorACPI     = 0x22
	SensorAudit    = 0x2a
)

// genericEvents are the events that are the same whatever the sensor (table 42-2).
var genericEvents = map[uint8][]eventWord{
	0x01: {
		{"Lower Non-critical - going low", Warning}, {"Lower Non-critical - going high", Warning},
		{"Lower Critical - going low", Critical}, {"Lower Critical - going high", Critical},
		{"Lower Non-recoverable - going low", Critical}, {"Lower Non-recoverable - going high", Critical},
		{"Upper Non-critical - going low", Warning}, {"Upper Non-critical - going high", Warning},
		{"Upper Critical - going low", Critical}, {"Upper Critical - going high", Critical},
		{"Upper Non-recoverable - going low", Critical}, {"Upper Non-recoverable - going high", Critical},
	},
	0x02: {{"Transition to Idle", Informational}, {"Transition to Active", Informational}, {"Transition to Busy", Informational}},
	0x03: {{"State Deasserted", Informational}, {"State Asserted", Informational}},
	0x04: {{"Predictive Failure deasserted", Informational}, {"Predictive Failure asserted", Warning}},
	0x05: {{"Limit Not Exceeded", Informational}, {"Limit Exceeded", Warning}},
	0x06: {{"Performance Met", Informational}, {"Performance Lags", Warning}},
	0x07: {
		{"Transition to OK", Informational}, {"Transition to Non-Critical from OK", Warning},
		{"Transition to Critical from less severe", Critical}, {"Transition to Non-recoverable from less severe", Critical},
		{"Transition to Non-Critical from more severe", Warning}, {"Transition to Critical from Non-recoverable", Critical},
		{"Transition to Non-recoverable", Critical}, {"Monitor", Informational}, {"Informational", Informational},
	},
	0x08: {{"Device Removed / Device Absent", Informational}, {"Device Inserted / Device Present", Informational}},
	0x09: {{"Device Disabled", Informational}, {"Device Enabled", Informational}},
	0x0a: {
		{"Transition to Running", Informational}, {"Transition to In Test", Informational}, {"Transition to Power Off", Informational},
		{"Transition to On Line", Informational}, {"Transition to Off Line", Informational}, {"Transition to Off Duty", Informational},
		{"Transition to Degraded", Warning}, {"Transition to Power Save", Informational}, {"Install Error", Warning},
	},
	0x0b: {
		{"Fully Redundant", Informational}, {"Redundancy Lost", Critical}, {"Redundancy Degraded", Warning},
		{"Non-redundant:Sufficient Resources from Redundant", Warning},
		{"Non-redundant:Sufficient Resources from Insufficient Resources", Warning},
		{"Non-redundant:Insufficient Resources", Critical}, {"Redundancy Degraded from Fully Redundant", Warning},
		{"Redundancy Degraded from Non-redundant", Warning},
	},
	0x0c: {{"D0 Power State", Informational}, {"D1 Power State", Informational}, {"D2 Power State", Informational}, {"D3 Power State", Informational}},
}

// sensorEvents are the events that types of sensors have of their own (table 42-3).
var sensorEvents = map[uint8][]eventWord{
	0x05: {
		{"General Chassis Intrusion", Critical}, {"Drive Bay Intrusion", Critical}, {"I/O Card Area Intrusion", Critical},
		{"Processor Area Intrusion", Critical}, {"LAN Leash Lost", Warning}, {"Unauthorized Dock", Warning}, {"Fan Area Intrusion", Critical},
	},
	0x06: {
		{"Secure Mode Violation Attempt", Warning}, {"Pre-boot Password Violation - user password", Warning},
		{"Pre-boot Password Violation - setup password", Warning}, {"Pre-boot Password Violation - network boot password", Warning},
		{"Other Pre-boot Password Violation", Warning}, {"Out-of-band Access Password Violation", Warning},
	},
	0x07: {
		{"IERR", Critical}, {"Thermal Trip", Critical}, {"FRB1/BIST Failure", Critical}, {"FRB2/Hang in POST Failure", Critical},
		{"FRB3/Processor Startup Failure", Critical}, {"Configuration Error", Critical}, {"Uncorrectable CPU-complex Error", Critical},
		{"Processor Presence detected", Informational}, {"Processor Disabled", Warning}, {"Terminator Presence detected", Informational},
		{"Processor Automatically Throttled", Warning}, {"Machine Check Exception", Critical}, {"Correctable Machine Check Error", Warning},
	},
	0x08: {
		{"Presence detected", Informational}, {"Failure detected", Critical}, {"Predictive Failure", Warning}, {"Power Supply input lost", Critical},
		{"Power Supply input lost or out-of-range", Critical}, {"Power Supply input out-of-range, but present", Warning},
		{"Configuration Error", Critical}, {"Power Supply Inactive", Informational},
	},
	0x09: {
		{"Power Off / Power Down", Informational}, {"Power Cycle", Informational}, {"240VA Power Down", Critical}, {"Interlock Power Down", Critical},
		{"AC lost", Critical}, {"Soft Power Control Failure", Critical}, {"Power Unit Failure detected", Critical}, {"Predictive Failure", Warning},
	},
	0x0c: {
		{"Correctable ECC", Warning}, {"Uncorrectable ECC", Critical}, {"Parity", Critical}, {"Memory Scrub Failed", Critical},
		{"Memory Device Disabled", Warning}, {"Correctable ECC logging limit reached", Warning}, {"Presence detected", Informational},
		{"Configuration Error", Critical}, {"Spare", Informational}, {"Memory Automatically Throttled", Warning}, {"Critical Overtemperature", Critical},
	},
	0x0d: {
		{"Drive Presence", Informational}, {"Drive Fault", Critical}, {"Predictive Failure", Warning}, {"Hot Spare", Informational},
		{"Consistency Check in progress", Informational}, {"In Critical Array", Critical}, {"In Failed Array", Critical},
		{"Rebuild in progress", Informational}, {"Rebuild Aborted", Warning},
	},
	0x0f: {{"System Firmware Error", Critical}, {"System Firmware Hang", Critical}, {"System Firmware Progress", Informational}},
	0x10: {
		{"Correctable Memory Error Logging Disabled", Warning}, {"Event Type Logging Disabled", Warning}, {"Log Area Reset/Cleared", Informational},
		{"All Event Logging Disabled", Warning}, {"Log Full", Warning}, {"Log Almost Full", Warning},
		{"Correctable Machine Check Error Logging Disabled", Warning},
	},
	0x12: {
		{"System Reconfigured", Informational}, {"OEM System Boot Event", Informational}, {"Undetermined System Hardware Failure", Critical},
		{"Entry added to Auxiliary Log", Informational}, {"PEF Action", Informational}, {"Timestamp Clock Sync", Informational},
	},
	0x13: {
		{"Front Panel NMI / Diagnostic Interrupt", Informational}, {"Bus Timeout", Critical}, {"I/O Channel Check NMI", Critical},
		{"Software NMI", Critical}, {"PCI PERR", Critical}, {"PCI SERR", Critical}, {"EISA Fail Safe Timeout", Critical},
		{"Bus Correctable Error", Warning}, {"Bus Uncorrectable Error", Critical}, {"Fatal NMI", Critical}, {"Bus Fatal Error", Critical},
		{"Bus Degraded", Warning},
	},
	0x14: {
		{"Power Button pressed", Informational}, {"Sleep Button pressed", Informational}, {"Reset Button pressed", Informational},
		{"FRU latch open", Informational}, {"FRU service request button", Informational},
	},
	0x19: {{"Soft Power Control Failure", Critical}, {"Thermal Trip", Critical}},
	0x1d: {
		{"Initiated by power up", Informational}, {"Initiated by hard reset", Informational}, {"Initiated by warm reset", Informational},
		{"User requested PXE boot", Informational}, {"Automatic boot to diagnostic", Informational},
		{"OS / run-time software initiated hard reset", Informational}, {"OS / run-time software initiated warm reset", Informational},
		{"System Restart", Informational},
	},
	0x1e: {
		{"No bootable media", Critical}, {"Non-bootable diskette left in drive", Warning}, {"PXE Server not found", Warning},
		{"Invalid boot sector", Critical}, {"Timeout waiting for selection of boot source", Warning},
	},
	0x1f: {
		{"A: boot completed", Informational}, {"C: boot completed", Informational}, {"PXE boot completed", Informational},
		{"Diagnostic boot completed", Informational}, {"CD-ROM boot completed", Informational}, {"ROM boot completed", Informational},
		{"boot completed - device not specified", Informational},
	},
	0x20: {
		{"Critical stop during OS load", Critical}, {"Run-time Critical Stop", Critical}, {"OS Graceful Stop", Informational},
		{"OS Graceful Shutdown", Informational}, {"Soft Shutdown initiated by PEF", Informational}, {"Agent Not Responding", Warning},
	},
	0x21: {
		{"Fault Status asserted", Critical}, {"Identify Status asserted", Informational}, {"Device installed", Informational},
		{"Ready for Device Installation", Informational}, {"Ready for Device Removal", Informational}, {"Slot Power is Off", Informational},
		{"Device Removal Request", Informational}, {"Interlock asserted", Warning}, {"Slot is Disabled", Warning},
	},
	0x22: {
		{"S0/G0: working", Informational}, {"S1: sleeping, system and processor context kept", Informational},
		{"S2: sleeping, processor context lost", Informational}, {"S3: sleeping, memory kept", Informational},
		{"S4: non-volatile sleep", Informational}, {"S5/G2: soft-off", Informational}, {"S4/S5: soft-off", Informational},
		{"G3: mechanical off", Informational}, {"Sleeping in S1, S2 or S3", Informational}, {"G1: sleeping", Informational},
		{"S5 entered by override", Informational}, {"Legacy ON state", Informational}, {"Legacy OFF state", Informational},
	},
	0x23: {
		{"Timer expired", Warning}, {"Hard Reset", Critical}, {"Power Down", Critical}, {"Power Cycle", Critical},
		{}, {}, {}, {}, {"Timer interrupt", Informational},
	},
	0x25: {{"Present", Informational}, {"Absent", Informational}, {"Disabled", Informational}},
	0x28: {
		{"Sensor access degraded or unavailable", Warning}, {"Controller access degraded or unavailable", Warning},
		{"Controller off-line", Critical}, {"Controller unavailable", Critical}, {"Sensor failure", Warning}, {"FRU failure", Critical},
	},
	0x29: {{"Low", Warning}, {"Failed", Critical}, {"Presence detected", Informational}},
	0x2a: {
		{"Session Activated", Informational}, {"Session Deactivated", Informational}, {"Invalid Username or Password", Warning},
		{"Invalid Password Disable", Warning},
	},
	0x2b: {
		{"Hardware change detected", Informational}, {"Firmware or software change detected", Informational},
		{"Hardware incompatibility detected", Critical}, {"Firmware or software incompatibility detected", Critical},
		{"Unsupported hardware version", Critical}, {"Unsupported firmware or software version", Critical},
		{"Hardware change was successful", Informational}, {"Firmware or software change was successful", Informational},
	},
	0x2c: {
		{"Not Installed", Informational}, {"Inactive", Informational}, {"Activation Requested", Informational},
		{"Activation in progress", Informational}, {"Active", Informational}, {"Deactivation Requested", Informational},
		{"Deactivation in progress", Informational}, {"Communication lost", Critical},
	},
}
