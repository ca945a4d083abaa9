package ipmi

// This file has the commands about LAN and serial over LAN (sections 23 and 26).

// SetLANConfig is the data of set LAN configuration parameters (section 23.1).
type SetLANConfig struct {
	Channel   uint8
	Parameter uint8
	Value     []byte
}

func (m *SetLANConfig) append(b []byte) []byte { return appendFields(b, m) }

// GetLANConfig is the data of get LAN configuration parameters (section 23.2).
type GetLANConfig struct {
	Channel   uint8
	Parameter uint8
	Set       uint8
	Block     uint8
}

func (m *GetLANConfig) append(b []byte) []byte { return appendFields(b, m) }

// GetLANConfigReply is the answer to get LAN configuration parameters (section 23.2).
type GetLANConfigReply struct {
	Revision uint8
	Value    []byte
}

func (m *GetLANConfigReply) append(b []byte) []byte { return appendFields(b, m) }

// GetIPStatistics is the data of get IP/UDP/RMCP statistics (section 23.4).
type GetIPStatistics struct {
	Channel uint8
	Clear   uint8
}

func (m *GetIPStatistics) append(b []byte) []byte { return appendFields(b, m) }

// GetIPStatisticsReply is the answer to get IP/UDP/RMCP statistics (section 23.4).
type GetIPStatisticsReply struct {
	Counters [18]byte `wire:"count"`
}

func (m *GetIPStatisticsReply) append(b []byte) []byte { return appendFields(b, m) }

// SetSOLConfig is the data of set SOL configuration parameters (section 26.2).
type SetSOLConfig struct {
	Channel   uint8
	Parameter uint8
	Value     []byte
}

func (m *SetSOLConfig) append(b []byte) []byte { return appendFields(b, m) }

// GetSOLConfig is the data of get SOL configuration parameters (section 26.3).
type GetSOLConfig struct {
	Channel   uint8
	Parameter uint8
	Set       uint8
	Block     uint8
}

func (m *GetSOLConfig) append(b []byte) []byte { return appendFields(b, m) }

// GetSOLConfigReply is the answer to get SOL configuration parameters (section 26.3).
type GetSOLConfigReply struct {
	Revision uint8
	Value    []byte
}

func (m *GetSOLConfigReply) append(b []byte) []byte { return appendFields(b, m) }
