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

func (m *GetDeviceIDReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSelfTestResultsReply is the answer to get self test results (section 20.4).
type GetSelfTestResultsReply struct {
	Result uint8
	Detail uint8
}

func (m *GetSelfTestResultsReply) append(b []byte) []byte { return appendFields(b, m) }

// GetACPIPowerStateReply is the answer to get ACPI power state (section 20.7).
type GetACPIPowerStateReply struct {
	System uint8
	Device uint8
}

func (m *GetACPIPowerStateReply) append(b []byte) []byte { return appendFields(b, m) }

// GetDeviceGUIDReply is the answer to get device GUID (section 20.8).
type GetDeviceGUIDReply struct {
	GUID [16]byte
}

func (m *GetDeviceGUIDReply) append(b []byte) []byte { return appendFields(b, m) }

// SetWatchdog is the data of set watchdog timer (section 27.6).
type SetWatchdog struct {
	Use        uint8
	Actions    uint8
	PreTimeout uint8
	Expired    uint8
	Countdown  uint16
}

func (m *SetWatchdog) append(b []byte) []byte { return appendFields(b, m) }

// GetWatchdogReply is the answer to get watchdog timer (section 27.7).
type GetWatchdogReply struct {
	Use        uint8
	Actions    uint8
	PreTimeout uint8
	Expired    uint8
	Countdown  uint16
	Present    uint16
}

func (m *GetWatchdogReply) append(b []byte) []byte { return appendFields(b, m) }

// SetBMCGlobalEnables is the data of set BMC global enables (section 22.1).
type SetBMCGlobalEnables struct {
	Enables uint8
}

func (m *SetBMCGlobalEnables) append(b []byte) []byte { return appendFields(b, m) }

// GetBMCGlobalEnablesReply is the answer to get BMC global enables (section 22.2).
type GetBMCGlobalEnablesReply struct {
	Enables uint8
}

func (m *GetBMCGlobalEnablesReply) append(b []byte) []byte { return appendFields(b, m) }

// GetMessageFlagsReply is the answer to get message flags (section 22.4).
type GetMessageFlagsReply struct {
	Flags uint8
}

func (m *GetMessageFlagsReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSystemGUIDReply is the answer to get system GUID (section 22.14).
type GetSystemGUIDReply struct {
	GUID [16]byte
}

func (m *GetSystemGUIDReply) append(b []byte) []byte { return appendFields(b, m) }

// GetAuthCapabilities is the data of get channel authentication capabilities (section 22.13).
type GetAuthCapabilities struct {
	Channel   uint8
	Privilege uint8
}

func (m *GetAuthCapabilities) append(b []byte) []byte { return appendFields(b, m) }

// GetAuthCapabilitiesReply is the answer to get channel authentication capabilities (section 22.13).
type GetAuthCapabilitiesReply struct {
	Channel  uint8
	Types    uint8
	Status   uint8
	Extended uint8
	OEM      [3]byte
	OEMData  uint8
}

func (m *GetAuthCapabilitiesReply) append(b []byte) []byte { return appendFields(b, m) }

// GetSessionChallenge is the data of get session challenge (section 22.16).
type GetSessionChallenge struct {
	Format uint8
	User   [16]byte
}

func (m *GetSessionChallenge) append(b []byte) []byte { return appendFields(b, m) }

// GetSessionChallengeReply is the answer to get session challenge (section 22.16).
type GetSessionChallengeReply struct {
	ID        uint32   `wire:"minted"`
	Challenge [16]byte `wire:"minted"`
}

func (m *GetSessionChallengeReply) append(b []byte) []byte { return appendFields(b, m) }

// ActivateSession is the data of activate session (section 22.17).
type ActivateSession struct {
	Format    uint8
	Privilege uint8
	Challenge [16]byte `wire:"echo"`
	Sequence  uint32   `wire:"minted"`
}

func (m *ActivateSession) append(b []byte) []byte { return appendFields(b, m) }

// ActivateSessionReply is the answer to activate session (section 22.17).
type ActivateSessionReply struct {
	Format    uint8
	ID        uint32 `wire:"minted"`
	Sequence  uint32 `wire:"minted"`
	Privilege uint8
}

func (m *ActivateSessionReply) append(b []byte) []byte { return appendFields(b, m) }

// SetSessionPrivilege is the data of set session privilege level (section 22.18).
type SetSessionPrivilege struct {
	Privilege uint8
}

func (m *SetSessionPrivilege) append(b []byte) []byte { return appendFields(b, m) }

// SetSessionPrivilegeReply is the answer to set session privilege level (section 22.18).
type SetSessionPrivilegeReply struct {
	Privilege uint8
}

func (m *SetSessionPrivilegeReply) append(b []byte) []byte { return appendFields(b, m) }

// CloseSession is the data of close session (section 22.19).
type CloseSession struct {
	ID   uint32 `wire:"echo"`
	Rest []byte
}

func (m *CloseSession) append(b []byte) []byte { return appendFields(b, m) }

// GetSessionInfo is the data of get session info (section 22.20).
type GetSessionInfo struct {
	Index uint8
	Rest  []byte
}

func (m *GetSessionInfo) append(b []byte) []byte { return appendFields(b, m) }

// GetSessionInfoReply is the answer to get session info (section 22.20).
type GetSessionInfoReply struct {
	Handle   uint8
	Possible uint8
	Active   uint8
	Rest     []byte
}

func (m *GetSessionInfoReply) append(b []byte) []byte { return appendFields(b, m) }

// SetChannelAccess is the data of set channel access (section 22.22).
type SetChannelAccess struct {
	Channel   uint8
	Access    uint8
	Privilege uint8
}

func (m *SetChannelAccess) append(b []byte) []byte { return appendFields(b, m) }

// GetChannelAccess is the data of get channel access (section 22.23).
type GetChannelAccess struct {
	Channel uint8
	Which   uint8
}

func (m *GetChannelAccess) append(b []byte) []byte { return appendFields(b, m) }

// GetChannelAccessReply is the answer to get channel access (section 22.23).
type GetChannelAccessReply struct {
	Access    uint8
	Privilege uint8
}

func (m *GetChannelAccessReply) append(b []byte) []byte { return appendFields(b, m) }

// GetChannelInfo is the data of get channel info (section 22.24).
type GetChannelInfo struct {
	Channel uint8
}

func (m *GetChannelInfo) append(b []byte) []byte { return appendFields(b, m) }

// GetChannelInfoReply is the answer to get channel info (section 22.24).
type GetChannelInfoReply struct {
	Channel   uint8
	Medium    uint8
	Protocol  uint8
	Sessions  uint8
	Vendor    [3]byte
	Auxiliary uint16
}

func (m *GetChannelInfoReply) append(b []byte) []byte { return appendFields(b, m) }

// SetUserAccess is the data of set user access (section 22.26).
type SetUserAccess struct {
	Channel uint8
	User    uint8
	Limit   uint8
	Rest    []byte
}

func (m *SetUserAccess) append(b []byte) []byte { return appendFields(b, m) }

// GetUserAccess is the data of get user access (section 22.27).
type GetUserAccess struct {
	Channel uint8
	User    uint8
}

func (m *GetUserAccess) append(b []byte) []byte { return appendFields(b, m) }

// GetUserAccessReply is the answer to get user access (section 22.27).
type GetUserAccessReply struct {
	Most    uint8
	Enabled uint8
	Fixed   uint8
	Access  uint8
}

func (m *GetUserAccessReply) append(b []byte) []byte { return appendFields(b, m) }

// SetUserName is the data of set user name (section 22.28).
type SetUserName struct {
	User uint8
	Name [16]byte
}

func (m *SetUserName) append(b []byte) []byte { return appendFields(b, m) }

// GetUserName is the data of get user name (section 22.29).
type GetUserName struct {
	User uint8
}

func (m *GetUserName) append(b []byte) []byte { return appendFields(b, m) }

// GetUserNameReply is the answer to get user name (section 22.29).
type GetUserNameReply struct {
	Name [16]byte
}

func (m *GetUserNameReply) append(b []byte) []byte { return appendFields(b, m) }

// SetUserPassword is the data of set user password (section 22.30).
type SetUserPassword struct {
	User      uint8
	Operation uint8
	Password  []byte
}

func (m *SetUserPassword) append(b []byte) []byte { return appendFields(b, m) }

// ActivatePayload is the data of activate payload (section 24.1).
type ActivatePayload struct {
	Type     uint8
	Instance uint8
	Options  [4]byte
}

func (m *ActivatePayload) append(b []byte) []byte { return appendFields(b, m) }

// ActivatePayloadReply is the answer to activate payload (section 24.1).
type ActivatePayloadReply struct {
	Options  [4]byte
	Inbound  uint16
	Outbound uint16
	Port     uint16
	VLAN     uint16
}

func (m *ActivatePayloadReply) append(b []byte) []byte { return appendFields(b, m) }

// DeactivatePayload is the data of deactivate payload (section 24.2).
type DeactivatePayload struct {
	Type     uint8
	Instance uint8
	Options  [4]byte
}

func (m *DeactivatePayload) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadStatus is the data of get payload activation status (section 24.4).
type GetPayloadStatus struct {
	Type uint8
}

func (m *GetPayloadStatus) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadStatusReply is the answer to get payload activation status (section 24.4).
type GetPayloadStatusReply struct {
	Capacity uint8
	Active   uint16
}

func (m *GetPayloadStatusReply) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadInstance is the data of get payload instance info (section 24.5).
type GetPayloadInstance struct {
	Type     uint8
	Instance uint8
}

func (m *GetPayloadInstance) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadInstanceReply is the answer to get payload instance info (section 24.5).
type GetPayloadInstanceReply struct {
	ID   uint32 `wire:"minted"`
	Info [8]byte
}

func (m *GetPayloadInstanceReply) append(b []byte) []byte { return appendFields(b, m) }

// SetUserPayloadAccess is the data of set user payload access (section 24.6).
type SetUserPayloadAccess struct {
	Channel uint8
	User    uint8
	Enables [4]byte
}

func (m *SetUserPayloadAccess) append(b []byte) []byte { return appendFields(b, m) }

// GetUserPayloadAccess is the data of get user payload access (section 24.7).
type GetUserPayloadAccess struct {
	Channel uint8
	User    uint8
}

func (m *GetUserPayloadAccess) append(b []byte) []byte { return appendFields(b, m) }

// GetUserPayloadAccessReply is the answer to get user payload access (section 24.7).
type GetUserPayloadAccessReply struct {
	Enables [4]byte
}

func (m *GetUserPayloadAccessReply) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadSupport is the data of get channel payload support (section 24.8).
type GetPayloadSupport struct {
	Channel uint8
}

func (m *GetPayloadSupport) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadSupportReply is the answer to get channel payload support (section 24.8).
type GetPayloadSupportReply struct {
	Types uint32
	OEM   uint32
}

func (m *GetPayloadSupportReply) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadVersion is the data of get channel payload version (section 24.9).
type GetPayloadVersion struct {
	Channel uint8
	Type    uint8
}

func (m *GetPayloadVersion) append(b []byte) []byte { return appendFields(b, m) }

// GetPayloadVersionReply is the answer to get channel payload version (section 24.9).
type GetPayloadVersionReply struct {
	Version uint8
}

func (m *GetPayloadVersionReply) append(b []byte) []byte { return appendFields(b, m) }

// GetCipherSuites is the data of get channel cipher suites (section 22.15).
type GetCipherSuites struct {
	Channel uint8
	Payload uint8
	Index   uint8
}

func (m *GetCipherSuites) append(b []byte) []byte { return appendFields(b, m) }

// GetCipherSuitesReply is the answer to get channel cipher suites (section 22.15).
type GetCipherSuitesReply struct {
	Channel uint8
	Records []byte
}

func (m *GetCipherSuitesReply) append(b []byte) []byte { return appendFields(b, m) }

// SetSystemInfo is the data of set system info parameters (section 22.14a).
type SetSystemInfo struct {
	Parameter uint8
	Value     []byte
}

func (m *SetSystemInfo) append(b []byte) []byte { return appendFields(b, m) }

// GetSystemInfo is the data of get system info parameters (section 22.14b).
type GetSystemInfo struct {
	Get       uint8
	Parameter uint8
	Set       uint8
	Block     uint8
}

func (m *GetSystemInfo) append(b []byte) []byte { return appendFields(b, m) }

// GetSystemInfoReply is the answer to get system info parameters (section 22.14b).
type GetSystemInfoReply struct {
	Revision uint8
	Value    []byte
}

func (m *GetSystemInfoReply) append(b []byte) []byte { return appendFields(b, m) }
