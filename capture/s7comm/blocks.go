package s7comm

import "ringer/capture/wire"

// Blocks move in three steps each way. The controller is asked for an upload ("start", "upload" until
// nothing is left, "end"); in a download it asks back itself: the client's request is acknowledged, then
// the controller sends jobs for the parts and for the end, which the client answers.

// A Transfer is what the parameters of these jobs begin with, behind the function.
type Transfer struct {
	Status   uint8 // bit 0: more follows, bit 1: an error happened
	Unknown  uint16
	UploadID uint32
}

func readTransfer(r *wire.Reader) Transfer { return Transfer{r.Uint8(), r.Uint16(), r.Uint32()} }

func (t *Transfer) append(b []byte, function uint8) []byte {
	return append(b, function, t.Status, byte(t.Unknown>>8), byte(t.Unknown),
		byte(t.UploadID>>24), byte(t.UploadID>>16), byte(t.UploadID>>8), byte(t.UploadID))
}

func readText(r *wire.Reader) string { return string(r.Bytes(int(r.Uint8()))) }

func appendText(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

// StartUpload asks for a block by its file name: "_" or "$" (passive, linked or not), type, number and
// file system, as in "_0A00001P".
type StartUpload struct {
	Header
	Transfer
	Filename string
}

func (*StartUpload) Class() (string, wire.Effect) { return "start upload", wire.Read }

func (m *StartUpload) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendText(m.Transfer.append(m.begin(b, rosctrJob), FuncStartUpload), m.Filename)
	return m.end(b, start, len(b))
}

// StartUploadReply names the upload and says how long the block is, in decimal digits.
type StartUploadReply struct {
	Header
	Result
	Status   uint8
	Unknown  uint16
	UploadID uint32 `wire:"minted"`
	Length   string
}

func (m *StartUploadReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	t := Transfer{m.Status, m.Unknown, m.UploadID}
	b = appendText(t.append(m.Result.append(m.begin(b, rosctrAckData)), FuncStartUpload), m.Length)
	return m.end(b, start, len(b))
}

// Upload asks for the next part of a block.
type Upload struct {
	Header
	Status   uint8
	Unknown  uint16
	UploadID uint32 `wire:"minted"`
}

func (*Upload) Class() (string, wire.Effect) { return "upload", wire.Read }

func (m *Upload) Append(b []byte) ([]byte, error) {
	start := len(b)
	t := Transfer{m.Status, m.Unknown, m.UploadID}
	b = t.append(m.begin(b, rosctrJob), FuncUpload)
	return m.end(b, start, len(b))
}

// UploadReply has a part of a block. Status 1: more follows.
type UploadReply struct {
	Header
	Result
	Status  uint8
	Unknown uint16 // behind the length of the part
	Part    []byte
}

func (m *UploadReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.Result.append(m.begin(b, rosctrAckData)), FuncUpload, m.Status)
	data, n := len(b), len(m.Part)
	b = append(b, byte(n>>8), byte(n), byte(m.Unknown>>8), byte(m.Unknown))
	return m.end(append(b, m.Part...), start, data)
}

// EndUpload ends an upload.
type EndUpload struct {
	Header
	Status   uint8
	Unknown  uint16
	UploadID uint32 `wire:"minted"`
}

func (*EndUpload) Class() (string, wire.Effect) { return "end upload", wire.Read }

func (m *EndUpload) Append(b []byte) ([]byte, error) {
	start := len(b)
	t := Transfer{m.Status, m.Unknown, m.UploadID}
	b = t.append(m.begin(b, rosctrJob), FuncEndUpload)
	return m.end(b, start, len(b))
}

// RequestDownload announces a block; Lengths is "1" and the sizes in load and work memory in six digits each.
type RequestDownload struct {
	Header
	Transfer
	Filename string
	Lengths  string
}

func (*RequestDownload) Class() (string, wire.Effect) { return "request download", wire.Control }

func (m *RequestDownload) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendText(m.Transfer.append(m.begin(b, rosctrJob), FuncRequestDownload), m.Filename)
	b = appendText(b, m.Lengths)
	return m.end(b, start, len(b))
}

// DownloadBlock is the controller asking for the next part of a block.
type DownloadBlock struct {
	Header
	Transfer
	Filename string
}

func (*DownloadBlock) Class() (string, wire.Effect) { return "download block", wire.Control }

func (m *DownloadBlock) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendText(m.Transfer.append(m.begin(b, rosctrJob), FuncDownloadBlock), m.Filename)
	return m.end(b, start, len(b))
}

// EndDownload is the controller saying that it has the whole block. ErrorCode is 0 if it is content.
type EndDownload struct {
	Header
	Status    uint8
	ErrorCode uint16
	UploadID  uint32
	Filename  string
}

func (*EndDownload) Class() (string, wire.Effect) { return "end download", wire.Control }

func (m *EndDownload) Append(b []byte) ([]byte, error) {
	start := len(b)
	t := Transfer{m.Status, m.ErrorCode, m.UploadID}
	b = appendText(t.append(m.begin(b, rosctrJob), FuncEndDownload), m.Filename)
	return m.end(b, start, len(b))
}

// PLCControl invokes a program invocation service: "P_PROGRAM" starts the CPU, warm, or cold with the
// argument "C "; "_INSE" links blocks, "_DELE" deletes them, "_MODU" copies RAM to ROM, "_GARB" compresses.
type PLCControl struct {
	Header
	Unknown  []byte // seven bytes, the last 0xFD
	Argument []byte
	Service  string
}

func (*PLCControl) Class() (string, wire.Effect) { return "plc control", wire.Control }

const unknownControl = 7

func (m *PLCControl) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(append(m.begin(b, rosctrJob), FuncPLCControl), m.Unknown...)
	b = append(append(b, byte(len(m.Argument)>>8), byte(len(m.Argument))), m.Argument...)
	b = appendText(b, m.Service)
	return m.end(b, start, len(b))
}

// PLCStop stops the CPU; Service is "P_PROGRAM".
type PLCStop struct {
	Header
	Unknown []byte // five bytes
	Service string
}

func (*PLCStop) Class() (string, wire.Effect) { return "plc stop", wire.Control }

const unknownStop = 5

func (m *PLCStop) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(append(m.begin(b, rosctrJob), FuncPLCStop), m.Unknown...)
	b = appendText(b, m.Service)
	return m.end(b, start, len(b))
}

func readBlockJob(h Header, function uint8, r *wire.Reader, data []byte) wire.Message {
	if len(data) > 0 {
		return nil
	}
	switch function {
	case FuncStartUpload:
		return &StartUpload{h, readTransfer(r), readText(r)}
	case FuncUpload:
		return &Upload{h, r.Uint8(), r.Uint16(), r.Uint32()}
	case FuncEndUpload:
		return &EndUpload{h, r.Uint8(), r.Uint16(), r.Uint32()}
	case FuncRequestDownload:
		return &RequestDownload{h, readTransfer(r), readText(r), readText(r)}
	case FuncDownloadBlock:
		return &DownloadBlock{h, readTransfer(r), readText(r)}
	case FuncEndDownload:
		return &EndDownload{h, r.Uint8(), r.Uint16(), r.Uint32(), readText(r)}
	case FuncPLCControl:
		return &PLCControl{h, r.Copy(unknownControl), r.Copy(int(r.Uint16())), readText(r)}
	case FuncPLCStop:
		return &PLCStop{h, r.Copy(unknownStop), readText(r)}
	}
	return nil
}

func readBlockReply(h Header, result Result, function uint8, r *wire.Reader, data []byte) wire.Message {
	switch {
	case function == FuncStartUpload && len(data) == 0 && r.Len() > 0:
		return &StartUploadReply{h, result, r.Uint8(), r.Uint16(), r.Uint32(), readText(r)}
	case function == FuncUpload && r.Len() == 1:
		m := &UploadReply{Header: h, Result: result, Status: r.Uint8()}
		d := wire.NewReader(data)
		n := int(d.Uint16())
		m.Unknown, m.Part = d.Uint16(), filled(d.Bytes(n))
		if d.Err() != nil || d.Len() > 0 {
			return nil
		}
		return m
	}
	return nil
}
