package ipmi

// This file has the commands about the FRU inventory, the SDR repository and the SEL (sections 31, 33 and 34).

// GetFRUInfo is the data of get FRU inventory area info (section 34.1).
type GetFRUInfo struct {
	FRU uint8
}

// GetFRUInfoReply is the answer to get FRU inventory area info (section 34.1).
type GetFRUInfoReply struct {
	Size   uint16
	Access uint8
}

// ReadFRU is the data of read FRU data (section 34.2).
type ReadFRU struct {
	FRU    uint8
	Offset uint16
	Count  uint8
}

// ReadFRUReply is the answer to read FRU data (section 34.2).
type ReadFRUReply struct {
	Count uint8
	Data  []byte
}

// WriteFRU is the data of write FRU data (section 34.3).
type WriteFRU struct {
	FRU    uint8
	Offset uint16
	Data   []byte
}

// WriteFRUReply is the answer to write FRU data (section 34.3).
type WriteFRUReply struct {
	Count uint8
}

// GetSDRInfoReply is the answer to get SDR repository info (section 33.9).
type GetSDRInfoReply struct {
	Version uint8
	Records uint16
	Free    uint16
	Added   uint32 `wire:"clock"`
	Erased  uint32 `wire:"clock"`
	Support uint8
}

// GetSDRAllocationReply is the answer to get SDR repository allocation info (section 33.10).
type GetSDRAllocationReply struct {
	Units   uint16
	Size    uint16
	Free    uint16
	Largest uint16
	Most    uint8
}

// ReserveSDRReply is the answer to reserve SDR repository (section 33.11).
type ReserveSDRReply struct {
	Reservation uint16 `wire:"minted"`
}

// GetSDR is the data of get SDR (section 33.12).
type GetSDR struct {
	Reservation uint16 `wire:"echo"`
	Record      uint16
	Offset      uint8
	Count       uint8
}

// GetSDRReply is the answer to get SDR (section 33.12).
type GetSDRReply struct {
	Next uint16
	Data []byte
}

// GetSDRTimeReply is the answer to get SDR repository time (section 33.17).
type GetSDRTimeReply struct {
	Time uint32 `wire:"clock"`
}

// GetSELInfoReply is the answer to get SEL info (section 31.2).
type GetSELInfoReply struct {
	Version uint8
	Entries uint16
	Free    uint16
	Added   uint32 `wire:"clock"`
	Erased  uint32 `wire:"clock"`
	Support uint8
}

// GetSELAllocationReply is the answer to get SEL allocation info (section 31.3).
type GetSELAllocationReply struct {
	Units   uint16
	Size    uint16
	Free    uint16
	Largest uint16
	Most    uint8
}

// ReserveSELReply is the answer to reserve SEL (section 31.4).
type ReserveSELReply struct {
	Reservation uint16 `wire:"minted"`
}

// GetSELEntry is the data of get SEL entry (section 31.5).
type GetSELEntry struct {
	Reservation uint16 `wire:"echo"`
	Record      uint16
	Offset      uint8
	Count       uint8
}

// GetSELEntryReply is the answer to get SEL entry (section 31.5).
type GetSELEntryReply struct {
	Next uint16
	Data []byte
}

// AddSELEntry is the data of add SEL entry (section 31.6).
type AddSELEntry struct {
	Record [16]byte
}

// AddSELEntryReply is the answer to add SEL entry (section 31.6).
type AddSELEntryReply struct {
	Record uint16
}

// DeleteSELEntry is the data of delete SEL entry (section 31.8).
type DeleteSELEntry struct {
	Reservation uint16 `wire:"echo"`
	Record      uint16
}

// DeleteSELEntryReply is the answer to delete SEL entry (section 31.8).
type DeleteSELEntryReply struct {
	Record uint16
}

// ClearSEL is the data of clear SEL (section 31.9).
type ClearSEL struct {
	Reservation uint16 `wire:"echo"`
	Magic       [3]byte
	Action      uint8
}

// ClearSELReply is the answer to clear SEL (section 31.9).
type ClearSELReply struct {
	Progress uint8
}

// GetSELTimeReply is the answer to get SEL time (section 31.10).
type GetSELTimeReply struct {
	Time uint32 `wire:"clock"`
}

// SetSELTime is the data of set SEL time (section 31.11).
type SetSELTime struct {
	Time uint32
}

// GetSELTimeOffsetReply is the answer to get SEL time UTC offset (section 31.11a).
type GetSELTimeOffsetReply struct {
	Offset uint16
}
