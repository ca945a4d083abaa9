package ipmi

// This file has the commands of the group Chassis (section 28).

// GetChassisCapabilitiesReply is the answer to get chassis capabilities (section 28.1).
type GetChassisCapabilitiesReply struct {
	Flags  uint8
	FRU    uint8
	SDR    uint8
	SEL    uint8
	System uint8
	Rest   []byte
}

// GetChassisStatusReply is the answer to get chassis status (section 28.2).
type GetChassisStatusReply struct {
	Power     uint8
	LastEvent uint8
	State     uint8
	Rest      []byte
}

// ChassisControl is the data of chassis control (section 28.3).
type ChassisControl struct {
	Control uint8
}

// ChassisIdentify is the data of chassis identify (section 28.5).
type ChassisIdentify struct {
	Rest []byte
}

// SetPowerRestorePolicy is the data of set power restore policy (section 28.8).
type SetPowerRestorePolicy struct {
	Policy uint8
}

// SetPowerRestorePolicyReply is the answer to set power restore policy (section 28.8).
type SetPowerRestorePolicyReply struct {
	Supported uint8
}

// GetSystemRestartCauseReply is the answer to get system restart cause (section 28.11).
type GetSystemRestartCauseReply struct {
	Cause   uint8
	Channel uint8
}

// SetBootOptions is the data of set system boot options (section 28.12).
type SetBootOptions struct {
	Parameter uint8
	Value     []byte
}

// GetBootOptions is the data of get system boot options (section 28.13).
type GetBootOptions struct {
	Parameter uint8
	Set       uint8
	Block     uint8
}

// GetBootOptionsReply is the answer to get system boot options (section 28.13).
type GetBootOptionsReply struct {
	Version   uint8
	Parameter uint8
	Value     []byte
}

// SetFrontPanelEnables is the data of set front panel button enables (section 28.6).
type SetFrontPanelEnables struct {
	Enables uint8
}

// GetPOHCounterReply is the answer to get POH counter (section 28.14).
type GetPOHCounterReply struct {
	Minutes uint8
	Counter uint32 `wire:"clock"`
}
