package ipmi

// This file has the commands about LAN and serial over LAN (sections 23 and 26).

// SetLANConfig is the data of set LAN configuration parameters (section 23.1).
type SetLANConfig struct {
	Channel   uint8
	Parameter uint8
	Value     []byte
}

// GetLANConfig is the data of get LAN configuration parameters (section 23.2).
type GetLANConfig struct {
	Channel   uint8
	Parameter uint8
	Set       uint8
	Block     uint8
}

// GetLANConfigReply is the answer to get LAN configuration parameters (section 23.2).
type GetLANConfigReply struct {
	Revision uint8
	Value    []byte
}

// GetIPStatistics is the data of get IP/UDP/RMCP statistics (section 23.4).
type GetIPStatistics struct {
	Channel uint8
	Clear   uint8
}

// GetIPStatisticsReply is the answer to get IP/UDP/RMCP statistics (section 23.4).
type GetIPStatisticsReply struct {
	Counters [18]byte `wire:"count"`
}

// SetSOLConfig is the data of set SOL configuration parameters (section 26.2).
type SetSOLConfig struct {
	Channel   uint8
	Parameter uint8
	Value     []byte
}

// GetSOLConfig is the data of get SOL configuration parameters (section 26.3).
type GetSOLConfig struct {
	Channel   uint8
	Parameter uint8
	Set       uint8
	Block     uint8
}

// GetSOLConfigReply is the answer to get SOL configuration parameters (section 26.3).
type GetSOLConfigReply struct {
	Revision uint8
	Value    []byte
}
