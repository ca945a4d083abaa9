package ipmi

// This file has the commands of the group App: the controller itself, sessions, users, channels and payloads (sections 20 to 24).

// GetDeviceIDReply is the answer to get device id (section 20.1).
type GetDeviceIDReply struct {
	Device         uint8
	DeviceRevision uint8
	Firmware       uint8
	FirmwareMinor  uint8
	Version        uint8
	Support        uint8
	Manufacturer   [3]byte
	Product        uint16
	Rest           []byte
}

// GetSelfTestResultsReply is the answer to get self test results (section 20.4).
type GetSelfTestResultsReply struct {
	Result uint8
	Detail uint8
}

// GetACPIPowerStateReply is the answer to get ACPI power state (section 20.7).
type GetACPIPowerStateReply struct {
	System uint8
	Device uint8
}

// GetDeviceGUIDReply is the answer to get device GUID (section 20.8).
type GetDeviceGUIDReply struct {
	GUID [16]byte
}

// SetWatchdog is the data of set watchdog timer (section 27.6).
type SetWatchdog struct {
	Use        uint8
	Actions    uint8
	PreTimeout uint8
	Expired    uint8
	Countdown  uint16
}

// GetWatchdogReply is the answer to get watchdog timer (section 27.7).
type GetWatchdogReply struct {
	Use        uint8
	Actions    uint8
	PreTimeout uint8
	Expired    uint8
	Countdown  uint16
	Present    uint16
}

// SetBMCGlobalEnables is the data of set BMC global enables (section 22.1).
type SetBMCGlobalEnables struct {
	Enables uint8
}

// GetBMCGlobalEnablesReply is the answer to get BMC global enables (section 22.2).
type GetBMCGlobalEnablesReply struct {
	Enables uint8
}

// GetMessageFlagsReply is the answer to get message flags (section 22.4).
type GetMessageFlagsReply struct {
	Flags uint8
}

// GetSystemGUIDReply is the answer to get system GUID (section 22.14).
type GetSystemGUIDReply struct {
	GUID [16]byte
}

// GetAuthCapabilities is the data of get channel authentication capabilities (section 22.13).
type GetAuthCapabilities struct {
	Channel   uint8
	Privilege uint8
}

// GetAuthCapabilitiesReply is the answer to get channel authentication capabilities (section 22.13).
type GetAuthCapabilitiesReply struct {
	Channel  uint8
	Types    uint8
	Status   uint8
	Extended uint8
	OEM      [3]byte
	OEMData  uint8
}

// GetSessionChallenge is the data of get session challenge (section 22.16).
type GetSessionChallenge struct {
	Format uint8
	User   [16]byte
}

// GetSessionChallengeReply is the answer to get session challenge (section 22.16).
type GetSessionChallengeReply struct {
	ID        uint32   `wire:"minted"`
	Challenge [16]byte `wire:"minted"`
}

// ActivateSession is the data of activate session (section 22.17).
type ActivateSession struct {
	Format    uint8
	Privilege uint8
	Challenge [16]byte `wire:"echo"`
	Sequence  uint32   `wire:"minted"`
}

// ActivateSessionReply is the answer to activate session (section 22.17).
type ActivateSessionReply struct {
	Format    uint8
	ID        uint32 `wire:"minted"`
	Sequence  uint32 `wire:"minted"`
	Privilege uint8
}

// SetSessionPrivilege is the data of set session privilege level (section 22.18).
type SetSessionPrivilege struct {
	Privilege uint8
}

// SetSessionPrivilegeReply is the answer to set session privilege level (section 22.18).
type SetSessionPrivilegeReply struct {
	Privilege uint8
}

// CloseSession is the data of close session (section 22.19).
type CloseSession struct {
	ID   uint32 `wire:"minted"` // the controller's name for the session
	Rest []byte
}

// GetSessionInfo is the data of get session info (section 22.20).
type GetSessionInfo struct {
	Index uint8
	Rest  []byte
}

// GetSessionInfoReply is the answer to get session info (section 22.20).
type GetSessionInfoReply struct {
	Handle   uint8
	Possible uint8
	Active   uint8
	Rest     []byte
}

// SetChannelAccess is the data of set channel access (section 22.22).
type SetChannelAccess struct {
	Channel   uint8
	Access    uint8
	Privilege uint8
}

// GetChannelAccess is the data of get channel access (section 22.23).
type GetChannelAccess struct {
	Channel uint8
	Which   uint8
}

// GetChannelAccessReply is the answer to get channel access (section 22.23).
type GetChannelAccessReply struct {
	Access    uint8
	Privilege uint8
}

// GetChannelInfo is the data of get channel info (section 22.24).
type GetChannelInfo struct {
	Channel uint8
}

// GetChannelInfoReply is the answer to get channel info (section 22.24).
type GetChannelInfoReply struct {
	Channel   uint8
	Medium    uint8
	Protocol  uint8
	Sessions  uint8
	Vendor    [3]byte
	Auxiliary uint16
}

// SetUserAccess is the data of set user access (section 22.26).
type SetUserAccess struct {
	Channel uint8
	User    uint8
	Limit   uint8
	Rest    []byte
}

// GetUserAccess is the data of get user access (section 22.27).
type GetUserAccess struct {
	Channel uint8
	User    uint8
}

// GetUserAccessReply is the answer to get user access (section 22.27).
type GetUserAccessReply struct {
	Most    uint8
	Enabled uint8
	Fixed   uint8
	Access  uint8
}

// SetUserName is the data of set user name (section 22.28).
type SetUserName struct {
	User uint8
	Name [16]byte
}

// GetUserName is the data of get user name (section 22.29).
type GetUserName struct {
	User uint8
}

// GetUserNameReply is the answer to get user name (section 22.29).
type GetUserNameReply struct {
	Name [16]byte
}

// SetUserPassword is the data of set user password (section 22.30).
type SetUserPassword struct {
	User      uint8
	Operation uint8
	Password  []byte
}

// ActivatePayload is the data of activate payload (section 24.1).
type ActivatePayload struct {
	Type     uint8
	Instance uint8
	Options  [4]byte
}

// ActivatePayloadReply is the answer to activate payload (section 24.1).
type ActivatePayloadReply struct {
	Options  [4]byte
	Inbound  uint16
	Outbound uint16
	Port     uint16
	VLAN     uint16
}

// DeactivatePayload is the data of deactivate payload (section 24.2).
type DeactivatePayload struct {
	Type     uint8
	Instance uint8
	Options  [4]byte
}

// GetPayloadStatus is the data of get payload activation status (section 24.4).
type GetPayloadStatus struct {
	Type uint8
}

// GetPayloadStatusReply is the answer to get payload activation status (section 24.4).
type GetPayloadStatusReply struct {
	Capacity uint8
	Active   uint16
}

// GetPayloadInstance is the data of get payload instance info (section 24.5).
type GetPayloadInstance struct {
	Type     uint8
	Instance uint8
}

// GetPayloadInstanceReply is the answer to get payload instance info (section 24.5).
type GetPayloadInstanceReply struct {
	ID   uint32 `wire:"minted"`
	Info [8]byte
}

// SetUserPayloadAccess is the data of set user payload access (section 24.6).
type SetUserPayloadAccess struct {
	Channel uint8
	User    uint8
	Enables [4]byte
}

// GetUserPayloadAccess is the data of get user payload access (section 24.7).
type GetUserPayloadAccess struct {
	Channel uint8
	User    uint8
}

// GetUserPayloadAccessReply is the answer to get user payload access (section 24.7).
type GetUserPayloadAccessReply struct {
	Enables [4]byte
}

// GetPayloadSupport is the data of get channel payload support (section 24.8).
type GetPayloadSupport struct {
	Channel uint8
}

// GetPayloadSupportReply is the answer to get channel payload support (section 24.8).
type GetPayloadSupportReply struct {
	Types uint32
	OEM   uint32
}

// GetPayloadVersion is the data of get channel payload version (section 24.9).
type GetPayloadVersion struct {
	Channel uint8
	Type    uint8
}

// GetPayloadVersionReply is the answer to get channel payload version (section 24.9).
type GetPayloadVersionReply struct {
	Version uint8
}

// GetCipherSuites is the data of get channel cipher suites (section 22.15).
type GetCipherSuites struct {
	Channel uint8
	Payload uint8
	Index   uint8
}

// GetCipherSuitesReply is the answer to get channel cipher suites (section 22.15).
type GetCipherSuitesReply struct {
	Channel uint8
	Records []byte
}

// SetSystemInfo is the data of set system info parameters (section 22.14a).
type SetSystemInfo struct {
	Parameter uint8
	Value     []byte
}

// GetSystemInfo is the data of get system info parameters (section 22.14b).
type GetSystemInfo struct {
	Get       uint8
	Parameter uint8
	Set       uint8
	Block     uint8
}

// GetSystemInfoReply is the answer to get system info parameters (section 22.14b).
type GetSystemInfoReply struct {
	Revision uint8
	Value    []byte
}
